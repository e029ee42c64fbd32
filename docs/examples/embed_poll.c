/* SPDX-License-Identifier: MIT */
/*
 * A runtime inside a program that has a poll loop of its own: the loop waits for one descriptor more,
 * and calls peal_rt_turn() when that is readable. No threads but this one.
 *
 * Prints:
 *	the fiber has slept
 *	the loop got: hello
 *	the runtime has stopped
 */
#include <peal/peal.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

static int greet(void *arg)
{
	const int *pipe_end = arg;
	int err = peal_sleep(20 * PEAL_MS); /* the loop goes on meanwhile */

	if (err)
		return err;
	printf("the fiber has slept\n");
	return write(*pipe_end, "hello", 5) == 5 ? 0 : -EIO;
}

/* What the program did before: something of its own arrives. */
static void handle(int fd, struct peal_rt *rt)
{
	char buf[16];
	ssize_t n = read(fd, buf, sizeof(buf));

	printf("the loop got: %.*s\n", (int)n, buf);
	peal_rt_drain(rt);
}

static void loop(struct peal_rt *rt, int theirs)
{
	struct pollfd fds[2] = { { peal_rt_fd(rt), POLLIN, 0 }, { theirs, POLLIN, 0 } };

	while (poll(fds, 2, -1) >= 0) {
		if (fds[0].revents && peal_rt_turn(rt, NULL) == -ESHUTDOWN)
			break;
		if (fds[1].revents)
			handle(theirs, rt);
	}
	printf("the runtime has stopped\n");
}

int main(void)
{
	struct peal_reason reason;
	struct peal_rt *rt;
	int ends[2];

	if (pipe(ends))
		return 1;
	if (peal_rt_start(&rt, PEAL_RT(.embedded = true, .shards = 1), &reason)) {
		fprintf(stderr, "no runtime: %s\n", reason.text);
		return 1;
	}
	if (!peal_rt_spawn(rt, greet, &ends[1], NULL))
		loop(rt, ends[0]);
	return peal_rt_stop(rt) < 0;
}
