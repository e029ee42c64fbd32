/* SPDX-License-Identifier: MIT */
/*
 * Single tasks stuck behind one that does not give way: peal_wake_for_stuck() of core/sched/wake.c with the
 * watch and the spinning of core/sched/park.c. All but one shard sleep, without a limit; that one publishes
 * two tasks, one after the other, and never comes to them. Another is given something that does not give
 * way either, at any time. The rest must run both.
 *
 * What wake.pml checks is taken for granted here: who is woken searches, and looks again while it finds
 * something. Each MUTATION must be found (test_models.sh).
 */
#ifndef MUTATION
#define MUTATION 0
#endif
#define SHARDS  3 /* besides the one that publishes */
#define NOBODY  255

byte fresh;             /* in the publisher's ring */
byte started;           /* tasks that have run */
byte searchers;
byte spinners;
byte idle;              /* rt->idle; the publisher never is */
byte watcher = NOBODY;
bool mark[SHARDS];      /* shard->idle */
bool parked[SHARDS];    /* the mark PARKED in the inbox */
byte inbox[SHARDS];     /* search nodes in it */
bool gift[SHARDS];      /* something that does not give way, in it */
bool bell[SHARDS];

inline deliver(to)
{
	atomic {
		if
		:: parked[to] -> parked[to] = false; bell[to] = true
		:: else
		fi
	}
}

inline look_for_marks(me)
{
	target = 0;
	do
	:: target < SHARDS && (target == me || !mark[target]) -> target++
	:: else -> break
	od
}

inline wake_one(me)
{
	do
	:: true ->
		atomic {
			ok = (searchers == 0);
			searchers = (ok -> 1 : searchers)
		};
		if
		:: ok
		:: else -> break
		fi;
		target = 0;
		do
		:: target == SHARDS -> break
		:: target < SHARDS ->
			atomic {
				ok = (mark[target] && target != me);
				mark[target] = mark[target] && !ok
			};
			if
			:: ok -> atomic { inbox[target]++; deliver(target) }; break
			:: else -> target++
			fi
		od;
		if
		:: ok -> break
		:: else
		fi;
		searchers--;
		look_for_marks(me);
		if
		:: target == SHARDS || fresh == 0 -> break
		:: else
		fi
	od;
	target = 0;
	ok = false
}

inline wake_for_stuck()
{
	if
	:: idle == 0
	:: else ->
		if
		:: watcher != NOBODY
		:: else ->
			if
			:: spinners > 0
			:: else ->
				if
				:: searchers > 0
				:: else -> wake_one(NOBODY)
				fi
			fi
		fi
	fi
}

inline take_all()
{
	do
	:: atomic { fresh > 0 -> fresh--; started++ }
	:: fresh == 0 -> break
	od
}

/* It was sent, or looks by itself; who finds nothing looks once more. */
inline search(me)
{
	searchers++;
	take_all();
	searchers--;
	take_all()
}

proctype shard(byte me; bool starts_asleep)
{
	byte target;
	bool ok, watches, sent, looks;

	if
	:: starts_asleep -> goto asleep
	:: else
	fi;
end_turn:
	/* a turn: the inbox, and what is in it */
	atomic { sent = (inbox[me] > 0); inbox[me] = 0 };
	if
	:: sent -> take_all(); searchers--; take_all()
	:: else
	fi;
	if
	:: atomic { gift[me] -> gift[me] = false }; goto end_hog
	:: !gift[me]
	fi;
	/* park: search, mark, look, spin perhaps, look again */
	search(me);
	idle++;
	mark[me] = true;
	if
	:: fresh > 0 -> goto awake
	:: else
	fi;
	if
	:: true ->
		spinners++;
		spinners--;
#if MUTATION == 5 /* what came while it spun is done before it looks */
		if
		:: atomic { gift[me] -> gift[me] = false }; goto end_hog
		:: !gift[me]
		fi;
#endif
#if MUTATION != 1 /* who has spun does not look again */
		looks = (fresh > 0)
#endif
	:: true
	fi;
	if
	:: looks -> goto awake
	:: else
	fi;
	atomic {
		ok = (inbox[me] == 0 && !gift[me]);
		parked[me] = ok
	};
	if
	:: ok
	:: else -> goto awake
	fi;
	/* the publisher is not idle: one of those who sleep watches */
	atomic {
		if
		:: watcher == NOBODY || !parked[watcher] -> watcher = me; watches = true
		:: else
		fi
	};
asleep:
end_sleep:
	if
	:: bell[me] -> bell[me] = false
	:: watches /* for as long as it may sleep then */
	fi;
	parked[me] = false;
	if
	:: watches ->
#if MUTATION == 2 /* the watcher looks, and leaves then */
		if
		:: fresh > 0 -> wake_one(me)
		:: else
		fi;
#endif
		watches = false;
		atomic {
			if
			:: watcher == me -> watcher = NOBODY
			:: else
			fi
		};
#if MUTATION != 2 && MUTATION != 3 /* it does not look at all */
		if
		:: fresh > 0 -> wake_one(me)
		:: else
		fi
#endif
	:: else
	fi;
awake:
	ok = false;
	atomic { ok = mark[me]; mark[me] = false; idle-- };
	if
	:: ok
	:: else -> /* claimed: its node is there or under way */
		inbox[me] > 0
	fi;
	ok = false;
	if
	:: looks -> looks = false; search(me)
	:: else
	fi;
	goto end_turn;
end_hog:
	false
}

/* Never comes to its own tasks. */
proctype publisher()
{
	byte target, i;
	bool ok;

	for (i : 1 .. 2) {
		fresh++;
#if MUTATION != 4 /* a single task wakes nobody */
		wake_for_stuck()
#endif
	}
}

init {
	byte i;

	atomic {
		for (i : 0 .. SHARDS - 1) {
			idle++;
			mark[i] = true;
			parked[i] = true;
			run shard(i, true)
		}
		run publisher()
	};
	select(i : 0 .. SHARDS - 1);
	atomic { gift[i] = true; deliver(i) }
}

ltl both_run { <> (started == 2) }
