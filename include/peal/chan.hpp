/* SPDX-License-Identifier: MIT */
/*
 * Channels in C++: struct peal_chan (sync.h) with a type.
 *
 *	peal::chan<line> lines(64);
 *
 *	lines.send(next_line());                // on any shard
 *	lines.close();
 *	...
 *	for (const line &it : lines)            // on any other, until it is closed and empty
 *		print(it);
 *
 * Values are copied as bytes, so their type is trivially copyable; send pointers to what is not,
 * and let whoever receives one own it.
 */
#ifndef PEAL_CHAN_HPP
#define PEAL_CHAN_HPP

#include <cstddef>
#include <iterator>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include <peal/error.hpp>
#include <peal/sync.h>

namespace peal
{

/* Movable; what was moved from may only be destroyed or assigned to. */
template <class T> class chan
{
	static_assert(std::is_trivially_copyable_v<T> && std::is_copy_constructible_v<T>,
		"values travel as bytes");

      public:
	/* 0 waits for both sides of each value. Throws -ENOMEM. */
	explicit chan(size_t capacity)
	{
		check(peal_chan_create(&chan_, capacity, sizeof(T)), "peal_chan_create");
	}

	chan(chan &&other) noexcept : chan_(std::exchange(other.chan_, nullptr))
	{
	}

	chan &operator=(chan &&other) noexcept
	{
		if (this != &other)
			peal_chan_free(std::exchange(chan_, std::exchange(other.chan_, nullptr)));
		return *this;
	}

	/* When nobody uses it any more: ends the program when a fiber waits for it. */
	~chan()
	{
		peal_chan_free(chan_);
	}

	/* Throws -EPIPE when it is closed, -EPERM, -ECANCELED, -ETIMEDOUT: it was not received then. May
	 * suspend. */
	void send(const T &value)
	{
		check(peal_chan_send(chan_, &value), "peal_chan_send");
	}

	/* The next value; nothing when it is closed and empty. Throws -EPERM, -ECANCELED, -ETIMEDOUT. May
	 * suspend. */
	std::optional<T> recv()
	{
		return received(&peal_chan_recv, -ESHUTDOWN, "peal_chan_recv");
	}

	/* False when it is full (with a capacity of 0: when nobody waits for a value). Throws
	 * -EPIPE. Any thread. Does not suspend. */
	bool try_send(const T &value)
	{
		const int result = peal_chan_try_send(chan_, &value);

		return result != -EAGAIN && check(result, "peal_chan_try_send") == 0;
	}

	/* Nothing when there is nothing now; once it is closed, recv() tells whether there ever
	 * will be, without waiting. Any thread. Does not suspend. */
	std::optional<T> try_recv()
	{
		return received(&peal_chan_try_recv, -EAGAIN, "peal_chan_try_recv");
	}

	/* No more will be sent. Again does nothing. Any thread. */
	void close() noexcept
	{
		peal_chan_close(chan_);
	}

	/* How many values are in the buffer. Any thread. */
	size_t count() const noexcept
	{
		return peal_chan_count(chan_);
	}

	/* For peal_chan_select(). */
	peal_chan_case recv_case(T &value) noexcept
	{
		return { chan_, &value, PEAL_CHAN_RECV, 0 };
	}

	peal_chan_case send_case(const T &value) noexcept
	{
		return { chan_, const_cast<T *>(&value), PEAL_CHAN_SEND, 0 };
	}

	struct peal_chan *native() const noexcept
	{
		return chan_;
	}

	/* What a range-based for receives with: an input iterator, made for one pass. */
	class iterator
	{
	      public:
		using iterator_category = std::input_iterator_tag;
		using value_type = T;
		using difference_type = std::ptrdiff_t;
		using pointer = const T *;
		using reference = const T &;

		iterator() = default;

		explicit iterator(chan *from) : from_(from)
		{
			++*this;
		}

		reference operator*() const
		{
			return *value_;
		}

		pointer operator->() const
		{
			return &*value_;
		}

		iterator &operator++()
		{
			/* Not by assignment: a T with constant members cannot be assigned. */
			value_.reset();
			if (std::optional<T> next = from_->recv())
				value_.emplace(*next);
			return *this;
		}

		bool operator==(const iterator &other) const
		{
			return value_.has_value() == other.value_.has_value();
		}

		bool operator!=(const iterator &other) const
		{
			return !(*this == other);
		}

	      private:
		chan *from_ = nullptr;
		std::optional<T> value_;
	};

	iterator begin()
	{
		return iterator(this);
	}

	iterator end()
	{
		return {};
	}

      private:
	std::optional<T> received(
		int (*get)(struct peal_chan *, void *), int nothing, const char *call)
	{
		alignas(T) unsigned char room[sizeof(T)];
		const int result = get(chan_, room);

		if (result == nothing || result == -ESHUTDOWN)
			return std::nullopt;
		check(result, call);
		return *std::launder(reinterpret_cast<T *>(room));
	}

	struct peal_chan *chan_ = nullptr;
};

/* Do one of several transfers, and return its index: peal_chan_select(). Throws -EINVAL, -EPERM,
 * -ECANCELED, -ETIMEDOUT. May suspend. */
template <size_t N> inline unsigned int select(peal_chan_case (&cases)[N])
{
	static_assert(N <= PEAL_CHAN_CASES_MOST, "too many");
	return static_cast<unsigned int>(check(peal_chan_select(cases, N), "peal_chan_select"));
}

} // namespace peal

#endif
