/* SPDX-License-Identifier: MIT */
/*
 * Every call that waits (cancel/), cancelled in every way and at every moment: before it begins, while it
 * waits, at the turn at which it succeeds, after it. It returns the right error, nothing is lost or
 * leaked, and its buffer is the caller's; on every backend.
 *
 * A driver counts turns of the shard's loop. At turn `at` it cancels; from turn STEP on it lets the call
 * succeed. Both move against each other from attempt to attempt.
 */
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/cancel/cancel.h"

#define STEP  4  /* the turn from which on the call may succeed */
#define TURNS 12 /* the last at which it is cancelled */
#define NEVER 1000000

/* A try */

enum how { BY_CALL, FROM_AFAR, BY_DEADLINE, BY_OUTER_DEADLINE, BEFORE, HOW_MANY };

static const char *const how_names[HOW_MANY] = { "cancelled", "cancelled from another shard",
	"by its deadline", "by an outer deadline", "in a cancelled scope" };

struct
try {
	const struct call *call;
	enum how how;
	bool member; /* a task of the scope makes the call, not its opener */
	int at;
	struct attempt attempt;
	struct peal_scope scope, inner;
	int64_t result;
	bool open, over;
	atomic_bool cancel_now;
};

static int make_call(void *arg)
{
	struct try *try = arg;

	if (try->how == BY_OUTER_DEADLINE)
		ck_assert_int_eq(peal_scope_open(&try->inner, NULL), 0);
	try->result = try->call->make(&try->attempt);
	try->over = true;
	if (try->how == BY_OUTER_DEADLINE)
		peal_scope_close(&try->inner);
	return 0;
}

static int cancel_from_afar(void *arg)
{
	struct try *try = arg;

	PEAL_SCOPE (shield, .shield = true)
		while (!atomic_load(&try->cancel_now))
			peal_sleep(5 * PEAL_US);
	return peal_scope_cancel(&try->scope);
}

/* A deadline comes some time after the moment at which the call begins. */
static int64_t deadline_of(const struct try *try)
{
	if (try->at == NEVER || (try->how != BY_DEADLINE && try->how != BY_OUTER_DEADLINE))
		return 0;
	return peal_in(try->at * 10 * PEAL_US);
}

static int victim(void *arg)
{
	struct try *try = arg;

	ck_assert_int_eq(
		peal_scope_open(&try->scope, PEAL_SCOPE_OPTS(.deadline = deadline_of(try))), 0);
	try->open = true;
	if (try->how == FROM_AFAR)
		ck_assert_int_eq(peal_scope_spawn(&try->scope, cancel_from_afar, try,
					 PEAL_SPAWN(.place = PEAL_PINNED(1))),
			0);
	if (try->how == BEFORE)
		peal_scope_cancel(&try->scope);
	if (try->member)
		ck_assert_int_eq(peal_scope_spawn(&try->scope, make_call, try, NULL), 0);
	else
		make_call(try);
	peal_scope_close(&try->scope);
	try->open = false;
	return 0;
}

/* The driver, outside of the scope. */
static void drive(struct try *try)
{
	for (int turn = 0; !try->over; turn++) {
		bool helps = try->at == NEVER || try->call->stubborn || turn <= try->at;

		if (turn >= try->at && try->how == BY_CALL && try->open)
			peal_scope_cancel(&try->scope);
		if (turn >= try->at)
			atomic_store(&try->cancel_now, true);
		if (turn >= STEP && helps)
			try->call->step(&try->attempt);
		peal_sleep(0);
	}
	atomic_store(&try->cancel_now, true);
}

static int expected_error(const struct try *try)
{
	return try->how == BY_DEADLINE ? -ETIMEDOUT : -ECANCELED;
}

/* Must it have been cancelled: has nothing helped it before? */
static bool hopeless(const struct try *try)
{
	return try->how == BEFORE ||
		(!try->call->stubborn && try->at > 0 && try->at < STEP && try->how == BY_CALL);
}

static void check(struct try *try)
{
	bool cancelled = !try->call->releases && try->result == expected_error(try);

	if (try->at == NEVER)
		ck_assert_msg(!cancelled, "peal_%s was cancelled by nobody", try->call->name);
	if (!try->call->releases && hopeless(try))
		ck_assert_msg(cancelled, "peal_%s gives %ld where it is %s", try->call->name,
			(long)try->result, how_names[try->how]);
	if (cancelled)
		try->call->cancelled(&try->attempt);
	else
		try->call->succeeded(&try->attempt, try->result);
}

static void run_try(const struct call *call, enum how how, bool member, int at)
{
	struct try *try = calloc(1, sizeof(*try));
	struct peal_task *task;

	ck_assert_ptr_nonnull(try);
	*try = (struct try){ .call = call, .how = how, .member = member, .at = at };
	try->attempt.ours = try->attempt.theirs = try->attempt.listener = -1;
	memset(try->attempt.buf, POISON, BYTES);
	call->begin(&try->attempt);
	ck_assert_int_eq(peal_task_spawn(&task, victim, try, PEAL_SPAWN(.name = call->name)), 0);
	drive(try);
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
	check(try);
	call->end(&try->attempt);
	free(try);
}

static int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Everything that was begun has ended: connections that were served need a moment. */
static void check_leaks(int descriptors)
{
	for (int i = 0; i < 1000; i++) {
		if (open_descriptors() <= descriptors && counter("tasks_live") == 1 &&
			counter("ops_started") == counter("ops_completed"))
			return;
		peal_sleep(PEAL_MS);
	}
	ck_abort_msg("%d descriptors were open and %d are, %d tasks live, %d of %d ops completed",
		descriptors, open_descriptors(), (int)counter("tasks_live"),
		(int)counter("ops_completed"), (int)counter("ops_started"));
}

static int sweep(void *arg)
{
	const struct call *call = arg;
	int descriptors;

	run_try(call, BEFORE, false, 0); /* makes what stays, a thread of the pool, say */
	descriptors = open_descriptors();
	for (int how = 0; how < HOW_MANY; how++)
		for (int at = 0; at <= TURNS; at++)
			run_try(call, (enum how)how, at % 2, at);
	for (int how = 0; !call->in_vain && how < BEFORE; how++)
		run_try(call, (enum how)how, how % 2, NEVER);
	check_leaks(descriptors);
	return 0;
}

static const struct call *call_number(int i)
{
	static const struct call *const tables[] = {
		between_calls,
		io_calls,
		lease_calls,
		net_calls,
		other_calls,
		stream_calls,
		sync_calls,
	};

	for (size_t table = 0; table < sizeof(tables) / sizeof(tables[0]); table++)
		for (const struct call *call = tables[table]; call->name; call++)
			if (i-- == 0)
				return call;
	return NULL;
}

static int count_calls(void)
{
	int n = 0;

	while (call_number(n))
		n++;
	return n;
}

START_TEST(every_call_can_be_cancelled_at_every_moment)
{
	run_on(_i % backend_count, sweep, (void *)call_number(_i / backend_count),
		(struct peal_rt_opts){ 0 });
}
END_TEST

/* The whole runtime is stopped while it waits. */

struct stopped {
	struct peal_post post;
	const struct call *call;
	struct attempt attempt;
	int64_t result;
	atomic_bool begun;
};

static int wait_to_be_stopped(void *arg)
{
	struct stopped *stopped = arg;
	int err;

	stopped->call->begin(&stopped->attempt);
	atomic_store(&stopped->begun, true);
	stopped->result = stopped->call->make(&stopped->attempt);
	/* It stays cancelled. (Accepts end earlier, when the runtime begins to drain.) */
	while (!(err = peal_sleep(PEAL_MS)))
		;
	ck_assert_int_eq(err, -ECANCELED);
	atomic_store(&stopped->attempt.go, true); /* whoever helps it */
	if (stopped->result)
		peal_task_detach(stopped->attempt.task);
	PEAL_SCOPE (shield, .shield = 1)
		stopped->call->end(&stopped->attempt);
	return 0;
}

START_TEST(stopping_the_runtime_cancels_every_call)
{
	const struct call *call = call_number(_i / backend_count);
	struct stopped stopped = { .call = call,
		.attempt = { .ours = -1, .theirs = -1, .listener = -1 } };
	struct peal_rt *rt;

	if (call->releases || call->stubborn || call->brief || call->needs_driver)
		return;
	memset(stopped.attempt.buf, POISON, BYTES);
	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = 2, .backend = backend_names[_i % backend_count],
					 .drain_timeout = 5 * PEAL_MS),
				 NULL),
		0);
	ck_assert_int_eq(peal_rt_spawn(rt, wait_to_be_stopped, &stopped,
				 PEAL_SPAWN(.place = PEAL_PINNED(0))),
		0);
	while (!atomic_load(&stopped.begun))
		usleep(1000);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	if (strncmp(call->name, "serve", 5) != 0)
		ck_assert_int_eq(stopped.result, call->stopped ? call->stopped : -ECANCELED);
}
END_TEST

/* Whoever adds a call to the table adds it here as well. */
START_TEST(every_call_of_the_table_is_tried)
{
	static const char *const names[] = {
#define PEAL_IO(name, code, type, params, args_, fill) #name,
#define PEAL_IO_ALSO                                   PEAL_IO
#include "core/io.tbl"
#undef PEAL_IO_ALSO
#undef PEAL_IO
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		bool found = false;

		for (int n = 0; io_calls[n].name; n++)
			found |= !strcmp(io_calls[n].name, names[i]);
		ck_assert_msg(found, "tests/contract/cancel has no entry for peal_%s", names[i]);
	}
}
END_TEST

/* An entry's name may go on after that of the call. */
static bool is_tried(const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; call_number(i); i++) {
		const char *of_entry = call_number(i)->name;

		if (!strncmp(of_entry, name, length) &&
			(!of_entry[length] || of_entry[length] == ' '))
			return true;
	}
	return false;
}

START_TEST(every_call_that_suspends_is_tried)
{
	check_headers(is_tried);
}
END_TEST

static Suite *cancel_suite(void)
{
	Suite *suite = suite_create("cancel");
	TCase *tcase = tcase_create("calls"), *tables = tcase_create("tables");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tables, every_call_of_the_table_is_tried);
	tcase_add_test(tables, every_call_that_suspends_is_tried);
	suite_add_tcase(suite, tables);
	tcase_add_loop_test(tcase, every_call_can_be_cancelled_at_every_moment, 0,
		count_calls() * backend_count);
	tcase_add_loop_test(
		tcase, stopping_the_runtime_cancels_every_call, 0, count_calls() * backend_count);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(cancel_suite());
}
