/* SPDX-License-Identifier: MIT */
/*
 * A stats page is a memfd that nobody can resize and nobody but us can write: we map it first and seal
 * it then (fcntl(2), F_SEAL_FUTURE_WRITE leaves the mapping that exists). It is never a file on a
 * disk: a store into such a mapping can wait for writeback, for hundreds of milliseconds.
 *
 * The mapping is not inherited over fork(), or the child would count into its parent's page. What
 * counts there nevertheless must find memory, so the child puts its own at the same address.
 */
#include "core/stats/stats_memory.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>

#include "core/base/log.h"
#include "core/stats/stats_page.h"
#include "core/sys.h"

/* Linux 6.3; refused as unknown before, demanded where vm.memfd_noexec is 2. */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
/* Linux 5.1 */
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

static int map(struct peal_stats_memory *memory, int flags, int fd)
{
	int err = 0;

	memory->base = peal_sys_mmap(
		NULL, memory->size, PROT_READ | PROT_WRITE, flags, fd, 0, &err);
	return err;
}

static int map_shared(struct peal_stats_memory *memory, int fd, struct peal_reason *why)
{
	int err = map(memory, MAP_SHARED, fd);

	if (err)
		return peal_refuse(why, err, "cannot map the stats page: %s", strerror(-err));
	err = (int)peal_sys_madvise(memory->base, memory->size, MADV_DONTFORK);
	if (!err)
		return 0;
	peal_sys_munmap(memory->base, memory->size);
	return peal_refuse(why, err, "cannot keep the stats page from a fork: %s", strerror(-err));
}

static int open_memfd(struct peal_reason *why)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	long fd = peal_sys_memfd_create(PEAL_STATS_NAME, flags | MFD_NOEXEC_SEAL);

	if (fd == -EINVAL)
		fd = peal_sys_memfd_create(PEAL_STATS_NAME, flags);
	if (fd < 0)
		return peal_refuse(
			why, (int)fd, "memfd_create was refused: %s", strerror((int)-fd));
	return (int)fd;
}

static int map_memfd(struct peal_stats_memory *memory, struct peal_reason *why)
{
	int fd = open_memfd(why), err;

	if (fd < 0)
		return fd;
	err = (int)peal_sys_ftruncate(fd, (off_t)memory->size);
	if (err)
		err = peal_refuse(why, err, "cannot size the stats page: %s", strerror(-err));
	else
		err = map_shared(memory, fd, why);
	if (err)
		goto fail_close;
	err = (int)peal_sys_fcntl(fd, F_ADD_SEALS, SEALS);
	if (err < 0) {
		peal_refuse(why, err, "the stats page cannot be sealed (needs Linux 5.1): %s",
			strerror(-err));
		goto fail_unmap;
	}
	memory->fd = fd;
	return 0;

fail_unmap:
	peal_sys_munmap(memory->base, memory->size);
fail_close:
	peal_sys_close(fd);
	return err;
}

static int check_directory(int fd, const char *directory, struct peal_reason *why)
{
	struct statfs fs;
	long err = peal_sys_any(SYS_fstatfs, fd, (long)&fs, 0, 0, 0, 0);

	if (err)
		return peal_refuse(
			why, (int)err, "fstatfs of %s failed: %s", directory, strerror((int)-err));
	if (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)
		return peal_refuse(why, -EINVAL,
			"%s is not on a tmpfs, and counting must not wait for a disk: choose a "
			"folder under /run",
			directory);
	return 0;
}

/* The name carries our pid: whatever has it already was left behind by a process that is gone. */
static int create_file(int dir, const char *name, size_t size)
{
	int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	long fd = peal_sys_openat(dir, name, flags, 0640), err;

	if (fd == -EEXIST && !peal_sys_any(SYS_unlinkat, dir, (long)name, 0, 0, 0, 0))
		fd = peal_sys_openat(dir, name, flags, 0640);
	if (fd < 0)
		return (int)fd;
	/* The group shall read it, whatever the umask. */
	err = peal_sys_any(SYS_fchmod, fd, 0640, 0, 0, 0, 0);
	/* Takes the memory now: a tmpfs that is full later would answer a store with SIGBUS. */
	if (!err)
		err = peal_sys_any(SYS_fallocate, fd, 0, 0, (long)size, 0, 0);
	if (!err)
		return (int)fd;
	peal_sys_any(SYS_unlinkat, dir, (long)name, 0, 0, 0, 0);
	peal_sys_close((int)fd);
	return (int)err;
}

static int map_file_in(struct peal_stats_memory *memory, int dir, const char *directory,
	const char *name, struct peal_reason *why)
{
	int err = check_directory(dir, directory, why), fd;

	if (err)
		return err;
	fd = create_file(dir, name, memory->size);
	if (fd < 0)
		return peal_refuse(
			why, fd, "cannot create %s/%s: %s", directory, name, strerror(-fd));
	err = map_shared(memory, fd, why);
	if (err) {
		peal_sys_any(SYS_unlinkat, dir, (long)name, 0, 0, 0, 0);
		peal_sys_close(fd);
		return err;
	}
	memory->fd = fd;
	return 0;
}

static int map_file(struct peal_stats_memory *memory, const char *directory, unsigned int runtime,
	struct peal_reason *why)
{
	char name[64], path[sizeof memory->path];
	int err, size;
	long dir;

	snprintf(name, sizeof name, "peal.%ld.%u", peal_sys_any(SYS_getpid, 0, 0, 0, 0, 0, 0),
		runtime);
	size = snprintf(path, sizeof path, "%s/%s", directory, name);
	if (directory[0] != '/' || size >= (int)sizeof path)
		return peal_refuse(why, -EINVAL,
			"PEAL_STATS_DIR must be an absolute path of at most 200 bytes");
	dir = peal_sys_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return peal_refuse(
			why, (int)dir, "cannot open %s: %s", directory, strerror((int)-dir));
	err = map_file_in(memory, (int)dir, directory, name, why);
	peal_sys_close((int)dir);
	if (!err)
		memcpy(memory->path, path, (size_t)size + 1);
	return err;
}

int peal_stats_memory_map(struct peal_stats_memory *memory, size_t size, const char *directory,
	unsigned int runtime, struct peal_reason *why)
{
	struct peal_reason second;

	*memory = (struct peal_stats_memory){ .size = size, .fd = -1 };
	why->text[0] = '\0';
	if (directory && !map_file(memory, directory, runtime, why))
		return 0;
	/* What is said about the folder, which was asked for, is what matters. */
	if (!map_memfd(memory, why->text[0] ? &second : why))
		return 0;
	/* Copied on write, so that it needs no care in the child of a fork. */
	return map(memory, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

void peal_stats_memory_unmap(struct peal_stats_memory *memory)
{
	peal_sys_munmap(memory->base, memory->size);
	if (memory->path[0])
		peal_sys_any(SYS_unlinkat, AT_FDCWD, (long)memory->path, 0, 0, 0, 0);
	if (memory->fd >= 0)
		peal_sys_close(memory->fd);
}

void peal_stats_memory_after_fork(struct peal_stats_memory *memory)
{
	int err = 0;

	if (memory->fd < 0)
		return;
	/* Nothing is mapped there, so this replaces nothing. Where even that is refused a child that
	 * counts will be ended by SIGSEGV; one that goes on to exec, which most do, never notices. */
	(void)peal_sys_mmap(memory->base, memory->size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0, &err);
	peal_sys_close(memory->fd);
	memory->fd = -1;
	memory->path[0] = '\0';
}
