/* SPDX-License-Identifier: MIT */
/* What this process may use up. getrlimit(2). */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "tools/peal/doctor.h"

#define FEW_FILES    1024
#define FEW_THREADS  64
#define FEW_MAPPINGS 65530

/* "1024", "unlimited" */
static const char *number(rlim_t value, char text[32])
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(text, 32, "%llu", (unsigned long long)value);
	return text;
}

static const char *kibibytes(rlim_t value, char text[32])
{
	if (value == RLIM_INFINITY)
		return "unlimited";
	snprintf(text, 32, "%llu KiB", (unsigned long long)value / 1024);
	return text;
}

static void check_files(struct doctor *doctor)
{
	struct rlimit limit;
	char soft[32], hard[32];

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	doctor_say(doctor, limit.rlim_cur < FEW_FILES ? DOCTOR_WARNING : DOCTOR_OK, "open files",
		limit.rlim_cur < limit.rlim_max
			? "ulimit -n or LimitNOFILE= raise it for many connections"
			: NULL,
		"%s, at most %s", number(limit.rlim_cur, soft), number(limit.rlim_max, hard));
}

/* Which kernels count the memory of rings differs: up to 5.11 and from 6.14 on. */
static void check_memlock(struct doctor *doctor)
{
	struct rlimit limit;
	char soft[32];

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (doctor_capable(DOCTOR_CAP_IPC_LOCK))
		doctor_say(doctor, DOCTOR_OK, "locked memory", NULL,
			"%s, which does not bind this process (CAP_IPC_LOCK)",
			kibibytes(limit.rlim_cur, soft));
	else
		doctor_say(doctor, DOCTOR_OK, "locked memory",
			limit.rlim_cur == RLIM_INFINITY
				? NULL
				: "ulimit -l or LimitMEMLOCK= raise it if rings are refused",
			"%s for all processes of this user together",
			kibibytes(limit.rlim_cur, soft));
}

static void check_mappings(struct doctor *doctor)
{
	char text[32] = "";
	long most;

	doctor_read("/proc/sys/vm/max_map_count", text, sizeof(text));
	most = atol(text);
	if (most <= 0)
		return;
	if (doctor->machine.stack_guard == PEAL_STACK_GUARD_PROTECT)
		doctor_say(doctor, DOCTOR_OK, "mappings", "sysctl vm.max_map_count=... raises it",
			"%ld, of which stack guards take two each", most);
	else
		doctor_say(doctor, most < FEW_MAPPINGS ? DOCTOR_WARNING : DOCTOR_OK, "mappings",
			most < FEW_MAPPINGS ? "sysctl vm.max_map_count=65530" : NULL, "%ld", most);
}

static void check_threads(struct doctor *doctor)
{
	char text[32] = "?", soft[32];
	struct rlimit limit;

	if (getrlimit(RLIMIT_NPROC, &limit))
		return;
	doctor_read("/proc/sys/kernel/threads-max", text, sizeof(text));
	doctor_say(doctor, limit.rlim_cur < FEW_THREADS ? DOCTOR_WARNING : DOCTOR_OK, "threads",
		limit.rlim_cur < FEW_THREADS ? "ulimit -u or TasksMax= raise it" : NULL,
		"%s for this user, %s on the machine", number(limit.rlim_cur, soft), text);
}

/* Stacks are reserved in large pieces, most of which is never touched. */
static void check_address_space(struct doctor *doctor)
{
	struct rlimit limit;
	char soft[32];

	if (getrlimit(RLIMIT_AS, &limit))
		return;
	doctor_say(doctor, limit.rlim_cur == RLIM_INFINITY ? DOCTOR_OK : DOCTOR_WARNING,
		"address space",
		limit.rlim_cur == RLIM_INFINITY
			? NULL
			: "ulimit -v unlimited; limit memory by a control group",
		"%s", kibibytes(limit.rlim_cur, soft));
}

void doctor_limits(struct doctor *doctor)
{
	doctor_section(doctor, "limits");
	check_files(doctor);
	check_memlock(doctor);
	check_mappings(doctor);
	check_threads(doctor);
	check_address_space(doctor);
}
