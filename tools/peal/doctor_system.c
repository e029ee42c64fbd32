/* SPDX-License-Identifier: MIT */
/* The kernel and the CPUs. */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "tools/peal/doctor.h"

static void check_kernel(struct doctor *doctor)
{
	struct utsname name;

	if (uname(&name))
		doctor_say(doctor, DOCTOR_WARNING, "kernel", NULL, "does not tell its name");
	else
		doctor_say(doctor, DOCTOR_OK, "kernel", NULL, "%s %s %s", name.sysname,
			name.release, name.machine);
}

/* Documentation/admin-guide/sysctl/kernel.rst, Linux 6.6. */
static void check_io_uring_switch(struct doctor *doctor)
{
	static const char path[] = "/proc/sys/kernel/io_uring_disabled";
	static const char remedy[] = "sysctl kernel.io_uring_disabled=0 allows it to all";
	char value[32];

	if (!doctor_read(path, value, sizeof(value)))
		doctor_say(doctor, DOCTOR_OK, "io_uring switch", NULL,
			"this kernel has none (kernel.io_uring_disabled)");
	else if (!strcmp(value, "0"))
		doctor_say(doctor, DOCTOR_OK, "io_uring switch", NULL, "on for everybody");
	else if (!strcmp(value, "1"))
		doctor_say(doctor,
			doctor_capable(DOCTOR_CAP_SYS_ADMIN) ? DOCTOR_OK : DOCTOR_WARNING,
			"io_uring switch", remedy,
			"on for root and the group of kernel.io_uring_group");
	else
		doctor_say(doctor, DOCTOR_WARNING, "io_uring switch", remedy, "off for everybody");
}

static void check_cpus(struct doctor *doctor)
{
	const struct peal_machine *machine = &doctor->machine;
	char list[256] = "?";

	doctor_status("Cpus_allowed_list", list, sizeof(list));
	doctor_say(doctor, DOCTOR_OK, "CPUs", NULL, "%u (%s), so %u shard%s by default",
		machine->cpus, list, machine->shards, machine->shards == 1 ? "" : "s");
	if (machine->cpu_quota == INT64_MAX)
		doctor_say(doctor, DOCTOR_OK, "CPU quota", NULL, "none");
	else
		doctor_say(doctor, DOCTOR_OK, "CPU quota", NULL,
			"%lld.%03lld CPUs by control groups: idle shards sleep at once",
			(long long)machine->cpu_quota / 1000, (long long)machine->cpu_quota % 1000);
}

static void check_guard(struct doctor *doctor)
{
	switch (doctor->machine.stack_guard) {
	case PEAL_STACK_GUARD_ADVICE:
		doctor_say(doctor, DOCTOR_OK, "stack guards", NULL,
			"pages by MADV_GUARD_INSTALL, for any number of fibers");
		break;
	case PEAL_STACK_GUARD_PROTECT:
		doctor_say(doctor, DOCTOR_OK, "stack guards", "Linux 6.13 has them without a limit",
			"pages by mprotect, for as many fibers as mappings allow");
		break;
	case PEAL_STACK_GUARD_CANARY:
		doctor_say(doctor, DOCTOR_WARNING, "stack guards",
			"find out what forbids mprotect here (seccomp, an emulator)",
			"no guard pages: an overflow is seen late");
		break;
	default:
		doctor_say(doctor, DOCTOR_WARNING, "stack guards",
			"see the address space among the limits", "no memory for a single stack");
	}
}

/* What a filter refuses is only seen by trying; the sections on backends and BPF do. */
static void check_seccomp(struct doctor *doctor)
{
	char mode[16] = "?", filters[16] = "some";

	doctor_status("Seccomp", mode, sizeof(mode));
	doctor_status("Seccomp_filters", filters, sizeof(filters));
	if (!strcmp(mode, "0"))
		doctor_say(doctor, DOCTOR_OK, "seccomp", NULL, "no filter on this process");
	else
		doctor_say(doctor, DOCTOR_OK, "seccomp", NULL,
			"mode %s with %s filter(s): they may refuse what is found refused below",
			mode, filters);
}

void doctor_system(struct doctor *doctor)
{
	doctor_section(doctor, "system");
	check_kernel(doctor);
	check_io_uring_switch(doctor);
	check_seccomp(doctor);
	if (peal_machine(&doctor->machine)) {
		doctor_say(doctor, DOCTOR_WARNING, "library", "install them together",
			"this command and libpeal are of different versions");
		return;
	}
	check_cpus(doctor);
	check_guard(doctor);
}
