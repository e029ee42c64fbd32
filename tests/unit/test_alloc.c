/* SPDX-License-Identifier: MIT */
/* The library's memory, with and without the application's hook. */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/alloc.h"

#include <peal/runtime.h>

#include "tests/check_main.h"

static struct {
	int allocated, released;
	size_t alignment, size;
	bool refuse;
} hook;

/* Not zeroed, so that it shows when nobody clears it. */
static void *hook_allocate(size_t alignment, size_t size)
{
	void *memory = hook.refuse ? NULL : aligned_alloc(alignment, size);

	hook.alignment = alignment;
	hook.size = size;
	hook.allocated += memory != NULL;
	return memory ? memset(memory, 0xa5, size) : NULL;
}

static void hook_release(void *memory)
{
	ck_assert_ptr_nonnull(memory);
	hook.released++;
	free(memory);
}

static void use_hook(void)
{
	ck_assert_int_eq(peal_set_allocator(hook_allocate, hook_release), 0);
}

static bool all_zero(const void *memory, size_t size)
{
	const unsigned char *bytes = memory;

	while (size)
		if (bytes[--size])
			return false;
	return true;
}

static void check_allocations(void)
{
	for (size_t size = 0; size < 300; size += 13) {
		char *plain = peal_alloc(1, size), *line = peal_alloc_line(size);

		ck_assert_ptr_nonnull(plain);
		ck_assert_ptr_nonnull(line);
		ck_assert_uint_eq((uintptr_t)plain % _Alignof(max_align_t), 0);
		ck_assert_uint_eq((uintptr_t)line % PEAL_ALLOC_LINE, 0);
		ck_assert(all_zero(plain, size) && all_zero(line, size));
		memset(plain, 1, size);
		memset(line, 1, size);
		peal_free(plain);
		peal_free(line);
	}
	peal_free(NULL);
}

static void check_growing(void)
{
	char *text = peal_realloc(NULL, 0, 8);

	ck_assert(all_zero(text, 8));
	strcpy(text, "seven..");
	text = peal_realloc(text, 8, 1000);
	ck_assert_str_eq(text, "seven..");
	ck_assert(all_zero(text + 8, 992));
	text = peal_realloc(text, 1000, 6);
	ck_assert_int_eq(memcmp(text, "seven.", 6), 0);
	peal_free(text);
	text = peal_strdup("copied");
	ck_assert_str_eq(text, "copied");
	peal_free(text);
}

START_TEST(from_libc)
{
	check_allocations();
	check_growing();
}
END_TEST

START_TEST(from_the_hook)
{
	use_hook();
	check_allocations();
	check_growing();
	ck_assert_int_gt(hook.allocated, 0);
	ck_assert_int_eq(hook.allocated, hook.released);
}
END_TEST

/* aligned_alloc(3) wants a multiple of the alignment. */
START_TEST(the_hook_is_asked_for_whole_alignments)
{
	use_hook();
	peal_free(peal_alloc_line(1));
	ck_assert_uint_eq(hook.alignment, PEAL_ALLOC_LINE);
	ck_assert_uint_eq(hook.size, PEAL_ALLOC_LINE);
	peal_free(peal_alloc(1, 17));
	ck_assert_uint_eq(hook.alignment, _Alignof(max_align_t));
	ck_assert_uint_eq(hook.size % hook.alignment, 0);
}
END_TEST

START_TEST(when_there_is_none)
{
	char *kept;

	use_hook();
	kept = peal_strdup("kept");
	hook.refuse = true;
	ck_assert_ptr_null(peal_alloc(1, 1));
	ck_assert_ptr_null(peal_alloc_line(1));
	ck_assert_ptr_null(peal_strdup("text"));
	ck_assert_ptr_null(peal_realloc(kept, 5, 1000));
	ck_assert_str_eq(kept, "kept");
	peal_free(kept);
}
END_TEST

START_TEST(too_much_is_none)
{
	ck_assert_ptr_null(peal_alloc(SIZE_MAX / 2, 3));
	ck_assert_ptr_null(peal_alloc(1, SIZE_MAX));
	ck_assert_ptr_null(peal_alloc_line(SIZE_MAX - 5));
}
END_TEST

START_TEST(both_or_none)
{
	ck_assert_int_eq(peal_set_allocator(hook_allocate, NULL), -EINVAL);
	ck_assert_int_eq(peal_set_allocator(NULL, hook_release), -EINVAL);
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
	peal_free(peal_alloc(1, 1));
	ck_assert_int_eq(hook.allocated, 0);
}
END_TEST

START_TEST(it_cannot_change_while_it_is_held)
{
	void *memory;

	use_hook();
	peal_alloc_hold();
	memory = peal_alloc(1, 1);
	peal_alloc_hold();
	peal_alloc_release();
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), -EBUSY);
	peal_free(memory);
	ck_assert_int_eq(hook.released, 1);
	peal_alloc_release();
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

START_TEST(sizes_for_other_languages)
{
	ck_assert_uint_eq(peal_sizeof("peal_post"), sizeof(struct peal_post));
	ck_assert_uint_eq(peal_sizeof("peal_rt_opts"), sizeof(struct peal_rt_opts));
	ck_assert_uint_eq(peal_sizeof("peal_pos"), 0);
	ck_assert_uint_eq(peal_sizeof(""), 0);
	ck_assert_uint_eq(peal_sizeof(NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("alloc");
	TCase *tcase = tcase_create("alloc");

	tcase_add_test(tcase, from_libc);
	tcase_add_test(tcase, from_the_hook);
	tcase_add_test(tcase, the_hook_is_asked_for_whole_alignments);
	tcase_add_test(tcase, when_there_is_none);
	tcase_add_test(tcase, too_much_is_none);
	tcase_add_test(tcase, both_or_none);
	tcase_add_test(tcase, it_cannot_change_while_it_is_held);
	tcase_add_test(tcase, sizes_for_other_languages);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
