/* SPDX-License-Identifier: MIT */
/*
 * What every public header needs: visibility, language, units, the room of embedded structs.
 *
 * The headers compile alone, as C11 and as C++17, and contain no atomics.
 */
#ifndef PEAL_BASE_H
#define PEAL_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define PEAL_BEGIN_DECLS extern "C" {
#define PEAL_END_DECLS   }
#else
#define PEAL_BEGIN_DECLS
#define PEAL_END_DECLS
#endif

/* Everything without it is hidden; the names are listed in core/libpeal.map as well. */
#define PEAL_API               __attribute__((visibility("default")))

#define PEAL_MUST_CHECK        __attribute__((warn_unused_result))
#define PEAL_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define PEAL_NORETURN          __attribute__((noreturn))

/*
 * The struct that a member is embedded in. Without statement expressions, and still the compiler
 * complains when ptr does not point to the member's type.
 */
#define PEAL_CONTAINER_OF(ptr, type, member) \
	((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

/*
 * Is a function in an API table there? True when the table exists, is long enough to hold the
 * member, and the member is set. Tables only grow at their end (see plugin.h).
 */
#define PEAL_HAS(table, member)                                                             \
	((table) &&                                                                         \
		(table)->size >=                                                            \
			offsetof(__typeof__(*(table)), member) + sizeof((table)->member) && \
		(table)->member)

PEAL_BEGIN_DECLS

/*
 * Why something was refused, in words: which check failed, what was found, what to do about it.
 * Calls that take one accept NULL; they write it only when they fail. The text is a sentence
 * without a final newline, in English, always terminated.
 */
struct peal_reason {
	char text[256];
};

/*
 * Size in bytes of a struct that users embed, by its name ("peal_op", "peal_post"), for callers from
 * other languages. 0 for an unknown name. Any thread.
 */
PEAL_API size_t peal_sizeof(const char *name);

PEAL_END_DECLS

#endif
