/* SPDX-License-Identifier: MIT */
/* What the examples in peal/plugins/signal.h take for granted. */
#include <signal.h>

#include <peal/peal.h>
#include <peal/plugins/signal.h>

static struct peal_reason reason;
static int err;

void reload(void);
