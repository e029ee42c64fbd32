/* SPDX-License-Identifier: MIT */
/*
 * The control inbox, parking and bells: core/sched/inbox.h as deliver.c and park.c use it. Senders push with
 * a compare-and-swap and ring when they displaced PARKED; the owner takes, parks, sleeps until a bell
 * or a timer, and may close at any time.
 *
 * Nothing may be lost, taken twice or out of order, no sleep may outlast a push, and a bell is rung
 * exactly as often as PARKED was displaced. Each MUTATION breaks the protocol in a way that somebody
 * has shipped or might, and the checker must find every one (test_models.sh).
 */
#ifndef MUTATION
#define MUTATION 0
#endif

#ifndef SENDERS
#define SENDERS 2
#endif
#ifndef EACH
#define EACH 2
#endif
#define NODES   (SENDERS * EACH)

/* The word: empty, a node (1 to NODES), or a mark. */
#define EMPTY   0
#define PARKED  254
#define CLOSED  255

byte head = EMPTY;
byte next[NODES + 1];
byte bells;         /* rung and not heard; sticky, they wait for the sleeper */
byte rung, displaced;
bool asleep;        /* in the kernel */
byte turn[SENDERS]; /* which of a sender's nodes comes next */
byte taken, refused;
byte timers = 1;    /* sleeps that something else than a bell may end */
byte failures = 1;  /* bells that the kernel may refuse to ring */

#define ALL_HANDLED (taken + refused == NODES)

inline ring()
{
	do
	:: atomic { failures > 0 -> failures-- };
#if MUTATION == 1 /* zio #610: a bell that could not be rung is forgotten */
		break
#endif
	:: true ->
#if MUTATION == 2 /* a bell that nobody waits for yet is lost, as with a condition variable */
		atomic {
			if
			:: asleep -> bells++
			:: else
			fi;
			rung++
		};
#else
		atomic { bells++; rung++ };
#endif
		break
	od
}

proctype sender(byte me)
{
	byte i, node, old;

	for (i : 0 .. EACH - 1) {
		node = me * EACH + i + 1;
		old = head;
again:
		if
		:: old == CLOSED -> refused++
		:: else ->
			next[node] = (old == PARKED -> EMPTY : old);
#if MUTATION == 3 /* a store instead of the compare-and-swap */
			head = node;
#else
			atomic {
				if
				:: head == old -> head = node
				:: else -> old = head; goto again
				fi
			};
#endif
#if MUTATION == 4 /* who finds it empty rings as well */
			if
			:: old == PARKED || old == EMPTY -> ring()
#elif MUTATION == 5 /* nobody rings when a timer has woken the owner: but who knows that in time? */
			if
			:: old == PARKED && asleep -> ring()
#else
			if
			:: old == PARKED -> displaced++; ring()
#endif
			:: else
			fi
		fi
	}
}

/* Newest first, as it lies in the word: reverse, and check that every sender's nodes are in order. */
inline handle(newest)
{
	d_step {
		oldest = EMPTY;
#if MUTATION == 6 /* not reversed */
		oldest = newest;
#else
		do
		:: newest != EMPTY ->
			link = next[newest];
			next[newest] = oldest;
			oldest = newest;
			newest = link
		:: else -> break
		od;
#endif
		do
		:: oldest != EMPTY ->
			assert((oldest - 1) % EACH == turn[(oldest - 1) / EACH]);
			turn[(oldest - 1) / EACH]++;
			taken++;
			oldest = next[oldest]
		:: else -> break
		od;
		newest = EMPTY; oldest = EMPTY; link = EMPTY
	}
}

proctype owner()
{
	byte batch, oldest, link;

	do
	:: ALL_HANDLED -> break
	:: else ->
		/* take */
		if
		:: head == EMPTY
		:: else ->
#if MUTATION == 7 /* a load and a store instead of the exchange */
			batch = head;
			head = EMPTY;
#else
			atomic { batch = head; head = EMPTY };
#endif
			handle(batch)
		fi;
		/* close, at any time, or park */
		if
		:: true ->
#if MUTATION == 8 /* closing without taking what is there */
			head = CLOSED;
#else
			atomic { batch = head; head = CLOSED };
			handle(batch);
#endif
			break
		:: true
		fi;
#if MUTATION == 9 /* look, then mark: a push in between is overwritten */
		if
		:: head == EMPTY -> head = PARKED
		:: else -> goto turn_again
		fi;
#elif MUTATION == 10 /* mark without looking */
		head = PARKED;
#else
		atomic {
			if
			:: head == EMPTY -> head = PARKED
			:: else -> goto turn_again
			fi
		};
#endif
		asleep = true;
		if
		:: bells > 0 -> bells--
		:: timers > 0 -> timers--
		:: ALL_HANDLED /* it may sleep for good */
		fi;
		asleep = false;
#if MUTATION == 11 /* waking up forgets to take the mark away before it looks: the next sleep has no bell */
		atomic {
			if
			:: head == PARKED -> batch = EMPTY
			:: else -> batch = head; head = EMPTY
			fi
		};
#else
		atomic {
			batch = (head == PARKED -> EMPTY : head);
			head = EMPTY
		};
#endif
		handle(batch);
turn_again:
		skip
	od
}

init {
	byte i;

	atomic {
		run owner();
		for (i : 0 .. SENDERS - 1) {
			run sender(i)
		}
	};
	_nr_pr == 1;
	assert(ALL_HANDLED);
	assert(rung == displaced)
}

ltl everything_is_handled { <> ALL_HANDLED }
