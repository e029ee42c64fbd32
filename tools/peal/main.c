/* SPDX-License-Identifier: MIT */
/* peal: one program, a subcommand for each thing that can be done from a shell. */
#include <stdio.h>
#include <string.h>

#include <peal/peal.h>

#include "tools/peal/commands.h"

struct command {
	const char *name, *full, *summary;
	int (*run)(int argc, char **argv);
};

#define COMMAND(name_, summary_) { #name_, "peal " #name_, summary_, peal_command_##name_ },

static const struct command commands[] = { PEAL_COMMANDS_EACH(COMMAND) };
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].run && !strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void print_usage(FILE *to)
{
	fputs("usage: peal COMMAND [ARGUMENT...]\n"
	      "       peal help COMMAND\n\n",
		to);
	for (size_t i = 0; i < COMMANDS; i++)
		if (commands[i].run)
			fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].summary);
	fputs("\n  --help    this text\n"
	      "  --version the version of Peal\n",
		to);
}

static int run(const struct command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "%s", command->full);
	argv[0] = name;
	return command->run(argc, argv);
}

static int help(int argc, char **argv)
{
	const struct command *command = argc > 2 ? find(argv[2]) : NULL;
	char option[] = "--help", *arguments[] = { NULL, option, NULL };

	if (argc > 2 && !command) {
		fprintf(stderr, "peal: there is no command %s; try peal --help\n", argv[2]);
		return PEAL_EXIT_USAGE;
	}
	if (command)
		return run(command, 2, arguments);
	print_usage(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		print_usage(stderr);
		return PEAL_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--version")) {
		printf("peal %s\n", peal_version());
		return 0;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help(argc, argv);
	command = find(argv[1]);
	if (command)
		return run(command, argc - 1, argv + 1);
	fprintf(stderr, "peal: there is no command %s; try peal --help\n", argv[1]);
	return PEAL_EXIT_USAGE;
}
