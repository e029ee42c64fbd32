#!/bin/sh
# SPDX-License-Identifier: MIT
# `peal doctor` on this machine, and on worse ones: under limits, without io_uring, without privileges.
. "$PEAL_SRCDIR/tests/tap.sh"

peal=$PEAL_BUILDDIR/tools/peal/peal
helpers=$PEAL_BUILDDIR/tests/peal
out=$TMPDIR/out
unset PEAL_BACKEND
PEAL_PLUGIN_PATH=$TMPDIR/plugins
export PEAL_PLUGIN_PATH
mkdir "$PEAL_PLUGIN_PATH"

# gives STATUS COMMAND...: with that exit code, its output in $out.
gives() {
	want=$1
	shift
	"$@" >"$out" 2>&1
	status=$?
	[ $status = "$want" ] && return
	cat "$out"
	echo "exit code $status, not $want"
	return 1
}

# answers COMMAND...: with 0 or 1, whatever this machine gives reason for.
answers() {
	"$@" >"$out" 2>&1
	status=$?
	[ $status -le 1 ] && return
	cat "$out"
	return 1
}

# says VERDICT CHECK TEXT: there is such a line.
says() {
	grep -Eq "^  $1 +$2 .*$3" "$out" && return
	echo "no line \"$1 $2 ... $3\" in:"
	cat "$out"
	return 1
}

# Nothing is wrong here, or what is wrong is said.
plain() {
	answers "$peal" doctor || return
	if [ $status = 0 ]; then
		! grep '^  warning ' "$out" || return
	else
		grep '^  warning ' "$out" || return
	fi
	for section in system limits BPF plugins Peal; do
		grep -qx "$section" "$out" || return
	done
	says ok kernel "$(uname -r)" && says ok version '[0-9.]+' && says ok backend ':' &&
		says ok shards ' [0-9]+, ' && says ok stacks KiB
}

# The same checks in both forms.
json() {
	"$peal" doctor >"$out"
	"$peal" doctor --json >"$out.json"
	"$helpers/json" <"$out.json" &&
		[ "$(grep -c '^    {"section": "' "$out.json")" = "$(grep -c '^  [a-z]' "$out")" ] &&
		grep -q "^  \"warnings\": $(grep -c '^  warning ' "$out")\$" "$out.json"
}

cpu_set() {
	answers taskset -c "$(taskset -cp $$ | sed 's/.*[ ,-]//')" "$peal" doctor &&
		says ok CPUs ' 1 \(' && says ok shards ' 1, each tied'
}

few_files() {
	gives 1 sh -c 'ulimit -n 256 && exec "$1" doctor' sh "$peal" && says warning 'open files' '256'
}

without_io_uring() {
	gives 1 "$helpers/without_io_uring" "$peal" doctor && grep -qx 'backend uring' "$out" &&
		says warning probe seccomp && says ok seccomp 'mode 2' &&
		says ok backend 'epoll: uring refused'
}

unknown_backend() {
	gives 1 env PEAL_BACKEND=nonsense "$peal" doctor && says warning runtime 'nonsense.*PEAL_BACKEND'
}

refused_plugin() {
	: >"$PEAL_PLUGIN_PATH/broken.so"
	gives 1 "$peal" doctor && says warning broken refused
	result=$?
	rm "$PEAL_PLUGIN_PATH/broken.so"
	return $result
}

# Still root, so that the build tree can be read.
no_capabilities() {
	answers setpriv --bounding-set -all --inh-caps -all --no-new-privs "$peal" doctor &&
		says missing CAP_BPF 'run as root' && says missing CAP_SYS_ADMIN 'run as root'
}

wrong_arguments() {
	gives 2 "$peal" doctor --nonsense && gives 2 "$peal" doctor nonsense
}

tap_ok 'this machine' plain
tap_ok '--json says the same' json
tap_ok 'a warning makes the exit code 1' few_files
tap_ok 'wrong arguments make it 2' wrong_arguments
if command -v taskset >/dev/null; then
	tap_ok 'the CPU set' cpu_set
else
	tap_skip 'the CPU set' 'no taskset'
fi
"$peal" doctor >"$out"
if ! grep -qx 'backend uring' "$out" || ! grep -qx 'backend epoll' "$out"; then
	tap_skip 'io_uring refused' 'built without uring or epoll'
elif "$helpers/without_io_uring" true 2>/dev/null; then
	tap_ok 'io_uring refused' without_io_uring
else
	tap_skip 'io_uring refused' 'no seccomp filters here'
fi
tap_ok 'an unknown backend' unknown_backend
tap_ok 'a refused plugin' refused_plugin
if [ "$(id -u)" = 0 ] && setpriv --bounding-set -all --inh-caps -all true 2>/dev/null; then
	tap_ok 'no capabilities' no_capabilities
else
	tap_skip 'no capabilities' 'needs root and setpriv'
fi
tap_done
