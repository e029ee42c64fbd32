/* SPDX-License-Identifier: MIT */
/* sync.hpp: the standard library's locks on the library's mutexes, and so on. */
#include <atomic>
#include <memory>

#include "tests/contract/cpp/cpp.h"

namespace
{

/* Run f in so many tasks, on both shards in turn, and wait for them. */
template <class F> void in_tasks(unsigned int count, F f)
{
	peal::scope scope;

	for (unsigned int i = 0; i < count; i++)
		scope.spawn(peal::pinned(i % 2), f);
	scope.join();
}

} // namespace

CPP_TEST(locks_of_the_standard_library_work)
{
	peal::mutex one, two;
	int number = 0;

	in_tasks(20, [&] {
		for (int i = 0; i < 5; i++) {
			std::lock_guard lock(one);
			const int before = number;

			peal::yield();
			number = before + 1;
		}
	});
	ck_assert_int_eq(number, 100);
	in_tasks(8, [&, next = std::make_shared<std::atomic<int>>(0)] {
		for (int i = 0; i < 5; i++) {
			if (++*next % 2) {
				std::scoped_lock lock(one, two);
				peal::yield();
				number++;
			} else {
				std::scoped_lock lock(two, one);
				number++;
			}
		}
	});
	ck_assert_int_eq(number, 140);
}

CPP_TEST(a_lock_that_is_taken_is_a_value)
{
	peal::mutex mutex;
	std::unique_lock lock(mutex);

	EXPECT_THROW("EDEADLK peal_mutex_lock", [&] { mutex.lock(); });
	in_tasks(2, [&] {
		ck_assert(!mutex.try_lock());
		ck_assert(!mutex.try_lock_for(1ms));
		EXPECT_THROW("ETIMEDOUT peal_mutex_lock",
			[&] { peal::within(1ms, [&] { mutex.try_lock_for(FOR_EVER); }); });
		EXPECT_THROW("ETIMEDOUT peal_mutex_lock",
			[&] { peal::within(1ms, [&] { std::lock_guard other(mutex); }); });
	});
	lock.unlock();
	ck_assert(mutex.try_lock());
	mutex.unlock();
	ck_assert(mutex.try_lock_for(FOR_EVER));
	mutex.unlock();
}

CPP_TEST(a_condition_is_waited_for)
{
	peal::mutex mutex;
	peal::condition changed;
	int turn = 0;
	std::atomic<int> me{ 0 };

	/* Each in its turn, over two shards. */
	in_tasks(6, [&] {
		const int mine = me++;
		std::unique_lock lock(mutex);

		changed.wait(lock, [&] { return turn == mine; });
		turn++;
		changed.notify_all();
	});
	ck_assert_int_eq(turn, 6);

	std::unique_lock lock(mutex);

	EXPECT_THROW("ETIMEDOUT peal_condition_wait",
		[&] { peal::within(1ms, [&] { changed.wait(lock); }); });
	ck_assert_int_eq(peal_mutex_try_lock(mutex.native()), -EDEADLK);
	peal::spawn(peal::pinned(1), [&] { changed.notify_one(); });
	EXPECT_THROW("ETIMEDOUT peal_condition_wait", [&] {
		peal::within(FOR_EVER, [&] { changed.wait(lock); });
		peal::within(0ns, [&] { changed.wait(lock); });
	});
}

CPP_TEST(permits_are_counted)
{
	peal::semaphore permits(2);
	std::atomic<int> inside{ 0 };

	in_tasks(10, [&] {
		permits.acquire();
		ck_assert_int_le(++inside, 2);
		peal::yield();
		inside--;
		permits.release();
	});
	ck_assert(permits.try_acquire(2));
	ck_assert(!permits.try_acquire());
	EXPECT_THROW("ETIMEDOUT peal_semaphore_acquire",
		[&] { peal::within(1ms, [&] { permits.acquire(); }); });
	EXPECT_THROW("EOVERFLOW peal_semaphore_release", [&] {
		permits.release(UINT32_MAX);
		permits.release();
	});
}

CPP_TEST(a_barrier_has_a_last)
{
	peal::barrier barrier(4);
	std::atomic<int> lasts{ 0 }, before{ 0 };

	in_tasks(4, [&] {
		for (int i = 1; i <= 3; i++) {
			before++;
			lasts += barrier.arrive_and_wait();
			ck_assert_int_ge(before, 4 * i);
		}
	});
	ck_assert_int_eq(lasts, 3);
	EXPECT_THROW("EINVAL peal_barrier_init", [] { peal::barrier none(0); });
}

CPP_TEST(what_throws_was_not_done)
{
	peal::once once;
	std::atomic<int> tries{ 0 }, failures{ 0 };

	in_tasks(6, [&] {
		try {
			once.call([&] {
				peal::yield();
				if (++tries < 3)
					throw mishap("not yet");
			});
		} catch (const mishap &) {
			failures++;
		}
	});
	ck_assert_int_eq(tries, 3);
	ck_assert_int_eq(failures, 2);
	EXPECT_THROW("nothing", [&] { once.call([] { throw mishap("not again"); }); });

	peal::once other;

	EXPECT_THROW("EPROTO peal_once", [&] { other.call([] { return -EPROTO; }); });
}

void add_sync_tests(Suite *suite)
{
	TCase *tcase = tcase_create("sync");

	ADD_TASK_TEST(tcase, locks_of_the_standard_library_work);
	ADD_TASK_TEST(tcase, a_lock_that_is_taken_is_a_value);
	ADD_TASK_TEST(tcase, a_condition_is_waited_for);
	ADD_TASK_TEST(tcase, permits_are_counted);
	ADD_TASK_TEST(tcase, a_barrier_has_a_last);
	ADD_TASK_TEST(tcase, what_throws_was_not_done);
	suite_add_tcase(suite, tcase);
}
