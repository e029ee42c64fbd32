/* SPDX-License-Identifier: MIT */
/* What somebody might write who did not read plugin.h: the right name, but a function. */
#include <peal/base.h>

PEAL_API int peal_plugin(void);

int peal_plugin(void)
{
	return 0;
}
