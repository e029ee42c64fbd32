/* SPDX-License-Identifier: MIT */
/*
 * Loading a plugin and calling it: its header has plain functions, and nothing of it is linked.
 *
 * Prints:
 *	Hi, world!
 */
#include <peal/peal.h>
#include <peal/plugins/hello.h>

#include <stdio.h>

static int main_task(void *arg)
{
	struct peal_reason reason;
	char text[64];
	int err = peal_plugin_load("hello", "greeting=Hi", &reason);

	(void)arg;
	if (err) {
		fprintf(stderr, "%s\n", reason.text); /* which check failed, and what to do */
		return err;
	}
	err = peal_hello_greet("world", text, sizeof(text));
	if (err >= 0)
		puts(text);
	return err;
}

int main(void)
{
	return peal_run(main_task, NULL, NULL) < 0;
}
