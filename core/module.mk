# SPDX-License-Identifier: MIT
# core: the runtime. Headers are listed so that they get into the tarball.

pealinclude_HEADERS += \
	include/peal/backend.h \
	include/peal/base.h \
	include/peal/buffered.h \
	include/peal/chan.hpp \
	include/peal/datagram.h \
	include/peal/detail.hpp \
	include/peal/error.hpp \
	include/peal/io.h \
	include/peal/lease.h \
	include/peal/load.h \
	include/peal/machine.h \
	include/peal/msg.h \
	include/peal/net.h \
	include/peal/op.h \
	include/peal/peal.h \
	include/peal/peal.hpp \
	include/peal/plugin.h \
	include/peal/port.h \
	include/peal/port.hpp \
	include/peal/runtime.h \
	include/peal/runtime.hpp \
	include/peal/scope.h \
	include/peal/scope.hpp \
	include/peal/stats.h \
	include/peal/stream.h \
	include/peal/sync.h \
	include/peal/sync.hpp \
	include/peal/task.h \
	include/peal/task.hpp \
	include/peal/time.h

libpeal_core_la_SOURCES += \
	core/base/alloc.c \
	core/base/alloc.h \
	core/base/atomic.h \
	core/base/compiler.h \
	core/base/fatal.c \
	core/base/fatal.h \
	core/base/heap.h \
	core/base/lines.c \
	core/base/lines.h \
	core/base/list.h \
	core/base/log.c \
	core/base/log.h \
	core/base/node.h \
	core/base/opts.h \
	core/base/sizeof.c \
	core/base/spin.h \
	core/base/sys.c \
	core/base/table.c \
	core/base/table.h \
	core/base/version.c \
	core/fiber/exceptions.c \
	core/fiber/exceptions.h \
	core/fiber/fiber.c \
	core/fiber/fiber.h \
	core/fiber/overflow.c \
	core/fiber/overflow.h \
	core/fiber/sanitizer.h \
	core/fiber/stack.c \
	core/fiber/stack.h \
	core/fiber/stack_chunk.c \
	core/fiber/stack_chunk.h \
	core/fiber/stack_find.c \
	core/fiber/stack_guard.c \
	core/fiber/stack_guard.h \
	core/fiber/switch.h \
	core/io/compose.c \
	core/io/compose.h \
	core/io/direct.c \
	core/io/direct.h \
	core/io/direct_known.c \
	core/io/direct_path.c \
	core/io/direct_splice.c \
	core/io/inflight.c \
	core/io/inflight.h \
	core/io/io.c \
	core/io/lease.c \
	core/io/lease.h \
	core/io/op_wait.c \
	core/io/ops.c \
	core/io/ops.h \
	core/io/pooled.c \
	core/io/pooled.h \
	core/io/receiver.c \
	core/io/standing.c \
	core/io/standing.h \
	core/machine/backend.c \
	core/machine/backend.h \
	core/machine/cgroup.c \
	core/machine/cgroup.h \
	core/machine/cpus.c \
	core/machine/cpus.h \
	core/machine/machine.c \
	core/msg/accum.c \
	core/msg/accum.h \
	core/msg/mailbox.h \
	core/msg/msg.h \
	core/msg/msg_end.c \
	core/msg/msg_recv.c \
	core/msg/msg_ring.h \
	core/msg/msg_send.c \
	core/msg/msg_ticket.c \
	core/msg/sum.h \
	core/net/acceptor.c \
	core/net/control.h \
	core/net/datagram.c \
	core/net/listen.c \
	core/net/passing.c \
	core/net/resolve.c \
	core/net/serve.c \
	core/net/sockaddr.c \
	core/net/sockaddr.h \
	core/net/socket.c \
	core/net/sockets.h \
	core/net/sockopt.c \
	core/plugin/param.c \
	core/plugin/param.h \
	core/plugin/param_table.c \
	core/plugin/param_value.c \
	core/plugin/plugin.c \
	core/plugin/plugin.h \
	core/plugin/plugin_check.c \
	core/plugin/plugin_host.c \
	core/plugin/plugin_list.c \
	core/plugin/plugin_obtain.c \
	core/plugin/plugin_open.c \
	core/plugin/plugin_search.c \
	core/plugin/plugin_start.c \
	core/plugin/plugin_turn.c \
	core/port/port.c \
	core/port/port.h \
	core/port/port_call.c \
	core/port/port_send.c \
	core/port/port_serve.c \
	core/port/port_sleep.c \
	core/runtime/debug.c \
	core/runtime/debug.h \
	core/runtime/embed.c \
	core/runtime/embed.h \
	core/runtime/emergency.c \
	core/runtime/fork.c \
	core/runtime/fork.h \
	core/runtime/life.c \
	core/runtime/life.h \
	core/runtime/local.c \
	core/runtime/local.h \
	core/runtime/rt.h \
	core/runtime/rt_opts.c \
	core/runtime/rt_opts.h \
	core/runtime/rt_query.c \
	core/runtime/runtime.c \
	core/runtime/shard.c \
	core/runtime/shard.h \
	core/runtime/shard_thread.c \
	core/runtime/shard_thread.h \
	core/runtime/signal_gate.c \
	core/runtime/signal_gate.h \
	core/runtime/signal_queue.h \
	core/runtime/signals.c \
	core/runtime/signals.h \
	core/sched/choice.c \
	core/sched/choice.h \
	core/sched/deliver.c \
	core/sched/fresh.h \
	core/sched/hog.c \
	core/sched/hog.h \
	core/sched/inbox.h \
	core/sched/linger.c \
	core/sched/linger.h \
	core/sched/loop.c \
	core/sched/park.c \
	core/sched/sched.c \
	core/sched/slice.c \
	core/sched/steal.c \
	core/sched/wake.c \
	core/sched/wakeword.h \
	core/scope/scope.c \
	core/scope/scope.h \
	core/scope/scope_cancel.c \
	core/scope/scope_member.c \
	core/scope/scope_report.c \
	core/scope/token.c \
	core/stats/stats.c \
	core/stats/stats.h \
	core/stats/stats_find.c \
	core/stats/stats_here.c \
	core/stats/stats_memory.c \
	core/stats/stats_memory.h \
	core/stats/stats_page.h \
	core/stats/stats_proc.c \
	core/stats/stats_proc.h \
	core/stats/stats_read.c \
	core/stats/stats_read.h \
	core/stats/stats_view.c \
	core/stream/buffered.h \
	core/stream/copy.c \
	core/stream/copy.h \
	core/stream/copy_splice.c \
	core/stream/faulty_stream.c \
	core/stream/fd_stream.c \
	core/stream/frame.c \
	core/stream/memory_stream.c \
	core/stream/prompt.c \
	core/stream/reader.c \
	core/stream/reader_find.c \
	core/stream/split.c \
	core/stream/stream.c \
	core/stream/stream.h \
	core/stream/writer.c \
	core/sync/barrier.c \
	core/sync/chan.c \
	core/sync/chan.h \
	core/sync/chan_buffer.h \
	core/sync/chan_linger.c \
	core/sync/chan_select.c \
	core/sync/condition.c \
	core/sync/mutex.c \
	core/sync/once.c \
	core/sync/semaphore.c \
	core/sync/waitq.c \
	core/sync/waitq.h \
	core/sys.h \
	core/sys_files.h \
	core/task/blocking.c \
	core/task/blocking.h \
	core/task/call.c \
	core/task/join.c \
	core/task/joinword.h \
	core/task/limit.c \
	core/task/move.c \
	core/task/place.c \
	core/task/post.c \
	core/task/spawn.c \
	core/task/task.c \
	core/task/task.h \
	core/task/task_here.h \
	core/task/task_local.c \
	core/task/wait.c \
	core/task/wait.h \
	core/task/yield.c \
	core/time/alarm.c \
	core/time/alarm.h \
	core/time/boottime.c \
	core/time/boottime.h \
	core/time/interval.c \
	core/time/sleep.c \
	core/time/sleeper.c \
	core/time/sleeper.h \
	core/time/timer.c \
	core/time/wheel.c \
	core/time/wheel.h

# One of them; all are in the tarball.
EXTRA_DIST += core/fiber/switch-aarch64.S core/fiber/switch-first.c core/fiber/switch-ucontext.c \
	core/fiber/switch-x86_64.S core/fiber/switch_layout.c
if SWITCH_X86_64
libpeal_core_la_SOURCES += core/fiber/switch-x86_64.S core/fiber/switch_layout.c
else
libpeal_core_la_SOURCES += core/fiber/switch-first.c
endif
if SWITCH_AARCH64
libpeal_core_la_SOURCES += core/fiber/switch-aarch64.S core/fiber/switch_layout.c
endif
if SWITCH_UCONTEXT
libpeal_core_la_SOURCES += core/fiber/switch-ucontext.c
endif

EXTRA_DIST += core/io.tbl

# The counters: one table, of which everything else is made.
counters_awk = $(AWK) -f $(srcdir)/tools/gen/counters.awk
counters_needs = $(srcdir)/core/counters.tbl $(srcdir)/tools/gen/counters.awk
EXTRA_DIST += core/counters.tbl tools/gen/counters.awk

nodist_libpeal_core_la_SOURCES += gen/counters.h
BUILT_SOURCES += gen/counters.h
CLEANFILES += gen/counters.h
gen/counters.h: $(counters_needs)
	$(AM_V_GEN)$(MKDIR_P) gen && $(counters_awk) -v output=header $(srcdir)/core/counters.tbl >$@.tmp && mv -f $@.tmp $@

# The knobs, in the same way.
knobs_awk = $(AWK) -f $(srcdir)/tools/gen/knobs.awk
knobs_needs = $(srcdir)/core/knobs.tbl $(srcdir)/tools/gen/knobs.awk
EXTRA_DIST += core/knobs.tbl tools/gen/knobs.awk

nodist_libpeal_core_la_SOURCES += gen/knobs.h
BUILT_SOURCES += gen/knobs.h
CLEANFILES += gen/knobs.h
gen/knobs.h: $(knobs_needs)
	$(AM_V_GEN)$(MKDIR_P) gen && $(knobs_awk) -v output=header $(srcdir)/core/knobs.tbl >$@.tmp && mv -f $@.tmp $@
