/* SPDX-License-Identifier: MIT */
/*
 * An application module: no main() and no runtime of its own, `peal run` brings those. It greets
 * each of its arguments in a task of its own, on the shards in turn, by means of the plugin hello.
 *
 *	$ cc -shared -fPIC -o greet.so greet.c $(pkg-config --cflags --libs peal)
 *	$ peal run --shards 2 --plugin hello:greeting=Hi ./greet.so Ada Grace
 *	Hi, Ada!
 *	Hi, Grace!
 */
#include <peal/peal.h>
#include <peal/plugins/hello.h>

#include <stdio.h>

struct greeting {
	const char *who;
	char text[64];
};

static int greet(void *arg)
{
	struct greeting *greeting = arg;

	return peal_hello_greet(greeting->who, greeting->text, sizeof(greeting->text));
}

int peal_main(struct peal_rt *rt, int argc, char **argv)
{
	(void)rt; /* the calling fiber's, which calls without a runtime argument use */
	for (int i = 1; i < argc; i++) {
		struct greeting greeting = { .who = argv[i] };
		struct peal_task *task;
		int result;
		int err = peal_task_spawn(
			&task, greet, &greeting, PEAL_SPAWN(.place = PEAL_ROUND_ROBIN));

		if (!err)
			err = peal_task_join(task, &result);
		if (err || result < 0)
			return err ? err : result; /* -ENOSYS: hello is not loaded */
		puts(greeting.text);
	}
	return 0;
}
