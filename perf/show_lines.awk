# SPDX-License-Identifier: MIT
# What the other parts of perf/show share: fields of a line of JSON, kinds of runtimes, numbers for people.

function text(key,    from, rest) {
	from = index($0, "\"" key "\":\"")
	if (!from)
		return ""
	rest = substr($0, from + length(key) + 4)
	return substr(rest, 1, index(rest, "\"") - 1)
}

function has(key) {
	return index($0, "\"" key "\":") > 0
}

function number(key,    from) {
	from = index($0, "\"" key "\":")
	return from ? substr($0, from + length(key) + 3) + 0 : 0
}

function kind(runtime) {
	if (runtime ~ /^peal/)
		return "peal"
	return runtime ~ /^(tokio|spargio|compio|libuv|go)/ ? "peer" : "floor"
}

# Three digits that count.
function short(value) {
	if (value >= 99.5)
		return sprintf("%.0f", value)
	if (value >= 9.95)
		return sprintf("%.1f", value)
	return sprintf(value >= 0.995 ? "%.2f" : "%.3f", value)
}

# Nanoseconds, or whatever the line has instead.
function amount(key) {
	return text("unit") ? short(number(key)) " " text("unit") : time(number(key))
}

function time(ns) {
	if (ns >= 1e9)
		return short(ns / 1e9) " s"
	if (ns >= 1e6)
		return short(ns / 1e6) " ms"
	return ns >= 1e3 ? short(ns / 1e3) " us" : short(ns) " ns"
}
