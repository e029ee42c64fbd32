# SPDX-License-Identifier: MIT
# core: the runtime. Headers are listed so that they get into the tarball.

pealinclude_HEADERS += \
	include/peal/backend.h \
	include/peal/base.h \
	include/peal/io.h \
	include/peal/load.h \
	include/peal/machine.h \
	include/peal/msg.h \
	include/peal/net.h \
	include/peal/op.h \
	include/peal/peal.h \
	include/peal/plugin.h \
	include/peal/port.h \
	include/peal/runtime.h \
	include/peal/scope.h \
	include/peal/stats.h \
	include/peal/sync.h \
	include/peal/task.h \
	include/peal/time.h

libpeal_core_la_SOURCES += \
	core/alarm.c \
	core/alarm.h \
	core/accum.c \
	core/accum.h \
	core/alloc.c \
	core/alloc.h \
	core/atomic.h \
	core/backend.c \
	core/backend.h \
	core/barrier.c \
	core/blocking.c \
	core/blocking.h \
	core/boottime.c \
	core/boottime.h \
	core/call.c \
	core/cgroup.c \
	core/cgroup.h \
	core/chan.c \
	core/chan.h \
	core/chan_buffer.h \
	core/chan_select.c \
	core/choice.c \
	core/choice.h \
	core/compiler.h \
	core/condition.c \
	core/compose.c \
	core/compose.h \
	core/cpus.c \
	core/cpus.h \
	core/deliver.c \
	core/emergency.c \
	core/embed.c \
	core/embed.h \
	core/direct.c \
	core/direct.h \
	core/direct_path.c \
	core/direct_splice.c \
	core/exceptions.c \
	core/exceptions.h \
	core/fatal.c \
	core/fatal.h \
	core/fiber.c \
	core/fiber.h \
	core/fork.c \
	core/fork.h \
	core/fresh.h \
	core/heap.h \
	core/hog.c \
	core/hog.h \
	core/inbox.h \
	core/inflight.c \
	core/inflight.h \
	core/interval.c \
	core/io.c \
	core/join.c \
	core/joinword.h \
	core/life.c \
	core/life.h \
	core/limit.c \
	core/lines.c \
	core/lines.h \
	core/list.h \
	core/listen.c \
	core/local.c \
	core/local.h \
	core/log.c \
	core/log.h \
	core/loop.c \
	core/machine.c \
	core/msg.h \
	core/msg_end.c \
	core/msg_recv.c \
	core/msg_ring.h \
	core/msg_send.c \
	core/msg_ticket.c \
	core/mutex.c \
	core/move.c \
	core/node.h \
	core/op_wait.c \
	core/once.c \
	core/ops.c \
	core/ops.h \
	core/opts.h \
	core/overflow.c \
	core/overflow.h \
	core/param.c \
	core/param.h \
	core/param_table.c \
	core/param_value.c \
	core/park.c \
	core/place.c \
	core/plugin.c \
	core/plugin.h \
	core/plugin_check.c \
	core/plugin_host.c \
	core/plugin_list.c \
	core/plugin_obtain.c \
	core/plugin_open.c \
	core/plugin_search.c \
	core/plugin_start.c \
	core/plugin_turn.c \
	core/pooled.c \
	core/pooled.h \
	core/port.c \
	core/port.h \
	core/port_call.c \
	core/port_send.c \
	core/port_serve.c \
	core/port_sleep.c \
	core/post.c \
	core/resolve.c \
	core/rt.h \
	core/rt_opts.c \
	core/rt_opts.h \
	core/rt_query.c \
	core/runtime.c \
	core/sanitizer.h \
	core/sched.c \
	core/semaphore.c \
	core/serve.c \
	core/scope.c \
	core/scope.h \
	core/scope_cancel.c \
	core/scope_member.c \
	core/scope_report.c \
	core/shard.c \
	core/shard.h \
	core/shard_thread.c \
	core/shard_thread.h \
	core/signal_gate.c \
	core/signal_gate.h \
	core/signal_queue.h \
	core/signals.c \
	core/signals.h \
	core/sizeof.c \
	core/sleep.c \
	core/sleeper.c \
	core/sleeper.h \
	core/sockaddr.c \
	core/sockaddr.h \
	core/socket.c \
	core/sockets.h \
	core/sockopt.c \
	core/spawn.c \
	core/spin.h \
	core/stack.c \
	core/stack.h \
	core/stack_chunk.c \
	core/stack_chunk.h \
	core/stack_find.c \
	core/stack_guard.c \
	core/stack_guard.h \
	core/stats.c \
	core/stats.h \
	core/stats_find.c \
	core/stats_here.c \
	core/stats_memory.c \
	core/stats_memory.h \
	core/stats_page.h \
	core/stats_proc.c \
	core/stats_proc.h \
	core/stats_read.c \
	core/stats_read.h \
	core/stats_view.c \
	core/steal.c \
	core/sum.h \
	core/switch.h \
	core/sys.c \
	core/sys.h \
	core/table.c \
	core/table.h \
	core/sys_files.h \
	core/task.c \
	core/task.h \
	core/task_local.c \
	core/timer.c \
	core/token.c \
	core/version.c \
	core/wait.c \
	core/wait.h \
	core/waitq.c \
	core/waitq.h \
	core/wake.c \
	core/wakeword.h \
	core/wheel.c \
	core/wheel.h

# One of them; all are in the tarball.
EXTRA_DIST += core/switch-aarch64.S core/switch-ucontext.c core/switch-x86_64.S
if SWITCH_X86_64
libpeal_core_la_SOURCES += core/switch-x86_64.S
endif
if SWITCH_AARCH64
libpeal_core_la_SOURCES += core/switch-aarch64.S
endif
if SWITCH_UCONTEXT
libpeal_core_la_SOURCES += core/switch-ucontext.c
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
