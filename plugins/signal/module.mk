# SPDX-License-Identifier: MIT
signal_sources = \
	plugins/signal/signal.c \
	plugins/signal/stream.c \
	plugins/signal/stream.h

if PLUGIN_SIGNAL
plugin_headers_HEADERS += plugins/signal/signal.h
dist_man7_MANS += plugins/signal/peal-signal.7
test_programs += plugins/signal/test_signal
plugins_signal_test_signal_LDADD = $(public_ldadd)
endif

if PLUGIN_SIGNAL_SHARED
plugin_LTLIBRARIES += plugins/signal.la
plugins_signal_la_SOURCES = $(signal_sources)
plugins_signal_la_LDFLAGS = $(plugin_ldflags)
plugins_signal_la_LIBADD = libpeal.la
endif

if PLUGIN_SIGNAL_STATIC
noinst_LTLIBRARIES += plugins/libsignal.la
plugins_libsignal_la_SOURCES = $(signal_sources)
plugins_libsignal_la_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=signal
libpeal_core_la_LIBADD += plugins/libsignal.la
endif
