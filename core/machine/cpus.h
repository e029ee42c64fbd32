/* SPDX-License-Identifier: MIT */
/*
 * How many shards fit this machine, and on which CPUs: the CPU set of this process (taskset, cpuset
 * groups, containers) and the CPU time its control groups allow.
 */
#ifndef PEAL_CORE_CPUS_H
#define PEAL_CORE_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define PEAL_CPUS_MAX 8192 /* what the kernel can be built for (CONFIG_MAXSMP) */

struct peal_cpus {
	uint32_t count;  /* CPUs that we may use, at least 1 */
	uint32_t shards; /* as many, or as many as the quota can keep busy, rounded up */
	int64_t quota;   /* peal_cgroup_quota(): thousandths of a CPU */
	uint64_t set[PEAL_CPUS_MAX / 64];
};

/* Look, now. root stands in front of the control groups' files, "" for the machine's own. Cannot fail:
 * where the CPU set cannot be read the set is empty and count is the number of CPUs online. */
void peal_cpus_read(struct peal_cpus *cpus, const char *root);

/* Is CPU time limited? Then a thread that spins spends what another one needs. */
bool peal_cpus_have_quota(const struct peal_cpus *cpus);

/* The number of the n-th CPU that we may use, counting from 0; -1 if there are not that many. */
int peal_cpus_nth(const struct peal_cpus *cpus, uint32_t n);

/* Tie the calling thread to one CPU. 0 or a negative errno (-EINVAL: it is offline or not ours). */
int peal_cpus_pin(int cpu);

/* Let the calling thread run on all CPUs that we may use again. */
void peal_cpus_unpin(const struct peal_cpus *cpus);

/* shards from count and quota. For peal_cpus_read() and tests. */
uint32_t peal_cpus_shards(uint32_t count, int64_t quota);

#endif
