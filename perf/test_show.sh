#!/bin/sh
# SPDX-License-Identifier: MIT
# perf/show: from the lines of the programs to medians, ratios, a table, a page and a plot.
. "$PEAL_SRCDIR/tests/tap.sh"

show=$PEAL_SRCDIR/perf/show

# value VARIANT NUMBER: a sample, as the programs print it.
value() {
	printf '{"name":"row","variant":"%s","value":%s,"unit":"us","cpu":2,"sleeps":3,"preempted":0,"p50":1,"p99":%s}\n' "$1" "$2" "$2"
}

samples() {
	for n in 1 2 9; do
		value peal/uring "$n"
		value tokio "$((n * 3))"
	done
	value bare 0.5
	echo '{"name":"row","variant":"go","value":7,"unit":"us","cpu":2,"sleeps":0}'
}

samples >"$TMPDIR/samples"
"$show" summary "$TMPDIR/samples" >"$TMPDIR/lines"
{
	echo '{"cpu":"a CPU","cpus":2,"kernel":"6.1","governor":"unknown","load":"0 0 0","backend":"default","turn_ns":0.3}'
	echo '{"date":"2000-01-01","compiler":"12","tokio":"1.2.3"}'
	echo '{"left_out":"libuv","reason":"install it"}'
	cat "$TMPDIR/lines"
	echo '{"workload":"row","runtime":"spargio","failed":"it ended with 1"}'
	echo '{"workload":"room","runtime":"peal","median_ns":4096,"p10_ns":4096,"p90_ns":4096,"cpu_ns":1,"ratio":1,"samples":1,"sleeps":0,"unit":"bytes"}'
	echo '{"load_at_end":"1 1 1"}'
} >"$TMPDIR/results"

# finds FILE TEXT...: in one line each.
finds() {
	file=$1
	shift
	for text; do
		grep -qF -- "$text" "$file" || {
			echo "not in $file: $text"
			cat "$file"
			return 1
		}
	done
}

# Median 2 us, p10 1.2, p90 7.6; Tokio three times that; a floor with one sample.
summary() {
	finds "$TMPDIR/lines" \
		'"workload":"row","runtime":"peal/uring","median_ns":2000,"p10_ns":1200,"p90_ns":7600,"cpu_ns":2000,"ratio":1,"samples":3,"sleeps":3,"p99_ns":2000}' \
		'"runtime":"tokio","median_ns":6000,"p10_ns":3600,"p90_ns":22800,"cpu_ns":2000,"ratio":3,' \
		'"runtime":"bare","median_ns":500,' '"ratio":0.25,"samples":1,' \
		'"runtime":"go","median_ns":7000,"p10_ns":7000,"p90_ns":7000,"cpu_ns":2000,"ratio":3.5,"samples":1,"sleeps":0}'
}

table() {
	"$show" table "$TMPDIR/results" >"$TMPDIR/table" &&
		finds "$TMPDIR/table" '# left out: libuv; install it' 'failed: it ended with 1' '4096 bytes' '# load at the end: 1 1 1' &&
		grep -Eq '^row +tokio +6.00 us +3.60 us +22.8 us +3.00 +2.00 us +1.00 +3$' "$TMPDIR/table"
}

# Twice: what was there between the marks goes, what stands around them stays.
page() {
	printf 'before\n<!-- begin of the tables -->\nold\n<!-- end of the tables -->\nafter\n' >"$TMPDIR/page.md"
	"$show" page "$TMPDIR/results" "$TMPDIR/page.md" && cp "$TMPDIR/page.md" "$TMPDIR/once" &&
		"$show" page "$TMPDIR/results" "$TMPDIR/page.md" && diff "$TMPDIR/once" "$TMPDIR/page.md" &&
		finds "$TMPDIR/page.md" before after '| `row` | 0.25 (1.00) | 3.00 (1.00) |  |  | 3.50 (1.00) |  |' 'tokio 1.2.3' 'install it' \
			'| 4096 bytes |' '| tokio | 6.00 us | 3.60 us to 22.8 us | 3.00 | 2.00 us | 1.00 | 3 | 6.00 us |' &&
		! grep -q '^old$' "$TMPDIR/page.md"
}

# As many of each as there are runtimes in both panels, and every element is closed.
plot() {
	"$show" plot "$TMPDIR/results" >"$TMPDIR/plot.svg" &&
		[ "$(grep -c '<rect class=' "$TMPDIR/plot.svg")" = 5 ] &&
		[ "$(grep -c '<line class="spread"' "$TMPDIR/plot.svg")" = 5 ] &&
		! grep -Eq 'nan|inf' "$TMPDIR/plot.svg" &&
		{ ! command -v xmllint >/dev/null || xmllint --noout "$TMPDIR/plot.svg"; } &&
		[ "$(tail -n 1 "$TMPDIR/plot.svg")" = '</svg>' ]
}

tap_ok 'medians, spread and ratios of a workload' summary
tap_ok 'a table' table
tap_ok 'tables in a page, between the marks' page
tap_ok 'a plot' plot
tap_done
