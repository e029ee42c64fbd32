# SPDX-License-Identifier: MIT
# The contract of backends, and the fixture that tests of a backend may use as well.
ring_fixture = \
	tests/contract/ring/fault.c \
	tests/contract/ring/ops.c \
	tests/contract/ring/ring.c \
	tests/contract/ring/ring.h \
	tests/contract/ring/sockets.c
test_programs += tests/contract/test_backends
tests_contract_test_backends_SOURCES = tests/contract/test_backends.c $(ring_fixture) \
	tests/contract/ring/accept.c \
	tests/contract/ring/bells.c \
	tests/contract/ring/cancel.c \
	tests/contract/ring/connect.c \
	tests/contract/ring/faults.c \
	tests/contract/ring/files.c \
	tests/contract/ring/life.c \
	tests/contract/ring/messages.c \
	tests/contract/ring/paths.c \
	tests/contract/ring/poll.c \
	tests/contract/ring/recv.c \
	tests/contract/ring/reuse.c \
	tests/contract/ring/send.c \
	tests/contract/ring/streams.c

# Whole runtimes, on every backend that works here.
runtime_help = tests/contract/runtime.c tests/contract/runtime.h
test_programs += \
	tests/contract/test_buffered \
	tests/contract/test_chan \
	tests/contract/test_linger \
	tests/contract/test_cancel \
	tests/contract/test_embed \
	tests/contract/test_emergency \
	tests/contract/test_faults \
	tests/contract/test_fork \
	tests/contract/test_frames \
	tests/contract/test_datagram \
	tests/contract/test_files \
	tests/contract/test_io \
	tests/contract/test_lease \
	tests/contract/test_life \
	tests/contract/test_call \
	tests/contract/test_nth \
	tests/contract/test_place \
	tests/contract/test_stuck \
	tests/contract/test_accum \
	tests/contract/test_msg \
	tests/contract/test_msg_end \
	tests/contract/test_port \
	tests/contract/test_port_ends \
	tests/contract/test_prompt \
	tests/contract/test_refused \
	tests/contract/test_net \
	tests/contract/test_serve \
	tests/contract/test_splice \
	tests/contract/test_signals \
	tests/contract/test_scope \
	tests/contract/test_scope_cancel \
	tests/contract/test_scope_forms \
	tests/contract/test_sched \
	tests/contract/test_stream \
	tests/contract/test_stream_copy \
	tests/contract/test_sync \
	tests/contract/test_task \
	tests/contract/test_task_local \
	tests/contract/test_time \
	tests/contract/test_yield
tests_contract_test_buffered_SOURCES = tests/contract/test_buffered.c $(runtime_help)
tests_contract_test_chan_SOURCES = tests/contract/test_chan.c $(runtime_help)
tests_contract_test_linger_SOURCES = tests/contract/test_linger.c $(runtime_help)
tests_contract_test_embed_SOURCES = tests/contract/test_embed.c $(runtime_help)
cancel_calls = tests/contract/cancel/cancel.h tests/contract/cancel/help.c tests/contract/cancel/io.c \
	tests/contract/cancel/lease.c
tests_contract_test_cancel_SOURCES = tests/contract/test_cancel.c $(cancel_calls) \
	tests/contract/cancel/between.c tests/contract/cancel/headers.c tests/contract/cancel/net.c \
	tests/contract/cancel/others.c tests/contract/cancel/stream.c tests/contract/cancel/sync.c $(runtime_help)
tests_contract_test_nth_SOURCES = tests/contract/test_nth.c $(cancel_calls) $(runtime_help)
tests_contract_test_emergency_SOURCES = tests/contract/test_emergency.c $(runtime_help)
tests_contract_test_fork_SOURCES = tests/contract/test_fork.c $(runtime_help)
tests_contract_test_faults_SOURCES = tests/contract/test_faults.c $(runtime_help)
tests_contract_test_frames_SOURCES = tests/contract/test_frames.c $(runtime_help)
tests_contract_test_datagram_SOURCES = tests/contract/test_datagram.c $(runtime_help)
tests_contract_test_files_SOURCES = tests/contract/test_files.c $(runtime_help)
tests_contract_test_io_SOURCES = tests/contract/test_io.c $(runtime_help)
tests_contract_test_lease_SOURCES = tests/contract/test_lease.c $(runtime_help)
tests_contract_test_life_SOURCES = tests/contract/test_life.c $(runtime_help)
tests_contract_test_call_SOURCES = tests/contract/test_call.c $(runtime_help)
tests_contract_test_place_SOURCES = tests/contract/test_place.c $(runtime_help)
tests_contract_test_stuck_SOURCES = tests/contract/test_stuck.c $(runtime_help)
tests_contract_test_sched_SOURCES = tests/contract/test_sched.c $(runtime_help)
scope_help = tests/contract/scopes.h $(runtime_help)
tests_contract_test_scope_SOURCES = tests/contract/test_scope.c $(scope_help)
tests_contract_test_scope_cancel_SOURCES = tests/contract/test_scope_cancel.c $(scope_help)
tests_contract_test_scope_forms_SOURCES = tests/contract/test_scope_forms.c $(scope_help)
stream_help = tests/contract/stream_help.h $(runtime_help)
tests_contract_test_prompt_SOURCES = tests/contract/test_prompt.c $(stream_help)
tests_contract_test_stream_SOURCES = tests/contract/test_stream.c $(stream_help)
tests_contract_test_stream_copy_SOURCES = tests/contract/test_stream_copy.c $(stream_help)
tests_contract_test_sync_SOURCES = tests/contract/test_sync.c $(runtime_help)
msg_help = tests/contract/msg_help.c tests/contract/msg_help.h $(runtime_help)
tests_contract_test_accum_SOURCES = tests/contract/test_accum.c $(msg_help)
tests_contract_test_msg_SOURCES = tests/contract/test_msg.c $(msg_help)
tests_contract_test_msg_end_SOURCES = tests/contract/test_msg_end.c $(msg_help)
tests_contract_test_net_SOURCES = tests/contract/test_net.c $(runtime_help)
tests_contract_test_serve_SOURCES = tests/contract/test_serve.c $(runtime_help)
tests_contract_test_splice_SOURCES = tests/contract/test_splice.c $(runtime_help)
port_help = tests/contract/port_help.h $(runtime_help)
tests_contract_test_port_SOURCES = tests/contract/test_port.c $(port_help)
tests_contract_test_port_ends_SOURCES = tests/contract/test_port_ends.c $(port_help)
tests_contract_test_signals_SOURCES = tests/contract/test_signals.c $(runtime_help)
tests_contract_test_task_SOURCES = tests/contract/test_task.c $(runtime_help)
tests_contract_test_task_local_SOURCES = tests/contract/test_task_local.c $(runtime_help)
soak_tests += tests/contract/test_time
tests_contract_test_time_SOURCES = tests/contract/test_time.c $(runtime_help)
tests_contract_test_yield_SOURCES = tests/contract/test_yield.c $(runtime_help)

# The loader, and the plugins it is tried on: tests/contract/plugins/probe.h tells about them.
test_programs += \
	tests/contract/test_plugin_find \
	tests/contract/test_plugin_list \
	tests/contract/test_plugin_load \
	tests/contract/test_plugin_many \
	tests/contract/test_plugin_static \
	tests/contract/test_plugin_use
test_helpers += tests/contract/plugin_helper
probe = tests/contract/plugins/probe.h
plugin_files = tests/contract/plugin_files.c tests/contract/plugin_files.h
plugin_probe = tests/contract/plugin_probe.c tests/contract/plugin_probe.h $(plugin_files) $(probe)
tests_contract_test_plugin_find_SOURCES = tests/contract/test_plugin_find.c $(plugin_files)
tests_contract_test_plugin_list_SOURCES = tests/contract/test_plugin_list.c $(plugin_files)
tests_contract_test_plugin_load_SOURCES = tests/contract/test_plugin_load.c $(plugin_probe)
tests_contract_test_plugin_many_SOURCES = tests/contract/test_plugin_many.c $(plugin_probe)
tests_contract_test_plugin_use_SOURCES = tests/contract/test_plugin_use.c $(plugin_probe)
tests_contract_test_plugin_static_SOURCES = tests/contract/test_plugin_static.c \
	tests/contract/plugins/probe.c $(probe)
tests_contract_test_plugin_static_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=probe
# Not by libtool, which builds no shared objects where --disable-shared was given; the loader loads them
# there, too.
test_plugins += \
	tests/contract/plugins/function.so \
	tests/contract/plugins/later.so \
	tests/contract/plugins/needy.so \
	tests/contract/plugins/nosymbol.so \
	tests/contract/plugins/probe.so \
	tests/contract/plugins/tiny.so
EXTRA_DIST += $(test_plugins:.so=.c)
CLEANFILES += $(test_plugins)
SUFFIXES = .so
.c.so:
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) \
		$(AM_CFLAGS) $(CFLAGS) -fPIC $(AM_LDFLAGS) $(LDFLAGS) -shared -o $@ $<
$(test_plugins): include/peal/plugin.h tests/contract/plugins/probe.c $(probe)
# This one brings libpeal.so. (-rpath makes libtool build a shared object of what is not installed.)
if ENABLE_SHARED
test_modules += tests/contract/plugins/client.la
tests_contract_plugins_client_la_LDFLAGS = $(plugin_ldflags) -rpath /nowhere
tests_contract_plugins_client_la_LIBADD = libpeal.la
endif

# A plugin in C++.
thrower = tests/contract/plugins/thrower.cc tests/contract/plugins/thrower.h
EXTRA_DIST += $(thrower)
if HAVE_CXX
test_programs += tests/contract/test_plugin_thrower
tests_contract_test_plugin_thrower_SOURCES = tests/contract/test_plugin_thrower.c $(plugin_files)
EXTRA_tests_contract_test_plugin_thrower_DEPENDENCIES = tests/contract/plugins/thrower.so
CLEANFILES += tests/contract/plugins/thrower.so
endif
tests/contract/plugins/thrower.so: include/peal/plugin.h $(thrower)
	$(AM_V_CXXLD)$(MKDIR_P) $(@D) && $(CXX) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) \
		$(AM_CXXFLAGS) $(CXXFLAGS) -fPIC $(AM_LDFLAGS) $(LDFLAGS) -shared -o $@ \
		$(srcdir)/tests/contract/plugins/thrower.cc

# peal.hpp, by the C++ compiler that there is; test_cpp_compilers.sh builds the same with others.
cpp_sources = tests/contract/test_cpp.cc tests/contract/cpp/chan.cc tests/contract/cpp/runtime.cc \
	tests/contract/cpp/scope.cc tests/contract/cpp/sync.cc tests/contract/cpp/task.cc \
	tests/contract/cpp/throw.cc tests/contract/cpp/cpp.h
if HAVE_CXX
test_programs += tests/contract/test_cpp
tests_contract_test_cpp_SOURCES = $(cpp_sources) $(runtime_help)
test_scripts += tests/contract/test_cpp_compilers.sh
endif

# Scopes are macros: what other compilers make of them, and exceptions that leave them.
test_scripts += tests/contract/test_scope_compilers.sh
EXTRA_DIST += tests/contract/compilers/scopes.c tests/contract/compilers/scopes.cc
