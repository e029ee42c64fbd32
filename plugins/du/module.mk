# SPDX-License-Identifier: MIT
du_sources = \
	plugins/du/cursor.c \
	plugins/du/cycle.c \
	plugins/du/dir.c \
	plugins/du/du.c \
	plugins/du/exclude.c \
	plugins/du/help.c \
	plugins/du/jobs.c \
	plugins/du/line.c \
	plugins/du/links.c \
	plugins/du/node.c \
	plugins/du/open.c \
	plugins/du/pool.c \
	plugins/du/record.c \
	plugins/du/scan.c \
	plugins/du/wait.c \
	plugins/du/walk.c \
	plugins/du/walk.h

# The command has its share in tools/module.mk; its parts are tested here.
if PLUGIN_DU
plugin_headers_HEADERS += plugins/du/du.h
dist_man7_MANS += plugins/du/peal-du.7
test_programs += plugins/du/test_du
plugins_du_test_du_LDADD = $(public_ldadd)
test_programs += plugins/du/test_inside
plugins_du_test_inside_SOURCES = plugins/du/test_inside.c $(du_sources)
plugins_du_test_inside_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=du
test_programs += plugins/du/test_command
plugins_du_test_command_SOURCES = plugins/du/test_command.c $(du_command_parts)
plugins_du_test_command_LDADD = $(public_ldadd)
test_scripts += plugins/du/test_differential.sh
test_helpers += plugins/du/corpus
plugins_du_corpus_SOURCES = plugins/du/corpus.c
plugins_du_corpus_LDADD =
endif

if PLUGIN_DU_SHARED
plugin_LTLIBRARIES += plugins/du.la
plugins_du_la_SOURCES = $(du_sources)
plugins_du_la_LDFLAGS = $(plugin_ldflags)
plugins_du_la_LIBADD = libpeal.la
endif

if PLUGIN_DU_STATIC
noinst_LTLIBRARIES += plugins/libdu.la
plugins_libdu_la_SOURCES = $(du_sources)
plugins_libdu_la_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=du
libpeal_core_la_LIBADD += plugins/libdu.la
endif
