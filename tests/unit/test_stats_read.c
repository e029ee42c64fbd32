/* SPDX-License-Identifier: MIT */
/* Reading stats pages that somebody else wrote, well or badly: core/stats/stats_read.c, core/stats/stats_view.c. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/sys.h"
#include "tests/check_main.h"
#include "tests/stats_image.h"

START_TEST(a_whole_page_is_read)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_str_eq(peal_stats_info(stats)->name, "image");
	ck_assert_int_eq(peal_stats_info(stats)->pid, 4242);
	ck_assert_uint_eq(peal_stats_count(stats), 3);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 0 + 100 + 200);
	ck_assert_uint_eq(peal_stats_value(stats, "array"), 15 + 515 + 1015);
	ck_assert_uint_eq(peal_stats_value(stats, "plugin.last"), 207);
	ck_assert_uint_eq(peal_stats_element(stats, 1, 1, 4), 105);
	peal_stats_free(stats);
}
END_TEST

START_TEST(what_does_not_exist_is_nothing)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_uint_eq(peal_stats_shard(stats, 0, 1), 100);
	ck_assert_uint_eq(peal_stats_shard(stats, 0, 3), 0);
	ck_assert_uint_eq(peal_stats_shard(stats, 3, 0), 0);
	ck_assert_uint_eq(peal_stats_shard(stats, UINT32_MAX, PEAL_OUTSIDE), 0);
	ck_assert_uint_eq(peal_stats_element(stats, 1, 1, 5), 0);
	ck_assert_uint_eq(peal_stats_total(stats, 3), 0);
	ck_assert_ptr_null(peal_stats_counter(stats, 3));
	peal_stats_free(stats);
}
END_TEST

/* A later version: longer records, kinds and minor numbers that we do not know. */
START_TEST(a_newer_minor_version_is_read)
{
	struct newer {
		struct peal_stats_header header;
		char more[56];
		struct {
			struct peal_stats_descriptor descriptor;
			char more[32];
		} descriptors[IMAGE_COUNTERS];
		uint64_t blocks[IMAGE_SHARDS + 1][IMAGE_BLOCK / 8];
	} newer;
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	memset(&newer, 0x55, sizeof newer);
	newer.header = image.header;
	newer.header.minor = 7;
	newer.header.header_size = offsetof(struct newer, descriptors);
	newer.header.descriptor_offset = offsetof(struct newer, descriptors);
	newer.header.descriptor_size = sizeof newer.descriptors[0];
	newer.header.block_offset = offsetof(struct newer, blocks);
	newer.header.outside_offset = offsetof(struct newer, blocks[IMAGE_SHARDS]);
	for (int i = 0; i < IMAGE_COUNTERS; i++)
		newer.descriptors[i].descriptor = image.descriptors[i];
	newer.descriptors[0].descriptor.kind = 77;
	memcpy(newer.blocks, image.blocks, sizeof newer.blocks);

	ck_assert_int_eq(image_load(&stats, &newer, sizeof newer, NULL), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 0);
	ck_assert_uint_eq(peal_stats_shard(stats, 0, 1), 100);
	ck_assert_uint_eq(peal_stats_value(stats, "plugin.last"), 207);
	peal_stats_free(stats);
}
END_TEST

START_TEST(every_cut_is_noticed)
{
	struct peal_reason reason;
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	for (size_t size = 0; size < sizeof image; size += 8) {
		/* Exactly as large as it is said to be, so that a sanitizer sees one word more. */
		void *cut = malloc(size ? size : 1);

		memcpy(cut, &image, size);
		reason.text[0] = '\0';
		ck_assert_int_eq(image_load(&stats, cut, size, &reason), -EBADMSG);
		ck_assert_int_ne(reason.text[0], '\0');
		free(cut);
	}
}
END_TEST

/* A number in the page, what somebody wrote there, and what is said about it. */
#define HEADER(field, value, says)                                                              \
	{                                                                                       \
		"header " #field " = " #value, offsetof(struct image, header.field),            \
			sizeof(((struct image *)0)->header.field), (uint64_t)(value), -EBADMSG, \
			says                                                                    \
	}
#define SIZE(field, value) HEADER(field, value, "sizes beyond all bounds")
#define PART(field, value) HEADER(field, value, "its parts do not fit")
#define COUNTER(n, field, value)                                                              \
	{                                                                                     \
		"counter " #n " " #field " = " #value,                                        \
			offsetof(struct image, descriptors[n].field),                         \
			sizeof(((struct image *)0)->descriptors[n].field), (uint64_t)(value), \
			-EBADMSG, "counter " #n " is described wrongly"                       \
	}
#define BLOCKS offsetof(struct image, blocks)
#define TABLE  offsetof(struct image, descriptors)

static const struct damage {
	const char *what;
	size_t offset, size;
	uint64_t value;
	int err;
	const char *says;
} damages[] = {
	{ "no magic", 0, 8, 0, -EBADMSG, "no magic number" },
	{ "other magic", 0, 8, PEAL_STATS_MAGIC + 1, -EBADMSG, "no magic number" },
	{ "next major", offsetof(struct image, header.major), 2, PEAL_STATS_MAJOR + 1, -EPROTO,
		"version 2.0" },
	{ "major 0", offsetof(struct image, header.major), 2, 0, -EPROTO, "version 0.0" },

	SIZE(header_size, 0),
	SIZE(header_size, sizeof(struct peal_stats_header) - 8),
	SIZE(header_size, sizeof(struct peal_stats_header) + 4),
	PART(header_size, TABLE + 8),
	SIZE(header_size, UINT32_MAX),
	SIZE(descriptor_size, 0),
	SIZE(descriptor_size, 248),
	SIZE(descriptor_size, 260),
	PART(descriptor_size, 264),
	SIZE(descriptor_size, UINT32_MAX - 7),
	PART(descriptor_offset, 0),
	PART(descriptor_offset, TABLE + 4),
	PART(descriptor_offset, TABLE + 8),
	PART(descriptor_offset, BLOCKS),
	PART(descriptor_offset, UINT32_MAX - 7),
	PART(descriptors, IMAGE_COUNTERS + 1),
	SIZE(descriptors, PEAL_STATS_MAX_COUNTERS + 1),
	SIZE(descriptors, UINT64_MAX / 256 + 1),
	SIZE(descriptors, UINT64_MAX),
	SIZE(shards, 0),
	PART(shards, IMAGE_SHARDS + 1),
	SIZE(shards, PEAL_STATS_MAX_SHARDS + 1),
	SIZE(shards, UINT32_MAX),
	PART(block_offset, 0),
	PART(block_offset, BLOCKS - 8),
	PART(block_offset, BLOCKS + 4),
	PART(block_offset, BLOCKS + 8),
	PART(block_offset, UINT32_MAX - 7),
	PART(block_stride, IMAGE_BLOCK - 8),
	PART(block_stride, IMAGE_BLOCK + 4),
	PART(block_stride, IMAGE_BLOCK + 8),
	PART(block_stride, 0),
	PART(block_stride, UINT32_MAX - 7),
	PART(block_size, IMAGE_BLOCK + 8),
	PART(block_size, 60),
	PART(block_size, UINT32_MAX - 7),
	PART(outside_offset, 0),
	PART(outside_offset, BLOCKS + 2 * IMAGE_BLOCK - 8),
	PART(outside_offset, BLOCKS + 2 * IMAGE_BLOCK + 4),
	PART(outside_offset, BLOCKS + 2 * IMAGE_BLOCK + 8),
	PART(outside_offset, UINT32_MAX - 7),

	COUNTER(0, offset, 4),
	COUNTER(0, offset, IMAGE_BLOCK),
	COUNTER(2, offset, UINT32_MAX - 7),
	COUNTER(0, length, 0),
	COUNTER(2, length, 2),
	COUNTER(2, length, UINT32_MAX),
	COUNTER(1, length, 8),
	COUNTER(0, kind, 0),
	/* Together longer than the block: they overlap so that printing them takes for ever. */
	COUNTER(2, length, 3),
	/* A name is never empty, and holds nothing that a shell, a terminal or JSON would act on. */
	COUNTER(0, name[0], 0),
	COUNTER(1, name[1], '\033'),
	COUNTER(1, name[1], '"'),
	COUNTER(2, name[6], '/'),
	COUNTER(2, group[0], ' '),
	COUNTER(2, group[0], 0x80),
};

static int load_damaged(const struct damage *damage, struct peal_reason *reason)
{
	struct image image;
	struct peal_stats *stats;
	int err;

	image_init(&image);
	memcpy((char *)&image + damage->offset, &damage->value, damage->size);
	err = image_load(&stats, &image, sizeof image, reason);
	if (!err)
		peal_stats_free(stats);
	return err;
}

START_TEST(damage_is_noticed)
{
	const struct damage *damage = &damages[_i];
	struct peal_reason reason = { "" };
	int err = load_damaged(damage, &reason);

	ck_assert_msg(err == damage->err, "%s: %d", damage->what, err);
	ck_assert_msg(
		strstr(reason.text, damage->says) != NULL, "%s: %s", damage->what, reason.text);
}
END_TEST

/* Text that fills its field leaves no end to find. */
static const struct damage texts[] = {
	{ "runtime's name", offsetof(struct image, header.name), 64, 0, -EBADMSG,
		"without an end" },
	{ "backend", offsetof(struct image, header.backend), 32, 0, -EBADMSG, "without an end" },
	{ "name", offsetof(struct image, descriptors[1].name), 32, 0, -EBADMSG, "counter 1 is" },
	{ "group", offsetof(struct image, descriptors[0].group), 16, 0, -EBADMSG, "counter 0 is" },
	{ "unit", offsetof(struct image, descriptors[2].unit), 64, 0, -EBADMSG, "counter 2 is" },
	{ "help", offsetof(struct image, descriptors[2].help), 128, 0, -EBADMSG, "counter 2 is" },
};

START_TEST(text_without_an_end_is_noticed)
{
	struct peal_reason reason;
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	memset((char *)&image + texts[_i].offset, 'x', texts[_i].size);
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), texts[_i].err);
	ck_assert_ptr_nonnull(strstr(reason.text, texts[_i].says));
	image_init(&image);
	memset((char *)&image + texts[_i].offset, 'x', texts[_i].size - 1);
	((char *)&image)[texts[_i].offset + texts[_i].size - 1] = '\0';
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), 0);
	peal_stats_free(stats);
}
END_TEST

START_TEST(text_for_people_is_made_harmless)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	strcpy(image.header.name, "a\033[31mb\n\xc2\x9b");
	strcpy(image.descriptors[0].help, "\a\t\x7f ok");
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_str_eq(peal_stats_info(stats)->name, "a?[31mb???");
	ck_assert_str_eq(peal_stats_counter(stats, 0)->help, "??? ok");
	peal_stats_free(stats);
}
END_TEST

/* Overlapping arrays can say that there is more to print than anybody could ever read. */
START_TEST(arrays_together_are_no_longer_than_a_block)
{
	struct peal_reason reason;
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	image.descriptors[2].offset = 0;
	image.descriptors[2].length = 2;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), 0);
	peal_stats_free(stats);
	image.descriptors[2].length = 3;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(reason.text, "counter 2 is described wrongly"));
}
END_TEST

/* Blocks of nothing fit everywhere, any number of them. */
START_TEST(shards_are_bounded_even_if_they_are_nothing)
{
	struct peal_reason reason;
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	image.header.block_size = image.header.block_stride = 0;
	image.header.descriptors = 0;
	image.header.shards = PEAL_STATS_MAX_SHARDS;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), 0);
	peal_stats_free(stats);
	image.header.shards = PEAL_STATS_MAX_SHARDS + 1;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, &reason), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(reason.text, "sizes beyond all bounds"));
}
END_TEST

/* Arrays that overlap are odd, but every value is where it says. */
START_TEST(counters_may_share_a_place)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	image.descriptors[2].offset = 8;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_uint_eq(peal_stats_shard(stats, 2, 1), 101);
	peal_stats_free(stats);
}
END_TEST

START_TEST(a_start_in_the_future_is_no_age)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	image.header.started = INT64_MAX;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_int_eq(peal_stats_info(stats)->age, 0);
	peal_stats_free(stats);
	image.header.started = INT64_MIN;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	ck_assert_int_eq(peal_stats_info(stats)->age, 0);
	peal_stats_free(stats);
}
END_TEST

START_TEST(a_snapshot_outlives_a_refresh_that_fails)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	image.blocks[0][0] = 1000;
	image.header.descriptors = 99;
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 300);
	image.header.descriptors = IMAGE_COUNTERS;
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 1300);
	peal_stats_free(stats);
}
END_TEST

/* What a caller knows of a counter stays true, even if the page's owner would have it otherwise. */
START_TEST(counters_may_be_added_and_nothing_else)
{
	struct peal_stats *stats;
	struct image image;

	image_init(&image);
	image.header.descriptors = IMAGE_COUNTERS - 1;
	ck_assert_int_eq(image_load(&stats, &image, sizeof image, NULL), 0);
	image.header.descriptors = IMAGE_COUNTERS;
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	ck_assert_uint_eq(peal_stats_count(stats), IMAGE_COUNTERS);

	image.header.descriptors = IMAGE_COUNTERS - 1;
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	image_init(&image);
	image.header.shards = 1;
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	image_init(&image);
	image.descriptors[1].length = 4;
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	image_init(&image);
	image.descriptors[0].kind = PEAL_KIND_GAUGE;
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	image_init(&image);
	image.descriptors[2].name[0] = 'q';
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	image_init(&image);
	ck_assert_int_eq(peal_stats_refresh(stats), 0);
	peal_stats_free(stats);
}
END_TEST

/* As a file, with whatever holds it left to its owner. */
static const char *write_file(const void *data, size_t size)
{
	static char path[4096];
	const char *folder = getenv("TMPDIR");
	FILE *file;

	snprintf(path, sizeof path, "%s/page.%d", folder ? folder : "/tmp", (int)getpid());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
	return path;
}

START_TEST(a_copy_in_a_file_is_read)
{
	struct peal_stats *stats;
	struct image image;
	const char *path;

	image_init(&image);
	path = write_file(&image, sizeof image);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, NULL), 0);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 300);
	/* Its owner may shorten it: that is an error, no signal. */
	ck_assert_int_eq(truncate(path, 100), 0);
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(peal_stats_refresh(stats), -EBADMSG);
	ck_assert_uint_eq(peal_stats_value(stats, "first"), 300);
	peal_stats_free(stats);
	unlink(path);
}
END_TEST

START_TEST(files_that_are_no_page_are_refused)
{
	struct peal_reason reason;
	struct peal_stats *stats;
	struct image image;
	const char *path;

	ck_assert_int_eq(peal_stats_open_file(&stats, "/nowhere", &reason), -ENOENT);
	ck_assert_str_eq(reason.text, "cannot read /nowhere: No such file or directory");
	ck_assert_int_eq(peal_stats_open_file(&stats, "/dev/null", &reason), -EINVAL);
	ck_assert_int_eq(peal_stats_open_file(&stats, "/", &reason), -EINVAL);
	path = write_file("", 0);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, &reason), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(reason.text, "too short"));
	/* Larger than any page: not read at all. */
	image_init(&image);
	path = write_file(&image, sizeof image);
	ck_assert_int_eq(truncate(path, (off_t)PEAL_STATS_MAX_SIZE + 8), 0);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, &reason), -EBADMSG);
	unlink(path);
	/* Nobody will ever write into it: opening must not wait. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, &reason), -EINVAL);
	unlink(path);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(peal_stats_open_file(&stats, path, &reason), -ELOOP);
	unlink(path);
}
END_TEST

/* Reads fail from the first on, from the second on, ... until the page is read without a failure. */
struct failing_reads {
	struct peal_sys_hook hook;
	int good;
};

static bool fail_read(struct peal_sys_hook *hook, long number, long *result)
{
	struct failing_reads *reads = PEAL_CONTAINER_OF(hook, struct failing_reads, hook);

	if (number != SYS_pread64 || reads->good-- > 0)
		return false;
	*result = -EIO;
	return true;
}

START_TEST(a_failing_read_is_told)
{
	struct failing_reads reads = { .hook.call = fail_read };
	struct peal_stats *stats;
	struct image image;
	const char *path;
	int failed = 0, err;

	image_init(&image);
	path = write_file(&image, sizeof image);
	do {
		reads.good = failed;
		peal_sys_hook = &reads.hook;
		err = peal_stats_open_file(&stats, path, NULL);
		peal_sys_hook = NULL;
		ck_assert(!err || err == -EIO);
	} while (err && ++failed < 100);
	/* The header, the descriptors, two shards and the outside. */
	ck_assert_int_eq(failed, 5);
	peal_stats_free(stats);
	unlink(path);
}
END_TEST

static Suite *read_suite(void)
{
	Suite *suite = suite_create("stats_read");
	TCase *good = tcase_create("good"), *bad = tcase_create("bad");
	TCase *files = tcase_create("files");

	tcase_add_test(good, a_whole_page_is_read);
	tcase_add_test(good, what_does_not_exist_is_nothing);
	tcase_add_test(good, a_newer_minor_version_is_read);
	tcase_add_test(good, counters_may_share_a_place);
	tcase_add_test(good, a_start_in_the_future_is_no_age);
	tcase_add_test(bad, counters_may_be_added_and_nothing_else);
	tcase_add_test(good, a_snapshot_outlives_a_refresh_that_fails);
	suite_add_tcase(suite, good);

	tcase_add_test(bad, every_cut_is_noticed);
	tcase_add_loop_test(bad, damage_is_noticed, 0, sizeof damages / sizeof damages[0]);
	tcase_add_loop_test(bad, text_without_an_end_is_noticed, 0, sizeof texts / sizeof texts[0]);
	tcase_add_test(bad, arrays_together_are_no_longer_than_a_block);
	tcase_add_test(bad, shards_are_bounded_even_if_they_are_nothing);
	tcase_add_test(bad, text_for_people_is_made_harmless);
	suite_add_tcase(suite, bad);

	tcase_add_test(files, a_copy_in_a_file_is_read);
	tcase_add_test(files, files_that_are_no_page_are_refused);
	tcase_add_test(files, a_failing_read_is_told);
	suite_add_tcase(suite, files);
	return suite;
}

int main(void)
{
	return peal_check_main(read_suite());
}
