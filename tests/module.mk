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
	tests/tap.sh \
	tests/valgrind.supp

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
