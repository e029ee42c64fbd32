/* SPDX-License-Identifier: MIT */
/*
 * A call that waits, as test_cancel.c tries it: what it takes to let it wait, what lets it succeed, and
 * what must be true after it has succeeded or was cancelled. One entry for each call of the library that
 * can suspend, that is, whose comment in its header says "Suspends" or "May suspend" (headers.c compares);
 * to add one, append it to a table in this folder.
 */
#ifndef PEAL_TESTS_CONTRACT_CANCEL_H
#define PEAL_TESTS_CONTRACT_CANCEL_H

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/contract/runtime.h"

#define POISON 0x5a
#define BYTES  64

/* One try. Zeroed before it begins. */
struct attempt {
	int ours, theirs; /* descriptors; begin() makes them, end() closes them */
	int listener;
	char buf[BYTES]; /* POISON before the call */
	size_t filled;   /* bytes that are on their way before the call */
	unsigned int steps;
	unsigned int passed; /* descriptors that came with what empty() has read */
	struct peal_task *task;
	atomic_bool go, running;
	void *more;
};

struct call {
	const char *name; /* without peal_ */
	/* Make everything so that the call will wait. */
	void (*begin)(struct attempt *attempt);
	int64_t (*make)(struct attempt *attempt);
	/* Bring it nearer to success; called at every turn after a while, also when it has ended. Does not
	 * wait. */
	void (*step)(struct attempt *attempt);
	/* Is this success, and did what should have happened happen? */
	void (*succeeded)(struct attempt *attempt, int64_t result);
	/* After an error of a cancel: nothing has happened, nothing is lost, nobody owns the buffer. */
	void (*cancelled)(struct attempt *attempt);
	void (*end)(struct attempt *attempt);
	bool releases;     /* takes no part: succeeds in a cancelled scope as well */
	bool needs_driver; /* begin() must not be called by the task that calls */
	bool brief;        /* over by itself in a moment */
	bool stubborn;     /* once it has begun it waits for its end, so step() comes always */
	bool in_vain;      /* nothing lets it succeed, in our time */
	int stopped;       /* what it returns when the runtime drains, if not -ECANCELED */
};

/* By folder file; each ends with an entry without a name. */
extern const struct call between_calls[];
extern const struct call io_calls[];
extern const struct call lease_calls[];
extern const struct call net_calls[];
extern const struct call other_calls[];
extern const struct call stream_calls[];
extern const struct call sync_calls[];

/*
 * headers.c: every public call whose comment says that it suspends is found by `tried`, or is one of few for
 * which it says why not; and the comment of each that is tried says that it suspends.
 */
void check_headers(bool (*tried)(const char *name));

/* Help for the entries. The first two fail the case on errors. */
void make_pair(struct attempt *attempt);
void make_listener(struct attempt *attempt);
/*
 * A listener whose backlog is full. TCP drops the request and asks again after a second, which is too long
 * for us: connecting is in vain. The end closes everything.
 */
void begin_full_listener(struct attempt *attempt);
void end_full_listener(struct attempt *attempt);
/* Connect to the listener, without waiting. */
int knock(struct attempt *attempt);
/* Nobody has written to the buffer, and nobody will. */
void check_buffer(struct attempt *attempt);
void close_all(struct attempt *attempt);
void nothing(struct attempt *attempt);
/* `ours` and `theirs` are the two ends of one. */
void check_connection(struct attempt *attempt);

/*
 * Of the attempt's pair `ours` is full, up to `filled`, and the peer empties it: all that arrives has been
 * sent, first the zeroes of fill_up() and then the call's bytes, which are POISON. Descriptors that come with
 * them are counted and closed.
 */
void fill_up(struct attempt *attempt);
void empty(struct attempt *attempt);
/* BYTES, of a call that has succeeded with this result. */
void all_come(struct attempt *attempt, int64_t result);
void none_come(struct attempt *attempt);

#endif
