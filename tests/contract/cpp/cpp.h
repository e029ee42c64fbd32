/* SPDX-License-Identifier: MIT */
/* What the parts of test_cpp share: peal.hpp on every backend, each case as the main task of a runtime. */
#ifndef PEAL_TESTS_CONTRACT_CPP_H
#define PEAL_TESTS_CONTRACT_CPP_H

#include <stdexcept>
#include <string>

#include <peal/peal.hpp>

#include "tests/contract/runtime.h"

using namespace std::chrono_literals;

constexpr auto FOR_EVER = 100s;

/* What C++ programs throw besides peal::error. */
struct mishap : std::runtime_error {
	using std::runtime_error::runtime_error;
};

/* What f throws, as text: peal::error by its errno's name and the call, a mishap by its words. */
template <class F> std::string thrown_by(F &&f)
{
	try {
		f();
	} catch (const peal::error &e) {
		return std::string(strerrorname_np(e.code().value())) + " " +
			std::string(e.what()).substr(0, std::string(e.what()).find(':'));
	} catch (const mishap &e) {
		return e.what();
	}
	return "nothing";
}

/* (The macros of Check keep the pointer longer than a temporary lives.) */
#define EXPECT_TEXT(text, ...)                                    \
	do {                                                      \
		const std::string text_ = __VA_ARGS__;            \
		const std::string wanted_ = text;                 \
		ck_assert_str_eq(text_.c_str(), wanted_.c_str()); \
	} while (0)
#define EXPECT_THROW(text, ...) EXPECT_TEXT(text, thrown_by(__VA_ARGS__))

/* Sleep until it is cancelled. */
inline void sleep_on()
{
	peal::sleep(FOR_EVER);
}

/* The options of the runtime that backend number i is to be tried in. */
inline peal_rt_opts opts_of(int i)
{
	peal_rt_opts opts{};

	opts.backend = backend_names[i];
	opts.shards = 2;
	return opts;
}

#define CPP_TEST(name)                               \
	static void name##_body();                   \
	START_TEST(name)                             \
	{                                            \
		peal::run(name##_body, opts_of(_i)); \
	}                                            \
	END_TEST                                     \
	static void name##_body()

void add_task_tests(Suite *suite);
void add_throw_tests(Suite *suite);
void add_runtime_tests(Suite *suite);
void add_scope_tests(Suite *suite);
void add_sync_tests(Suite *suite);
void add_chan_tests(Suite *suite);

#endif
