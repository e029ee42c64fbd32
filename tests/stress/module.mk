# SPDX-License-Identifier: MIT
# Much at once; for hours under `make soak`.
test_programs += tests/stress/test_storm
tests_stress_test_storm_SOURCES = tests/stress/test_storm.c $(runtime_help)
soak_tests += tests/stress/test_storm

test_programs += tests/stress/test_msg_storm
tests_stress_test_msg_storm_SOURCES = tests/stress/test_msg_storm.c $(runtime_help)
soak_tests += tests/stress/test_msg_storm
