/* SPDX-License-Identifier: MIT */
/* What the examples in peal/time.h take for granted. */
#include <peal/time.h>

static struct conn *conn;

void sample(void);
