/* SPDX-License-Identifier: MIT */
/*
 * Between fibers, in C++: what sync.h has, in the shapes of the standard library, so that
 * std::lock_guard, std::unique_lock and std::scoped_lock work. None of them can be copied or moved.
 *
 *	peal::mutex mutex;
 *
 *	std::lock_guard lock(mutex);    // throws when the fiber is cancelled
 *
 * Channels are in chan.hpp.
 */
#ifndef PEAL_SYNC_HPP
#define PEAL_SYNC_HPP

#include <functional>
#include <mutex>
#include <utility>

#include <peal/error.hpp>
#include <peal/scope.hpp>
#include <peal/sync.h>

namespace peal
{

/* struct peal_mutex, as std::timed_mutex. */
class mutex
{
      public:
	mutex() = default;
	mutex(const mutex &) = delete;
	mutex &operator=(const mutex &) = delete;

	/* Throws the errors of peal_mutex_lock(): -EDEADLK, -EPERM, -ECANCELED, -ETIMEDOUT. May suspend. */
	void lock()
	{
		check(peal_mutex_lock(&mutex_), "peal_mutex_lock");
	}

	/* False when somebody has it. Throws the other errors. Does not suspend. */
	bool try_lock()
	{
		return locked(peal_mutex_try_lock(&mutex_), -EBUSY, "peal_mutex_try_lock");
	}

	/* False when the time is over. Throws the other errors, and when an enclosing deadline ends the wait.
	 * May suspend. */
	template <class Rep, class Period>
	bool try_lock_for(std::chrono::duration<Rep, Period> duration)
	{
		return try_lock_until(
			clock::now() + std::chrono::nanoseconds(nanoseconds(duration)));
	}

	template <class Duration>
	bool try_lock_until(std::chrono::time_point<clock, Duration> instant)
	{
		scope scope(until(instant));
		const int result = peal_mutex_lock(&mutex_);

		scope.close();
		if (result != -ETIMEDOUT && result != -ECANCELED)
			return locked(result, 0, "peal_mutex_lock");
		check(peal_cancelled(), "peal_mutex_lock"); /* what reached us from outside */
		return false;
	}

	/* By the fiber that has it. Does not suspend. */
	void unlock() noexcept
	{
		peal_mutex_unlock(&mutex_);
	}

	struct peal_mutex *native() noexcept
	{
		return &mutex_;
	}

      private:
	static bool locked(int result, int refused, const char *call)
	{
		if (result < 0 && result == refused)
			return false;
		check(result, call);
		return true;
	}

	struct peal_mutex mutex_ {
	};
};

/* struct peal_condition, as std::condition_variable. */
class condition
{
      public:
	condition() = default;
	condition(const condition &) = delete;
	condition &operator=(const condition &) = delete;

	/*
	 * Let go of the mutex, wait until notified, and have it again, also when this throws:
	 * -EPERM, -ECANCELED, -ETIMEDOUT. Suspends.
	 */
	void wait(std::unique_lock<mutex> &lock)
	{
		check(peal_condition_wait(&condition_, lock.mutex()->native()),
			"peal_condition_wait");
	}

	template <class Predicate> void wait(std::unique_lock<mutex> &lock, Predicate is_true)
	{
		while (!is_true())
			wait(lock);
	}

	void notify_one() noexcept
	{
		peal_condition_signal(&condition_);
	}

	void notify_all() noexcept
	{
		peal_condition_broadcast(&condition_);
	}

	struct peal_condition *native() noexcept
	{
		return &condition_;
	}

      private:
	struct peal_condition condition_ {
	};
};

/* struct peal_semaphore. */
class semaphore
{
      public:
	explicit semaphore(uint32_t permits)
	{
		check(peal_semaphore_init(&semaphore_, permits), "peal_semaphore_init");
	}

	semaphore(const semaphore &) = delete;
	semaphore &operator=(const semaphore &) = delete;

	/* May suspend; throws -EPERM, -ECANCELED, -ETIMEDOUT. */
	void acquire(uint32_t permits = 1)
	{
		check(peal_semaphore_acquire(&semaphore_, permits), "peal_semaphore_acquire");
	}

	/* False when there are not so many, or others wait. */
	bool try_acquire(uint32_t permits = 1) noexcept
	{
		return peal_semaphore_try_acquire(&semaphore_, permits) == 0;
	}

	/* Throws -EOVERFLOW. */
	void release(uint32_t permits = 1)
	{
		check(peal_semaphore_release(&semaphore_, permits), "peal_semaphore_release");
	}

	struct peal_semaphore *native() noexcept
	{
		return &semaphore_;
	}

      private:
	struct peal_semaphore semaphore_ {
	};
};

/* struct peal_barrier. */
class barrier
{
      public:
	/* Throws -EINVAL for a count of 0. */
	explicit barrier(uint32_t count)
	{
		check(peal_barrier_init(&barrier_, count), "peal_barrier_init");
	}

	barrier(const barrier &) = delete;
	barrier &operator=(const barrier &) = delete;

	/* True for the last that came. May suspend; throws -EPERM, -ECANCELED, -ETIMEDOUT. */
	bool arrive_and_wait()
	{
		return check(peal_barrier_wait(&barrier_), "peal_barrier_wait") == 1;
	}

	struct peal_barrier *native() noexcept
	{
		return &barrier_;
	}

      private:
	struct peal_barrier barrier_ {
	};
};

/* struct peal_once, as std::once_flag and std::call_once(). */
class once
{
      public:
	once() = default;
	once(const once &) = delete;
	once &operator=(const once &) = delete;

	/*
	 * Unless it was done before, call f, here and now, and let all others wait for it. When f throws, or
	 * returns a negative number, it was not done: the caller gets that (the number as
	 * peal::error), and the next one tries again. May suspend.
	 */
	template <class F> void call(F &&f)
	{
		detail::errand<F> errand{ f, {} };
		const int result = peal_once(&once_, errand.run, &errand);

		if (result < 0 && errand.out.is_there())
			static_cast<void>(errand.out.take());
		check(result, "peal_once");
	}

	struct peal_once *native() noexcept
	{
		return &once_;
	}

      private:
	struct peal_once once_ {
	};
};

} // namespace peal

#endif
