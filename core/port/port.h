/* SPDX-License-Identifier: MIT */
/*
 * Ports inside. A port is a fixed number of places (`struct peal_place`), and one lock around who holds
 * which: those who call are threads of all kinds and would wait anyway, and what is done under the lock is
 * short (the copies of requests and replies are made outside of it, by whoever holds the place).
 *
 * A place goes round: FREE, FILLED by a client, WAITING for a fiber, WORKING, DONE, FREE. Who leaves early
 * takes it back while it waits, and marks it ABANDONED while a fiber works on it, which frees it then.
 *
 *	port.c        opening, closing, the end of the runtime
 *	port_sleep.c  waiting, of fibers and of threads
 *	port_serve.c  the side that replies
 *	port_call.c   the side that asks and waits; port_send.c: and does not wait
 */
#ifndef PEAL_CORE_PORT_H
#define PEAL_CORE_PORT_H

#include <pthread.h>

#include <peal/port.h>

#include "core/time/alarm.h"
#include "core/base/atomic.h"
#include "core/base/list.h"
#include "core/task/wait.h"

enum peal_place_state {
	PEAL_PLACE_FREE,
	PEAL_PLACE_FILLED,
	PEAL_PLACE_WAITING,
	PEAL_PLACE_WORKING,
	PEAL_PLACE_ABANDONED, /* somebody works on it for nobody */
	PEAL_PLACE_DONE,
};

/* Somebody who waits for a place, a request or a reply: a fiber, or a thread. On its stack. */
struct peal_port_sleeper {
	struct peal_list link; /* in a list of the port's, or alone */
	struct peal_port *port;
	struct peal_port_client *client; /* of one who calls */
	struct peal_place *waits_for;    /* of one who waits for a reply */
	struct peal_task *task;          /* NULL: a thread */
	struct peal_wait wait;           /* the fiber's */
	struct peal_alarm alarm;
	pthread_cond_t changed;   /* the thread's */
	struct peal_place *place; /* what it was given */
	int err;                  /* or why not */
	bool woken;
};

struct peal_place {
	struct peal_request request; /* what the fiber sees */
	struct peal_port *port;
	struct peal_list link;   /* among those that are free, waiting, working or done */
	struct peal_list member; /* of the client's requests that were sent and not taken */
	struct peal_port_client *client;
	struct peal_port_sleeper *sleeper; /* who waits for the reply */
	uint64_t ticket;                   /* 0: of a call, not of one that was sent */
	ssize_t result;
	uint32_t state; /* enum peal_place_state */
	bool cancelled; /* and not taken yet */
	char *bytes;    /* the request, later the reply */
	char *reply;
};

struct peal_port {
	struct peal_rt *rt;      /* NULL once that has ended */
	struct peal_list member; /* of the runtime's ports */
	pthread_mutex_t lock;    /* guards what follows, and the places */
	uint32_t owners;         /* the runtime, and clients */
	uint32_t bytes;
	uint32_t generation; /* of the process (fork.h) */
	bool closed;
	uint64_t last_ticket;
	struct peal_list free, waiting, working;
	struct peal_list receivers; /* sleepers */
	struct peal_list callers;   /* sleepers that need a place */
	struct peal_port_stats stats;
	struct peal_place places[];
};

/* Count for the port and, as long as there is one, for its runtime; callers are threads of all kinds. With
 * the lock, where core/runtime/rt.h is known. `counter` is that one's name in counters.tbl. */
#define PEAL_PORT_COUNT(port, what, counter)                            \
	do {                                                            \
		(port)->stats.what++;                                   \
		if ((port)->rt)                                         \
			peal_count_outside((port)->rt->stats, counter); \
	} while (0)

struct peal_port_client {
	struct peal_port *port;
	int epoll, event, timer; /* readable when something is done, or a deadline has passed */
	int64_t timer_at;        /* PEAL_NEVER: the timer is not set */
	struct peal_list sent;   /* places; the port's lock guards what follows, too */
	struct peal_list done;
	uint32_t callers; /* threads inside; the last one out of a closed client frees it */
	bool closed;
};

/* port.c. All of these with the lock held. */
void peal_port_wake(struct peal_port_sleeper *sleeper, struct peal_place *place, int err);
/* The place is free: it goes to whoever waits for one. */
void peal_port_free_place(struct peal_port *port, struct peal_place *place);
/* It is done: tell its client. */
void peal_port_done(struct peal_place *place, ssize_t result);
/* Unlocks. The last owner frees the port. */
void peal_port_let_go(struct peal_port *port);

/* port_sleep.c. A sleeper is put into a list of the port's or made known to a place, all with the lock
 * held, and then sleeps until it is woken, or `deadline`; the lock is let go meanwhile. 0 and
 * sleeper->place, or why not. */
void peal_port_sleeper_init(struct peal_port_sleeper *sleeper, struct peal_port *port);
int peal_port_sleep(struct peal_port_sleeper *sleeper, int64_t deadline);
/* Wake one that has not got what it waits for, and leave that. With the lock. */
void peal_port_give_up(struct peal_port_sleeper *sleeper, int err);

/* port_call.c */
/* Does the port belong to a parent of this process? Then its lock may be held for ever. */
bool peal_port_is_stale(const struct peal_port *port);
/* A free place, for the caller to fill; none when `deadline` has passed. The lock is held, and let go while
 * it waits for one. */
int peal_port_get_place(
	struct peal_port_client *client, int64_t deadline, bool wait, struct peal_place **place);
/* A filled one, to whoever takes requests. With the lock. 0, or it is free again. */
int peal_port_enqueue(struct peal_place *place, struct peal_port_client *client, int64_t deadline);
/* Leave a place that is not done. With the lock. */
void peal_port_abandon(struct peal_place *place, int err);

/* port_send.c: its client's descriptor tells. With the lock. */
void peal_port_tell(struct peal_port_client *client);
/* A closed client that nobody is in any more. Unlocks. */
void peal_port_free_client(struct peal_port_client *client);

/* For life.c: the runtime drains, and takes no more requests. */
void peal_ports_drain(struct peal_rt *rt);
/* For runtime.c: the runtime has ended, and so has whoever would have replied. */
void peal_ports_end(struct peal_rt *rt);

#endif
