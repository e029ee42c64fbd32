# SPDX-License-Identifier: MIT
# What the tests of `peal` share: running it, and looking at what it said.
# shellcheck shell=sh disable=SC2034 # for those who source it

peal=$PEAL_BUILDDIR/tools/peal/peal
out=$TMPDIR/out
err=$TMPDIR/err

# code N COMMAND...: it ends with that code; its output is in $out and $err.
code() {
	expected=$1
	shift
	code=0
	"$@" >"$out" 2>"$err" || code=$?
	[ "$code" -eq "$expected" ] || {
		echo "exit code $code, not $expected: $*"
		cat "$out" "$err"
		return 1
	}
}

# matches FILE REGEX...: each matches a line of the file.
matches() {
	file=$1
	shift
	for regex; do
		grep -Eq -e "$regex" "$file" || {
			echo "nothing matches $regex in"
			cat "$file"
			return 1
		}
	done
}

# shows REGEX..., says REGEX...: the same of the output, of the errors.
shows() { matches "$out" "$@"; }
says() { matches "$err" "$@"; }
