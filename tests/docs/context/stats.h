/* SPDX-License-Identifier: MIT */
/* What the examples in peal/stats.h take for granted. */
#include <inttypes.h>
#include <stdio.h>

#include <peal/stats.h>

static struct peal_rt *rt;
