/* SPDX-License-Identifier: MIT */
/*
 * Files through a whole runtime: the calls for fibers, and ops that the blocking pool does where the
 * backend cannot. What each op does is tested closer to the backend, in ring/files.c and others.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/fiber/sanitizer.h"
#include "core/base/atomic.h"
#include "core/sys.h"

#include "tests/contract/runtime.h"

#define BIG (1 << 20)

static _Alignas(4096) char bulk[BIG];
static char back[BIG];

static int make_file(void)
{
	char name[] = "peal-test-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	return fd;
}

TASK_TEST(files_have_calls)
{
	int fd = make_file();
	char a[4], b[4];
	struct iovec vector[] = { { .iov_base = a, .iov_len = 4 },
		{ .iov_base = b, .iov_len = 4 } };

	ck_assert_int_eq(peal_write(fd, "01234567", 8), 8);
	ck_assert_int_eq(peal_pwrite(fd, "ab", 2, 2), 2);
	ck_assert_int_eq(peal_pread(fd, a, 4, 1), 4);
	ck_assert_int_eq(memcmp(a, "1ab4", 4), 0);
	ck_assert_int_eq(peal_read(fd, a, 4), 0);
	ck_assert_int_eq(peal_preadv(fd, vector, 2, 0), 8);
	ck_assert_int_eq(memcmp(b, "4567", 4), 0);
	ck_assert_int_eq(peal_writev(fd, vector, 2), 8);
	ck_assert_int_eq(peal_pwritev(fd, vector, 1, 16), 4);
	ck_assert_int_eq(lseek(fd, 12, SEEK_SET), 12);
	ck_assert_int_eq(peal_readv(fd, vector, 2), 8);
	ck_assert_int_eq(memcmp(b, "01ab", 4), 0);
	ck_assert_int_eq(peal_preadv2(fd, vector, 2, 18, 0), 2);
	ck_assert_int_eq(peal_pwritev2(fd, vector, 1, -1, RWF_DSYNC), 4);
	ck_assert_int_eq(peal_pread(fd, a, 4, -1), -EINVAL);
	ck_assert_int_eq(peal_pwrite(fd, a, 4, -1), -EINVAL);
	ck_assert_int_eq(peal_preadv(fd, vector, 2, -7), -EINVAL);
	ck_assert_int_eq(peal_close(fd), 0);
	ck_assert_int_eq(peal_read(fd, a, 4), -EBADF);
	return 0;
}

TASK_TEST(names_and_descriptors_have_calls)
{
	char folder[] = "peal-test-XXXXXX", path[64];
	struct statx st;
	int fd, dir;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/file", folder);
	fd = peal_openat(AT_FDCWD, path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peal_fallocate(fd, 0, 0, 4096), 0);
	ck_assert_int_eq(peal_ftruncate(fd, 5), 0);
	ck_assert_int_eq(peal_fsync(fd), 0);
	ck_assert_int_eq(peal_fdatasync(fd), 0);
	ck_assert_int_eq(peal_fadvise(fd, 0, 0, POSIX_FADV_RANDOM), 0);
	ck_assert_int_eq(peal_close(fd), 0);
	ck_assert_int_eq(peal_statx(AT_FDCWD, path, 0, STATX_SIZE, &st), 0);
	ck_assert_uint_eq(st.stx_size, 5);
	dir = peal_openat(AT_FDCWD, folder, O_PATH | O_DIRECTORY, 0);
	ck_assert_int_ge(dir, 0);
	fd = peal_openat(dir, "file", O_RDWR, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peal_close(fd), 0);
	ck_assert_int_eq(peal_openat(dir, "none", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(peal_madvise(bulk, 0, MADV_NORMAL), 0);
	ck_assert_int_eq(peal_close(dir), 0);
	unlink(path);
	rmdir(folder);
	return 0;
}

TASK_TEST(names_may_not_lead_out)
{
	const struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH };
	int dir, fd;

	if (peal_on_valgrind())
		peal_skip("Valgrind knows no openat2");
	dir = peal_openat(AT_FDCWD, "/dev", O_PATH | O_DIRECTORY, 0);
	ck_assert_int_ge(dir, 0);
	fd = peal_openat2(dir, "null", &how);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(peal_close(fd), 0);
	ck_assert_int_eq(peal_openat2(dir, "../dev/null", &how), -EXDEV);
	ck_assert_int_eq(peal_close(dir), 0);
	return 0;
}

START_TEST(off_the_shards_calls_say_so)
{
	ck_assert_int_eq(peal_read(0, bulk, 1), -EPERM);
	ck_assert_int_eq(peal_pwrite(0, bulk, 1, 0), -EPERM);
	ck_assert_int_eq(peal_preadv2(0, NULL, 0, 0, 0), -EPERM);
	ck_assert_int_eq(peal_fsync(0), -EPERM);
	ck_assert_int_eq(peal_madvise(NULL, 0, 0), -EPERM);
	ck_assert_int_eq(peal_openat(0, ".", 0, 0), -EPERM);
}
END_TEST

/* A write to a pipe without a reader would end the program. */
TASK_TEST(broken_pipes_send_no_signal)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	ck_assert_int_eq(peal_write(ends[1], "x", 1), -EPIPE);
	ck_assert_int_eq(peal_close(ends[1]), 0);
	return 0;
}

START_TEST(sigpipe_is_as_it_was)
{
	sigset_t mask, pending;

	run_on(_i, broken_pipes_send_no_signal_body, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	ck_assert_int_eq(sigismember(&mask, SIGPIPE), 0);
	ck_assert_int_eq(sigpending(&pending), 0);
	ck_assert_int_eq(sigismember(&pending, SIGPIPE), 0);
}
END_TEST

TASK_TEST(many_reads_one_fiber)
{
	struct peal_op op[8] = { 0 };
	int fd = make_file();

	for (size_t i = 0; i < BIG; i++)
		bulk[i] = (char)(i * 13 >> 4);
	ck_assert_int_eq(peal_write(fd, bulk, BIG), BIG);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	for (int i = 0; i < 8; i++)
		peal_op_pread(&op[i], fd, back + i * (BIG / 8), BIG / 8, i * (BIG / 8), NULL);
	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(peal_op_wait(&op[i]), BIG / 8);
	ck_assert_int_eq(memcmp(bulk, back, BIG), 0);
	peal_close(fd);
	return 0;
}

/* The pool's only thread is held up, so that what comes after waits. */
static struct {
	atomic_bool begun, go;
} hold;

static int hold_up(void *arg)
{
	(void)arg;
	atomic_store(&hold.begun, true);
	while (!atomic_load(&hold.go))
		usleep(1000);
	return 0;
}

static int hold_pool(void *arg)
{
	return peal_blocking(hold_up, arg, NULL);
}

static void start_holding(struct peal_task **task)
{
	atomic_store(&hold.begun, false);
	atomic_store(&hold.go, false);
	ck_assert_int_eq(peal_task_spawn(task, hold_pool, NULL, NULL), 0);
	while (!atomic_load(&hold.begun))
		peal_sleep(PEAL_MS);
}

/* Too large for an attempt, and in a backend without kernel threads for files: to the pool. */
TASK_TEST(what_has_not_begun_is_cancelled, .max_blocking = 1)
{
	struct peal_op ops[2] = { 0 };
	struct peal_task *holder;
	int fd = make_file();
	ssize_t n;

	ck_assert_int_eq(peal_write(fd, bulk, BIG), BIG);
	start_holding(&holder);
	for (int i = 0; i < 2; i++)
		peal_op_pread(&ops[i], fd, back, BIG, 0, NULL);
	if (counter("ops_pooled")) {
		peal_op_cancel(&ops[1]);
		peal_op_cancel(&ops[1]);
		ck_assert_int_eq(peal_op_wait(&ops[1]), -ECANCELED);
		ck_assert(peal_op_busy(&ops[0]));
	} else {
		n = peal_op_wait(&ops[1]);
		ck_assert_int_eq(n, BIG);
	}
	atomic_store(&hold.go, true);
	ck_assert_int_eq(peal_op_wait(&ops[0]), BIG);
	ck_assert_int_eq(peal_task_join(holder, NULL), 0);
	peal_close(fd);
	return 0;
}

static int reads_done;

static void on_read(struct peal_op *op)
{
	reads_done++;
	ck_assert(op->result == BIG || op->result == -ECANCELED);
}

/* The main task ends while ops with callbacks are in the pool: the runtime waits for them. */
TASK_TEST(stopping_waits_for_the_pool)
{
	static struct peal_op ops[20];
	static char into[20][BIG]; /* threads of the pool read at the same time */
	int fd = make_file();

	memset(ops, 0, sizeof(ops));
	reads_done = 0;
	ck_assert_int_eq(peal_write(fd, bulk, BIG), BIG);
	for (int i = 0; i < 20; i++)
		peal_op_pread(&ops[i], fd, into[i], BIG, 0, on_read);
	return 0;
}

START_TEST(ops_end_before_the_runtime)
{
	run_on(_i, stopping_waits_for_the_pool_body, NULL, (struct peal_rt_opts){ 0 });
	ck_assert_int_eq(reads_done, 20);
}
END_TEST

static PEAL_ATOMIC(int) refusable;

static bool count_refusable(struct peal_sys_hook *hook, long number, long *result)
{
	(void)hook;
	(void)result;
	if (number == SYS_pwritev2 || number == SYS_preadv2)
		peal_add_seq_cst(&refusable, 1);
	return false;
}

static int write_and_read(void *arg)
{
	int fd = memfd_create("peal-test", MFD_CLOEXEC);
	char byte;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(peal_pwrite(fd, "x", 1, i), 1);
		ck_assert_int_eq(peal_pread(fd, &byte, 1, i), 1);
	}
	return peal_close(fd);
}

/* Files in memory do not know RWF_NOWAIT: it is tried once, not each time. */
START_TEST(refusals_are_remembered)
{
	struct peal_sys_hook hook = { count_refusable };

	peal_sys_hook = &hook;
	run_on(_i, write_and_read, NULL, (struct peal_rt_opts){ 0 });
	peal_sys_hook = NULL;
	ck_assert_int_eq(peal_load_seq_cst(&refusable), 1);
}
END_TEST

static void fill_pipe(int fd)
{
	static char page[4096];

	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
}

static void write_some(int fd)
{
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(peal_write(fd, "file", 4), 4);
}

/* What was remembered of a number is not believed of the pipe that has it now: the shard would hang. */
TASK_TEST(a_number_is_another_file_at_once)
{
	int fds[2] = { make_file(), memfd_create("peal-test", MFD_CLOEXEC) };
	int ends[2], result;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	fill_pipe(ends[1]);
	for (int i = 0; i < 2; i++) {
		write_some(fds[i]);
		ck_assert_int_eq(dup3(ends[1], fds[i], O_CLOEXEC), fds[i]);
		result = PEAL_WITHIN_GET(5 * PEAL_MS, (int)peal_write(fds[i], bulk, 8192));
		ck_assert_int_eq(result, -ETIMEDOUT);
		ck_assert_int_eq(peal_pwrite(fds[i], bulk, 1, 0), -ESPIPE);
		ck_assert_int_eq(peal_close(fds[i]), 0);
	}
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static Suite *files_suite(void)
{
	Suite *suite = suite_create("files");
	TCase *tcase = tcase_create("files");

	tcase_set_timeout(tcase, 60);
	ADD_TASK_TEST(tcase, files_have_calls);
	ADD_TASK_TEST(tcase, names_and_descriptors_have_calls);
	ADD_TASK_TEST(tcase, names_may_not_lead_out);
	tcase_add_test(tcase, off_the_shards_calls_say_so);
	ADD_TASK_TEST(tcase, broken_pipes_send_no_signal);
	ADD_TASK_TEST(tcase, sigpipe_is_as_it_was);
	ADD_TASK_TEST(tcase, many_reads_one_fiber);
	ADD_TASK_TEST(tcase, refusals_are_remembered);
	ADD_TASK_TEST(tcase, a_number_is_another_file_at_once);
	ADD_TASK_TEST(tcase, what_has_not_begun_is_cancelled);
	ADD_TASK_TEST(tcase, stopping_waits_for_the_pool);
	ADD_TASK_TEST(tcase, ops_end_before_the_runtime);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	find_backends();
	return peal_check_main(files_suite());
}
