#!/bin/sh
# SPDX-License-Identifier: MIT
# Every public header compiles alone, as strict C11 and as C++17, without a warning; those that are for C++
# only, as C++17 and as C++20.
. "$PEAL_SRCDIR/tests/tap.sh"

warnings='-Wall -Wextra -Werror -pedantic'

# compiles HEADER COMPILER...
compiles() {
	header=$1
	shift
	printf '#include <%s>\nint alone(void);\nint alone(void) { return 0; }\n' "$header" >"$TMPDIR/alone.c" &&
		"$@" $warnings -I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" -fsyntax-only "$TMPDIR/alone.c"
}

cd "$PEAL_SRCDIR" || exit 1
for file in include/peal/*.h plugins/*/*.h; do
	name=${file##*/}
	case $file in
	include/*) header=peal/$name ;;
	plugins/"${name%.h}"/*) header=peal/plugins/$name ;;
	*) continue ;;
	esac
	[ -f "$file" ] || continue
	tap_ok "$header is C11" compiles "$header" $CC -std=c11
	if command -v ${CXX%% *} >/dev/null; then
		tap_ok "$header is C++17" compiles "$header" $CXX -std=c++17 -x c++
	else
		tap_skip "$header is C++17" 'no C++ compiler'
	fi
	tap_ok "$header has no atomics" sh -c '! grep -n "stdatomic\|_Atomic" "$1"' sh "$file"
done
for file in include/peal/*.hpp; do
	header=peal/${file##*/}
	for standard in 17 20; do
		if command -v ${CXX%% *} >/dev/null; then
			tap_ok "$header is C++$standard" compiles "$header" $CXX -std=c++$standard -x c++
		else
			tap_skip "$header is C++$standard" 'no C++ compiler'
		fi
	done
done
tap_done
