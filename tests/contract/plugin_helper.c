/* SPDX-License-Identifier: MIT */
/* plugin_helper NAME: is there a plugin of that name? The exit status is 0, or the errno. */
#include "core/plugin/plugin.h"

int main(int argc, char **argv)
{
	struct peal_plugin_file file;
	int err = peal_plugin_find(&file, argc > 1 ? argv[1] : "", NULL);

	if (!err)
		peal_plugin_file_close(&file);
	return -err;
}
