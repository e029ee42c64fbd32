/* SPDX-License-Identifier: MIT */
/* What the library tells about the machine. */
#include <errno.h>
#include <string.h>

#include <peal/machine.h>
#include <peal/runtime.h>

#include "core/machine/cpus.h"

#include "tests/check_main.h"

START_TEST(it_tells_what_a_runtime_would_find)
{
	struct peal_machine machine = { .size = sizeof(machine) };
	struct peal_cpus cpus;

	peal_cpus_read(&cpus, "");
	ck_assert_int_eq(peal_machine(&machine), 0);
	ck_assert_uint_eq(machine.size, sizeof(machine));
	ck_assert_uint_eq(machine.cpus, cpus.count);
	ck_assert_uint_eq(machine.shards, cpus.shards);
	ck_assert_int_eq(machine.cpu_quota, cpus.quota);
	ck_assert_uint_ge(machine.stack_size, 16 * 1024);
	ck_assert_uint_ge(machine.stack_guard, PEAL_STACK_GUARD_ADVICE);
	ck_assert_uint_le(machine.stack_guard, PEAL_STACK_GUARD_CANARY);
}
END_TEST

START_TEST(of_callers_with_another_header)
{
	struct {
		struct peal_machine machine;
		char newer[16];
	} longer;

	memset(&longer, 0x5a, sizeof(longer));
	longer.machine.size = sizeof(longer);
	ck_assert_int_eq(peal_machine(&longer.machine), 0);
	ck_assert_uint_eq(longer.machine.size, sizeof(longer.machine));
	for (size_t i = 0; i < sizeof(longer.newer); i++)
		ck_assert_int_eq(longer.newer[i], 0x5a);

	memset(&longer, 0x5a, sizeof(longer));
	longer.machine.size = sizeof(longer.machine) - 1;
	ck_assert_int_eq(peal_machine(&longer.machine), -EINVAL);
	ck_assert_uint_eq(longer.machine.cpus, 0x5a5a5a5a);
}
END_TEST

START_TEST(nothing_of_it_stays)
{
	struct peal_machine machine = { .size = sizeof(machine) };

	ck_assert_int_eq(peal_machine(&machine), 0);
	ck_assert_int_eq(peal_set_allocator(NULL, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("machine");
	TCase *tcase = tcase_create("machine");

	tcase_add_test(tcase, it_tells_what_a_runtime_would_find);
	tcase_add_test(tcase, of_callers_with_another_header);
	tcase_add_test(tcase, nothing_of_it_stays);
	suite_add_tcase(suite, tcase);
	return peal_check_main(suite);
}
