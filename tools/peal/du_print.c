/* SPDX-License-Identifier: MIT */
/* The callbacks of the walk: lines on standard output, messages and progress on standard error. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/peal/du.h"

/* The number that the options choose. */
uint64_t du_print_value(const struct du_command *command, const struct peal_du_sum *sum)
{
	if (command->inodes)
		return sum->inodes;
	return command->apparent ? sum->apparent : sum->allocated;
}

/* Take the line of progress away before anything else is written. */
void du_print_clear(struct du_command *command)
{
	if (command->shown)
		fputs("\r\033[K", stderr);
	command->shown = false;
}

static void put_path(struct du_command *command, const char *path, size_t size)
{
	char *quoted = command->quoted ? du_quote(path, size, DU_QUOTE_IF_NEEDED) : NULL;

	if (quoted)
		fputs(quoted, stdout);
	else
		fwrite(path, 1, size, stdout);
	free(quoted);
}

void du_print_line(
	struct du_command *command, const struct peal_du_sum *sum, const char *path, size_t size)
{
	char buf[DU_NUMBER_SIZE];

	du_print_clear(command);
	fputs(du_units_format(&command->units, du_print_value(command, sum), buf), stdout);
	putchar('\t');
	put_path(command, path, size);
	putchar(command->end);
}

static bool passes(const struct du_command *command, uint64_t value)
{
	if (command->threshold < 0)
		return value <= 0 - (uint64_t)command->threshold;
	return value >= (uint64_t)command->threshold;
}

int du_print_entry(void *arg, const struct peal_du_entry *entry)
{
	struct du_command *command = arg;
	const struct peal_du_sum *sum = command->opts.separate ? &entry->own : &entry->total;

	if (!passes(command, du_print_value(command, sum)))
		return 0;
	du_print_line(command, sum, entry->path, entry->path_size);
	return ferror(stdout) ? -EIO : 0;
}

/* Everything out, or the reason why not. 0 or -EIO. */
int du_print_flush(struct du_command *command)
{
	if (!fflush(stdout) && !ferror(stdout))
		return 0;
	du_print_clear(command);
	fprintf(stderr, "du: write error: %s\n", strerror(errno));
	clearerr(stdout);
	command->status = 1;
	return -EIO;
}

static void print_cycle(const char *name)
{
	fprintf(stderr,
		"du: WARNING: Circular directory structure.\n"
		"This almost certainly means that you have a corrupted file system.\n"
		"NOTIFY YOUR SYSTEM MANAGER.\n"
		"The following directory is part of the cycle:\n  %s\n\n",
		name);
}

/* The words are GNU's: scripts read them. */
static void print_message(const struct peal_du_error *error, const char *name)
{
	static const char *const texts[] = {
		[PEAL_DU_CANNOT_ACCESS] = "cannot access ",
		[PEAL_DU_CANNOT_READ] = "cannot read directory ",
		[PEAL_DU_BROKEN_READ] = "",
		[PEAL_DU_DANGLING] = "cannot access ",
	};

	if (error->what == PEAL_DU_EMPTY_PATH)
		fputs("du: invalid zero-length file name\n", stderr);
	else if (error->what == PEAL_DU_CYCLE)
		print_cycle(name);
	else if (error->err)
		fprintf(stderr, "du: %s%s: %s\n", texts[error->what], name, strerror(-error->err));
	else
		fprintf(stderr, "du: %s%s\n", texts[error->what], name);
}

int du_print_error(void *arg, const struct peal_du_error *error)
{
	struct du_command *command = arg;
	bool bare = error->what == PEAL_DU_BROKEN_READ || error->what == PEAL_DU_CYCLE;
	char *name = du_quote(error->path, error->path_size,
		bare ? DU_QUOTE_IF_NEEDED_OR_COLON : DU_QUOTE_ALWAYS);

	command->status = 1;
	du_print_clear(command);
	if (du_print_flush(command)) {
		free(name);
		return -EIO;
	}
	print_message(error, name ? name : error->path);
	free(name);
	return 0;
}

/* Show how far we are, and let go what waits in the buffer: readers of a pipe want it now. */
int du_print_tick(void *arg, const struct peal_du_counts *counts)
{
	struct du_command *command = arg;
	struct du_units units;
	char buf[DU_NUMBER_SIZE];

	if (du_print_flush(command))
		return -EIO;
	if (!command->progress)
		return 0;
	du_units_scale(&units, 1024);
	fprintf(stderr, "\rdu: %" PRIu64 " entries, %s\033[K", counts->entries,
		du_units_format(&units, counts->allocated, buf));
	fflush(stderr);
	command->shown = true;
	return 0;
}
