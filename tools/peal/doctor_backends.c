/* SPDX-License-Identifier: MIT */
/* The backends of the library, each with what it found in the kernel. */
#include <peal/backend.h>

#include "tools/peal/doctor.h"

static void tell_feature(void *arg, const char *name, bool present, const char *remark)
{
	struct doctor *doctor = arg;

	doctor_say(doctor, present ? DOCTOR_OK : DOCTOR_MISSING, name, NULL, "%s",
		*remark           ? remark
			: present ? "works"
				  : "does not work here");
}

/* One that is only used when asked for by name misses nothing when it cannot be. */
static enum doctor_verdict verdict_on(const struct peal_backend_info *backend)
{
	if (!backend->err)
		return DOCTOR_OK;
	return backend->preference ? DOCTOR_WARNING : DOCTOR_MISSING;
}

static void tell_backend(void *arg, const struct peal_backend_info *backend)
{
	struct doctor *doctor = arg;
	char title[64];

	snprintf(title, sizeof(title), "backend %s", backend->name);
	doctor_section(doctor, title);
	if (backend->err)
		doctor_say(doctor, verdict_on(backend), "probe", NULL, "%s", backend->reason);
	else
		doctor_say(doctor, DOCTOR_OK, "probe", NULL, "%s%s", backend->summary,
			backend->preference ? "" : " (only when asked for by name)");
	backend->features(tell_feature, doctor);
}

void doctor_backends(struct doctor *doctor)
{
	peal_backend_list(tell_backend, doctor);
}
