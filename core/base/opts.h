/* SPDX-License-Identifier: MIT */
/*
 * Options structs: they start with their size. A caller built with an older header has a shorter one,
 * whose missing fields are zero, the default; one with a newer header has a longer one, which is fine
 * as long as what we do not know is zero too.
 */
#ifndef PEAL_CORE_OPTS_H
#define PEAL_CORE_OPTS_H

#include <errno.h>
#include <stddef.h>
#include <string.h>

/* 0, -E2BIG for a tail that means something to a newer library, -EINVAL for a size that cannot be. */
static inline int peal_opts_read(void *to, size_t known, const void *from)
{
	const unsigned char *bytes = from;
	size_t size;

	memset(to, 0, known);
	if (!from)
		return 0;
	memcpy(&size, from, sizeof(size));
	if (size < sizeof(size))
		return -EINVAL;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return -E2BIG;
	memcpy(to, from, size < known ? size : known);
	return 0;
}

/* *to, complete, from what the user gave (NULL: defaults). */
#define PEAL_OPTS_READ(to, from) peal_opts_read(to, sizeof(*(to)), from)

#endif
