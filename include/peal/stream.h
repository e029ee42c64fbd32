/* SPDX-License-Identifier: MIT */
/*
 * Streams: bytes in order, in one direction or two, whatever carries them.
 *
 * A TCP connection, a pipe, a file, and what plugins make of them, are all a struct peal_stream. What is
 * built upon streams, here and in buffered.h (lines, frames, gathered writes), works over all of them.
 *
 *	struct peal_fd_stream tcp;
 *	struct peal_stream *stream = peal_fd_stream(&tcp, fd);
 *
 *	n = peal_stream_write_all(stream, "hello\n", 6);
 *	...
 *	peal_stream_close(stream);
 *
 * One fiber may read while another one writes, from any shards; two that read at the same time would
 * tear the bytes apart, and so would two that write. Buffers are the caller's again when a call returns.
 *
 * Calls that read or write: in a fiber (-EPERM elsewhere), suspend, and take part in cancelling
 * (scope.h): -ECANCELED, -ETIMEDOUT. All of them give -EINVAL for NULL, and beyond what is named here the
 * errors of what carries the stream.
 */
#ifndef PEAL_STREAM_H
#define PEAL_STREAM_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct iovec;
struct peal_stream;

/*
 * What a kind of stream can do. `size` comes first and the table only grows at its end: one that was
 * built with an older header is shorter, and what it lacks is not called. Only read and write must be
 * there, and of a stream of one direction only its own (the other gives -EBADF).
 */
struct peal_stream_ops {
	size_t size;      /* of this struct */
	const char *kind; /* in a word, for reports: "fd" */
	/* At least one byte and at most size, waiting for the first; 0 at the end. size is not 0. */
	ssize_t (*read)(struct peal_stream *stream, void *buf, size_t size);
	/* At least one byte and at most size, waiting until there is room. size is not 0. */
	ssize_t (*write)(struct peal_stream *stream, const void *buf, size_t size);
	/* The same for several buffers, with at least one byte among them; at most 1024. NULL: the first
	 * buffer that is not empty is read or written alone. */
	ssize_t (*readv)(struct peal_stream *stream, const struct iovec *vector, int count);
	ssize_t (*writev)(struct peal_stream *stream, const struct iovec *vector, int count);
	/* Nothing more will be written: the peer reads the end. NULL: -EOPNOTSUPP. */
	int (*shutdown)(struct peal_stream *stream);
	/* Give up what the stream has; its memory too, if it was allocated. Not cancelled by anything.
	 * NULL: nothing to do. */
	int (*close)(struct peal_stream *stream);
	/* A descriptor whose bytes, those that are read (output false) or written (true), are the
	 * stream's own, so that the kernel can move them; or a negative errno. NULL: there is none. */
	int (*fd)(struct peal_stream *stream, bool output);
};

/*
 * A stream is the first member, or another one, of whatever struct its kind keeps; that finds itself by
 * PEAL_CONTAINER_OF(). Zeroed but for ops before its first use.
 */
struct peal_stream {
	const struct peal_stream_ops *ops;
	uint64_t reserved[3];
};

/* read: some bytes, waiting only for the first; 0 at the end, or for a size of 0. May suspend. */
PEAL_API ssize_t peal_stream_read(struct peal_stream *stream, void *buf, size_t size);
PEAL_API ssize_t peal_stream_readv(
	struct peal_stream *stream, const struct iovec *vector, int count);

/* write: how many bytes were taken, which may be fewer than size. The peer being gone is -EPIPE.
 * May suspend. */
PEAL_API ssize_t peal_stream_write(struct peal_stream *stream, const void *buf, size_t size);
PEAL_API ssize_t peal_stream_writev(
	struct peal_stream *stream, const struct iovec *vector, int count);

/*
 * Read exactly size bytes. size; 0 when the stream had ended before the first of them; -EPROTO when it
 * ended in their midst. After an error it is not told how many were read. (In a reader of buffered.h
 * they would still be there.) May suspend.
 */
PEAL_API ssize_t peal_stream_read_exact(struct peal_stream *stream, void *buf, size_t size);

/* Write everything: the number of bytes, or a negative errno; then it is not told how much went out.
 * May suspend. */
PEAL_API ssize_t peal_stream_write_all(struct peal_stream *stream, const void *buf, size_t size);
PEAL_API ssize_t peal_stream_writev_all(
	struct peal_stream *stream, const struct iovec *vector, int count);

/* Nothing more will be written: the peer reads the end, when it has read the rest. 0; -EOPNOTSUPP where
 * that cannot be told. */
PEAL_API int peal_stream_shutdown(struct peal_stream *stream);

/*
 * Give the stream up, with its descriptor, if it has one. NULL is accepted. It is gone whatever is
 * returned: 0, or what closing gave. Takes no part in cancelling. May suspend.
 */
PEAL_API int peal_stream_close(struct peal_stream *stream);

/*
 * A stream over descriptors: sockets that are connected, pipes, terminals, files (which are read and
 * written at their position). It lies where the user wants it, and needs nothing but peal_stream_close(),
 * which closes the descriptors, or nothing at all, when these are to stay open.
 */
struct peal_fd_stream {
	struct peal_stream stream;
	int32_t in, out;           /* the same one, mostly */
	uint8_t in_kind, out_kind; /* the library's */
	uint8_t reserved_bytes[6];
	uint64_t reserved[2];
};

/* Make one of a descriptor for both directions; or of two, of which one may be -1. Returns its stream.
 * Any thread. Does not suspend. */
PEAL_API struct peal_stream *peal_fd_stream(struct peal_fd_stream *stream, int fd);
PEAL_API struct peal_stream *peal_fd_stream_pair(struct peal_fd_stream *stream, int in, int out);

/*
 * Two streams in memory: what is written to one is read from the other, through a buffer of `capacity`
 * bytes for each direction; who writes waits when that is full. From any shards. Each end is given back
 * by closing it, which may be done on any thread and does not suspend. When the peer has closed its end, or shut it down,
 * what it wrote is read first, then the end; writing to one that is closed gives -EPIPE.
 *
 * 0; -ENOMEM; -EINVAL for NULL and a capacity of 0. Any thread. Does not suspend.
 */
PEAL_API int peal_stream_pair(struct peal_stream *ends[2], size_t capacity);

/* How a stream is to misbehave. */
struct peal_faulty_opts {
	size_t size;        /* of this struct; PEAL_FAULTY() sets it */
	uint64_t seed;      /* of the choices: the same ones for the same seed */
	uint32_t most_read; /* bytes in one read or write: from 1 up to this many; 0: no bound */
	uint32_t most_write;
	uint32_t yields;    /* before each call others run, up to so many times */
	uint32_t fail_read; /* the n-th read or write, from 1, fails; 0: none */
	uint32_t fail_write;
	int32_t error;      /* in this way; 0: -ECONNRESET */
	uint64_t end_after; /* reading gives the end after so many bytes; 0: when it comes */
};

#define PEAL_FAULTY(...) \
	(&(const struct peal_faulty_opts){ .size = sizeof(struct peal_faulty_opts), __VA_ARGS__ })

/* A stream for tests that passes everything on to another one, but not as well as it could. Its fields
 * are the library's. */
struct peal_faulty_stream {
	struct peal_stream stream;
	struct peal_stream *inner;
	struct peal_faulty_opts opts;
	uint64_t read_state, write_state, bytes_read;
	uint32_t reads, writes;
	uint64_t reserved[4];
};

/* Make one over `inner`, which is closed with it. 0; -E2BIG, -EINVAL. Any thread. Does not suspend. */
PEAL_API int peal_faulty_stream(struct peal_faulty_stream *faulty, struct peal_stream *inner,
	const struct peal_faulty_opts *opts);

/*
 * The two directions of a stream as streams of their own, to be given to two owners, on any shards. Each
 * closes its half: to close the writing one shuts the stream down, to close the second of the two closes
 * it. It lies where the user wants it, until both are closed; its fields are the library's.
 */
struct peal_stream_halves {
	struct peal_stream input, output;
	struct peal_stream *whole;
	uint64_t room[3];
};

/* 0; -EINVAL. Any thread. Does not suspend. */
PEAL_API int peal_stream_split(struct peal_stream_halves *halves, struct peal_stream *stream);

/*
 * Move bytes from one stream to another until the first ends, or `limit` of them were moved (UINT64_MAX:
 * to the end). Between descriptors the kernel moves them where that is faster, otherwise they go through a
 * buffer. Neither stream is shut down or closed.
 *
 * 0, or the error of reading or writing, or -ENOMEM. *copied (NULL: nothing) is set to 0 and grows with
 * what was written, also when an error follows: then some bytes more may have been read.
 * May suspend.
 */
PEAL_API int peal_stream_copy(
	struct peal_stream *to, struct peal_stream *from, uint64_t limit, uint64_t *copied);

PEAL_END_DECLS

#endif
