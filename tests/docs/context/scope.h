/* SPDX-License-Identifier: MIT */
/* What the examples in peal/scope.h take for granted. */
#include <peal/io.h>
#include <peal/scope.h>

struct part {
	int first, last;
};

static struct part part[8];
static struct peal_scope scope;
static struct peal_token *token;
static char buf[64];
static void *arg;
static int n, fd, err;

int branch(void *arg);
int request(struct peal_scope *scope, void *arg);
int work(void *arg);
