/* SPDX-License-Identifier: MIT */
/*
 * `peal plugins`: which plugins are found, what parameters they take, and which are refused and
 * why.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <peal/load.h>

#include "tools/peal/commands.h"
#include "tools/peal/output.h"

#define EXIT_REFUSED 1 /* one that was asked for by name cannot be loaded */
#define EXIT_BROKEN  4 /* the output could not be written, or there was no memory */

static const char usage[] =
	"usage: peal plugins [OPTION...] [NAME...]\n"
	"Show which plugins are found, what parameters they take, and which are refused and why.\n\n"
	"  -j, --json  one JSON object per line and plugin\n"
	"      --help  this text\n\n"
	"Plugins are looked for in the folders of PEAL_PLUGIN_PATH, then in " PEAL_PLUGIN_DIR ".\n"
	"Exit codes: 0; 1 a NAME is not found or refused; 2 usage; 4 the output was not written.\n";

struct request {
	bool json;
	char **names; /* those asked for; all when there is none */
	int count;
	bool *found, *usable; /* of each */
	/* While they are listed */
	bool refused; /* which of the two kinds is shown */
	unsigned int shown[2];
};

/* Was it asked for? Keeps in mind what became of it. */
static bool is_wanted(struct request *request, const struct peal_plugin_info *info)
{
	bool wanted = request->count == 0;

	for (int i = 0; i < request->count; i++) {
		if (strcmp(request->names[i], info->name))
			continue;
		wanted = request->found[i] = true;
		request->usable[i] |= !info->err;
	}
	return wanted;
}

static void print_params(const struct peal_plugin_info *info)
{
	struct output_table table;
	char text[256];

	output_table_init(&table, 4, ~(uint64_t)0);
	for (uint32_t i = 0; i < info->param_count; i++) {
		const struct peal_plugin_param *param = &info->params[i];

		snprintf(text, sizeof(text), "    %s", param->name);
		output_table_add(&table, text);
		if (param->initial)
			snprintf(text, sizeof(text), "default \"%s\"", param->initial);
		output_table_add(&table, param->initial ? text : "must be given");
		output_table_add(&table, param->expected);
		output_table_add(&table, param->help);
		output_table_end_row(&table);
	}
	output_table_print(&table, stdout);
	output_table_free(&table);
}

static void print_usable(const struct peal_plugin_info *info)
{
	printf("%s %s%s%s\n    %s\n", info->name, info->version, *info->summary ? ": " : "",
		info->summary, info->path);
	print_params(info);
}

static void print_refused(const struct request *request, const struct peal_plugin_info *info)
{
	if (!request->shown[true])
		printf("%srefused:\n", request->shown[false] ? "\n" : "");
	printf("%s\n    %s\n", info->path, info->reason);
}

/* First all that can be used, then all that cannot. */
static void print_one(void *arg, const struct peal_plugin_info *info)
{
	struct request *request = arg;

	if (request->refused != (info->err != 0) || !is_wanted(request, info))
		return;
	if (request->refused)
		print_refused(request, info);
	else
		print_usable(info);
	request->shown[request->refused]++;
}

static void print_json_member(const char *before, const char *text)
{
	fputs(before, stdout);
	if (text)
		output_json_string(stdout, text);
	else
		fputs("null", stdout);
}

static void print_json_params(const struct peal_plugin_info *info)
{
	fputs(", \"params\": [", stdout);
	for (uint32_t i = 0; i < info->param_count; i++) {
		const struct peal_plugin_param *param = &info->params[i];

		print_json_member(i ? ", {\"name\": " : "{\"name\": ", param->name);
		print_json_member(", \"type\": ", param->type);
		print_json_member(", \"expected\": ", param->expected);
		print_json_member(", \"default\": ", param->initial);
		print_json_member(", \"help\": ", param->help);
		putchar('}');
	}
	putchar(']');
}

static void print_json(void *arg, const struct peal_plugin_info *info)
{
	struct request *request = arg;

	if (!is_wanted(request, info))
		return;
	print_json_member("{\"name\": ", info->name);
	print_json_member(", \"path\": ", info->path);
	printf(", \"usable\": %s", info->err ? "false" : "true");
	if (info->err) {
		printf(", \"error\": %d", -info->err);
		print_json_member(", \"reason\": ", info->reason);
	} else {
		print_json_member(", \"version\": ", info->version);
		print_json_member(", \"summary\": ", info->summary);
		print_json_params(info);
	}
	puts("}");
}

static int list(struct request *request)
{
	int n;

	if (request->json)
		return peal_plugin_list(print_json, request);
	n = peal_plugin_list(print_one, request);
	request->refused = true;
	if (n >= 0)
		n = peal_plugin_list(print_one, request);
	return n;
}

/* Those asked for by name: 0 when each can be used. */
static int check_names(const struct request *request)
{
	int code = 0;

	for (int i = 0; i < request->count; i++) {
		if (!request->found[i])
			fprintf(stderr, "peal plugins: there is no plugin %s\n", request->names[i]);
		if (!request->usable[i])
			code = EXIT_REFUSED;
	}
	return code;
}

static int show(struct request *request)
{
	int n = list(request);

	if (n < 0) {
		fprintf(stderr, "peal plugins: %s\n", strerror(-n));
		return EXIT_BROKEN;
	}
	if (n == 0 && request->count == 0)
		fputs("peal plugins: there are none in " PEAL_PLUGIN_DIR " or PEAL_PLUGIN_PATH\n",
			stderr);
	if (output_finish("peal plugins"))
		return EXIT_BROKEN;
	return check_names(request);
}

/* 0; PEAL_EXIT_USAGE, or -1 when --help was answered. */
static int parse(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "j", options, NULL)) >= 0) {
		switch (option) {
		case 'j':
			request->json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return -1;
		default:
			fputs(usage, stderr);
			return PEAL_EXIT_USAGE;
		}
	}
	request->names = argv + optind;
	request->count = argc - optind;
	return 0;
}

int peal_command_plugins(int argc, char **argv)
{
	struct request request = { 0 };
	int code = parse(&request, argc, argv);

	if (code)
		return code < 0 ? 0 : code;
	request.found = calloc(2 * (size_t)request.count + 1, sizeof(bool));
	if (!request.found) {
		fputs("peal plugins: out of memory\n", stderr);
		return EXIT_BROKEN;
	}
	request.usable = request.found + request.count;
	code = show(&request);
	free(request.found);
	return code;
}
