/* SPDX-License-Identifier: MIT */
/*
 * Copying by splice(2): from socket to socket, for less than half of what a buffer costs, and into pipes.
 * Two sockets need a pipe between them, a large one: with one of the usual size nothing is gained. From
 * pipes to sockets, page by page, it costs more than a buffer; so it does with files, because what touches
 * a disk goes to the pool of threads, for each piece.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include <peal/io.h>
#include <peal/net.h>

#include "core/stream/copy.h"
#include "core/sys.h"

#define PIPE_BYTES  (1 << 20)
#define PIPE_LEAST  (1 << 18)
#define SMALL       16384
#define SMALL_TIMES 8

/* From in to out, through the pipe unless that is one. */
struct way {
	int in, out;
	int pipe[2];
	bool direct;
};

static int fd_of(struct peal_stream *stream, bool output)
{
	return PEAL_HAS(stream->ops, fd) ? stream->ops->fd(stream, output) : -EOPNOTSUPP;
}

static mode_t kind_of(int fd)
{
	struct stat st;

	return fd >= 0 && peal_sys_fstat(fd, &st) == 0 ? st.st_mode & S_IFMT : 0;
}

/* A pipe that is worth it. There is a bound to what a user may have (pipe(7)). */
static bool make_pipe(int fds[2])
{
	if (peal_pipe(fds) < 0)
		return false;
	if (peal_sys_fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES) >= PIPE_LEAST)
		return true;
	peal_close(fds[0]);
	peal_close(fds[1]);
	return false;
}

static bool find_way(const struct peal_copy *copy, struct way *way)
{
	mode_t in, out;

	way->in = fd_of(copy->from, false);
	way->out = fd_of(copy->to, true);
	in = kind_of(way->in);
	out = kind_of(way->out);
	way->direct = out == S_IFIFO;
	if (way->direct)
		return in == S_IFSOCK || in == S_IFIFO;
	return in == S_IFSOCK && out == S_IFSOCK && make_pipe(way->pipe);
}

static void end_way(const struct way *way)
{
	if (way->direct)
		return;
	peal_close(way->pipe[0]);
	peal_close(way->pipe[1]);
}

/* What the kernel does not move (an unusual kind of socket, say) comes out of the pipe by hand. */
static int empty_pipe(struct peal_copy *copy, const struct way *way, size_t held)
{
	while (held) {
		size_t most = held < copy->size ? held : copy->size;
		ssize_t n = peal_read(way->pipe[0], copy->buf, most);
		ssize_t m = n > 0 ? peal_stream_write_all(copy->to, copy->buf, (size_t)n) : n;

		if (m <= 0)
			return m ? (int)m : -EIO;
		held -= (size_t)n;
		peal_copy_count(copy, (size_t)n);
	}
	copy->stays = true;
	return 1;
}

static bool cannot(ssize_t n)
{
	return n == -EINVAL || n == -EOPNOTSUPP;
}

static int splice_out(struct peal_copy *copy, const struct way *way, size_t held)
{
	while (held) {
		ssize_t n = peal_splice(way->pipe[0], NULL, way->out, NULL, held, 0);

		if (cannot(n))
			return empty_pipe(copy, way, held);
		if (n <= 0)
			return n ? (int)n : -EIO;
		held -= (size_t)n;
		peal_copy_count(copy, (size_t)n);
	}
	return 1;
}

/* 1, 0 at the end, or an error. */
static int splice_piece(struct peal_copy *copy, const struct way *way)
{
	size_t most = copy->left < PIPE_BYTES ? (size_t)copy->left : PIPE_BYTES;
	ssize_t n = peal_splice(
		way->in, NULL, way->direct ? way->out : way->pipe[1], NULL, most, 0);

	if (cannot(n)) {
		copy->stays = true;
		return 1;
	}
	if (n <= 0)
		return (int)n;
	copy->streak = n < SMALL ? copy->streak + 1 : 0;
	if (!way->direct)
		return splice_out(copy, way, (size_t)n);
	peal_copy_count(copy, (size_t)n);
	return 1;
}

int peal_copy_spliced(struct peal_copy *copy)
{
	struct way way;
	int n = 1;

	if (!find_way(copy, &way)) {
		copy->stays = true;
		return 1;
	}
	while (n > 0 && copy->left && !copy->stays && copy->streak < SMALL_TIMES)
		n = splice_piece(copy, &way);
	copy->streak = 0;
	end_way(&way);
	return n;
}
