/* SPDX-License-Identifier: MIT */
/* A shared object that is no plugin at all. */
#include <peal/base.h>

PEAL_API extern const int peal_no_plugin;
const int peal_no_plugin = 1;
