/* SPDX-License-Identifier: MIT */
/* `peal stat --json`: one object on one line for each runtime. */
#include <inttypes.h>

#include "tools/peal/output.h"
#include "tools/peal/stat.h"

static void print_value(const struct peal_counter *counter, uint64_t value, FILE *to)
{
	char word[64];

	switch (counter->kind) {
	case PEAL_KIND_STATE:
		stat_word(counter->unit, value, word, sizeof(word));
		output_json_string(to, word);
		break;
	case PEAL_KIND_ADDRESS: /* more than a double can hold */
		fprintf(to, "\"%#" PRIx64 "\"", value);
		break;
	case PEAL_KIND_GAUGE:
		fprintf(to, "%" PRId64, (int64_t)value);
		break;
	default:
		fprintf(to, "%" PRIu64, value);
	}
}

/* One number, or those of an array. */
static void print_values(
	const struct stat_view *view, unsigned int index, unsigned int shard, FILE *to)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);

	if (counter->length > 1)
		putc('[', to);
	for (unsigned int place = 0; place < counter->length; place++) {
		if (place)
			fputs(", ", to);
		print_value(counter, stat_view_value(view, index, shard, place), to);
	}
	if (counter->length > 1)
		putc(']', to);
}

static void print_total(const struct stat_view *view, unsigned int index, FILE *to)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);

	fputs(", \"total\": ", to);
	if (counter->length > 1)
		putc('[', to);
	for (unsigned int place = 0; place < counter->length; place++) {
		if (place)
			fputs(", ", to);
		print_value(counter, stat_view_total(view, index, place), to);
	}
	if (counter->length > 1)
		putc(']', to);
}

static const char *kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[PEAL_KIND_COUNTER] = "counter",
		[PEAL_KIND_GAUGE] = "gauge",
		[PEAL_KIND_MAX] = "max",
		[PEAL_KIND_STATE] = "state",
		[PEAL_KIND_ADDRESS] = "address",
		[PEAL_KIND_ID] = "id",
	};

	return kind && kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

static void print_counter(const struct stat_view *view, unsigned int index, FILE *to)
{
	const struct peal_counter *counter = peal_stats_counter(view->stats, index);

	output_json_string(to, counter->name);
	fprintf(to, ": {\"kind\": \"%s\", \"group\": ", kind_name(counter->kind));
	output_json_string(to, counter->group);
	if (counter->kind != PEAL_KIND_STATE && counter->unit[0]) {
		fputs(", \"unit\": ", to);
		output_json_string(to, counter->unit);
	}
	if (stat_has_total(counter))
		print_total(view, index, to);
	fputs(", \"shards\": [", to);
	for (unsigned int i = 0; i < peal_stats_info(view->stats)->shards; i++) {
		if (i)
			fputs(", ", to);
		print_values(view, index, i, to);
	}
	putc(']', to);
	if (stat_has_total(counter)) {
		fputs(", \"outside\": ", to);
		print_values(view, index, PEAL_OUTSIDE, to);
	}
	putc('}', to);
}

void stat_print_json(const struct stat_view *view, FILE *to)
{
	const struct peal_stats_info *info = peal_stats_info(view->stats);

	fprintf(to, "{\"pid\": %" PRId32 ", \"runtime\": %" PRIu32 ", \"name\": ", info->pid,
		info->runtime);
	output_json_string(to, info->name);
	fputs(", \"backend\": ", to);
	output_json_string(to, info->backend);
	fprintf(to, ", \"state\": \"%s\", \"shards\": %" PRIu32 ", \"age_ns\": %" PRId64,
		stat_state(info->state), info->shards, info->age);
	if (view->before)
		fprintf(to, ", \"interval_ns\": %" PRId64, stat_view_interval(view));
	fputs(", \"counters\": {", to);
	for (unsigned int i = 0; i < peal_stats_count(view->stats); i++) {
		if (i)
			fputs(", ", to);
		print_counter(view, i, to);
	}
	fputs("}}\n", to);
}
