/* SPDX-License-Identifier: MIT */
/* A plugin that calls libpeal, as most do: the shared one comes along. */
#include <peal/peal.h>
#include <peal/plugin.h>

static int client_start(
	void **state, const struct peal_host *host, const struct peal_params *params)
{
	host->log(host, PEAL_LOG_INFO, "runs with version %s", peal_version());
	return 0;
}

PEAL_PLUGIN = {
	PEAL_PLUGIN_HEADER("client", "0.1"),
	.start = client_start,
};
