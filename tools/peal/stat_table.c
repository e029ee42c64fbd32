/* SPDX-License-Identifier: MIT */
/* `peal stat` for people. */
#include <inttypes.h>
#include <string.h>

#include "tools/peal/output.h"
#include "tools/peal/stat.h"

/* Without a terminal to fill, more columns than this are of use to nobody. */
#define MOST_SHARDS 64

static struct output_text show(const struct peal_counter *counter, uint64_t value)
{
	struct output_text out;

	switch (counter->kind) {
	case PEAL_KIND_STATE:
		stat_word(counter->unit, value, out.text, sizeof(out.text));
		return out;
	case PEAL_KIND_ADDRESS:
		snprintf(out.text, sizeof(out.text), "%#" PRIx64, value);
		return out;
	case PEAL_KIND_COUNTER:
	case PEAL_KIND_MAX:
		if (!strcmp(counter->unit, "ns"))
			return output_duration(value);
		if (!strcmp(counter->unit, "bytes"))
			return output_bytes(value);
		return output_count(value);
	case PEAL_KIND_GAUGE:
		return output_signed((int64_t)value);
	default:
		snprintf(out.text, sizeof(out.text), "%" PRIu64, value);
		return out;
	}
}

static void add_number(struct output_table *table, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	output_table_add(table, text);
}

void stat_print_list(const struct stat_view *views, size_t count, FILE *to)
{
	static const char *const titles[] = { "PID", "RUNTIME", "NAME", "BACKEND", "STATE",
		"SHARDS", "AGE", "TASKS FINISHED" };
	struct output_table table;

	output_table_init(&table, sizeof(titles) / sizeof(titles[0]), 1 << 2 | 1 << 3 | 1 << 4);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++)
		output_table_add(&table, titles[i]);
	for (size_t i = 0; i < count; i++) {
		const struct peal_stats_info *info = peal_stats_info(views[i].stats);

		add_number(&table, info->pid);
		add_number(&table, info->runtime);
		output_table_add(&table, info->name);
		output_table_add(&table, info->backend);
		output_table_add(&table, stat_state(info->state));
		add_number(&table, info->shards);
		output_table_add(&table, output_duration((uint64_t)info->age).text);
		output_table_add(&table,
			output_count(peal_stats_value(views[i].stats, "tasks_finished")).text);
	}
	output_table_print(&table, to);
	output_table_free(&table);
}

/* What stands beside a counter's name and total. */
enum columns {
	COLUMNS_SHARDS, /* each shard, and the outside */
	COLUMNS_RANGE,  /* the least and the most of the shards, and the outside */
	COLUMNS_HELP
};

static void add_titles(
	struct output_table *table, const struct peal_stats_info *info, enum columns columns)
{
	output_table_add(table, "");
	output_table_add(table, "total");
	for (unsigned int i = 0; columns == COLUMNS_SHARDS && i < info->shards; i++)
		add_number(table, i);
	if (columns == COLUMNS_RANGE) {
		output_table_add(table, "least");
		output_table_add(table, "most");
	}
	if (columns != COLUMNS_HELP)
		output_table_add(table, "outside");
	output_table_end_row(table);
}

static void add_value(struct output_table *table, const struct stat_view *view, unsigned int index,
	unsigned int shard, unsigned int place)
{
	output_table_add(table,
		show(peal_stats_counter(view->stats, index),
			stat_view_value(view, index, shard, place))
			.text);
}

/* Shards with the least and the most; "" where that means nothing. */
static void add_range(struct output_table *table, const struct stat_view *view, unsigned int index,
	unsigned int place)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);
	bool is_signed = counter->kind == PEAL_KIND_GAUGE;
	uint64_t least = stat_view_value(view, index, 0, place), most = least;

	if (!stat_has_total(counter)) {
		output_table_add(table, "");
		output_table_add(table, "");
		return;
	}
	for (unsigned int i = 1; i < peal_stats_info(view->stats)->shards; i++) {
		uint64_t value = stat_view_value(view, index, i, place);

		if (is_signed ? (int64_t)value < (int64_t)least : value < least)
			least = value;
		if (is_signed ? (int64_t)value > (int64_t)most : value > most)
			most = value;
	}
	output_table_add(table, show(counter, least).text);
	output_table_add(table, show(counter, most).text);
}

static void add_counter(struct output_table *table, const struct stat_view *view,
	unsigned int index, unsigned int place, enum columns columns)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);
	unsigned int shards = peal_stats_info(view->stats)->shards;
	char name[64];

	if (counter->length > 1)
		snprintf(name, sizeof(name), "  %s[%u]", counter->name, place);
	else
		snprintf(name, sizeof(name), "  %s", counter->name);
	output_table_add(table, name);
	output_table_add(table,
		stat_has_total(counter) ? show(counter, stat_view_total(view, index, place)).text
					: "");
	for (unsigned int i = 0; columns == COLUMNS_SHARDS && i < shards; i++)
		add_value(table, view, index, i, place);
	if (columns == COLUMNS_RANGE)
		add_range(table, view, index, place);
	if (columns == COLUMNS_HELP)
		output_table_add(table, counter->help);
	else if (stat_has_total(counter))
		add_value(table, view, index, PEAL_OUTSIDE, place);
	output_table_end_row(table);
}

/* Is there anything but zeros? */
static bool has_value(const struct stat_view *view, unsigned int index, unsigned int place)
{
	unsigned int shards = peal_stats_info(view->stats)->shards;

	for (unsigned int i = 0; i < shards; i++)
		if (stat_view_value(view, index, i, place))
			return true;
	return stat_view_value(view, index, PEAL_OUTSIDE, place) != 0;
}

/* The counters of one group; `first` is the first of them. */
static void add_group(struct output_table *table, const struct stat_view *view, unsigned int first,
	enum columns columns, bool all)
{
	const char *group = peal_stats_counter(view->stats, first)->group;
	bool titled = false;

	for (unsigned int i = first; i < peal_stats_count(view->stats); i++) {
		const struct peal_counter *counter = peal_stats_counter(view->stats, i);

		if (strcmp(counter->group, group))
			continue;
		for (unsigned int place = 0; place < counter->length; place++) {
			if (!all && !has_value(view, i, place))
				continue;
			if (!titled) {
				output_table_add(table, group);
				output_table_end_row(table);
				titled = true;
			}
			add_counter(table, view, i, place, columns);
		}
	}
}

static bool is_first_of_group(const struct peal_stats *stats, unsigned int index)
{
	const char *group = peal_stats_counter(stats, index)->group;

	for (unsigned int i = 0; i < index; i++)
		if (!strcmp(peal_stats_counter(stats, i)->group, group))
			return false;
	return true;
}

static void fill(
	struct output_table *table, const struct stat_view *view, enum columns columns, bool all)
{
	const struct peal_stats_info *info = peal_stats_info(view->stats);
	unsigned int count = columns == COLUMNS_SHARDS ? info->shards + 3
		: columns == COLUMNS_RANGE             ? 5
						       : 3;

	output_table_init(table, count, columns == COLUMNS_HELP ? 1 << 0 | 1 << 2 : 1 << 0);
	add_titles(table, info, columns);
	for (unsigned int i = 0; i < peal_stats_count(view->stats); i++)
		if (is_first_of_group(view->stats, i))
			add_group(table, view, i, columns, all);
}

/* As many columns as the terminal has room for. */
static enum columns choose(
	const struct stat_view *view, const struct stat_options *options, FILE *to)
{
	unsigned int width = output_width(to);
	struct output_table table;
	bool fits;

	if (options->explain)
		return COLUMNS_HELP;
	if (options->shards)
		return COLUMNS_SHARDS;
	if (peal_stats_info(view->stats)->shards > MOST_SHARDS)
		return COLUMNS_RANGE;
	if (!width)
		return COLUMNS_SHARDS;
	fill(&table, view, COLUMNS_SHARDS, options->all);
	fits = output_table_width(&table) <= width;
	output_table_free(&table);
	return fits ? COLUMNS_SHARDS : COLUMNS_RANGE;
}

void stat_print_table(const struct stat_view *view, const struct stat_options *options, FILE *to)
{
	const struct peal_stats_info *info = peal_stats_info(view->stats);
	struct output_table table;

	fprintf(to,
		"%s: process %" PRId32 ", runtime %" PRIu32 ", %s on %s, %" PRIu32
		" shard%s, %s %s\n",
		info->name, info->pid, info->runtime, stat_state(info->state), info->backend,
		info->shards, info->shards == 1 ? "" : "s", view->before ? "in the last" : "up",
		output_duration((uint64_t)stat_view_interval(view)).text);
	fill(&table, view, choose(view, options, to), options->all);
	output_table_print(&table, to);
	output_table_free(&table);
}
