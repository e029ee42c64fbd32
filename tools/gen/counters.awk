# SPDX-License-Identifier: MIT
#
# Reads core/counters.tbl and writes what is made from it. POSIX awk, so that the build needs nothing
# else.
#
#   awk -v output=header   -f counters.awk counters.tbl     gen/counters.h
#   awk -v output=mdoc -v template=peal-counters.7.in ...   the manual page; a line that reads
#                                                           @COUNTERS@ is replaced
#   awk -v output=markdown ...                              a table for the documentation
#
# A line that breaks the rules written in the table stops the build with its number.

function fail(why)
{
	printf "%s:%d: %s\n", FILENAME, FNR, why > "/dev/stderr"
	failed = 1
	exit 1
}

# The text from field n to the end of the line, as it was written.
function rest_from(n,    text, i)
{
	text = $0
	for (i = 1; i < n; i++) {
		sub(/^[ \t]+/, "", text)
		sub(/^[^ \t]+/, "", text)
	}
	sub(/^[ \t]+/, "", text)
	sub(/[ \t]+$/, "", text)
	return text
}

function check_unit()
{
	if (kind[n] == "state") {
		if (unit[n] !~ /^[a-z]+(\/[a-z]+)+$/ || length(unit[n]) > 63)
			fail("a state's unit is its words, joined by /, at most 63 bytes")
	} else if (unit[n] != "1" && unit[n] != "ns" && unit[n] != "bytes") {
		fail("unit must be 1, ns or bytes, not " unit[n])
	}
}

function check()
{
	if (NF < 5)
		fail("name, kind, unit, group and help are needed")
	if (name[n] !~ /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/ || length(name[n]) > 31)
		fail("not a name: " name[n])
	if (name[n] in seen)
		fail(name[n] " is there already")
	if (size[n] < 1 || size[n] > 512)
		fail("an array has 1 to 512 values")
	if (!(kind[n] in kinds))
		fail("unknown kind " kind[n])
	if (group[n] !~ /^[a-z]+$/ || length(group[n]) > 15)
		fail("not a group: " group[n])
	check_unit()
	if (help[n] !~ /^[A-Z][^"\\]*\.$/ || length(help[n]) > 127)
		fail("help is a sentence of at most 127 bytes, without quotes and backslashes")
}

BEGIN {
	split("counter gauge max state address id", list, " ")
	for (i in list)
		kinds[list[i]] = 1
	n = groups = failed = 0
}

/^[ \t]*(#|$)/ { next }

{
	name[++n] = $1
	size[n] = 1
	if (match($1, /\[[0-9]+\]$/)) {
		size[n] = substr($1, RSTART + 1, RLENGTH - 2) + 0
		name[n] = substr($1, 1, RSTART - 1)
	}
	kind[n] = $2
	unit[n] = $3
	group[n] = $4
	help[n] = rest_from(5)
	check()
	seen[name[n]] = 1
	if (!(group[n] in group_seen)) {
		group_seen[group[n]] = 1
		group_name[++groups] = group[n]
	}
}

# A plain number has no unit to show.
function shown_unit(i)
{
	return unit[i] == "1" ? "" : unit[i]
}

function array(i)
{
	return size[i] > 1 ? "[" size[i] "]" : ""
}

# gen/counters.h

function write_struct(    g, i, first)
{
	print "/* One shard's counters. Offsets may change with every release: readers take them from the page. */"
	print "struct peal_counters {"
	for (g = 1; g <= groups; g++) {
		printf "\t/* %s */\n", group_name[g]
		first = 1
		for (i = 1; i <= n; i++) {
			if (group[i] != group_name[g])
				continue
			printf "\t%sPEAL_ATOMIC(uint64_t) %s%s;\n", \
				(first ? "PEAL_ALIGNED_LINE " : ""), name[i], array(i)
			first = 0
		}
	}
	print "};\n"
}

function write_states(    i, j, count, word)
{
	for (i = 1; i <= n; i++) {
		if (kind[i] != "state")
			continue
		printf "enum peal_%s {\n", name[i]
		count = split(unit[i], word, "/")
		for (j = 1; j <= count; j++)
			printf "\tPEAL_%s_%s,\n", toupper(name[i]), toupper(word[j])
		print "};\n"
	}
}

function write_each(    i)
{
	print "/* X(name, kind, unit, group, length, help), in the order of the table. */"
	print "#define PEAL_COUNTERS_EACH(X) \\"
	for (i = 1; i <= n; i++)
		printf "\tX(%s, PEAL_KIND_%s, \"%s\", \"%s\", %d, \"%s\")%s\n", name[i], \
			toupper(kind[i]), shown_unit(i), group[i], size[i], help[i], \
			(i < n ? " \\" : "")
	print ""
}

function write_header()
{
	print "/* SPDX-License-Identifier: MIT */"
	print "/* Made from core/counters.tbl by tools/gen/counters.awk: edit those. */"
	print "#ifndef PEAL_GEN_COUNTERS_H"
	print "#define PEAL_GEN_COUNTERS_H\n"
	print "#include \"core/base/atomic.h\""
	print "#include \"core/base/compiler.h\"\n"
	write_struct()
	write_states()
	printf "#define PEAL_COUNTERS %d\n\n", n
	write_each()
	print "#endif"
}

# peal-counters(7)

function mdoc_kind(i)
{
	if (kind[i] == "state")
		return "state"
	return kind[i] (unit[i] == "1" ? "" : ", " unit[i]) (size[i] > 1 ? ", " size[i] " values" : "")
}

function write_mdoc(    g, i, text)
{
	for (g = 1; g <= groups; g++) {
		printf ".Ss %s%s\n", toupper(substr(group_name[g], 1, 1)), substr(group_name[g], 2)
		print ".Bl -tag -width Ds"
		for (i = 1; i <= n; i++) {
			if (group[i] != group_name[g])
				continue
			text = help[i]
			gsub(/\. /, ".\n", text) # each sentence begins a line
			printf ".It Va %s Pq %s\n%s\n", name[i], mdoc_kind(i), text
			if (kind[i] == "state") {
				gsub("/", ", ", unit[i])
				printf "One of: %s.\n", unit[i]
			}
		}
		print ".El"
	}
}

function write_page(    line, found)
{
	while ((getline line < template) > 0) {
		if (line == "@COUNTERS@") {
			write_mdoc()
			found = 1
		} else {
			print line
		}
	}
	if (!found) {
		printf "%s: no line @COUNTERS@\n", template > "/dev/stderr"
		exit 1
	}
}

# For the documentation

function write_markdown(    i)
{
	print "| counter | group | kind | unit | what it counts |"
	print "| --- | --- | --- | --- | --- |"
	for (i = 1; i <= n; i++)
		printf "| `%s` | %s | %s | %s | %s |\n", name[i], group[i], kind[i], \
			shown_unit(i), help[i]
}

END {
	if (failed)
		exit 1
	if (output == "header")
		write_header()
	else if (output == "mdoc")
		write_page()
	else if (output == "markdown")
		write_markdown()
	else {
		print "counters.awk: -v output=header|mdoc|markdown" > "/dev/stderr"
		exit 2
	}
}
