/* SPDX-License-Identifier: MIT */
/* task.hpp and error.hpp: callables as tasks, and what becomes of what they return and throw. */
#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>

#include "tests/contract/cpp/cpp.h"

/* An object of which it is known how many there are, and which task destroyed the last. */
struct counted {
	static std::atomic<int> alive;
	static std::mutex lock; /* tasks of two shards may take themselves for the last, in turn */
	static std::string last_task;

	counted()
	{
		alive++;
	}
	counted(const counted &)
	{
		alive++;
	}
	~counted()
	{
		if (--alive > 0)
			return;
		std::lock_guard hold{ lock };
		last_task = peal_task_name();
	}
};
std::atomic<int> counted::alive;
std::mutex counted::lock;
std::string counted::last_task;

/* Until a counter has come to a value: what ends unjoined is counted some time later. */
static void await_counter(const char *name, uint64_t value)
{
	while (counter(name) < value)
		peal::sleep(1ms);
	ck_assert_uint_eq(counter(name), value);
}

CPP_TEST(a_join_gives_what_the_task_returned)
{
	int number = 1;
	peal::task text{ [] { return std::string("text"); } };
	peal::task nothing{ [&] { number++; } };
	peal::task unique{ peal::pinned(1), [] { return std::make_unique<int>(7); } };
	peal::task reference{ [&]() -> int & { return number; } };
	peal::task negative{ [] { return -5; } };

	static_assert(std::is_same_v<decltype(text), peal::task<std::string>>);
	static_assert(std::is_same_v<decltype(reference), peal::task<int &>>);
	EXPECT_TEXT("text", text.join());
	nothing.join();
	ck_assert_int_eq(number, 2);
	ck_assert_int_eq(*unique.join(), 7);
	ck_assert_ptr_eq(&reference.join(), &number);
	ck_assert_int_eq(negative.join(), -5);
	ck_assert_uint_eq(counter("tasks_failed"), 1);
	ck_assert(!negative);
	EXPECT_THROW("EINVAL peal_task_join", [&] { negative.join(); });
}

CPP_TEST(a_join_throws_what_the_task_threw)
{
	for (unsigned int shard = 0; shard < 2; shard++) {
		peal::task failing{ peal::pinned(shard),
			[]() -> int { throw mishap("of a task"); } };
		peal::task late{ peal::pinned(shard), [] {
					peal::sleep(1ms);
					peal::check(-EPROTO, "something");
				} };

		EXPECT_THROW("of a task", [&] { failing.join(); });
		EXPECT_THROW("EPROTO something", [&] { late.join(); });
	}
	ck_assert_uint_eq(counter("tasks_failed"), 4);
}

CPP_TEST(a_placement_says_where_and_as_what)
{
	auto where = [] { return std::to_string(peal_shard()) + peal_task_name(); };
	peal_spawn_opts opts{};

	opts.place = PEAL_PINNED(1);
	EXPECT_TEXT("1x", peal::task(peal::pinned(1).named("x"), where).join());
	EXPECT_TEXT("1", peal::task(opts, where).join());
	EXPECT_TEXT("0", peal::task(where).join());
	ck_assert_uint_eq(peal::here.with_priority(PEAL_HIGH).priority, PEAL_HIGH);
	EXPECT_THROW("EINVAL peal_spawn", [] { peal::spawn(peal::pinned(99), [] {}); });
}

/* A callable of a certain size, which counts how often it was put on the heap. */
template <size_t size> struct sized {
	static std::atomic<int> allocations;

	static void *operator new(size_t bytes)
	{
		allocations++;
		return ::operator new(bytes);
	}
	void operator()() const
	{
		++**reinterpret_cast<std::atomic<int> *const *>(room);
	}

	alignas(void *) char room[size];
};
template <size_t size> std::atomic<int> sized<size>::allocations;

template <size_t size> static int allocations_of_ten()
{
	std::atomic<int> done{ 0 };
	std::atomic<int> *const pointer = &done;
	sized<size> callable{};

	memcpy(callable.room, &pointer, sizeof(pointer));
	for (int i = 0; i < 10; i++)
		peal::spawn(callable);
	while (done < 10)
		peal::yield();
	return sized<size>::allocations;
}

CPP_TEST(what_fits_into_a_pointer_is_not_allocated)
{
	ck_assert_int_eq(allocations_of_ten<sizeof(void *)>(), 0);
	ck_assert_int_eq(allocations_of_ten<2 * sizeof(void *)>(), 10);
	ck_assert_int_eq(allocations_of_ten<1000>(), 10);
}

CPP_TEST(a_callable_ends_with_its_task)
{
	{
		peal::task kept{ peal::here.named("kept"), [mine = counted()] {} };

		kept.join();
		ck_assert_int_eq(counted::alive, 0);
		EXPECT_TEXT("kept", counted::last_task);
	}
	peal::spawn(peal::here.named("alone"), [mine = counted()] { throw mishap("unheard"); });
	ck_assert_int_eq(counted::alive, 1);
	await_counter("tasks_failed", 1);
	ck_assert_int_eq(counted::alive, 0);
	EXPECT_TEXT("alone", counted::last_task);
	/* One that is refused. */
	EXPECT_THROW(
		"EINVAL peal_spawn", [] { peal::spawn(peal::pinned(99), [mine = counted()] {}); });
	ck_assert_int_eq(counted::alive, 0);
}

/* The value, or the exception, that nobody asks for is destroyed with the last of handle and task. */
CPP_TEST(what_nobody_joins_is_counted_and_destroyed)
{
	peal::task<counted> given;
	std::atomic<bool> go{ false };

	for (unsigned int i = 0; i < 4; i++) {
		peal::task dropped{ peal::pinned(i % 2), [&go, i] {
					   while (!go)
						   peal::yield();
					   if (i < 2)
						   throw counted();
					   return counted();
				   } };

		given = std::move(dropped);
		ck_assert(!dropped);
	}
	given.detach();
	ck_assert(!given);
	go = true;
	await_counter("tasks_failed", 2);
	await_counter("tasks_finished", 4);
	while (counted::alive)
		peal::yield();
}

CPP_TEST(a_join_that_is_cancelled_can_be_repeated)
{
	std::atomic<bool> go{ false };
	peal::task slow{ [&] {
		while (!go)
			peal::sleep(1ms);
		return 3;
	} };

	EXPECT_THROW("ETIMEDOUT peal_task_join",
		[&] { peal::within(1ms, [&] { return slow.join(); }); });
	ck_assert(slow);
	go = true;
	ck_assert_int_eq(slow.join(), 3);
}

CPP_TEST(things_are_done_elsewhere_and_waited_for)
{
	const std::string word = "word";
	const auto twice = [&] { return word + word; };
	int off_the_shards = 0;

	EXPECT_TEXT("wordword", peal::compute(twice));
	ck_assert_int_eq(peal::call(1, [] { return peal_shard(); }), 1);
	EXPECT_TEXT("wordword", peal::blocking(twice));
	peal::blocking([&] { off_the_shards = peal_shard(); });
	ck_assert_int_eq(off_the_shards, -EPERM);
	EXPECT_THROW("in compute", [] { peal::compute([] { throw mishap("in compute"); }); });
	EXPECT_THROW("in call", [] { peal::call(1, [] { throw mishap("in call"); }); });
	EXPECT_THROW("in blocking",
		[] { peal::blocking([]() -> int { throw mishap("in blocking"); }); });
	EXPECT_THROW("EINVAL peal_call", [] { peal::call(99, [] {}); });
	EXPECT_THROW(
		"ETIMEDOUT peal_call", [] { peal::within(0ns, [] { peal::call(1, [] {}); }); });
}

CPP_TEST(time_is_that_of_the_standard_library)
{
	const auto before = peal::clock::now();

	peal::sleep(2ms);
	peal::sleep_until(peal::clock::now() + 1ms);
	ck_assert(peal::clock::now() - before >= 3ms);
}

START_TEST(durations_are_rounded_up_and_do_not_overflow)
{
	using namespace std::chrono;

	static_assert(peal::nanoseconds(5ms) == 5 * PEAL_MS);
	static_assert(peal::nanoseconds(-3ns) == -3);
	static_assert(peal::nanoseconds(duration<double>(1.5)) == 3 * PEAL_S / 2);
	static_assert(peal::nanoseconds(duration<int, std::pico>(1001)) == 2);
	static_assert(peal::nanoseconds(hours::max()) == PEAL_NEVER);
	static_assert(peal::nanoseconds(nanoseconds::max()) == PEAL_NEVER);
	static_assert(peal::nanoseconds(hours::min()) == INT64_MIN);
}
END_TEST

/* The result that an exception is, as its errno's name. */
static std::string caught_as(void (*f)())
{
	try {
		f();
	} catch (...) {
		return strerrorname_np(-peal::caught());
	}
	return "nothing";
}

START_TEST(exceptions_have_numbers)
{
	EXPECT_TEXT("EPROTO", caught_as([] { peal::check(-EPROTO, "x"); }));
	EXPECT_TEXT("EIO", caught_as([] { throw std::system_error(EIO, std::system_category()); }));
	EXPECT_TEXT("ENOTRECOVERABLE",
		caught_as([] { throw std::system_error(make_error_code(std::io_errc::stream)); }));
	EXPECT_TEXT("ENOMEM", caught_as([] { throw std::bad_alloc(); }));
	EXPECT_TEXT("ENOTRECOVERABLE", caught_as([] { throw 5; }));
	ck_assert_int_eq(peal::check(3L, "x"), 3);
	ck_assert_int_eq(peal::error(-EPROTO, "x").result(), -EPROTO);
	ck_assert(peal::error(-ECANCELED, "x").code() == std::errc::operation_canceled);
}
END_TEST

void add_task_tests(Suite *suite)
{
	TCase *tcase = tcase_create("task");

	ADD_TASK_TEST(tcase, a_join_gives_what_the_task_returned);
	ADD_TASK_TEST(tcase, a_join_throws_what_the_task_threw);
	ADD_TASK_TEST(tcase, a_placement_says_where_and_as_what);
	ADD_TASK_TEST(tcase, what_fits_into_a_pointer_is_not_allocated);
	ADD_TASK_TEST(tcase, a_callable_ends_with_its_task);
	ADD_TASK_TEST(tcase, what_nobody_joins_is_counted_and_destroyed);
	ADD_TASK_TEST(tcase, a_join_that_is_cancelled_can_be_repeated);
	ADD_TASK_TEST(tcase, things_are_done_elsewhere_and_waited_for);
	ADD_TASK_TEST(tcase, time_is_that_of_the_standard_library);
	tcase_add_test(tcase, durations_are_rounded_up_and_do_not_overflow);
	tcase_add_test(tcase, exceptions_have_numbers);
	suite_add_tcase(suite, tcase);
}
