#!/bin/sh
# SPDX-License-Identifier: MIT
# `peal run`: the example module, and modules that end in every way.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/peal/command.sh"

[ -f "$PEAL_BUILDDIR/.libs/libpeal.so" ] || tap_skip_all 'a module needs the shared library, which was not built'
cd "$TMPDIR" || exit 1

# module NAME SOURCE: as a user would build it, against what was just built.
module() {
	$CC ${PEAL_SANITIZER:+-fsanitize=$PEAL_SANITIZER} -Wall -Wextra -Werror -g -shared -fPIC \
		-I"$PEAL_SRCDIR/include" -I"$PEAL_BUILDDIR/include" -o "$1.so" "$2" -L"$PEAL_BUILDDIR/.libs" -lpeal
}

cat >ends.c <<'END'
#include <peal/peal.h>
#include <stdio.h>
#include <stdlib.h>

static int overflow(volatile char *outer, int depth)
{
	volatile char inner[1024];

	inner[0] = outer ? outer[0] : 1;
	return depth ? overflow(inner, depth - 1) + inner[0] : inner[0];
}

int peal_main(struct peal_rt *rt, int argc, char **argv)
{
	if (argc > 1 && argv[1][0] == 'o')
		return overflow(NULL, 1000000);
	if (argc > 1)
		return atoi(argv[1]);
	printf("%s: %u shards on %s, here is %d\n", argv[0], peal_rt_shards(rt), peal_rt_backend(rt), peal_shard());
	return 0;
}
END
echo 'int nothing;' >empty.c
module ends ends.c && module empty empty.c || exit 1

usage() {
	code 0 "$peal" run --help && shows '^usage: peal run' &&
		code 2 "$peal" run && says 'which module: none was named' &&
		code 2 "$peal" run --nonsense ends.so && says "unrecognized option '--nonsense'" &&
		code 2 "$peal" run -n 0 ends.so && says 'not a number of shards: 0' &&
		code 2 "$peal" run -n 4x ends.so && says 'not a number of shards: 4x' &&
		code 2 "$peal" run --plugin
}
tap_ok 'it explains itself' usage

example() {
	sed -n 's/^ \*\t\(Hi, .*\)/\1/p' "$PEAL_SRCDIR/docs/examples/modules/greet.c" >want &&
		[ -s want ] && module greet "$PEAL_SRCDIR/docs/examples/modules/greet.c" &&
		code 0 "$peal" run --shards 2 --plugin hello:greeting=Hi ./greet.so Ada Grace && diff want "$out"
}
if [ -f "$PEAL_BUILDDIR/plugins/.libs/hello.so" ]; then
	tap_ok 'the example prints what it says' example
else
	tap_skip 'the example prints what it says' 'the plugin hello was not built as a shared object'
fi

fails() {
	code 1 "$peal" run ./greet.so Ada && says 'greet\.so: peal_main returned -38 \(Function not implemented\)'
}
[ ! -f greet.so ] || tap_ok 'without its plugin the example fails' fails

options() {
	code 0 "$peal" run -n 3 ends.so && shows '^ends\.so: 3 shards on [a-z]+, here is 0$' &&
		backend=$(sed 's/.* on \([a-z]*\),.*/\1/' "$out") &&
		code 0 "$peal" run --backend "$backend" --shards 1 ./ends.so && shows "^\./ends\.so: 1 shards on $backend," &&
		code 0 "$peal" run -s -n 2 "$PWD/ends.so" && says "2 shards on $backend" 'tasks_spawned'
}
tap_ok 'shards, backend, counters' options

codes() {
	code 0 "$peal" run ends.so 0 && code 7 "$peal" run ends.so 7 && code 4 "$peal" run ends.so 260 &&
		code 1 "$peal" run ends.so -2 && says 'ends\.so: peal_main returned -2 \(No such file or directory\)'
}
tap_ok 'the exit code is the result' codes

arguments() {
	code 9 "$peal" run -n 1 -- ends.so 9 && code 5 "$peal" run ends.so 5 --help -n 0
}
tap_ok 'what follows the module is its own' arguments

modules() {
	echo 'no module' >text.so && mkdir folder.so &&
		code 127 "$peal" run nothing.so && says '^peal run: nothing\.so: No such file or directory$' &&
		code 127 "$peal" run ends.so/x && says 'Not a directory' &&
		code 126 "$peal" run text.so && says '^peal run: text\.so: file too short$|invalid ELF header' &&
		code 126 "$peal" run ./folder.so && says '^peal run: \./folder\.so: ' &&
		code 126 "$peal" run empty.so && says 'empty\.so: it has no function peal_main' 'int peal_main\('
}
tap_ok 'files that are no modules' modules

runtimes() {
	code 125 "$peal" run -b nonsense ends.so && says 'nonsense' &&
		code 125 "$peal" run -p nothing ends.so && says 'plugin nothing: there is no nothing\.so in ' &&
		code 125 "$peal" run -p ../hello ends.so && says '"\.\./hello" is not the name of a plugin'
}
tap_ok 'no runtime, no plugin' runtimes

parameters() {
	code 125 "$peal" run -p hello:colour=blue ends.so &&
		says 'plugin hello: it has no parameter "colour"; it takes: greeting$' &&
		code 0 "$peal" run -p hello -p hello:greeting=Hello ends.so &&
		code 125 "$peal" run -p hello -p hello:greeting=Hi ends.so && says 'loaded already, with other parameters'
}
if [ -f "$PEAL_BUILDDIR/plugins/.libs/hello.so" ]; then
	tap_ok 'parameters of plugins' parameters
else
	tap_skip 'parameters of plugins' 'the plugin hello was not built as a shared object'
fi

overflows() {
	code=0
	"$peal" run ends.so overflow >"$out" 2>"$err" || code=$?
	[ $code -gt 128 ] && says 'main'
}
case $PEAL_SANITIZER in
'') tap_ok 'a stack that overflows is reported by the name of its fiber' overflows ;;
*) tap_skip 'a stack that overflows is reported by the name of its fiber' 'the sanitizer reports it in its own way' ;;
esac

tap_done
