/* SPDX-License-Identifier: MIT */
/* The first switch to a new context, where it has no code of its own. */
#include "core/fiber/switch.h"

void peal_switch_first(void **from, void *low, size_t size, void (*entry)(void *arg), void *arg)
{
	peal_switch(from, peal_switch_make(low, size, entry, arg));
}
