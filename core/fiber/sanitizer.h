/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, LeakSanitizer, ThreadSanitizer and Valgrind must be told about stacks and
 * switches. Without them every function here is empty.
 *
 * The announcements of a switch are inlined, and into functions that are PEAL_BARE: an instrumented
 * frame that begins on one stack and ends on another unbalances what ThreadSanitizer keeps per fiber
 * (flare #197), and one that runs between two stacks would be accounted to the wrong one.
 */
#ifndef PEAL_CORE_SANITIZER_H
#define PEAL_CORE_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__SANITIZE_ADDRESS__)
#define PEAL_ASAN 1
#endif
#if defined(__SANITIZE_THREAD__)
#define PEAL_TSAN 1
#endif
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PEAL_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define PEAL_TSAN 1
#endif
#endif
#ifndef PEAL_ASAN
#define PEAL_ASAN 0
#endif
#ifndef PEAL_TSAN
#define PEAL_TSAN 0
#endif

/* Frames grow under the sanitizers: what fits otherwise should fit then. */
#define PEAL_STACK_GROWTH (PEAL_ASAN || PEAL_TSAN ? 4 : 1)

#if PEAL_TSAN && defined(__clang__)
/* no_sanitize leaves the marks of entry and exit in. */
#define PEAL_BARE __attribute__((disable_sanitizer_instrumentation))
#elif PEAL_TSAN || PEAL_ASAN
#define PEAL_BARE __attribute__((no_sanitize_address, no_sanitize_thread))
#else
#define PEAL_BARE
#endif
#define PEAL_BARE_INLINE static inline __attribute__((always_inline)) PEAL_BARE

#if PEAL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#endif
#if PEAL_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#ifdef HAVE_VALGRIND
#include <valgrind/valgrind.h>
#endif

static inline bool peal_on_valgrind(void)
{
#ifdef HAVE_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

/* A stack that parked fibers leave pointers on: not to be taken for leaks. Slots one by one, since
 * LeakSanitizer would step on the guards between them. */
static inline void peal_sanitizer_add_stack(const void *low, size_t size, uint32_t *valgrind_id)
{
#if PEAL_ASAN
	__lsan_register_root_region(low, size);
#endif
#ifdef HAVE_VALGRIND
	*valgrind_id = VALGRIND_STACK_REGISTER(low, (const char *)low + size);
#endif
	(void)low;
	(void)size;
	(void)valgrind_id;
}

static inline void peal_sanitizer_remove_stack(const void *low, size_t size, uint32_t valgrind_id)
{
#if PEAL_ASAN
	__lsan_unregister_root_region(low, size);
	__asan_unpoison_memory_region(low, size);
#endif
#ifdef HAVE_VALGRIND
	VALGRIND_STACK_DEREGISTER(valgrind_id);
#endif
	(void)low;
	(void)size;
	(void)valgrind_id;
}

/* A stack is used again: the red zones of frames that were never left are still there. */
static inline void peal_sanitizer_reuse_stack(const void *low, size_t size)
{
#if PEAL_ASAN
	__asan_unpoison_memory_region(low, size);
#endif
	(void)low;
	(void)size;
}

/* ThreadSanitizer's idea of a fiber: dear to make (27 us), so it stays with the stack. */
static inline void *peal_tsan_fiber(void *fiber, const char *name)
{
#if PEAL_TSAN
	if (!fiber)
		fiber = __tsan_create_fiber(0);
	__tsan_set_fiber_name(fiber, name);
#endif
	(void)name;
	return fiber;
}

static inline void peal_tsan_destroy(void *fiber)
{
#if PEAL_TSAN
	if (fiber)
		__tsan_destroy_fiber(fiber);
#endif
	(void)fiber;
}

static inline void *peal_tsan_thread(void)
{
#if PEAL_TSAN
	return __tsan_get_current_fiber();
#else
	return NULL;
#endif
}

#endif
