/* SPDX-License-Identifier: MIT */
/* `peal run`: an application module, a shared object with a function peal_main(), in a runtime. */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <peal/peal.h>

#include "tools/peal/commands.h"
#include "tools/peal/stats_print.h"

/* Those of env(1) and timeout(1), so that they are told from the module's own. */
#define EXIT_FAILED   1   /* peal_main() returned a negative errno */
#define EXIT_RUNTIME  125 /* no runtime, or a plugin was refused */
#define EXIT_UNUSABLE 126 /* the module cannot be loaded */
#define EXIT_MISSING  127 /* there is no such file */

#define PLUGINS_MAX   64
#define SHARDS_MAX    4096

static const char usage[] =
	"usage: peal run [OPTION...] MODULE [ARGUMENT...]\n"
	"Run an application module, a shared object with a function\n"
	"int peal_main(struct peal_rt *rt, int argc, char **argv), as a fiber of shard 0.\n\n"
	"  -n, --shards N              threads; as many as CPUs that may be used\n"
	"  -b, --backend NAME          instead of the best one that works (peal doctor lists them)\n"
	"  -p, --plugin NAME[:PARAMS]  load a plugin first; may be given several times\n"
	"  -s, --stats                 at the end, what it took, on stderr\n"
	"      --help                  this text\n\n"
	"Exit codes: the module's own; 1 it failed; 2 usage; 125 no runtime, or a plugin was refused;\n"
	"126 the module cannot be used; 127 there is no such file.\n";

struct plugin {
	char *name, *params; /* one argument, cut at the colon; params NULL: none */
};

struct request {
	struct peal_rt_opts opts;
	struct plugin plugins[PLUGINS_MAX];
	unsigned int plugin_count;
	bool stats;
	int argc; /* the module's */
	char **argv;
	peal_main_fn *main;
	int code;
};

static void print_log(void *arg, enum peal_log_level level, const char *text)
{
	if (level <= PEAL_LOG_WARNING)
		fprintf(stderr, "peal run: %s\n", text);
}

static int load_plugins(const struct request *request)
{
	for (unsigned int i = 0; i < request->plugin_count; i++) {
		const struct plugin *plugin = &request->plugins[i];
		struct peal_reason reason = { "" };

		if (peal_plugin_load(plugin->name, plugin->params, &reason)) {
			fprintf(stderr, "peal run: %s\n", reason.text);
			return EXIT_RUNTIME;
		}
	}
	return 0;
}

static int run_main(const struct request *request)
{
	int result = request->main(peal_rt_current(), request->argc, request->argv);

	if (result >= 0)
		return result & 0xff;
	fprintf(stderr, "peal run: %s: peal_main returned %d (%s)\n", request->argv[0], result,
		strerror(-result));
	return EXIT_FAILED;
}

/* The runtime's main task. */
static int run(void *arg)
{
	struct request *request = arg;

	request->code = load_plugins(request);
	if (request->code)
		return 0;
	request->code = run_main(request);
	if (request->stats)
		peal_print_stats(NULL, stderr);
	return 0;
}

/* A path, also if it has no slash: dlopen() would look for those among the system's libraries. */
static char *path_of(const char *module)
{
	size_t size = strlen(module) + sizeof("./");
	char *path = malloc(size);

	if (path)
		snprintf(path, size, "%s%s", strchr(module, '/') ? "" : "./", module);
	return path;
}

/* libc's message, without the path before it, which ours begins with. */
static const char *load_error(const char *path)
{
	const char *text = dlerror();
	size_t length = strlen(path);

	if (text && !strncmp(text, path, length) && !strncmp(text + length, ": ", 2))
		return text + length + 2;
	return text ? text : "dlopen failed";
}

/*
 * Does it bring a libpeal that is not ours? That happens to a command which has it linked in; calls
 * of the module would go to a library without a runtime.
 */
static bool brings_library(void *handle)
{
	return dlsym(handle, "peal_version") && !dlsym(RTLD_DEFAULT, "peal_version");
}

/* The module is never closed: its code may be referred to until the process ends. */
static int load_module(struct request *request, const char *path)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

	if (!handle) {
		fprintf(stderr, "peal run: %s: %s\n", request->argv[0], load_error(path));
		return EXIT_UNUSABLE;
	}
	if (brings_library(handle)) {
		fprintf(stderr,
			"peal run: %s: it brings a second libpeal into this command, which has its "
			"own; build Peal with --enable-shared\n",
			request->argv[0]);
		return EXIT_UNUSABLE;
	}
	request->main = (peal_main_fn *)(uintptr_t)dlsym(handle, "peal_main");
	if (!request->main) {
		fprintf(stderr,
			"peal run: %s: it has no function peal_main; it should have\n"
			"int peal_main(struct peal_rt *rt, int argc, char **argv), see peal/load.h\n",
			request->argv[0]);
		return EXIT_UNUSABLE;
	}
	return 0;
}

static int find_module(struct request *request)
{
	char *path = path_of(request->argv[0]);
	FILE *file = path ? fopen(path, "re") : NULL;
	int err = errno;
	int code;

	if (!file) {
		fprintf(stderr, "peal run: %s: %s\n", request->argv[0], strerror(err));
		free(path);
		return err == ENOENT || err == ENOTDIR ? EXIT_MISSING : EXIT_UNUSABLE;
	}
	fclose(file);
	code = load_module(request, path);
	free(path);
	return code;
}

static int refuse(const char *what, const char *value)
{
	fprintf(stderr, "peal run: %s: %s; try peal run --help\n", what, value);
	return PEAL_EXIT_USAGE;
}

static int parse_shards(struct request *request, const char *text)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || number < 1 || number > SHARDS_MAX)
		return refuse("not a number of shards", text);
	request->opts.shards = (uint32_t)number;
	return 0;
}

static int parse_plugin(struct request *request, char *text)
{
	struct plugin *plugin = &request->plugins[request->plugin_count];
	char *colon = strchr(text, ':');

	if (request->plugin_count == PLUGINS_MAX)
		return refuse("too many plugins", text);
	if (colon)
		*colon = '\0';
	plugin->name = text;
	plugin->params = colon ? colon + 1 : NULL;
	request->plugin_count++;
	return 0;
}

/* One option. 0; PEAL_EXIT_USAGE, or -1 when --help was answered. */
static int parse_option(struct request *request, int option)
{
	switch (option) {
	case 'n':
		return parse_shards(request, optarg);
	case 'b':
		request->opts.backend = optarg;
		return 0;
	case 'p':
		return parse_plugin(request, optarg);
	case 's':
		request->stats = true;
		return 0;
	case 'h':
		fputs(usage, stdout);
		return -1;
	default:
		fputs(usage, stderr);
		return PEAL_EXIT_USAGE;
	}
}

static int parse(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "shards", required_argument, NULL, 'n' },
		{ "backend", required_argument, NULL, 'b' },
		{ "plugin", required_argument, NULL, 'p' },
		{ "stats", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option, code;

	/* Up to the module: what follows it is its own. */
	while ((option = getopt_long(argc, argv, "+n:b:p:s", options, NULL)) >= 0) {
		code = parse_option(request, option);
		if (code)
			return code;
	}
	if (optind == argc)
		return refuse("which module", "none was named");
	request->argc = argc - optind;
	request->argv = argv + optind;
	return 0;
}

int peal_command_run(int argc, char **argv)
{
	struct request request = {
		.opts = { .size = sizeof(request.opts), .report_overflow = 1 },
	};
	int code = parse(&request, argc, argv);

	if (code)
		return code < 0 ? 0 : code;
	code = find_module(&request);
	if (code)
		return code;
	peal_set_log(print_log, NULL);
	if (peal_run(run, &request, &request.opts))
		return EXIT_RUNTIME; /* the log has told why */
	return request.code;
}
