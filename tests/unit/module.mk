# SPDX-License-Identifier: MIT
# One program per file of core, linked with all internals.
test_programs += \
	tests/unit/test_alloc \
	tests/unit/test_backend \
	tests/unit/test_choice \
	tests/unit/test_cpus \
	tests/unit/test_exceptions \
	tests/unit/test_fiber \
	tests/unit/test_fiber_park \
	tests/unit/test_fiber_travel \
	tests/unit/test_fresh \
	tests/unit/test_heap \
	tests/unit/test_inbox \
	tests/unit/test_log \
	tests/unit/test_machine \
	tests/unit/test_msg_ring \
	tests/unit/test_overflow \
	tests/unit/test_overflow_chain \
	tests/unit/test_overflow_thread \
	tests/unit/test_param \
	tests/unit/test_plugin_check \
	tests/unit/test_plugin_turn \
	tests/unit/test_sockaddr \
	tests/unit/test_stack \
	tests/unit/test_stack_guard \
	tests/unit/test_stack_refusal \
	tests/unit/test_stack_reuse \
	tests/unit/test_stats \
	tests/unit/test_stats_find \
	tests/unit/test_stats_memory \
	tests/unit/test_stats_read \
	tests/unit/test_switch \
	tests/unit/test_table \
	tests/unit/test_wheel

fiber_help = tests/unit/fiber_help.c tests/unit/fiber_help.h tests/sys_fail.h
tests_unit_test_exceptions_SOURCES = tests/unit/test_exceptions.c $(fiber_help)
tests_unit_test_switch_SOURCES = tests/unit/test_switch.c $(fiber_help)
if HAVE_CXX
test_programs += tests/unit/test_fiber_exceptions
tests_unit_test_fiber_exceptions_SOURCES = tests/unit/test_fiber_exceptions.cc $(fiber_help)
endif
EXTRA_DIST += \
	tests/unit/fiber_pool.h \
	tests/unit/overflow_help.h \
	tests/unit/stack_help.h \
	tests/unit/stats_help.h
