/* SPDX-License-Identifier: MIT */
/*
 * Waking one: core/sched/wake.c with the searchers of steal.c and the way into sleep of park.c. One shard
 * publishes fresh tasks, offers them as it suspends, and then runs something that never gives way.
 * Another may be caught by such a hog at any moment that it takes work. The rest must run every task.
 *
 * The counters must come out even: no shard is counted as idle or as a searcher that is not, and a
 * search node is never sent twice. Each MUTATION must be found (test_models.sh).
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#ifndef SHARDS
#define SHARDS 3
#endif
#ifndef TASKS
#define TASKS 3
#endif

byte idle;             /* rt->idle */
byte searchers;        /* rt->searchers */
bool mark[SHARDS];     /* shard->idle */
byte fresh[SHARDS];    /* how many in the ring */
byte node[SHARDS];     /* search nodes in the inbox */
bool parked[SHARDS];   /* the mark PARKED in the inbox */
byte bell[SHARDS];
bool due[SHARDS], searching[SHARDS];
byte started;          /* tasks that have run */
bool hogs_left = 1;    /* shards, besides the first, that may be caught */
bool over;

/* A task that is found on a shard's ring runs there; tasks do not matter otherwise. */

/* Is there fresh work anywhere? */
inline look_around()
{
	found = false;
	victim = 0;
	do
	:: victim == SHARDS -> break
	:: victim < SHARDS ->
		if
		:: fresh[victim] > 0 -> found = true
		:: else
		fi;
		victim++
	od;
	victim = 0
}

/* Does anybody sleep who could be claimed? */
inline look_for_marks(me)
{
	found = false;
	victim = 0;
	do
	:: victim == SHARDS -> break
	:: victim < SHARDS ->
		if
		:: victim != me && mark[victim] -> found = true
		:: else
		fi;
		victim++
	od;
	victim = 0
}

inline wake_one(me)
{
	do
	:: true ->
		atomic {
			if
#if MUTATION == 1 /* wakers do not count: any number at a time */
			:: true -> searchers++; ok = true
#else
			:: searchers == 0 -> searchers = 1; ok = true
			:: else -> ok = false
#endif
			fi
		};
		if
		:: !ok -> break
		:: else
		fi;
		target = 0;
		do
		:: target == SHARDS -> break
		:: target < SHARDS ->
#if MUTATION == 2 /* look at the mark instead of exchanging it: two may claim */
			ok = mark[target] && target != me;
			mark[target] = mark[target] && !ok;
#else
			atomic {
				ok = mark[target] && target != me;
				mark[target] = mark[target] && !ok
			};
#endif
			if
			:: ok -> break
			:: else -> target++
			fi
		od;
		if
		:: ok ->
#if MUTATION == 3 /* tokio #8372: two keep the same account */
			atomic { assert(idle > 0); idle-- };
#endif
			atomic {
				assert(node[target] == 0); /* there is only one */
				node[target]++;
				ok = parked[target];
				parked[target] = false
			};
			if
#if MUTATION != 4 /* the node without its bell */
			:: ok -> bell[target]++
#endif
			:: else
			fi;
			break
		:: else ->
#if MUTATION != 5 /* the waker that found nobody stays counted */
			atomic { assert(searchers > 0); searchers-- };
#endif
#if MUTATION == 6 /* and does not look again: who relied on it as a searcher is let down */
			break
#else
			look_for_marks(me);
			if
			:: !found -> break
			:: else
			fi;
			look_around();
			if
			:: !found -> break
			:: else -> found = false
			fi
#endif
		fi
	od;
	target = 0;
	ok = false
}

/* Between two tasks: two loads, mostly. A single task is not worth waking somebody for. */
inline offer(me)
{
#if MUTATION == 15 /* zio #562: never armed */
	skip
#else
	if
	:: idle == 0
	:: else ->
		if
		:: searchers > 0
		:: else ->
			if
			:: fresh[me] >= 2 -> wake_one(me)
			:: else -> single = true
			fi
		fi
	fi
#endif
}

/*
 * One round over the victims; the older half, rounded up. Who lets go of its count without having found
 * anything looks once more: a publisher may have relied on it after it had passed by.
 */
inline search(me)
{
	got_some = false;
	do
	:: true ->
		if
		:: searching[me] -> ok = true
		:: !searching[me] && searchers * 2 >= SHARDS -> ok = false
		:: else -> searchers++; searching[me] = true; ok = true
		fi;
		if
		:: !ok -> break
		:: else
		fi;
		do
		:: victim == SHARDS || got_some -> break
		:: victim < SHARDS && !got_some ->
			atomic {
				if
				:: victim != me && fresh[victim] > 0 ->
					stolen = (fresh[victim] + 1) / 2;
					fresh[victim] = fresh[victim] - stolen;
					got_some = true
				:: else -> victim++
				fi
			}
		od;
		victim = 0;
#if MUTATION == 16 /* all into the ring: thieves may pass one task round for ever */
		atomic { fresh[me] = fresh[me] + stolen; stolen = 0 };
#else
		atomic {
			if
			:: stolen > 0 -> kept = true; fresh[me] = fresh[me] + stolen - 1; stolen = 0
			:: else
			fi
		};
#endif
		searching[me] = false;
#if MUTATION != 7 /* a search that ends stays counted */
		atomic { assert(searchers > 0); searchers--; ok = (searchers == 0) };
#endif
		if
		:: got_some ->
#if MUTATION != 8 /* the finder wakes nobody: what it found waits behind what it runs */
			if
			:: ok && idle > 0 ->
				look_around();
				if
				:: found -> wake_one(me)
				:: else
				fi;
				found = false
			:: else
			fi;
#endif
			break
		:: else ->
#if MUTATION == 9 /* no second look */
			break
#else
			look_around();
			if
			:: !found -> break
			:: else -> found = false
			fi
#endif
		fi
	od;
	ok = false
}

inline receive(me)
{
	if
	:: got > 0 ->
		got = 0;
		due[me] = false;
#if MUTATION == 10 /* it searches only when the node has arrived, and may be caught before */
		searching[me] = true
#endif
	:: else
	fi
}

inline idle_enter(me)
{
	idle++;
	if
	:: due[me] /* the mark is taken: there is only one node */
#if MUTATION == 12 /* it marks itself again while the node is under way */
		-> mark[me] = true
#endif
	:: else -> mark[me] = true
	fi
}

inline idle_leave(me)
{
	if
	:: due[me]
	:: else ->
		atomic { ok = mark[me]; mark[me] = false };
		if
		:: ok
		:: else ->
			due[me] = true;
#if MUTATION != 10
			searching[me] = true
#endif
		fi;
		ok = false
	fi;
	atomic { assert(idle > 0); idle-- }
}

proctype shard(byte me)
{
	byte target, victim, stolen, got;
	bool ok, found, got_some, kept, single;

	do
	:: over -> break
	:: !over ->
		/* turn: the inbox, a search that was asked for, a slice */
		atomic { got = node[me]; node[me] = 0 };
		receive(me);
		if
		:: searching[me] -> search(me)
		:: else
		fi;
		if
		:: kept -> kept = false; started++
		:: else
		fi;
		if
		:: atomic { hogs_left -> hogs_left = false }; goto hog
		:: true
		fi;
		do
		:: fresh[me] > 0 ->
			atomic {
				if
				:: fresh[me] > 0 -> fresh[me]--; started++
				:: else -> goto none
				fi
			};
			offer(me)
		:: else -> break
		od;
none:
		/* park */
		search(me);
		if
		:: got_some
		:: else ->
#if MUTATION == 11 /* the last look comes before the mark */
			look_around();
#endif
			idle_enter(me);
#if MUTATION == 13 /* no last look */
			found = false;
#elif MUTATION != 11
			look_around();
#endif
			if
			:: found -> found = false; idle_leave(me)
			:: else ->
				atomic {
					ok = (node[me] == 0);
					parked[me] = ok
				};
				if
				:: ok ->
					ok = false;
					if
					:: bell[me] > 0 -> bell[me]--
					:: over
					fi;
					atomic { got = node[me]; node[me] = 0; parked[me] = false };
#if MUTATION == 14 /* the node first: then it seems to be still on its way */
					receive(me);
					idle_leave(me)
#else
					idle_leave(me);
					receive(me)
#endif
				:: else -> idle_leave(me)
				fi
			fi
		fi
	od;
	/* What was asked of it, it answers for. */
	atomic { got = node[me]; node[me] = 0 };
	receive(me);
	if
	:: searching[me] -> search(me)
	:: else
	fi;
	assert(!mark[me] || !due[me]);
hog:	skip
}

proctype publisher()
{
	byte target, victim, i;
	bool ok, found, single;

	for (i : 1 .. TASKS) {
		fresh[0]++
	}
	offer(0);
	/* What it did not offer it may not leave lying, either. */
	if
	:: single ->
		atomic {
			if
			:: fresh[0] > 0 -> fresh[0]--; started++
			:: else
			fi
		}
	:: else
	fi
}

init {
	atomic {
		byte i;

		run publisher();
		for (i : 1 .. SHARDS - 1) {
			run shard(i)
		}
	};
	started == TASKS;
	over = true;
	_nr_pr == 1
}

ltl every_task_runs { <> (started == TASKS) }
