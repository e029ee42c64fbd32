/* SPDX-License-Identifier: MIT */
/*
 * What looking into Peal with BPF would need. Peal runs without any of it, and its counters can be read
 * without (`peal stat`), so what is not there is missing, never a warning.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "tools/peal/doctor.h"

#define BPFFS_MAGIC 0xcafe4a11 /* BPF_FS_MAGIC in linux/magic.h */

static void verdict(struct doctor *doctor, bool there, const char *check, const char *found,
	const char *not_found, const char *remedy)
{
	doctor_say(doctor, there ? DOCTOR_OK : DOCTOR_MISSING, check, there ? NULL : remedy, "%s",
		there ? found : not_found);
}

static void check_libbpf(struct doctor *doctor)
{
	void *library = dlopen("libbpf.so.1", RTLD_NOW | RTLD_LOCAL);
	const char *(*version)(void) = NULL;

	if (library)
		*(void **)&version = dlsym(library, "libbpf_version_string");
	verdict(doctor, library, "libbpf", version ? version() : "there", "not installed",
		"apt-get install libbpf1, or what your distribution calls it");
	if (library)
		dlclose(library);
}

static void check_capability(
	struct doctor *doctor, const char *name, unsigned int capability, const char *use)
{
	verdict(doctor, doctor_capable(capability), name, use, use,
		"run as root, or grant it (setcap, AmbientCapabilities=)");
}

/* The smallest map there is. */
static int make_map(void)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static void check_call(struct doctor *doctor)
{
	int err = make_map();
	char level[16] = "";

	doctor_read("/proc/sys/kernel/unprivileged_bpf_disabled", level, sizeof(level));
	if (!err)
		doctor_say(doctor, DOCTOR_OK, "bpf(2)", NULL,
			"makes maps (kernel.unprivileged_bpf_disabled is %s)",
			*level ? level : "not there");
	else if (err == -ENOSYS)
		doctor_say(doctor, DOCTOR_MISSING, "bpf(2)",
			"a kernel with CONFIG_BPF_SYSCALL, or a seccomp filter that lets it pass",
			"not in this kernel, or hidden by a filter");
	else if (doctor_capable(DOCTOR_CAP_BPF) || doctor_capable(DOCTOR_CAP_SYS_ADMIN))
		doctor_say(doctor, DOCTOR_MISSING, "bpf(2)",
			"look for a seccomp filter, a container's user namespace or a security module",
			"refused although the capabilities are there: %s", strerror(-err));
	else
		doctor_say(doctor, DOCTOR_MISSING, "bpf(2)", "run as root, or with CAP_BPF",
			"refused: %s (kernel.unprivileged_bpf_disabled is %s)", strerror(-err),
			*level ? level : "not there");
}

static void check_bpffs(struct doctor *doctor)
{
	struct statfs fs;

	verdict(doctor, !statfs("/sys/fs/bpf", &fs) && (unsigned int)fs.f_type == BPFFS_MAGIC,
		"bpffs", "mounted on /sys/fs/bpf", "not mounted, so that maps cannot be pinned",
		"mount -t bpf bpf /sys/fs/bpf");
}

/* kernel_lockdown(7): "[none] integrity confidentiality" */
static void check_lockdown(struct doctor *doctor)
{
	char modes[128] = "";

	if (!doctor_read("/sys/kernel/security/lockdown", modes, sizeof(modes)))
		doctor_say(
			doctor, DOCTOR_OK, "lockdown", NULL, "not in this kernel, or not visible");
	else
		verdict(doctor, !strstr(modes, "[confidentiality]"), "lockdown", modes, modes,
			"BPF may not read memory; boot with lockdown=integrity or none");
}

void doctor_bpf(struct doctor *doctor)
{
	static const char pmu[] = "/sys/bus/event_source/devices/uprobe/type";
	static const char btf[] = "/sys/kernel/btf/vmlinux";

	doctor_section(doctor, "BPF");
	check_libbpf(doctor);
	check_capability(doctor, "CAP_BPF", DOCTOR_CAP_BPF, "maps and programs");
	check_capability(doctor, "CAP_PERFMON", DOCTOR_CAP_PERFMON, "tracing programs");
	check_capability(
		doctor, "CAP_SYS_ADMIN", DOCTOR_CAP_SYS_ADMIN, "probes in programs (uprobes)");
	check_call(doctor);
	verdict(doctor, !access(pmu, F_OK), "uprobes", "there", "this kernel has none",
		"a kernel with CONFIG_UPROBE_EVENTS");
	verdict(doctor, !access(btf, R_OK), "kernel BTF", "there",
		"not there: no scheduler tracing", "a kernel with CONFIG_DEBUG_INFO_BTF");
	check_bpffs(doctor);
	check_lockdown(doctor);
}
