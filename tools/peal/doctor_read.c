/* SPDX-License-Identifier: MIT */
/* What the doctor's checks read. */
#include <stdlib.h>
#include <string.h>

#include "tools/peal/doctor.h"

static void cut_newline(char *line)
{
	line[strcspn(line, "\n")] = '\0';
}

bool doctor_read(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read;

	if (!file)
		return false;
	read = fgets(line, (int)size, file) != NULL;
	fclose(file);
	if (read)
		cut_newline(line);
	return read;
}

bool doctor_status(const char *name, char *value, size_t size)
{
	FILE *file = fopen("/proc/self/status", "re");
	size_t length = strlen(name);
	bool found = false;
	char line[512];

	while (file && !found && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, length) && line[length] == ':') {
			cut_newline(line);
			snprintf(value, size, "%s",
				line + length + 1 + strspn(line + length + 1, " \t"));
			found = true;
		}
	if (file)
		fclose(file);
	return found;
}

bool doctor_capable(unsigned int capability)
{
	char set[32];

	return doctor_status("CapEff", set, sizeof(set)) &&
		strtoull(set, NULL, 16) >> capability & 1;
}
