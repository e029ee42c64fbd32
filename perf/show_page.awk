# SPDX-License-Identifier: MIT
# Markdown for docs/performance.md: where the numbers come from, one table that tells who is how much slower
# than Peal, and all numbers.

has("turn_ns") {
	machine = sprintf("%s, %d CPUs, Linux %s; an empty turn of a loop took %.3f ns. Load average %s at the beginning",
		text("cpu"), number("cpus"), text("kernel"), number("turn_ns"), text("load"))
	busy = text("load") + 0 > number("cpus") / 2
}

has("date") {
	date = text("date")
	versions = "gcc " text("compiler")
	for (i = split("tokio spargio compio go libuv", names, " "); i >= 1; i--)
		if (has(names[i]))
			versions = versions ", " names[i] " " text(names[i])
}

has("load_at_end") {
	load_at_end = text("load_at_end")
}

has("left_out") {
	notes[++noted] = "Left out: " text("left_out") " (" text("reason") ")."
}

has("failed") {
	notes[++noted] = "`" text("workload") "` on `" text("runtime") "` failed: " text("failed") "."
}

has("median_ns") {
	row = text("workload")
	v = text("runtime")
	if (!(row in seen)) {
		seen[row] = 1
		order[++rows] = row
	}
	p99 = has("p99_ns") ? time(number("p99_ns")) : ""
	if (row != last && kind(v) == "peal")
		ours = number("cpu_ns")
	last = row
	others[row] += kind(v) != "peal"
	choose(row, base(v), number("ratio"), ours ? number("cpu_ns") / ours : 0)
	line[row] = line[row] sprintf("| %s | %s | %s | %s to %s | %.2f | %s | %.2f | %.3g | %s |\n", v == first(row, v) ? "`" row "`" : "",
		kind(v) == "floor" ? "*" v "*" : v, amount("median_ns"), amount("p10_ns"), amount("p90_ns"),
		number("ratio"), time(number("cpu_ns")), ours ? number("cpu_ns") / ours : 0, number("sleeps"), p99)
}

function first(row, v) {
	if (!(row in of))
		of[row] = v
	return of[row]
}

# The column of the small table. Forms of one runtime count with the best.
function base(v) {
	if (kind(v) == "floor")
		return "floor"
	return v ~ /^tokio/ ? "tokio" : v
}

# Of floors the first, which does things as Peal's first variant does.
function choose(row, column, new, of_cpu) {
	if ((row, column) in ratio && (column == "floor" || new >= ratio[row, column]))
		return
	ratio[row, column] = new
	cpu_ratio[row, column] = of_cpu
}

function cell(row, v) {
	return (row, v) in ratio ? sprintf("%.2f (%.2f)", ratio[row, v], cpu_ratio[row, v]) : ""
}

END {
	print ""
	printf "Measured on %s: %s, %s at the end; %s.\n\n", date, machine, load_at_end, versions
	if (busy)
		print "**The machine was busy with other things: wall times, and ratios of them, say little; CPU times say more.**\n"
	print "How many times the median of Peal in its default configuration, `peal` or `peal/uring`; below 1 is quicker than Peal. In brackets the same of CPU time:\n"
	print "| workload | floor | tokio | spargio | compio | go | libuv |"
	print "|---|---|---|---|---|---|---|"
	for (i = 1; i <= rows; i++) {
		r = order[i]
		if (others[r])
			printf "| `%s` | %s | %s | %s | %s | %s | %s |\n", r, cell(r, "floor"), cell(r, "tokio"), cell(r, "spargio"), cell(r, "compio"),
			cell(r, "go"), cell(r, "libuv")
	}
	print ""
	for (i = 1; i <= noted; i++)
		print "- " notes[i]
	if (noted)
		print ""
	print "All numbers; floors in italics:\n"
	print "| workload | runtime | median | p10 to p90 | ratio | CPU | ratio | sleeps | p99 |"
	print "|---|---|---|---|---|---|---|---|---|"
	for (i = 1; i <= rows; i++)
		printf "%s", line[order[i]]
	print ""
}
