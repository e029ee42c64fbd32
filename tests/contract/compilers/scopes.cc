/* SPDX-License-Identifier: MIT */
/*
 * Scopes and C++ exceptions: a throw through a block, a statement or peal_scope_run() cancels the tasks,
 * waits for them, and goes on to its catch; on every compiler that there is (test_scope_compilers.sh).
 */
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <peal/peal.h>

#define CHECK(what)       \
	((what) ? (void)0 \
		: (std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), std::exit(1)))

namespace
{

constexpr int64_t LONG = 100 * PEAL_S;

struct count {
	int tasks = 0, destroyed = 0;
};

/* Throws and catches itself while the other's exception is on its way. */
int sleep_and_count(void *arg)
{
	auto *count = static_cast<struct count *>(arg);

	CHECK(peal_sleep(LONG) == -ECANCELED);
	try {
		throw std::runtime_error("mine");
	} catch (const std::exception &e) {
		peal_yield();
		CHECK(e.what() == std::string("mine"));
	}
	count->tasks++;
	return 0;
}

struct guard {
	explicit guard(struct count *c) : count(c)
	{
	}
	~guard()
	{
		count->destroyed++;
	}
	struct count *count;
};

void throw_through_blocks(struct count *count)
{
	guard outside(count);

	PEAL_SCOPE (outer) {
		PEAL_SCOPE (inner) {
			guard inside(count);

			peal_scope_spawn(&outer, sleep_and_count, count, nullptr);
			peal_scope_spawn(&inner, sleep_and_count, count, nullptr);
			peal_sleep(PEAL_MS);
			throw std::runtime_error("through blocks");
		}
	}
}

void throw_through_within(struct count *count)
{
	PEAL_WITHIN (PEAL_MS) {
		guard inside(count);

		if (peal_sleep(LONG) == -ETIMEDOUT)
			throw std::runtime_error("through a statement");
	}
}

int fail_slowly()
{
	peal_sleep(PEAL_MS);
	throw std::runtime_error("through an expression");
}

int throw_in_run(struct peal_scope *scope, void *arg)
{
	peal_scope_spawn(scope, sleep_and_count, arg, nullptr);
	peal_sleep(PEAL_MS);
	throw std::runtime_error("through the library");
}

struct peal_scope *outside;

template <typename Function> std::string caught(Function function)
{
	try {
		function();
	} catch (const std::exception &e) {
		CHECK(peal_scope_current() == outside);
		CHECK(peal_sleep(0) == 0);
		return e.what();
	}
	return "nothing";
}

int leave(struct count *count)
{
	PEAL_SCOPE (scope) {
		peal_scope_spawn(&scope, sleep_and_count, count, nullptr);
		return 3;
	}
	return 0;
}

int body(void *)
{
	struct count count;
	struct peal_scope_opts opts = {};
	int err = 0;

	outside = peal_scope_current();
	CHECK(caught([&] { throw_through_blocks(&count); }) == "through blocks");
	CHECK(count.tasks == 2 && count.destroyed == 2);
	CHECK(caught([&] { throw_through_within(&count); }) == "through a statement");
	CHECK(count.destroyed == 3);
	CHECK(caught([&] { (void)PEAL_WITHIN_GET(LONG, fail_slowly()); }) ==
		"through an expression");
	CHECK(caught([&] { peal_scope_run(throw_in_run, &count, nullptr); }) ==
		"through the library");
	CHECK(count.tasks == 3);
	CHECK(leave(&count) == 3 && count.tasks == 4);
	opts.size = sizeof(opts);
	opts.result = &err;
	PEAL_SCOPE (scope, &opts) {
		peal_scope_spawn(&scope, sleep_and_count, &count, nullptr);
		peal_scope_cancel(&scope);
	}
	CHECK(err == -ECANCELED && count.tasks == 5);
	CHECK(PEAL_WITHIN_GET(PEAL_MS, peal_sleep(LONG)) == -ETIMEDOUT);
	return 0;
}

} // namespace

int main()
{
	return peal_run(body, nullptr, nullptr);
}
