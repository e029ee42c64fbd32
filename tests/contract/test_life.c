/* SPDX-License-Identifier: MIT */
/*
 * How runtimes start, drain and stop, what survives a cancel, and that nothing is left behind.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "tests/contract/runtime.h"

static struct peal_rt *start(int backend, unsigned int shards)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt = NULL;
	int err = peal_rt_start(
		&rt, PEAL_RT(.shards = shards, .backend = backend_names[backend]), &reason);

	ck_assert_msg(!err, "%s", reason.text);
	return rt;
}

static int count_up(void *arg)
{
	atomic_fetch_add((atomic_int *)arg, 1);
	return 0;
}

START_TEST(tasks_from_outside_run)
{
	struct peal_rt *rt = start(_i, 3);
	atomic_int runs = 0;

	ck_assert_int_eq(peal_rt_state(rt), PEAL_RT_RUNNING);
	ck_assert_uint_eq(peal_rt_shards(rt), 3);
	ck_assert_str_eq(peal_rt_backend(rt), backend_names[_i]);
	ck_assert(*peal_rt_backend_reason(rt));
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(peal_rt_spawn(rt, count_up, &runs, NULL), 0);
	ck_assert_int_eq(peal_rt_spawn(NULL, count_up, &runs, NULL), -EINVAL);
	/* Stopping waits for what was begun. */
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	ck_assert_int_eq(atomic_load(&runs), 100);
	ck_assert_int_eq(peal_rt_stop(NULL), 0);
}
END_TEST

static int give_back(void *arg)
{
	return (int)(intptr_t)arg;
}

START_TEST(run_returns_what_the_main_task_returns)
{
	const struct peal_rt_opts *opts = PEAL_RT(.shards = 1, .backend = backend_names[_i]);

	ck_assert_int_eq(peal_run(give_back, (void *)5, opts), 5);
	ck_assert_int_eq(peal_run(give_back, (void *)-5, opts), -5);
	ck_assert_int_eq(peal_run(NULL, NULL, opts), -EINVAL);
}
END_TEST

struct logged {
	int lines;
	char last[512];
};

static void keep_last(void *arg, enum peal_log_level level, const char *text)
{
	struct logged *logged = arg;

	if (level != PEAL_LOG_ERROR)
		return;
	logged->lines++;
	snprintf(logged->last, sizeof(logged->last), "%s", text);
}

START_TEST(what_cannot_start_says_why)
{
	struct logged logged = { 0 };
	struct peal_rt *rt = (struct peal_rt *)1;
	struct peal_reason reason = { "" };
	struct {
		struct peal_rt_opts known;
		char newer;
	} longer = { .known = { .size = sizeof(longer) }, .newer = 1 };

	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.backend = "no-such"), &reason), -ENOENT);
	ck_assert_ptr_eq(rt, (struct peal_rt *)1);
	ck_assert_ptr_nonnull(strstr(reason.text, "no-such"));
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.stack_size = 100), &reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "stack_size"));
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.shards = 1000000), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.affinity = 9), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.drain_timeout = -1), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.slice = 999), &reason), -EINVAL);
	ck_assert_str_eq(reason.text, "slice is 999; between 1000 and 100000000");
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.spin = PEAL_MS), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.spin_share = 101), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.steal_batch = 33), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.no_spinning = 2), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.reserved = { 1 }), NULL), -EINVAL);
	ck_assert_int_eq(peal_rt_start(&rt, &longer.known, NULL), -E2BIG);
	ck_assert_int_eq(peal_rt_start(NULL, NULL, NULL), -EINVAL);

	peal_set_log(keep_last, &logged);
	ck_assert_int_eq(peal_run(give_back, NULL, PEAL_RT(.backend = "no-such")), -ENOENT);
	ck_assert_int_eq(logged.lines, 1);
	ck_assert_ptr_nonnull(strstr(logged.last, "no-such"));
}
END_TEST

static int start_another(void *arg)
{
	struct peal_rt *rt;

	ck_assert_int_eq(peal_rt_start(&rt, NULL, NULL), -EDEADLK);
	ck_assert_int_eq(peal_run(give_back, NULL, NULL), -EDEADLK);
	ck_assert_int_eq(peal_rt_stop(peal_rt_current()), -EDEADLK);
	return 0;
}

START_TEST(a_shard_starts_and_stops_no_runtime)
{
	run_on(_i, start_another, NULL, (struct peal_rt_opts){ 0 });
}
END_TEST

START_TEST(several_runtimes_live_beside_each_other)
{
	struct peal_rt *rts[4];
	atomic_int runs = 0;

	for (int i = 0; i < 4; i++)
		rts[i] = start(_i, 2);
	for (int i = 0; i < 400; i++)
		ck_assert_int_eq(peal_rt_spawn(rts[i % 4], count_up, &runs, NULL), 0);
	for (int i = 0; i < 4; i++)
		peal_rt_stop(rts[i]);
	ck_assert_int_eq(atomic_load(&runs), 400);
}
END_TEST

/* What waits is cancelled when the drain has taken too long: in each way a fiber can wait. */

static struct {
	atomic_int sleep, recv, join, accept, later;
} outcome;

static int sleeper(void *arg)
{
	atomic_store(&outcome.sleep, peal_sleep(3600 * PEAL_S));
	/* Cancellation stays: the next wait does not even begin. */
	atomic_store(&outcome.later, peal_sleep(PEAL_S));
	return 0;
}

static int receiver(void *arg)
{
	int *pair = arg;
	char c;

	atomic_store(&outcome.recv, (int)peal_recv(pair[0], &c, 1, 0));
	peal_close(pair[0]);
	return 0;
}

static int joiner(void *arg)
{
	struct peal_task *task;
	int err = peal_task_spawn(&task, sleeper, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1)));

	ck_assert_int_eq(err, 0);
	atomic_store(&outcome.join, peal_task_join(task, NULL));
	peal_task_detach(task);
	return 0;
}

static int acceptor(void *arg)
{
	int listener = peal_tcp_listen("127.0.0.1:0", NULL);

	ck_assert_int_ge(listener, 0);
	atomic_store(&outcome.accept, peal_accept(listener, NULL, NULL, 0));
	peal_close(listener);
	return 0;
}

START_TEST(stopping_cancels_whatever_waits)
{
	struct peal_rt *rt;
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(peal_rt_start(&rt,
				 PEAL_RT(.shards = 2, .backend = backend_names[_i],
					 .drain_timeout = 20 * PEAL_MS),
				 NULL),
		0);
	ck_assert_int_eq(peal_rt_spawn(rt, joiner, NULL, NULL), 0);
	ck_assert_int_eq(peal_rt_spawn(rt, receiver, pair, NULL), 0);
	ck_assert_int_eq(peal_rt_spawn(rt, acceptor, NULL, NULL), 0);
	usleep(20000);
	ck_assert_int_eq(peal_rt_stop(rt), 0);
	close(pair[1]);
	ck_assert_int_eq(outcome.sleep, -ECANCELED);
	ck_assert_int_eq(outcome.later, -ECANCELED);
	ck_assert_int_eq(outcome.recv, -ECANCELED);
	ck_assert_int_eq(outcome.accept, -ECANCELED);
	/* Its sleeper may have been first to end. */
	ck_assert(outcome.join == -ECANCELED || outcome.join == 0);
}
END_TEST

/* Draining ends accepts and the main task at once and lets the rest finish. */
static int finish_in_peace(void *arg)
{
	while (!peal_draining())
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	return 0;
}

static int drain_while_busy(void *arg)
{
	struct peal_task *task, *busy;
	int result;

	ck_assert_int_eq(peal_task_spawn(&task, acceptor, NULL, NULL), 0);
	ck_assert_int_eq(
		peal_task_spawn(&busy, finish_in_peace, NULL, PEAL_SPAWN(.place = PEAL_PINNED(1))),
		0);
	ck_assert_int_eq(peal_sleep(5 * PEAL_MS), 0);
	ck_assert(!peal_draining());
	peal_rt_drain(peal_rt_current());
	peal_rt_drain(peal_rt_current());
	ck_assert(peal_draining());
	ck_assert_int_eq(peal_sleep(PEAL_S), -ECANCELED);
	PEAL_SCOPE (shield, .shield = 1) {
		ck_assert_int_eq(peal_task_join(task, &result), 0);
		ck_assert_int_eq(outcome.accept, -ECANCELED);
		ck_assert_int_eq(peal_task_join(busy, &result), 0);
	}
	return 0;
}

START_TEST(draining_ends_accepts_and_the_main_task)
{
	run_on(_i, drain_while_busy, NULL, (struct peal_rt_opts){ 0 });
}
END_TEST

/* A callback that starts its op again, whatever comes, is stopped with the runtime. */

static struct {
	struct peal_op op;
	int fd, runs;
	char c;
} stubborn;

static void start_again(struct peal_op *op)
{
	stubborn.runs++;
	if (op->result == -ECANCELED && stubborn.runs < 5)
		peal_op_recv(op, stubborn.fd, &stubborn.c, 1, 0, start_again);
}

static int start_stubborn(void *arg)
{
	(void)arg;
	peal_op_recv(&stubborn.op, stubborn.fd, &stubborn.c, 1, 0, start_again);
	return 0;
}

START_TEST(callbacks_that_start_again_end_with_the_runtime)
{
	int pair[2];

	memset(&stubborn, 0, sizeof(stubborn));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	stubborn.fd = pair[0];
	run_on(_i, start_stubborn, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(stubborn.runs, 5);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

/* Posts */

struct note {
	struct peal_post post;
	atomic_int runs;
	int shard;
};

static void on_post(struct peal_post *post)
{
	struct note *note = PEAL_CONTAINER_OF(post, struct note, post);

	note->shard = peal_shard();
	atomic_fetch_add(&note->runs, 1);
}

START_TEST(posts_run_on_their_shard_and_can_be_sent_again)
{
	struct peal_rt *rt = start(_i, 3);
	struct note note = { 0 };

	for (int i = 0; i < 300; i++) {
		ck_assert_int_eq(peal_rt_post(rt, i % 3, &note.post, on_post), 0);
		while (atomic_load(&note.runs) != i + 1)
			;
		ck_assert_int_eq(note.shard, i % 3);
	}
	ck_assert_int_eq(peal_rt_post(rt, 3, &note.post, on_post), -EINVAL);
	ck_assert_int_eq(peal_rt_post(rt, 0, &note.post, NULL), -EINVAL);
	peal_rt_stop(rt);
}
END_TEST

static atomic_int destroyed;

static void destroy(void *value)
{
	atomic_fetch_add(&destroyed, (int)(intptr_t)value);
}

static int set_local(void *arg)
{
	unsigned int key = *(unsigned int *)arg;

	ck_assert_ptr_null(peal_local_get(key));
	ck_assert_int_eq(peal_local_set(key, (void *)(intptr_t)(peal_shard() + 1)), 0);
	return 0;
}

START_TEST(locals_belong_to_their_shard_and_are_destroyed_with_it)
{
	struct peal_rt *rt = start(_i, 3);
	unsigned int key = 99, more;

	ck_assert_int_eq(peal_local_create(rt, &key, destroy), 0);
	ck_assert_ptr_null(peal_local_get(key));
	ck_assert_int_eq(peal_local_set(key, NULL), -EPERM);
	for (int i = 1; i < 64; i++)
		ck_assert_int_eq(peal_local_create(rt, &more, NULL), 0);
	ck_assert_int_eq(peal_local_create(rt, &more, NULL), -ENOSPC);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
			peal_rt_spawn(rt, set_local, &key, PEAL_SPAWN(.place = PEAL_PINNED(i))), 0);
	peal_rt_stop(rt);
	ck_assert_int_eq(atomic_load(&destroyed), 1 + 2 + 3);
}
END_TEST

/* An idle runtime sleeps */

/* Of the runtime's threads: a sanitizer has one of its own, which wakes up now and then. */
static long switches_of(const char *thread)
{
	char path[300], line[200];
	bool ours = false;
	long n = 0;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%s/status", thread);
	status = fopen(path, "r");
	while (status && fgets(line, sizeof(line), status)) {
		ours |= !strncmp(line, "Name:\tpeal/", 11);
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &n) == 1)
			break;
	}
	if (status)
		fclose(status);
	return ours ? n : 0;
}

/* CPU time in ns; 0 where the kernel does not tell. */
static long time_of(const char *thread)
{
	char path[300];
	FILE *file;
	long ns = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", thread);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%ld", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

/* What grows whenever one of the runtime's threads does anything: one that sleeps wakes up for it, one
 * that does not uses time. */
static long activity(void)
{
	struct dirent *entry;
	DIR *dir = opendir("/proc/self/task");
	long sum = 0, switches;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir))) {
		switches = entry->d_name[0] != '.' ? switches_of(entry->d_name) : 0;
		if (switches)
			sum += switches + time_of(entry->d_name);
	}
	closedir(dir);
	ck_assert_int_gt(sum, 0);
	return sum;
}

static int receive_nothing(void *arg)
{
	char c;

	return (int)peal_recv(*(int *)arg, &c, 1, 0);
}

static bool is_quiet(unsigned int milliseconds)
{
	long before = activity();

	usleep(milliseconds * 1000);
	return activity() == before;
}

/*
 * A thousand fibers that wait, on every shard, and no timers: nobody wakes up for five seconds, nor
 * uses any time. However slow the machine: once everybody has gone to sleep there is a quiet stretch.
 */
START_TEST(an_idle_runtime_sleeps)
{
	struct peal_rt *rt = start(_i, 8);
	int pair[2];
	bool quiet = false;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(peal_rt_spawn(rt, receive_nothing, &pair[0],
					 PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)),
			0);
	for (int tries = 0; tries < 50 && !quiet; tries++)
		quiet = is_quiet(300) && is_quiet(5000);
	ck_assert(quiet);
	close(pair[1]);
	peal_rt_stop(rt);
	close(pair[0]);
}
END_TEST

/* A thousand lives */

static int count_entries(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int c, n = 0;

	ck_assert_ptr_nonnull(maps);
	while ((c = getc(maps)) != EOF)
		n += c == '\n';
	fclose(maps);
	return n;
}

static int some_work(void *arg)
{
	atomic_int runs = 0;

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(
			peal_spawn(give_back, &runs, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN)), 0);
	ck_assert_int_eq(peal_blocking(give_back, NULL, NULL), 0);
	return 0;
}

enum { LIVES = 950 };

static void live_and_die(int backend, int times)
{
	for (int i = 0; i < times; i++)
		run_on(backend, some_work, NULL, (struct peal_rt_opts){ .shards = 1 + i % 3 });
}

/* libc and the sanitizers keep some mappings for reuse, a few more now and then: what counts is that it
 * is not one for every life. */
START_TEST(a_thousand_lives_leave_nothing_behind)
{
	int fds, threads, mappings;

	live_and_die(_i, 50);
	fds = count_entries("/proc/self/fd");
	threads = count_entries("/proc/self/task");
	mappings = count_mappings();
	live_and_die(_i, LIVES);
	ck_assert_int_eq(count_entries("/proc/self/fd"), fds);
	ck_assert_int_eq(count_entries("/proc/self/task"), threads);
	ck_assert_int_le(count_mappings(), mappings + LIVES / 4);
}
END_TEST

/* A hundred thousand fibers that wait */

enum { PARKED = 100000 };

static atomic_int woken;

static int park(void *arg)
{
	int err = peal_sleep_until(*(int64_t *)arg);

	atomic_fetch_add(&woken, 1);
	return err;
}

static int park_many(void *arg)
{
	struct peal_task **tasks = calloc(PARKED, sizeof(*tasks));
	int64_t until = peal_in(2 * PEAL_S);
	int result;

	for (int i = 0; i < PARKED; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], park, &until, NULL), 0);
	for (int i = 0; i < PARKED; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, 0);
	}
	free(tasks);
	return 0;
}

START_TEST(a_hundred_thousand_fibers_wait_at_a_time)
{
	if (PEAL_TSAN || peal_on_valgrind())
		peal_skip(
			"ThreadSanitizer and Valgrind cannot hold more than a few thousand fibers");
	run_on(_i, park_many, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(atomic_load(&woken), PARKED);
}
END_TEST

static Suite *life_suite(void)
{
	Suite *suite = suite_create("life");
	TCase *tcase = tcase_create("life");

	tcase_set_timeout(tcase, 120);
	ADD_TASK_TEST(tcase, tasks_from_outside_run);
	ADD_TASK_TEST(tcase, run_returns_what_the_main_task_returns);
	tcase_add_test(tcase, what_cannot_start_says_why);
	ADD_TASK_TEST(tcase, a_shard_starts_and_stops_no_runtime);
	ADD_TASK_TEST(tcase, several_runtimes_live_beside_each_other);
	ADD_TASK_TEST(tcase, stopping_cancels_whatever_waits);
	ADD_TASK_TEST(tcase, draining_ends_accepts_and_the_main_task);
	ADD_TASK_TEST(tcase, callbacks_that_start_again_end_with_the_runtime);
	ADD_TASK_TEST(tcase, posts_run_on_their_shard_and_can_be_sent_again);
	ADD_TASK_TEST(tcase, locals_belong_to_their_shard_and_are_destroyed_with_it);
	ADD_TASK_TEST(tcase, an_idle_runtime_sleeps);
	ADD_TASK_TEST(tcase, a_thousand_lives_leave_nothing_behind);
	ADD_TASK_TEST(tcase, a_hundred_thousand_fibers_wait_at_a_time);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(life_suite());
}
