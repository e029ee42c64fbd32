/* SPDX-License-Identifier: MIT */
/*
 * Opening and statx on a shard's own thread: only by paths that are in memory.
 *
 * RESOLVE_CACHED (Linux 5.12) walks a path without waiting. Opening needs no more. statx(2) has no such
 * flag: its path is opened first, with O_PATH, which says nothing about the file's attributes, but on a
 * local file system those are in memory as soon as its name is. That costs half as much again as the
 * call itself; so a folder of which several files were had that way is trusted, and asked directly, until
 * a call takes so long that it must have waited.
 */
#include <errno.h>
#include <string.h>

#include "core/io/direct.h"
#include "core/sys.h"

#include <peal/time.h>

/* A newer flag may be about the path, which statx_of() does not give. */
#define STATX_FLAGS                                                                    \
	(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_FORCE_SYNC | \
		AT_STATX_DONT_SYNC)

#define TRUSTED   4               /* successes that make a folder trusted */
#define WAITED_NS (100 * PEAL_US) /* a statx from memory takes one or two */

/* FNV-1a, of what stands before the last slash, and of the folder that it starts from. */
static uint32_t folder_hash(int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	uint32_t hash = 2166136261U ^ (uint32_t)dir;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)path[i]) * 16777619U;
	return hash * 16777619U;
}

static struct peal_direct_folder *find_folder(struct peal_direct *direct, const struct peal_op *op)
{
	uint32_t hash = folder_hash(op->fd, op->args.statx.path);
	struct peal_direct_folder *folder =
		&direct->folders[hash >> 16 & (PEAL_DIRECT_FOLDERS - 1)];

	if (folder->hash != hash)
		*folder = (struct peal_direct_folder){ .hash = hash };
	return folder;
}

static long make_statx(const struct peal_op *op)
{
	return peal_sys_statx(op->fd, op->args.statx.path, op->args.statx.flags,
		op->args.statx.mask, op->args.statx.buf);
}

static int64_t timed_statx(struct peal_direct_folder *folder, const struct peal_op *op)
{
	int64_t start = peal_direct_now();
	long result = make_statx(op);

	if (peal_direct_now() - start >= WAITED_NS)
		folder->successes = 0;
	return result;
}

/* By a descriptor of its path. */
static int64_t statx_of(const struct peal_op *op, int fd)
{
	struct statfs fs = { 0 };

	if (peal_sys_fstatfs(fd, &fs) < 0 || !peal_direct_is_local(fs.f_type))
		return PEAL_DIRECT_UNKNOWN;
	return peal_sys_statx(fd, "", op->args.statx.flags | AT_EMPTY_PATH, op->args.statx.mask,
		op->args.statx.buf);
}

static int open_path(const struct peal_op *op)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC |
			(op->args.statx.flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0),
		.resolve = RESOLVE_CACHED,
	};

	return (int)peal_sys_openat2(op->fd, op->args.statx.path, &how);
}

int64_t peal_direct_try_statx(struct peal_direct *direct, const struct peal_op *op)
{
	struct peal_direct_folder *folder;
	int64_t result;
	int fd;

	if (!op->args.statx.path || op->args.statx.flags & ~STATX_FLAGS)
		return PEAL_DIRECT_UNKNOWN; /* for the kernel to judge */
	if (!*op->args.statx.path)
		return op->args.statx.flags & AT_EMPTY_PATH && op->fd >= 0 ? statx_of(op, op->fd)
									   : make_statx(op);
	folder = find_folder(direct, op);
	if (folder->successes >= TRUSTED)
		return timed_statx(folder, op);
	fd = open_path(op);
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? fd : PEAL_DIRECT_UNKNOWN;
	result = statx_of(op, fd);
	peal_sys_close(fd);
	folder->successes = result == 0 ? folder->successes + 1 : 0;
	return result;
}

static long open_with(const struct peal_op *op, uint64_t resolve)
{
	const struct open_how how = {
		.flags = op->args.openat.flags,
		.mode = op->args.openat.mode,
		.resolve = op->args.openat.resolve | resolve,
	};

	return peal_sys_openat2(op->fd, op->args.openat.path, &how);
}

void peal_direct_opened(const struct peal_op *op, int64_t result)
{
	if (result >= 0 && op->args.openat.added_nonblock)
		peal_sys_fcntl((int)result, F_SETFL, (int)op->args.openat.flags & ~O_NONBLOCK);
}

int64_t peal_direct_try_open(const struct peal_op *op)
{
	long result;

	if (op->args.openat.flags & (O_CREAT | O_TRUNC | (O_TMPFILE & ~O_DIRECTORY)))
		return PEAL_DIRECT_UNKNOWN;
	result = open_with(op, RESOLVE_CACHED);
	peal_direct_opened(op, result);
	if (result >= 0 || result == -ENOENT || op->args.openat.resolve & RESOLVE_CACHED)
		return result;
	return PEAL_DIRECT_UNKNOWN;
}

/* Where openat2(2) is forbidden or missing, plain opens still go. */
static long open_as_ever(const struct peal_op *op)
{
	long result = open_with(op, 0);

	if ((result == -ENOSYS || result == -EPERM) && !op->args.openat.resolve)
		result = peal_sys_openat(op->fd, op->args.openat.path, (int)op->args.openat.flags,
			(int)op->args.openat.mode);
	return result;
}

int64_t peal_direct_run_path(const struct peal_op *op)
{
	long result;

	if (op->opcode == PEAL_OP_STATX)
		return make_statx(op);
	result = open_as_ever(op);
	peal_direct_opened(op, result);
	return result;
}
