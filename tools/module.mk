# SPDX-License-Identifier: MIT
# tools: the command `peal`, and what checks the tree.

bin_PROGRAMS += tools/peal/peal
tools_peal_peal_SOURCES = \
	tools/peal/commands.h \
	tools/peal/doctor.c \
	tools/peal/doctor.h \
	tools/peal/doctor_backends.c \
	tools/peal/doctor_bpf.c \
	tools/peal/doctor_limits.c \
	tools/peal/doctor_print.c \
	tools/peal/doctor_read.c \
	tools/peal/doctor_runtime.c \
	tools/peal/doctor_system.c \
	tools/peal/main.c \
	tools/peal/output.c \
	tools/peal/output.h \
	tools/peal/plugins.c \
	tools/peal/run.c \
	tools/peal/stat.c \
	tools/peal/stat.h \
	tools/peal/stat_json.c \
	tools/peal/stat_prometheus.c \
	tools/peal/stat_table.c \
	tools/peal/stat_view.c \
	tools/peal/stats_print.c \
	tools/peal/stats_print.h
tools_peal_peal_LDADD = libpeal.la
dist_man1_MANS += \
	tools/peal/peal.1 \
	tools/peal/peal-doctor.1 \
	tools/peal/peal-plugins.1 \
	tools/peal/peal-run.1 \
	tools/peal/peal-stat.1

# For gdb: as a script that can be sourced, and where gdb finds it by the name of the library.
pkgdata_DATA = tools/gdb/peal-gdb.py
dist_man7_MANS += tools/gdb/peal-gdb.7
EXTRA_DIST += tools/gdb/peal-gdb.py
gdb_autoload = $(datadir)/gdb/auto-load$(libdir)
library_file = sed -n "s/^library_names='\([^ ']*\).*/\1/p" libpeal.la
install-data-hook: install-gdb-autoload
install-gdb-autoload: libpeal.la
	name=$$($(library_file)) && [ -z "$$name" ] || { $(MKDIR_P) '$(DESTDIR)$(gdb_autoload)' && \
		rm -f '$(DESTDIR)$(gdb_autoload)'/$$name-gdb.py && \
		$(LN_S) '$(pkgdatadir)/peal-gdb.py' '$(DESTDIR)$(gdb_autoload)'/$$name-gdb.py; }
uninstall-hook:
	name=$$($(library_file)) && [ -z "$$name" ] || rm -f '$(DESTDIR)$(gdb_autoload)'/$$name-gdb.py
.PHONY: install-gdb-autoload

# Documentation that is made of core/counters.tbl.
EXTRA_DIST += tools/peal/peal-counters.7.in
CLEANFILES += gen/peal-counters.7 gen/counters.md
man7_MANS = gen/peal-counters.7 gen/peal-knobs.7
EXTRA_DIST += tools/peal/peal-knobs.7.in
CLEANFILES += gen/peal-knobs.7
gen/peal-knobs.7: $(knobs_needs) $(srcdir)/tools/peal/peal-knobs.7.in
	$(AM_V_GEN)$(MKDIR_P) gen && $(knobs_awk) -v output=mdoc -v template=$(srcdir)/tools/peal/peal-knobs.7.in $(srcdir)/core/knobs.tbl >$@.tmp && mv -f $@.tmp $@
doc_DATA = gen/counters.md
gen/peal-counters.7: $(counters_needs) $(srcdir)/tools/peal/peal-counters.7.in
	$(AM_V_GEN)$(MKDIR_P) gen && $(counters_awk) -v output=mdoc -v template=$(srcdir)/tools/peal/peal-counters.7.in $(srcdir)/core/counters.tbl >$@.tmp && mv -f $@.tmp $@
gen/counters.md: $(counters_needs)
	$(AM_V_GEN)$(MKDIR_P) gen && $(counters_awk) -v output=markdown $(srcdir)/core/counters.tbl >$@.tmp && mv -f $@.tmp $@

# What the options of `peal du` are made of; plugins/du tests it.
du_command_parts = \
	tools/peal/du.h \
	tools/peal/du_help.c \
	tools/peal/du_number.c \
	tools/peal/du_options.c \
	tools/peal/du_quote.c \
	tools/peal/du_units.c
if PLUGIN_DU
tools_peal_peal_SOURCES += $(du_command_parts) tools/peal/du.c tools/peal/du_print.c
dist_man1_MANS += tools/peal/peal-du.1
endif
