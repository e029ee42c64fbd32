#!/bin/sh
# SPDX-License-Identifier: MIT
# peal.hpp with every C++ compiler that there is: test_cpp, as C++17 by the others, and as C++20 by the
# one that the library was built with (which make has used for C++17). It passes with each, and without a
# warning.
. "$PEAL_SRCDIR/tests/tap.sh"

warnings='-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Werror'

# All of its parts as one, which is compiled in a third of the time.
for source in tests/contract/test_cpp.cc "$PEAL_SRCDIR"/tests/contract/cpp/*.cc; do
	echo "#include \"${source#"$PEAL_SRCDIR"/}\""
done >"$TMPDIR/test_cpp.cc"

# No case failed, and there are cases.
passes() {
	timeout 200 "$1" >"$1.tap" && grep -q '^ok ' "$1.tap" && ! grep '^not ok ' "$1.tap"
}

check_cflags=$(pkg-config --cflags check) check_libs=$(pkg-config --libs check)

# tried COMPILER...
tried() {
	"$PEAL_BUILDDIR/libtool" --silent --tag=CXX --mode=link "$@" \
		${PEAL_SANITIZER:+-fsanitize=$PEAL_SANITIZER} $warnings -g -pthread \
		-include "$PEAL_BUILDDIR/config.h" -I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" \
		-I"$PEAL_SRCDIR" $check_cflags -o "$TMPDIR/test_cpp" "$TMPDIR/test_cpp.cc" \
		"$PEAL_BUILDDIR/tests/contract/runtime.o" "$PEAL_BUILDDIR/libpeal_core.la" \
		$check_libs &&
		passes "$TMPDIR/test_cpp"
}

# A sanitizer's runtime is that of the library's compiler.
tap_ok "$CXX, C++20" tried $CXX -std=c++20 -O0
for compiler in g++ clang++; do
	if [ "$compiler" = "$CXX" ] || [ -n "$PEAL_SANITIZER" ]; then
		continue
	elif command -v $compiler >/dev/null; then
		tap_ok "$compiler, C++17" tried $compiler -std=c++17 -O2
	else
		tap_skip "$compiler, C++17" 'it is not installed'
	fi
done
tap_done
