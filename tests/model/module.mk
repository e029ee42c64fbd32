# SPDX-License-Identifier: MIT
# The lock-free parts, looked at from every side: Spin models of the protocols, and the headers
# themselves in every order of their accesses (interleave.h).
build_scripts += tests/model/test_models.sh
EXTRA_DIST += \
	tests/model/inbox.pml \
	tests/model/msg.pml \
	tests/model/wake.pml \
	tests/model/watch.pml

interleave = \
	tests/model/explore.h \
	tests/model/interleave.c \
	tests/model/interleave.h \
	tests/model/interleave_memory.c \
	tests/model/interleave_memory.h
test_programs += \
	tests/model/test_interleave \
	tests/model/test_orders_fresh \
	tests/model/test_orders_inbox \
	tests/model/test_orders_msg \
	tests/model/test_orders_sum \
	tests/model/test_orders_task \
	tests/model/test_orders_wake
tests_model_test_interleave_SOURCES = tests/model/test_interleave.c $(interleave)
tests_model_test_orders_fresh_SOURCES = tests/model/test_orders_fresh.c $(interleave)
tests_model_test_orders_inbox_SOURCES = tests/model/test_orders_inbox.c $(interleave)
tests_model_test_orders_msg_SOURCES = tests/model/test_orders_msg.c $(interleave)
tests_model_test_orders_sum_SOURCES = tests/model/test_orders_sum.c $(interleave)
tests_model_test_orders_task_SOURCES = tests/model/test_orders_task.c $(interleave)
tests_model_test_orders_wake_SOURCES = tests/model/test_orders_wake.c $(interleave)
soak_tests += tests/model/test_orders_inbox
