/* SPDX-License-Identifier: MIT */
/*
 * Makes the trees that test_differential.sh walks: `corpus DIR`. Everything that a disk usage program
 * can stumble over and that needs no privileges; what needs them is made when we are root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what, const char *name)
{
	fprintf(stderr, "corpus: %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static void directory(const char *name)
{
	if (mkdir(name, 0755))
		die("mkdir", name);
}

static void enter(const char *name)
{
	if (chdir(name))
		die("chdir", name);
}

/* A file with `size` bytes, of which the last `written` are not a hole. */
static void file(const char *name, off_t size, size_t written)
{
	static const char bytes[1 << 16] = "x";
	int fd = open(name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);

	if (fd < 0)
		die("open", name);
	if (ftruncate(fd, size) ||
		(written && pwrite(fd, bytes, written, size - (off_t)written) < 0))
		die("write", name);
	close(fd);
}

static void plain(const char *name, size_t size)
{
	file(name, (off_t)size, size);
}

static void hard_link(const char *from, const char *to)
{
	if (link(from, to))
		die("link", to);
}

static void symbolic_link(const char *to, const char *name)
{
	if (symlink(to, name))
		die("symlink", name);
}

__attribute__((format(printf, 1, 2))) static const char *numbered(const char *format, ...)
{
	static char names[4][64];
	static int next;
	char *name = names[next++ % 4];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(name, sizeof(names[0]), format, arguments);
	va_end(arguments);
	return name;
}

static void sizes(void)
{
	static const size_t all[] = { 0, 1, 511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097,
		10239, 10240, 10241, 65536 };

	directory("sizes");
	enter("sizes");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		plain(numbered("f%d", (int)all[i]), all[i]);
	directory("empty");
	enter("..");
}

static void tree(void)
{
	directory("tree");
	for (int a = 0; a < 6; a++) {
		directory(numbered("tree/a%d", a));
		for (int b = 0; b < 8; b++) {
			directory(numbered("tree/a%d/b%d", a, b));
			for (int c = 0; c < 4; c++) {
				enter(numbered("tree/a%d/b%d", a, b));
				plain(numbered("c%d", c),
					(size_t)a * 1000 + (size_t)b * 100 + (size_t)c);
				enter("../../..");
			}
		}
	}
}

static void sparse(void)
{
	directory("sparse");
	enter("sparse");
	file("all-hole", (off_t)1 << 30, 0);
	file("tail", (off_t)1 << 32, 10);
	file("big", ((off_t)1 << 40) + 7, 1);
	enter("..");
}

/* One file under many names, in several directories; many files with two names. */
static void links(void)
{
	directory("links");
	enter("links");
	plain("one", 50000);
	for (int i = 0; i < 4; i++) {
		directory(numbered("d%d", i));
		for (int k = 0; k < 5; k++)
			hard_link("one", numbered("d%d/l%d", i, k));
	}
	for (int i = 0; i < 120; i++) {
		const char *name = numbered("d%d/p%d", i % 4, i);

		plain(name, 600 + (size_t)i * 10);
		hard_link(name, numbered("d%d/q%d", (i + 1) % 4, i));
	}
	symbolic_link("one", "s");
	hard_link("s", "s2");
	enter("..");
}

/* More names than one job takes, directories and links among them. */
static void wide(void)
{
	directory("wide");
	enter("wide");
	plain("shared", 7000);
	for (int i = 0; i < 2600; i++) {
		const char *name = numbered("entry-with-a-long-name-%05d", i);

		if (i % 100 == 7)
			directory(name);
		else if (i % 100 == 8)
			hard_link("shared", name);
		else
			plain(name, (size_t)(i % 3));
		if (i % 100 == 7) {
			enter(name);
			plain("inside", 5000);
			hard_link("../shared", "again");
			enter("..");
		}
	}
	enter("..");
}

static void odd_names(void)
{
	static const char *const all[] = { "new\nline", " ", "a b", "-", "-dash", "--", "tab\there",
		"back\\slash", "bad\xff\xfe", "\xc3\xa4", "\xe2\x82\xac", "it's", "q\"q", "$HOME",
		"*", "?", "#x", "~", "{", "a:b", "\x01", "\x7f", "\x1b[1m", "...", "total",
		"\xc2\x85", "both'\"", "-0" };

	directory("odd");
	enter("odd");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		directory(all[i]);
		enter(all[i]);
		plain(all[(i + 1) % (sizeof(all) / sizeof(all[0]))], 100);
		enter("..");
	}
	enter("..");
}

static void special(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	directory("special");
	enter("special");
	if (mkfifo("fifo", 0644))
		die("mkfifo", "fifo");
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)))
		die("bind", "socket");
	if (!geteuid() &&
		(mknod("null", S_IFCHR | 0644, makedev(1, 3)) ||
			mknod("disk", S_IFBLK | 0644, makedev(7, 200))) &&
		errno != EPERM)
		die("mknod", "null");
	enter("..");
}

static void symbolic_links(void)
{
	directory("symlinks");
	enter("symlinks");
	directory("real");
	plain("real/file", 9000);
	directory("real/deeper");
	plain("real/deeper/file", 9000);
	symbolic_link("real", "to-directory");
	symbolic_link("real", "again");
	symbolic_link("real/file", "to-file");
	symbolic_link("nowhere", "dangling");
	symbolic_link("self", "self");
	symbolic_link("pong", "ping");
	symbolic_link("ping", "pong");
	symbolic_link("..", "up");
	symbolic_link("../..", "real/deeper/up");
	symbolic_link("../../symlinks", "real/deeper/round");
	enter("..");
}

/* A chain of links, each below the directory that the one before leads to. */
static void long_chain(void)
{
	directory("chain");
	enter("chain");
	for (int i = 0; i < 60; i++) {
		directory(numbered("%d", i));
		plain(numbered("%d/file", i), 100);
		symbolic_link(numbered("../%d", i + 1), numbered("%d/s", i));
	}
	enter("..");
}

/* Down past PATH_MAX, and back. */
static void deep(const char *name, const char *step, int levels)
{
	int home = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	directory(name);
	enter(name);
	for (int i = 0; i < levels; i++) {
		plain("file", (size_t)i);
		directory(step);
		enter(step);
	}
	if (home < 0 || fchdir(home))
		die("fchdir", name);
	close(home);
}

/* What nobody but root may look at or enter. */
static void closed(void)
{
	static const mode_t modes[] = { 0000, 0444, 0111, 0555 };

	directory("closed");
	enter("closed");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		const char *name = numbered("m%03o", (unsigned int)modes[i]);

		directory(name);
		enter(name);
		plain("file", 5000);
		directory("sub");
		plain("sub/file", 5000);
		symbolic_link("file", "link");
		enter("..");
		if (chmod(name, modes[i]))
			die("chmod", name);
	}
	enter("..");
}

/* Large enough to be passed in inode order. */
static void huge(void)
{
	directory("huge");
	enter("huge");
	directory("first");
	for (int i = 0; i < 10200; i++) {
		const char *name = numbered("%d-%d", i * 7919 % 10200, i);

		if (i % 1000 == 500) {
			directory(name);
			continue;
		}
		plain(name, i % 50 ? 0 : 3000);
		if (i % 50 == 0)
			hard_link(name, numbered("first/%d", i));
		if (i % 500 == 1)
			hard_link(name, numbered("zz%d", i));
	}
	enter("..");
}

int main(int argc, char **argv)
{
	char hundred[101];

	if (argc != 2)
		return 2;
	memset(hundred, 'd', 100);
	hundred[100] = '\0';
	umask(022);
	directory(argv[1]);
	enter(argv[1]);
	directory("all");
	enter("all");
	sizes();
	tree();
	sparse();
	links();
	wide();
	odd_names();
	special();
	symbolic_links();
	enter("..");
	long_chain();
	deep("deep", hundred, 60);
	deep("deeper", "n", 1200);
	closed();
	huge();
	return 0;
}
