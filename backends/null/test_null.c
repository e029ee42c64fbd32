/* SPDX-License-Identifier: MIT */
/* What the null backend has beyond the contract, which tests/contract checks: it refuses everything. */
#include <errno.h>

#include <peal/backend.h>
#include <peal/time.h>

#include "tests/check_main.h"

extern const struct peal_backend peal_backend_null;

static const struct peal_backend *const null = &peal_backend_null;
static struct peal_ring *ring;

static void open_ring(void)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 1 };

	ck_assert_int_eq(null->open(&ring, &opts, NULL), 0);
}

static void close_ring(void)
{
	null->close(ring);
}

START_TEST(is_used_only_when_asked_for)
{
	ck_assert_uint_eq(null->preference, 0);
}
END_TEST

START_TEST(every_op_is_refused_at_once)
{
	for (int opcode = 0; opcode < PEAL_OP_COUNT_; opcode++) {
		struct peal_op op = { .opcode = (uint8_t)opcode };

		ck_assert_int_eq(null->submit(ring, &op), 1);
		ck_assert_int_eq(op.result, -ENOSYS);
	}
}
END_TEST

START_TEST(a_bell_ends_the_wait)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(null->bell(ring, ring), 0);
	ck_assert_int_eq(null->wait(ring, PEAL_NEVER, &reap), 0);
	ck_assert_uint_eq(reap.bells, 1);
	ck_assert_int_eq(null->peek(ring, &reap), 0);
	ck_assert_uint_eq(reap.bells, 1);
	ck_assert_uint_eq(reap.count, 0);
}
END_TEST

static Suite *null_suite(void)
{
	Suite *suite = suite_create("null");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, open_ring, close_ring);
	tcase_add_test(tcase, is_used_only_when_asked_for);
	tcase_add_test(tcase, every_op_is_refused_at_once);
	tcase_add_test(tcase, a_bell_ends_the_wait);
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(null_suite());
}
