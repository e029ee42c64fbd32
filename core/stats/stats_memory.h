/* SPDX-License-Identifier: MIT */
/*
 * Where the bytes of a stats page live: memory that other processes can read and only this one can
 * write.
 */
#ifndef PEAL_CORE_STATS_MEMORY_H
#define PEAL_CORE_STATS_MEMORY_H

#include <peal/base.h>

struct peal_stats_memory {
	void *base; /* zeroed, page aligned */
	size_t size;
	int fd;         /* readers find it; -1: the memory is private to the process */
	char path[256]; /* of the file, where there is one; "" for a memfd */
};

/*
 * A file in `directory` if that is not NULL, else a sealed memfd; private memory where both are
 * refused. -ENOMEM when there is not even that. `why` is written when it is not what was asked for,
 * and is "" otherwise.
 */
int peal_stats_memory_map(struct peal_stats_memory *memory, size_t size, const char *directory,
	unsigned int runtime, struct peal_reason *why);
void peal_stats_memory_unmap(struct peal_stats_memory *memory);

/* In the child of a fork: put private memory at the same address, and let go of the parent's. */
void peal_stats_memory_after_fork(struct peal_stats_memory *memory);

#endif
