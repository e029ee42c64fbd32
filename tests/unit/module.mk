# SPDX-License-Identifier: MIT
# One program per file of core, linked with all internals.
test_programs += \
	tests/unit/test_alloc \
	tests/unit/test_backend \
	tests/unit/test_cpus \
	tests/unit/test_fresh \
	tests/unit/test_heap \
	tests/unit/test_inbox \
	tests/unit/test_log \
	tests/unit/test_machine \
	tests/unit/test_param \
	tests/unit/test_sockaddr \
	tests/unit/test_stats \
	tests/unit/test_stats_find \
	tests/unit/test_stats_memory \
	tests/unit/test_stats_read
EXTRA_DIST += tests/unit/stats_help.h
