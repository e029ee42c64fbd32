/* SPDX-License-Identifier: MIT */
/*
 * Readers that look for something: delimiters, and the ends of lines.
 */
#include <errno.h>
#include <string.h>

#include "core/stream/buffered.h"

/* What is looked for, and how far it was not found: only behind that is it looked for again. */
struct search {
	const char *delimiter;
	size_t size;
	size_t limit;
	size_t seen;
};

/* In what is there: where it ends, from the start; 0 when it is not there (yet). */
static size_t look(const struct peal_reader *reader, struct search *search)
{
	size_t there = peal_reader_buffered(reader);
	size_t within = there < search->limit ? there : search->limit;
	size_t from = search->seen >= search->size ? search->seen - search->size + 1 : 0;
	const char *begin = reader->buf + reader->start, *hit = NULL;

	if (from < within)
		hit = search->size == 1
			? memchr(begin + from, *search->delimiter, within - from)
			: memmem(begin + from, within - from, search->delimiter, search->size);
	search->seen = within;
	return hit ? (size_t)(hit - begin) + search->size : 0;
}

/* 1, and in *size how far it reaches; 0, or a negative errno. Takes nothing. */
static int find(struct peal_reader *reader, struct search *search, size_t *size)
{
	size_t found;

	if (!search->limit || search->limit > reader->capacity)
		search->limit = reader->capacity;
	while (!(found = look(reader, search))) {
		ssize_t n;

		if (search->seen == search->limit)
			return -EMSGSIZE;
		n = peal_reader_fill(reader);
		if (n < 0)
			return (int)n;
		if (!n)
			return search->seen ? -EPROTO : 0;
	}
	*size = found;
	return 1;
}

int peal_reader_until(struct peal_reader *reader, const void *delimiter, size_t delimiter_size,
	char **data, size_t *size, size_t limit)
{
	struct search search = { .delimiter = delimiter, .size = delimiter_size, .limit = limit };
	size_t found;
	int n;

	if (!reader || !delimiter || !delimiter_size || !data || !size)
		return -EINVAL;
	n = find(reader, &search, &found);
	if (n <= 0)
		return n;
	*data = reader->buf + reader->start;
	*size = found;
	reader->start += found;
	return 1;
}

int peal_reader_line(struct peal_reader *reader, char **line, size_t *size, size_t limit)
{
	struct search search = { .delimiter = "\n", .size = 1, .limit = limit };
	size_t found, length;
	char *text;
	int n;

	if (!reader || !line)
		return -EINVAL;
	n = find(reader, &search, &found);
	if (n <= 0)
		return n;
	text = reader->buf + reader->start;
	length = found - 1;
	if (length && text[length - 1] == '\r')
		length--;
	text[length] = '\0';
	*line = text;
	if (size)
		*size = length;
	reader->start += found;
	return 1;
}
