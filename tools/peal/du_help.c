/* SPDX-License-Identifier: MIT */
/* What `peal du --help` and --version say. */
#include <peal/peal.h>

#include "tools/peal/du.h"

static const char help[] =
	"Usage: peal du [OPTION]... [PATH]...\n"
	"\n"
	"Tell how much space directories take, with all that is in them, as GNU du does, on all\n"
	"cores. Without a PATH the current directory.\n"
	"\n"
	"What is counted:\n"
	"  -x, --one-file-system    leave out what is on other file systems than PATH\n"
	"      --exclude=PATTERN    leave out paths that match, or whose end after a slash does\n"
	"  -X, --exclude-from=FILE  the patterns in FILE, one on a line; - is standard input\n"
	"  -l, --count-links        count hard links as often as they are met\n"
	"  -A, --apparent-size      the sizes of files, not the space they take\n"
	"      --inodes             files and directories, not bytes\n"
	"\n"
	"Symbolic links (the last one counts):\n"
	"  -P, --no-dereference     follow none; the default\n"
	"  -D, -H, --dereference-args\n"
	"                           follow those given as PATH\n"
	"  -L, --dereference        follow all\n"
	"\n"
	"What is shown:\n"
	"  -a, --all                files too, not only directories\n"
	"  -s, --summarize          only each PATH\n"
	"  -d, --max-depth=N        only down to N levels below PATH\n"
	"  -t, --threshold=SIZE     only what has SIZE or more; with a minus, or less\n"
	"  -S, --separate-dirs      directories without their subdirectories\n"
	"  -c, --total              a total at the end\n"
	"\n"
	"Units:\n"
	"  -h, --human-readable     1K, 234M, 2G: powers of 1024\n"
	"      --si                 the same in powers of 1000\n"
	"  -B, --block-size=SIZE    units of SIZE: 512, K, 1M, 4KiB, 1kB, 'human-readable', 'si'\n"
	"  -k                       --block-size=1K, the default\n"
	"  -m                       --block-size=1M\n"
	"  -b, --bytes              --apparent-size --block-size=1\n"
	"  -0, --null               end lines with NUL\n"
	"\n"
	"      --jobs=N             walk on N shards; by default one for each CPU\n"
	"      --stats              say what the runtime did, on standard error\n"
	"      --help               this text\n"
	"      --version            the version\n"
	"\n"
	"The default unit comes from DU_BLOCK_SIZE, BLOCK_SIZE or BLOCKSIZE; it is 512 where\n"
	"POSIXLY_CORRECT is set. The exit status is 1 when something could not be read.\n";

void du_help(FILE *to)
{
	fputs(help, to);
}

void du_version(void)
{
	printf("du (Peal) %s\n", peal_version());
}
