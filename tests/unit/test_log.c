/* SPDX-License-Identifier: MIT */
/* The log hook, reasons, and last words. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/fatal.h"
#include "core/base/log.h"

#include "tests/check_main.h"

static struct {
	int calls;
	enum peal_log_level level;
	char text[1024];
} heard;

static void hear(void *arg, enum peal_log_level level, const char *text)
{
	ck_assert_ptr_eq(arg, &heard);
	ck_assert_uint_lt(strlen(text), sizeof(heard.text));
	heard.calls++;
	heard.level = level;
	strcpy(heard.text, text);
	errno = ENOTTY;
}

START_TEST(without_a_hook_nothing_is_said)
{
	peal_log(PEAL_LOG_ERROR, "%s", "nobody listens");
	peal_set_log(hear, &heard);
	peal_set_log(NULL, NULL);
	peal_log(PEAL_LOG_ERROR, "%s", "nobody listens any more");
	ck_assert_int_eq(heard.calls, 0);
}
END_TEST

START_TEST(the_hook_gets_one_line)
{
	peal_set_log(hear, &heard);
	errno = EXDEV;
	peal_log(PEAL_LOG_WARNING, "%s has %d\nlines\r\n", "it", 2);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(heard.calls, 1);
	ck_assert_int_eq(heard.level, PEAL_LOG_WARNING);
	ck_assert_str_eq(heard.text, "it has 2 lines  ");
}
END_TEST

START_TEST(long_lines_are_cut)
{
	peal_set_log(hear, &heard);
	peal_log(PEAL_LOG_INFO, "%0900d", 7);
	ck_assert_uint_eq(strlen(heard.text), 511);
}
END_TEST

START_TEST(a_refusal_gives_its_error_back)
{
	struct peal_reason reason;

	ck_assert_int_eq(peal_refuse(&reason, -EPERM, "%s\nrefused", "it is"), -EPERM);
	ck_assert_str_eq(reason.text, "it is refused");
	ck_assert_int_eq(peal_refuse(NULL, -ENOENT, "%s", "nobody asks"), -ENOENT);
}
END_TEST

START_TEST(a_reason_may_tell_of_itself)
{
	struct peal_reason reason;

	peal_refuse(&reason, -1, "%0250d", 7);
	peal_refuse(&reason, -1, "longer: %s", reason.text);
	ck_assert_uint_eq(strlen(reason.text), sizeof(reason.text) - 1);
	ck_assert_int_eq(strncmp(reason.text, "longer: 00", 10), 0);
}
END_TEST

/* Runs `die` in a child; what it wrote to stderr, and that it was aborted. */
static void last_words_of(void (*die)(void), char *text, size_t size)
{
	int ends[2], status;
	ssize_t n;
	pid_t child;

	ck_assert_int_eq(pipe(ends), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		dup2(ends[1], STDERR_FILENO);
		die();
		_exit(0);
	}
	close(ends[1]);
	n = read(ends[0], text, size - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(ends[0]);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void write_words(const char *text)
{
	ck_assert_int_eq(dprintf(STDERR_FILENO, "[%s]", text), (int)strlen(text) + 2);
}

static void die_plainly(void)
{
	peal_fatal("%d ends", 2);
}

static void die_of_an_invariant(void)
{
	int two = 2;

	peal_assert(two == 2);
	peal_assert(two == 3);
}

static void die_with_hook(void)
{
	peal_set_fatal(write_words);
	peal_fatal("%d ends", 2);
}

static void hook_that_fails(const char *text)
{
	write_words(text);
	peal_fatal("again");
}

static void die_in_hook(void)
{
	peal_set_fatal(hook_that_fails);
	peal_fatal("once");
}

START_TEST(last_words)
{
	char text[512];

	last_words_of(die_plainly, text, sizeof(text));
	ck_assert_str_eq(text, "peal: 2 ends\n");
	last_words_of(die_with_hook, text, sizeof(text));
	ck_assert_str_eq(text, "[2 ends]");
	last_words_of(die_in_hook, text, sizeof(text));
	ck_assert_str_eq(text, "[once]");
}
END_TEST

START_TEST(an_invariant_says_where)
{
	char text[512];

	last_words_of(die_of_an_invariant, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "test_log.c:"));
	ck_assert_ptr_nonnull(strstr(text, "two == 3"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase = tcase_create("log");

	tcase_add_test(tcase, without_a_hook_nothing_is_said);
	tcase_add_test(tcase, the_hook_gets_one_line);
	tcase_add_test(tcase, long_lines_are_cut);
	tcase_add_test(tcase, a_refusal_gives_its_error_back);
	tcase_add_test(tcase, a_reason_may_tell_of_itself);
	tcase_add_test(tcase, last_words);
	tcase_add_test(tcase, an_invariant_says_where);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
