# SPDX-License-Identifier: MIT
if BACKEND_EPOLL
libpeal_core_la_SOURCES += \
	backends/epoll/alarm.c \
	backends/epoll/bell.c \
	backends/epoll/epoll.h \
	backends/epoll/fds.c \
	backends/epoll/files.c \
	backends/epoll/ops.c \
	backends/epoll/ring.c \
	backends/epoll/wait.c
test_programs += backends/epoll/test_epoll
backends_epoll_test_epoll_SOURCES = backends/epoll/test_epoll.c $(ring_fixture)
dist_man7_MANS += backends/epoll/peal-epoll.7
endif
