/* SPDX-License-Identifier: MIT */
/*
 * Two protocols over a stream: questions that are lines, some of them sent together, and answers that are
 * frames. The stream is one in memory here; with peal_fd_stream() it would be a socket, and nothing else would
 * change.
 *
 * Prints:
 *	peal -> laep
 *	nothing -> nothing
 *	streams -> smaerts
 *	a line of more than 15 bytes is refused
 */
#include <peal/peal.h>

#include <stdio.h>
#include <string.h>

static void reverse(char *text, size_t size)
{
	for (size_t i = 0; i < size / 2; i++) {
		char c = text[i];

		text[i] = text[size - 1 - i];
		text[size - 1 - i] = c;
	}
}

/* Answers leave together, when there is no question left in the buffer. */
static int answer_all(struct peal_reader *reader, struct peal_writer *writer)
{
	char *line;
	size_t size;
	int n;

	while ((n = peal_reader_line(reader, &line, &size, 16)) > 0) {
		reverse(line, size);
		n = (int)peal_writer_frame(writer, 2, line, size);
		if (n < 0)
			return n;
	}
	if (n == -EMSGSIZE)
		n = (int)peal_writer_frame(writer, 2, "refused", 7);
	return n < 0 ? n : peal_writer_flush(writer);
}

static int serve(void *arg)
{
	struct peal_stream *stream = arg;
	struct peal_reader reader;
	struct peal_writer writer;
	char in[1024], out[1024];
	int err;

	peal_reader_init(&reader, stream, in, sizeof in);
	peal_writer_init(&writer, stream, out, sizeof out);
	peal_reader_tie(&reader, &writer);
	err = answer_all(&reader, &writer);
	peal_stream_close(stream);
	return err;
}

static int ask(struct peal_stream *stream)
{
	static const char *const questions[] = { "peal", "", "streams", "more than 15 bytes" };
	struct peal_reader answers;
	char *answer;
	size_t size;
	int n;

	n = peal_reader_init(&answers, stream, NULL, 0);
	if (n)
		return n;
	n = (int)peal_stream_write_all(stream, "peal\n\nstreams\r\nmore than 15 bytes\n", 34);
	for (int i = 0; n >= 0 && (n = peal_reader_frame(&answers, 2, 64, &answer, &size)) > 0;
		i++) {
		if (size == 7 && !memcmp(answer, "refused", size))
			printf("a line of more than 15 bytes is refused\n");
		else
			printf("%s -> %.*s\n", *questions[i] ? questions[i] : "nothing",
				size ? (int)size : 7, size ? answer : "nothing");
	}
	peal_reader_end(&answers);
	return n;
}

static int main_task(void *arg)
{
	struct peal_stream *ends[2];
	int err = peal_stream_pair(ends, 1000);

	(void)arg;
	if (err)
		return err;
	err = peal_spawn(serve, ends[1], PEAL_SPAWN(.place = PEAL_PINNED(1)));
	if (!err)
		err = ask(ends[0]);
	return err ? err : peal_stream_close(ends[0]);
}

int main(void)
{
	return peal_run(main_task, NULL, PEAL_RT(.shards = 2)) < 0;
}
