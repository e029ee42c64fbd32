/* SPDX-License-Identifier: MIT */
/*
 * How callables get into functions of C and what becomes of them gets out: what the other .hpp headers are
 * made of, and nothing for programs to use.
 */
#ifndef PEAL_DETAIL_HPP
#define PEAL_DETAIL_HPP

#include <atomic>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <peal/error.hpp>

namespace peal
{

namespace detail
{

template <class F> using result_of = std::invoke_result_t<std::decay_t<F> &>;

/* What a callable returned, as a task's result: only failures matter. */
template <class F> int failure_of(F &f)
{
	using result = std::invoke_result_t<F &>;

	if constexpr (std::is_integral_v<result> && std::is_signed_v<result>) {
		const result value = std::invoke(f);

		return value < 0 ? static_cast<int>(value) : 0;
	} else {
		std::invoke(f);
		return 0;
	}
}

/* A callable on its way into a task: in the pointer itself if it fits, on the heap otherwise. */
template <class F> class luggage
{
      public:
	static constexpr bool fits = sizeof(F) <= sizeof(void *) && alignof(F) <= alignof(void *) &&
		std::is_trivially_copyable_v<F>;

	template <class G> explicit luggage(G &&g)
	{
		if constexpr (fits) {
			const F copy(std::forward<G>(g));

			std::memcpy(&pointer_, &copy, sizeof(F));
		} else {
			pointer_ = new F(std::forward<G>(g));
		}
	}

	luggage(const luggage &) = delete;
	luggage &operator=(const luggage &) = delete;

	~luggage()
	{
		if constexpr (!fits)
			delete static_cast<F *>(pointer_);
	}

	void *get() const
	{
		return pointer_;
	}

	/* A task has it now. */
	void release()
	{
		pointer_ = nullptr;
	}

	/* In the task. What on_throw makes of an exception is the result. */
	template <class OnThrow> static int run(void *pointer, OnThrow on_throw)
	{
		if constexpr (fits) {
			alignas(F) unsigned char room[sizeof(F)];

			std::memcpy(room, &pointer, sizeof(F));
			return guard(*std::launder(reinterpret_cast<F *>(room)), on_throw);
		} else {
			std::unique_ptr<F> mine(static_cast<F *>(pointer));

			return guard(*mine, on_throw);
		}
	}

      private:
	template <class OnThrow> static int guard(F &f, OnThrow &on_throw)
	{
		try {
			return failure_of(f);
		} catch (...) {
			return on_throw();
		}
	}

	void *pointer_ = nullptr;
};

template <class F> int run_alone(void *pointer) noexcept
{
	return luggage<F>::run(pointer, caught);
}

/* What a callable returned or threw, on its way to whoever waits for it. */
template <class T> class outcome
{
	using kept = std::conditional_t<std::is_void_v<T>, char,
		std::conditional_t<std::is_reference_v<T>, std::remove_reference_t<T> *, T>>;

      public:
	/* Once. Returns the task's result. */
	template <class F> int run(F &f) noexcept
	{
		try {
			if constexpr (std::is_void_v<T>) {
				std::invoke(f);
				value_.emplace();
			} else if constexpr (std::is_reference_v<T>) {
				value_.emplace(std::addressof(std::invoke(f)));
			} else {
				value_.emplace(std::invoke(f));
			}
			return failure();
		} catch (...) {
			thrown_ = std::current_exception();
			return caught();
		}
	}

	/* Has it run? */
	bool is_there() const
	{
		return value_ || thrown_;
	}

	/* Once. */
	T take()
	{
		if (thrown_)
			std::rethrow_exception(std::move(thrown_));
		if constexpr (std::is_reference_v<T>)
			return static_cast<T>(**value_);
		else if constexpr (!std::is_void_v<T>)
			return std::move(*value_);
	}

      private:
	int failure() const
	{
		if constexpr (std::is_integral_v<T> && std::is_signed_v<T>)
			return *value_ < 0 ? static_cast<int>(*value_) : 0;
		else
			return 0;
	}

	std::optional<kept> value_;
	std::exception_ptr thrown_;
};

/* A callable that stays where it is, because the caller waits. */
template <class F, class T = result_of<F>> struct errand {
	std::remove_reference_t<F> &f;
	outcome<T> out;

	static int run(void *self) noexcept
	{
		auto *errand = static_cast<struct errand *>(self);

		return errand->out.run(errand->f);
	}
};

/* What a task and its handle have in common; the last of them to let go frees it. */
template <class T> struct shared {
	outcome<T> out;
	std::atomic<unsigned int> owners{ 2 };

	virtual ~shared() = default;

	void release()
	{
		if (owners.fetch_sub(1, std::memory_order_acq_rel) == 1)
			delete this;
	}
};

template <class F, class T> struct running final : shared<T> {
	std::optional<F> f;

	template <class G> explicit running(G &&g) : f(std::forward<G>(g))
	{
	}

	static int run(void *self) noexcept
	{
		auto *running = static_cast<struct running *>(static_cast<shared<T> *>(self));
		const int result = running->out.run(*running->f);

		running->f.reset();
		running->release();
		return result;
	}
};

} // namespace detail

} // namespace peal

#endif
