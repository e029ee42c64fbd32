/* SPDX-License-Identifier: MIT */
/* The right name and the right magic number, but nothing behind it. */
#include <peal/plugin.h>

PEAL_API extern const uint32_t peal_plugin;
const uint32_t peal_plugin = PEAL_PLUGIN_MAGIC;
