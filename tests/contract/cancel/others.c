/* SPDX-License-Identifier: MIT */
/* The calls that wait for something else than one descriptor. */
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/cancel/cancel.h"

static void is_zero(struct attempt *attempt, int64_t result)
{
	(void)attempt;
	ck_assert_int_eq(result, 0);
}

/* sleep: for so long that the turns before it is cancelled are over */

static int64_t make_sleep(struct attempt *attempt)
{
	(void)attempt;
	return peal_sleep(3 * PEAL_MS);
}

static int64_t make_sleep_until(struct attempt *attempt)
{
	(void)attempt;
	return peal_sleep_until(peal_in(3 * PEAL_MS));
}

/* interval_wait */

static int64_t make_interval(struct attempt *attempt)
{
	struct peal_interval interval = { 0 };
	int64_t n;

	(void)attempt;
	ck_assert_int_eq(peal_interval_start(&interval, 3 * PEAL_MS, PEAL_MISSED_SKIP), 0);
	n = peal_interval_wait(&interval);
	return n < 0 ? n : 0;
}

/* yield: as often as there are turns; it tells of a cancel at the next one */

static int64_t make_yields(struct attempt *attempt)
{
	int err = 0;

	while (!err && !atomic_load(&attempt->go))
		err = peal_yield();
	return err;
}

static void let_go(struct attempt *attempt)
{
	atomic_store(&attempt->go, true);
}

/* join: the handle stays the caller's after a cancel */

static int run_until_go(void *arg)
{
	struct attempt *attempt = arg;

	while (!atomic_load(&attempt->go))
		peal_sleep(10 * PEAL_US);
	return 42;
}

static void begin_join_at(struct attempt *attempt, unsigned int shard)
{
	ck_assert_int_eq(peal_task_spawn(&attempt->task, run_until_go, attempt,
				 PEAL_SPAWN(.place = PEAL_PINNED(shard))),
		0);
}

static void begin_join_here(struct attempt *attempt)
{
	begin_join_at(attempt, 0);
}

static void begin_join_there(struct attempt *attempt)
{
	begin_join_at(attempt, 1);
}

static int64_t make_join(struct attempt *attempt)
{
	int result = -1, err = peal_task_join(attempt->task, &result);

	ck_assert_int_eq(result, err ? -1 : 42);
	return err;
}

static void join_again(struct attempt *attempt)
{
	let_go(attempt);
	ck_assert_int_eq(make_join(attempt), 0);
}

/* blocking: one that has begun is waited for */

static int block_until_go(void *arg)
{
	struct attempt *attempt = arg;

	atomic_store(&attempt->running, true);
	while (!atomic_load(&attempt->go))
		usleep(10);
	atomic_store(&attempt->running, false);
	return 42;
}

static int64_t make_blocking(struct attempt *attempt)
{
	int result = -1, err = peal_blocking(block_until_go, attempt, &result);

	ck_assert(!atomic_load(&attempt->running));
	ck_assert_int_eq(result, err ? -1 : 42);
	return err;
}

/* op_wait and op_wait_any: several ops, of which one may succeed */

#define OPS 3

struct several {
	struct peal_op ops[OPS];
	int pairs[OPS][2];
	char buf[OPS][BYTES];
};

static void begin_several(struct attempt *attempt)
{
	struct several *several = attempt->more = calloc(1, sizeof(*several));

	ck_assert_ptr_nonnull(several);
	memset(several->buf, POISON, sizeof(several->buf));
	for (int i = 0; i < OPS; i++)
		ck_assert_int_eq(
			socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, several->pairs[i]), 0);
}

static void start_several(struct several *several)
{
	for (int i = 0; i < OPS; i++)
		peal_op_recv(
			&several->ops[i], several->pairs[i][0], several->buf[i], BYTES, 0, NULL);
}

/* The last one's comes first. */
static void send_one_more(struct attempt *attempt)
{
	struct several *several = attempt->more;
	unsigned int i = attempt->steps++;

	if (i < OPS)
		ck_assert_int_eq(send(several->pairs[OPS - 1 - i][1], "x", 1, MSG_NOSIGNAL), 1);
}

/* All or nothing: the first error is the result, and all ops have ended in any case. */
static int64_t make_op_waits(struct attempt *attempt)
{
	struct several *several = attempt->more;
	int64_t result = 0;

	start_several(several);
	for (int i = 0; i < OPS; i++) {
		ssize_t n = peal_op_wait(&several->ops[i]);

		ck_assert_int_eq(n, several->ops[i].result);
		if (n < 0 && !result)
			result = n;
	}
	return result;
}

static int64_t make_op_wait_any(struct attempt *attempt)
{
	struct several *several = attempt->more;
	struct peal_op *ops[OPS];
	int64_t result = 0;
	int i;

	start_several(several);
	for (i = 0; i < OPS; i++)
		ops[i] = &several->ops[i];
	while ((i = peal_op_wait_any(ops, OPS)) >= 0) {
		ops[i] = NULL;
		ck_assert(!peal_op_busy(&several->ops[i]));
		if (several->ops[i].result < 0 && !result)
			result = several->ops[i].result;
	}
	ck_assert_int_eq(i, -EINVAL);
	return result;
}

/* What has come has come, and what has not is not lost. */
static void check_several(struct attempt *attempt)
{
	struct several *several = attempt->more;
	char c;

	while (attempt->steps < OPS)
		send_one_more(attempt);
	peal_sleep(100 * PEAL_US);
	for (int i = 0; i < OPS; i++) {
		bool has = several->ops[i].result == 1;

		ck_assert_int_eq(several->buf[i][0], has ? 'x' : POISON);
		ck_assert_int_eq(several->buf[i][1], POISON);
		ck_assert_int_eq(recv(several->pairs[i][0], &c, 1, MSG_DONTWAIT), has ? -1 : 1);
	}
}

static void all_have_come(struct attempt *attempt, int64_t result)
{
	ck_assert_int_eq(result, 0);
	check_several(attempt);
}

static void end_several(struct attempt *attempt)
{
	struct several *several = attempt->more;

	for (int i = 0; i < OPS; i++) {
		close(several->pairs[i][0]);
		close(several->pairs[i][1]);
	}
	free(several);
}

/* serve: in accept, and with no room for a second connection. It never succeeds. */

static int hold_connection(int fd, void *arg)
{
	struct attempt *attempt = arg;
	int err;

	atomic_store(&attempt->running, true);
	err = run_until_go(attempt);
	peal_close(fd);
	atomic_store(&attempt->running, false);
	return err;
}

static int64_t make_serve(struct attempt *attempt)
{
	return peal_serve(attempt->listener, hold_connection, attempt,
		&(struct peal_serve_opts){ .size = sizeof(struct peal_serve_opts),
			.max_connections = 1,
			.place = PEAL_PINNED(1) });
}

static void begin_full_house(struct attempt *attempt)
{
	make_listener(attempt);
	attempt->theirs = knock(attempt);
}

static void end_serve(struct attempt *attempt)
{
	let_go(attempt);
	/* The connection looks at the attempt; it may not have begun. */
	while (counter("tasks_live") > 1 || atomic_load(&attempt->running))
		peal_sleep(100 * PEAL_US);
	close_all(attempt);
}

/* Leaving a scope waits for its tasks, whatever happens; it tells that they were cancelled, too. */

static int64_t make_scope(struct attempt *attempt)
{
	struct peal_scope scope;
	int err;

	ck_assert_int_eq(peal_scope_open(&scope, NULL), 0);
	peal_scope_spawn(&scope, run_until_go, attempt, PEAL_SPAWN(.place = PEAL_PINNED(1)));
	peal_scope_spawn(&scope, run_until_go, attempt, NULL);
	err = peal_scope_close(&scope);
	ck_assert(atomic_load(&attempt->go));
	return err == -ECANCELED ? 0 : err;
}

static int spawn_into(struct peal_scope *scope, void *arg)
{
	peal_scope_spawn(scope, run_until_go, arg, PEAL_SPAWN(.place = PEAL_PINNED(1)));
	return 0;
}

static int64_t make_scope_run(struct attempt *attempt)
{
	int err = peal_scope_run(spawn_into, attempt, NULL);

	ck_assert(atomic_load(&attempt->go));
	return err == -ECANCELED ? 0 : err;
}

const struct call other_calls[] = {
	{ "sleep", nothing, make_sleep, nothing, is_zero, nothing, nothing, .brief = true },
	{ "sleep_until", nothing, make_sleep_until, nothing, is_zero, nothing, nothing,
		.brief = true },
	{ "interval_wait", nothing, make_interval, nothing, is_zero, nothing, nothing,
		.brief = true },
	{ "yield", nothing, make_yields, let_go, is_zero, nothing, nothing },
	{ "task_join (same shard)", begin_join_here, make_join, let_go, is_zero, join_again,
		nothing },
	{ "task_join (another shard)", begin_join_there, make_join, let_go, is_zero, join_again,
		nothing },
	{ "blocking", nothing, make_blocking, let_go, is_zero, nothing, nothing, .stubborn = true },
	{ "op_wait", begin_several, make_op_waits, send_one_more, all_have_come, check_several,
		end_several },
	{ "op_wait_any", begin_several, make_op_wait_any, send_one_more, all_have_come,
		check_several, end_several },
	{ "serve", make_listener, make_serve, nothing, is_zero, nothing, close_all,
		.in_vain = true },
	{ "serve (full)", begin_full_house, make_serve, nothing, is_zero, nothing, end_serve,
		.in_vain = true },
	{ "scope_run", nothing, make_scope_run, let_go, is_zero, nothing, nothing, .releases = true,
		.stubborn = true },
	{ "scope_close", nothing, make_scope, let_go, is_zero, nothing, nothing, .releases = true,
		.stubborn = true },
	{ 0 },
};
