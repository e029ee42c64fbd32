/* SPDX-License-Identifier: MIT */
/*
 * Scopes: ask three servers at once and take the first answer; give up after a while; clean up in peace.
 *
 * Prints:
 *	the first answer came from server 2
 *	nobody answered in time
 *	one reply was late: timed out
 *	said goodbye
 */
#include <peal/peal.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct server {
	int number;
	int64_t latency;
	int *winner;
};

/* What a request would be. A task that is cancelled gets a negative errno from whatever it waits in, and
 * passes it on. */
static int ask(void *arg)
{
	struct server *server = arg;
	int err = peal_sleep(server->latency);

	if (!err && !*server->winner)
		*server->winner = server->number;
	return err;
}

static int ask_all(int64_t patience, int *winner)
{
	struct server servers[3] = {
		{ 1, 300 * PEAL_MS, winner },
		{ 2, 30 * PEAL_MS, winner },
		{ 3, 200 * PEAL_MS, winner },
	};
	int err = 0;

	*winner = 0;
	PEAL_SCOPE (
		scope, .policy = PEAL_FIRST_SUCCESS, .deadline = peal_in(patience), .result = &err)
		for (int i = 0; i < 3; i++)
			peal_scope_spawn(&scope, ask, &servers[i], NULL);
	return err; /* here all three have ended, so what they used may go */
}

static int say_goodbye(struct peal_scope *scope, void *arg)
{
	(void)arg;
	peal_scope_cancel(scope);
	/* From here on nothing waits any more, but for what is shielded. */
	PEAL_SCOPE (shield, .shield = 1, .deadline = peal_in(PEAL_S))
		if (!peal_sleep(PEAL_MS))
			printf("said goodbye\n");
	return 0;
}

static int main_task(void *arg)
{
	int winner, err;

	(void)arg;
	err = ask_all(10 * PEAL_S, &winner);
	if (!err)
		printf("the first answer came from server %d\n", winner);
	err = ask_all(5 * PEAL_MS, &winner);
	if (err == -ETIMEDOUT)
		printf("nobody answered in time\n");
	err = PEAL_WITHIN_GET(5 * PEAL_MS, peal_sleep(PEAL_S));
	if (err == -ETIMEDOUT)
		printf("one reply was late: %s\n",
			peal_expired() ? "timed out" : "its peer gave up");
	err = peal_scope_run(say_goodbye, NULL, NULL);
	return err == -ECANCELED ? 0 : err;
}

int main(void)
{
	return peal_run(main_task, NULL, NULL) < 0;
}
