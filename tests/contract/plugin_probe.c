/* SPDX-License-Identifier: MIT */
/* Loading the probe into runtimes. */
#include <inttypes.h>
#include <stdio.h>

#include "tests/check_main.h"
#include "tests/contract/plugin_files.h"
#include "tests/contract/plugin_probe.h"

struct probe_events probe_events;
struct peal_reason probe_reason;

void probe_setup(void)
{
	struct plugin_folder folder = plugin_folder_make(NULL, NULL);

	memset(&probe_events, 0, sizeof(probe_events));
	plugin_copy(&folder, "probe", "probe");
	plugin_copy(&folder, "later", "later");
	plugin_copy(&folder, "needy", "needy");
	plugin_search_in(&folder, NULL);
}

struct peal_rt *probe_runtime(unsigned int shards)
{
	struct peal_rt *rt;
	int err = peal_rt_start(&rt, PEAL_RT(.shards = shards), &probe_reason);

	ck_assert_msg(!err, "%d: %s", err, probe_reason.text);
	return rt;
}

const char *probe_params(const char *more)
{
	static char text[128];

	snprintf(text, sizeof(text), "events=%" PRIdPTR "%s", (intptr_t)&probe_events, more);
	return text;
}

int probe_load(struct peal_rt *rt, const char *more)
{
	probe_reason.text[0] = '\0';
	return peal_rt_plugin_load(rt, "probe", probe_params(more), &probe_reason);
}

void probe_load_well(struct peal_rt *rt, const char *more)
{
	int err = probe_load(rt, more);

	ck_assert_msg(!err, "%d: %s", err, probe_reason.text);
}

const struct probe_api *probe_api(struct peal_rt *rt, void **state)
{
	return peal_plugin_api(rt, "probe", PROBE_API_MAJOR, state);
}

int64_t probe_answer(struct peal_rt *rt)
{
	void *state = NULL;
	const struct probe_api *api = probe_api(rt, &state);

	return api ? api->answer(state) : -1;
}
