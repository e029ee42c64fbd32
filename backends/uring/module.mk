# SPDX-License-Identifier: MIT
if BACKEND_URING
libpeal_core_la_SOURCES += \
	backends/uring/backend.c \
	backends/uring/bell.c \
	backends/uring/cancel.c \
	backends/uring/compat.h \
	backends/uring/doctor.c \
	backends/uring/enter.c \
	backends/uring/equip.c \
	backends/uring/files.c \
	backends/uring/lease.c \
	backends/uring/reap.c \
	backends/uring/ring.c \
	backends/uring/send_zc.c \
	backends/uring/setup.c \
	backends/uring/submit.c \
	backends/uring/tier.c \
	backends/uring/uring.h \
	backends/uring/verbs.c
libpeal_core_la_LIBADD += $(LIBURING_LIBS)
AM_CPPFLAGS += $(LIBURING_CFLAGS)
test_programs += \
	backends/uring/test_uring \
	backends/uring/test_uring_bells \
	backends/uring/test_uring_ops \
	backends/uring/test_uring_sleep \
	backends/uring/test_uring_ways
dist_man7_MANS += backends/uring/peal-uring.7
endif
EXTRA_DIST += backends/uring/test_uring.h
