#!/bin/sh
# SPDX-License-Identifier: MIT
# What the documentation shows compiles and works: the README's first C block (an echo server), blocks of C
# and C++ elsewhere that say so, the examples in the comments of headers, and the programs in docs/examples.
#
# Other blocks are marked in their first line: ```c compile for functions that are to compile, ```c run
# for a whole program that is to be run and to end with 0; ```cpp compile and ```cpp run likewise. Programs
# that need a library say so in their first comment, and are skipped where that is not installed. What the
# examples in a header take for granted is declared in context/, in a file of the header's name; without one
# they have nothing but peal/peal.h.
. "$PEAL_SRCDIR/tests/tap.sh"

client=$PEAL_BUILDDIR/tests/docs/client
server=

# What the comment at the head of an example says that it needs: a name of pkg-config's, or nothing.
needed() {
	sed -n 's/^ \* Needs: //p; /^ \*\//q' "$1"
}

# choose_compiler SOURCE: and what libtool calls it.
choose_compiler() {
	case $1 in
	*.cc) tag=CXX compiler="$CXX -std=c++17" ;;
	*) tag=CC compiler=$CC ;;
	esac
}

# build SOURCE PROGRAM: as a reader would, but against what was just built.
build() {
	choose_compiler "$1"
	needs=$(needed "$1")
	[ -z "$needs" ] || needs=$(pkg-config --cflags --libs "$needs") || return
	"$PEAL_BUILDDIR/libtool" --silent --tag=$tag --mode=link $compiler \
		${PEAL_SANITIZER:+-fsanitize=$PEAL_SANITIZER} \
		-Wall -Wextra -Werror -g -pthread -I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" \
		-o "$2" "$1" "$PEAL_BUILDDIR/libpeal.la" $needs
}

# first_block FILE, marked_blocks FILE: their text; the latter into $TMPDIR/block-N-WORD.c or .cc
first_block() {
	awk '/^```c( |$)/ && !seen { seen = inside = 1; next } /^```/ { inside = 0 } inside' "$1"
}

marked_blocks() {
	awk -v folder="$TMPDIR" '
		/^```c(pp)? (compile|run)$/ { file = folder "/block-" ++n "-" $2 (/cpp/ ? ".cc" : ".c"); next }
		/^```/ { if (file) close(file); file = "" }
		file { print >file }' "$1"
}

# serve LOG PROGRAM...: in the background.
serve() {
	log=$1
	shift
	"$@" >"$log" 2>&1 &
	server=$!
}

stop_server() {
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null
	server=
}
trap stop_server EXIT

# The port that a server printed, waited for.
printed_port() {
	for _ in $(seq 600); do
		port=$(sed -n 's/^port //p' "$1")
		[ -z "$port" ] || return 0
		sleep 0.1
	done
	cat "$1"
	return 1
}

# talk PORT: a few connections, many, and a few again; the server is still there then.
talk() {
	"$client" "$1" 3 && "$client" "$1" 50 && "$client" "$1" 3 && kill -0 "$server"
}

readme_server() {
	port=$("$client" free) &&
		first_block "$PEAL_SRCDIR/README.md" | sed "s/127\.0\.0\.1:[0-9]*/127.0.0.1:$port/" >"$TMPDIR/readme.c" &&
		grep -q "127.0.0.1:$port" "$TMPDIR/readme.c" && build "$TMPDIR/readme.c" "$TMPDIR/readme" || return
	serve "$TMPDIR/readme.log" "$TMPDIR/readme"
	talk "$port"
	result=$?
	stop_server
	return $result
}

block() {
	choose_compiler "$1"
	case $1 in
	*-run.c*) build "$1" "${1%.*}" && timeout 60 "${1%.*}" ;;
	*) $compiler -Wall -Wextra -Werror -I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" -c "$1" -o "$1.o" ;;
	esac
}

# header_examples NAME FILE: as a source, $TMPDIR/NAME.c
header_examples() {
	context=$PEAL_SRCDIR/tests/docs/context/$1
	[ -f "$context" ] || context=peal/peal.h
	awk -v name="$2" -v context="$context" -f "$PEAL_SRCDIR/tests/docs/examples.awk" "$2" >"$TMPDIR/$1.c"
}

compile_examples() {
	case $1 in
	*.hpp) compiler="$CXX -std=c++17 -x c++" ;;
	*) compiler=$CC ;;
	esac
	$compiler -Wall -Wextra -Werror -Wno-unused-variable -Wno-unused-but-set-variable -Wno-unused-function -Wno-unused-parameter \
		-I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" -fsyntax-only "$TMPDIR/$1.c"
}

# An example of sync.h that is spoilt in the middle is found, and where.
spoilt_example() {
	sed 's/^ \*\(.*\)peal_chan_select(cases, 2)/ *\1peal_chan_select(cases)/' "$PEAL_SRCDIR/include/peal/sync.h" >"$TMPDIR/spoilt" &&
		header_examples sync.h "$TMPDIR/spoilt" && ! compile_examples sync.h 2>"$TMPDIR/spoilt.log" &&
		line=$(grep -n 'peal_chan_select(cases)' "$TMPDIR/spoilt") && grep -q "spoilt:${line%%:*}:" "$TMPDIR/spoilt.log"
}

example_server() {
	build "$PEAL_SRCDIR/docs/examples/$1.c" "$TMPDIR/$1" || return
	serve "$TMPDIR/$1.log" "$TMPDIR/$1" 127.0.0.1:0
	printed_port "$TMPDIR/$1.log" && talk "$port"
	result=$?
	stop_server
	return $result
}

# What the comment at the head of an example says that it prints.
promised() {
	awk '/^ \*\// { exit } inside { sub(/^ \*\t/, ""); print } /^ \* Prints:$/ { inside = 1 }' "$1"
}

example() {
	build "$1" "$TMPDIR/example" &&
		promised "$1" >"$TMPDIR/want" &&
		timeout 60 "$TMPDIR/example" >"$TMPDIR/out" && diff "$TMPDIR/want" "$TMPDIR/out"
}

# A shared object in C that a Python program asks.
python_example() {
	folder=$PEAL_SRCDIR/docs/examples/python
	$CC -shared -fPIC -Wall -Wextra -Werror -I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" \
		"$folder/service.c" -o "$TMPDIR/service.so" "$PEAL_BUILDDIR/.libs/libpeal.so" \
		-Wl,-rpath,"$PEAL_BUILDDIR/.libs" &&
		sed -n '/^Prints:$/,/^"""$/s/^    //p' "$folder/ask.py" >"$TMPDIR/ask.want" &&
		timeout 60 python3 "$folder/ask.py" "$PEAL_BUILDDIR/.libs/libpeal.so" "$TMPDIR/service.so" \
			>"$TMPDIR/ask.out" && diff "$TMPDIR/ask.want" "$TMPDIR/ask.out"
}

cxx=$(command -v ${CXX%% *})
tap_ok "README.md: the first program serves" readme_server
for file in README.md CONTRIBUTING.md core/README.md docs/*.md; do
	[ -f "$PEAL_SRCDIR/$file" ] || continue
	rm -f "$TMPDIR"/block-*
	marked_blocks "$PEAL_SRCDIR/$file"
	for source in "$TMPDIR"/block-*.c*; do
		if [ ! -f "$source" ]; then
			continue
		elif [ -n "${source##*.cc}" ] || [ -n "$cxx" ]; then
			tap_ok "$file: ${source##*/}" block "$source"
		else
			tap_skip "$file: ${source##*/}" "there is no C++ compiler"
		fi
	done
done

for header in "$PEAL_SRCDIR"/include/peal/*.h "$PEAL_SRCDIR"/include/peal/*.hpp "$PEAL_SRCDIR"/plugins/*/*.h; do
	name=${header##*/}
	header_examples "$name" "$header"
	if ! grep -q '^int example_' "$TMPDIR/$name.c"; then
		continue
	elif [ -z "${header##*.hpp}" ] && [ -z "$cxx" ]; then
		tap_skip "$name: examples" "there is no C++ compiler"
	elif [ "${header%/include/peal/*}" = "$header" ] && [ ! -f "$PEAL_BUILDDIR/include/peal/plugins/$name" ]; then
		tap_skip "$name: examples" "the plugin is not built"
	else
		tap_ok "$name: examples" compile_examples "$name"
	fi
done
tap_ok "an example that does not compile is found" spoilt_example

for source in "$PEAL_SRCDIR"/docs/examples/*.c "$PEAL_SRCDIR"/docs/examples/*.cc; do
	name=${source##*/}
	name=${name%.*}
	needs=$(needed "$source")
	if [ -z "${source##*.cc}" ] && [ -z "$cxx" ]; then
		tap_skip "examples/$name" "there is no C++ compiler"
	elif [ -n "$needs" ] && ! pkg-config --exists "$needs"; then
		tap_skip "examples/$name" "pkg-config does not find $needs"
	elif grep -q '^ \* Prints:$' "$source"; then
		tap_ok "examples/$name prints what it says" example "$source"
	else
		tap_ok "examples/$name serves" example_server "$name"
	fi
done
if ! command -v python3 >/dev/null; then
	tap_skip "examples/python prints what it says" "there is no python3"
elif [ -n "$PEAL_SANITIZER" ] || [ ! -f "$PEAL_BUILDDIR/.libs/libpeal.so" ]; then
	tap_skip "examples/python prints what it says" "there is no libpeal.so that python3 could load"
else
	tap_ok "examples/python prints what it says" python_example
fi
tap_done
