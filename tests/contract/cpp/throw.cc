/* SPDX-License-Identifier: MIT */
/* Exceptions and fibers: many on one thread that throw, catch and wait in between, in any order. */
#include <atomic>
#include <cstdlib>
#include <vector>

#include "tests/contract/cpp/cpp.h"

namespace
{

constexpr int FIBERS = 50;

/* Wait, one way or another, so that others throw and catch meanwhile. */
void wait_somehow(int i)
{
	if (i % 3 == 0)
		peal::yield();
	else if (i % 3 == 1)
		peal::sleep(std::chrono::microseconds(i * 7 % 100));
	else
		peal::compute([] {});
}

/* What is being handled, by throwing it again. */
std::string rethrown()
{
	try {
		throw;
	} catch (const std::exception &e) {
		return e.what();
	}
}

/* A throw while another is being handled, at every level, with waits in all places. */
void throw_nested(int i, int depth)
{
	const std::string name = std::to_string(i) + "/" + std::to_string(depth);

	try {
		wait_somehow(i);
		throw mishap(name);
	} catch (const mishap &e) {
		wait_somehow(i + 1);
		if (depth > 0)
			throw_nested(i, depth - 1);
		wait_somehow(i + 2);
		ck_assert_str_eq(e.what(), name.c_str());
		EXPECT_TEXT(name, rethrown());
	}
}

void throw_and_catch(int i)
{
	throw_nested(i, 3);
	ck_assert(!std::current_exception());
}

} // namespace

CPP_TEST(fibers_throw_and_catch_across_each_other)
{
	peal::scope scope;

	for (int i = 0; i < FIBERS; i++)
		scope.spawn(peal::pinned(static_cast<unsigned int>(i) % 2),
			[i] { throw_and_catch(i); });
	throw_and_catch(FIBERS);
	scope.join();
}

namespace
{

struct waits_when_left {
	~waits_when_left()
	{
		for (int i = 0; i < 3; i++) {
			if (std::uncaught_exceptions() != 1)
				std::abort();
			peal_yield();
		}
	}
};

} // namespace

CPP_TEST(destructors_wait_while_an_exception_is_under_way)
{
	std::vector<peal::task<void>> tasks;

	for (unsigned int i = 0; i < 10; i++)
		tasks.push_back(peal::task{ peal::pinned(i % 2), [i] {
						   waits_when_left guard;

						   throw mishap(std::to_string(i));
					   } });
	for (unsigned int i = 10; i-- > 0;) {
		EXPECT_THROW(std::to_string(i), [&] { tasks[i].join(); });
		ck_assert_int_eq(std::uncaught_exceptions(), 0);
	}
}

/* One exception, and several that look at it on different threads. */
CPP_TEST(an_exception_is_shared_between_shards)
{
	std::exception_ptr it;
	std::atomic<int> heard{ 0 };

	try {
		throw mishap("for all");
	} catch (...) {
		it = std::current_exception();
	}
	{
		peal::scope scope;

		for (unsigned int i = 0; i < 10; i++)
			scope.spawn(peal::pinned(i % 2), [it, &heard] {
				EXPECT_THROW("for all", [&] { std::rethrow_exception(it); });
				heard++;
			});
		it = nullptr;
		scope.join();
	}
	ck_assert_int_eq(heard, 10);
}

CPP_TEST(exceptions_survive_a_move)
{
	peal::task traveller{ [] {
		try {
			throw mishap("on the way");
		} catch (const mishap &) {
			peal::check(peal_move(1), "peal_move");
			EXPECT_TEXT("on the way", rethrown());
			peal::check(peal_move(0), "peal_move");
			throw;
		}
	} };

	EXPECT_THROW("on the way", [&] { traveller.join(); });
}

void add_throw_tests(Suite *suite)
{
	TCase *tcase = tcase_create("throw");

	ADD_TASK_TEST(tcase, fibers_throw_and_catch_across_each_other);
	ADD_TASK_TEST(tcase, destructors_wait_while_an_exception_is_under_way);
	ADD_TASK_TEST(tcase, an_exception_is_shared_between_shards);
	ADD_TASK_TEST(tcase, exceptions_survive_a_move);
	suite_add_tcase(suite, tcase);
}
