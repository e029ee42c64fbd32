/* SPDX-License-Identifier: MIT */
/*
 * What a debugger needs to find every fiber of a process, live or dumped, without running any of it:
 * tools/gdb/peal-gdb.py reads it.
 *
 * A table of names and numbers in place of debug info, because production has none: a library that was
 * stripped, a dump that somebody sends. It is exported, as libthread_db's symbols are by libc, so it
 * survives strip(1). Entries are found by name: they may come, go and move; what changes its meaning gets
 * another name. `version` changes when this struct does.
 */
#ifndef PEAL_CORE_DEBUG_H
#define PEAL_CORE_DEBUG_H

#include <peal/base.h>

#include "core/base/list.h"
#include "core/fiber/switch.h"

#define PEAL_DEBUG_VERSION 1

struct peal_debug_entry {
	char name[24];
	int64_t value;
};

struct peal_debug {
	char magic[8]; /* "pealdbg" */
	uint32_t version;
	uint32_t count;
	const struct peal_debug_entry *entries;
	const struct peal_switch_register *registers;
	const struct peal_list *runtimes;
};

PEAL_API extern const struct peal_debug peal_debug;

/* Every runtime of the process, by peal_rt.forks; fork.c's, and under its lock. */
extern struct peal_list peal_runtimes;

#endif
