# SPDX-License-Identifier: MIT
# perf: benchmarks. `make perf` builds and runs them; `make check` compiles them and runs each as
# shortly as possible, to see that they still work. Nothing here is installed.

EXTRA_LTLIBRARIES = perf/libperf.la
CLEANFILES += perf/libperf.la
perf_libperf_la_SOURCES = \
	perf/histogram.c \
	perf/histogram.h \
	perf/lines.c \
	perf/lines.h \
	perf/loopback.c \
	perf/loopback.h \
	perf/machine.c \
	perf/measure.c \
	perf/perf.c \
	perf/perf.h \
	perf/report.c \
	perf/report.h \
	perf/runtime.c \
	perf/runtime.h

# In the order in which `make perf` runs them.
perf_programs = \
	perf/micro \
	perf/fanout \
	perf/spawn_join \
	perf/cold_start \
	perf/ping_pong \
	perf/channels \
	perf/echo_rtt \
	perf/echo_conns \
	perf/streams \
	perf/files \
	perf/metadata \
	perf/timers \
	perf/sparse \
	perf/idle \
	perf/resp \
	perf/du

EXTRA_PROGRAMS = $(perf_programs)

# All are linked with the internals of the library, as the tests are: some need them.
perf_ldadd = perf/libperf.la libpeal_core.la
perf_fanout_LDADD = $(perf_ldadd)
perf_spawn_join_LDADD = $(perf_ldadd)
perf_ping_pong_LDADD = $(perf_ldadd)
perf_channels_LDADD = $(perf_ldadd)
perf_cold_start_LDADD = $(perf_ldadd)
perf_echo_rtt_LDADD = $(perf_ldadd)
perf_echo_conns_LDADD = $(perf_ldadd)
perf_du_LDADD = $(perf_ldadd)
perf_files_LDADD = $(perf_ldadd)
perf_timers_LDADD = $(perf_ldadd)
perf_idle_LDADD = $(perf_ldadd)
perf_metadata_LDADD = $(perf_ldadd)
perf_resp_LDADD = $(perf_ldadd)
perf_sparse_LDADD = $(perf_ldadd)
perf_streams_LDADD = $(perf_ldadd)
perf_streams_SOURCES = \
	perf/streams.c \
	perf/streams.h \
	perf/streams_buffered.c \
	perf/streams_floor.c \
	perf/streams_floor.h \
	perf/streams_load.c

perf_micro_SOURCES = \
	perf/bells.h \
	perf/fanout.c \
	perf/micro_msg.c \
	perf/micro_op.c \
	perf/micro_post.c \
	perf/micro_steal.c \
	perf/micro_switch.c \
	perf/micro_task.c \
	perf/micro_timer.c \
	perf/micro_wake.c
if BACKEND_URING
perf_micro_SOURCES += perf/micro_ring.c
endif
perf_micro_LDADD = $(perf_ldadd)

test_helpers += $(perf_programs)
test_scripts += perf/test_show.sh perf/test_smoke.sh
AM_TESTS_ENVIRONMENT += \
	PEAL_PERF_PROGRAMS='$(perf_programs)'; PEAL_PERF_BUILD='$(abs_builddir)'; \
	export PEAL_PERF_PROGRAMS PEAL_PERF_BUILD;

EXTRA_DIST += \
	perf/README.md \
	perf/compare \
	perf/instructions \
	perf/instructions.txt \
	perf/peers/Cargo.lock \
	perf/peers/Cargo.toml \
	perf/peers/go/channels.go \
	perf/peers/go/go.mod \
	perf/peers/go/main.go \
	perf/peers/go/streams.go \
	perf/peers/go/tasks.go \
	perf/peers/libuv/loops.c \
	perf/peers/libuv/loops.h \
	perf/peers/libuv/server.c \
	perf/peers/libuv/streams.c \
	perf/peers/src/bin/compio.rs \
	perf/peers/src/bin/spargio.rs \
	perf/peers/src/bin/tokio.rs \
	perf/peers/src/lib.rs \
	perf/peers/src/streams.rs \
	perf/show \
	perf/show_lines.awk \
	perf/show_page.awk \
	perf/show_plot.awk \
	perf/show_summary.awk \
	perf/show_table.awk

# PERF: options for every program; `make perf PERF='--only yield --json'`.
perf: all
	@$(MAKE) $(perf_programs)
	@for program in $(perf_programs); do ./$$program $(PERF) || exit 1; done
.PHONY: perf
