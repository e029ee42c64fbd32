#!/bin/sh
# SPDX-License-Identifier: MIT
# `peal stat` and the frame of the command: what they print about another process, and how they end.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/peal/command.sh"

pids=

# start SHARDS RUNTIMES: a process to look at, in $pid. It ends when descriptor 9 is closed, or is killed.
mkfifo "$TMPDIR/hold"
start() {
	: >"$TMPDIR/ready"
	"$PEAL_BUILDDIR/libtool" --mode=execute "$PEAL_BUILDDIR/tests/peal/stats_page" "$@" \
		<"$TMPDIR/hold" >"$TMPDIR/ready" &
	pid=$!
	pids="$pids $pid"
	for _ in $(seq 100); do
		! grep -q ready "$TMPDIR/ready" || return 0
		sleep 0.1
	done
	return 1
}
trap 'kill $pids 2>/dev/null' EXIT
exec 9<>"$TMPDIR/hold"

start 2 1

frame() {
	code 2 "$peal" && says '^usage: peal COMMAND' &&
		code 0 "$peal" --help && shows '^  stat +counters of running programs$' &&
		code 0 "$peal" help && shows '^usage: peal' &&
		code 0 "$peal" --version && shows '^peal [0-9]+\.[0-9]+\.[0-9]+$' &&
		code 2 "$peal" nonsense && says 'there is no command nonsense' &&
		code 2 "$peal" help nonsense && says 'there is no command nonsense' &&
		code 0 "$peal" help stat && shows '^usage: peal stat'
}
tap_ok 'peal explains itself' frame

usage() {
	code 0 "$peal" stat --help && shows '^usage: peal stat' &&
		code 2 "$peal" stat --nonsense && says "^peal stat: unrecognized option '--nonsense'" &&
		code 2 "$peal" stat 12x && says 'neither a process id nor a path: 12x' &&
		code 2 "$peal" stat -- -1 && says 'neither a process id nor a path: -1' &&
		code 2 "$peal" stat 0 && says 'neither a process id' &&
		code 2 "$peal" stat 99999999999999999999 && says 'neither a process id' &&
		code 2 "$peal" stat 1 2 && says 'one process at a time: 2' &&
		code 2 "$peal" stat -i 0 && says 'not between 0.01 and 86400 seconds: 0' &&
		code 2 "$peal" stat -i nan && says 'seconds: nan' &&
		code 2 "$peal" stat -i 1s && says 'seconds: 1s' &&
		code 2 "$peal" stat -r 0 1 && says 'not the number of a runtime: 0' &&
		code 2 "$peal" stat -p -j && says 'neither --json nor --interval'
}
tap_ok 'wrong calls are told and end with 2' usage

list() {
	code 0 "$peal" stat &&
		shows '^ *PID  RUNTIME  NAME +BACKEND +STATE +SHARDS +AGE  TASKS FINISHED$' \
			"^ *$pid +1  demo +none +running +2 +[0-9.]+ [a-z]+ +0$"
}
tap_ok 'without a process the runtimes are listed' list

table() {
	code 0 "$peal" stat "$pid" &&
		shows "^demo: process $pid, runtime 1, running on none, 2 shards, up [0-9.]+ " \
			'^ +total +0 +1 +outside$' '^tasks$' \
			'^  tasks_spawned +3,000 +1,000 +2,000 +0$' \
			'^  wakes_sent +5 +0 +0 +5$' '^  park_ns +3\.00 s +1\.50 s +1\.50 s +0 ns$' \
			'^  turns +[0-9,]+ +[0-9,]+ +0 +0$' '^  queue_depth +2 +5 +-3 +0$' \
			'^  queue_depth_max +8 +7 +8 +0$' '^  shard_state +parked +parked$' \
			'^  running +0xdeadbeef +0xdeadbeef$' '^  thread +4242 +4243$' '^demo$' \
			'^  demo\.sizes\[1\] +4\.00 KiB +2\.00 KiB +2\.00 KiB +0 B$' &&
		! grep -q 'tasks_failed\|demo\.sizes\[0\]\|blocking' "$out"
}
tap_ok 'counters of a process, by shard' table

every() {
	code 0 "$peal" stat --all "$pid" && shows '^  tasks_failed +0 +0 +0 +0$' '^blocking$' || return 1
	# One row for each value, whatever it is.
	awk '!/^(#|$)/ { print $1 }' "$PEAL_SRCDIR/core/counters.tbl" >"$TMPDIR/names"
	while read -r name; do
		shows "^  $name " || return 1
	done <"$TMPDIR/names"
}
tap_ok 'all of them when asked' every

explain() {
	code 0 "$peal" stat -e "$pid" &&
		shows '^  wakes_sent +5  [A-Z].*\.$' \
			'^  demo\.sizes\[1\] +4\.00 KiB  Sizes seen, by class\.$'
}
tap_ok 'with an explanation' explain

json() {
	code 0 "$peal" stat --json "$pid" && "$PEAL_BUILDDIR/tests/peal/json" <"$out" &&
		shows "^\{\"pid\": $pid, \"runtime\": 1, \"name\": \"demo\", \"backend\": \"none\", \"state\": \"running\", \"shards\": 2, \"age_ns\": [0-9]+, \"counters\": \{" \
			'"tasks_spawned": \{"kind": "counter", "group": "tasks", "total": 3000, "shards": \[1000, 2000\], "outside": 0\}' \
			'"park_ns": \{"kind": "counter", "group": "parking", "unit": "ns", "total": 3000000000, ' \
			'"queue_depth": \{"kind": "gauge", "group": "loop", "total": 2, "shards": \[5, -3\], "outside": 0\}' \
			'"shard_state": \{"kind": "state", "group": "loop", "shards": \["parked", "parked"\]\}' \
			'"running": \{"kind": "address", "group": "loop", "shards": \["0xdeadbeef", "0xdeadbeef"\]\}' \
			'"thread": \{"kind": "id", "group": "loop", "shards": \[4242, 4243\]\}' \
			'"demo.sizes": \{"kind": "counter", "group": "demo", "unit": "bytes", "total": \[0, 4096\], "shards": \[\[0, 2048\], \[0, 2048\]\], "outside": \[0, 0\]\}\}\}$' &&
		[ "$(wc -l <"$out")" -eq 1 ]
}
tap_ok 'JSON, one line' json

prometheus() {
	labels="pid=\"$pid\",runtime=\"1\",name=\"demo\""
	code 0 "$peal" stat --prometheus "$pid" &&
		shows "^peal_runtime_info\{$labels,backend=\"none\",state=\"running\"\} 1$" \
			'^# TYPE peal_tasks_spawned_total counter$' '^# HELP peal_tasks_spawned_total [A-Z]' \
			"^peal_tasks_spawned_total\{$labels,shard=\"1\"\} 2000$" \
			"^peal_wakes_sent_total\{$labels,shard=\"outside\"\} 5$" \
			"^peal_park_seconds_total\{$labels,shard=\"0\"\} 1\.500000000$" \
			"^peal_queue_depth\{$labels,shard=\"1\"\} -3$" \
			"^peal_shard_state\{$labels,shard=\"0\",state=\"parked\"\} 1$" \
			"^peal_shard_state\{$labels,shard=\"0\",state=\"running\"\} 0$" \
			"^peal_demo_sizes_bytes_total\{$labels,shard=\"0\",place=\"1\"\} 2048$" &&
		! grep -v '^# \(HELP\|TYPE\) peal_[a-z_]* .\|^peal_[a-z_]*{[^}]*} -\{0,1\}[0-9.]*$' "$out" &&
		[ -z "$(grep '^# TYPE' "$out" | sort | uniq -d)" ]
}
tap_ok 'the text format of Prometheus' prometheus

interval() {
	"$peal" stat -i 0.2 "$pid" >"$out" 2>"$err" &
	stat=$!
	sleep 1
	kill -INT $stat
	wait $stat && shows '^demo: process .*, in the last [0-9]+ ms$' '^  turns +[0-9]+ +[0-9]+ +0 +0$' \
		'^  queue_depth +2 +5 +-3 +0$' &&
		[ "$(grep -c '^demo: process' "$out")" -ge 2 ] && ! grep -q tasks_spawned "$out"
}
tap_ok 'what happened in each interval, until interrupted' interval

interval_json() {
	"$peal" stat -j -i 0.1 "$pid" >"$out" 2>"$err" &
	stat=$!
	sleep 0.5
	kill -TERM $stat
	wait $stat && shows '"interval_ns": [0-9]+,' '"tasks_spawned": \{[^}]*"total": 0,' &&
		! grep -qv '^{.*}$' "$out"
}
tap_ok 'the same as JSON' interval_json

nothing() {
	code 1 "$peal" stat $$ && says "process $$ has no runtime of Peal that can be seen" &&
		code 1 "$peal" stat 4194304 && says 'there is no process 4194304' &&
		code 1 "$peal" stat -r 9 "$pid" && says 'there is no runtime 9' &&
		code 1 "$peal" stat /nowhere/page && says 'cannot read /nowhere/page: No such file' &&
		code 4 "$peal" stat "$PEAL_SRCDIR/tests/fuzz/corpus/stats_page/no-shards" &&
		says 'the stats page is broken'
}
tap_ok 'nothing found, or nothing readable' nothing

file() {
	code 0 "$peal" stat -a "$PEAL_SRCDIR/tests/fuzz/corpus/stats_page/whole" &&
		shows '^image: process 4242, runtime 1, booting on none, 2 shards, up' '^  first +300 +0 +100 +200$' &&
		code 0 "$peal" stat -j "$PEAL_SRCDIR/tests/fuzz/corpus/stats_page/overlapping" &&
		shows '"first": \{"kind": "state", "group": "group", "shards": \["one", "\?"\]\}' \
			'"kind": "unknown"'
}
tap_ok 'a copy in a file' file

full() {
	[ -c /dev/full ] || return 0
	code=0
	"$peal" stat "$pid" >/dev/full 2>"$err" || code=$?
	[ $code -eq 4 ] && says 'cannot write: No space left'
}
tap_ok 'output that does not arrive is told' full

several() {
	start 3 2 && code 0 "$peal" stat "$pid" && [ "$(grep -c '^demo: process' "$out")" -eq 2 ] &&
		code 0 "$peal" stat -r 2 "$pid" && [ "$(grep -c '^demo: process' "$out")" -eq 1 ] &&
		shows ', runtime 2, ' && code 0 "$peal" stat -j "$pid" && [ "$(wc -l <"$out")" -eq 2 ] &&
		code 0 "$peal" stat -p "$pid" && shows 'runtime="1".*shard="2"' 'runtime="2".*shard="2"' &&
		[ "$(grep -c '^# TYPE peal_turns_total' "$out")" -eq 1 ]
}
tap_ok 'several runtimes in one process' several

many() {
	start 70 1 && code 0 "$peal" stat "$pid" && shows '^ +total +least +most +outside$' \
		'^  tasks_spawned +2,485,000 +1,000 +70,000 +0$' '^  queue_depth +-202 +-3 +5 +0$' &&
		code 0 "$peal" stat -s "$pid" && shows '^ +total +0 +1 .* 69 +outside$'
}
tap_ok 'many shards: the least and the most' many

ending() {
	"$peal" stat -i 0.1 "$pid" >"$out" 2>"$err" &
	stat=$!
	sleep 0.3
	kill -KILL "$pid"
	code=0
	wait $stat || code=$?
	[ $code -eq 1 ] && says 'peal stat: the process has ended'
}
tap_ok 'the end of the process ends the watch' ending

denied() {
	start 1 1 || return 1
	code 3 setpriv --reuid=65534 --regid=65534 --clear-groups "$peal" stat "$pid" &&
		says "process $pid belongs to user 0: try as root"
}
if [ "$(id -u)" -ne 0 ]; then
	tap_skip 'a process of somebody else' 'needs root, to be several users'
elif ! command -v setpriv >/dev/null || ! setpriv --reuid=65534 --clear-groups "$peal" --version >/dev/null 2>&1; then
	tap_skip 'a process of somebody else' 'another user cannot run what was built here'
else
	tap_ok 'a process of somebody else' denied
fi

tap_done
