/* SPDX-License-Identifier: MIT */
/*
 * `peal doctor`: what this machine offers, and what Peal makes of it. Each check is one line: a
 * verdict, what was found, and what to do about it.
 */
#ifndef PEAL_TOOLS_DOCTOR_H
#define PEAL_TOOLS_DOCTOR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <peal/machine.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_MISSING, /* something that Peal can do without is not there */
	DOCTOR_WARNING  /* something needs attention: the command's exit code says so too */
};

struct doctor {
	bool json;
	const char *section;
	unsigned int checks, warnings;
	struct peal_machine machine;
};

/* doctor_print.c. Sections have titles of a word; a check's name is a word or two, found a phrase,
 * remedy what to do, or NULL. */
void doctor_begin(struct doctor *doctor);
void doctor_section(struct doctor *doctor, const char *title);
void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
	const char *remedy, const char *found, ...) __attribute__((format(printf, 5, 6)));
void doctor_end(struct doctor *doctor);

/* doctor_read.c: the kernel's files, one line of them. False if there is none. */
bool doctor_read(const char *path, char *line, size_t size);
/* The value behind "name:" in /proc/self/status. */
bool doctor_status(const char *name, char *value, size_t size);
/* Has this process the capability of that number (capabilities(7))? */
bool doctor_capable(unsigned int capability);

#define DOCTOR_CAP_IPC_LOCK  14
#define DOCTOR_CAP_SYS_ADMIN 21
#define DOCTOR_CAP_PERFMON   38
#define DOCTOR_CAP_BPF       39

/* One file each: the sections in the order in which they are shown. */
void doctor_system(struct doctor *doctor);
void doctor_limits(struct doctor *doctor);
void doctor_backends(struct doctor *doctor);
void doctor_bpf(struct doctor *doctor);
void doctor_plugins(struct doctor *doctor);
void doctor_runtime(struct doctor *doctor);

#endif
