/* SPDX-License-Identifier: MIT */
/*
 * Runtimes in C++.
 *
 *	int main()
 *	{
 *		return peal::run([] { return serve(); });
 *	}
 *
 * Options are those of C. With C++20 they can be written in place, {.shards = 2}; before:
 *
 *	peal_rt_opts opts{};
 *
 *	opts.shards = 2;
 *	peal::runtime runtime(opts);
 */
#ifndef PEAL_RUNTIME_HPP
#define PEAL_RUNTIME_HPP

#include <utility>

#include <peal/error.hpp>
#include <peal/runtime.h>
#include <peal/task.hpp>

namespace peal
{

/*
 * Start a runtime, call f as its main task, take the runtime down, and return what f returned or
 * throw what it threw: peal_run(). Its own errors are peal::error with the name peal_run: the
 * runtime could not be started (the log hook is told why), or f was abandoned in an emergency. Any
 * thread that is no shard; blocks it.
 */
template <class F> inline detail::result_of<F> run(F &&f, peal_rt_opts opts = {})
{
	detail::errand<F> errand{ f, {} };
	int result;

	opts.size = sizeof(opts);
	result = peal_run(errand.run, &errand, &opts);
	if (!errand.out.is_there())
		throw error(result, "peal_run");
	return errand.out.take();
}

/*
 * A runtime with threads of its own, as long as the object exists (peal_rt_start()); or, with the
 * option `embedded`, in turns of the thread that makes it. Movable.
 */
class runtime
{
      public:
	/* Throws the errors of peal_rt_start(); what() has the reason. */
	explicit runtime(peal_rt_opts opts = {})
	{
		struct peal_reason reason;
		int err;

		opts.size = sizeof(opts);
		err = peal_rt_start(&rt_, &opts, &reason);
		if (err)
			throw error(err, "peal_rt_start", reason);
	}

	runtime(runtime &&other) noexcept : rt_(std::exchange(other.rt_, nullptr))
	{
	}

	runtime &operator=(runtime &&other) noexcept
	{
		if (this != &other) {
			end();
			rt_ = std::exchange(other.rt_, nullptr);
		}
		return *this;
	}

	/* Drains, and waits until all has ended. Blocks; on a thread that is no shard of it. */
	~runtime()
	{
		end();
	}

	/* Drain, wait and free: peal_rt_stop(), with its errors as exceptions. */
	void stop()
	{
		check(peal_rt_stop(rt_), "peal_rt_stop");
		rt_ = nullptr;
	}

	/* peal_rt_drain(). Any thread. */
	void drain() noexcept
	{
		peal_rt_drain(rt_);
	}

	/* Start a task: peal_rt_spawn(), with its errors as exceptions. Any thread. */
	template <class F> void spawn(const placement &how, F &&f)
	{
		using callable = std::decay_t<F>;
		detail::luggage<callable> luggage(std::forward<F>(f));

		check(peal_rt_spawn(rt_, detail::run_alone<callable>, luggage.get(), &how),
			"peal_rt_spawn");
		luggage.release();
	}

	template <class F> void spawn(F &&f)
	{
		spawn(here, std::forward<F>(f));
	}

	/* The descriptor and the turns of an embedded one: peal_rt_fd(), peal_rt_turn(). The latter returns
	 * whether the runtime goes on; when not, all that is left to do is to destroy it. */
	int fd() const
	{
		return check(peal_rt_fd(rt_), "peal_rt_fd");
	}

	bool turn()
	{
		const int result = peal_rt_turn(rt_, nullptr);

		return result != -ESHUTDOWN && check(result, "peal_rt_turn") >= 0;
	}

	struct peal_rt *native() const noexcept
	{
		return rt_;
	}

      private:
	/* On one of its own shards, or on a thread that must not: a runtime that nobody can stop any more. */
	void end() noexcept
	{
		if (rt_)
			stop();
	}

	struct peal_rt *rt_ = nullptr;
};

} // namespace peal

#endif
