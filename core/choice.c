/* SPDX-License-Identifier: MIT */
#include <stddef.h>

#include "core/choice.h"

unsigned int (*peal_choice_hook)(enum peal_choice_kind kind, unsigned int among);
