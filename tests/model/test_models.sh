#!/bin/sh
# SPDX-License-Identifier: MIT
# The protocols, checked by Spin: nothing bad happens, and what should happen does (under weak fairness).
# With PEAL_MODELS=all (.ci/run models) also every mutation of them, each of which must be found.
. "$PEAL_SRCDIR/tests/tap.sh"

command -v spin >/dev/null || tap_skip_all "spin is not installed (apt-get install spin)"
work=$(mktemp -d) || exit 99
trap 'rm -rf "$work"' EXIT

# checker NAME FOLDER OPTION...: makes $work/FOLDER/safe and, for liveness, live. Without the flags of the
# build, which may be those of a sanitizer.
checker() (
	model=$1
	mkdir -p "$work/$2" && cd "$work/$2" || exit
	shift 2
	spin "$@" -a "$PEAL_SRCDIR/tests/model/$model.pml" >spin.log 2>&1 || { cat spin.log; exit 1; }
	$CC -O1 -w -DNOCLAIM -o safe pan.c && $CC -O1 -w -o live pan.c
)

# found FOLDER CHECKER OPTION...: did the checker look at everything? 0: and found nothing wrong, 1: an
# error, 2: it could not finish.
found() (
	cd "$work/$1" || exit 2
	shift
	program=./$1
	shift
	timeout 600 "$program" "$@" >pan.log 2>&1
	grep -E '^pan:1|^State-vector' pan.log
	! grep -Eq 'max search depth too small|out of memory|^pan: reached' pan.log || exit 2
	case $(sed -n 's/^State-vector.*errors: //p' pan.log) in
	0) exit 0 ;;
	1) exit 1 ;;
	esac
	tail -n 5 pan.log
	exit 2
)

# holds NAME
holds() {
	checker "$1" "$1" && found "$1" safe -m1000000 && found "$1" live -a -f -m1000000
}

# breaks NAME NUMBER: safety, or if that is untouched, liveness.
breaks() {
	folder=$1.$2
	checker "$1" "$folder" "-DMUTATION=$2" || return
	found "$folder" live -a -f -m1000000
	[ $? != 1 ] || return 0
	found "$folder" safe -m1000000
	[ $? = 1 ]
}

# mutations NAME: their numbers, with what each does.
mutations() {
	sed -n 's|^#.*MUTATION [!=]= \([0-9]*\) /\* \(.*\) \*/$|\1 \2|p' "$PEAL_SRCDIR/tests/model/$1.pml" | sort -nu
}

for model in inbox msg wake watch; do
	tap_ok "$model: the protocol holds" holds $model
	[ "${PEAL_MODELS-}" = all ] || continue
	mutations $model >"$work/$model.mutations"
	while read -r number what; do
		tap_ok "$model: found: $what" breaks $model "$number"
	done <"$work/$model.mutations"
done
tap_done
