#!/bin/sh
# SPDX-License-Identifier: MIT
# A backend and a plugin are added by adding one folder each: in a copy of the tree, null becomes
# `twin` and hello becomes `greeter`, and no other file is touched. Both are built, pass their own tests
# under the new name, and a program runs on the one and loads the other.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/build/scratch.sh"

for tool in autoconf automake libtoolize; do
	command -v $tool >/dev/null || tap_skip_all "$tool is not installed"
done

tree=$TMPDIR/tree
build=$TMPDIR/build
scratch_tree "$tree" && mkdir "$build" || exit 1

# add_folder KIND OLD NEW: copy backends/OLD to backends/NEW, with OLD replaced in file names and where
# it is a word of its own or part of a name. (The C word NULL stays; BACKEND_NULL does not.)
add_folder() {
	cp -R "$tree/$1/$2" "$tree/$1/$3" || return 1
	upper_old=$(echo "$2" | tr a-z A-Z)
	upper_new=$(echo "$3" | tr a-z A-Z)
	for file in "$tree/$1/$3"/*; do
		sed -e "s/\\(^\\|[^a-z]\\)$2/\\1$3/g" -e "s/_$upper_old\\([^A-Z]\\|\$\\)/_$upper_new\\1/g" "$file" >"$file.new" &&
			mv "$file.new" "$(echo "$file" | sed "s/$2\\([^/]*\\)\$/$3\\1/")" || return 1
	done
	rm -f "$tree/$1/$3"/*"$2"*
}

build_it() {
	cd "$build" &&
		scratch_configure "$tree/configure" &&
		make generated &&
		make -j2 libpeal.la plugins/greeter.la backends/twin/test_twin plugins/greeter/test_greeter
}

# Its own test, as make check runs it.
passes() {
	cd "$build" && make check-TESTS TESTS="$1" && ! grep -q 'test-result: FAIL' "$1.trs" && grep -q 'test-result: PASS' "$1.trs"
}

program_runs() {
	cd "$build" &&
		$CC -o program -Iinclude -I"$tree/include" "$tree/tests/build/new_folder.c" \
			-L.libs -lpeal -Wl,-rpath,"$build/.libs" &&
		PEAL_BACKEND=twin PEAL_PLUGIN_PATH=$build/plugins/.libs ./program twin greeter
}

tap_ok 'a backend is copied' add_folder backends null twin
tap_ok 'a plugin is copied' add_folder plugins hello greeter
tap_ok 'autogen.sh finds them' sh -c 'cd "$1" && ./autogen.sh' sh "$tree"
tap_ok 'they have all their parts, and nothing else knows them' "$tree/tools/tidy" parts lists names layers
tap_ok 'configure and make build them' build_it
tap_ok "the backend's test passes" passes backends/twin/test_twin
tap_ok "the plugin's test passes" passes plugins/greeter/test_greeter
tap_ok 'a program runs on the one and loads the other' program_runs
tap_ok 'configure leaves core alone' test -f "$tree/core/base/fatal.c" -a -d "$build/core" -a ! -e "$build/confdefs.h"
tap_done
