#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes ./configure out of a checkout: gathers the build fragments of the folders in backends/,
# plugins/ and tests/, then runs the autotools.
#
#   autogen.sh             everything
#   autogen.sh configure   the script alone, from what is there (make calls this when configure.ac changed)
set -eu
cd "$(dirname "$0")"

die() {
	printf 'autogen.sh: %s\n' "$*" >&2
	exit 1
}

# Everything that is missing, at once, by the names of Debian's packages.
check_tools() {
	missing=
	command -v autoconf >/dev/null || missing="$missing autoconf"
	command -v automake >/dev/null || missing="$missing automake"
	command -v libtoolize >/dev/null || missing="$missing libtool"
	command -v m4 >/dev/null || missing="$missing m4"
	command -v pkg-config >/dev/null || missing="$missing pkg-config"
	[ -z "$missing" ] || die "missing:$missing (apt-get install$missing)"
}

# autoconf's scripts remove core dumps with `rm -f core`. core/ is a folder here (in the source tree
# and in every build directory): that would fail with noise and leave files behind.
spare_core() {
	sed -e 's/\(rm -f\) core \(conftest\)/\1 \2/' -e 's/\(rm -f\) core \(\*\.core\)/\1 \2/' \
		configure >configure.tmp
	! grep -n 'rm -[rf]*\([^;&|]* \)* core\( \|$\)' configure.tmp >&2 ||
		die "configure still removes core; teach spare_core() the lines above"
	cat configure.tmp >configure # keeps the mode
	rm -f configure.tmp
}

check_tools
case ${1-} in
'')
	tools/gen/lists m4 >tools/m4/list.m4
	tools/gen/lists mk >list.mk
	mkdir -p tools/aux
	autoreconf --install --force
	;;
configure)
	autoconf --force
	;;
*)
	die "usage: autogen.sh [configure]"
	;;
esac
spare_core
