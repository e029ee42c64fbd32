# SPDX-License-Identifier: MIT
# tests: what `make check` is made of. Each folder here lists its tests in its own module.mk, one line
# each, as backends and plugins do; they add to these:
#
#   test_programs  Check programs (tests/check_main.h). NAME is made of NAME.c and linked with
#                  $(LDADD), that is with all internals of libpeal. A program that loads plugins adds
#                  PATH_NAME_LDADD = $(public_ldadd): plugins bring libpeal.so with them, and two
#                  copies of the library in one process would not know of each other
#   test_scripts   shell scripts (NAME.sh, tests/tap.sh) that run what was built
#   build_scripts  shell scripts about the tree and the build itself: not affected by the backend
#   test_helpers   programs that tests call
#   test_plugins   shared objects that tests load
#   test_modules   the same, made by libtool
#   soak_tests     test programs and scripts that `make soak` runs long; they find PEAL_SOAK=1
test_programs =
test_scripts =
build_scripts =
test_helpers =
test_plugins =
test_modules =
soak_tests =

LDADD = libpeal_core.la $(CHECK_LIBS)
public_ldadd = libpeal.la $(CHECK_LIBS)
AM_CPPFLAGS += $(CHECK_CFLAGS)

EXTRA_DIST += \
	tests/check_main.h \
	tests/run \
	tests/seccomp.h \
	tests/stats_image.h \
	tests/summary \
	tests/tap.sh

# unit: one program per file of core.
test_programs += \
	tests/unit/test_alloc \
	tests/unit/test_backend \
	tests/unit/test_cpus \
	tests/unit/test_fresh \
	tests/unit/test_heap \
	tests/unit/test_inbox \
	tests/unit/test_log \
	tests/unit/test_machine \
	tests/unit/test_param \
	tests/unit/test_plugin_check \
	tests/unit/test_plugin_turn \
	tests/unit/test_sockaddr \
	tests/unit/test_stats \
	tests/unit/test_stats_find \
	tests/unit/test_stats_memory \
	tests/unit/test_stats_read
EXTRA_DIST += tests/unit/stats_help.h

# The contract of backends, and the fixture that tests of a backend may use as well.
test_programs += tests/contract/test_backends
ring_fixture = \
	tests/contract/ring/fault.c \
	tests/contract/ring/ring.c \
	tests/contract/ring/ring.h \
	tests/contract/ring/sockets.c
tests_contract_test_backends_SOURCES = tests/contract/test_backends.c $(ring_fixture) \
	tests/contract/ring/accept.c \
	tests/contract/ring/bells.c \
	tests/contract/ring/cancel.c \
	tests/contract/ring/connect.c \
	tests/contract/ring/faults.c \
	tests/contract/ring/life.c \
	tests/contract/ring/poll.c \
	tests/contract/ring/recv.c \
	tests/contract/ring/reuse.c \
	tests/contract/ring/send.c

test_programs += tests/contract/test_refused
test_programs += tests/contract/test_faults
tests_contract_test_faults_SOURCES = tests/contract/test_faults.c $(runtime_help)
EXTRA_DIST += tests/seccomp.h
# contract: whole runtimes, on every backend that works here.
runtime_help = tests/contract/runtime.c tests/contract/runtime.h
test_programs += \
	tests/contract/test_faults \
	tests/contract/test_io \
	tests/contract/test_life \
	tests/contract/test_refused \
	tests/contract/test_task
tests_contract_test_faults_SOURCES = tests/contract/test_faults.c $(runtime_help)
tests_contract_test_io_SOURCES = tests/contract/test_io.c $(runtime_help)
tests_contract_test_life_SOURCES = tests/contract/test_life.c $(runtime_help)
tests_contract_test_task_SOURCES = tests/contract/test_task.c $(runtime_help)

# contract, the loader and the plugins it is tried on: tests/contract/plugins/probe.h tells about them.
test_programs += \
	tests/contract/test_plugin_find \
	tests/contract/test_plugin_list \
	tests/contract/test_plugin_load \
	tests/contract/test_plugin_many \
	tests/contract/test_plugin_static \
	tests/contract/test_plugin_use
test_helpers += tests/contract/plugin_helper
probe = tests/contract/plugins/probe.h
plugin_files = tests/contract/plugin_files.c tests/contract/plugin_files.h
plugin_probe = tests/contract/plugin_probe.c tests/contract/plugin_probe.h $(plugin_files) $(probe)
tests_contract_test_plugin_find_SOURCES = tests/contract/test_plugin_find.c $(plugin_files)
tests_contract_test_plugin_list_SOURCES = tests/contract/test_plugin_list.c $(plugin_files)
tests_contract_test_plugin_load_SOURCES = tests/contract/test_plugin_load.c $(plugin_probe)
tests_contract_test_plugin_many_SOURCES = tests/contract/test_plugin_many.c $(plugin_probe)
tests_contract_test_plugin_use_SOURCES = tests/contract/test_plugin_use.c $(plugin_probe)
tests_contract_test_plugin_static_SOURCES = tests/contract/test_plugin_static.c \
	tests/contract/plugins/probe.c $(probe)
tests_contract_test_plugin_static_CPPFLAGS = $(AM_CPPFLAGS) -DPEAL_PLUGIN_STATIC=probe
# Not by libtool, which builds no shared objects where --disable-shared was given; the loader loads them
# there, too.
test_plugins = \
	tests/contract/plugins/function.so \
	tests/contract/plugins/later.so \
	tests/contract/plugins/needy.so \
	tests/contract/plugins/nosymbol.so \
	tests/contract/plugins/probe.so \
	tests/contract/plugins/tiny.so
EXTRA_DIST += $(test_plugins:.so=.c) $(probe)
CLEANFILES += $(test_plugins)
SUFFIXES = .so
.c.so:
	$(AM_V_CCLD)$(MKDIR_P) $(@D) && $(CC) $(DEFS) $(DEFAULT_INCLUDES) $(AM_CPPFLAGS) $(CPPFLAGS) \
		$(AM_CFLAGS) $(CFLAGS) -fPIC $(AM_LDFLAGS) $(LDFLAGS) -shared -o $@ $<
$(test_plugins): include/peal/plugin.h tests/contract/plugins/probe.c $(probe)
# This one brings libpeal.so. (-rpath makes libtool build a shared object of what is not installed.)
if ENABLE_SHARED
test_modules = tests/contract/plugins/client.la
tests_contract_plugins_client_la_LDFLAGS = $(plugin_ldflags) -rpath /nowhere
tests_contract_plugins_client_la_LIBADD = libpeal.la
endif

# peal: the command.
test_programs += tests/peal/test_output
tests_peal_test_output_SOURCES = tests/peal/test_output.c \
	tools/peal/output.c tools/peal/output.h tools/peal/stats_print.c tools/peal/stats_print.h
test_scripts += \
	tests/peal/test_doctor.sh \
	tests/peal/test_plugins.sh \
	tests/peal/test_run.sh \
	tests/peal/test_stat.sh
EXTRA_DIST += tests/peal/command.sh
test_helpers += tests/peal/stats_page
tests_peal_stats_page_LDADD = libpeal_core.la
test_helpers += tests/peal/json tests/peal/without_io_uring
tests_peal_json_LDADD =
tests_peal_without_io_uring_LDADD =

# stress
test_programs += tests/stress/test_storm
tests_stress_test_storm_SOURCES = tests/stress/test_storm.c $(runtime_help)
soak_tests += tests/stress/test_storm

# fuzz: targets run on their corpus and on variations of it; how to run them with libFuzzer stands in
# each. fuzz_NAME goes with corpus/NAME.
fuzz_main = tests/fuzz/fuzz.h tests/fuzz/main.c
test_programs += \
	tests/fuzz/fuzz_cgroup \
	tests/fuzz/fuzz_params \
	tests/fuzz/fuzz_stats_page
tests_fuzz_fuzz_cgroup_SOURCES = tests/fuzz/fuzz_cgroup.c $(fuzz_main)
tests_fuzz_fuzz_params_SOURCES = tests/fuzz/fuzz_params.c $(fuzz_main)
tests_fuzz_fuzz_stats_page_SOURCES = tests/fuzz/fuzz_stats_page.c $(fuzz_main)
EXTRA_DIST += tests/fuzz/corpus

# docs: what the documentation shows compiles and works.
test_scripts += tests/docs/test_docs.sh
test_helpers += tests/docs/client
tests_docs_client_LDADD =
EXTRA_DIST += docs/examples

# peal: the command.
test_programs += tests/peal/test_output
tests_peal_test_output_SOURCES = tests/peal/test_output.c \
	tools/peal/output.c tools/peal/output.h tools/peal/stats_print.c tools/peal/stats_print.h
test_scripts += tests/peal/test_stat.sh
test_helpers += tests/peal/stats_page
tests_peal_stats_page_LDADD = libpeal_core.la
test_scripts += tests/peal/test_doctor.sh
test_helpers += tests/peal/json tests/peal/without_io_uring
tests_peal_json_LDADD =
tests_peal_without_io_uring_LDADD =

# build: the tree and the build themselves.
build_scripts += \
	tests/build/test_new_folder.sh \
	tests/build/test_install.sh \
	tests/build/test_tidy.sh \
	tests/build/test_headers.sh \
	tests/build/test_abi.sh
EXTRA_DIST += \
	tests/build/application.c \
	tests/build/new_folder.c \
	tests/build/scratch.sh

dist_check_SCRIPTS = $(test_scripts) $(build_scripts)

if HAVE_CHECK
check_PROGRAMS = $(test_programs) $(test_helpers)
check_DATA = $(test_plugins)
check_LTLIBRARIES = $(test_modules)
# The slow ones first, so that the others fill the second core meanwhile.
TESTS = $(build_scripts) $(test_scripts) $(test_programs)
else
check-local:
	@echo 'make check needs the Check library: apt-get install check, then configure again' >&2; exit 1
endif

# tests/run gives each test a folder for its files and a time limit, and knows how a Check case skips.
# PEAL_SANITIZER tells a test what it runs under, so that it can do less: nothing, address,undefined,
# thread, or valgrind.
TEST_EXTENSIONS = .sh
LOG_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(srcdir)/tools/aux/tap-driver.sh
SH_LOG_DRIVER = $(LOG_DRIVER)
LOG_COMPILER = $(SHELL) $(srcdir)/tests/run
SH_LOG_COMPILER = $(LOG_COMPILER)
AM_TESTS_ENVIRONMENT = \
	CK_TAP_LOG_FILE_NAME=-; CK_VERBOSITY=silent; \
	CK_TIMEOUT_MULTIPLIER=$${CK_TIMEOUT_MULTIPLIER:-$(TEST_SLOWDOWN)}; \
	PEAL_PLUGIN_PATH='$(abs_builddir)/plugins/.libs'; \
	PEAL_SRCDIR='$(abs_srcdir)'; PEAL_BUILDDIR='$(abs_builddir)'; \
	PEAL_SANITIZER=$${PEAL_SANITIZER:-$(SANITIZER)}; \
	CC='$(CC)'; CXX='$(CXX)'; \
	export CK_TAP_LOG_FILE_NAME CK_VERBOSITY CK_TIMEOUT_MULTIPLIER PEAL_PLUGIN_PATH \
		PEAL_SRCDIR PEAL_BUILDDIR PEAL_SANITIZER CC CXX;

# Parts of make check, for running them again in other ways (.ci/run does): what depends on the backend,
# and of that the programs alone.
check-runtime: all $(check_PROGRAMS) $(check_LTLIBRARIES) $(check_DATA)
	$(MAKE) check-TESTS TESTS='$(test_scripts) $(test_programs)'
check-programs: all $(check_PROGRAMS) $(check_LTLIBRARIES) $(check_DATA)
	$(MAKE) check-TESTS TESTS='$(test_programs)'

# Longer than any commit should wait for.
soak: all $(check_PROGRAMS) $(check_LTLIBRARIES) $(check_DATA)
	PEAL_SOAK=1 PEAL_TEST_SECONDS=$${PEAL_TEST_SECONDS:-14400} \
	CK_TIMEOUT_MULTIPLIER=$${CK_TIMEOUT_MULTIPLIER:-10000} \
		$(MAKE) check-TESTS TESTS='$(soak_tests)'

.PHONY: check-runtime check-programs soak
