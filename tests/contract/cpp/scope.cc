/* SPDX-License-Identifier: MIT */
/* scope.hpp: scopes as objects, with tasks that throw. */
#include <atomic>

#include "tests/contract/cpp/cpp.h"

namespace
{

std::atomic<int> asleep, cancelled;

void sleep_and_note()
{
	asleep++;
	try {
		sleep_on();
	} catch (const peal::error &e) {
		ck_assert(e.code() == std::errc::operation_canceled ||
			e.code() == std::errc::timed_out);
		cancelled++;
		throw;
	}
}

void spawn_sleepers(peal::scope &scope)
{
	asleep = 0;
	for (unsigned int i = 0; i < 4; i++)
		scope.spawn(peal::pinned(i % 2), sleep_and_note);
}

void note_sleeps_in(peal::scope &scope)
{
	spawn_sleepers(scope);
	while (asleep < 4)
		peal::yield();
}

} // namespace

CPP_TEST(a_scope_waits_for_its_tasks)
{
	std::atomic<int> done{ 0 };
	int outcome = -1;
	peal_scope_opts opts{};

	{
		peal::scope scope;

		for (unsigned int i = 0; i < 10; i++)
			scope.spawn(peal::pinned(i % 2), [&] {
				peal::sleep(1ms);
				done++;
			});
		scope.join();
		ck_assert_int_eq(done, 10);
		EXPECT_THROW("EINVAL peal_scope_close", [&] { scope.join(); });
	}
	opts.result = &outcome;
	{
		peal::scope scope{ opts };

		scope.spawn([&] {
			peal::sleep(1ms);
			done++;
		});
	}
	ck_assert_int_eq(done, 11);
	ck_assert_int_eq(outcome, 0);
}

CPP_TEST(a_task_that_throws_cancels_the_others)
{
	cancelled = 0;
	for (unsigned int i = 0; i < 2; i++) {
		peal::scope scope;

		note_sleeps_in(scope);
		scope.spawn(peal::pinned(i), [] { throw mishap("the first"); });
		EXPECT_THROW("the first", [&] { scope.join(); });
	}
	ck_assert_int_eq(cancelled, 8);
}

/* The destructor of one that nobody joins keeps what happened to itself. */
CPP_TEST(a_scope_that_is_not_joined_throws_nothing)
{
	int outcome = 0;
	peal_scope_opts opts{};

	opts.result = &outcome;
	{
		peal::scope scope{ opts };

		scope.spawn([] { throw mishap("unheard"); });
		scope.spawn(sleep_on);
	}
	ck_assert_int_eq(outcome, -ENOTRECOVERABLE);
}

CPP_TEST(an_exception_that_leaves_a_scope_cancels_and_waits)
{
	cancelled = 0;
	EXPECT_THROW("of the opener", [] {
		peal::scope outer;
		peal::scope inner;

		note_sleeps_in(inner);
		outer.spawn(sleep_and_note);
		peal::yield();
		throw mishap("of the opener");
	});
	ck_assert_int_eq(cancelled, 5);
}

/* An exception of the past, still being handled, is not one that destroys the scope. */
CPP_TEST(a_scope_in_a_handler_waits_without_cancelling)
{
	std::atomic<int> done{ 0 };

	struct on_the_way {
		std::atomic<int> *done;

		~on_the_way()
		{
			peal::scope scope;

			scope.spawn([this] {
				peal::sleep(1ms);
				++*done;
			});
		}
	};

	try {
		on_the_way guard{ &done };

		throw mishap("any");
	} catch (const mishap &) {
		peal::scope scope;

		scope.spawn([&] {
			peal::sleep(1ms);
			done++;
		});
	}
	ck_assert_int_eq(done, 2);
}

CPP_TEST(deadlines_and_cancels_are_exceptions)
{
	cancelled = 0;
	EXPECT_THROW("ETIMEDOUT peal_scope_close", [] {
		peal::scope scope{ peal::within(5ms) };

		spawn_sleepers(scope); /* one that starts too late finds out at once */
		scope.join();
	});
	ck_assert_int_eq(cancelled, 4);
	EXPECT_THROW("ETIMEDOUT peal_sleep", [] {
		peal::scope scope{ peal::until(peal::clock::now() + 1ms) };

		sleep_on();
	});
	EXPECT_THROW("ECANCELED peal_scope_close", [] {
		peal::scope scope;

		note_sleeps_in(scope);
		scope.cancel();
		scope.join();
	});
	ck_assert_int_eq(cancelled, 8);
}

CPP_TEST(policies_are_those_of_c)
{
	peal_scope_opts opts{};
	std::atomic<int> done{ 0 };

	opts.policy = PEAL_FIRST_SUCCESS;
	{
		peal::scope scope{ opts };

		scope.spawn([] { throw mishap("not this one"); });
		scope.spawn([] { peal::yield(); });
		scope.spawn(peal::pinned(1), sleep_on);
		scope.join();
	}
	opts.policy = PEAL_COLLECT_ALL;
	{
		peal::scope scope{ opts };

		scope.spawn([] { throw mishap("the first"); });
		scope.spawn([] {
			peal::sleep(1ms);
			throw mishap("the second");
		});
		scope.spawn([&] {
			peal::sleep(2ms);
			done++;
		});
		EXPECT_THROW("the first", [&] { scope.join(); });
	}
	ck_assert_int_eq(done, 1);
	EXPECT_THROW("ERANGE peal_scope_close", [] {
		peal::scope scope;

		scope.spawn([] { return -ERANGE; });
		scope.join();
	});
}

CPP_TEST(tasks_spawn_into_their_scope)
{
	std::atomic<int> done{ 0 };
	peal::scope scope;

	scope.spawn(peal::pinned(1), [&] {
		for (unsigned int i = 0; i < 10; i++)
			scope.spawn(peal::pinned(i % 2), [&] {
				if (++done == 10)
					throw mishap("the last");
			});
	});
	EXPECT_THROW("the last", [&] { scope.join(); });
	EXPECT_THROW("EINVAL peal_scope_spawn", [&] { scope.spawn([] {}); });
}

CPP_TEST(handles_in_a_scope_have_their_values)
{
	peal::scope scope;
	auto text = scope.task(peal::pinned(1), [] { return std::string("text"); });

	EXPECT_TEXT("text", text.join());

	auto failing = scope.task([]() -> int { throw mishap("for the handle"); });
	auto held = scope.task([] {
		sleep_on();
		return 1;
	});

	EXPECT_THROW("ENOTRECOVERABLE peal_scope_close", [&] { scope.join(); });
	EXPECT_THROW("for the handle", [&] { failing.join(); });
	EXPECT_THROW("ECANCELED peal_sleep", [&] { held.join(); });
	EXPECT_THROW("EINVAL peal_scope_task_spawn", [&] { scope.task([] {}); });
}

CPP_TEST(a_scope_with_one_inside_stays_open)
{
	peal::scope outer;
	{
		peal::scope inner;

		ck_assert_int_eq(outer.close(), -EBUSY);
		ck_assert_ptr_eq(peal_scope_current(), inner.native());
	}
	outer.spawn([] { peal::sleep(1ms); });
	ck_assert_int_eq(outer.close(), 0);
}

CPP_TEST(a_token_cancels_from_anywhere)
{
	peal::token token;
	peal::token other;
	peal_scope_opts opts{};

	other = token;
	opts.token = token.native();
	ck_assert(!other.cancelled());
	EXPECT_THROW("ECANCELED peal_scope_close", [&] {
		peal::scope scope{ opts };

		scope.spawn(sleep_on);
		peal::spawn(peal::pinned(1), [copy = other] { copy.cancel(); });
		scope.join();
	});
	ck_assert(token.cancelled());
}

CPP_TEST(a_call_has_a_deadline)
{
	int number = 3;

	ck_assert_int_eq(peal::within(FOR_EVER, [] { return 5; }), 5);
	ck_assert_ptr_eq(&peal::within(FOR_EVER, [&]() -> int & { return number; }), &number);
	ck_assert_int_eq(peal::within(1ms, [] { return peal_sleep(PEAL_NEVER / 2); }), -ETIMEDOUT);
	EXPECT_THROW("ETIMEDOUT peal_sleep", [] { peal::within(1ms, sleep_on); });
	EXPECT_THROW("any", [] { peal::within(FOR_EVER, [] { throw mishap("any"); }); });
	ck_assert_int_eq(peal_cancelled(), 0);
}

CPP_TEST(a_shield_keeps_cancels_out)
{
	EXPECT_THROW("ETIMEDOUT peal_sleep", [] {
		peal::scope scope{ peal::within(1ms) };

		ck_assert_int_eq(peal_sleep(PEAL_NEVER / 2), -ETIMEDOUT);
		ck_assert_int_eq(peal::shielded([] { return peal_sleep(PEAL_MS); }), 0);
		sleep_on();
	});
}

void add_scope_tests(Suite *suite)
{
	TCase *tcase = tcase_create("scope");

	ADD_TASK_TEST(tcase, a_scope_waits_for_its_tasks);
	ADD_TASK_TEST(tcase, a_task_that_throws_cancels_the_others);
	ADD_TASK_TEST(tcase, a_scope_that_is_not_joined_throws_nothing);
	ADD_TASK_TEST(tcase, an_exception_that_leaves_a_scope_cancels_and_waits);
	ADD_TASK_TEST(tcase, a_scope_in_a_handler_waits_without_cancelling);
	ADD_TASK_TEST(tcase, deadlines_and_cancels_are_exceptions);
	ADD_TASK_TEST(tcase, policies_are_those_of_c);
	ADD_TASK_TEST(tcase, tasks_spawn_into_their_scope);
	ADD_TASK_TEST(tcase, handles_in_a_scope_have_their_values);
	ADD_TASK_TEST(tcase, a_scope_with_one_inside_stays_open);
	ADD_TASK_TEST(tcase, a_token_cancels_from_anywhere);
	ADD_TASK_TEST(tcase, a_call_has_a_deadline);
	ADD_TASK_TEST(tcase, a_shield_keeps_cancels_out);
	suite_add_tcase(suite, tcase);
}
