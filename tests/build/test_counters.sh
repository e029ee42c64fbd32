#!/bin/sh
# SPDX-License-Identifier: MIT
# core/counters.tbl: what is written there is counted and documented, and a line that breaks its rules
# stops the build with its number.
. "$PEAL_SRCDIR/tests/tap.sh"

table=$PEAL_SRCDIR/core/counters.tbl

generate() {
	${AWK:-awk} -f "$PEAL_SRCDIR/tools/gen/counters.awk" "$@"
}

names() {
	awk '!/^[ \t]*(#|$)/ { sub(/\[.*/, "", $1); print $1 }' "$table"
}

# A macro of core/stats/stats.h or core/runtime/shard.h names it, somewhere in core or a backend.
counted() {
	for name in $(names); do
		grep -rqE "(COUNT|COUNT_ADD|peal_(count|gauge|max)[a-z_]*)\([^;]*[^a-z0-9_]${name}[^a-z0-9_]" \
			"$PEAL_SRCDIR/core" "$PEAL_SRCDIR/backends" --include='*.c' || {
			echo "nobody counts $name"
			return 1
		}
	done
}
tap_ok 'every counter is counted somewhere' counted

documented() {
	for name in $(names); do
		grep -q "^\.It Va $name Pq " "$PEAL_BUILDDIR/gen/peal-counters.7" &&
			grep -q "^| \`$name\` |" "$PEAL_BUILDDIR/gen/counters.md" &&
			grep -q "^	X($name, " "$PEAL_BUILDDIR/gen/counters.h" || {
			echo "$name is missing"
			return 1
		}
	done
}
tap_ok 'every counter is in the header, the manual and the table of the documentation' documented

# refuses WHAT LINE WHY: a table with that line after a good one.
refuses() {
	printf 'good counter 1 group Help.\n%s\n' "$1" >"$TMPDIR/bad.tbl"
	! generate -v output=header "$TMPDIR/bad.tbl" >"$TMPDIR/out" 2>"$TMPDIR/err" &&
		grep -qF "bad.tbl:2: $2" "$TMPDIR/err" || {
		cat "$TMPDIR/out" "$TMPDIR/err"
		return 1
	}
}

bad_lines() {
	refuses 'few counter 1 group' 'name, kind, unit, group and help are needed' &&
		refuses 'Bad counter 1 group Help.' 'not a name: Bad' &&
		refuses '2bad counter 1 group Help.' 'not a name: 2bad' &&
		refuses 'a_name_that_has_32_bytes_which_is counter 1 group Help.' 'not a name' &&
		refuses 'good counter 1 group Help.' 'good is there already' &&
		refuses 'array[0] counter 1 group Help.' 'an array has 1 to 512 values' &&
		refuses 'array[513] counter 1 group Help.' 'an array has 1 to 512 values' &&
		refuses 'some thing 1 group Help.' 'unknown kind thing' &&
		refuses 'some counter metres group Help.' 'unit must be 1, ns or bytes, not metres' &&
		refuses 'some state one group Help.' "a state's unit is its words" &&
		refuses 'some counter 1 a.group Help.' 'not a group: a.group' &&
		refuses 'some counter 1 group help.' 'help is a sentence' &&
		refuses 'some counter 1 group Help' 'help is a sentence' &&
		refuses 'some counter 1 group A "quote".' 'help is a sentence' &&
		refuses "some counter 1 group A$(printf '%0127d' 0)." 'help is a sentence'
}
tap_ok 'a line that breaks the rules is refused' bad_lines

arrays() {
	printf 'from[4] counter bytes group Help.\n' >"$TMPDIR/good.tbl"
	generate -v output=header "$TMPDIR/good.tbl" >"$TMPDIR/out" &&
		grep -qF 'PEAL_ATOMIC(uint64_t) from[4];' "$TMPDIR/out" &&
		grep -qF 'X(from, PEAL_KIND_COUNTER, "bytes", "group", 4, "Help.")' "$TMPDIR/out"
}
tap_ok 'a counter may be an array' arrays

templates() {
	! generate -v output=mdoc -v template=/dev/null "$table" >/dev/null 2>"$TMPDIR/err" &&
		grep -q 'no line @COUNTERS@' "$TMPDIR/err" &&
		! generate -v output=nonsense "$table" >/dev/null 2>&1
}
tap_ok 'a manual without a place for the counters is refused' templates

manuals() {
	set -- "$PEAL_BUILDDIR/gen/peal-counters.7" "$PEAL_SRCDIR"/tools/peal/*.1
	mandoc -Tlint -Wwarning "$@"
}
if command -v mandoc >/dev/null; then
	tap_ok 'the manual pages are well formed' manuals
else
	tap_skip 'the manual pages are well formed' 'mandoc is not installed'
fi

tap_done
