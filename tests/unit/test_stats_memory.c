/* SPDX-License-Identifier: MIT */
/* Where a stats page lives: sealed, private where that is refused, in a folder, and after a fork. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <peal/runtime.h>

#include "core/stats/stats.h"
#include "core/sys.h"
#include "tests/check_main.h"
#include "tests/unit/stats_help.h"

static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int count = 0, c;

	while ((c = getc(maps)) != EOF)
		count += c == '\n';
	fclose(maps);
	return count;
}

START_TEST(nobody_else_can_write_or_resize_the_page)
{
	struct peal_stats_page *page = make_page(1);
	char path[64];
	void *memory;
	int own, fd;

	count_descriptors(&own);
	ck_assert_int_ge(own, 0);
	ck_assert_ptr_null(peal_stats_page_reason(page));
	ck_assert(fcntl(own, F_GETFD) & FD_CLOEXEC);
	/* As another process of this user would. */
	snprintf(path, sizeof path, "/proc/self/fd/%d", own);
	fd = open(path, O_RDWR);
	ck_assert_int_ge(fd, 0);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert(memory == MAP_FAILED && errno == EPERM);
	ck_assert(write(fd, "x", 1) == -1 && errno == EPERM);
	ck_assert(ftruncate(fd, 0) == -1 && errno == EPERM);
	ck_assert(ftruncate(fd, 1 << 20) == -1 && errno == EPERM);
	ck_assert(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM);
	memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert(memory != MAP_FAILED);
	ck_assert_mem_eq(memory, "pealstat", 8);
	munmap(memory, 4096);
	close(fd);
	peal_count(peal_stats_page_block(page, 0), turns);
	ck_assert_uint_eq(total(page, "turns"), 1);
	peal_stats_page_destroy(page);
}
END_TEST

/* A child may have a page of its own, which others find as the child's: it was started later than its
 * parent. 0 or the line that failed. */
static int make_in_child(void)
{
	struct peal_stats_setup setup = { .backend = "none", .shards = 1 };
	struct peal_stats_page *page;
	struct peal_stats *stats;
	uint64_t turns;

	if (peal_stats_page_create(&page, &setup))
		return __LINE__;
	peal_count(peal_stats_page_block(page, 0), turns);
	if (peal_stats_open(&stats, getpid(), peal_stats_page_runtime(page), NULL))
		return __LINE__;
	turns = peal_stats_value(stats, "turns");
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
	return turns == 1 ? 0 : __LINE__;
}

/* What a child may do with its parent's page without disturbing anybody. */
static int use_in_child(struct peal_stats_page *page)
{
	struct peal_counter counter = plugin_counter("hello.child");
	int fd, slot;

	count_descriptors(&fd);
	if (fd >= 0)
		return __LINE__;
	for (int i = 0; i < 1000; i++) {
		peal_count(peal_stats_page_block(page, 0), turns);
		peal_count_outside(page, wakes_sent);
	}
	slot = peal_stats_page_register(page, &counter, NULL);
	if (slot < 0)
		return __LINE__;
	peal_count_slot(peal_stats_page_block(page, 0), slot, 1);
	peal_stats_page_set_state(page, PEAL_RT_DRAINING);
	peal_stats_page_destroy(page);
	return make_in_child();
}

static void fork_and_use(struct peal_stats_page *page)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(use_in_child(page) % 256);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(a_forked_child_counts_for_itself)
{
	struct peal_stats_page *page = make_page(1);
	struct peal_stats *stats;

	peal_stats_page_set_state(page, PEAL_RT_RUNNING);
	peal_count_add(peal_stats_page_block(page, 0), turns, 5);
	usleep(50000); /* more than a tick of the clock in which processes' starts are given */
	fork_and_use(page);
	stats = snapshot(page);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 5);
	ck_assert_uint_eq(peal_stats_value(stats, "wakes_sent"), 0);
	ck_assert_uint_eq(peal_stats_info(stats)->state, PEAL_RT_RUNNING);
	ck_assert_int_eq(peal_stats_find(stats, "hello.child"), -ENOENT);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
}
END_TEST

/* clone(2) passes by what libc does for a fork. Such a child must not count, but if it does, then not
 * for its parent. */
START_TEST(a_child_that_libc_does_not_know_disturbs_nobody)
{
	const char *sanitizer = getenv("PEAL_SANITIZER");
	struct peal_stats_page *page;
	int status;
	pid_t pid;

	if (sanitizer && sanitizer[0])
		peal_skip("the child would take the sanitizer with it");
	page = make_page(1);
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid) {
		peal_count(peal_stats_page_block(page, 0), turns);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	ck_assert_uint_eq(total(page, "turns"), 0);
	peal_stats_page_destroy(page);
}
END_TEST

static PEAL_ATOMIC(uint32_t) stop;

/* Until `stop`. Returns NULL, or arg if a page was refused. */
static void *make_pages(void *arg)
{
	struct peal_stats_setup setup = { .backend = "none", .shards = 1 };

	while (!peal_load_acquire(&stop)) {
		struct peal_stats_page *page;

		if (peal_stats_page_create(&page, &setup))
			return arg;
		peal_stats_page_destroy(page);
	}
	return NULL;
}

START_TEST(a_fork_may_come_while_pages_come_and_go)
{
	struct peal_stats_page *page = make_page(1);
	pthread_t thread;
	void *failed;

	peal_store_relaxed(&stop, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_pages, page), 0);
	for (int i = 0; i < 50; i++) {
		pid_t pid = fork();
		int status;

		if (!pid) {
			peal_count(peal_stats_page_block(page, 0), turns);
			_exit(0);
		}
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
	peal_store_release(&stop, 1);
	pthread_join(thread, &failed);
	ck_assert_ptr_null(failed);
	ck_assert_uint_eq(total(page, "turns"), 0);
	peal_stats_page_destroy(page);
}
END_TEST

/* Answers one system call in the kernel's place, so many times. */
struct refusal {
	struct peal_sys_hook hook;
	long number, answer;
	int times;
};

static bool refuse(struct peal_sys_hook *hook, long number, long *result)
{
	struct refusal *refusal = PEAL_CONTAINER_OF(hook, struct refusal, hook);

	if (number != refusal->number || refusal->times <= 0)
		return false;
	refusal->times--;
	*result = refusal->answer;
	return true;
}

static int create_refused(
	struct peal_stats_page **page, long number, long answer, int times, const char *directory)
{
	struct peal_stats_setup setup = { .backend = "none", .shards = 2, .directory = directory };
	struct refusal refusal = {
		.hook.call = refuse, .number = number, .answer = answer, .times = times
	};
	int err;

	peal_sys_hook = &refusal.hook;
	err = peal_stats_page_create(page, &setup);
	peal_sys_hook = NULL;
	ck_assert_int_lt(refusal.times, times);
	return err;
}

static const struct {
	long number, answer;
	const char *says;
} refusals[] = {
	{ SYS_memfd_create, -ENOSYS, "memfd_create was refused: Function not implemented" },
	{ SYS_memfd_create, -EPERM, "memfd_create was refused: Operation not permitted" },
	{ SYS_memfd_create, -EMFILE, "memfd_create was refused: Too many open files" },
	{ SYS_ftruncate, -ENOSPC, "cannot size the stats page: No space left" },
	{ SYS_fcntl, -EINVAL, "cannot be sealed (needs Linux 5.1): Invalid argument" },
	{ SYS_madvise, -EINVAL, "cannot keep the stats page from a fork: Invalid argument" },
};

START_TEST(without_shared_memory_counters_are_private)
{
	struct peal_stats_page *page;
	int before, after, fd;

	before = count_descriptors(&fd);
	ck_assert_int_eq(
		create_refused(&page, refusals[_i].number, refusals[_i].answer, 1000, NULL), 0);
	after = count_descriptors(&fd);
	ck_assert_int_eq(before, after);
	ck_assert_int_eq(fd, -1);
	ck_assert_ptr_nonnull(peal_stats_page_reason(page));
	ck_assert_ptr_nonnull(strstr(peal_stats_page_reason(page), refusals[_i].says));
	peal_count_add(peal_stats_page_block(page, 1), turns, 3);
	fork_and_use(page);
	ck_assert_uint_eq(total(page, "turns"), 3);
	peal_stats_page_destroy(page);
}
END_TEST

/* Before Linux 6.3 the kernel does not know MFD_NOEXEC_SEAL. */
START_TEST(an_older_kernel_gets_the_flags_it_knows)
{
	struct peal_stats_page *page;
	int fd;

	ck_assert_int_eq(create_refused(&page, SYS_memfd_create, -EINVAL, 1, NULL), 0);
	ck_assert_ptr_null(peal_stats_page_reason(page));
	count_descriptors(&fd);
	ck_assert_int_ge(fd, 0);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(without_any_memory_there_is_no_page)
{
	struct peal_stats_page *page = NULL;
	int before, after, fd;

	before = count_descriptors(&fd);
	ck_assert_int_eq(create_refused(&page, SYS_mmap, -ENOMEM, 1000, NULL), -ENOMEM);
	after = count_descriptors(&fd);
	ck_assert_ptr_null(page);
	ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(nothing_stays_behind)
{
	struct peal_stats_page *page = make_page(4);
	int descriptors, mappings, fd;

	peal_stats_free(snapshot(page));
	peal_stats_page_destroy(page);
	peal_stats_page_destroy(NULL);
	peal_stats_free(NULL);
	descriptors = count_descriptors(&fd);
	mappings = count_mappings();
	for (int i = 0; i < 200; i++) {
		page = make_page(4);
		peal_stats_free(snapshot(page));
		peal_stats_page_destroy(page);
	}
	ck_assert_int_eq(count_descriptors(&fd), descriptors);
	ck_assert_int_lt(count_mappings(), mappings + 20); /* the allocator's may come and go */
}
END_TEST

static const char *file_in(const char *folder, unsigned int runtime)
{
	static char path[128];

	snprintf(path, sizeof path, "%s/peal.%d.%u", folder, (int)getpid(), runtime);
	return path;
}

static struct peal_stats_page *make_filed_page(const char *folder)
{
	struct peal_stats_setup setup = {
		.name = "filed", .backend = "none", .shards = 1, .directory = folder
	};
	struct peal_stats_page *page;

	ck_assert_int_eq(peal_stats_page_create(&page, &setup), 0);
	ck_assert_ptr_null(peal_stats_page_reason(page));
	return page;
}

START_TEST(a_folder_keeps_the_page_as_a_file)
{
	const char *folder = make_folder(), *path;
	mode_t mask = umask(0077);
	struct peal_stats_page *page = make_filed_page(folder);
	struct peal_stats *stats;
	struct stat st;

	umask(mask);
	path = file_in(folder, peal_stats_page_runtime(page));
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	peal_count_add(peal_stats_page_block(page, 0), turns, 12);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, NULL), 0);
	ck_assert_str_eq(peal_stats_info(stats)->name, "filed");
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 12);
	/* A child that ends must leave the file alone. */
	fork_and_use(page);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 12);
	peal_stats_free(stats);
	peal_stats_page_destroy(page);
	ck_assert_int_ne(stat(path, &st), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(what_a_dead_process_left_is_replaced)
{
	struct peal_stats_page *page = make_page(1);
	const char *folder = make_folder();
	FILE *file = fopen(file_in(folder, peal_stats_page_runtime(page) + 1), "w");

	ck_assert_ptr_nonnull(file);
	fclose(file);
	peal_stats_page_destroy(page);
	page = make_filed_page(folder);
	peal_stats_page_destroy(page);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(a_full_folder_is_refused_at_the_start)
{
	const char *folder = make_folder();
	struct peal_stats_page *page;

	ck_assert_int_eq(create_refused(&page, SYS_fallocate, -ENOSPC, 1, folder), 0);
	ck_assert_ptr_nonnull(strstr(peal_stats_page_reason(page), "No space left"));
	peal_stats_page_destroy(page);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static const struct {
	const char *directory, *says;
} folders[] = {
	{ "/proc", "/proc is not on a tmpfs" },
	{ "shm", "absolute path" },
	{ "/nowhere/at/all", "cannot open /nowhere/at/all: No such file" },
};

START_TEST(a_folder_that_will_not_do_gives_a_memfd_and_a_reason)
{
	struct peal_stats_page *page;
	int fd;

	ck_assert_int_eq(setenv("PEAL_STATS_DIR", folders[_i].directory, 1), 0);
	page = make_page(1);
	unsetenv("PEAL_STATS_DIR");
	ck_assert_ptr_nonnull(peal_stats_page_reason(page));
	ck_assert_ptr_nonnull(strstr(peal_stats_page_reason(page), folders[_i].says));
	count_descriptors(&fd);
	ck_assert_int_ge(fd, 0);
	peal_stats_page_destroy(page);
}
END_TEST

static Suite *memory_suite(void)
{
	Suite *suite = suite_create("stats_memory");
	TCase *forks = tcase_create("fork"), *memory = tcase_create("memory");
	TCase *files = tcase_create("folder");

	tcase_add_test(memory, nobody_else_can_write_or_resize_the_page);
	tcase_add_loop_test(memory, without_shared_memory_counters_are_private, 0,
		sizeof refusals / sizeof refusals[0]);
	tcase_add_test(memory, an_older_kernel_gets_the_flags_it_knows);
	tcase_add_test(memory, without_any_memory_there_is_no_page);
	tcase_add_test(memory, nothing_stays_behind);
	suite_add_tcase(suite, memory);

	tcase_add_test(forks, a_forked_child_counts_for_itself);
	tcase_add_test(forks, a_child_that_libc_does_not_know_disturbs_nobody);
	tcase_add_test(forks, a_fork_may_come_while_pages_come_and_go);
	tcase_set_timeout(forks, 20);
	suite_add_tcase(suite, forks);

	tcase_add_test(files, a_folder_keeps_the_page_as_a_file);
	tcase_add_test(files, what_a_dead_process_left_is_replaced);
	tcase_add_test(files, a_full_folder_is_refused_at_the_start);
	tcase_add_loop_test(files, a_folder_that_will_not_do_gives_a_memfd_and_a_reason, 0,
		sizeof folders / sizeof folders[0]);
	suite_add_tcase(suite, files);
	return suite;
}

int main(void)
{
	return peal_check_main(memory_suite());
}
