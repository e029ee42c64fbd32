/* SPDX-License-Identifier: MIT */
/* Opening, statx, and what is done to files besides reading and writing them. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/contract/ring/ring.h"

/* A folder of the test's own; the case removes what it makes. */
static char folder[] = "peal-test-XXXXXX";

static int make_folder(void)
{
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static void remove_folder(int fd)
{
	close(fd);
	ck_assert_int_eq(rmdir(folder), 0);
}

static void make_file(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void files_are_opened(struct contract *c)
{
	struct peal_op op = { 0 };
	int dir = make_folder(), fd;
	struct stat st;

	umask(022);
	for (int i = 0; i < 3; i++) {
		fd = (int)ring_run(c, op_open(&op, dir, "new", O_CREAT | O_EXCL | O_RDWR, 0666));
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
		ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK), O_RDWR);
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_int_eq(st.st_mode & 07777, 0644);
		ck_assert_int_eq(write(fd, "abc", 3), 3);
		close(fd);
		ck_assert_int_eq(
			ring_run(c, op_open(&op, dir, "new", O_CREAT | O_EXCL | O_RDWR, 0666)),
			-EEXIST);
		fd = (int)ring_run(c, op_open(&op, dir, "new", O_RDWR | O_APPEND, 0));
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND);
		close(fd);
		fd = (int)ring_run(c, op_open(&op, dir, "new", O_RDONLY | O_NONBLOCK, 0));
		ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
		close(fd);
		fd = (int)ring_run(c, op_open(&op, dir, "new", O_WRONLY | O_TRUNC, 0));
		ck_assert_int_eq(fstat(fd, &st), 0);
		ck_assert_int_eq(st.st_size, 0);
		close(fd);
		fd = (int)ring_run(c, op_open(&op, dir, "new", O_PATH, 0));
		ck_assert_int_ge(fd, 0);
		close(fd);
		unlinkat(dir, "new", 0);
	}
	remove_folder(dir);
}

static void what_cannot_be_opened(struct contract *c)
{
	struct peal_op op = { 0 };
	int dir = make_folder();

	make_file(dir, "file", "");
	ck_assert_int_eq(symlinkat("loop", dir, "loop"), 0);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, "none", O_RDONLY, 0)), -ENOENT);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, "none", O_RDONLY, 0)), -ENOENT);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, "file/x", O_RDONLY, 0)), -ENOTDIR);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, "loop", O_RDONLY, 0)), -ELOOP);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, ".", O_WRONLY, 0)), -EISDIR);
	ck_assert_int_eq(ring_run(c, op_open(&op, -1, "file", O_RDONLY, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_open(&op, dir, "", O_RDONLY, 0)), -ENOENT);
	unlinkat(dir, "file", 0);
	unlinkat(dir, "loop", 0);
	remove_folder(dir);
}

/* Nobody is waited for, whether the name is known to the kernel or not. */
static void fifos_are_opened_at_once(struct contract *c)
{
	struct peal_op op = { 0 };
	int dir = make_folder(), reader, writer;
	char buf[4];

	ck_assert_int_eq(mkfifoat(dir, "fifo", 0600), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(ring_run(c, op_open(&op, dir, "fifo", O_WRONLY, 0)), -ENXIO);
		reader = (int)ring_run(c, op_open(&op, dir, "fifo", O_RDONLY, 0));
		ck_assert_int_ge(reader, 0);
		ck_assert_int_eq(fcntl(reader, F_GETFL) & O_NONBLOCK, 0);
		writer = (int)ring_run(c, op_open(&op, dir, "fifo", O_WRONLY, 0));
		ck_assert_int_ge(writer, 0);
		ring_start(c, op_read(&op, reader, buf, 4, -1));
		ring_leave_pending(c, &op);
		ck_assert_int_eq(write(writer, "abc", 3), 3);
		ck_assert_int_eq(ring_finish(c, &op), 3);
		close(reader);
		close(writer);
	}
	unlinkat(dir, "fifo", 0);
	remove_folder(dir);
}

static void statx_by_name(struct contract *c)
{
	struct peal_op op = { 0 };
	int dir = make_folder();
	char path[64];
	struct statx st;

	snprintf(path, sizeof(path), "%s/file", folder);
	make_file(dir, "file", "12345");
	ck_assert_int_eq(symlinkat("file", dir, "link"), 0);
	/* Often enough to become known. */
	for (int i = 0; i < 10; i++) {
		st.stx_size = 0;
		ck_assert_int_eq(ring_run(c, op_statx(&op, AT_FDCWD, path, 0, &st)), 0);
		ck_assert_uint_eq(st.stx_size, 5);
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "link", 0, &st)), 0);
		ck_assert(S_ISREG(st.stx_mode));
		ck_assert_int_eq(
			ring_run(c, op_statx(&op, dir, "link", AT_SYMLINK_NOFOLLOW, &st)), 0);
		ck_assert(S_ISLNK(st.stx_mode));
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "none", 0, &st)), -ENOENT);
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "file/x", 0, &st)), -ENOTDIR);
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "", AT_EMPTY_PATH, &st)), 0);
		ck_assert(S_ISDIR(st.stx_mode));
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "", 0, &st)), -ENOENT);
		ck_assert_int_eq(ring_run(c, op_statx(&op, -1, "file", 0, &st)), -EBADF);
		ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "file", 1 << 30, &st)), -EINVAL);
	}
	unlinkat(dir, "file", 0);
	ck_assert_int_eq(ring_run(c, op_statx(&op, AT_FDCWD, path, 0, &st)), -ENOENT);
	ck_assert_int_eq(ring_run(c, op_statx(&op, dir, "link", 0, &st)), -ENOENT);
	unlinkat(dir, "link", 0);
	remove_folder(dir);
}

static void statx_of_other_things(struct contract *c)
{
	struct pair pair = make_pair(c);
	struct peal_op op = { 0 };
	struct statx st;

	ck_assert_int_eq(ring_run(c, op_statx(&op, pair.ours, "", AT_EMPTY_PATH, &st)), 0);
	ck_assert(S_ISSOCK(st.stx_mode));
	ck_assert_int_eq(ring_run(c, op_statx(&op, AT_FDCWD, "/proc/self/stat", 0, &st)), 0);
	ck_assert_int_eq(ring_run(c, op_statx(&op, AT_FDCWD, "/dev/null", 0, &st)), 0);
	ck_assert(S_ISCHR(st.stx_mode));
	close_pair(pair);
}

static void space_is_managed(struct contract *c)
{
	struct peal_op op = { 0 };
	int fd = memfd_create("peal-test", MFD_CLOEXEC);
	struct stat st;

	ck_assert_int_eq(ring_run(c, op_fallocate(&op, fd, 0, 4096, 8192)), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 12288);
	ck_assert_int_eq(ring_run(c, op_fallocate(&op, fd, FALLOC_FL_KEEP_SIZE, 0, 1 << 20)), 0);
	ck_assert_int_eq(ring_run(c, op_fallocate(&op, fd, 0, 0, 0)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_fallocate(&op, fd, 0, -1, 1)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_ftruncate(&op, fd, 100)), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 100);
	ck_assert_int_eq(ring_run(c, op_ftruncate(&op, fd, -1)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_ftruncate(&op, -1, 0)), -EBADF);
	close(fd);
}

static void files_are_synced(struct contract *c)
{
	char name[] = "peal-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC), ends[2];
	struct peal_op op = { 0 };

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	unlink(name);
	ck_assert_int_eq(write(fd, "abc", 3), 3);
	ck_assert_int_eq(ring_run(c, op_fsync(&op, fd, true)), 0);
	ck_assert_int_eq(ring_run(c, op_fsync(&op, fd, false)), 0);
	ck_assert_int_eq(ring_run(c, op_fsync(&op, ends[0], false)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_fsync(&op, -1, true)), -EBADF);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static void advice_is_taken(struct contract *c)
{
	static const int advices[] = { POSIX_FADV_NORMAL, POSIX_FADV_RANDOM, POSIX_FADV_SEQUENTIAL,
		POSIX_FADV_WILLNEED, POSIX_FADV_DONTNEED };
	const size_t large = 5ULL << 30; /* more than 32 bits say */
	int fd = memfd_create("peal-test", MFD_CLOEXEC), ends[2];
	struct peal_op op = { 0 };
	char *memory = mmap(NULL, large, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
		ck_assert_int_eq(ring_run(c, op_fadvise(&op, fd, 0, 4096, advices[i])), 0);
		ck_assert_int_eq(
			ring_run(c, op_fadvise(&op, fd, 0, (int64_t)large, advices[i])), 0);
		ck_assert_int_eq(ring_run(c, op_fadvise(&op, ends[0], 0, 0, advices[i])), -ESPIPE);
	}
	ck_assert_int_eq(ring_run(c, op_fadvise(&op, fd, 0, 0, 99)), -EINVAL);
	memory[0] = memory[large - 1] = 'x';
	ck_assert_int_eq(ring_run(c, op_madvise(&op, memory, large, MADV_DONTNEED)), 0);
	ck_assert_int_eq(memory[0], 0);
	ck_assert_int_eq(memory[large - 1], 0);
	memory[0] = 'x';
	ck_assert_int_eq(ring_run(c, op_madvise(&op, memory, 4096, MADV_DONTNEED)), 0);
	ck_assert_int_eq(memory[0], 0);
	ck_assert_int_eq(ring_run(c, op_madvise(&op, memory, 4096, 9999)), -EINVAL);
	munmap(memory, large);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

const struct contract_case path_cases[] = {
	{ "files_are_opened", files_are_opened, NEEDS_OPS },
	{ "what_cannot_be_opened", what_cannot_be_opened, NEEDS_OPS },
	{ "fifos_are_opened_at_once", fifos_are_opened_at_once, NEEDS_OPS },
	{ "statx_by_name", statx_by_name, NEEDS_OPS },
	{ "statx_of_other_things", statx_of_other_things, NEEDS_OPS },
	{ "space_is_managed", space_is_managed, NEEDS_OPS },
	{ "files_are_synced", files_are_synced, NEEDS_OPS },
	{ "advice_is_taken", advice_is_taken, NEEDS_OPS },
	{ 0 },
};
