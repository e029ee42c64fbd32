/* SPDX-License-Identifier: MIT */
/*
 * `peal stat --prometheus`: the text exposition format 0.0.4
 * (https://prometheus.io/docs/instrumenting/exposition_formats/). All samples of a metric stand
 * together, so the metrics are the outer loop and the runtimes the inner one. Times are in seconds, as
 * its users expect. Addresses and ids are left out: they are no measurements.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "tools/peal/stat.h"

struct metric {
	char name[96];
	const char *type;
	bool seconds;
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), size = strlen(end);

	return length >= size && !strcmp(text + length - size, end);
}

static void append(struct metric *metric, const char *text)
{
	size_t length = strlen(metric->name);

	snprintf(metric->name + length, sizeof(metric->name) - length, "%s", text);
}

/* Counters end with _total, after the unit. False for what is no metric. */
static bool describe(const struct peal_counter *counter, struct metric *metric)
{
	bool grows = counter->kind == PEAL_KIND_COUNTER;

	if (!stat_has_total(counter) && counter->kind != PEAL_KIND_STATE)
		return false;
	metric->type = grows ? "counter" : "gauge";
	metric->seconds = !strcmp(counter->unit, "ns");
	snprintf(metric->name, sizeof(metric->name), "peal_%s", counter->name);
	for (char *c = metric->name; *c; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	if (metric->seconds) {
		if (ends_with(metric->name, "_ns"))
			metric->name[strlen(metric->name) - 3] = '\0';
		append(metric, "_seconds");
	} else if (!strcmp(counter->unit, "bytes") && !ends_with(metric->name, "_bytes")) {
		append(metric, "_bytes");
	}
	if (grows)
		append(metric, "_total");
	return true;
}

static void print_label(const char *name, const char *value, FILE *to)
{
	fprintf(to, "%s=\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', to);
		putc(*value, to);
	}
	putc('"', to);
}

static void print_labels(const struct stat_view *view, FILE *to)
{
	const struct peal_stats_info *info = peal_stats_info(view->stats);

	fprintf(to, "{pid=\"%" PRId32 "\",runtime=\"%" PRIu32 "\",", info->pid, info->runtime);
	print_label("name", info->name, to);
}

static void print_number(
	const struct peal_counter *counter, const struct metric *metric, uint64_t value, FILE *to)
{
	if (metric->seconds)
		fprintf(to, "%" PRIu64 ".%09" PRIu64 "\n", value / 1000000000, value % 1000000000);
	else if (counter->kind == PEAL_KIND_GAUGE)
		fprintf(to, "%" PRId64 "\n", (int64_t)value);
	else
		fprintf(to, "%" PRIu64 "\n", value);
}

/* One sample for each word: 1 for the one that it is. */
static void print_state(const struct stat_view *view, const struct metric *metric,
	const struct peal_counter *counter, unsigned int shard, uint64_t value, FILE *to)
{
	uint64_t words = 1;
	char word[64];

	for (const char *c = counter->unit; *c; c++)
		words += *c == '/';
	for (uint64_t i = 0; i < words; i++) {
		stat_word(counter->unit, i, word, sizeof(word));
		fputs(metric->name, to);
		print_labels(view, to);
		fprintf(to, ",shard=\"%u\",", shard);
		print_label("state", word, to);
		fprintf(to, "} %d\n", i == value);
	}
}

static void print_sample(const struct stat_view *view, const struct metric *metric,
	unsigned int index, unsigned int shard, unsigned int place, FILE *to)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);
	uint64_t value = peal_stats_element(view->stats, index, shard, place);

	if (counter->kind == PEAL_KIND_STATE) {
		if (shard != PEAL_OUTSIDE)
			print_state(view, metric, counter, shard, value, to);
		return;
	}
	fputs(metric->name, to);
	print_labels(view, to);
	if (shard == PEAL_OUTSIDE)
		fputs(",shard=\"outside\"", to);
	else
		fprintf(to, ",shard=\"%u\"", shard);
	if (counter->length > 1)
		fprintf(to, ",place=\"%u\"", place);
	fputs("} ", to);
	print_number(counter, metric, value, to);
}

static void print_samples(
	const struct stat_view *view, const struct metric *metric, unsigned int index, FILE *to)
{
	unsigned int shards = peal_stats_info(view->stats)->shards;
	unsigned int length = peal_stats_counter(view->stats, index)->length;

	for (unsigned int i = 0; i <= shards; i++)
		for (unsigned int place = 0; place < length; place++)
			print_sample(view, metric, index, i < shards ? i : PEAL_OUTSIDE, place, to);
}

/* The counter of that name in another runtime, if it is the same thing there. */
static int find_same(const struct stat_view *view, const struct peal_counter *counter)
{
	int index = peal_stats_find(view->stats, counter->name);
	const struct peal_counter *other;

	if (index < 0)
		return index;
	other = peal_stats_counter(view->stats, (unsigned int)index);
	return other->kind == counter->kind && !strcmp(other->unit, counter->unit) ? index : -1;
}

/* Unless one of the runtimes before has it, too. */
static void print_metric(
	const struct stat_view *views, size_t count, size_t first, unsigned int index, FILE *to)
{
	const struct peal_counter *counter = peal_stats_counter(views[first].stats, index);
	struct metric metric;

	if (!describe(counter, &metric))
		return;
	for (size_t i = 0; i < first; i++)
		if (peal_stats_find(views[i].stats, counter->name) >= 0)
			return;
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", metric.name, counter->help, metric.name,
		metric.type);
	for (size_t i = first; i < count; i++) {
		int same = find_same(&views[i], counter);

		if (same >= 0)
			print_samples(&views[i], &metric, (unsigned int)same, to);
	}
}

static void print_runtimes(const struct stat_view *views, size_t count, FILE *to)
{
	fputs("# HELP peal_runtime_info A runtime, its backend and its state.\n"
	      "# TYPE peal_runtime_info gauge\n",
		to);
	for (size_t i = 0; i < count; i++) {
		const struct peal_stats_info *info = peal_stats_info(views[i].stats);

		fputs("peal_runtime_info", to);
		print_labels(&views[i], to);
		putc(',', to);
		print_label("backend", info->backend, to);
		fprintf(to, ",state=\"%s\"} 1\n", stat_state(info->state));
	}
}

void stat_print_prometheus(const struct stat_view *views, size_t count, FILE *to)
{
	print_runtimes(views, count, to);
	for (size_t first = 0; first < count; first++)
		for (unsigned int i = 0; i < peal_stats_count(views[first].stats); i++)
			print_metric(views, count, first, i, to);
}
