/* SPDX-License-Identifier: MIT */
/*
 * The subcommands of `peal`. A new one is a line here, a file NAME.c with peal_command_NAME(), and a
 * manual page peal-NAME.1.
 *
 * A command gets its own arguments, argv[0] being "peal NAME" for messages and getopt. It returns the
 * exit code: 0, something that its manual page explains, or PEAL_EXIT_USAGE when it was called
 * wrongly. It answers --help itself. One that was left out of the build is not offered.
 */
#ifndef PEAL_TOOLS_COMMANDS_H
#define PEAL_TOOLS_COMMANDS_H

#define PEAL_EXIT_USAGE 2

/* X(name, what it does), in the order of `peal --help`. */
#define PEAL_COMMANDS_EACH(X)                                    \
	X(run, "run an application module")                      \
	X(du, "disk usage, counted on all cores")                \
	X(stat, "counters of running programs")                  \
	X(plugins, "which plugins are found, and which refused") \
	X(doctor, "what this machine offers, and what Peal will use")

#define PEAL_COMMAND_DECLARE(name, summary) \
	__attribute__((weak)) int peal_command_##name(int argc, char **argv);
PEAL_COMMANDS_EACH(PEAL_COMMAND_DECLARE)

#endif
