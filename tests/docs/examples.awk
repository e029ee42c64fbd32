# SPDX-License-Identifier: MIT
# The examples in the comments of a header, as a source that can be compiled. An example is what stands
# a tab to the right in a comment. All of one comment belong together: in it definitions (of functions and
# types, and preprocessor lines) are at file level, everything else is the body of a function. "..." stands
# for anything.
#
# Of C++ as well.
#
#   awk -v name=msg.h -v context=FILE -f examples.awk HEADER
#
# CONTEXT is a header that declares what the examples take for granted.
BEGIN {
	printf "#include \"%s\"\n", context
}

function is_definition(text) {
	return text ~ /^(struct|enum|union)( [a-z_]+)? \{/ || text ~ /^(static|typedef|extern|using|int main|#)/
}

# A paragraph ends: it goes where it belongs.
function end_chunk() {
	if (chunk == "")
		return
	if (is_definition(first))
		outside = outside chunk
	else
		inside = inside chunk
	chunk = ""
	depth = 0
}

function end_comment() {
	end_chunk()
	if (outside inside == "")
		return
	n++
	printf "%s", outside
	if (inside != "")
		printf "int example_%d(void);\nint example_%d(void)\n{\n%sreturn 0;\n}\n", n, n, inside
	outside = inside = ""
}

/^ \*\t/ {
	text = substr($0, 4)
	if (chunk == "") {
		first = text
		chunk = sprintf("#line %d \"%s\"\n", FNR, name)
	}
	if (text ~ /^\t*\.\.\.$/)
		text = ""
	chunk = chunk text "\n"
	depth += gsub(/\{/, "{", text) - gsub(/\}/, "}", text)
	next
}

# Within braces an empty line is part of the example.
/^ \*$/ && depth > 0 {
	chunk = chunk "\n"
	next
}

/^ \*\// {
	end_comment()
	next
}

{ end_chunk() }

END {
	end_comment()
	printf "/* %d examples */\n", n
}
