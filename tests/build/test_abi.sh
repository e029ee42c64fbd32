#!/bin/sh
# SPDX-License-Identifier: MIT
# The library exports what core/libpeal.map lists, no less and no more, and the structs of the public
# headers have the sizes of core/libpeal.abi. (tools/tidy compares the map with the headers.)
. "$PEAL_SRCDIR/tests/tap.sh"

library=$PEAL_BUILDDIR/.libs/libpeal.so

exports_the_map() {
	sed -n 's/^	\(peal_[a-z0-9_]*\);$/\1/p' "$PEAL_SRCDIR/core/libpeal.map" | LC_ALL=C sort >"$TMPDIR/listed"
	nm -D --defined-only "$library" | sed -n 's/.* [A-Z] \(.*\)@@PEAL_.*/\1/p' | LC_ALL=C sort >"$TMPDIR/exported"
	[ -s "$TMPDIR/exported" ] && diff "$TMPDIR/listed" "$TMPDIR/exported"
}

exports_no_other() {
	! nm -D --defined-only "$library" | grep -v '@@PEAL_\| A PEAL_'
}

same_sizes() {
	"$PEAL_SRCDIR/tools/gen/abi" "$PEAL_BUILDDIR/include" | diff "$PEAL_SRCDIR/core/libpeal.abi" -
}

if [ -f "$library" ]; then
	tap_ok 'every public name is exported' exports_the_map
	tap_ok 'no other name is' exports_no_other
else
	tap_skip 'every public name is exported' 'configured without shared libraries'
	tap_skip 'no other name is' 'configured without shared libraries'
fi
tap_ok 'public structs have their sizes (make update-abi)' same_sizes
tap_done
