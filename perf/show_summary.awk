# SPDX-License-Identifier: MIT
# Medians over the samples of one workload, and their ratio to those of Peal's first variant, which is its
# default configuration.

has("value") {
	v = text("variant")
	if (!(v in n))
		order[++count] = v
	row = text("name")
	unit = text("unit")
	scale = unit == "us" || unit == "us/s" ? 1000 : unit == "ms" ? 1000000 : 1
	other = unit ~ /^(ns|us|ms|us\/s)$/ ? "" : ",\"unit\":\"" unit "\"" # then "ns" means that
	i = ++n[v]
	value[v, i] = number("value") * scale
	cpu[v] += number("cpu") * scale
	sleeps[v] += number("sleeps")
	if (has("p99")) {
		p99[v, i] = number("p99") * scale
		latencies[v]++
	}
}

# The q-quantile of list[v, 1..n].
function quantile(list, v, n, q,    i, j, t, at, below, sorted) {
	for (i = 1; i <= n; i++) {
		t = list[v, i]
		for (j = i - 1; j >= 1 && sorted[j] > t; j--)
			sorted[j + 1] = sorted[j]
		sorted[j + 1] = t
	}
	at = 1 + q * (n - 1)
	below = int(at)
	return below >= n ? sorted[n] : sorted[below] + (at - below) * (sorted[below + 1] - sorted[below])
}

END {
	for (i = 1; i <= count && !ours; i++)
		if (kind(order[i]) == "peal")
			ours = quantile(value, order[i], n[order[i]], 0.5)
	for (i = 1; i <= count; i++) {
		v = order[i]
		median = quantile(value, v, n[v], 0.5)
		printf "{\"workload\":\"%s\",\"runtime\":\"%s\",\"median_ns\":%.6g,\"p10_ns\":%.6g,\"p90_ns\":%.6g,\"cpu_ns\":%.6g,\"ratio\":%.4g,\"samples\":%d,\"sleeps\":%.4g",
			row, v, median, quantile(value, v, n[v], 0.1), quantile(value, v, n[v], 0.9), cpu[v] / n[v],
			ours ? median / ours : 0, n[v], sleeps[v] / n[v]
		if (latencies[v] == n[v])
			printf ",\"p99_ns\":%.6g", quantile(p99, v, n[v], 0.5)
		print other "}"
	}
}
