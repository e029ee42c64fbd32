#!/bin/sh
# SPDX-License-Identifier: MIT
# The tree is tidy, and tools/tidy would notice if it were not: each check is shown a tree with one
# defect planted.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/build/scratch.sh"

cd "$PEAL_SRCDIR" || exit 1
for check in $(tools/tidy --list); do
	tap_ok "the tree passes: $check" tools/tidy "$check"
done

tree=$TMPDIR/tree
scratch_tree "$tree" || exit 1
cd "$tree" || exit 1
mkdir -p backends/planted plugins/greedy

# finds CHECK WORDS: the check fails and says WORDS.
finds() {
	if tools/tidy "$1" >"$TMPDIR/said"; then
		echo "tidy $1 found nothing"
		return 1
	fi
	! grep -qF "$2" "$TMPDIR/said" || return 0
	cat "$TMPDIR/said"
	return 1
}

# planted CHECK WORDS FILE TEXT: one more file, and what the check says about it.
planted() {
	printf '%s\n' "$4" >"$3"
	tap_ok "$1 finds: $2" finds "$1" "$2"
	rm -f "$3"
}

planted names 'core must not know planted by name' core/base/x.c 'const char *name = "planted";'
planted names 'core must not know greedy by name' core/base/x.c 'int n = peal_greedy_eat(1);'
planted layers 'core includes no backend' core/base/x.h '#include "backends/planted/planted.h"'
planted layers 'public headers include' include/peal/x.h '#include "core/sys.h"'
planted layers 'a backend includes no other backend' backends/planted/x.c '#include "backends/other/other.h"'
planted layers 'a plugin uses the public headers only' plugins/greedy/x.c '#include "core/task/task.h"'
planted calls 'a system call outside core/sys.h' core/base/x.c '	n = read(fd, buf, size); /* not this close(fd) */'
planted calls 'a system call outside core/sys.h' backends/planted/x.c '	return syscall(1, 2);'
planted parts 'backends/planted: peal-planted.7 is missing' backends/planted/config.m4 'PEAL_BACKEND([x], [y])'
planted parts 'plugins/greedy: greedy.h is missing' plugins/greedy/module.mk '#'
planted parts 'core/module.mk: does not name core/base/x.c' core/base/x.c '/* x */'
planted parts 'tests/build/module.mk: does not name tests/build/test_x' tests/build/test_x.c '/* x */'
planted lengths 'core/base/x.c: 401 lines' core/base/x.c "$(yes '/* x */' | head -n 401)"
planted lengths 'plugins/greedy/x.c: 601 lines' plugins/greedy/x.c "$(yes '/* x */' | head -n 601)"
planted licence 'core/base/x.c:1: not the licence line' core/base/x.c '/* x */'
planted licence 'core/base/x.c:2: a comment' core/base/x.c '/* SPDX-License-Identifier: MIT */
int x;'
planted licence 'tests/x.sh:1: no licence line' tests/x.sh '#!/bin/sh'
word=TO
planted words "core/base/x.c:1" core/base/x.c "/* ${word}DO later */"
planted space 'core/base/x.c:1: space at the end' core/base/x.c 'int x; '
planted comments 'include/peal/x.h:4: no comment' include/peal/x.h '/* This one has one. */
PEAL_API void peal_x(void);

PEAL_API void peal_y(void);'
planted map '+peal_planted' include/peal/x.h 'PEAL_API PEAL_MUST_CHECK int peal_planted(
	int (*f)(void));'
planted version 'version' configure.ac 'AC_INIT([peal], [9.9.9])'
planted lists 'list.mk: stale' list.mk 'include backends/gone/module.mk'
tap_done
