/* SPDX-License-Identifier: MIT */
/*
 * From a stats page to a checked snapshot. Three reads, each of what the one before it has shown to be
 * there: the header, the descriptors that are published, the blocks.
 */
#include "core/stats/stats_read.h"

#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/sys.h"

/* Word by word, because the owners of the words are writing them; acquire, so that the number of
 * descriptors is read before they are. */
static void fetch_memory(const void *memory, uint64_t offset, void *to, uint64_t size)
{
	const PEAL_ATOMIC(uint64_t) *from = (const void *)((const char *)memory + offset);
	uint64_t *words = to;

	for (uint64_t i = 0; i < size / sizeof *words; i++)
		words[i] = peal_load_acquire(&from[i]);
}

/* The kernel copies aligned words as a whole. */
static int fetch_file(int fd, uint64_t offset, char *to, uint64_t size)
{
	while (size) {
		long n = peal_sys_any(SYS_pread64, fd, (long)to, (long)size, (long)offset, 0, 0);

		if (n == -EINTR)
			continue;
		if (n < 0)
			return (int)n;
		if (!n)
			return -EBADMSG;
		to += n;
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

/* Offset and size are multiples of 8. */
static int fetch(const struct peal_stats_source *source, uint64_t offset, void *to, uint64_t size)
{
	if (offset > source->size || size > source->size - offset)
		return -EBADMSG;
	if (!source->memory)
		return fetch_file(source->fd, offset, to, size);
	fetch_memory(source->memory, offset, to, size);
	return 0;
}

/* What hurts a terminal stays out. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static bool check_text(char *text, size_t size)
{
	if (!memchr(text, '\0', size))
		return false;
	make_printable(text);
	return true;
}

static bool check_name(char *name, size_t size)
{
	size_t length;

	if (!memchr(name, '\0', size))
		return false;
	length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");
	return length && !name[length];
}

static bool record_fits(uint64_t size, size_t known)
{
	return size >= known && size <= PEAL_STATS_MAX_RECORD && size % 8 == 0;
}

/* The regions in their order, none in another, all in the page. No sum can overflow: the factors were
 * bounded first. */
static bool check_regions(const struct peal_stats_header *header, uint64_t size)
{
	uint64_t records = peal_load_relaxed(&header->descriptors) * header->descriptor_size;
	uint64_t blocks = (uint64_t)header->shards * header->block_stride;

	return header->descriptor_offset % 8 == 0 && header->block_offset % 8 == 0 &&
		header->block_stride % 8 == 0 && header->block_size % 8 == 0 &&
		header->outside_offset % 8 == 0 &&
		header->descriptor_offset >= header->header_size &&
		header->block_offset >= header->descriptor_offset + records &&
		header->block_stride >= header->block_size &&
		header->outside_offset >= header->block_offset + blocks &&
		size >= (uint64_t)header->outside_offset + header->block_size;
}

static int check_header(struct peal_stats_header *header, uint64_t size, struct peal_reason *reason)
{
	if (peal_load_relaxed(&header->magic) != PEAL_STATS_MAGIC)
		return peal_refuse(reason, -EBADMSG,
			"this is no stats page, or one that is not complete yet: no magic number");
	if (header->major != PEAL_STATS_MAJOR)
		return peal_refuse(reason, -EPROTO,
			"the stats page has version %u.%u, this program reads %u.x: use the peal of "
			"that version",
			header->major, header->minor, PEAL_STATS_MAJOR);
	if (!record_fits(header->header_size, sizeof *header) ||
		!record_fits(header->descriptor_size, sizeof(struct peal_stats_descriptor)) ||
		peal_load_relaxed(&header->descriptors) > PEAL_STATS_MAX_COUNTERS ||
		!header->shards || header->shards > PEAL_STATS_MAX_SHARDS)
		return peal_refuse(
			reason, -EBADMSG, "the stats page is broken: sizes beyond all bounds");
	if (!check_regions(header, size))
		return peal_refuse(
			reason, -EBADMSG, "the stats page is broken: its parts do not fit into it");
	if (!check_text(header->backend, sizeof header->backend) ||
		!check_text(header->name, sizeof header->name))
		return peal_refuse(
			reason, -EBADMSG, "the stats page is broken: a name without an end");
	return 0;
}

/* Arrays may overlap, which hurts nobody, but together they are not longer than a block: that bounds
 * what a reader prints. *words is what is left of it. */
static bool check_record(struct peal_stats_descriptor *record, uint64_t block_size, uint64_t *words)
{
	if (!record->kind || !record->length || record->length > *words || record->offset % 8 ||
		record->offset + (uint64_t)record->length * 8 > block_size)
		return false;
	*words -= record->length;
	return check_name(record->name, sizeof record->name) &&
		check_name(record->group, sizeof record->group) &&
		check_text(record->unit, sizeof record->unit) &&
		check_text(record->help, sizeof record->help);
}

static int check_records(struct peal_stats_content *content, struct peal_reason *reason)
{
	uint64_t words = content->header.block_size / 8;

	for (unsigned int i = 0; i < content->count; i++) {
		struct peal_stats_descriptor *record =
			(void *)(content->records + i * content->header.descriptor_size);

		if (!check_record(record, content->header.block_size, &words))
			return peal_refuse(reason, -EBADMSG,
				"the stats page is broken: counter %u is described wrongly", i);
		content->counters[i] = (struct peal_counter){
			.name = record->name,
			.group = record->group,
			.unit = record->unit,
			.help = record->help,
			.kind = record->kind,
			.length = record->length,
		};
	}
	return 0;
}

static int load_header(struct peal_stats_content *content, const struct peal_stats_source *source,
	struct peal_reason *reason)
{
	int err;

	if (source->size > PEAL_STATS_MAX_SIZE)
		return peal_refuse(
			reason, -EBADMSG, "the stats page is broken: larger than any can be");
	err = fetch(source, 0, &content->header, sizeof content->header);
	if (err == -EBADMSG)
		return peal_refuse(reason, err, "this is no stats page: too short for one");
	if (err)
		return peal_refuse(
			reason, err, "the stats page cannot be read: %s", strerror(-err));
	return check_header(&content->header, source->size, reason);
}

static int load_records(struct peal_stats_content *content, const struct peal_stats_source *source,
	struct peal_reason *reason)
{
	const struct peal_stats_header *header = &content->header;
	int err;

	content->count = (unsigned int)peal_load_relaxed(&header->descriptors);
	content->records = peal_alloc(content->count, header->descriptor_size);
	content->counters = peal_alloc(content->count, sizeof *content->counters);
	if (!content->records || !content->counters)
		return -ENOMEM;
	err = fetch(source, header->descriptor_offset, content->records,
		(uint64_t)content->count * header->descriptor_size);
	return err ? err : check_records(content, reason);
}

static int load_values(struct peal_stats_content *content, const struct peal_stats_source *source)
{
	const struct peal_stats_header *header = &content->header;
	uint64_t words = header->block_size / 8, offset = header->block_offset;
	int err = 0;

	content->values = peal_alloc_line(((uint64_t)header->shards + 1) * header->block_size);
	if (!content->values)
		return -ENOMEM;
	for (unsigned int i = 0; i < header->shards && !err; i++, offset += header->block_stride)
		err = fetch(source, offset, content->values + i * words, header->block_size);
	return err ? err
		   : fetch(source, header->outside_offset, content->values + header->shards * words,
			     header->block_size);
}

static void describe(struct peal_stats_content *content)
{
	const struct peal_stats_header *header = &content->header;
	struct timespec now = { 0 };
	int64_t age;

	peal_sys_any(SYS_clock_gettime, CLOCK_BOOTTIME, (long)&now, 0, 0, 0, 0);
	if (__builtin_sub_overflow(
		    now.tv_sec * INT64_C(1000000000) + now.tv_nsec, header->started, &age) ||
		age < 0)
		age = 0;
	content->info = (struct peal_stats_info){
		.name = header->name,
		.backend = header->backend,
		.age = age,
		.pid = header->pid,
		.runtime = header->runtime,
		.shards = header->shards,
		.state = peal_load_relaxed(&header->state),
	};
}

int peal_stats_content_load(struct peal_stats_content **content,
	const struct peal_stats_source *source, struct peal_reason *reason)
{
	struct peal_stats_content *made;
	int err;

	peal_alloc_hold();
	made = peal_alloc(1, sizeof *made);
	if (!made) {
		peal_alloc_release();
		return peal_refuse(reason, -ENOMEM, "no memory for the counters");
	}
	err = load_header(made, source, reason);
	if (!err)
		err = load_records(made, source, reason);
	if (!err)
		err = load_values(made, source);
	if (err == -ENOMEM)
		peal_refuse(reason, err, "no memory for the counters");
	if (err) {
		peal_stats_content_free(made);
		return err;
	}
	describe(made);
	*content = made;
	return 0;
}

void peal_stats_content_free(struct peal_stats_content *content)
{
	if (!content)
		return;
	peal_free(content->records);
	peal_free(content->counters);
	peal_free(content->values);
	peal_free(content);
	peal_alloc_release();
}
