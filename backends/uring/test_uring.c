/* SPDX-License-Identifier: MIT */
/* The uring backend: opening a ring, what the kernel may refuse, and what older kernels lack. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "backends/uring/test_uring.h"

#define NEWEST_ONLY (PEAL_URING_SEND_MSG | PEAL_URING_ABS_TIMER | PEAL_URING_NO_IOWAIT)

static bool can_be_heard(struct peal_ring *ring)
{
	struct peal_reap reap;

	peal_reap_init(&reap);
	ck_assert_int_eq(peal_uring_bell_from_outside(ring), 0);
	reap_until(ring, &reap, 0, 1);
	return true;
}

static void expect_it_works(struct peal_ring *ring)
{
	char sent[] = "over the wire", received[sizeof(sent)] = "";
	struct peal_op nop = { .opcode = PEAL_OP_NOP, .result = -1 };
	struct peal_op in, out;
	struct peal_reap reap;
	int fds[2];

	ck_assert_int_eq(perform(ring, &nop), 0);
	socket_pair(fds, 0);
	in = recv_op(fds[0], received, sizeof(received));
	out = send_op(fds[1], sent, sizeof(sent));
	peal_reap_init(&reap);
	ck_assert_int_eq(submit(ring, &in, &reap), 0);
	ck_assert_int_eq(peal_uring_peek(ring, &reap), 0);
	ck_assert_uint_eq(reap.count, 0);
	ck_assert_int_eq(perform(ring, &out), sizeof(sent));
	reap_until(ring, &reap, 1, 0);
	ck_assert_str_eq(received, sent);
	ck_assert(can_be_heard(ring));
	close(fds[0]);
	close(fds[1]);
}

static const struct {
	const char *tier;
	uint32_t has, lacks;
} tiers[] = {
	{ "5.19", PEAL_URING_COOP, PEAL_URING_SINGLE | PEAL_URING_REGISTERED | NEWEST_ONLY },
	{ "6.0", PEAL_URING_COOP | PEAL_URING_SINGLE, PEAL_URING_DEFER | NEWEST_ONLY },
	{ "6.1", PEAL_URING_SINGLE | PEAL_URING_DEFER | PEAL_URING_REGISTERED,
		PEAL_URING_COOP | NEWEST_ONLY },
	{ "6.12", PEAL_URING_DEFER, PEAL_URING_SEND_MSG | PEAL_URING_NO_IOWAIT },
	{ "6.13", PEAL_URING_DEFER, PEAL_URING_NO_IOWAIT },
	{ "6.18", PEAL_URING_DEFER, PEAL_URING_COOP },
};

START_TEST(each_tier_works_without_what_came_later)
{
	struct peal_ring *ring;

	setenv("PEAL_URING_TIER", tiers[_i].tier, 1);
	ring = open_ring();
	ck_assert_uint_eq(ring->has & tiers[_i].has, tiers[_i].has);
	ck_assert_uint_eq(ring->has & tiers[_i].lacks, 0);
	ck_assert_int_eq(ring->bell_fd < 0, !!(ring->has & PEAL_URING_SEND_MSG));
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_tier_that_is_no_version_is_refused)
{
	static const char *const texts[] = { "6", "six", "6.1.2", "6.1x", "6.999", "-6.1" };
	struct peal_reason reason;

	for (size_t i = 0; i < LENGTH(texts); i++) {
		setenv("PEAL_URING_TIER", texts[i], 1);
		ck_assert_int_eq(refused(&reason), -EINVAL);
		ck_assert_ptr_nonnull(strstr(reason.text, texts[i]));
	}
}
END_TEST

START_TEST(a_tier_below_5_19_is_refused)
{
	struct peal_reason reason;

	setenv("PEAL_URING_TIER", "5.18", 1);
	ck_assert_int_eq(refused(&reason), -EINVAL);
	ck_assert_ptr_nonnull(strstr(reason.text, "5.18"));
	ck_assert_int_eq(peal_uring_probe(&reason), -EINVAL);
}
END_TEST

START_TEST(probing_leaves_nothing_behind)
{
	int before = open_descriptors();
	struct peal_reason reason = { "" };

	ck_assert_msg(!peal_uring_probe(&reason), "%s", reason.text);
	ck_assert_str_eq(reason.text, "");
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* The kernel has 16 places for registered rings in each thread. */
START_TEST(rings_can_be_opened_and_closed_for_ever)
{
	int before = open_descriptors();
	uint32_t has = 0;

	for (int i = 0; i < 100; i++) {
		struct peal_ring *ring = open_sized(8);

		if (!i)
			has = ring->has;
		ck_assert_uint_eq(ring->has, has);
		peal_uring_close(ring);
	}
	peal_uring_close(NULL);
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static const struct {
	struct fault fault;
	int err;
	const char *reason;
} refusals[] = {
	{ { .number = SYS_io_uring_setup, .result = -ENOSYS }, -ENOSYS, "sandbox" },
	{ { .number = SYS_io_uring_setup, .result = -EPERM }, -EPERM, "not permitted" },
	{ { .number = SYS_io_uring_setup, .result = -ENOMEM }, -ENOMEM, "RLIMIT_MEMLOCK" },
	{ { .number = SYS_io_uring_setup, .result = -EMFILE }, -EMFILE, "io_uring_setup" },
	{ { .number = SYS_io_uring_setup, .result = -EINVAL }, -EINVAL, "5.19" },
	{ { .number = SYS_mmap, .result = -ENOMEM }, -ENOMEM, "no memory" },
	{ { .number = SYS_io_uring_register, .result = -EPERM }, -EPERM, "io_uring_register" },
	{ { .number = SYS_io_uring_enter, .result = -EPERM }, -EPERM, "io_uring_enter" },
	{ { .number = SYS_io_uring_enter, .result = -ENOSYS }, -ENOSYS, "io_uring_enter" },
};

START_TEST(a_refusal_says_which_call_and_leaves_nothing)
{
	struct fault fault = refusals[_i].fault;
	int before = open_descriptors();
	struct peal_reason reason;

	fault.hook.call = fault_call;
	fault.times = 1000;
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(refused(&reason), refusals[_i].err);
	ck_assert_int_eq(peal_uring_probe(&reason), refusals[_i].err);
	peal_sys_hook = NULL;
	ck_assert_msg(strstr(reason.text, refusals[_i].reason) != NULL, "%s", reason.text);
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

START_TEST(without_a_descriptor_for_the_bell_it_is_refused)
{
	struct fault fault = FAULT(.number = SYS_eventfd2, .result = -EMFILE, .times = 1);
	int before = open_descriptors();
	struct peal_reason reason;

	setenv("PEAL_URING_TIER", "6.1", 1);
	peal_sys_hook = &fault.hook;
	ck_assert_int_eq(refused(&reason), -EMFILE);
	peal_sys_hook = NULL;
	ck_assert_ptr_nonnull(strstr(reason.text, "doorbell"));
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

/* 192 ops and the reserve are 256 entries, and two refusals halve that twice. */
START_TEST(a_ring_shrinks_where_memory_is_short)
{
	struct fault fault = FAULT(.number = SYS_io_uring_setup, .result = -ENOMEM, .times = 2);
	struct peal_ring *ring;

	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert_uint_eq(ring->uring.sq.ring_entries, 64);
	ck_assert_uint_eq(ring->uring.cq.ring_entries, 64 * 8);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

START_TEST(a_ring_shrinks_where_it_cannot_be_mapped)
{
	struct fault fault = FAULT(.number = SYS_mmap, .result = -ENOMEM, .times = 1);
	struct peal_ring *ring;

	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert_uint_eq(ring->uring.sq.ring_entries, 128);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

START_TEST(flags_that_the_kernel_does_not_know_are_dropped)
{
	struct fault fault = FAULT(.number = SYS_io_uring_setup, .result = -EINVAL, .times = 1);
	struct peal_ring *ring;

	unsetenv("PEAL_URING_TIER");
	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert_uint_eq(ring->has & (PEAL_URING_DEFER | PEAL_URING_COOP), PEAL_URING_COOP);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

/* PROBE is the first use of io_uring_register; all others, the bell's among them, can be done without. */
START_TEST(extras_that_are_refused_are_done_without)
{
	struct fault fault =
		FAULT(.number = SYS_io_uring_register, .result = -EINVAL, .skip = 1, .times = 1000);
	struct peal_ring *ring;

	unsetenv("PEAL_URING_TIER");
	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert_uint_eq(
		ring->has & (PEAL_URING_REGISTERED | PEAL_URING_FEW_WORKERS | PEAL_URING_SEND_MSG),
		0);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

START_TEST(absolute_timeouts_are_done_without)
{
	struct fault fault = FAULT(.number = SYS_io_uring_enter, .result = -EINVAL, .times = 1);
	struct peal_ring *ring;
	struct peal_reap reap;
	int64_t deadline;

	unsetenv("PEAL_URING_TIER");
	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert_uint_eq(ring->has & PEAL_URING_ABS_TIMER, 0);
	peal_reap_init(&reap);
	deadline = test_now() + 20 * PEAL_MS;
	ck_assert_int_eq(peal_uring_wait(ring, deadline, &reap), 0);
	ck_assert_int_ge(test_now(), deadline);
	peal_uring_close(ring);
}
END_TEST

/* Ring memory counts against the limit only for users without CAP_IPC_LOCK, and not on every kernel;
 * then the ring opens, which is right as well. */
START_TEST(a_limit_on_locked_memory_is_named)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 1 };
	const struct rlimit none = { 0, 0 };
	struct peal_reason reason = { "" };
	struct peal_ring *ring = NULL;
	int err;

	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	if (!getuid())
		ck_assert_int_eq(setuid(65534), 0);
	err = peal_uring_open(&ring, &opts, &reason);
	if (err) {
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_ptr_nonnull(strstr(reason.text, "RLIMIT_MEMLOCK"));
	}
	peal_uring_close(ring);
}
END_TEST

static void forbid(unsigned int number, unsigned int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = LENGTH(code), .filter = code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

static const struct {
	unsigned int number, err;
} forbidden[] = {
	{ SYS_io_uring_setup, EPERM },
	{ SYS_io_uring_setup, ENOSYS },
	{ SYS_io_uring_enter, EPERM },
	{ SYS_io_uring_register, EPERM },
};

START_TEST(a_seccomp_filter_is_recognised)
{
	int before = open_descriptors();
	struct peal_reason reason = { "" };

	forbid(forbidden[_i].number, forbidden[_i].err);
	ck_assert_int_eq(peal_uring_probe(&reason), -(int)forbidden[_i].err);
	ck_assert_str_ne(reason.text, "");
	ck_assert_int_eq(open_descriptors(), before);
}
END_TEST

static bool is_mapped(void *page)
{
	unsigned char resident;

	return !mincore(page, 1, &resident) || errno != ENOMEM;
}

/* In a child: nothing of the parent's ring is left. */
static void expect_a_child_to_drop(struct peal_ring *ring, int descriptors)
{
	void *page = ring->uring.sq.ring_ptr;
	int status = -1;
	pid_t child = fork();

	if (!child) {
		peal_uring_after_fork(ring);
		_exit(open_descriptors() != descriptors || is_mapped(page));
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert(is_mapped(page));
}

START_TEST(a_child_can_drop_what_it_inherited)
{
	int before = open_descriptors();
	struct peal_ring *ring = open_ring();

	expect_a_child_to_drop(ring, before);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

/* Where the maps cannot be kept from children, a child unmaps them. */
START_TEST(a_child_unmaps_what_it_inherited_after_all)
{
	struct fault fault = FAULT(.number = SYS_madvise, .result = -EINVAL, .times = 1);
	int before = open_descriptors();
	struct peal_ring *ring;

	peal_sys_hook = &fault.hook;
	ring = open_ring();
	peal_sys_hook = NULL;
	ck_assert(!ring->dontfork);
	expect_a_child_to_drop(ring, before);
	expect_it_works(ring);
	peal_uring_close(ring);
}
END_TEST

struct told {
	int lines, present;
	bool io_uring;
};

static void tell(void *arg, const char *name, bool present, const char *remark)
{
	struct told *told = arg;

	ck_assert_ptr_nonnull(remark);
	told->lines++;
	told->present += present;
	if (!strcmp(name, "io_uring"))
		told->io_uring = present;
}

START_TEST(the_doctor_is_told_what_there_is)
{
	struct told newest = { 0 }, older = { 0 }, none = { 0 };

	unsetenv("PEAL_URING_TIER");
	peal_uring_features(tell, &newest);
	ck_assert(newest.io_uring);
	setenv("PEAL_URING_TIER", "5.19", 1);
	peal_uring_features(tell, &older);
	ck_assert(older.io_uring);
	ck_assert_int_eq(older.lines, newest.lines);
	ck_assert_int_lt(older.present, newest.present);
	setenv("PEAL_URING_TIER", "5.10", 1);
	peal_uring_features(tell, &none);
	ck_assert_int_eq(none.lines, 1);
	ck_assert(!none.io_uring);
}
END_TEST

static TCase *opening_cases(void)
{
	TCase *tc = tcase_create("opening");

	tcase_add_test(tc, probing_leaves_nothing_behind);
	tcase_add_test(tc, rings_can_be_opened_and_closed_for_ever);
	tcase_add_loop_test(tc, each_tier_works_without_what_came_later, 0, (int)LENGTH(tiers));
	tcase_add_test(tc, a_tier_that_is_no_version_is_refused);
	tcase_add_test(tc, a_tier_below_5_19_is_refused);
	tcase_add_test(tc, a_child_can_drop_what_it_inherited);
	tcase_add_test(tc, a_child_unmaps_what_it_inherited_after_all);
	tcase_add_test(tc, the_doctor_is_told_what_there_is);
	return tc;
}

static TCase *refusal_cases(void)
{
	TCase *tc = tcase_create("refusals");

	tcase_add_loop_test(
		tc, a_refusal_says_which_call_and_leaves_nothing, 0, (int)LENGTH(refusals));
	tcase_add_test(tc, without_a_descriptor_for_the_bell_it_is_refused);
	tcase_add_test(tc, a_ring_shrinks_where_memory_is_short);
	tcase_add_test(tc, a_ring_shrinks_where_it_cannot_be_mapped);
	tcase_add_test(tc, flags_that_the_kernel_does_not_know_are_dropped);
	tcase_add_test(tc, extras_that_are_refused_are_done_without);
	tcase_add_test(tc, absolute_timeouts_are_done_without);
	tcase_add_test(tc, a_limit_on_locked_memory_is_named);
	tcase_add_loop_test(tc, a_seccomp_filter_is_recognised, 0, (int)LENGTH(forbidden));
	return tc;
}

static Suite *uring_suite(void)
{
	Suite *suite = suite_create("uring");

	suite_add_tcase(suite, opening_cases());
	suite_add_tcase(suite, refusal_cases());
	return suite;
}

int main(void)
{
	return uring_check_main(uring_suite);
}
