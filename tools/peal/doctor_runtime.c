/* SPDX-License-Identifier: MIT */
/* The plugins, and at last a runtime: what Peal will use, and why. */
#include <pthread.h>
#include <string.h>

#include <peal/peal.h>

#include "tools/peal/doctor.h"

static void tell_plugin(void *arg, const struct peal_plugin_info *plugin)
{
	struct doctor *doctor = arg;

	if (plugin->err)
		doctor_say(
			doctor, DOCTOR_WARNING, plugin->name, NULL, "refused: %s", plugin->reason);
	else
		doctor_say(doctor, DOCTOR_OK, plugin->name, NULL, "%s, %s (%s)", plugin->version,
			plugin->summary, plugin->path);
}

void doctor_plugins(struct doctor *doctor)
{
	unsigned int before = doctor->checks;
	int n;

	doctor_section(doctor, "plugins");
	n = peal_plugin_list(tell_plugin, doctor);
	if (n < 0)
		doctor_say(doctor, DOCTOR_WARNING, "search", NULL, "%s", strerror(-n));
	else if (doctor->checks == before)
		doctor_say(doctor, DOCTOR_OK, "search", NULL, "none found");
}

#define LINES_KEPT 8

/* What the library has to say while a runtime lives, on any of its threads. */
static struct {
	pthread_mutex_t lock;
	unsigned int count;
	char lines[LINES_KEPT][512];
} log_lines = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hear(void *arg, enum peal_log_level level, const char *text)
{
	if (level > PEAL_LOG_WARNING)
		return;
	pthread_mutex_lock(&log_lines.lock);
	if (log_lines.count < LINES_KEPT)
		snprintf(
			log_lines.lines[log_lines.count++], sizeof(log_lines.lines[0]), "%s", text);
	pthread_mutex_unlock(&log_lines.lock);
}

/* The runtime and its threads are gone. */
static void tell_log(struct doctor *doctor)
{
	for (unsigned int i = 0; i < log_lines.count; i++)
		doctor_say(doctor, DOCTOR_WARNING, "log", NULL, "%s", log_lines.lines[i]);
}

static void tell_runtime(struct doctor *doctor, struct peal_rt *rt)
{
	unsigned int shards = peal_rt_shards(rt);

	doctor_say(doctor, DOCTOR_OK, "backend", NULL, "%s", peal_rt_backend_reason(rt));
	doctor_say(doctor, DOCTOR_OK, "shards", NULL, "%u, %s", shards,
		shards == doctor->machine.cpus ? "each tied to a CPU"
					       : "on the CPUs that the kernel chooses");
	doctor_say(doctor, DOCTOR_OK, "stacks", NULL, "%zu KiB for each fiber",
		doctor->machine.stack_size / 1024);
}

void doctor_runtime(struct doctor *doctor)
{
	struct peal_reason reason = { "" };
	struct peal_rt *rt;
	int err;

	doctor_section(doctor, "Peal");
	doctor_say(doctor, DOCTOR_OK, "version", NULL, "%s", peal_version());
	peal_set_log(hear, NULL);
	err = peal_rt_start(&rt, NULL, &reason);
	if (err) {
		doctor_say(doctor, DOCTOR_WARNING, "runtime", NULL, "does not start: %s: %s",
			strerror(-err), reason.text);
	} else {
		tell_runtime(doctor, rt);
		peal_rt_stop(rt);
	}
	peal_set_log(NULL, NULL);
	tell_log(doctor);
}
