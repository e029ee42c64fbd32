#!/bin/sh
# SPDX-License-Identifier: MIT
# Every benchmark runs once with as little work as possible; each row and variant says what it found, or
# why it was left out. Benchmarks check their own results.
. "$PEAL_SRCDIR/tests/tap.sh"

# A small tree for du.
PEAL_PERF_TREE=$PEAL_SRCDIR/perf
export PEAL_PERF_TREE

smokes() {
	"$1" --smoke --json >"$TMPDIR/out" && "$1" --list | cut -d ' ' -f 1 >"$TMPDIR/list" &&
		sed -n 's/^{"name":"\([^"]*\)","variant":"\([^"]*\)",.*/\1\/\2/p' "$TMPDIR/out" |
		diff "$TMPDIR/list" - && ! grep -E ':-?(nan|inf)|"value":-' "$TMPDIR/out"
}

for program in $PEAL_PERF_PROGRAMS; do
	tap_ok "$program" smokes "$PEAL_BUILDDIR/$program"
done
tap_done
