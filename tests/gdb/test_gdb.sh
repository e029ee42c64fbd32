#!/bin/sh
# SPDX-License-Identifier: MIT
# tools/gdb/peal-gdb.py in gdb: fibers are listed, and their stacks found, in a live process, which goes on
# afterwards; in a dump; and with a libpeal that was stripped.
. "$PEAL_SRCDIR/tests/tap.sh"

script=$PEAL_SRCDIR/tools/gdb/peal-gdb.py
export DEBUGINFOD_URLS=
unset PEAL_PLUGIN_PATH

[ -z "$PEAL_SANITIZER" ] || tap_skip_all 'sanitizers do not work under a debugger'
command -v gdb >/dev/null || tap_skip_all 'gdb is not installed'
gdb -nx -batch -ex 'python import gdb.unwinder' 2>&1 | grep . && tap_skip_all 'this gdb has no Python'
gdb -nx -batch -ex run /bin/true 2>&1 | grep -q 'exited normally' ||
	tap_skip_all 'gdb may not trace processes here'

log=

# session NAME ARGUMENTS...: gdb does what $TMPDIR/commands says; what it prints is in $log.
session() {
	log=$TMPDIR/$1.log
	shift
	timeout 120 "$PEAL_BUILDDIR/libtool" --mode=execute gdb -nx -q -batch -iex 'set pagination off' \
		-iex "source $script" -x "$TMPDIR/commands" "$@" >"$log" 2>&1
	cat "$log"
}

# What the log has between two marks.
part() {
	sed -n "/^== $1\$/,/^== /p" "$log"
}

# lists WHAT...: a row of `peal fibers`, its columns as a pattern.
lists() {
	part fibers | grep -E "$(printf ' +%s' "$@")( |$)" || { part fibers && false; }
}

# The column before the last, of the sleeper: the program has waited for 50 ms since it went to sleep.
since() {
	part fibers | awk '$4 == "sleeper" && $(NF - 2) >= 0.05 && $(NF - 2) < 1000 { found = 1 } END { exit !found }'
}

# frames PART FUNCTION...: these functions call each other, outermost last; others may stand between.
frames() {
	part "$1" >"$TMPDIR/part"
	shift
	awk -v want="$*" '
		BEGIN { n = split(want, names, " ") }
		/^#/ && i < n && index($0 " ", names[i + 1]) { i++ }
		END { exit i < n }' "$TMPDIR/part" || { cat "$TMPDIR/part" && false; }
}

# Numbered from 0 without a gap, and nothing of the thread's own stack.
numbered() {
	part "$1" | sed -n 's/^#\([0-9]*\) .*/\1/p' | awk '$1 != NR - 1 { exit 1 } END { exit NR == 0 }' &&
		! part "$1" | grep 'all_parked'
}

# count PART PATTERN NUMBER: so many lines are like that.
count() {
	part "$1"
	[ "$(part "$1" | grep -c "$2")" = "$3" ]
}

looked_at() {
	tap_ok "$1: the runtime" grep -q '^Runtime "parked" at 0x[0-9a-f]*: [a-z]*, running, 2 shards$' "$log"
	tap_ok "$1: a fiber that reads" lists 0 waiting reader - read
	tap_ok "$1: one that sleeps, on the other shard" lists 1 waiting sleeper - sleep
	tap_ok "$1: one that waits for a mutex" lists 1 waiting locker - mutex
	tap_ok "$1: one that waits for its scope" lists 0 waiting parent family "its scope's tasks"
	tap_ok "$1: a task of the scope" lists 0 waiting child family sleep
	tap_ok "$1: the one that runs" lists 0 'on thread 1' main main -
	tap_ok "$1: since when they wait" since
	tap_ok "$1: the stack of one, by name" frames sleeper peal_sleep nest nest nest nest
	tap_ok "$1: that stack alone" numbered sleeper
	tap_ok "$1: the stack of one in a call" frames reader peal_op_wait peal_read reader
	tap_ok "$1: the stack of the one that runs" frames main all_parked main_task
	tap_ok "$1: all stacks" frames all all_parked peal_read peal_sleep peal_mutex_lock
}

looks='echo == fibers\n
peal fibers
echo == sleeper\n
peal bt sleeper
echo == reader\n
peal bt 3
echo == main\n
peal bt main
echo == all\n
peal bt all
echo == end\n'

cat >"$TMPDIR/commands" <<END
break all_parked
run
$looks
echo == three\n
peal bt sleeper 3
echo == apply\n
peal apply reader frame function reader; info symbol \$pc
echo == selection\n
thread 2
up
peal bt all -1
frame
echo == errors\n
python
for command in "peal bt", "peal bt nosuch", "peal apply 1":
    try:
        gdb.execute(command)
    except gdb.error as e:
        print("error: %s" % e)
end
echo == goes on\n
thread 1
continue
peal fibers
END
tap_ok 'live: gdb runs' session live "$PEAL_BUILDDIR/tests/gdb/parked"
looked_at live
tap_ok 'live: some frames only' count three '^#' 3
tap_ok 'live: a command on a fiber' count apply '^reader + ' 1
tap_ok 'live: the selected frame is put back' count selection '^#1 ' 2
tap_ok 'live: what is wrong is said' count errors '^error: [TW]h' 3
tap_ok 'live: the process goes on' grep 'exited normally' "$log"
tap_ok 'live: and has gone' grep 'There is no process' "$log"

# gdb's own dumps lack the memory around guards; the kernel's have it all.
dump() {
	mkdir "$TMPDIR/dump" && cd "$TMPDIR/dump" &&
		"$PEAL_BUILDDIR/libtool" --mode=execute "$PEAL_BUILDDIR/tests/gdb/parked" dump
	[ $? = 77 ] || mv core* "$TMPDIR/dumped"
}

case $(cat /proc/sys/kernel/core_pattern) in
core | core.%p)
	printf '%s\n' "$looks" >"$TMPDIR/commands"
	tap_ok 'dump: the kernel writes one' dump
	if [ -f "$TMPDIR/dumped" ]; then
		tap_ok 'dump: gdb runs' session dump "$PEAL_BUILDDIR/tests/gdb/parked" "$TMPDIR/dumped"
		looked_at dump
	else
		tap_skip 'dump' 'processes may not dump (RLIMIT_CORE)'
	fi
	;;
*) tap_skip 'dump' 'the kernel gives dumps to somebody else (core_pattern)' ;;
esac

# Only the public names are left.
strip_library() {
	strip -o "$TMPDIR/libpeal.so.0" "$PEAL_BUILDDIR/.libs/libpeal.so.0" &&
		cp "$PEAL_BUILDDIR/tests/gdb/.libs/parked" "$TMPDIR/parked"
}

if [ ! -f "$PEAL_BUILDDIR/.libs/libpeal.so.0" ] || ! command -v strip >/dev/null; then
	tap_skip 'stripped' 'there is no libpeal.so to strip'
else
	printf '%s\n' "set environment LD_LIBRARY_PATH $TMPDIR" 'break all_parked' run "$looks" 'info sharedlibrary' \
		>"$TMPDIR/commands"
	tap_ok 'stripped: a library without symbols' strip_library
	tap_ok 'stripped: gdb runs' session stripped "$TMPDIR/parked"
	tap_ok 'stripped: it is that library' grep "Yes (\*).*$TMPDIR/libpeal.so.0" "$log"
	looked_at stripped
fi
tap_done
