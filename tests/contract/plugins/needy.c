/* SPDX-License-Identifier: MIT */
/* A plugin that needs another, and has nothing else: every member that may be left out is. */
#include <peal/plugin.h>

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER("needy", "0.1"),
	.needs = (const char *const[]){ "probe", NULL },
};
