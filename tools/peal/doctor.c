/* SPDX-License-Identifier: MIT */
/* `peal doctor`: the sections in order. */
#include <getopt.h>
#include <stdlib.h>

#include "tools/peal/commands.h"
#include "tools/peal/doctor.h"
#include "tools/peal/output.h"

static const char usage[] =
	"usage: peal doctor [--json]\n"
	"Tell what this machine offers, and what Peal will use and why.\n\n"
	"  --json  the same for programs\n"
	"  --help  this text\n\n"
	"The exit code is 0 if all is well and 1 if something needs attention.\n";

static void examine(struct doctor *doctor)
{
	doctor_begin(doctor);
	doctor_system(doctor);
	doctor_limits(doctor);
	doctor_backends(doctor);
	doctor_bpf(doctor);
	doctor_plugins(doctor);
	doctor_runtime(doctor);
	doctor_end(doctor);
}

int peal_command_doctor(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct doctor doctor = { .machine = { .size = sizeof(doctor.machine) } };
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0)
		switch (option) {
		case 'j':
			doctor.json = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs(usage, stderr);
			return PEAL_EXIT_USAGE;
		}
	if (optind < argc) {
		fprintf(stderr, "peal doctor: %s: no such argument\n%s", argv[optind], usage);
		return PEAL_EXIT_USAGE;
	}
	examine(&doctor);
	return output_finish("peal doctor") || doctor.warnings ? 1 : 0;
}
