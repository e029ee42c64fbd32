# SPDX-License-Identifier: MIT
hello_sources = \
	plugins/hello/hello.c

if PLUGIN_HELLO
plugin_headers_HEADERS += plugins/hello/hello.h
dist_man7_MANS += plugins/hello/peal-hello.7
test_programs += plugins/hello/test_hello
plugins_hello_test_hello_LDADD = $(public_ldadd)
endif

if PLUGIN_HELLO_SHARED
plugin_LTLIBRARIES += plugins/hello.la
plugins_hello_la_SOURCES = $(hello_sources)
plugins_hello_la_LDFLAGS = $(plugin_ldflags)
plugins_hello_la_LIBADD = libpeal.la
endif

if PLUGIN_HELLO_STATIC
noinst_LTLIBRARIES += plugins/libhello.la
plugins_libhello_la_SOURCES = $(hello_sources)
plugins_libhello_la_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=hello
libpeal_core_la_LIBADD += plugins/libhello.la
endif
