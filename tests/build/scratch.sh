# SPDX-License-Identifier: MIT
# For tests that build: a copy of the source tree, without what was built in it.
# shellcheck shell=sh

# scratch_tree FOLDER
scratch_tree() {
	mkdir -p "$1"
	for part in .clang-format .editorconfig CHANGELOG.md CONTRIBUTING.md LICENSE README.md Makefile.am \
		Makefile.in aclocal.m4 autogen.sh config.h.in configure configure.ac quickstart list.mk \
		backends core docs include perf plugins tests tools; do
		[ ! -e "$PEAL_SRCDIR/$part" ] || cp -RPp "$PEAL_SRCDIR/$part" "$1/" || return 1
	done
	chmod -R u+w "$1"
	# Left by a build in the source tree.
	rm -rf "$1/include/peal/plugins"
	find "$1" \( -name .libs -o -name .deps \) -prune -exec rm -rf {} +
	find "$1" \( -name '*.o' -o -name '*.lo' -o -name '*.la' -o -name '*.log' -o -name '*.trs' -o \
		-name .dirstamp \) -exec rm -f {} +
}

# What is built twice for a test need not be fast.
scratch_configure() {
	"$@" --quiet --disable-static --disable-dependency-tracking CFLAGS='-O0' CXXFLAGS='-O0'
}
