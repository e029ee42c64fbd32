/* SPDX-License-Identifier: MIT */
/*
 * The library's memory: from the application's hook if there is one, otherwise from libc.
 *
 * The hook cannot change while anybody holds it (peal_alloc_hold), so that memory always goes back to
 * where it came from, and is read without synchronisation: the lock in peal_alloc_hold orders the
 * reads of the threads that a runtime starts after the write.
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"

#include <peal/runtime.h>

static struct {
	void *(*allocate)(size_t alignment, size_t size);
	void (*release)(void *memory);
} hook;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned int holders;

int peal_set_allocator(
	void *(*allocate)(size_t alignment, size_t size), void (*release)(void *memory))
{
	int err = 0;

	if (!allocate != !release)
		return -EINVAL;
	pthread_mutex_lock(&lock);
	if (holders) {
		err = -EBUSY;
	} else {
		hook.allocate = allocate;
		hook.release = release;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

void peal_alloc_hold(void)
{
	pthread_mutex_lock(&lock);
	holders++;
	pthread_mutex_unlock(&lock);
}

void peal_alloc_release(void)
{
	pthread_mutex_lock(&lock);
	peal_assert(holders > 0);
	holders--;
	pthread_mutex_unlock(&lock);
}

void peal_alloc_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
}

/* size must be a multiple of alignment, as aligned_alloc(3) wants it, and not 0. */
static void *allocate_zeroed(size_t alignment, size_t size)
{
	void *memory;

	if (!hook.allocate && alignment <= _Alignof(max_align_t))
		return calloc(1, size); /* knows which pages are zero already */
	memory = hook.allocate ? hook.allocate(alignment, size) : aligned_alloc(alignment, size);
	return memory ? memset(memory, 0, size) : NULL;
}

static void *allocate(size_t alignment, size_t size)
{
	size_t rounded;

	if (!size)
		size = 1;
	if (__builtin_add_overflow(size, alignment - 1, &rounded))
		return NULL;
	return allocate_zeroed(alignment, rounded & ~(alignment - 1));
}

void *peal_alloc(size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return NULL;
	return allocate(_Alignof(max_align_t), bytes);
}

void *peal_alloc_line(size_t size)
{
	return allocate(PEAL_ALLOC_LINE, size);
}

void *peal_realloc(void *memory, size_t old_size, size_t new_size)
{
	void *grown = peal_alloc(1, new_size);

	if (grown && memory) {
		memcpy(grown, memory, old_size < new_size ? old_size : new_size);
		peal_free(memory);
	}
	return grown;
}

void peal_free(void *memory)
{
	if (memory && hook.release)
		hook.release(memory);
	else
		free(memory);
}

char *peal_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = peal_alloc(1, size);

	return copy ? memcpy(copy, text, size) : NULL;
}
