/* SPDX-License-Identifier: MIT */
/*
 * The layout of a stats page: what a runtime writes (stats.c) and any process may read (stats_read.c).
 *
 *	header | descriptors, one per counter | block of shard 0 | shard 1 | ... | block of the outside
 *
 * The page describes itself: readers find everything by the offsets, sizes and names that stand in it
 * and use no constant of this file but the structs. A newer minor version may append fields to the
 * structs (their sizes are in the header) and add kinds; a reader of another major version stops.
 * All numbers are in the byte order of the machine.
 *
 * A block is written by its shard alone, the outside's by atomic additions. Each starts on a page of
 * its own, so that the first to touch it, its owner, decides the memory node. Offsets of counters
 * count from the start of a block and are the same in every block.
 */
#ifndef PEAL_CORE_STATS_PAGE_H
#define PEAL_CORE_STATS_PAGE_H

#include "core/base/atomic.h"

#define PEAL_STATS_NAME         "peal.stats" /* of the memfd: how readers find it in /proc/PID/fd */
#define PEAL_STATS_MAGIC        0x746174736c616570u /* "pealstat" */
#define PEAL_STATS_MAJOR        1
#define PEAL_STATS_MINOR        0

/* What a reader accepts. More than any runtime has, and little enough to bound the work that a page
 * made in bad faith can cause. */
#define PEAL_STATS_MAX_SIZE     ((uint64_t)64 << 20)
#define PEAL_STATS_MAX_COUNTERS 4096
#define PEAL_STATS_MAX_SHARDS   4096
#define PEAL_STATS_MAX_RECORD   4096 /* bytes of the header, and of a descriptor */

struct peal_stats_header {
	PEAL_ATOMIC(uint64_t) magic; /* stored last, with release: what follows is complete */
	uint16_t major, minor;
	uint32_t header_size;
	uint64_t size; /* of the whole page */

	uint32_t descriptor_offset, descriptor_size; /* of the first, and the stride */
	PEAL_ATOMIC(uint64_t) descriptors;           /* how many are complete; only grows */

	uint32_t shards;
	uint32_t block_offset, block_stride; /* of shard 0's block, and from each to the next */
	uint32_t block_size;                 /* bytes of a block that counters may use */
	uint32_t outside_offset;

	int32_t pid;                 /* in the process's own pid namespace */
	uint64_t pid_start;          /* field 22 of /proc/PID/stat; 0: not known */
	int64_t started;             /* CLOCK_BOOTTIME, ns */
	uint32_t runtime;            /* number of the runtime in its process, from 1 */
	PEAL_ATOMIC(uint32_t) state; /* enum peal_rt_state */
	char backend[32];
	char name[64];
};

struct peal_stats_descriptor {
	uint32_t offset; /* in a block, of the first value; a multiple of 8 */
	uint32_t length; /* values, 8 bytes each */
	uint32_t kind;   /* enum peal_counter_kind */
	uint32_t reserved;
	char name[32];
	char group[16];
	char unit[64];
	char help[128];
};

_Static_assert(sizeof(struct peal_stats_header) == 184, "the header is ABI");
_Static_assert(sizeof(struct peal_stats_descriptor) == 256, "the descriptor is ABI");

#endif
