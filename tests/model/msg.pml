/* SPDX-License-Identifier: MIT */
/*
 * A receiver and the senders of two pairs: core/msg/msg_ring.h with the receiver's inbox, parking, and
 * senders that wait for room. tail carries QUEUED, head carries WANTED: each word is changed in one step.
 *
 * Every message must be received, once and in order; a pair's node may be in the inbox only once, and
 * nobody may sleep while there is something for it. Each MUTATION must be found (test_models.sh).
 */
#ifndef MUTATION
#define MUTATION 0
#endif

#define SENDERS 2
#define SLOTS   2
#define EACH    3

typedef pair {
	byte slots[SLOTS];
	byte tail;
	bool queued; /* in one word with tail */
	byte head;
	bool wanted; /* in one word with head */
	bool node;   /* in the receiver's inbox */
	bool answer; /* in the sender's */
	bool at_work; /* the receiver works on it */
	byte read
};

pair pairs[SENDERS];
bool parked;
byte bells, received;

#define PAIR         pairs[me]
#define ALL_RECEIVED (received == SENDERS * EACH)

proctype sender(byte me)
{
	byte written, limit = SLOTS;
	bool push;

	do
	:: written == EACH -> break
	:: written < EACH && written == limit ->
		limit = PAIR.head + SLOTS;
		if
		:: written < limit
		:: else ->
#if MUTATION == 1 /* asking and looking are two steps, in the wrong order */
			limit = PAIR.head + SLOTS;
			PAIR.wanted = true;
#else
			atomic { limit = PAIR.head + SLOTS; PAIR.wanted = true };
#endif
			if
			:: written < limit
			:: else ->
				atomic { PAIR.answer -> PAIR.answer = false };
				limit = PAIR.head + SLOTS;
				assert(written < limit)
			fi
		fi
	:: written < EACH && written != limit ->
		PAIR.slots[written % SLOTS] = written;
		written++;
#if MUTATION == 2 /* the flag stands in a word of its own, and is looked at first */
		push = !PAIR.queued;
		PAIR.queued = true;
		PAIR.tail = written;
#else
		atomic { push = !PAIR.queued; PAIR.queued = true; PAIR.tail = written };
#endif
#if MUTATION == 3 /* whoever publishes pushes */
		push = true;
#endif
		if
		:: push ->
			atomic {
				assert(!PAIR.node);
				PAIR.node = true;
				push = parked;
				parked = false
			};
			if
#if MUTATION != 4 /* nobody rings */
			:: push -> bells++
#endif
			:: else
			fi
		:: else
		fi
	od
}

inline take()
{
	d_step {
		for (me : 0 .. SENDERS - 1) {
			assert(!(PAIR.node && PAIR.at_work));
			PAIR.at_work = PAIR.at_work || PAIR.node;
			PAIR.node = false
		}
	}
}

/* A turn: one message, so that more may come meanwhile. */
inline read_pair()
{
	if
	:: PAIR.read < PAIR.tail ->
		assert(PAIR.slots[PAIR.read % SLOTS] == PAIR.read);
		PAIR.read++;
#if MUTATION == 5 /* telling is not one step: who asks in between is forgotten */
		wanted = PAIR.wanted;
		PAIR.head = PAIR.read;
		PAIR.wanted = false;
#else
		atomic { PAIR.head = PAIR.read; wanted = PAIR.wanted; PAIR.wanted = false };
#endif
		received++;
		if
		:: wanted -> atomic { assert(!PAIR.answer); PAIR.answer = true }
		:: else
		fi
	:: else
	fi;
#if MUTATION == 6 /* resting: look, then clear */
	if
	:: PAIR.tail == PAIR.read -> PAIR.at_work = false; PAIR.queued = false
	:: else
	fi
#elif MUTATION == 7 /* it rests whatever there is: the rest of a batch waits for the next message */
	PAIR.at_work = false;
	PAIR.queued = false
#else
	atomic {
		if
		:: PAIR.tail == PAIR.read -> PAIR.at_work = false; PAIR.queued = false
		:: else
		fi
	}
#endif
}

proctype receiver()
{
	byte me;
	bool wanted, busy;

	do
	:: ALL_RECEIVED -> break
	:: else ->
		take();
		busy = false;
		for (me : 0 .. SENDERS - 1) {
			if
			:: PAIR.at_work -> read_pair(); busy = true
			:: else
			fi
		};
		if
		:: busy
		:: else ->
			atomic {
				parked = !pairs[0].node && !pairs[1].node;
				busy = !parked
			};
			if
			:: busy
			:: else ->
				if
				:: bells > 0 -> bells--
				:: ALL_RECEIVED
				fi;
				parked = false
			fi
		fi
	od
}

init {
	atomic {
		run receiver();
		run sender(0);
		run sender(1)
	};
	_nr_pr == 1;
	assert(ALL_RECEIVED)
}

ltl every_message_is_received { <> ALL_RECEIVED }
