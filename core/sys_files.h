/* SPDX-License-Identifier: MIT */
/* The seam to the kernel (sys.h, which includes this): calls about files and children. */
#ifndef PEAL_CORE_SYS_FILES_H
#define PEAL_CORE_SYS_FILES_H

#include "core/sys.h"

static inline long peal_sys_openat2(int dir, const char *path, const struct open_how *how)
{
	PEAL_SYS(SYS_openat2, syscall(SYS_openat2, dir, path, how, sizeof(*how)));
}

static inline long peal_sys_unlinkat(int dir, const char *path, int flags)
{
	PEAL_SYS(SYS_unlinkat, unlinkat(dir, path, flags));
}

static inline long peal_sys_pipe(int fds[2], int flags)
{
	PEAL_SYS(SYS_pipe2, pipe2(fds, flags));
}

static inline long peal_sys_statx(
	int dir, const char *path, int flags, unsigned int mask, struct statx *buf)
{
	PEAL_SYS(SYS_statx, statx(dir, path, flags, mask, buf));
}

static inline long peal_sys_fsync(int fd)
{
	PEAL_SYS(SYS_fsync, fsync(fd));
}

static inline long peal_sys_fdatasync(int fd)
{
	PEAL_SYS(SYS_fdatasync, fdatasync(fd));
}

static inline long peal_sys_fallocate(int fd, int mode, off_t offset, off_t size)
{
	PEAL_SYS(SYS_fallocate, fallocate(fd, mode, offset, size));
}

/* Unlike others, posix_fadvise(2) returns its error. */
static inline long peal_sys_fadvise(int fd, off_t offset, off_t size, int advice)
{
	long hooked;

	if (peal_sys_hooked(SYS_fadvise64, &hooked))
		return hooked;
	return -posix_fadvise(fd, offset, size, advice);
}

static inline long peal_sys_pread(int fd, void *buf, size_t size, off_t offset)
{
	PEAL_SYS(SYS_pread64, pread(fd, buf, size, offset));
}

static inline long peal_sys_pwrite(int fd, const void *buf, size_t size, off_t offset)
{
	PEAL_SYS(SYS_pwrite64, pwrite(fd, buf, size, offset));
}

/* An offset of -1: where the file stands. The vector is not written to. */
static inline long peal_sys_preadv2(
	int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
	PEAL_SYS(SYS_preadv2, preadv2(fd, vector, count, offset, flags));
}

static inline long peal_sys_pwritev2(
	int fd, const struct iovec *vector, int count, off_t offset, int flags)
{
	PEAL_SYS(SYS_pwritev2, pwritev2(fd, vector, count, offset, flags));
}

static inline long peal_sys_lseek(int fd, off_t offset, int from)
{
	PEAL_SYS(SYS_lseek, lseek(fd, offset, from));
}

static inline long peal_sys_fstatfs(int fd, struct statfs *fs)
{
	PEAL_SYS(SYS_fstatfs, fstatfs(fd, fs));
}

static inline long peal_sys_ftruncate(int fd, off_t size)
{
	PEAL_SYS(SYS_ftruncate, ftruncate(fd, size));
}

static inline long peal_sys_fstat(int fd, struct stat *st)
{
	PEAL_SYS(SYS_fstat, fstat(fd, st));
}

static inline long peal_sys_splice(
	int in, int64_t *in_offset, int out, int64_t *out_offset, size_t size, unsigned int flags)
{
	PEAL_SYS(SYS_splice, splice(in, in_offset, out, out_offset, size, flags));
}

static inline long peal_sys_sendfile(int out, int in, int64_t *offset, size_t size)
{
	PEAL_SYS(SYS_sendfile, sendfile(out, in, offset, size));
}

/* Children */

static inline long peal_sys_waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
	PEAL_SYS(SYS_waitid, waitid(type, id, info, options));
}

#endif
