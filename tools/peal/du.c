/* SPDX-License-Identifier: MIT */
/*
 * `peal du`: loads the du plugin and prints what GNU du prints. Messages begin with "du:", as GNU's
 * do, so that scripts can take one for the other.
 */
#include <fcntl.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <peal/peal.h>

#include "tools/peal/commands.h"
#include "tools/peal/du.h"
#include "tools/peal/stats_print.h"

#define MOST_FILES     65536
#define EXPECTED_FILES 8192

/*
 * Directories stay open until those in them are open, so let us have what we may. The kernel's table
 * of descriptors is made to fit before there are threads: growing it later would hold them up.
 */
static void prepare_files(struct du_command *command)
{
	struct rlimit limit;
	int fd;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max < MOST_FILES ? limit.rlim_max : MOST_FILES;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		return;
	command->opts.max_open = (uint32_t)limit.rlim_cur / 2 + 1;
	fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC,
		limit.rlim_cur > EXPECTED_FILES ? EXPECTED_FILES - 1 : (int)limit.rlim_cur - 1);
	if (fd >= 0)
		close(fd);
}

static int fail(struct du_command *command, const char *text)
{
	fprintf(stderr, "du: %s\n", text);
	command->status = 1;
	return 0;
}

static void walk(struct du_command *command)
{
	struct peal_du_result result;
	int err;

	err = peal_du(command->paths, command->path_count, &result, &command->opts);
	du_print_clear(command);
	if (err && err != -EIO)
		fail(command, strerror(-err));
	if (!err && command->total)
		du_print_line(command, &result.sum, "total", strlen("total"));
	if (err != -EIO)
		du_print_flush(command);
}

/* "uring: the best there is": the name stands in front of it already, mostly. */
static void print_backend(const struct peal_rt *rt)
{
	const char *name = peal_rt_backend(rt), *reason = peal_rt_backend_reason(rt);
	size_t size = strlen(name);

	if (!strncmp(reason, name, size) && !strncmp(reason + size, ": ", 2))
		reason += size + 2;
	fprintf(stderr, "peal: backend %s: %s\n", name, reason);
}

/* Only what keeps us from working; GNU du has no more to say either. */
static void log_error(void *arg, enum peal_log_level level, const char *text)
{
	if (level == PEAL_LOG_ERROR)
		fprintf(stderr, "du: %s\n", text);
}

/* In the runtime's first fiber. */
static int main_task(void *arg)
{
	struct du_command *command = arg;
	struct peal_rt *rt = peal_rt_current();
	struct peal_reason reason;

	if (command->stats)
		print_backend(rt);
	if (peal_plugin_load("du", NULL, &reason))
		return fail(command, reason.text);
	walk(command);
	if (command->stats)
		peal_print_stats(rt, stderr);
	return 0;
}

static void set_up(struct du_command *command)
{
	bool terminal = isatty(STDOUT_FILENO);

	command->quoted = terminal && command->end == '\n';
	command->progress = isatty(STDERR_FILENO);
	command->opts.entry = du_print_entry;
	command->opts.error = du_print_error;
	command->opts.tick = du_print_tick;
	command->opts.arg = command;
	command->opts.tick_interval = 200 * PEAL_MS;
	/* A terminal gets its lines at once, all others with every tick. */
	if (!terminal)
		setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	prepare_files(command);
}

int peal_command_du(int argc, char **argv)
{
	static char name[] = "du";
	struct du_command command;
	int err;

	setlocale(LC_CTYPE, "");
	setlocale(LC_NUMERIC, "");
	argv[0] = name;
	err = du_options(&command, argc, argv);
	if (err != DU_GO_ON)
		return -err;
	set_up(&command);
	peal_set_log(log_error, NULL);
	err = peal_run(main_task, &command,
		PEAL_RT(.name = "peal du", .shards = command.jobs, .report_overflow = 1));
	if (err < 0) /* the log has said why */
		command.status = 1;
	du_options_free(&command);
	return command.status;
}
