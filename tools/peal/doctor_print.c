/* SPDX-License-Identifier: MIT */
/* How the doctor speaks: lines for people, or one JSON object. */
#include "tools/peal/doctor.h"
#include "tools/peal/output.h"

static const char *const verdicts[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_MISSING] = "missing",
	[DOCTOR_WARNING] = "warning",
};

static void print_json_check(const struct doctor *doctor, enum doctor_verdict verdict,
	const char *check, const char *remedy, const char *found)
{
	printf("%s\n    {\"section\": ", doctor->checks ? "," : "");
	output_json_string(stdout, doctor->section);
	printf(", \"check\": ");
	output_json_string(stdout, check);
	printf(", \"verdict\": \"%s\", \"found\": ", verdicts[verdict]);
	output_json_string(stdout, found);
	if (remedy) {
		printf(", \"remedy\": ");
		output_json_string(stdout, remedy);
	}
	putchar('}');
}

/* Paths and messages come from elsewhere; a terminal must not obey them. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

void doctor_begin(struct doctor *doctor)
{
	if (doctor->json)
		printf("{\n  \"checks\": [");
}

void doctor_section(struct doctor *doctor, const char *title)
{
	doctor->section = title;
	if (!doctor->json)
		printf("%s%s\n", doctor->checks ? "\n" : "", title);
}

void doctor_say(struct doctor *doctor, enum doctor_verdict verdict, const char *check,
	const char *remedy, const char *found, ...)
{
	char text[1024];
	va_list args;

	va_start(args, found);
	vsnprintf(text, sizeof(text), found, args);
	va_end(args);
	make_printable(text);
	if (doctor->json)
		print_json_check(doctor, verdict, check, remedy, text);
	else
		printf("  %-8s %-20s %s%s%s\n", verdicts[verdict], check, text, remedy ? "; " : "",
			remedy ? remedy : "");
	doctor->checks++;
	doctor->warnings += verdict == DOCTOR_WARNING;
}

void doctor_end(struct doctor *doctor)
{
	if (doctor->json)
		printf("\n  ],\n  \"warnings\": %u\n}\n", doctor->warnings);
	else if (doctor->warnings)
		printf("\n%u of %u checks need attention.\n", doctor->warnings, doctor->checks);
}
