/* SPDX-License-Identifier: MIT */
/*
 * Peal: an event framework for Linux. This header brings in all that applications use; plugin authors
 * add peal/plugin.h, backend authors peal/backend.h.
 *
 *   runtime.h  start, run, drain, stop; posts; hooks     op.h     I/O with callbacks
 *   task.h     spawn, join, yield, blocking calls        io.h     I/O for fibers
 *   time.h     now, sleep, timers, intervals             net.h    listening and serving
 *   stats.h    counters, from inside and outside         load.h   load plugins
 *   machine.h  what the library finds here               scope.h  deadlines, cancelling, task groups
 *   msg.h      messages between shards                   sync.h   channels, mutexes and so on
 *   stream.h   streams over anything                     buffered.h  readers and writers on them
 *   port.h     requests from other threads               lease.h  receiving into the shard's buffers
 *   datagram.h datagrams with what belongs to them
 *
 * For C++ there is peal.hpp as well.
 */
#ifndef PEAL_PEAL_H
#define PEAL_PEAL_H

#include <errno.h> /* errors are negative errno values */

#include <peal/base.h>
#include <peal/buffered.h>
#include <peal/datagram.h>
#include <peal/io.h>
#include <peal/lease.h>
#include <peal/load.h>
#include <peal/machine.h>
#include <peal/msg.h>
#include <peal/net.h>
#include <peal/op.h>
#include <peal/port.h>
#include <peal/runtime.h>
#include <peal/scope.h>
#include <peal/stats.h>
#include <peal/stream.h>
#include <peal/sync.h>
#include <peal/task.h>
#include <peal/time.h>

PEAL_BEGIN_DECLS

#define PEAL_VERSION_MAJOR 0
#define PEAL_VERSION_MINOR 1
#define PEAL_VERSION_PATCH 0

/* The version of the library that is loaded, "0.1.0". Any thread. */
PEAL_API const char *peal_version(void);

PEAL_END_DECLS

#endif
