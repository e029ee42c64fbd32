/* SPDX-License-Identifier: MIT */
/*
 * Peal for C++17 and newer: lambdas, objects and exceptions around the calls of C, and nothing
 * else. All of it is in headers; a program links libpeal as a C program does.
 *
 *	#include <peal/peal.hpp>
 *
 *	using namespace std::chrono_literals;
 *
 *	peal::run([] {
 *		peal::scope scope{peal::within(50ms)};
 *
 *		for (auto &part : parts)
 *			scope.spawn(peal::stealable, [&part] { part.sum = crunch(part); });
 *		scope.join();                   // rethrows what a task threw
 *	});
 *
 *   error.hpp    peal::error, check(), durations     scope.hpp    scope, token, within(), shielded()
 *   task.hpp     spawn(), task, compute(), sleep()   sync.hpp     mutex, condition, semaphore, ...
 *   runtime.hpp  run(), runtime                      chan.hpp     chan<T>, select()
 *   port.hpp     port, port_client
 *
 * One rule for errors: what is called peal:: throws, what is called peal_ returns. Calls here throw
 * peal::error, a std::system_error with the name of the call in C, wherever that has a negative
 * result; what is an ordinary outcome (a channel that is empty, a lock that is taken) is a value.
 * All calls of C are there as well, with their int results; each object gives its struct to them
 * with native(), and peal::check() turns such a result into an exception. I/O is used in that way:
 *
 *	ssize_t n = peal::check(peal_recv(fd, buf, sizeof(buf), 0), "peal_recv");
 *
 * So a cancelled task is unwound like a failed one: what waits throws peal::error with
 * std::errc::operation_canceled, or timed_out. Destructors that wait in C calls get -ECANCELED
 * there; peal::shielded() is for those.
 *
 * Fibers and exceptions. A fiber may throw, catch, wait in a catch block and in a destructor, and
 * rethrow after that; other fibers of its thread may do so meanwhile. An exception that a task's
 * callable lets out is kept for who joins the task (task.hpp); from a function that C calls
 * directly (peal_spawn(), callbacks, posts) none may escape: that terminates. Thread-locals belong
 * to the shard, not to the fiber.
 *
 * Objects are for fibers or threads as their calls in C are; where nothing is said, in a fiber, and
 * suspending as those.
 */
#ifndef PEAL_PEAL_HPP
#define PEAL_PEAL_HPP

#include <peal/chan.hpp>
#include <peal/error.hpp>
#include <peal/peal.h>
#include <peal/port.hpp>
#include <peal/runtime.hpp>
#include <peal/scope.hpp>
#include <peal/sync.hpp>
#include <peal/task.hpp>

#endif
