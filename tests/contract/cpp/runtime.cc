/* SPDX-License-Identifier: MIT */
/* runtime.hpp and port.hpp: runtimes as objects, and threads that are no shard. */
#include <cstring>
#include <future>
#include <poll.h>

#include "tests/contract/cpp/cpp.h"

START_TEST(run_gives_what_its_main_task_gives)
{
	const std::string word = "word";

	EXPECT_TEXT("word", peal::run([&] { return word; }, opts_of(_i)));
	ck_assert_int_eq(peal::run([] { return -5; }, opts_of(_i)), -5);
	EXPECT_THROW("of main",
		[&] { peal::run([]() -> int { throw mishap("of main"); }, opts_of(_i)); });
	EXPECT_THROW("EPERM peal_yield", [] { peal::yield(); });
}
END_TEST

START_TEST(a_runtime_that_cannot_start_says_why)
{
	peal_rt_opts opts{};

	opts.backend = "nosuch";
	EXPECT_THROW("ENOENT peal_run", [&] { peal::run([] {}, opts); });
	try {
		peal::runtime runtime(opts);
		ck_abort_msg("it started");
	} catch (const peal::error &e) {
		ck_assert_int_eq(e.result(), -ENOENT);
		ck_assert_ptr_nonnull(std::strstr(e.what(), "nosuch"));
	}
}
END_TEST

START_TEST(an_emergency_abandons_the_main_task)
{
	EXPECT_THROW("ECANCELED peal_run", [&] {
		peal::run(
			[] {
				peal_rt_emergency(peal_rt_current());
				peal_yield();
			},
			opts_of(_i));
	});
}
END_TEST

START_TEST(a_runtime_lives_as_long_as_its_object)
{
	std::promise<int> where;
	std::atomic<bool> ended{ false };
	{
		peal::runtime first(opts_of(_i));
		peal::runtime runtime(std::move(first));

		runtime.spawn(peal::pinned(1), [&] {
			where.set_value(peal_shard());
			peal::sleep(1ms);
			ended = true;
		});
		ck_assert_int_eq(where.get_future().get(), 1);
		EXPECT_THROW("EINVAL peal_rt_fd", [&] { runtime.fd(); });
	}
	ck_assert(ended);
}
END_TEST

START_TEST(an_embedded_runtime_is_turned)
{
	peal_rt_opts opts = opts_of(_i);
	int ticks = 0;

	opts.embedded = 1;
	opts.shards = 1;

	peal::runtime runtime(opts);
	struct pollfd it = { runtime.fd(), POLLIN, 0 };

	runtime.spawn(peal::pinned(0), [&] {
		for (; ticks < 3; ticks++)
			peal::sleep(1ms);
		runtime.drain();
	});
	do
		ck_assert_int_eq(poll(&it, 1, -1), 1);
	while (runtime.turn());
	ck_assert_int_eq(ticks, 3);
}
END_TEST

START_TEST(a_port_answers_other_threads)
{
	peal::runtime runtime(opts_of(_i));
	peal_port_opts opts{};
	std::promise<void> closed;

	opts.bytes = 64;
	{
		peal::port port(runtime.native(), opts);
		peal::port_client client(port);
		char answer[64];

		runtime.spawn([&] {
			while (peal_request *request = port.recv()) {
				if (request->size > 4)
					peal::refuse(request, -E2BIG);
				else
					ck_assert(peal::reply(request, "pong", 4));
			}
			closed.set_value();
		});
		ck_assert_uint_eq(client.call("ping", 4, answer, sizeof(answer), 100s), 4);
		ck_assert_mem_eq(answer, "pong", 4);
		EXPECT_THROW("E2BIG peal_port_call",
			[&] { client.call("longer", 6, answer, sizeof(answer)); });
		EXPECT_THROW("EMSGSIZE peal_port_call",
			[&] { client.call(answer, 65, answer, sizeof(answer)); });
		port.close();
		EXPECT_THROW("ESHUTDOWN peal_port_call",
			[&] { client.call("ping", 4, answer, sizeof(answer)); });
		closed.get_future().wait();
	}
}
END_TEST

void add_runtime_tests(Suite *suite)
{
	TCase *tcase = tcase_create("runtime");

	ADD_TASK_TEST(tcase, run_gives_what_its_main_task_gives);
	tcase_add_test(tcase, a_runtime_that_cannot_start_says_why);
	ADD_TASK_TEST(tcase, an_emergency_abandons_the_main_task);
	ADD_TASK_TEST(tcase, a_runtime_lives_as_long_as_its_object);
	ADD_TASK_TEST(tcase, an_embedded_runtime_is_turned);
	ADD_TASK_TEST(tcase, a_port_answers_other_threads);
	suite_add_tcase(suite, tcase);
}
