/* SPDX-License-Identifier: MIT */
/*
 * The contract suite: every backend that is built in and works here, against the same expectations.
 * Cases are called like "epoll: recv_after_half_close". PEAL_BACKEND=name leaves other backends out,
 * PEAL_CASE=text the cases without it in their name.
 */
#include <stdio.h>

#include "core/machine/backend.h"
#include "tests/contract/ring/ring.h"

#define MAX_RUNS 1024
#define TIMEOUT  60 /* seconds, for each case */

static const struct contract_case *const areas[] = { life_cases, bell_cases, recv_cases, send_cases,
	accept_cases, connect_cases, poll_cases, reuse_cases, cancel_cases, file_cases,
	stream_cases, path_cases, message_cases, fault_cases };

/* A case on a backend on a kind of socket. */
static struct run {
	const struct peal_backend *backend;
	const struct contract_case *what;
	enum contract_sockets sockets;
	char name[128];
	TTest test;
} runs[MAX_RUNS];

static int run_count;

static void run_one(int index)
{
	struct run *run = &runs[index];
	struct contract c = { .backend = run->backend, .sockets = run->sockets };

	if (run->what->flags & LIMITS_FILES && on_valgrind())
		peal_skip("Valgrind has limits of its own");
	contract_begin(&c);
	run->what->run(&c);
	contract_end(&c);
}

static void refused(int index)
{
	struct peal_reason reason = { "without a reason" };

	ck_assert_int_lt(runs[index].backend->probe(&reason), 0);
	ck_abort_msg(PEAL_SKIP_PREFIX "%s", reason.text);
}

static struct run *add(TCase *tcase, const struct peal_backend *backend, const char *name, TFun fn)
{
	struct run *run = &runs[run_count];

	if (run_count == MAX_RUNS)
		abort();
	run->backend = backend;
	snprintf(run->name, sizeof(run->name), "%s: %s", backend->name, name);
	run->test = (TTest){ run->name, fn, __FILE__, __LINE__ };
	_tcase_add_test(tcase, &run->test, 0, 0, run_count, run_count + 1);
	run_count++;
	return run;
}

static void add_case(TCase *tcase, const struct peal_backend *backend,
	const struct contract_case *what, enum contract_sockets sockets)
{
	const char *kind = sockets == TCP ? "_tcp" : "_unix";
	struct run *run;
	char name[100];

	snprintf(name, sizeof(name), "%s%s", what->name, what->flags & BOTH_SOCKETS ? kind : "");
	run = add(tcase, backend, name, run_one);
	run->what = what;
	run->sockets = sockets;
}

/*
 * A ring without operations is still a ring: what it must keep is in the cases that need none. Asked
 * before the tests begin, so without the fixture, whose checks work only inside of them.
 */
static bool knows_ops(const struct peal_backend *backend)
{
	const struct peal_ring_opts opts = { .size = sizeof(opts), .shards = 1 };
	struct peal_op op = { .opcode = PEAL_OP_NOP, .fd = -1 };
	struct peal_reap reap;
	struct peal_ring *ring;
	int n;

	if (backend->open(&ring, &opts, NULL) < 0)
		return true;
	peal_reap_init(&reap);
	n = backend->submit(ring, &op);
	while (n == 0 && reap.count == 0)
		n = backend->peek(ring, &reap);
	backend->close(ring);
	return op.result != -ENOSYS;
}

static bool wanted(const struct contract_case *what, bool ops)
{
	const char *text = getenv("PEAL_CASE");

	return !(what->flags & (ops ? REFUSES_OPS : NEEDS_OPS)) &&
		(!text || strstr(what->name, text));
}

static void add_area(TCase *tcase, const struct peal_backend *backend,
	const struct contract_case *what, bool ops)
{
	for (; what->name; what++) {
		if (!wanted(what, ops))
			continue;
		add_case(tcase, backend, what, TCP);
		if (what->flags & BOTH_SOCKETS)
			add_case(tcase, backend, what, UNIX_STREAM);
	}
}

static void add_backend(Suite *suite, const struct peal_backend *backend)
{
	TCase *tcase = tcase_create(backend->name);
	bool ops;

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, TIMEOUT);
	if (backend->probe(NULL) < 0) {
		add(tcase, backend, "probe", refused);
		return;
	}
	ops = knows_ops(backend);
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++)
		add_area(tcase, backend, areas[i], ops);
}

static Suite *contract_suite(void)
{
	Suite *suite = suite_create("backends");
	const char *only = getenv("PEAL_BACKEND");

	for (const struct peal_backend *const *b = peal_backend_table; *b; b++)
		if (!only || !*only || !strcmp((*b)->name, only))
			add_backend(suite, *b);
	return suite;
}

int main(void)
{
	return peal_check_main(contract_suite());
}
