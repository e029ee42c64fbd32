/* SPDX-License-Identifier: MIT */
/*
 * Scopes in C++: scope.h tells what they are. Here a scope is an object, and leaving its block is
 * leaving it.
 *
 *	peal::scope scope{peal::within(50ms)};
 *
 *	for (auto &part : parts)
 *		scope.spawn(peal::stealable, [&part] { part.sum = crunch(part); });
 *	scope.join();           // rethrows what a task threw
 *
 * The destructor waits for the tasks, so what they refer to must have been declared before the
 * scope. When an exception destroys it, it cancels them first. Whoever wants to know how they ended
 * calls join().
 */
#ifndef PEAL_SCOPE_HPP
#define PEAL_SCOPE_HPP

#include <atomic>
#include <climits>
#include <exception>
#include <utility>

#include <peal/error.hpp>
#include <peal/scope.h>
#include <peal/task.hpp>

namespace peal
{

/*
 * Options of scopes are those of C; these make some. To add others:
 *
 *	peal_scope_opts opts = peal::within(50ms);
 *
 *	opts.policy = PEAL_COLLECT_ALL;
 *	peal::scope scope{opts};
 */
template <class Rep, class Period>
inline peal_scope_opts within(std::chrono::duration<Rep, Period> duration)
{
	peal_scope_opts opts{};

	opts.deadline = peal_in(nanoseconds(duration));
	return opts;
}

template <class Duration>
inline peal_scope_opts until(std::chrono::time_point<clock, Duration> instant)
{
	peal_scope_opts opts{};

	opts.deadline = nanoseconds(instant);
	return opts;
}

/* Cancels scopes from outside, for whoever does not know them (struct peal_token). Copies are
 * shares of the same. Any thread. */
class token
{
      public:
	token()
	{
		check(peal_token_create(&token_), "peal_token_create");
	}

	token(const token &other) noexcept : token_(peal_token_ref(other.token_))
	{
	}

	token &operator=(const token &other) noexcept
	{
		peal_token_ref(other.token_);
		peal_token_free(std::exchange(token_, other.token_));
		return *this;
	}

	~token()
	{
		peal_token_free(token_);
	}

	void cancel() const noexcept
	{
		peal_token_cancel(token_);
	}

	bool cancelled() const noexcept
	{
		return peal_token_cancelled(token_);
	}

	/* For .token in the options of a scope. */
	struct peal_token *native() const noexcept
	{
		return token_;
	}

      private:
	struct peal_token *token_ = nullptr;
};

/* Opened by a fiber, and left by the same. Lies on its stack or in something that does. */
class scope
{
      public:
	/* Throws the errors of peal_scope_open(). */
	explicit scope(peal_scope_opts opts = {})
	    : result_for_(opts.result), exceptions_(std::uncaught_exceptions())
	{
		opts.size = sizeof(opts);
		opts.result = &result_;
		check(peal_scope_open(&scope_, &opts), "peal_scope_open");
		open_ = true;
	}

	scope(const scope &) = delete;
	scope &operator=(const scope &) = delete;

	/* Waits for the tasks. Suspends, unless all have ended. */
	~scope()
	{
		if (!open_)
			return;
		if (std::uncaught_exceptions() > exceptions_)
			peal_scope_unwind(&scope_);
		else
			peal_scope_leave(&scope_);
		tell();
	}

	/*
	 * Start a task inside: peal_scope_spawn(), with its errors as exceptions. By the opener and
	 * by any task inside, on any shard. The first exception that a task throws is kept for
	 * join(); not counted is one that says that the task was cancelled, if it was.
	 */
	template <class F> void spawn(const placement &how, F &&f)
	{
		using callable = std::decay_t<F>;
		detail::luggage<callable> luggage(std::forward<F>(f));

		check(peal_scope_spawn(&scope_, run_inside<callable>, luggage.get(), &how),
			"peal_scope_spawn");
		luggage.release();
	}

	template <class F> void spawn(F &&f)
	{
		spawn(here, std::forward<F>(f));
	}

	/*
	 * The same with a handle: peal_scope_task_spawn(). Its exception is for the join of the handle; of the
	 * scope it is a failure like any other.
	 */
	template <class F> peal::task<detail::result_of<F>> task(const placement &how, F &&f)
	{
		peal::task<detail::result_of<F>> made;

		made.start(&scope_, how, std::forward<F>(f));
		return made;
	}

	template <class F> peal::task<detail::result_of<F>> task(F &&f)
	{
		return task(here, std::forward<F>(f));
	}

	/* peal_scope_cancel(): by the opener and by any task inside. */
	void cancel() noexcept
	{
		peal_scope_cancel(&scope_);
	}

	/*
	 * Wait for the tasks and leave the scope. Where that fails in C (scope.h), throws the first
	 * exception of a task; if there is none, peal::error with the name peal_scope_close: the
	 * first failure, -ETIMEDOUT, -ECANCELED. Suspends, unless all have ended.
	 */
	void join()
	{
		const int result = close();

		if (result < 0 && thrown_)
			std::rethrow_exception(std::move(thrown_));
		check(result, "peal_scope_close");
	}

	/*
	 * The same without exceptions, with the result of peal_scope_close(). -EPERM, -EBUSY and -EINVAL may
	 * be mistakes of the caller's, or failures of tasks; the scope is left in the latter case.
	 */
	int close() noexcept
	{
		const int result = peal_scope_close(&scope_);

		if (open_ && result_ != NOT_LEFT) {
			open_ = false;
			tell();
		}
		return result;
	}

	struct peal_scope *native() noexcept
	{
		return &scope_;
	}

      private:
	static constexpr int NOT_LEFT = INT_MIN;

	/* The task that runs is in this scope. */
	template <class F> static int run_inside(void *pointer) noexcept
	{
		/* At the start of a task that is the one which it was spawned into. */
		auto *self = reinterpret_cast<scope *>(peal_scope_current());

		return detail::luggage<F>::run(pointer, [self] { return self->note(); });
	}

	int note() noexcept
	{
		const int result = caught();
		const bool cancelled = (result == -ECANCELED || result == -ETIMEDOUT) &&
			peal_cancelled();

		if (!cancelled && !noted_.test_and_set(std::memory_order_relaxed))
			thrown_ = std::current_exception(); /* read when all tasks have ended */
		return result;
	}

	void tell() noexcept
	{
		if (result_for_)
			*result_for_ = result_;
	}

	struct peal_scope scope_; /* first: run_inside() relies on it */
	std::exception_ptr thrown_;
	std::atomic_flag noted_ = ATOMIC_FLAG_INIT;
	int result_ = NOT_LEFT;
	int *result_for_;
	int exceptions_;
	bool open_ = false;
};

static_assert(std::is_standard_layout_v<scope>, "its first member is at its own address");

namespace detail
{

/* Call f in a scope of its own, that nothing is spawned into. */
template <class F> decltype(auto) call_inside(struct peal_scope *scope, F &f)
{
	struct leave {
		struct peal_scope *scope;

		~leave()
		{
			peal_scope_unwind(scope);
		}
	} leave{ scope };

	return std::invoke(f);
}

} // namespace detail

/*
 * Call f with a deadline, and return what it returns. Calls in it that take longer fail with
 * -ETIMEDOUT, or throw it: PEAL_WITHIN.
 *
 *	ssize_t n = peal::within(200ms, [&] { return peal_recv(fd, buf, sizeof(buf), 0); });
 */
template <class Rep, class Period, class F>
inline decltype(auto) within(std::chrono::duration<Rep, Period> duration, F &&f)
{
	struct peal_scope scope;

	peal_within_enter(&scope, nanoseconds(duration));
	return detail::call_inside(&scope, f);
}

/* Call f, and let no cancel or deadline from outside reach it: for clean-up that waits. */
template <class F> inline decltype(auto) shielded(F &&f)
{
	struct peal_scope scope;
	peal_scope_opts opts{};

	opts.size = sizeof(opts);
	opts.shield = 1;
	check(peal_scope_open(&scope, &opts), "peal_scope_open");
	return detail::call_inside(&scope, f);
}

} // namespace peal

#endif
