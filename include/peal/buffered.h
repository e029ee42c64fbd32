/* SPDX-License-Identifier: MIT */
/*
 * Buffers on streams: readers that find lines, delimiters and frames; writers that gather what is
 * written, so that it leaves in one call.
 *
 *	peal_reader_init(&reader, stream, NULL, 0);
 *	peal_writer_init(&writer, stream, NULL, 0);
 *	peal_reader_tie(&reader, &writer);
 *	while ((err = peal_reader_line(&reader, &line, &size, 0)) > 0)
 *		answer(&writer, line, size);                  // with peal_writer_write() and its like
 *	peal_reader_end(&reader);
 *	peal_writer_end(&writer);
 *
 * That is a server of pipelined requests: as long as there are lines in the buffer it answers into the
 * writer's; when it has to wait for more, all answers leave with one call.
 *
 * Readers and writers lie where their user wants them. Each is used by one fiber at a time, a reader and
 * a writer of the same stream by two if they are not tied. Calls that may read from the stream or write to
 * it: in a fiber (-EPERM elsewhere, where they would have to), may suspend, and take part in cancelling
 * (scope.h) whenever they have to wait: -ECANCELED, -ETIMEDOUT. -EINVAL for NULL. Other errors are the
 * stream's.
 */
#ifndef PEAL_BUFFERED_H
#define PEAL_BUFFERED_H

#include <stdarg.h>

#include <peal/base.h>
#include <peal/stream.h>

PEAL_BEGIN_DECLS

struct iovec;
struct peal_writer;

/* The size of a buffer for which none was given: 16 KiB. */
#define PEAL_BUFFER_BYTES 16384

/* A reader. Its fields are the library's. */
struct peal_reader {
	struct peal_stream *stream;
	char *buf;
	size_t capacity;
	size_t start, end; /* of what was read from the stream and not yet by the user */
	struct peal_writer *flushes;
	uint32_t flags, pad;
	uint64_t reserved[3];
};

/*
 * A reader on a stream, with a buffer of the user's, of `size` bytes; or, with buf NULL, one of the
 * library's, of that size or PEAL_BUFFER_BYTES for 0. The buffer bounds what is found in one piece: the
 * longest line, or frame. 0; -ENOMEM; -EINVAL. Any thread. Does not suspend.
 */
PEAL_API int peal_reader_init(
	struct peal_reader *reader, struct peal_stream *stream, void *buf, size_t size);

/* Give back the library's buffer. What is in the buffer is lost; the stream stays open. Accepts NULL. Any
 * thread. Does not suspend. */
PEAL_API void peal_reader_end(struct peal_reader *reader);

/*
 * From now on, before the reader reads from its stream, the writer is flushed: nobody waits for an answer
 * to a question that was not sent. NULL unties them. Errors of flushing are then errors of reading. Any
 * thread. Does not suspend.
 */
PEAL_API int peal_reader_tie(struct peal_reader *reader, struct peal_writer *writer);

/* How many bytes are in the buffer. 0 for NULL. Does not suspend. */
PEAL_API size_t peal_reader_buffered(const struct peal_reader *reader);

/* Some bytes, what is in the buffer first, waiting only when there is nothing; 0 at the end, or for a size
 * of 0. May suspend. */
PEAL_API ssize_t peal_reader_read(struct peal_reader *reader, void *buf, size_t size);

/*
 * Exactly size bytes. size; 0 when the stream had ended before the first of them; -EPROTO when it ended in
 * their midst. As long as size is no more than the buffer's, an error takes nothing: the call can be made
 * again. With a larger one some bytes are gone. May suspend.
 */
PEAL_API ssize_t peal_reader_read_exact(struct peal_reader *reader, void *buf, size_t size);

/*
 * Look at what comes next without taking it: waits until at least so many bytes are in the buffer, or the
 * stream has ended. Where they are in *data, and how many: fewer than at_least only at the end of the
 * stream, 0 when there is nothing more. With at_least 0 it looks at what is there and does not wait.
 * -EMSGSIZE when the buffer is smaller than at_least. *data is good until the next call on the reader.
 * May suspend.
 */
PEAL_API ssize_t peal_reader_peek(struct peal_reader *reader, char **data, size_t at_least);

/* Take bytes that were looked at. 0; -EINVAL when there are not so many in the buffer. Does not suspend. */
PEAL_API int peal_reader_consume(struct peal_reader *reader, size_t size);

/* Read so many bytes and throw them away. How many these were: fewer at the end of the stream. After an
 * error it is not told. May suspend. */
PEAL_API int64_t peal_reader_skip(struct peal_reader *reader, int64_t size);

/*
 * Everything up to a delimiter, and this too: "\r\n\r\n" ends the head of a request. The bytes are in the
 * buffer, *size of them from *data, and good until the next call on the reader.
 *
 * 1; 0 when the stream has ended and there is nothing more; -EPROTO when it has ended without the
 * delimiter; -EMSGSIZE when that is not among the next `limit` bytes (0: as many as the buffer holds).
 * After an error nothing was taken, and peal_reader_peek() shows what there is. -EINVAL for an empty
 * delimiter. May suspend.
 */
PEAL_API int peal_reader_until(struct peal_reader *reader, const void *delimiter,
	size_t delimiter_size, char **data, size_t *size, size_t limit);

/*
 * A line: its text without the "\n" or "\r\n" that ends it, in *line, with a '\0' in that place; *size
 * bytes (size may be NULL). An empty line has 0 of them, which is not the end. The limit includes the
 * line's end. Otherwise as peal_reader_until(): 1, 0, -EPROTO for a last line that nothing ends,
 * -EMSGSIZE. May suspend.
 */
PEAL_API int peal_reader_line(struct peal_reader *reader, char **line, size_t *size, size_t limit);

/* A writer. Its fields are the library's. */
struct peal_writer {
	struct peal_stream *stream;
	char *buf;
	size_t capacity;
	size_t start, end; /* of what was written by the user and not yet to the stream */
	uint32_t flags, pad;
	void *prompt;
	uint64_t reserved[3];
};

/* A writer on a stream, with a buffer as in peal_reader_init(). */
PEAL_API int peal_writer_init(
	struct peal_writer *writer, struct peal_stream *stream, void *buf, size_t size);

/* Give back the library's buffer. What was not flushed is lost; the stream stays open. Accepts NULL. Any
 * thread, unless it is prompt (below). Does not suspend, unless it is prompt. */
PEAL_API void peal_writer_end(struct peal_writer *writer);

/* How many bytes wait in the buffer. 0 for NULL. Does not suspend. */
PEAL_API size_t peal_writer_buffered(const struct peal_writer *writer);

/*
 * Write into the buffer. When there is no room the buffer and what is written leave in one call,
 * uncopied, and what the stream does not take at once stays in the buffer if it fits.
 *
 * The number of bytes, all of them; or a negative errno. After -ECANCELED and -ETIMEDOUT none of them were
 * taken, and the call can be made again; only if some were already on their way, which takes more bytes
 * than the buffer has, the writer is broken, and everything gives -EPIPE from then on.
 * May suspend.
 */
PEAL_API ssize_t peal_writer_write(struct peal_writer *writer, const void *data, size_t size);
PEAL_API ssize_t peal_writer_writev(
	struct peal_writer *writer, const struct iovec *vector, int count);

/* The same for text as of printf(3). Also -ENOMEM, for text that is longer than the buffer.
 * May suspend. */
PEAL_API ssize_t peal_writer_printf(struct peal_writer *writer, const char *format, ...)
	PEAL_PRINTF(2, 3);
PEAL_API ssize_t peal_writer_vprintf(struct peal_writer *writer, const char *format, va_list args)
	PEAL_PRINTF(2, 0);

/* Let everything in the buffer leave. 0 when the stream has taken it. After an error the rest is still
 * there: the call can be made again, after a deadline, say. May suspend. */
PEAL_API int peal_writer_flush(struct peal_writer *writer);

/*
 * From now on nothing needs to be flushed: what gathered leaves, in one call, when the fiber suspends,
 * while that goes on with something else. What many fibers have written leaves together, as far as the
 * backend can do that. Errors show at the next call on the writer, and at every one from then on. Flushing
 * still waits until everything has left.
 *
 * The buffer is the kernel's from time to time: the writer is used on this shard only, and ended there by
 * a fiber, which waits for the buffer and is not cancelled. A fiber flushes before it moves.
 *
 * 0; -EOPNOTSUPP for a stream without a descriptor; -ENOMEM, -EINVAL, -EPERM. In a fiber. Does not suspend.
 */
PEAL_API int peal_writer_prompt(struct peal_writer *writer);

/*
 * Frames: pieces of data, each with its length before it. How the length is written is a number: of its
 * bytes, 1, 2, 4 or 8, in the order of the network; the other way round with PEAL_FRAME_LE added; or
 * PEAL_FRAME_VARINT, seven bits to a byte, the lowest first, as in protocol buffers (at most 10 bytes).
 *
 *	while ((n = peal_reader_frame(&reader, 4, 0, &data, &size)) > 0)
 *		...
 *	n = peal_writer_frame(&writer, 4, data, size);
 */
#define PEAL_FRAME_LE     0x100u
#define PEAL_FRAME_VARINT 0x200u

/*
 * The next frame: *size bytes from *data, in the buffer and good until the next call on the reader. An
 * empty frame has 0 of them, which is not the end.
 *
 * 1; 0 when the stream has ended and there is no frame more; -EPROTO when it has ended in the midst of one,
 * or for a varint that is none; -EMSGSIZE when the frame is longer than the limit (0: none of ours) or,
 * with its length, than the buffer; -EINVAL for a format that is none. After an error nothing was taken:
 * of one that is too long, peal_reader_frame_size() can take the length alone. May suspend.
 */
PEAL_API int peal_reader_frame(
	struct peal_reader *reader, uint32_t format, uint64_t limit, char **data, size_t *size);

/*
 * The length of the next frame alone, which is taken; its bytes come next, to be read in pieces of any
 * size. Results are those of peal_reader_frame(); here a limit of 0 is that of the buffer, UINT64_MAX is
 * none. May suspend.
 */
PEAL_API int peal_reader_frame_size(
	struct peal_reader *reader, uint32_t format, uint64_t limit, uint64_t *size);

/* Write a frame, as peal_writer_write() writes. size, or a negative errno: -EMSGSIZE when the length has no
 * room in its bytes, -EINVAL for a format that is none. May suspend. */
PEAL_API ssize_t peal_writer_frame(
	struct peal_writer *writer, uint32_t format, const void *data, size_t size);

PEAL_END_DECLS

#endif
