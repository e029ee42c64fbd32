/* SPDX-License-Identifier: MIT */
/* new_folder BACKEND PLUGIN: run on that backend (PEAL_BACKEND chooses it) and load that plugin. */
#include <stdio.h>
#include <string.h>

#include <peal/peal.h>

static int load(void *arg)
{
	char **argv = arg;
	struct peal_reason reason = { "" };
	const char *backend = peal_rt_backend(peal_rt_current());
	int err;

	if (strcmp(backend, argv[1])) {
		fprintf(stderr, "runs on %s, not on %s\n", backend, argv[1]);
		return -1;
	}
	err = peal_plugin_load(argv[2], NULL, &reason);
	if (err)
		fprintf(stderr, "%s: %s\n", argv[2], reason.text);
	return err;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	return peal_run(load, argv, NULL) != 0;
}
