# SPDX-License-Identifier: MIT
# Text, a line for each runtime. Ratios are to Peal: above 1 Peal is quicker, or has used less CPU time.

function heading() {
	if (!told++)
		printf "%-23s %-15s %10s %10s %10s %7s %10s %7s %9s\n", "workload", "runtime", "median", "p10",
			"p90", "ratio", "CPU", "ratio", "sleeps"
}

has("median_ns") {
	heading()
	row = text("workload")
	v = text("runtime")
	cpu = number("cpu_ns")
	if (row != last && kind(v) == "peal")
		ours = cpu
	last = row
	printf "%-23s %-15s %10s %10s %10s %7.2f %10s %7.2f %9.3g\n", row, v, amount("median_ns"),
		amount("p10_ns"), amount("p90_ns"), number("ratio"), time(cpu),
		ours ? cpu / ours : 0, number("sleeps")
	fflush()
}

has("failed") {
	heading()
	printf "%-23s %-15s failed: %s\n", text("workload"), text("runtime"), text("failed")
}

has("left_out") {
	printf "# left out: %s; %s\n", text("left_out"), text("reason")
}

has("turn_ns") {
	printf "# %s, %d CPUs; Linux %s; load %s; an empty turn of a loop takes %.3f ns\n", text("cpu"),
		number("cpus"), text("kernel"), text("load"), number("turn_ns")
}

has("load_at_end") {
	printf "# load at the end: %s\n", text("load_at_end")
}
