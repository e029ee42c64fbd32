/* SPDX-License-Identifier: MIT */
/* The choice of a backend, on tables made up here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/machine/backend.h"

#include "tests/check_main.h"

static int works(struct peal_reason *reason)
{
	(void)reason;
	return 0;
}

static int forbidden(struct peal_reason *reason)
{
	strcpy(reason->text, "the guard says no");
	return -EPERM;
}

static int out_of_memory(struct peal_reason *reason)
{
	memset(reason->text, 'm', sizeof(reason->text) - 1);
	reason->text[sizeof(reason->text) - 1] = '\0';
	return -ENOMEM;
}

static int no_open(
	struct peal_ring **ring, const struct peal_ring_opts *opts, struct peal_reason *reason)
{
	(void)ring, (void)opts, (void)reason;
	return -ENOSYS;
}

static void no_close(struct peal_ring *ring)
{
	(void)ring;
}

static int no_op(struct peal_ring *ring, struct peal_op *op)
{
	(void)ring, (void)op;
	return -ENOSYS;
}

static int no_peek(struct peal_ring *ring, struct peal_reap *reap)
{
	(void)ring, (void)reap;
	return -ENOSYS;
}

static int no_wait(struct peal_ring *ring, int64_t deadline, struct peal_reap *reap)
{
	(void)ring, (void)deadline, (void)reap;
	return -ENOSYS;
}

static int no_bell(struct peal_ring *from, struct peal_ring *to)
{
	(void)from, (void)to;
	return -ENOSYS;
}

static int no_number(struct peal_ring *ring)
{
	(void)ring;
	return -ENOSYS;
}

#define FAKE(fake_name, fake_preference, fake_probe)                                               \
	{                                                                                          \
		.abi = PEAL_BACKEND_ABI, .size = sizeof(struct peal_backend), .name = (fake_name), \
		.summary = "fake", .caps = 6, .op_bytes = 64, .preference = (fake_preference),     \
		.probe = (fake_probe), .open = no_open, .close = no_close, .submit = no_op,        \
		.cancel = no_op, .peek = no_peek, .wait = no_wait, .bell = no_bell,                \
		.bell_from_outside = no_number, .poll_fd = no_number, .after_fork = no_close       \
	}

static const struct peal_backend slow = FAKE("slow", 1, works);
static const struct peal_backend fast = FAKE("fast", 9, works);
static const struct peal_backend twin = FAKE("twin", 9, works);
static const struct peal_backend barred = FAKE("barred", 10, forbidden);
static const struct peal_backend wordy = FAKE("wordy", 11, out_of_memory);
static const struct peal_backend hidden = FAKE("hidden", 0, works);
/* Of another version: whoever reads its name or its probe crashes. */
static const struct peal_backend foreign = {
	.abi = PEAL_BACKEND_ABI + 1,
	.size = 24,
	.name = (const char *)1,
	.preference = 99,
	.probe = (int (*)(struct peal_reason *))1,
};

static struct peal_backend out;
static struct peal_reason reason;
static char why[PEAL_BACKEND_WHY_BYTES];

#define TABLE(...) ((const struct peal_backend *const[]){ __VA_ARGS__, NULL })

static int choose(const struct peal_backend *const *table, const char *name)
{
	memset(&out, 0, sizeof(out));
	strcpy(why, "untouched");
	strcpy(reason.text, "untouched");
	return peal_backend_choose_from(table, name, "the test", &out, why, &reason);
}

static void says(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part), "\"%s\" does not say \"%s\"", text, part);
}

START_TEST(the_most_preferred_that_works)
{
	ck_assert_int_eq(choose(TABLE(&slow, &hidden, &fast), NULL), 0);
	ck_assert_str_eq(out.name, "fast");
	says(why, "fast: ");
	says(why, "Linux ");
	ck_assert_str_eq(reason.text, "untouched");
}
END_TEST

START_TEST(of_equals_the_first)
{
	ck_assert_int_eq(choose(TABLE(&slow, &twin, &fast), NULL), 0);
	ck_assert_str_eq(out.name, "twin");
}
END_TEST

START_TEST(a_refused_one_is_passed_over_and_named)
{
	ck_assert_int_eq(choose(TABLE(&slow, &barred), NULL), 0);
	ck_assert_str_eq(out.name, "slow");
	ck_assert_str_eq(why, "slow: barred refused: the guard says no");
}
END_TEST

START_TEST(why_is_cut_not_overrun)
{
	ck_assert_int_eq(choose(TABLE(&wordy, &barred, &slow), NULL), 0);
	ck_assert_uint_eq(strlen(why), sizeof(why) - 1);
	ck_assert_int_eq(strncmp(why, "slow: wordy refused: mmm", 24), 0);
}
END_TEST

START_TEST(when_none_works_the_best_ones_error)
{
	ck_assert_int_eq(choose(TABLE(&hidden, &barred, &wordy), NULL), -ENOMEM);
	says(reason.text, "wordy refused: mmm");
	ck_assert_str_eq(why, "untouched");
	ck_assert_ptr_null(out.name);
	ck_assert_int_eq(choose(TABLE(&hidden), NULL), -ENOENT);
	says(reason.text, "with none");
	ck_assert_int_eq(choose(TABLE(NULL), NULL), -ENOENT);
}
END_TEST

START_TEST(by_name_it_is_that_one)
{
	ck_assert_int_eq(choose(TABLE(&fast, &hidden), "hidden"), 0);
	ck_assert_str_eq(out.name, "hidden");
	says(why, "hidden: the test asks for it");
	ck_assert_int_eq(choose(TABLE(&fast, &barred), "barred"), -EPERM);
	says(reason.text, "barred, which the test asks for, cannot be used: the guard says no");
	ck_assert_ptr_null(out.name);
}
END_TEST

START_TEST(an_unknown_name_lists_the_known)
{
	ck_assert_int_eq(choose(TABLE(&slow, &foreign, &fast), "fas"), -ENOENT);
	says(reason.text, "\"fas\"");
	says(reason.text, "there are: fast, slow");
	ck_assert_int_eq(choose(TABLE(&foreign), "fast"), -ENOENT);
	says(reason.text, "there are: none");
}
END_TEST

START_TEST(of_another_version)
{
	ck_assert_int_eq(choose(TABLE(&foreign, &slow), NULL), 0);
	ck_assert_str_eq(out.name, "slow");
	ck_assert_int_eq(choose(TABLE(&foreign), NULL), -ENOENT);
}
END_TEST

START_TEST(with_a_hole)
{
	struct peal_backend holed = FAKE("holed", 20, works);

	holed.bell_from_outside = NULL;
	ck_assert_int_eq(choose(TABLE(&holed), "holed"), -ENOEXEC);
	says(reason.text, "\"bell_from_outside\"");
	ck_assert_int_eq(choose(TABLE(&holed, &slow), NULL), 0);
	ck_assert_str_eq(out.name, "slow");
}
END_TEST

START_TEST(with_too_much_in_each_op)
{
	struct peal_backend fat = FAKE("fat", 20, works);

	fat.op_bytes = 65;
	ck_assert_int_eq(choose(TABLE(&fat), "fat"), -ENOEXEC);
	says(reason.text, "65 bytes");
}
END_TEST

static void never(void *arg, const char *name, bool present, const char *remark)
{
	(void)arg, (void)name, (void)present, (void)remark;
	ck_abort();
}

START_TEST(gaps_are_filled)
{
	int64_t before, after;

	ck_assert_int_eq(choose(TABLE(&fast), NULL), 0);
	out.features(never, NULL);
	ck_assert_uint_eq(peal_backend_caps(&out, NULL), 6);
	before = out.now(NULL);
	after = out.now(NULL);
	ck_assert_int_gt(before, 0);
	ck_assert_int_ge(after, before);
}
END_TEST

static int fall_back(const struct peal_backend *const *table, const struct peal_backend *failed)
{
	static const struct peal_reason cause = { "no room for rings" };

	out = *failed;
	strcpy(why, "untouched");
	return peal_backend_fall_back_in(table, &out, -ENOMEM, &cause, &out, why, &reason);
}

START_TEST(falling_back)
{
	const struct peal_backend *const *table = TABLE(&slow, &barred, &twin, &fast);

	ck_assert_int_eq(fall_back(table, &twin), 0);
	ck_assert_str_eq(out.name, "fast");
	ck_assert_str_eq(why, "fast: twin refused: no room for rings");
	ck_assert_int_eq(fall_back(table, &fast), 0);
	ck_assert_str_eq(out.name, "slow");
	ck_assert_int_eq(fall_back(table, &slow), -ENOMEM);
	ck_assert_str_eq(out.name, "slow");
	ck_assert_str_eq(why, "untouched");
	says(reason.text, "slow refused: no room for rings");
}
END_TEST

START_TEST(the_environment)
{
	setenv("PEAL_BACKEND", "no-such", 1);
	ck_assert_int_eq(peal_backend_choose(NULL, &out, why, &reason), -ENOENT);
	says(reason.text, "\"no-such\", which PEAL_BACKEND asks for");
	ck_assert_int_eq(peal_backend_choose("nor-this", &out, why, &reason), -ENOENT);
	says(reason.text, "\"nor-this\", which the program asks for");
	ck_assert_int_eq(peal_backend_choose(NULL, &out, why, NULL), -ENOENT);
}
END_TEST

START_TEST(what_was_asked_for_is_not_replaced)
{
	struct peal_reason cause = { "no room for rings" };

	unsetenv("PEAL_BACKEND");
	ck_assert_int_eq(peal_backend_fall_back("fast", &fast, -ENOMEM, &cause, &out, why, &reason),
		-ENOMEM);
	ck_assert_str_eq(reason.text, cause.text);
	setenv("PEAL_BACKEND", "fast", 1);
	ck_assert_int_eq(
		peal_backend_fall_back(NULL, &fast, -ENOMEM, &cause, &out, why, &reason), -ENOMEM);
}
END_TEST

static void note(void *arg, const struct peal_backend_info *info)
{
	char *seen = arg;

	ck_assert_uint_eq(info->size, sizeof(*info));
	info->features(never, NULL);
	ck_assert_int_eq(!info->err, !*info->reason);
	sprintf(seen + strlen(seen), "%s %d,", info->name, info->err);
}

START_TEST(listing)
{
	char seen[256] = "";
	struct peal_backend older = { .abi = PEAL_BACKEND_ABI - 1, .size = sizeof(older) };
	int count = peal_backend_list_from(
		TABLE(&hidden, &foreign, &slow, &barred, &fast, &older), note, seen);
	char expected[256];

	sprintf(expected, "barred %d,fast 0,slow 0,hidden 0,entry 4 %d,entry 5 %d,", -EPERM,
		-ENOEXEC, -ENOEXEC);
	ck_assert_int_eq(count, 6);
	ck_assert_str_eq(seen, expected);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backend");
	TCase *tcase = tcase_create("backend");

	tcase_add_test(tcase, the_most_preferred_that_works);
	tcase_add_test(tcase, of_equals_the_first);
	tcase_add_test(tcase, a_refused_one_is_passed_over_and_named);
	tcase_add_test(tcase, why_is_cut_not_overrun);
	tcase_add_test(tcase, when_none_works_the_best_ones_error);
	tcase_add_test(tcase, by_name_it_is_that_one);
	tcase_add_test(tcase, an_unknown_name_lists_the_known);
	tcase_add_test(tcase, of_another_version);
	tcase_add_test(tcase, with_a_hole);
	tcase_add_test(tcase, with_too_much_in_each_op);
	tcase_add_test(tcase, gaps_are_filled);
	tcase_add_test(tcase, falling_back);
	tcase_add_test(tcase, the_environment);
	tcase_add_test(tcase, what_was_asked_for_is_not_replaced);
	tcase_add_test(tcase, listing);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
