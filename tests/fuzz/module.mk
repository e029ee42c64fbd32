# SPDX-License-Identifier: MIT
# Targets run on their corpus and on variations of it; how to run them with libFuzzer stands in each.
# fuzz_NAME goes with corpus/NAME.
fuzz_main = tests/fuzz/fuzz.h tests/fuzz/main.c
test_programs += \
	tests/fuzz/fuzz_cgroup \
	tests/fuzz/fuzz_params \
	tests/fuzz/fuzz_stats_page \
	tests/fuzz/fuzz_stream
tests_fuzz_fuzz_cgroup_SOURCES = tests/fuzz/fuzz_cgroup.c $(fuzz_main)
tests_fuzz_fuzz_params_SOURCES = tests/fuzz/fuzz_params.c $(fuzz_main)
tests_fuzz_fuzz_stats_page_SOURCES = tests/fuzz/fuzz_stats_page.c $(fuzz_main)
tests_fuzz_fuzz_stream_SOURCES = tests/fuzz/fuzz_stream.c $(fuzz_main)
EXTRA_DIST += tests/fuzz/corpus
