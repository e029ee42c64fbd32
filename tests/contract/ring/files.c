/* SPDX-License-Identifier: MIT */
/* read and write of regular files, on a disk and in memory: positions, ends, and what is refused. */
#include <stdlib.h>
#include <sys/mman.h>

#include "tests/contract/ring/ring.h"

#define BIG (3 << 20)

static char bulk[BIG], back[BIG];

/* On whatever the folder of the build is on. */
static int disk_file(void)
{
	char name[] = "peal-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	return fd;
}

static int memory_file(void)
{
	int fd = memfd_create("peal-test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static int (*const kinds[])(void) = { disk_file, memory_file };

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

static void fill_bulk(void)
{
	for (size_t i = 0; i < BIG; i++)
		bulk[i] = (char)(i * 7 >> 5);
}

/* What was written to the disk, and is in memory no more. */
static void forget(int fd)
{
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void write_and_read_back(struct contract *c, int fd, size_t size)
{
	struct peal_op op = { 0 };

	ck_assert_int_eq(ring_run(c, op_write(&op, fd, bulk, size, 0)), (int64_t)size);
	for (int cold = 0; cold < 2; cold++) {
		if (cold)
			forget(fd);
		memset(back, 0, size);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, back, BIG, 0)), (int64_t)size);
		ck_assert_int_eq(memcmp(bulk, back, size), 0);
	}
}

static void files_keep_what_was_written(struct contract *c)
{
	static const size_t sizes[] = { 1, 4096, 4097, 65536, 65537, BIG };

	fill_bulk();
	for (size_t kind = 0; kind < KINDS; kind++) {
		int fd = kinds[kind]();

		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			write_and_read_back(c, fd, sizes[i]);
		close(fd);
	}
}

static void positions_move_and_offsets_do_not(struct contract *c)
{
	struct peal_op op = { 0 };
	char buf[8] = "";

	for (size_t kind = 0; kind < KINDS; kind++) {
		int fd = kinds[kind]();

		ck_assert_int_eq(ring_run(c, op_write(&op, fd, "abcdef", 6, -1)), 6);
		ck_assert_int_eq(ring_run(c, op_write(&op, fd, "XY", 2, 1)), 2);
		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 6);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, -1)), 0);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, 4)), 2);
		lseek(fd, 0, SEEK_SET);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 4, -1)), 4);
		ck_assert_int_eq(memcmp(buf, "aXYd", 4), 0);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, -1)), 2);
		ck_assert_int_eq(memcmp(buf, "ef", 2), 0);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, -1)), 0);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, 100)), 0);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 0, 0)), 0);
		close(fd);
	}
}

/* Half of it is in memory: the read gives all of it nevertheless, and moves the position by that. */
static void half_cached_file_is_read_whole(struct contract *c)
{
	enum { SIZE = 64 << 10 };
	struct peal_op op = { 0 };
	int fd = disk_file();

	fill_bulk();
	ck_assert_int_eq(write(fd, bulk, SIZE), SIZE);
	for (int offset = -1; offset <= 0; offset++) {
		forget(fd);
		posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
		ck_assert_int_eq(pread(fd, back, 8192, 0), 8192);
		lseek(fd, 0, SEEK_SET);
		memset(back, 0, SIZE);
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, back, SIZE, offset)), SIZE);
		ck_assert_int_eq(memcmp(bulk, back, SIZE), 0);
		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), offset ? SIZE : 0);
	}
	close(fd);
}

static void vectors_of_files(struct contract *c)
{
	char a[3] = "", b[5] = "";
	const struct iovec out[] = { { .iov_base = (char *)"hel", .iov_len = 3 },
		{ .iov_base = NULL, .iov_len = 0 }, { .iov_base = (char *)"lo wo", .iov_len = 5 } };
	const struct iovec in[] = { { .iov_base = a, .iov_len = 3 },
		{ .iov_base = b, .iov_len = 5 } };
	struct peal_op op = { 0 };

	for (size_t kind = 0; kind < KINDS; kind++) {
		int fd = kinds[kind]();

		ck_assert_int_eq(ring_run(c, op_writev(&op, fd, out, 3, -1, 0)), 8);
		ck_assert_int_eq(ring_run(c, op_writev(&op, fd, out, 3, 8, 0)), 8);
		ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, 2, 8, 0)), 8);
		ck_assert_int_eq(memcmp(a, "hel", 3), 0);
		ck_assert_int_eq(memcmp(b, "lo wo", 5), 0);
		ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, 2, 11, 0)), 5);
		ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, 2, -1, 0)), 8);
		ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, 2, -1, 0)), 0);
		if (!on_valgrind()) { /* it looks at as many as it is told */
			ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, -1, 0, 0)), -EINVAL);
			ck_assert_int_eq(ring_run(c, op_readv(&op, fd, in, 2000, 0, 0)), -EINVAL);
		}
		ck_assert_int_eq(ring_run(c, op_writev(&op, fd, out, 1, 0, RWF_DSYNC)), 3);
		ck_assert_int_lt(ring_run(c, op_writev(&op, fd, out, 1, 0, 1 << 30)), 0);
		close(fd);
	}
}

static void bad_files_are_refused(struct contract *c)
{
	struct peal_op op = { 0 };
	int folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int reader = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = disk_file();
	char buf[4] = "";

	ck_assert_int_eq(ring_run(c, op_read(&op, -1, buf, 4, -1)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_write(&op, 12345, buf, 4, 0)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_read(&op, folder, buf, 4, 0)), -EISDIR);
	ck_assert_int_eq(ring_run(c, op_write(&op, reader, buf, 4, -1)), -EBADF);
	ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 4, INT64_MIN)), -EINVAL);
	ck_assert_int_eq(ring_run(c, op_write(&op, fd, buf, 4, INT64_MIN)), -EINVAL);
	close(folder);
	close(reader);
	close(fd);
}

/* Many at a time, on the disk, some of them behind others. */
static void many_reads_at_once(struct contract *c)
{
	enum { MANY = 64, EACH = 16384 };
	static struct peal_op ops[MANY];
	int fd = disk_file();

	fill_bulk();
	ck_assert_int_eq(write(fd, bulk, BIG), BIG);
	for (int round = 0; round < 2; round++) {
		memset(ops, 0, sizeof(ops));
		memset(back, 0, BIG);
		forget(fd);
		for (int i = 0; i < MANY; i++)
			ring_start(c, op_read(&ops[i], fd, back + i * EACH, EACH, i * EACH));
		for (int i = 0; i < MANY; i++)
			ck_assert_int_eq(ring_finish(c, &ops[i]), EACH);
		ck_assert_int_eq(memcmp(bulk, back, MANY * EACH), 0);
	}
	close(fd);
}

/* With O_DIRECT nothing is in memory, with O_APPEND the end is where the position is. */
static void flags_of_open_files_hold(struct contract *c)
{
	struct peal_op op = { 0 };
	int fd = disk_file();
	char buf[8];

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_APPEND), 0);
	ck_assert_int_eq(ring_run(c, op_write(&op, fd, "abc", 3, -1)), 3);
	lseek(fd, 0, SEEK_SET);
	ck_assert_int_eq(ring_run(c, op_write(&op, fd, "def", 3, -1)), 3);
	ck_assert_int_eq(ring_run(c, op_read(&op, fd, buf, 8, 0)), 6);
	ck_assert_int_eq(memcmp(buf, "abcdef", 6), 0);
	if (fcntl(fd, F_SETFL, O_DIRECT) == 0) {
		char *page = aligned_alloc(4096, 4096);

		memset(page, 'x', 4096);
		ck_assert_int_eq(ring_run(c, op_write(&op, fd, page, 4096, 0)), 4096);
		page[7] = 'y';
		ck_assert_int_eq(ring_run(c, op_read(&op, fd, page, 4096, 0)), 4096);
		ck_assert_int_eq(page[7], 'x');
		free(page);
	}
	close(fd);
}

const struct contract_case file_cases[] = {
	{ "files_keep_what_was_written", files_keep_what_was_written, NEEDS_OPS },
	{ "positions_move_and_offsets_do_not", positions_move_and_offsets_do_not, NEEDS_OPS },
	{ "half_cached_file_is_read_whole", half_cached_file_is_read_whole, NEEDS_OPS },
	{ "vectors_of_files", vectors_of_files, NEEDS_OPS },
	{ "bad_files_are_refused", bad_files_are_refused, NEEDS_OPS },
	{ "many_reads_at_once", many_reads_at_once, NEEDS_OPS },
	{ "flags_of_open_files_hold", flags_of_open_files_hold, NEEDS_OPS },
	{ 0 },
};
