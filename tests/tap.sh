# SPDX-License-Identifier: MIT
# TAP for shell tests: `. "$PEAL_SRCDIR/tests/tap.sh"`, then one line per case, and tap_done at the end.
# shellcheck shell=sh

tap_count=0

# tap_ok NAME COMMAND...: the case passes if the command succeeds. Its output goes to the log.
tap_ok() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@" >&2; then
		echo "ok $tap_count - $tap_name"
	else
		echo "not ok $tap_count - $tap_name"
	fi
}

# tap_skip NAME REASON
tap_skip() {
	tap_count=$((tap_count + 1))
	echo "ok $tap_count - $1 # SKIP $2"
}

# tap_skip_all REASON: the whole script is of no use here.
tap_skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

tap_done() {
	echo "1..$tap_count"
}
