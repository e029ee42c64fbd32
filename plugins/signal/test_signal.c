/* SPDX-License-Identifier: MIT */
/* The signal plugin, as an application sees it. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <peal/peal.h>
#include <peal/plugins/signal.h>

#include "tests/check_main.h"

#define USR1 PEAL_SIGNAL_BIT(SIGUSR1)
#define USR2 PEAL_SIGNAL_BIT(SIGUSR2)

static struct peal_reason reason;

static bool is_default(int number)
{
	struct sigaction now;

	ck_assert_int_eq(sigaction(number, NULL, &now), 0);
	return !(now.sa_flags & SA_SIGINFO) && now.sa_handler == SIG_DFL;
}

static void load(void)
{
	int err = peal_plugin_load("signal", NULL, &reason);

	ck_assert_msg(!err, "%d: %s", err, reason.text);
}

static struct peal_signal_stream *stream_of(uint64_t signals, const struct peal_signal_opts *opts)
{
	struct peal_signal_stream *stream;

	ck_assert_int_eq(peal_signal_open(&stream, signals, opts), 0);
	return stream;
}

static struct peal_signal_event next(struct peal_signal_stream *stream)
{
	struct peal_signal_event event;

	ck_assert_int_eq(peal_signal_next(stream, &event), 0);
	return event;
}

static void queue(int number, int value)
{
	ck_assert_int_eq(sigqueue(getpid(), number, (union sigval){ .sival_int = value }), 0);
}

/* What was sent before has reached all streams: they are told in order. */
static void settle(void)
{
	struct peal_signal_stream *stream = stream_of(
		PEAL_SIGNAL_BIT(SIGRTMIN + 9), PEAL_SIGNAL(.while_draining = 1));

	queue(SIGRTMIN + 9, 0);
	next(stream);
	peal_signal_close(stream);
}

static void wait_until_default(int number)
{
	while (!is_default(number))
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
}

static uint64_t counter(const char *name)
{
	struct peal_stats *stats;
	uint64_t value;

	ck_assert_int_eq(peal_stats(&stats, NULL), 0);
	value = (uint64_t)peal_stats_value(stats, name);
	peal_stats_free(stats);
	return value;
}

static void run_with(peal_task_fn *fn, struct peal_rt_opts opts)
{
	opts.size = sizeof(opts);
	opts.shards = 2;
	ck_assert_int_eq(peal_run(fn, NULL, &opts), 0);
	ck_assert(is_default(SIGUSR1) && is_default(SIGUSR2) && is_default(SIGRTMIN + 3));
}

/* The body of a case is the main task of a runtime with two shards; afterwards all is put back. */
#define SIGNAL_TEST(name, ...)                                               \
	static int name##_body(void *arg);                                   \
	START_TEST(name)                                                     \
	{                                                                    \
		run_with(name##_body, (struct peal_rt_opts){ __VA_ARGS__ }); \
	}                                                                    \
	END_TEST                                                             \
	static int name##_body(void *arg)

static int on_shard(unsigned int shard, peal_task_fn *fn, void *arg)
{
	int result = -EPROTO;

	ck_assert_int_eq(peal_call(shard, fn, arg, &result), 0);
	return result;
}

SIGNAL_TEST(a_stream_tells_of_a_signal)
{
	struct peal_signal_stream *stream;
	struct peal_signal_event event;

	load();
	ck_assert(is_default(SIGUSR1));
	stream = stream_of(USR1, NULL);
	ck_assert(!is_default(SIGUSR1) && is_default(SIGUSR2));
	ck_assert_int_eq(peal_signal_try_next(stream, &event), -EAGAIN);
	kill(getpid(), SIGUSR1);
	event = next(stream);
	ck_assert_int_eq(event.number, SIGUSR1);
	ck_assert_int_eq(event.pid, getpid());
	ck_assert_uint_eq(event.uid, getuid());
	ck_assert_uint_eq(event.count, 1);
	peal_signal_close(stream);
	peal_signal_close(NULL);
	wait_until_default(SIGUSR1);
	return 0;
}

static int open_here(void *arg)
{
	struct peal_signal_stream **streams = arg;

	streams[0] = stream_of(USR1, NULL);
	streams[1] = stream_of(USR1 | USR2, NULL);
	return 0;
}

SIGNAL_TEST(all_streams_on_all_shards_are_told)
{
	struct peal_signal_stream *streams[4];

	load();
	ck_assert_int_eq(on_shard(0, open_here, streams), 0);
	ck_assert_int_eq(on_shard(1, open_here, streams + 2), 0);
	for (int i = 0; i < 3; i++) {
		kill(getpid(), SIGUSR1);
		for (int j = 0; j < 4; j++)
			ck_assert_int_eq(next(streams[j]).number, SIGUSR1);
	}
	kill(getpid(), SIGUSR2);
	ck_assert_int_eq(next(streams[1]).number, SIGUSR2);
	ck_assert_int_eq(next(streams[3]).number, SIGUSR2);
	peal_signal_close(streams[0]);
	peal_signal_close(streams[3]);
	kill(getpid(), SIGUSR1);
	ck_assert_int_eq(next(streams[1]).number, SIGUSR1);
	ck_assert_int_eq(next(streams[2]).number, SIGUSR1);
	ck_assert_uint_eq(counter("signal.merged"), 0);
	return 0; /* two are left open */
}

SIGNAL_TEST(ordinary_signals_are_counted)
{
	struct peal_signal_stream *stream;
	struct peal_signal_event event;

	load();
	stream = stream_of(USR1 | USR2, NULL);
	raise(SIGUSR1);
	raise(SIGUSR2);
	for (int i = 0; i < 4; i++)
		raise(SIGUSR1);
	settle();
	event = next(stream);
	ck_assert_int_eq(event.number, SIGUSR1);
	ck_assert_uint_eq(event.count, 5);
	event = next(stream);
	ck_assert_int_eq(event.number, SIGUSR2);
	ck_assert_uint_eq(event.count, 1);
	ck_assert_int_eq(peal_signal_try_next(stream, &event), -EAGAIN);
	raise(SIGUSR1);
	ck_assert_uint_eq(next(stream).count, 1);
	ck_assert_uint_eq(counter("signal.merged"), 4);
	return 0;
}

SIGNAL_TEST(real_time_signals_are_queued)
{
	const int number = SIGRTMIN + 3;
	struct peal_signal_stream *stream;
	struct peal_signal_event event;

	load();
	stream = stream_of(PEAL_SIGNAL_BIT(number) | USR1, PEAL_SIGNAL(.room = 4));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 10; i++)
			queue(number, i);
		raise(SIGUSR1);
		settle();
		/* One has a place of its own, four more have room, and the last of them counts the rest. */
		for (int i = 0; i < 5; i++) {
			event = next(stream);
			ck_assert_int_eq(event.number, number);
			ck_assert_int_eq((int)event.value, i);
			ck_assert_uint_eq(event.count, i < 4 ? 1 : 6);
		}
		ck_assert_int_eq(next(stream).number, SIGUSR1);
		ck_assert_int_eq(peal_signal_try_next(stream, &event), -EAGAIN);
	}
	return 0;
}

struct waiting {
	struct peal_signal_stream *stream;
	struct peal_signal_event event;
};

static int wait_for_one(void *arg)
{
	struct waiting *waiting = arg;

	return peal_signal_next(waiting->stream, &waiting->event);
}

SIGNAL_TEST(waits_end_early_and_lose_nothing)
{
	struct peal_signal_stream *stream;
	struct waiting waiting;
	int err = 0;

	load();
	stream = waiting.stream = stream_of(USR1, NULL);
	err = PEAL_WITHIN_GET(PEAL_MS, peal_signal_next(stream, &waiting.event));
	ck_assert_int_eq(err, -ETIMEDOUT);
	PEAL_SCOPE (scope, .result = &err) {
		peal_scope_spawn(
			&scope, wait_for_one, &waiting, PEAL_SPAWN(.place = PEAL_PINNED(1)));
		peal_yield();
		peal_scope_cancel(&scope);
	}
	ck_assert_int_eq(err, -ECANCELED);
	raise(SIGUSR1);
	ck_assert_int_eq(next(stream).number, SIGUSR1);
	return 0;
}

SIGNAL_TEST(fibers_that_share_a_stream_take_turns)
{
	struct waiting waiting[2];
	struct peal_task *tasks[2];
	int result;

	load();
	waiting[0].stream = waiting[1].stream = stream_of(PEAL_SIGNAL_BIT(SIGRTMIN + 3), NULL);
	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(peal_task_spawn(&tasks[i], wait_for_one, &waiting[i],
					 PEAL_SPAWN(.place = PEAL_PINNED(i))),
			0);
	queue(SIGRTMIN + 3, 1);
	queue(SIGRTMIN + 3, 2);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(peal_task_join(tasks[i], &result), 0);
		ck_assert_int_eq(result, 0);
	}
	ck_assert_int_eq((int)(waiting[0].event.value + waiting[1].event.value), 3);
	return 0;
}

/* When the runtime drains */

static atomic_int heard, opened;

static int hear_until_the_end(void *arg)
{
	struct peal_signal_stream *stream = stream_of(USR1, NULL);
	struct peal_signal_event event;
	int err;

	(void)arg;
	atomic_fetch_add(&opened, 1);
	while (!(err = peal_signal_next(stream, &event)))
		atomic_fetch_add(&heard, 1);
	ck_assert_int_eq(err, -ESHUTDOWN);
	ck_assert_int_eq(peal_signal_next(stream, &event), -ESHUTDOWN);
	ck_assert_int_eq(peal_signal_try_next(stream, &event), -ESHUTDOWN);
	ck_assert_int_eq(peal_signal_open(&stream, USR1, NULL), -ESHUTDOWN);
	peal_signal_close(stream);
	return 0;
}

static int hear_beyond_the_end(void *arg)
{
	struct peal_signal_stream *stream = stream_of(USR2, PEAL_SIGNAL(.while_draining = 1));

	(void)arg;
	atomic_fetch_add(&opened, 1);
	while (!peal_draining())
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	raise(SIGUSR2);
	ck_assert_int_eq(next(stream).number, SIGUSR2);
	peal_signal_close(stream);
	atomic_fetch_add(&heard, 10);
	return 0;
}

static int drain_with_streams(void *arg)
{
	struct peal_signal_stream *stream;

	(void)arg;
	load();
	stream = stream_of(USR1, NULL);
	ck_assert_int_eq(peal_spawn_each(hear_until_the_end, NULL, NULL), 0);
	ck_assert_int_eq(peal_spawn(hear_beyond_the_end, NULL, NULL), 0);
	while (atomic_load(&opened) < 3)
		ck_assert_int_eq(peal_sleep(PEAL_MS), 0);
	raise(SIGUSR1);
	next(stream);
	return 0;
}

/* The timeout would be waited for if a stream went on. */
START_TEST(streams_end_when_the_runtime_drains)
{
	run_with(drain_with_streams, (struct peal_rt_opts){ .drain_timeout = 3600 * PEAL_S });
	ck_assert_int_eq(atomic_load(&heard), 12);
}
END_TEST

SIGNAL_TEST(what_waits_is_told_before_the_end)
{
	struct peal_signal_stream *stream;
	struct peal_signal_event event;

	load();
	stream = stream_of(USR1 | USR2, NULL);
	raise(SIGUSR1);
	raise(SIGUSR2);
	settle();
	peal_rt_drain(peal_rt_current());
	PEAL_SCOPE (shield, .shield = 1) {
		while (!peal_draining())
			peal_sleep(PEAL_MS);
		ck_assert_int_eq(next(stream).number, SIGUSR1);
		ck_assert_int_eq(next(stream).number, SIGUSR2);
		ck_assert_int_eq(peal_signal_next(stream, &event), -ESHUTDOWN);
	}
	return 0;
}

/* Wrong use */

static atomic_int from_callback;

static void open_in_a_callback(struct peal_post *post)
{
	struct peal_signal_stream *stream;

	(void)post;
	atomic_store(&from_callback, peal_signal_open(&stream, USR1, NULL));
}

SIGNAL_TEST(wrong_use_is_refused)
{
	struct {
		struct peal_signal_opts opts;
		uint64_t unknown;
	} newer = { .opts.size = sizeof(newer) };
	struct peal_signal_stream *stream = NULL;
	struct peal_post posts[2] = { { .fn = NULL } };

	ck_assert_int_eq(peal_signal_open(&stream, USR1, NULL), -ENOSYS);
	load();
	ck_assert_int_eq(peal_signal_open(&stream, 0, NULL), -EINVAL);
	ck_assert_int_eq(peal_signal_open(NULL, USR1, NULL), -EINVAL);
	ck_assert_int_eq(peal_signal_open(&stream, PEAL_SIGNAL_BIT(SIGSEGV), NULL), -EINVAL);
	/* It comes before SIGKILL or after it; either way nothing stays behind. */
	ck_assert_int_eq(
		peal_signal_open(&stream, PEAL_SIGNAL_BIT(SIGHUP) | PEAL_SIGNAL_BIT(SIGKILL), NULL),
		-EINVAL);
	ck_assert(is_default(SIGHUP));
	ck_assert_int_eq(peal_signal_open(&stream, USR1, PEAL_SIGNAL(.room = 65537)), -EINVAL);
	ck_assert_int_eq(peal_signal_open(&stream, USR1, PEAL_SIGNAL(.reserved = { 1 })), -E2BIG);
	newer.unknown = 1;
	ck_assert_int_eq(peal_signal_open(&stream, USR1, &newer.opts), -E2BIG);
	newer.opts.size = 8;
	ck_assert_int_eq(peal_signal_open(&stream, USR1, &newer.opts), -EINVAL);
	for (unsigned int i = 0; i < 2; i++) {
		atomic_store(&from_callback, 0);
		peal_rt_post(peal_rt_current(), i, &posts[i], open_in_a_callback);
		while (!atomic_load(&from_callback))
			peal_yield();
		ck_assert_int_eq(atomic_load(&from_callback), -EPERM);
	}
	ck_assert_ptr_null(stream);
	newer.unknown = 0;
	newer.opts.size = sizeof(newer);
	ck_assert_int_eq(peal_signal_open(&stream, USR1, &newer.opts), 0);
	return 0;
}

/* Streams come and go on both shards while another thread sends signals without end. */

static atomic_bool stop_sending;

static void *send_without_end(void *arg)
{
	while (!atomic_load(&stop_sending)) {
		kill(getpid(), SIGUSR1);
		queue(SIGRTMIN + 3, 1);
		usleep(50);
	}
	return arg;
}

static int come_and_go(void *arg)
{
	struct peal_signal_event event;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		struct peal_signal_stream *stream = stream_of(
			USR1 | PEAL_SIGNAL_BIT(SIGRTMIN + 3), PEAL_SIGNAL(.room = 1));

		for (int j = 0; j < i % 4; j++)
			next(stream);
		PEAL_WITHIN (i % 3 * 10 * PEAL_US)
			while (!peal_signal_next(stream, &event))
				ck_assert_uint_ge(event.count, 1);
		peal_signal_close(stream);
	}
	return 0;
}

SIGNAL_TEST(streams_and_signals_come_at_any_time)
{
	struct peal_signal_stream *stream;
	pthread_t thread;
	int err = 0;

	load();
	stream = stream_of(USR1 | PEAL_SIGNAL_BIT(SIGRTMIN + 3), NULL);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_without_end, NULL), 0);
	PEAL_SCOPE (scope, .result = &err)
		for (unsigned int i = 0; i < 4; i++)
			peal_scope_spawn(
				&scope, come_and_go, NULL, PEAL_SPAWN(.place = PEAL_PINNED(i % 2)));
	ck_assert_int_eq(err, 0);
	atomic_store(&stop_sending, true);
	pthread_join(thread, NULL);
	settle(); /* the process must not meet the default any more */
	peal_signal_close(stream);
	return 0;
}

/* Check has handlers of its own. */
static void forget_handlers(void)
{
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static Suite *signal_suite(void)
{
	Suite *suite = suite_create("signal");
	TCase *tcase = tcase_create("signal");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, forget_handlers, NULL);
	tcase_add_test(tcase, a_stream_tells_of_a_signal);
	tcase_add_test(tcase, all_streams_on_all_shards_are_told);
	tcase_add_test(tcase, ordinary_signals_are_counted);
	tcase_add_test(tcase, real_time_signals_are_queued);
	tcase_add_test(tcase, waits_end_early_and_lose_nothing);
	tcase_add_test(tcase, fibers_that_share_a_stream_take_turns);
	tcase_add_test(tcase, streams_end_when_the_runtime_drains);
	tcase_add_test(tcase, what_waits_is_told_before_the_end);
	tcase_add_test(tcase, wrong_use_is_refused);
	tcase_add_test(tcase, streams_and_signals_come_at_any_time);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(signal_suite());
}
