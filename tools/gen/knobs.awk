# SPDX-License-Identifier: MIT
#
# Reads core/knobs.tbl and writes what is made from it.
#
#   awk -v output=header -f knobs.awk knobs.tbl                           gen/knobs.h
#   awk -v output=mdoc -v template=peal-knobs.7.in -f knobs.awk ...       the manual page, in place of @KNOBS@

function fail(why)
{
	printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
	failed = 1
	exit 1
}

function number(text,    n)
{
	n = text + 0
	if (text !~ /^[0-9]+(K|M|G|us|ms|s)?$/)
		fail("not a number: " text)
	if (text ~ /K$/) n *= 1024
	if (text ~ /M$/) n *= 1024 * 1024
	if (text ~ /G$/) n *= 1024 * 1024 * 1024
	if (text ~ /us$/) return n * 1000
	if (text ~ /ms$/) return n * 1000000
	if (text ~ /s$/) return n * 1000000000
	return n
}

BEGIN { n = failed = 0 }

/^[ \t]*(#|$)/ { next }

{
	if (NF < 6)
		fail("name, unit, initial, least, most and help are needed")
	name[++n] = $1
	unit[n] = $2
	initial[n] = $3
	least[n] = $4
	most[n] = $5
	help[n] = $0
	for (i = 1; i <= 5; i++) {
		sub(/^[ \t]+/, "", help[n])
		sub(/^[^ \t]+/, "", help[n])
	}
	sub(/^[ \t]+/, "", help[n])
	if (unit[n] !~ /^(1|ns|bytes|%|flag)$/)
		fail("unit must be 1, ns, bytes, % or flag")
	if (help[n] !~ /^[A-Z][^"\\]*\.$/)
		fail("help is made of sentences, without quotes and backslashes")
}

# What a field that is 0 can become; 0 stays 0 where it is worked out elsewhere.
function write_header(    i)
{
	print "/* SPDX-License-Identifier: MIT */"
	print "/* Made from core/knobs.tbl by tools/gen/knobs.awk: edit those. */"
	print "#ifndef PEAL_GEN_KNOBS_H"
	print "#define PEAL_GEN_KNOBS_H\n"
	print "/* X(name, initial, least, most) */"
	print "#define PEAL_KNOBS_EACH(X) \\"
	for (i = 1; i <= n; i++)
		printf "\tX(%s, %.0f, %.0f, %s)%s\n", name[i], \
			initial[i] == "-" ? 0 : number(initial[i]), number(least[i]), \
			most[i] == "-" ? "INT64_MAX" : sprintf("%.0f", unit[i] == "1" && most[i] == "4G" ? 4294967295 : number(most[i])), \
			i < n ? " \\" : ""
	print "\n#endif"
}

function shown(text)
{
	sub(/us$/, " us", text)
	if (text !~ / us$/)
		sub(/ms$/, " ms", text)
	if (text ~ /^[0-9]+s$/)
		sub(/s$/, " s", text)
	return text
}

function range(i)
{
	if (unit[i] == "flag")
		return "0 or 1"
	if (most[i] == "-")
		return "from " shown(least[i])
	return shown(least[i]) " to " shown(most[i])
}

function write_mdoc(    i, text)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= n; i++) {
		text = help[i]
		gsub(/\. /, ".\n", text)
		printf ".It Va %s Pq %s%s%s\n%s\n", name[i], \
			(initial[i] == "-" ? "worked out" : shown(initial[i])) "; ", range(i), \
			unit[i] == "%" ? " percent" : unit[i] == "bytes" ? " bytes" : "", text
	}
	print ".El"
}

function write_page(    line, found)
{
	while ((getline line < template) > 0) {
		if (line == "@KNOBS@") {
			write_mdoc()
			found = 1
		} else {
			print line
		}
	}
	if (!found)
		exit 1
}

END {
	if (failed)
		exit 1
	if (output == "header")
		write_header()
	else if (output == "mdoc")
		write_page()
	else
		exit 2
}
