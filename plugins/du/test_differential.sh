#!/bin/sh
# SPDX-License-Identifier: MIT
# `peal du` against the du of the system: output, messages and exit status, for many options and
# operands, on each backend that works here, with 1, 2 and 8 shards.
#
# Lines are compared sorted, messages too. What is known to differ between GNU's versions:
#
#   --apparent-size, -b   since 9.2 directories count 0; before, they counted their st_size. That is
#                         what we do: from an older du's result the sizes of directories are taken off.
#   -A                    came with 9.10; it is compared with our own --apparent-size.
#   -d -1                 is refused by 9.1 and from 9.12 on, and by us; 9.4 to 9.11 took it for 0.
#   vanished entries      are passed over since 9.12, and by us; before, they were messages. Nothing
#                         vanishes in this test.
#   on a terminal         names are quoted since 9.12, and by us. Nothing is a terminal in this test.
#   -t, -B with R and Q   came with 9.2.
#   -L                    walks deeper than PATH_MAX here; GNU's says "File name too long".
#   --files0-from, --time, --time-style are not among our options.
#
# shellcheck disable=SC2209,SC3045 # words that are commands are meant, and Debian's sh has ulimit -n
. "$PEAL_SRCDIR/tests/tap.sh"

# Mounts that we make must not be seen outside.
if [ "$(id -u)" = 0 ] && [ -z "${DU_TEST_NAMESPACE-}" ] && unshare -m true 2>/dev/null; then
	DU_TEST_NAMESPACE=1
	export DU_TEST_NAMESPACE
	exec unshare -m /bin/sh "$0"
fi

du=$(command -v du) || tap_skip_all "there is no du here"
"$du" --version 2>/dev/null | grep -q GNU || tap_skip_all "$du is not GNU's"
du=du

# The program itself where libtool has put a script in front of it: nobody may be unable to run that.
peal=$PEAL_BUILDDIR/tools/peal/peal
if [ -x "$PEAL_BUILDDIR/tools/peal/.libs/peal" ]; then
	peal=$PEAL_BUILDDIR/tools/peal/.libs/peal
	LD_LIBRARY_PATH=$PEAL_BUILDDIR/.libs${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
	export LD_LIBRARY_PATH
fi
unset DU_BLOCK_SIZE BLOCK_SIZE BLOCKSIZE POSIXLY_CORRECT QUOTING_STYLE TIME_STYLE PEAL_BACKEND
LC_ALL=C
export LC_ALL

chmod 755 "$TMPDIR"
cd "$TMPDIR" || exit 99
"$PEAL_BUILDDIR/plugins/du/corpus" corpus || exit 99
cd corpus || exit 99
out=$TMPDIR/out
mkdir "$out"

# "BACKEND JOBS" for each way to run.
ways=
for backend in uring epoll; do
	if PEAL_BACKEND=$backend "$peal" du -s all/sizes/empty >/dev/null 2>"$out/why"; then
		for jobs in 1 2 8; do
			# Sanitizers are slow: there each backend runs with one number of shards only.
			case $PEAL_SANITIZER,$backend,$jobs in
			?*,uring,[12] | ?*,epoll,[18]) ;;
			*) ways="$ways $backend,$jobs" ;;
			esac
		done
	else
		tap_skip "on $backend" "$(tail -n 1 "$out/why")"
	fi
done

# What to put in front of both programs, and what to take off the result of an old du.
as=
adjust=cat

# same_lines A B: as lines, in any order. Text with NUL has its lines ended by NUL.
same_lines() {
	cmp -s "$1" "$2" && return
	tr '\0\n' '\n\0' <"$1" | grep -q . && tr -d '\0' <"$1" | cmp -s "$1" - || sort_option=-z
	sort ${sort_option-} "$1" >"$out/sorted-1"
	sort ${sort_option-} "$2" >"$out/sorted-2"
	unset sort_option
	diff -a "$out/sorted-1" "$out/sorted-2"
}

# run_both ARGUMENT...: GNU's du, then ours in all ways.
run_both() {
	$as "$du" "$@" >"$out/raw" 2>"$out/expected-messages"
	expected=$?
	$adjust <"$out/raw" >"$out/expected"
	for way in $ways; do
		PEAL_BACKEND=${way%,*} $as "$peal" du --jobs="${way#*,}" "$@" >"$out/got" 2>"$out/messages"
		status=$?
		if [ $status != $expected ]; then
			echo "$way: exit status $status instead of $expected"
			cat "$out/messages"
			return 1
		fi
		same_lines "$out/expected" "$out/got" || { echo "$way: other lines"; return 1; }
		same_lines "$out/expected-messages" "$out/messages" ||
			{ echo "$way: other messages"; return 1; }
	done
}

# check ARGUMENT...: one case.
check() {
	tap_ok "du $(printf '%s ' "$@" | tr '\n' '?')" run_both "$@"
}

# In each of these an option and its operands.
for options in '' -a -s -c -sc -d0 '-d 1' -d2 '-ad3' '-s -d 0' -S -aS '-S -d1' -Ss -h -ah --si -k -m -m1 \
	-B1 -BK -BkB -BKiB -aBM '-B 1000' '-B 0x200' -l -al -ls -x -ax -L -aL -Ll -aLl -D -H -aD -LP -LD -DP \
	-0 -a0 '-t 4K' '-t -4K' '-a -t 100K' '-at -1' '-t 1MB -c' --inodes '--inodes -a' '--inodes -h' \
	'--inodes -S' '--inodes -sl' '--inodes -t 10' '--inodes -t -2 -a' '--exclude=d*' '-a --exclude=file' \
	'-a --exclude=all/tree' '--exclude=tree/a?' '-a --exclude=*[05]' '--exclude=all' '-ac --exclude=*e --exclude=o*' \
	'--block-size=human-readable' --human --sum '--max=1' '--tot --sep' --app=1 --nosuch -y '-d x' '-d -1' \
	'-t -0' '-t x' '-B 0' '-B x' '-B 1Y' '-t 1w' -sa '-s -d 1' '-d x -y -B9'; do
	check $options all
	# shellcheck disable=SC2221,SC2222 # what matches twice is meant
	case $options in
	*s* | *d* | -[cxD]) check $options all/links/d1 all/links all/tree/ all/links/d3 ;;
	esac
done

# Operands in other ways.
check
check all/
check all//
check ./all/../all
check all/sizes/f1 all/sizes/f4096
check all/links/one all/links
check all/links all/links/one
check -a all/links/d0 all/links/d0/l1 all/links
check -l all/links all/links
check all all
check -c all/tree all all/tree/a1
check -s all/tree/a*
check -sc all/*
check all -a -- -k
check nosuch all/tree '' all/sizes
check -c nosuch
check ''
check -a all/symlinks/to-directory
check -a all/symlinks/to-directory/
check -a all/symlinks/to-file
check -a all/symlinks/dangling all/symlinks/self
check -aD all/symlinks/to-directory all/symlinks/to-file all/symlinks/dangling all/symlinks/self
check -aL all/symlinks/to-directory all/symlinks/real
check -aL all/symlinks/real/deeper
check -Lc all/symlinks all/symlinks/real
check -aL chain/0
check -aLl chain/0
check -L chain/30/ chain/0
check -s all/symlinks/to-directory/..
check -a deeper
check -s deeper
check -d 1 deeper deep
check --inodes deeper deep
check -a huge
check huge
check huge/first huge
check -X /dev/null all/tree
check -X nosuch all/tree
check -X . all/tree
printf 'a1  \n\n*2\n  x\nc\\3\nodd/-' >"$out/patterns"
check -a -X "$out/patterns" all/tree all/odd
check -a --exclude='a b' --exclude='\*' all/odd

# The order is GNU's too.
order() {
	for way in $ways; do
		for options in -a -L '-S -d2'; do
			for operands in 'all huge' chain; do
				$du $options $operands >"$out/expected" 2>/dev/null
				PEAL_BACKEND=${way%,*} "$peal" du --jobs="${way#*,}" $options $operands >"$out/got" 2>/dev/null
				cmp "$out/expected" "$out/got" || return 1
			done
		done
	done
}
tap_ok "lines come in GNU's order" order

# Environment.
for setting in DU_BLOCK_SIZE=1M DU_BLOCK_SIZE=h DU_BLOCK_SIZE=KiB DU_BLOCK_SIZE=x DU_BLOCK_SIZE=7x BLOCK_SIZE=1000 BLOCKSIZE=si \
	POSIXLY_CORRECT=1 LC_ALL=C.UTF-8; do
	as="env $setting"
	check -a all/tree/a1 all/odd
	check all/tree/a1 -a
	check -d "it's" all/tree/a1
	check -k all/tree
done
as=

# --apparent-size: see the top of this file.
if [ "$($du -b all/sizes/empty | cut -f 1)" != 0 ]; then
	adjust() {
		find all \( -name odd -o -name wide \) -prune -o -type d -printf '%s\t%p\n' >"$out/directories"
		awk -F '\t' -v separate="$separate" '
			NR == FNR { size[$2] = $1; next }
			$2 == "total" || !($2 in size) && separate != "total" { print; next }
			{
				left = $1 - size[$2]
				if (separate == "no")
					for (path in size)
						if (index(path, $2 "/") == 1)
							left -= size[path]
				printf "%.0f\t%s\n", left, $2
			}' "$out/directories" -
	}
	adjust=adjust
fi
apparent='--exclude=odd --exclude=wide'
separate=no
check -b $apparent all
check -ab $apparent all
check -sb all/tree all/sparse
check --apparent-size -B1 $apparent all
check -ab all/symlinks/real
separate=yes
check -abS $apparent all
adjust=cat
check -b all/sizes/f1 all/sizes/f4097 all/symlinks/self
check -b --inodes all/tree

short_apparent() {
	for way in $ways; do
		PEAL_BACKEND=${way%,*} "$peal" du --jobs="${way#*,}" -a --apparent-size all >"$out/expected"
		PEAL_BACKEND=${way%,*} "$peal" du --jobs="${way#*,}" -aA all >"$out/got"
		cmp "$out/expected" "$out/got" || return 1
	done
}
tap_ok "-A is --apparent-size" short_apparent

# As somebody who may not read everything, and thus perhaps not what was built: in a home, say.
nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
publish() {
	mkdir "$TMPDIR/public" || return
	for file in "$peal" "$PEAL_BUILDDIR"/.libs/libpeal.so* "$PEAL_BUILDDIR/plugins/.libs/du.so"; do
		[ ! -e "$file" ] || cp -P "$file" "$TMPDIR/public/" || return # a static build has no libraries
	done
	chmod -R go+rX-w "$TMPDIR/public" || return
	peal=$TMPDIR/public/peal
	LD_LIBRARY_PATH=$TMPDIR/public
	PEAL_PLUGIN_PATH=$TMPDIR/public
	export LD_LIBRARY_PATH PEAL_PLUGIN_PATH
}
if [ "$(id -u)" != 0 ]; then
	as=env
elif $nobody "$peal" du -s all/sizes >/dev/null 2>&1 ||
	{ publish && $nobody "$peal" du -s all/sizes >/dev/null; } 2>"$out/why"; then
	as=$nobody
fi
for options in '' -a -s -d1 -aS -x -L --inodes '-a --exclude=sub' '-t 1K'; do
	if [ -z "$as" ]; then
		tap_skip "du $options closed, as nobody" "nobody cannot run peal: $(tail -n 1 "$out/why")"
	else
		check $options closed
		check $options closed/m000 closed/m444/sub closed
	fi
done
as=

# Few descriptors.
few() (
	ulimit -n 64
	exec "$@"
)
as=few
check -a all
check -d1 deeper all
as=

# Mounts. "loop" is mounted below itself.
mounts() {
	mkdir -p mounts/a/sub mounts/a/other mounts/tmp mounts/b mounts/file-a mounts/a/sub/loop &&
		cp all/sizes/f4097 mounts/a/sub/ && cp all/sizes/f10240 mounts/a/ && cp all/sizes/f512 mounts/f &&
		ln mounts/a/f10240 mounts/a/sub/hard && : >mounts/file-a/on &&
		mount -t tmpfs -o size=1m tmpfs mounts/tmp && mkdir mounts/tmp/in &&
		cp all/sizes/f1025 mounts/tmp/in && cp all/sizes/f513 mounts/tmp &&
		mount --bind mounts/a/sub mounts/b && mount --bind mounts/f mounts/file-a/on &&
		mount --bind mounts/a mounts/a/sub/loop
}
if [ -z "${DU_TEST_NAMESPACE-}" ]; then
	tap_skip "mounts" "needs root and unshare -m"
elif ! mounts 2>"$out/why"; then
	tap_skip "mounts" "$(tail -n 1 "$out/why")"
else
	for options in '' -a -s -x -ax -xs -l -al -L -aL -Ll -d1 --inodes -c -ac; do
		check $options mounts
		check $options mounts/a
		check $options mounts/b mounts/a
		check $options mounts mounts/tmp mounts/file-a
	done
	check -x mounts/tmp mounts mounts/tmp/in
fi
tap_done
