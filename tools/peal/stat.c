/* SPDX-License-Identifier: MIT */
/* `peal stat`: counters of running programs, read from outside. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/peal/commands.h"
#include "tools/peal/output.h"
#include "tools/peal/stat.h"

/* Exit codes; see peal-stat(1). */
#define EXIT_NOTHING 1 /* no such process or runtime, or it ended */
#define EXIT_DENIED  3 /* it may not be looked into */
#define EXIT_BROKEN  4 /* something was there and could not be read */

static const char usage[] =
	"usage: peal stat [OPTION...] [PID|FILE]\n"
	"Show the counters of running programs. Without PID: list the runtimes that can be seen.\n\n"
	"  -a, --all               counters that are 0, too\n"
	"  -e, --explain           with a sentence about each counter\n"
	"  -s, --shards            a column for each shard, however many\n"
	"  -r, --runtime N         only that runtime of the process\n"
	"  -i, --interval SECONDS  what happened in each interval, until interrupted\n"
	"  -j, --json              one JSON object per line and runtime\n"
	"  -p, --prometheus        for a Prometheus scraper\n"
	"      --help              this text\n\n"
	"Exit codes: 0; 1 nothing found, or it has ended; 2 usage; 3 not permitted; 4 not readable.\n";

struct request {
	struct stat_options options;
	bool json, prometheus;
	const char *file;
	pid_t pid;            /* 0: all */
	unsigned int runtime; /* 0: all */
	int64_t interval;     /* ns; 0: once */
};

struct views {
	struct stat_view *views;
	size_t count;
	unsigned int runtime;
};

static int keep(void *arg, struct peal_stats *stats)
{
	struct views *all = arg;
	struct stat_view *grown;

	if (all->runtime && peal_stats_info(stats)->runtime != all->runtime) {
		peal_stats_free(stats);
		return 0;
	}
	grown = realloc(all->views, (all->count + 1) * sizeof(*grown));
	if (!grown) {
		peal_stats_free(stats);
		return -ENOMEM;
	}
	all->views = grown;
	grown[all->count++] = (struct stat_view){ .stats = stats };
	return 0;
}

static int in_order(const void *a, const void *b)
{
	const struct peal_stats_info *left = peal_stats_info(((const struct stat_view *)a)->stats);
	const struct peal_stats_info *right = peal_stats_info(((const struct stat_view *)b)->stats);

	if (left->pid != right->pid)
		return left->pid < right->pid ? -1 : 1;
	return left->runtime < right->runtime ? -1 : left->runtime > right->runtime;
}

static int open_file(const char *path, struct views *all, struct peal_reason *reason)
{
	struct peal_stats *stats;
	int err = peal_stats_open_file(&stats, path, reason);

	return err ? err : keep(all, stats);
}

/* 0 and at least one view, or a negative errno and the reason. */
static int find(const struct request *request, struct views *all, struct peal_reason *reason)
{
	int n = request->file ? open_file(request->file, all, reason)
			      : peal_stats_each(request->pid, keep, all, reason);

	if (n < 0)
		return n;
	if (!all->count) {
		snprintf(reason->text, sizeof(reason->text), "there is no runtime %u",
			request->runtime);
		return -ENOENT;
	}
	qsort(all->views, all->count, sizeof(*all->views), in_order);
	return 0;
}

static void print(const struct request *request, const struct views *all)
{
	if (request->prometheus) {
		stat_print_prometheus(all->views, all->count, stdout);
	} else if (request->json) {
		for (size_t i = 0; i < all->count; i++)
			stat_print_json(&all->views[i], stdout);
	} else if (!request->pid && !request->file) {
		stat_print_list(all->views, all->count, stdout);
	} else {
		for (size_t i = 0; i < all->count; i++) {
			if (i)
				putchar('\n');
			stat_print_table(&all->views[i], &request->options, stdout);
		}
	}
}

static bool keep_all(struct views *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (!stat_view_keep(&all->views[i]))
			return false;
	return true;
}

/* Those that have ended are gone. */
static void refresh_all(struct views *all)
{
	size_t left = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (peal_stats_refresh(all->views[i].stats))
			stat_view_free(&all->views[i]);
		else
			all->views[left++] = all->views[i];
	}
	all->count = left;
}

static int watch(const struct request *request, struct views *all)
{
	struct timespec interval = { .tv_sec = request->interval / 1000000000,
		.tv_nsec = request->interval % 1000000000 };
	sigset_t ends;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	for (bool first = true; keep_all(all); first = false) {
		if (sigtimedwait(&ends, NULL, &interval) > 0)
			return 0;
		refresh_all(all);
		if (!all->count) {
			fputs("peal stat: the process has ended\n", stderr);
			return EXIT_NOTHING;
		}
		if (!first && !request->json)
			putchar('\n');
		print(request, all);
		if (output_finish("peal stat"))
			return EXIT_BROKEN;
	}
	fputs("peal stat: out of memory\n", stderr);
	return EXIT_BROKEN;
}

static int exit_code(int err)
{
	switch (err) {
	case -ESRCH:
	case -ENOENT:
		return EXIT_NOTHING;
	case -EACCES:
	case -EPERM:
		return EXIT_DENIED;
	default:
		return EXIT_BROKEN;
	}
}

static int show(const struct request *request)
{
	struct views all = { .runtime = request->runtime };
	struct peal_reason reason = { "" };
	int err = find(request, &all, &reason), code = 0;

	if (err) {
		fprintf(stderr, "peal stat: %s\n", reason.text[0] ? reason.text : strerror(-err));
		code = exit_code(err);
	} else if (request->interval) {
		code = watch(request, &all);
	} else {
		print(request, &all);
		if (output_finish("peal stat"))
			code = EXIT_BROKEN;
	}
	for (size_t i = 0; i < all.count; i++)
		stat_view_free(&all.views[i]);
	free(all.views);
	return code;
}

static bool parse_number(const char *text, unsigned long most, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *number && *number <= most;
}

/* Seconds, with a fraction; at least 10 ms and at most a day. */
static bool parse_interval(const char *text, int64_t *ns)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.01 && seconds <= 86400))
		return false;
	*ns = (int64_t)(seconds * 1e9);
	return true;
}

static int refuse(const char *what, const char *value)
{
	fprintf(stderr, "peal stat: %s: %s; try peal stat --help\n", what, value);
	return PEAL_EXIT_USAGE;
}

static int parse_operands(struct request *request, int argc, char **argv)
{
	unsigned long number;

	if (argc > 1)
		return refuse("one process at a time", argv[1]);
	if (!argc)
		return 0;
	if (strchr(argv[0], '/')) {
		request->file = argv[0];
		return 0;
	}
	if (!parse_number(argv[0], INT_MAX, &number))
		return refuse("neither a process id nor a path", argv[0]);
	request->pid = (pid_t)number;
	return 0;
}

/* 0; PEAL_EXIT_USAGE, or -1 when --help was answered. */
static int parse(struct request *request, int argc, char **argv)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "explain", no_argument, NULL, 'e' },
		{ "shards", no_argument, NULL, 's' },
		{ "runtime", required_argument, NULL, 'r' },
		{ "interval", required_argument, NULL, 'i' },
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	unsigned long number;
	int option;

	while ((option = getopt_long(argc, argv, "aesr:i:jp", options, NULL)) >= 0) {
		switch (option) {
		case 'a':
			request->options.all = true;
			break;
		case 'e':
			request->options.explain = true;
			break;
		case 's':
			request->options.shards = true;
			break;
		case 'r':
			if (!parse_number(optarg, UINT_MAX, &number))
				return refuse("not the number of a runtime", optarg);
			request->runtime = (unsigned int)number;
			break;
		case 'i':
			if (!parse_interval(optarg, &request->interval))
				return refuse("not between 0.01 and 86400 seconds", optarg);
			break;
		case 'j':
			request->json = true;
			break;
		case 'p':
			request->prometheus = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return -1;
		default:
			fputs(usage, stderr);
			return PEAL_EXIT_USAGE;
		}
	}
	if (request->prometheus && (request->json || request->interval))
		return refuse("goes with neither --json nor --interval", "--prometheus");
	return parse_operands(request, argc - optind, argv + optind);
}

int peal_command_stat(int argc, char **argv)
{
	struct request request = { 0 };
	int code = parse(&request, argc, argv);

	if (code)
		return code < 0 ? 0 : code;
	return show(&request);
}
