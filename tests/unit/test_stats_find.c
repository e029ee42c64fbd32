/* SPDX-License-Identifier: MIT */
/* Finding the stats pages of other processes, and saying why one cannot be seen: core/stats/stats_find.c. */
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "core/stats/stats.h"
#include "core/sys.h"
#include "tests/check_main.h"
#include "tests/stats_image.h"
#include "tests/unit/stats_help.h"

/* Who owns nothing: for what must be refused to others. */
#define NOBODY 65534

/* A process that runs `make`, says so, and waits to be killed. */
struct other {
	pid_t pid;
	int ready;
};

static struct other start_other(void (*make)(void))
{
	struct other other;
	int ends[2];
	char c;

	ck_assert_int_eq(pipe(ends), 0);
	other.pid = fork();
	if (!other.pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		make();
		if (write(ends[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	close(ends[1]);
	other.ready = ends[0];
	ck_assert_int_eq(read(other.ready, &c, 1), 1);
	return other;
}

static void end_other(struct other other)
{
	kill(other.pid, SIGKILL);
	waitpid(other.pid, NULL, 0);
	close(other.ready);
}

static void make_two(void)
{
	peal_count_add(peal_stats_page_block(make_page(2), 1), turns, 11);
	peal_count_add(peal_stats_page_block(make_page(3), 2), turns, 22);
}

static void make_nothing(void)
{
}

START_TEST(a_runtime_of_another_process_is_read)
{
	struct other other = start_other(make_two);
	struct peal_stats *stats;
	unsigned int first;

	ck_assert_int_eq(peal_stats_open(&stats, other.pid, 0, NULL), 0);
	first = peal_stats_info(stats)->runtime;
	ck_assert_int_eq(peal_stats_info(stats)->pid, other.pid);
	ck_assert_uint_eq(peal_stats_info(stats)->shards, 2);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 11);
	peal_stats_free(stats);
	ck_assert_int_eq(peal_stats_open(&stats, other.pid, first + 1, NULL), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 22);
	peal_stats_free(stats);
	end_other(other);
}
END_TEST

/* What was found, by process. */
struct seen {
	pid_t pid;
	unsigned int count, stop_after; /* 0: never */
};

static int see(void *arg, struct peal_stats *stats)
{
	struct seen *seen = arg;

	seen->count += peal_stats_info(stats)->pid == seen->pid;
	peal_stats_free(stats);
	return seen->stop_after && seen->count == seen->stop_after ? 77 : 0;
}

START_TEST(all_that_can_be_seen_are_found)
{
	struct other other = start_other(make_two);
	struct seen seen = { .pid = other.pid };

	ck_assert_int_eq(peal_stats_each(other.pid, see, &seen, NULL), 2);
	ck_assert_uint_eq(seen.count, 2);
	ck_assert_int_ge(peal_stats_each(0, see, &seen, NULL), 2);
	ck_assert_uint_eq(seen.count, 4);
	seen = (struct seen){ .pid = other.pid, .stop_after = 1 };
	ck_assert_int_eq(peal_stats_each(other.pid, see, &seen, NULL), 77);
	ck_assert_uint_eq(seen.count, 1);
	end_other(other);
}
END_TEST

START_TEST(a_reader_is_not_taken_for_the_owner)
{
	struct other other = start_other(make_two);
	struct seen seen = { .pid = other.pid };
	struct peal_stats *stats;

	/* Now this process holds a descriptor of the page, too. */
	ck_assert_int_eq(peal_stats_open(&stats, other.pid, 0, NULL), 0);
	ck_assert_int_eq(peal_stats_each(getpid(), see, &seen, NULL), -ENOENT);
	peal_stats_free(stats);
	end_other(other);
}
END_TEST

START_TEST(our_own_is_found_too)
{
	struct peal_stats_page *page = make_page(1);
	struct seen seen = { .pid = getpid() };

	ck_assert_int_eq(peal_stats_each(getpid(), see, &seen, NULL), 1);
	peal_stats_page_destroy(page);
	ck_assert_int_eq(peal_stats_each(getpid(), see, &seen, NULL), -ENOENT);
}
END_TEST

/* clone(2) without libc's fork handlers: the child has the descriptor, and yet it is not its page. */
START_TEST(a_child_with_the_descriptor_is_not_the_owner)
{
	struct peal_stats_page *page = make_page(1);
	struct peal_reason reason;
	struct peal_stats *stats;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	int status;

	if (!pid)
		for (;;)
			syscall(SYS_pause);
	ck_assert_int_eq(peal_stats_open(&stats, pid, 0, &reason), -ENOENT);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	peal_stats_page_destroy(page);
}
END_TEST

START_TEST(the_end_of_the_process_is_noticed)
{
	struct other other = start_other(make_two);
	struct peal_stats *stats;
	siginfo_t end;

	ck_assert_int_eq(peal_stats_open(&stats, other.pid, 0, NULL), 0);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	kill(other.pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)other.pid, &end, WEXITED | WNOWAIT), 0);
	/* It waits to be reaped, then it is gone; neither counts. */
	ck_assert_int_eq(peal_stats_refresh(stats), -ESRCH);
	end_other(other);
	ck_assert_int_eq(peal_stats_refresh(stats), -ESRCH);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 11);
	peal_stats_free(stats);
}
END_TEST

static int refused(pid_t pid, unsigned int runtime, struct peal_reason *reason)
{
	struct peal_stats *stats = NULL;
	int err = peal_stats_open(&stats, pid, runtime, reason);

	ck_assert_ptr_null(stats);
	return err;
}

START_TEST(what_is_not_there_is_told)
{
	struct other other = start_other(make_nothing);
	struct peal_reason reason;

	ck_assert_int_eq(refused(other.pid, 0, &reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason.text, "has no runtime of Peal"));
	end_other(other);
	ck_assert_int_eq(refused(other.pid, 0, &reason), -ESRCH);
	ck_assert_ptr_nonnull(strstr(reason.text, "there is no process"));
	ck_assert_int_eq(refused(0, 0, &reason), -ESRCH);
	ck_assert_int_eq(refused(-5, 0, &reason), -ESRCH);
	other = start_other(make_two);
	ck_assert_int_eq(refused(other.pid, 4000000, &reason), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason.text, "has no runtime 4000000"));
	end_other(other);
}
END_TEST

static bool become_nobody(void)
{
	return !syscall(SYS_setgroups, 0, NULL) &&
		!syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) &&
		!syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY);
}

static void make_as_nobody(void)
{
	if (!become_nobody())
		_exit(1);
	prctl(PR_SET_DUMPABLE, 1);
	make_two();
}

static void make_undumpable(void)
{
	if (!become_nobody())
		_exit(1);
	prctl(PR_SET_DUMPABLE, 0);
	make_two();
}

static void make_as_root(void)
{
	make_two();
}

/* A /proc that shows nobody the others' processes, for the caller alone. False when that is refused. */
static bool hide_processes(void)
{
	return !unshare(CLONE_NEWNS) && !mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) &&
		!mount("proc", "/proc", "proc", 0, "hidepid=2");
}

#define CANNOT_HIDE 2

static int check_as_nobody(pid_t pid, bool hidden, int expected, const char *says)
{
	struct peal_reason reason = { "" };
	struct peal_stats *stats;
	int err;

	if (hidden && !hide_processes())
		return CANNOT_HIDE;
	if (!become_nobody())
		return 1;
	err = peal_stats_open(&stats, pid, 0, &reason);
	if (!err)
		peal_stats_free(stats);
	return err == expected && strstr(reason.text, says) ? 0 : 1;
}

/* The exit code of a process that does it. */
static int read_as_nobody(struct other other, bool hidden, int expected, const char *says)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(check_as_nobody(other.pid, hidden, expected, says));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const struct {
	void (*make)(void);
	int err;
	const char *says;
} permissions[] = {
	{ make_as_nobody, 0, "" },
	{ make_undumpable, -EACCES, "is yours but not dumpable" },
	{ make_as_root, -EACCES, "belongs to user 0: try as root" },
};

START_TEST(who_may_look_is_told)
{
	struct other other;

	if (geteuid())
		peal_skip("needs root, to be several users");
	other = start_other(permissions[_i].make);
	ck_assert_int_eq(
		read_as_nobody(other, false, permissions[_i].err, permissions[_i].says), 0);
	/* Root may look into all of them. */
	struct seen seen = { .pid = other.pid };
	ck_assert_int_eq(peal_stats_each(other.pid, see, &seen, NULL), 2);
	end_other(other);
}
END_TEST

START_TEST(a_hidden_process_is_told)
{
	struct other other;
	int code;

	if (geteuid())
		peal_skip("needs root, to be several users");
	other = start_other(make_as_root);
	code = read_as_nobody(other, true, -EACCES, "(mounted with hidepid?)");
	end_other(other);
	if (code == CANNOT_HIDE)
		peal_skip("needs the right to mount /proc");
	ck_assert_int_eq(code, 0);
}
END_TEST

/* A memfd of the right name, with something else in it. */
static void make_forgery(void)
{
	struct image image;
	int fd = memfd_create(PEAL_STATS_NAME, 0);

	image_init(&image);
	image.header.pid = getpid();
	image.header.shards = 1000;
	if (write(fd, &image, sizeof image) != (ssize_t)sizeof image)
		_exit(1);
}

START_TEST(a_forged_page_is_refused_and_passed_over)
{
	struct other other = start_other(make_forgery), good = start_other(make_two);
	struct seen seen = { .pid = good.pid };
	struct peal_reason reason;

	ck_assert_int_eq(refused(other.pid, 0, &reason), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(reason.text, "broken"));
	ck_assert_int_ge(peal_stats_each(0, see, &seen, NULL), 2);
	ck_assert_uint_eq(seen.count, 2);
	end_other(other);
	end_other(good);
}
END_TEST

/* Nor is a page that claims to be another process's. */
static void make_claim(void)
{
	struct image image;
	int fd = memfd_create(PEAL_STATS_NAME, 0);

	image_init(&image);
	image.header.pid = getppid();
	if (write(fd, &image, sizeof image) != (ssize_t)sizeof image)
		_exit(1);
}

START_TEST(a_page_speaks_for_its_own_process_only)
{
	struct other other = start_other(make_claim);
	struct seen seen = { .pid = getpid() };
	struct peal_reason reason;

	ck_assert_int_eq(refused(other.pid, 0, &reason), -ENOENT);
	peal_stats_each(0, see, &seen, NULL);
	ck_assert_uint_eq(seen.count, 0);
	end_other(other);
}
END_TEST

START_TEST(a_page_in_the_folder_is_found_while_its_process_lives)
{
	const char *folder = make_folder();
	struct peal_reason reason;
	struct peal_stats *stats;
	struct other other;
	siginfo_t end;
	char path[128];

	setenv("PEAL_STATS_DIR", folder, 1);
	other = start_other(make_two);
	ck_assert_int_eq(peal_stats_open(&stats, other.pid, 0, &reason), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "turns"), 11);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	kill(other.pid, SIGKILL);
	waitid(P_PID, (id_t)other.pid, &end, WEXITED | WNOWAIT);
	ck_assert_int_eq(peal_stats_refresh(stats), -ESRCH);
	end_other(other);
	/* The files are still there, the process is not. */
	snprintf(path, sizeof path, "%s/peal.%d.%u", folder, (int)other.pid,
		peal_stats_info(stats)->runtime);
	peal_stats_free(stats);
	ck_assert_int_eq(refused(other.pid, 0, &reason), -ESRCH);
	unsetenv("PEAL_STATS_DIR");
	ck_assert_int_eq(unlink(path), 0);
	path[strlen(path) - 1]++;
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

/* Whatever call fails while looking, nothing is lost but the answer. */
struct failing {
	struct peal_sys_hook hook;
	int good;
};

static bool fail_one(struct peal_sys_hook *hook, long number, long *result)
{
	struct failing *failing = PEAL_CONTAINER_OF(hook, struct failing, hook);

	if (number == SYS_close || failing->good-- != 0)
		return false;
	*result = -EMFILE;
	return true;
}

START_TEST(every_failing_call_is_survived)
{
	struct failing failing = { .hook.call = fail_one };
	struct other other = start_other(make_two);
	int before, after, fd, calls = 0;

	before = count_descriptors(&fd);
	do {
		struct peal_stats *stats = NULL;
		int err;

		failing.good = calls++;
		peal_sys_hook = &failing.hook;
		err = peal_stats_open(&stats, other.pid, 0, NULL);
		peal_sys_hook = NULL;
		ck_assert(err ? !stats : stats != NULL);
		peal_stats_free(stats);
	} while (failing.good < 0);
	after = count_descriptors(&fd);
	ck_assert_int_eq(before, after);
	ck_assert_int_gt(calls, 15);
	end_other(other);
}
END_TEST

static Suite *find_suite(void)
{
	Suite *suite = suite_create("stats_find");
	TCase *find = tcase_create("find"), *refuse = tcase_create("refuse");

	tcase_add_test(find, a_runtime_of_another_process_is_read);
	tcase_add_test(find, all_that_can_be_seen_are_found);
	tcase_add_test(find, a_reader_is_not_taken_for_the_owner);
	tcase_add_test(find, our_own_is_found_too);
	tcase_add_test(find, a_child_with_the_descriptor_is_not_the_owner);
	tcase_add_test(find, the_end_of_the_process_is_noticed);
	tcase_add_test(find, a_page_in_the_folder_is_found_while_its_process_lives);
	tcase_set_timeout(find, 20);
	suite_add_tcase(suite, find);

	tcase_add_test(refuse, what_is_not_there_is_told);
	tcase_add_loop_test(
		refuse, who_may_look_is_told, 0, sizeof permissions / sizeof permissions[0]);
	tcase_add_test(refuse, a_hidden_process_is_told);
	tcase_add_test(refuse, a_forged_page_is_refused_and_passed_over);
	tcase_add_test(refuse, a_page_speaks_for_its_own_process_only);
	tcase_add_test(refuse, every_failing_call_is_survived);
	tcase_set_timeout(refuse, 20);
	suite_add_tcase(suite, refuse);
	return suite;
}

int main(void)
{
	return peal_check_main(find_suite());
}
