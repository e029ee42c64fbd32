# SPDX-License-Identifier: MIT
# What gdb is told about fibers (tools/gdb), in live processes and in dumps.
test_scripts += tests/gdb/test_gdb.sh
test_helpers += tests/gdb/parked
tests_gdb_parked_LDADD = libpeal.la
