/* SPDX-License-Identifier: MIT */
/* What the examples in peal/hello.h take for granted. */
#include <peal/peal.h>
#include <peal/plugins/hello.h>

static struct peal_reason reason;
static char buf[64];
