/* SPDX-License-Identifier: MIT */
/*
 * A runtime's end of the gateway for signals (signal_gate.h). What handlers hear is queued, and shard 0
 * is called by its inbox and bell, which are safe in a handler; on its loop the runtime drains, if
 * drain_on_signal asks for that, and watches are told.
 */
#ifndef PEAL_CORE_SIGNALS_H
#define PEAL_CORE_SIGNALS_H

#include <peal/plugin.h>

struct peal_rt;
struct peal_signals;

/* For a runtime that is to drain on SIGINT and SIGTERM, before its shards are made: 0 or a negative
 * errno. What comes before peal_signals_ready() waits for that. */
int peal_signals_open(struct peal_rt *rt, struct peal_reason *reason);
/* On shard 0, once no shard can fail to start any more. */
void peal_signals_ready(struct peal_rt *rt);
/* After the shards have ended. */
void peal_signals_close(struct peal_rt *rt);

/* For plugins (struct peal_host), on shard 0. */
int peal_signals_watch(struct peal_rt *rt, struct peal_sigwatch *watch);
void peal_signals_unwatch(struct peal_rt *rt, struct peal_sigwatch *watch);

#endif
