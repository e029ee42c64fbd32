/* SPDX-License-Identifier: MIT */
/*
 * Errors and durations in C++: from negative errno values to exceptions and back, and from
 * std::chrono to nanoseconds. peal.hpp tells which calls throw.
 */
#ifndef PEAL_ERROR_HPP
#define PEAL_ERROR_HPP

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <new>
#include <string>
#include <system_error>

#include <peal/base.h>
#include <peal/time.h>

namespace peal
{

/*
 * What calls throw: a std::system_error whose code() compares with std::errc, and whose what()
 * begins with the name of the call in C.
 *
 *	try {
 *		work();
 *	} catch (const peal::error &e) {
 *		if (e.code() != std::errc::operation_canceled)
 *			throw;
 *	}
 */
class PEAL_API error : public std::system_error
{
      public:
	/* result: a negative errno. */
	error(int result, const std::string &call)
	    : std::system_error(-result, std::generic_category(), call)
	{
	}

	error(int result, const char *call, const struct peal_reason &reason)
	    : error(result, std::string(call) + ": " + reason.text)
	{
	}

	/* The negative errno, as the call in C gave it. */
	int result() const noexcept
	{
		return -code().value();
	}
};

/*
 * The result of a call in C, if it is not negative; an exception if it is.
 *
 *	ssize_t n = peal::check(peal_recv(fd, buf, sizeof(buf), 0), "peal_recv");
 */
template <class Number> inline Number check(Number result, const char *call)
{
	if (result < 0)
		throw error(static_cast<int>(result), call);
	return result;
}

/*
 * The other direction: the exception that is being handled, as the result of a task. The errno of a
 * std::system_error, if it is one; -ENOMEM for std::bad_alloc; -ENOTRECOVERABLE for all others. To be
 * called in a catch block only.
 */
inline int caught() noexcept
{
	try {
		throw;
	} catch (const std::system_error &e) {
		const std::error_category &kind = e.code().category();

		if ((kind == std::generic_category() || kind == std::system_category()) &&
			e.code().value() > 0)
			return -e.code().value();
	} catch (const std::bad_alloc &) {
		return -ENOMEM;
	} catch (...) {
	}
	return -ENOTRECOVERABLE;
}

/* A duration in nanoseconds, rounded up: what waits is never early. What cannot be counted (292
 * years) is for ever. */
template <class Rep, class Period>
constexpr int64_t nanoseconds(std::chrono::duration<Rep, Period> duration)
{
	constexpr double countable = 9.2e9;
	const double seconds = std::chrono::duration<double>(duration).count();

	if (seconds >= countable)
		return PEAL_NEVER;
	if (seconds <= -countable)
		return INT64_MIN;
	return std::chrono::ceil<std::chrono::nanoseconds>(duration).count();
}

/* The clock of the calling thread's runtime: peal_now(). */
struct clock {
	using duration = std::chrono::nanoseconds;
	using rep = duration::rep;
	using period = duration::period;
	using time_point = std::chrono::time_point<clock>;
	static constexpr bool is_steady = true;

	static time_point now() noexcept
	{
		return time_point(duration(peal_now()));
	}
};

/* An instant of that clock, as C counts it. */
template <class Duration>
constexpr int64_t nanoseconds(std::chrono::time_point<clock, Duration> instant)
{
	return nanoseconds(instant.time_since_epoch());
}

} // namespace peal

#endif
