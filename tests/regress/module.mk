# SPDX-License-Identifier: MIT
# What others got wrong: README.md maps each bug to the test that would find it here.
test_programs += tests/regress/test_sleep_and_wake
tests_regress_test_sleep_and_wake_SOURCES = tests/regress/test_sleep_and_wake.c $(runtime_help)
EXTRA_DIST += tests/regress/README.md
