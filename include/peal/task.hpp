/* SPDX-License-Identifier: MIT */
/*
 * Tasks in C++: any callable without arguments, lambdas above all, where C has a function and a
 * pointer.
 *
 *	peal::spawn(peal::stealable, [part = next_part()] { crunch(part); });
 *
 *	peal::task parsed{[&] { return parse(input); }};        // peal::task<document>
 *	...
 *	document it = parsed.join();                            // or what parse() threw
 *
 *	auto sum = peal::compute([&] { return hash(block); });  // wherever there is time
 *	auto text = peal::blocking([&] { return read_all(path); });
 *
 * What the callable captures by reference must outlive the task: peal::scope sees to that, and so
 * do the calls that wait. It is copied or moved into the task, run once, and destroyed in the task,
 * before that has ended. One that is no larger than a pointer and trivially copyable costs no
 * memory; any other is one allocation, and so is a peal::task.
 *
 * What it returns: a negative number (of a signed type) is a failure of the task, as in C. An
 * exception that leaves it is one as well, with the number that peal::caught() gives. Nothing
 * terminates. Whoever waits for the task gets the exception; where nobody does (peal::spawn(), a
 * peal::task that is detached or destroyed) it is destroyed with the task, and only counted:
 * tasks_failed.
 */
#ifndef PEAL_TASK_HPP
#define PEAL_TASK_HPP

#include <memory>
#include <type_traits>
#include <utility>

#include <peal/detail.hpp>
#include <peal/error.hpp>
#include <peal/scope.h>
#include <peal/task.h>

namespace peal
{

/*
 * Where and as what a task starts: struct peal_spawn_opts, which it is made of as well.
 *
 *	peal::spawn(peal::pinned(1).named("reader").with_priority(PEAL_HIGH), read_lines);
 *
 * The name is not copied before the task is spawned.
 */
struct placement : peal_spawn_opts {
	constexpr explicit placement(uint64_t where) : peal_spawn_opts{}
	{
		size = sizeof(peal_spawn_opts);
		place = where;
	}

	constexpr placement(const peal_spawn_opts &opts) : peal_spawn_opts(opts)
	{
		size = sizeof(peal_spawn_opts);
	}

	constexpr placement named(const char *text) const
	{
		placement copy(*this);

		copy.name = text;
		return copy;
	}

	constexpr placement with_priority(uint8_t class_of_it) const
	{
		placement copy(*this);

		copy.priority = class_of_it;
		return copy;
	}
};

inline constexpr placement here{ PEAL_HERE };
inline constexpr placement stealable{ PEAL_STEALABLE };
inline constexpr placement round_robin{ PEAL_ROUND_ROBIN };
inline constexpr placement least_loaded{ PEAL_LEAST_LOADED };

constexpr placement pinned(unsigned int shard)
{
	return placement(PEAL_PINNED(shard));
}

constexpr placement near(unsigned int shard)
{
	return placement(PEAL_NEAR(shard));
}

constexpr placement sticky(uint64_t key)
{
	return placement(PEAL_STICKY(key));
}

/* Start a task on its own: peal_spawn(). Throws its errors, and std::bad_alloc. */
template <class F> inline void spawn(const placement &how, F &&f)
{
	using callable = std::decay_t<F>;
	detail::luggage<callable> luggage(std::forward<F>(f));

	check(peal_spawn(detail::run_alone<callable>, luggage.get(), &how), "peal_spawn");
	luggage.release();
}

template <class F> inline void spawn(F &&f)
{
	spawn(here, std::forward<F>(f));
}

/*
 * A task and the handle of it: peal_task_spawn(). T is what its callable returns, and is deduced.
 *
 *	peal::task hash{peal::stealable, [&] { return crunch(block); }};
 *
 * A handle that is destroyed is given up, and the task goes on (peal_task_detach()). Movable; not
 * to be used by two threads at the same time.
 */
template <class T> class task
{
      public:
	task() = default;

	/* Throws the errors of peal_task_spawn(), and std::bad_alloc. */
	template <class F> task(const placement &how, F &&f)
	{
		start(nullptr, how, std::forward<F>(f));
	}

	template <class F, class = std::enable_if_t<std::is_invocable_v<std::decay_t<F> &>>>
	explicit task(F &&f) : task(here, std::forward<F>(f))
	{
	}

	task(task &&other) noexcept
	    : task_(std::exchange(other.task_, nullptr)),
	      shared_(std::exchange(other.shared_, nullptr))
	{
	}

	task &operator=(task &&other) noexcept
	{
		if (this != &other) {
			detach();
			task_ = std::exchange(other.task_, nullptr);
			shared_ = std::exchange(other.shared_, nullptr);
		}
		return *this;
	}

	~task()
	{
		detach();
	}

	/*
	 * Wait for the task to end, and return what it returned, or throw what it threw. When the
	 * wait fails (the caller was cancelled, for example) peal::error is thrown with the name
	 * peal_task_join, and the handle is as it was. -EINVAL where there is no task. Suspends
	 * unless it has ended.
	 */
	T join()
	{
		if (!task_)
			throw error(-EINVAL, "peal_task_join");
		check(peal_task_join(task_, nullptr), "peal_task_join");
		task_ = nullptr;

		struct release {
			void operator()(detail::shared<T> *shared) const
			{
				shared->release();
			}
		};
		std::unique_ptr<detail::shared<T>, release> mine(std::exchange(shared_, nullptr));

		return mine->out.take();
	}

	/* Give the handle up. */
	void detach() noexcept
	{
		if (!task_)
			return;
		peal_task_detach(std::exchange(task_, nullptr));
		std::exchange(shared_, nullptr)->release();
	}

	/* Is there a task? */
	explicit operator bool() const noexcept
	{
		return task_ != nullptr;
	}

      private:
	friend class scope;

	template <class F> void start(struct peal_scope *scope, const placement &how, F &&f)
	{
		using running = detail::running<std::decay_t<F>, T>;
		auto made = std::make_unique<running>(std::forward<F>(f));
		detail::shared<T> *shared = made.get();

		if (scope)
			check(peal_scope_task_spawn(scope, &task_, running::run, shared, &how),
				"peal_scope_task_spawn");
		else
			check(peal_task_spawn(&task_, running::run, shared, &how),
				"peal_task_spawn");
		shared_ = made.release();
	}

	struct peal_task *task_ = nullptr;
	detail::shared<T> *shared_ = nullptr;
};

template <class F> task(F &&) -> task<detail::result_of<F>>;
template <class F> task(const placement &, F &&) -> task<detail::result_of<F>>;

/*
 * Have something done, wait for it, and return what it returned, or throw what it threw: on any
 * shard that has time, on a certain shard, on the pool of threads for calls that block. The
 * callable stays where it is, and may refer to anything of the caller's.
 *
 * A wait that is cancelled before it has begun throws peal::error, and so do the other errors of
 * peal_compute(), peal_call() and peal_blocking(). Suspend.
 */
template <class F> inline detail::result_of<F> compute(F &&f)
{
	detail::errand<F> errand{ f, {} };

	check(peal_compute(errand.run, &errand, nullptr), "peal_compute");
	return errand.out.take();
}

template <class F> inline detail::result_of<F> call(unsigned int shard, F &&f)
{
	detail::errand<F> errand{ f, {} };

	check(peal_call(shard, errand.run, &errand, nullptr), "peal_call");
	return errand.out.take();
}

template <class F> inline detail::result_of<F> blocking(F &&f)
{
	detail::errand<F> errand{ f, {} };

	check(peal_blocking(errand.run, &errand, nullptr), "peal_blocking");
	return errand.out.take();
}

/* peal_yield(), peal_sleep() and peal_sleep_until(): throw when the task is cancelled. */
inline void yield()
{
	check(peal_yield(), "peal_yield");
}

inline bool should_yield() noexcept
{
	return peal_should_yield();
}

template <class Rep, class Period> inline void sleep(std::chrono::duration<Rep, Period> duration)
{
	check(peal_sleep(nanoseconds(duration)), "peal_sleep");
}

template <class Duration> inline void sleep_until(std::chrono::time_point<clock, Duration> instant)
{
	check(peal_sleep_until(nanoseconds(instant)), "peal_sleep_until");
}

} // namespace peal

#endif
