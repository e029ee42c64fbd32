# SPDX-License-Identifier: MIT
# The command.
test_programs += tests/peal/test_output
tests_peal_test_output_SOURCES = tests/peal/test_output.c \
	tools/peal/output.c tools/peal/output.h tools/peal/stats_print.c tools/peal/stats_print.h

test_scripts += \
	tests/peal/test_doctor.sh \
	tests/peal/test_plugins.sh \
	tests/peal/test_run.sh \
	tests/peal/test_stat.sh
EXTRA_DIST += tests/peal/command.sh
test_helpers += tests/peal/json tests/peal/stats_page tests/peal/without_io_uring
tests_peal_json_LDADD =
tests_peal_stats_page_LDADD = libpeal_core.la
tests_peal_without_io_uring_LDADD =
