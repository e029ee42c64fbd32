#!/bin/sh
# SPDX-License-Identifier: MIT
# The macros of peal/scope.h, without a warning and doing what they should, on every compiler that there
# is: strict C11, and C++17 with exceptions that leave scopes.
. "$PEAL_SRCDIR/tests/tap.sh"

warnings='-Wall -Wextra -Wpedantic -Werror'
folder=$PEAL_SRCDIR/tests/contract/compilers

# build TAG SOURCE PROGRAM COMPILER...
build() {
	tag=$1
	source=$2
	program=$3
	shift 3
	"$PEAL_BUILDDIR/libtool" --silent --tag="$tag" --mode=link "$@" \
		${PEAL_SANITIZER:+-fsanitize=$PEAL_SANITIZER} $warnings -g -pthread -fexceptions \
		-I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" -o "$program" "$source" \
		"$PEAL_BUILDDIR/libpeal.la"
}

in_c() {
	build CC "$folder/scopes.c" "$TMPDIR/scopes" "$@" -Wshadow && timeout 60 "$TMPDIR/scopes"
}

# Only gcc accepts the program; it ends when it leaves the block that it has not entered.
jumps() {
	in_c "$@" || return
	timeout 60 "$TMPDIR/scopes" jump
	[ $? = 7 ]
}

in_cxx() {
	build CXX "$folder/scopes.cc" "$TMPDIR/scopes++" "$@" && timeout 60 "$TMPDIR/scopes++"
}

# What the library was built with, and the others. A sanitizer's runtime is that of the library's compiler.
others() {
	for compiler in "$@"; do
		[ -n "$PEAL_SANITIZER$(printf '%s\n' "$CC" "$CXX" | grep -x "$compiler")" ] || echo "$compiler"
	done
}

for compiler in "$CC" $(others gcc clang); do
	command -v ${compiler%% *} >/dev/null || continue
	for level in -O0 -O2; do
		tap_ok "$compiler $level, C11" in_c $compiler -std=c11 $level
	done
	if ! $compiler --version | grep -q clang; then
		tap_ok "$compiler: a jump into a block" jumps $compiler -std=c11
	fi
done
for compiler in "$CXX" $(others g++ clang++); do
	command -v ${compiler%% *} >/dev/null || continue
	for level in -O0 -O2; do
		tap_ok "$compiler $level, C++17" in_cxx $compiler -std=c++17 $level
	done
done
tap_done
