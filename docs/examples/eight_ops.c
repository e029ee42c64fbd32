/* SPDX-License-Identifier: MIT */
/*
 * Eight operations at once and one fiber, which takes them as they come.
 *
 * Prints:
 *	answer 0
 *	answer 1
 *	answer 2
 *	answer 3
 *	answer 4
 *	answer 5
 *	answer 6
 *	answer 7
 */
#include <peal/peal.h>

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#define PAIRS 8

struct pair {
	int ours, theirs;
	char buf[16];
};

/* Answers in another order than was asked in. */
static int answer(void *arg)
{
	struct pair *pairs = arg;

	for (int i = PAIRS - 1; i >= 0; i--) {
		char text[16];
		int size = snprintf(text, sizeof(text), "answer %d", i) + 1;
		ssize_t n = peal_send_all(pairs[i].theirs, text, (size_t)size, 0);

		if (n < 0)
			return (int)n;
		peal_yield();
	}
	return 0;
}

static int take_all(struct peal_op **waiting)
{
	for (int taken = 0; taken < PAIRS; taken++) {
		int i = peal_op_wait_any(waiting, PAIRS);

		if (i < 0 || waiting[i]->result <= 0)
			return i < 0 ? i : -EPIPE;
		waiting[i] = NULL; /* passed over from now on */
	}
	return 0;
}

static int ask(void *arg)
{
	struct pair *pairs = arg;
	struct peal_op ops[PAIRS] = { 0 }, *waiting[PAIRS];
	int err;

	for (int i = 0; i < PAIRS; i++) {
		waiting[i] = &ops[i];
		/* No callback: somebody will wait for it. */
		peal_op_recv(&ops[i], pairs[i].ours, pairs[i].buf, sizeof(pairs[i].buf), 0, NULL);
	}
	err = peal_spawn(answer, pairs, NULL);
	if (!err)
		err = take_all(waiting);
	/* They lie on our stack: after an error too, none may stay in flight. */
	for (int i = 0; i < PAIRS; i++)
		if (waiting[i]) {
			peal_op_cancel(waiting[i]);
			peal_op_wait(waiting[i]);
		}
	return err;
}

int main(void)
{
	static struct pair pairs[PAIRS];

	for (int i = 0; i < PAIRS; i++) {
		int ends[2];

		if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
			return 1;
		pairs[i].ours = ends[0];
		pairs[i].theirs = ends[1];
	}
	if (peal_run(ask, pairs, NULL) < 0)
		return 1;
	for (int i = 0; i < PAIRS; i++)
		puts(pairs[i].buf);
	return 0;
}
