/* SPDX-License-Identifier: MIT */
/*
 * The options of `peal du`. They are GNU du's, read by the same getopt_long(3), so that abbreviated
 * names, options behind operands and messages are alike.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peal/du.h"

#define THRESHOLD_SUFFIXES "kKmMGTPEZYRQ"
#define JOBS_MOST          1024

enum { OPT_EXCLUDE = CHAR_MAX + 1, OPT_INODES, OPT_SI, OPT_JOBS, OPT_STATS, OPT_HELP, OPT_VERSION };

static const char short_options[] = "0abd:chHklmst:xAB:DLPSX:";

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "apparent-size", no_argument, NULL, 'A' },
	{ "block-size", required_argument, NULL, 'B' },
	{ "bytes", no_argument, NULL, 'b' },
	{ "count-links", no_argument, NULL, 'l' },
	{ "dereference", no_argument, NULL, 'L' },
	{ "dereference-args", no_argument, NULL, 'D' },
	{ "exclude", required_argument, NULL, OPT_EXCLUDE },
	{ "exclude-from", required_argument, NULL, 'X' },
	{ "human-readable", no_argument, NULL, 'h' },
	{ "inodes", no_argument, NULL, OPT_INODES },
	{ "jobs", required_argument, NULL, OPT_JOBS },
	{ "si", no_argument, NULL, OPT_SI },
	{ "max-depth", required_argument, NULL, 'd' },
	{ "null", no_argument, NULL, '0' },
	{ "no-dereference", no_argument, NULL, 'P' },
	{ "one-file-system", no_argument, NULL, 'x' },
	{ "separate-dirs", no_argument, NULL, 'S' },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "summarize", no_argument, NULL, 's' },
	{ "total", no_argument, NULL, 'c' },
	{ "threshold", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ 0 },
};

/* The option that getopt_long(3) has just returned, as messages name it. */
struct current {
	int option;
	int index; /* in long_options; -1: it was a short one */
};

static int usage(void)
{
	fputs("Try 'du --help' for more information.\n", stderr);
	return -1;
}

static int out_of_memory(void)
{
	fputs("du: memory exhausted\n", stderr);
	return -1;
}

/* A number is wrong. */
static int refuse(struct current current, const char *value, int err)
{
	char name[32];

	if (current.index < 0)
		snprintf(name, sizeof(name), "-%c", current.option);
	else
		snprintf(name, sizeof(name), "--%s", long_options[current.index].name);
	if (err & DU_NUMBER_INVALID)
		fprintf(stderr, "du: invalid %s argument '%s'\n", name, value);
	else if (err & DU_NUMBER_SUFFIX)
		fprintf(stderr, "du: invalid suffix in %s argument '%s'\n", name, value);
	else
		fprintf(stderr, "du: %s argument '%s' too large\n", name, value);
	return -1;
}

static int take_block_size(struct du_command *command, struct current current)
{
	int err = du_units_parse(&command->units, optarg);

	return err ? refuse(current, optarg, err) : DU_GO_ON;
}

static int take_threshold(struct du_command *command, struct current current)
{
	int err = du_number_signed(optarg, THRESHOLD_SUFFIXES, &command->threshold);

	if (err)
		return refuse(current, optarg, err);
	if (command->threshold || *optarg != '-')
		return DU_GO_ON;
	fputs("du: invalid --threshold argument '-0'\n", stderr);
	return -1;
}

static int take_jobs(struct du_command *command, struct current current)
{
	const char *end;
	uint64_t jobs = 0;
	int err = du_number(optarg, "", &jobs, &end);

	if (!err && !jobs)
		err = DU_NUMBER_INVALID;
	if (!err && jobs > JOBS_MOST)
		err = DU_NUMBER_TOO_LARGE;
	command->jobs = (uint32_t)jobs;
	return err ? refuse(current, optarg, err) : DU_GO_ON;
}

/* Wrong ones are told like unknown options: reading goes on, and then it is over. */
static bool take_depth(struct du_command *command)
{
	const char *end;
	char *quoted;
	uint64_t depth = 0;

	if (!du_number(optarg, "", &depth, &end)) {
		command->depth = depth;
		command->has_depth = true;
		return true;
	}
	quoted = du_quote_value(optarg);
	fprintf(stderr, "du: invalid maximum depth %s\n", quoted ? quoted : optarg);
	free(quoted);
	return false;
}

static int add_pattern(struct du_command *command, const char *pattern)
{
	size_t count = command->exclude_count;
	const char **bigger = realloc(command->exclude, (count + 2) * sizeof(*bigger));
	char *copy = strdup(pattern);

	if (bigger)
		command->exclude = bigger;
	if (!bigger || !copy) {
		free(copy);
		return out_of_memory();
	}
	bigger[count] = copy;
	bigger[count + 1] = NULL;
	command->exclude_count++;
	return DU_GO_ON;
}

static int add_patterns(struct du_command *command, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t size;
	int err = DU_GO_ON;

	while (err == DU_GO_ON && (size = getline(&line, &room, file)) >= 0) {
		while (size && isspace((unsigned char)line[size - 1]))
			size--;
		line[size] = '\0';
		if (size)
			err = add_pattern(command, line);
	}
	free(line);
	return err;
}

/* Tells what is wrong and returns false when the file cannot be read. */
static bool take_patterns(struct du_command *command)
{
	bool standard = !strcmp(optarg, "-");
	FILE *file = standard ? stdin : fopen(optarg, "re");
	char *quoted;
	int err = 0;

	if (file) {
		if (add_patterns(command, file) != DU_GO_ON)
			return false;
		err = ferror(file) ? errno : 0;
		if (!standard)
			fclose(file);
	} else {
		err = errno;
	}
	if (!err)
		return true;
	quoted = du_quote(optarg, strlen(optarg), DU_QUOTE_IF_NEEDED_OR_COLON);
	fprintf(stderr, "du: %s: %s\n", quoted ? quoted : optarg, strerror(err));
	free(quoted);
	return false;
}

/* Options that are only a switch. False: it is not one of them. */
static bool take_switch(struct du_command *command, int option)
{
	struct peal_du_opts *opts = &command->opts;

	switch (option) {
	case '0':
		command->end = '\0';
		return true;
	case 'a':
		opts->files = 1;
		return true;
	case 'A':
		command->apparent = true;
		return true;
	case 'c':
		command->total = true;
		return true;
	case 'D':
	case 'H':
		opts->follow = PEAL_DU_FOLLOW_PATHS;
		return true;
	case 'l':
		opts->count_links = 1;
		return true;
	case 'L':
		opts->follow = PEAL_DU_FOLLOW_ALL;
		return true;
	case 'P':
		opts->follow = PEAL_DU_FOLLOW_NONE;
		return true;
	case 's':
		command->summarize = true;
		return true;
	case 'S':
		opts->separate = 1;
		return true;
	case 'x':
		opts->one_filesystem = 1;
		return true;
	case OPT_INODES:
		command->inodes = true;
		return true;
	case OPT_STATS:
		command->stats = true;
		return true;
	default:
		return false;
	}
}

static bool take_unit(struct du_command *command, int option)
{
	switch (option) {
	case 'b':
		command->apparent = true;
		du_units_set(&command->units, 1);
		return true;
	case 'h':
		du_units_scale(&command->units, 1024);
		return true;
	case OPT_SI:
		du_units_scale(&command->units, 1000);
		return true;
	case 'k':
		du_units_set(&command->units, 1024);
		return true;
	case 'm':
		du_units_set(&command->units, 1 << 20);
		return true;
	default:
		return false;
	}
}

/* One option. *good becomes false when the usage has to be told in the end. */
static int take(struct du_command *command, struct current current, bool *good)
{
	int option = current.option;

	if (take_switch(command, option) || take_unit(command, option))
		return DU_GO_ON;
	switch (option) {
	case 'B':
		return take_block_size(command, current);
	case 't':
		return take_threshold(command, current);
	case OPT_JOBS:
		return take_jobs(command, current);
	case OPT_EXCLUDE:
		return add_pattern(command, optarg);
	case 'X':
		*good &= take_patterns(command);
		return DU_GO_ON;
	case 'd':
		*good &= take_depth(command);
		return DU_GO_ON;
	case OPT_HELP:
		du_help(stdout);
		return 0;
	case OPT_VERSION:
		du_version();
		return 0;
	default:
		*good = false;
		return DU_GO_ON;
	}
}

/* What does not go together. */
static int check(struct du_command *command)
{
	if (command->opts.files && command->summarize) {
		fputs("du: cannot both summarize and show all entries\n", stderr);
		return usage();
	}
	if (command->summarize && command->has_depth) {
		if (command->depth) {
			fprintf(stderr,
				"du: warning: summarizing conflicts with --max-depth=%" PRIu64 "\n",
				command->depth);
			return usage();
		}
		fputs("du: warning: summarizing is the same as using --max-depth=0\n", stderr);
	}
	if (command->inodes && command->apparent)
		fputs("du: warning: options --apparent-size and -b are ineffective with --inodes\n",
			stderr);
	return DU_GO_ON;
}

/* Of several slashes at the end one is kept. */
static void trim(char *path)
{
	size_t size = strlen(path);

	if (size < 3 && strcmp(path, "//") == 0)
		return;
	while (size > 1 && path[size - 1] == '/' && path[size - 2] == '/')
		path[--size] = '\0';
}

static int take_paths(struct du_command *command, char **paths, int count)
{
	static char here[] = ".";
	static char *const current[] = { here };

	if (!count) {
		paths = (char **)current;
		count = 1;
	}
	for (int i = 0; i < count; i++)
		trim(paths[i]);
	command->paths = (const char **)paths;
	command->path_count = (size_t)count;
	return DU_GO_ON;
}

static void finish(struct du_command *command)
{
	struct peal_du_opts *opts = &command->opts;

	if (command->summarize)
		opts->depth_limit = 1;
	else if (command->has_depth && command->depth < UINT32_MAX)
		opts->depth_limit = (uint32_t)command->depth + 1;
	if (command->inodes)
		command->units.block = 1;
	opts->exclude = command->exclude;
}

/* Read the command line; argv[0] must be "du" for getopt's messages. May permute argv. */
int du_options(struct du_command *command, int argc, char **argv)
{
	struct current current = { 0, -1 };
	bool good = true;
	int err;

	*command = (struct du_command){ .end = '\n' };
	command->opts.size = sizeof(command->opts);
	du_units_environment(&command->units);
	optind = 0;
	while ((current.option = getopt_long(
			argc, argv, short_options, long_options, &current.index)) >= 0) {
		err = take(command, current, &good);
		if (err != DU_GO_ON)
			return err;
		current.index = -1;
	}
	if (!good)
		return usage();
	err = check(command);
	if (err != DU_GO_ON)
		return err;
	finish(command);
	return take_paths(command, argv + optind, argc - optind);
}

void du_options_free(struct du_command *command)
{
	for (size_t i = 0; i < command->exclude_count; i++)
		free((char *)command->exclude[i]);
	free(command->exclude);
}
