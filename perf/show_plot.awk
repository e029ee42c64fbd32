# SPDX-License-Identifier: MIT
# SVG: a panel for each workload, a bar for each runtime up to its median, a line from p10 to p90. Each panel
# has a logarithmic axis of its own, in whole powers of ten. Colours that can be told on light and on dark.

BEGIN {
	WIDTH = 900
	LEFT = 150
	RIGHT = 90
	BAR = 13
	STEP = 18
}

has("median_ns") {
	row = text("workload")
	if (!(row in bars))
		order[++rows] = row
	i = ++bars[row]
	unit[row] = text("unit")
	name[row, i] = text("runtime")
	median[row, i] = positive(number("median_ns"))
	low[row, i] = positive(number("p10_ns"))
	high[row, i] = positive(number("p90_ns"))
	if (!(row in least) || low[row, i] < least[row])
		least[row] = low[row, i]
	if (!(row in most) || high[row, i] > most[row])
		most[row] = high[row, i]
}

# There is no logarithm of nothing.
function positive(ns) {
	return ns < 1 ? 1 : ns
}

function power(value) {
	value = log(value) / log(10)
	return value < 0 ? int(value) - 1 : int(value + 1e-9)
}

function x(ns) {
	return LEFT + (log(ns) / log(10) - from) / (to - from) * (WIDTH - LEFT - RIGHT)
}

function print_axis(y, height,    p) {
	for (p = from; p <= to; p++) {
		printf "<line class=\"grid\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x(10 ^ p), y, x(10 ^ p), y + height
		printf "<text class=\"axis\" x=\"%.1f\" y=\"%d\">%s</text>\n", x(10 ^ p), y + height + 12, label(10 ^ p)
	}
}

function label(ns) {
	if (unit[panel])
		return ns " " unit[panel]
	return ns >= 1e9 ? ns / 1e9 " s" : ns >= 1e6 ? ns / 1e6 " ms" : ns >= 1e3 ? ns / 1e3 " us" : ns " ns"
}

function print_bar(row, i, y) {
	printf "<text class=\"name\" x=\"%d\" y=\"%d\">%s</text>\n", LEFT - 6, y + 10, name[row, i]
	printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>\n", kind(name[row, i]), LEFT, y,
		x(median[row, i]) - LEFT, BAR
	printf "<line class=\"spread\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", x(low[row, i]), y + BAR / 2,
		x(high[row, i]), y + BAR / 2
	printf "<text class=\"value\" x=\"%.1f\" y=\"%d\">%s</text>\n", x(high[row, i]) + 5, y + 10, unit[row] ? short(median[row, i]) : time(median[row, i])
}

function print_panel(row, y,    i) {
	panel = row
	from = power(least[row])
	to = power(most[row]) + 1
	printf "<text class=\"title\" x=\"0\" y=\"%d\">%s</text>\n", y + 14, row
	print_axis(y + 22, bars[row] * STEP)
	for (i = 1; i <= bars[row]; i++)
		print_bar(row, i, y + 22 + (i - 1) * STEP + 2)
	return bars[row] * STEP + 52
}

END {
	height = 30
	for (i = 1; i <= rows; i++)
		height += bars[order[i]] * STEP + 52
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n", WIDTH, height, WIDTH, height
	print "<!-- SPDX-License-Identifier: MIT; made by perf/show -->"
	print "<style>"
	print "text { font: 12px sans-serif; fill: #6e7681 } .title { font-weight: bold; font-size: 14px }"
	print ".name { text-anchor: end } .axis { text-anchor: middle; font-size: 10px }"
	print ".peal { fill: #2f81f7 } .peer { fill: #d9822b } .floor { fill: #8b949e }"
	print ".grid { stroke: #8b949e; stroke-opacity: 0.35 } .spread { stroke: #6e7681; stroke-width: 3 }"
	print "@media (prefers-color-scheme: dark) { text { fill: #9da7b3 } .spread { stroke: #c9d1d9 } }"
	print "</style>"
	print "<text x=\"0\" y=\"14\">Time of an operation; less is better. Blue: Peal, orange: other runtimes, grey: bare C.</text>"
	y = 30
	for (i = 1; i <= rows; i++)
		y += print_panel(order[i], y)
	print "</svg>"
}
