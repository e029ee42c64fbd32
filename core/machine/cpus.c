/* SPDX-License-Identifier: MIT */
/*
 * sched_getaffinity(2) is asked by its number: libc's wrapper and cpu_set_t end at 1,024 CPUs, and the
 * kernel refuses a set that is smaller than its own.
 */
#include <string.h>

#include "core/machine/cgroup.h"
#include "core/machine/cpus.h"
#include "core/sys.h"

static uint32_t count_bits(const uint64_t *set)
{
	uint32_t count = 0;

	for (int i = 0; i < PEAL_CPUS_MAX / 64; i++)
		count += (uint32_t)__builtin_popcountll(set[i]);
	return count;
}

static void read_set(struct peal_cpus *cpus)
{
	long online;

	memset(cpus->set, 0, sizeof(cpus->set));
	if (peal_sys_any(SYS_sched_getaffinity, 0, sizeof(cpus->set), (long)cpus->set, 0, 0, 0) >
		0) {
		cpus->count = count_bits(cpus->set);
	} else {
		online = sysconf(_SC_NPROCESSORS_ONLN);
		cpus->count = online > 0 ? (uint32_t)online : 1;
	}
	if (!cpus->count)
		cpus->count = 1;
}

uint32_t peal_cpus_shards(uint32_t count, int64_t quota)
{
	int64_t busy = quota / 1000 + (quota % 1000 != 0);

	return busy >= count ? count : busy > 0 ? (uint32_t)busy : 1;
}

void peal_cpus_read(struct peal_cpus *cpus, const char *root)
{
	read_set(cpus);
	cpus->quota = peal_cgroup_quota(root);
	cpus->shards = peal_cpus_shards(cpus->count, cpus->quota);
}

bool peal_cpus_have_quota(const struct peal_cpus *cpus)
{
	return cpus->quota != PEAL_CGROUP_NO_QUOTA;
}

int peal_cpus_nth(const struct peal_cpus *cpus, uint32_t n)
{
	for (int cpu = 0; cpu < PEAL_CPUS_MAX; cpu++)
		if (cpus->set[cpu / 64] & UINT64_C(1) << cpu % 64 && !n--)
			return cpu;
	return -1;
}

int peal_cpus_pin(int cpu)
{
	uint64_t set[PEAL_CPUS_MAX / 64] = { 0 };

	if (cpu < 0 || cpu >= PEAL_CPUS_MAX)
		return -EINVAL;
	set[cpu / 64] = UINT64_C(1) << cpu % 64;
	return (int)peal_sys_any(SYS_sched_setaffinity, 0, sizeof(set), (long)set, 0, 0, 0);
}

void peal_cpus_unpin(const struct peal_cpus *cpus)
{
	/* An empty set (it could not be read) is refused, and nothing changes. */
	(void)peal_sys_any(SYS_sched_setaffinity, 0, sizeof(cpus->set), (long)cpus->set, 0, 0, 0);
}
