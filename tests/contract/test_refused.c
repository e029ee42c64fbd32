/* SPDX-License-Identifier: MIT */
/*
 * Where the kernel's io_uring is refused, a runtime starts all the same, on the next best backend, works,
 * and says once which one it is and why. The refusals are real: a seccomp filter, as containers have it.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <peal/backend.h>
#include <peal/peal.h>

#include "core/base/atomic.h"
#include "core/sys.h"

#include "tests/check_main.h"
#include "tests/seccomp.h"

/* The probe may find all well, and then the limits are used up. */
struct used_up {
	struct peal_sys_hook hook;
	PEAL_ATOMIC(int) left;
};

static bool refuse_when_used_up(struct peal_sys_hook *hook, long number, long *result)
{
	struct used_up *used_up = PEAL_CONTAINER_OF(hook, struct used_up, hook);

	if (number != FIRST_IO_URING_CALL || peal_sub_seq_cst(&used_up->left, 1) > 0)
		return false;
	*result = -ENOMEM;
	return true;
}

static struct {
	pthread_mutex_t lock;
	int tellings;
	char last[512];
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Counts the lines that tell of the refusal. */
static void hear(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg, (void)level;
	pthread_mutex_lock(&heard.lock);
	if (strstr(text, "uring")) {
		heard.tellings++;
		snprintf(heard.last, sizeof(heard.last), "%s", text);
	}
	pthread_mutex_unlock(&heard.lock);
}

static int answer(void *arg)
{
	char byte;

	if (peal_recv(*(int *)arg, &byte, 1, 0) != 1)
		return -EIO;
	return (int)peal_send(*(int *)arg, &byte, 1, 0);
}

/* Something that needs the backend and both shards. */
static int talk(void *arg)
{
	struct peal_task *task;
	int ends[2], result;
	char byte = 'x';

	strcpy(arg, peal_rt_backend(peal_rt_current()));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -errno;
	if (peal_task_spawn(&task, answer, &ends[1], PEAL_SPAWN(.place = PEAL_PINNED(1))))
		return -ENOMEM;
	if (peal_send(ends[0], &byte, 1, 0) != 1 || peal_recv(ends[0], &byte, 1, 0) != 1)
		return -EIO;
	if (peal_task_join(task, &result) || result != 1 || byte != 'x')
		return -EIO;
	peal_close(ends[0]);
	return peal_close(ends[1]);
}

static void runs_without_it(const char *why)
{
	char backend[32] = "";

	unsetenv("PEAL_BACKEND");
	peal_set_log(hear, NULL);
	ck_assert_int_eq(peal_run(talk, backend, PEAL_RT(.shards = 2)), 0);
	ck_assert_str_eq(backend, "epoll");
	ck_assert_int_eq(heard.tellings, 1);
	ck_assert_msg(strstr(heard.last, "uring refused") && strstr(heard.last, why),
		"\"%s\" does not say \"%s\"", heard.last, why);
}

/* What it must tell: who may have done that, or what to raise. */
static const struct {
	int error;
	const char *says;
} refusals[] = {
	{ EPERM, "seccomp" },         /* Docker's answer */
	{ ENOSYS, "sandbox" },        /* Podman's */
	{ ENOMEM, "RLIMIT_MEMLOCK" }, /* the kernel's where that is small */
};

START_TEST(by_a_filter)
{
	ck_assert_int_eq(refuse_io_uring(refusals[_i].error), 0);
	runs_without_it(refusals[_i].says);
}
END_TEST

START_TEST(when_limits_are_used_up)
{
	struct used_up used_up = { .hook = { refuse_when_used_up } };

	peal_store_seq_cst(&used_up.left, _i);
	peal_sys_hook = &used_up.hook;
	runs_without_it("RLIMIT_MEMLOCK");
	peal_sys_hook = NULL;
}
END_TEST

START_TEST(asked_for_by_name_it_is_refused)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt = NULL;

	ck_assert_int_eq(refuse_io_uring(EPERM), 0);
	ck_assert_int_eq(peal_rt_start(&rt, PEAL_RT(.backend = "uring"), &reason), -EPERM);
	ck_assert_ptr_null(rt);
	ck_assert_ptr_nonnull(strstr(reason.text, "uring"));
	ck_assert_ptr_nonnull(strstr(reason.text, "seccomp"));
}
END_TEST

static void look(void *arg, const struct peal_backend_info *backend)
{
	unsigned int *seen = arg;

	*seen |= !strcmp(backend->name, "uring") && !backend->err ? 1 : 0;
	*seen |= !strcmp(backend->name, "epoll") && !backend->err ? 2 : 0;
}

int main(void)
{
	unsigned int seen = 0;
	Suite *suite;
	TCase *tcase;

	peal_backend_list(look, &seen);
	if (seen != 3) {
		printf("1..0 # SKIP needs uring and epoll, both built and both working here\n");
		return 0;
	}
	suite = suite_create("refused");
	tcase = tcase_create("refused");
	tcase_set_timeout(tcase, 20);
	tcase_add_loop_test(tcase, by_a_filter, 0, 3);
	/* So many rings can be had: none; the probe's; the first shard's too. */
	tcase_add_loop_test(tcase, when_limits_are_used_up, 0, 3);
	tcase_add_test(tcase, asked_for_by_name_it_is_refused);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
