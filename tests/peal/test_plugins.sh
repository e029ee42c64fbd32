#!/bin/sh
# SPDX-License-Identifier: MIT
# `peal plugins`: what it shows of good plugins and of bad ones, and how it ends.
. "$PEAL_SRCDIR/tests/tap.sh"
. "$PEAL_SRCDIR/tests/peal/command.sh"

built=$PEAL_BUILDDIR/tests/contract/plugins
folder=$TMPDIR/plugins
mkdir -m 755 "$folder"
cp "$built/probe.so" "$built/nosymbol.so" "$folder" && chmod 755 "$folder"/* || exit 1
cp "$built/needy.so" "$folder/other.so" && chmod 755 "$folder/other.so" || exit 1
cp "$built/needy.so" "$folder/open.so" && chmod 775 "$folder/open.so" || exit 1
PEAL_PLUGIN_PATH=$folder
export PEAL_PLUGIN_PATH

usage() {
	code 0 "$peal" plugins --help && shows '^usage: peal plugins' &&
		code 2 "$peal" plugins --nonsense && says "unrecognized option '--nonsense'"
}
tap_ok 'it explains itself' usage

table() {
	code 0 "$peal" plugins &&
		shows '^probe 1\.0-original: is loaded by tests$' "^    $folder/probe.so$" \
			'^    answer +default "42" +a whole number, from 1 to 1000 +to all questions$' \
			'^refused:$' "^$folder/nosymbol.so$" '^    plugin nosymbol: .* has no symbol peal_plugin' \
			'^    plugin open: its group may write to the file .*chmod g-w it$' \
			'^    plugin other: its descriptor calls it "needy"'
}
tap_ok 'all of them, and why some are refused' table

named() {
	code 0 "$peal" plugins probe && shows '^probe 1\.0' && ! grep -q refused "$out" &&
		code 1 "$peal" plugins other probe && shows '^probe 1\.0' '^refused:$' && ! grep -q nosymbol "$out" &&
		code 1 "$peal" plugins nothing && says 'there is no plugin nothing$'
}
tap_ok 'some by name' named

json() {
	code 0 "$peal" plugins --json &&
		shows "^\{\"name\": \"probe\", \"path\": \"$folder/probe.so\", \"usable\": true, \"version\": \"1.0-original\", \"summary\": \"is loaded by tests\", \"params\": \[\{\"name\": \"events\", .*\}\]\}$" \
			'\{"name": "answer", "type": "number", "expected": "a whole number, from 1 to 1000", "default": "42", "help": "to all questions"\}' \
			"^\{\"name\": \"open\", \"path\": \"$folder/open.so\", \"usable\": false, \"error\": 1, \"reason\": \"plugin open: its group may write" &&
		! grep -qv '^{.*}$' "$out"
}
tap_ok 'JSON, a line for each' json

none() {
	PEAL_PLUGIN_PATH=/nowhere code 0 "$peal" plugins || return 1
	[ -s "$out" ] || says 'there are none in .*/plugins-[0-9]+ or PEAL_PLUGIN_PATH$'
}
tap_ok 'none at all' none

full() {
	[ -c /dev/full ] || return 0
	code=0
	"$peal" plugins >/dev/full 2>"$err" || code=$?
	[ $code -eq 4 ] && says 'cannot write: No space left'
}
tap_ok 'output that does not arrive is told' full

tap_done
