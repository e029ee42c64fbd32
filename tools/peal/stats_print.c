/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "tools/peal/output.h"
#include "tools/peal/stats_print.h"

#define WIDTH  100
#define INDENT 2
#define GAP    2 /* after a group's name */

static struct output_text show(const struct peal_counter *counter, uint64_t value)
{
	if (counter->kind == PEAL_KIND_GAUGE)
		return output_signed((int64_t)value);
	if (!strcmp(counter->unit, "ns"))
		return output_duration(value);
	if (!strcmp(counter->unit, "bytes"))
		return output_bytes(value);
	return output_count(value);
}

/* Totals of one group, in lines of at most WIDTH; the values begin in column `label`. */
static void print_group(const struct peal_stats *stats, const char *group, int label, FILE *to)
{
	int column = 0;

	for (unsigned int i = 0; i < peal_stats_count(stats); i++) {
		const struct peal_counter *counter = peal_stats_counter(stats, i);
		uint64_t total = peal_stats_total(stats, i);
		struct output_text value;
		int size;

		if (!total || strcmp(counter->group, group))
			continue;
		value = show(counter, total);
		size = (int)(strlen(value.text) + 1 + strlen(counter->name));
		if (column && column + 2 + size <= WIDTH)
			column += fprintf(to, ", %s %s", value.text, counter->name);
		else if (column)
			column = fprintf(to, ",\n%*s%s %s", label, "", value.text, counter->name) -
				2;
		else
			column = fprintf(to, "%*s%-*s%s %s", INDENT, "", label - INDENT, group,
				value.text, counter->name);
	}
	if (column)
		putc('\n', to);
}

static bool is_first_of_group(const struct peal_stats *stats, unsigned int index)
{
	const char *group = peal_stats_counter(stats, index)->group;

	for (unsigned int i = 0; i < index; i++)
		if (!strcmp(peal_stats_counter(stats, i)->group, group))
			return false;
	return true;
}

/* Where the values begin, after the longest group's name. */
static int label_width(const struct peal_stats *stats)
{
	size_t longest = 0;

	for (unsigned int i = 0; i < peal_stats_count(stats); i++) {
		size_t size = strlen(peal_stats_counter(stats, i)->group);

		if (size > longest && peal_stats_total(stats, i))
			longest = size;
	}
	return (int)longest + INDENT + GAP;
}

int peal_print_stats(struct peal_rt *rt, FILE *to)
{
	const struct peal_stats_info *info;
	struct peal_stats *stats;
	int err = peal_stats(&stats, rt);

	if (err)
		return err;
	info = peal_stats_info(stats);
	fprintf(to, "%s: %" PRIu32 " shard%s on %s, up %s\n", info->name, info->shards,
		info->shards == 1 ? "" : "s", info->backend,
		output_duration((uint64_t)info->age).text);
	for (unsigned int i = 0; i < peal_stats_count(stats); i++)
		if (is_first_of_group(stats, i))
			print_group(
				stats, peal_stats_counter(stats, i)->group, label_width(stats), to);
	peal_stats_free(stats);
	return 0;
}
