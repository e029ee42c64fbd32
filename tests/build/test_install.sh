#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` puts down is what applications outside the tree need: they build against it with
# pkg-config and run; `make uninstall` leaves nothing. Also looks at how the library is linked.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/build/scratch.sh"

command -v pkg-config >/dev/null || tap_skip_all 'pkg-config is not installed'

tree=$TMPDIR/tree
build=$TMPDIR/build
root=$TMPDIR/root
library=$root/lib/libpeal.so
scratch_tree "$tree" && mkdir "$build" && cd "$build" || exit 1
PKG_CONFIG_PATH=$root/lib/pkgconfig
LD_LIBRARY_PATH=$root/lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH

build_it() {
	scratch_configure "$tree/configure" --prefix="$root" && make -j2
}

files_in() {
	find "$1" ! -type d | sed "s|^$1||" | LC_ALL=C sort
}

# The same files as without DESTDIR, and none outside of it.
destdir_holds_all() {
	make -s install DESTDIR="$TMPDIR/stage" && [ ! -e "$root" ] &&
		files_in "$TMPDIR/stage$root" >"$TMPDIR/staged" &&
		make -s install && files_in "$root" | diff "$TMPDIR/staged" -
}

# application LANGUAGE COMPILER...: build a program with nothing but pkg-config's flags, and run it.
application() {
	language=$1
	shift
	flags=$(pkg-config --cflags --libs peal) || return 1
	"$@" -x "$language" "$PEAL_SRCDIR/tests/build/application.c" -x none -o "$TMPDIR/application" \
		$flags &&
		"$TMPDIR/application" "$(pkg-config --modversion peal)"
}

# The same for what is written with the headers of C++.
example() {
	flags=$(pkg-config --cflags --libs peal) || return 1
	$CXX -std=c++17 "$PEAL_SRCDIR/docs/examples/cpp.cc" -o "$TMPDIR/example" $flags &&
		"$TMPDIR/example" | grep -x 'caught: part 3 is broken'
}

# The loader resolves all at once and nothing is writable later; no stack is executable.
linked_safely() {
	readelf -dlW "$1" >"$TMPDIR/elf" || return 1
	grep -q 'GNU_RELRO' "$TMPDIR/elf" && grep -q 'BIND_NOW' "$TMPDIR/elf" &&
		! grep -q 'TEXTREL' "$TMPDIR/elf" && grep -q 'GNU_STACK.* RW ' "$TMPDIR/elf" && return 0
	cat "$TMPDIR/elf"
	return 1
}

tap_ok 'configure and make, out of tree' build_it
tap_ok 'make install DESTDIR=... and make install agree' destdir_holds_all
tap_ok 'the SONAME is libpeal.so.0' sh -c 'readelf -d "$1" | grep "SONAME.*\[libpeal\.so\.0\]"' sh "$library"
for file in "$library" "$root"/lib/peal/plugins-0/*.so "$root"/bin/*; do
	[ ! -f "$file" ] || tap_ok "${file#"$root"/} is linked safely" linked_safely "$file"
done
tap_ok 'a C application builds and runs' application c $CC
if command -v ${CXX%% *} >/dev/null; then
	tap_ok 'a C++ application builds and runs' application c++ $CXX
	tap_ok 'one that takes peal.hpp builds and runs' example
else
	tap_skip 'a C++ application builds and runs' 'no C++ compiler'
	tap_skip 'one that takes peal.hpp builds and runs' 'no C++ compiler'
fi
tap_ok 'gdb finds its script by the name of the library' \
	test -f "$root/share/gdb/auto-load$(realpath "$library")-gdb.py"
tap_ok 'make uninstall leaves no file' sh -c 'make -s uninstall && [ -z "$(find "$1" ! -type d)" ]' sh "$root"
tap_done
