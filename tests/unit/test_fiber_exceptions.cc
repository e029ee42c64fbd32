/* SPDX-License-Identifier: MIT */
/* C++ exceptions in fibers: several being handled on one thread at the same time. */
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <unistd.h>

#include "tests/unit/fiber_help.h"

#include "tests/check_main.h"

namespace
{

struct thrower {
	std::string own, rethrown;
	bool nothing_at_start = false;
};

/* What the exception of `throw;` says. */
std::string rethrow()
{
	try {
		throw;
	} catch (const std::exception &e) {
		return e.what();
	}
}

void suspend_in_catch(void *arg)
{
	auto *it = static_cast<thrower *>(arg);

	it->nothing_at_start = !std::current_exception();
	try {
		throw std::runtime_error(it->own);
	} catch (const std::exception &) {
		help_suspend();
		it->rethrown = rethrow();
	}
}

START_TEST(each_fiber_handles_its_own)
{
	thrower it[3];
	int number[3];

	help_begin();
	for (int i = 0; i < 3; i++) {
		it[i].own = "of " + std::to_string(i);
		number[i] = help_make(suspend_in_catch, &it[i]);
		ck_assert(help_resume(number[i]));
		ck_assert(!std::current_exception());
	}
	/* First in, first out: the opposite of the order that one thread would know. */
	for (int i = 0; i < 3; i++) {
		ck_assert(!help_resume(number[i]));
		ck_assert_str_eq(it[i].rethrown.c_str(), it[i].own.c_str());
		ck_assert(it[i].nothing_at_start);
	}
	help_end();
}
END_TEST

START_TEST(the_thread_handles_its_own)
{
	thrower it;
	int number;

	help_begin();
	it.own = "fiber";
	number = help_make(suspend_in_catch, &it);
	try {
		throw std::logic_error("thread");
	} catch (const std::exception &) {
		ck_assert(help_resume(number));
		ck_assert(it.nothing_at_start);
		ck_assert(rethrow() == "thread");
		ck_assert(!help_resume(number));
		ck_assert(rethrow() == "thread");
	}
	ck_assert_str_eq(it.rethrown.c_str(), "fiber");
	help_end();
}
END_TEST

int in_flight[2];

struct suspends_when_left {
	~suspends_when_left()
	{
		in_flight[0] = std::uncaught_exceptions();
		help_suspend();
		in_flight[1] = std::uncaught_exceptions();
	}
};

void suspend_in_destructor(void *arg)
{
	try {
		suspends_when_left guard;

		throw std::runtime_error("in flight");
	} catch (const std::exception &e) {
		*static_cast<std::string *>(arg) = e.what();
	}
}

START_TEST(exceptions_in_flight_are_the_fibers)
{
	std::string caught;
	int number;

	help_begin();
	number = help_make(suspend_in_destructor, &caught);
	ck_assert(help_resume(number));
	ck_assert_int_eq(std::uncaught_exceptions(), 0);
	ck_assert_int_eq(in_flight[0], 1);
	ck_assert(!help_resume(number));
	ck_assert_int_eq(in_flight[1], 1);
	ck_assert_str_eq(caught.c_str(), "in flight");
	ck_assert_int_eq(std::uncaught_exceptions(), 0);
	help_end();
}
END_TEST

void throw_out(void *)
{
	throw std::runtime_error("nobody catches this");
}

[[noreturn]] void terminated()
{
	std::_Exit(42);
}

/* The unwinder comes to the end of the stack, and does not wander on. */
START_TEST(an_exception_that_leaves_a_fiber_terminates)
{
	help_begin();
	std::set_terminate(terminated);
	help_resume(help_make(throw_out, nullptr));
}
END_TEST

Suite *exceptions_suite()
{
	Suite *suite = suite_create("fiber_exceptions");
	TCase *tcase = tcase_create("exceptions");

	tcase_add_test(tcase, each_fiber_handles_its_own);
	tcase_add_test(tcase, the_thread_handles_its_own);
	tcase_add_test(tcase, exceptions_in_flight_are_the_fibers);
	tcase_add_exit_test(tcase, an_exception_that_leaves_a_fiber_terminates, 42);
	suite_add_tcase(suite, tcase);
	return suite;
}

} // namespace

int main()
{
	return peal_check_main(exceptions_suite());
}
