/* SPDX-License-Identifier: MIT */
/*
 * Plugins inside the core. The way of one into a runtime, and the file that does each step:
 *
 *	plugin.c         is it loaded already? plugin_turn.c: one load at a time
 *	plugin_obtain.c  built in, or by the next three steps
 *	plugin_search.c  from its name to a file that is safe to open
 *	plugin_open.c    dlopen() of exactly that file
 *	plugin_check.c   its descriptor: version and size before anything else is read
 *	plugin_start.c   start, shard_start on each shard; and all of it back again
 *	plugin_host.c    what it is given
 *	plugin_list.c    the same search, to tell what would be loaded and what is refused
 */
#ifndef PEAL_CORE_PLUGIN_H
#define PEAL_CORE_PLUGIN_H

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include <peal/plugin.h>

#include "core/base/atomic.h"
#include "core/time/sleeper.h"

struct peal_plugins;
struct peal_task;

/*
 * For runtime.c. The plugins of one runtime; NULL when there is no memory.
 */
struct peal_plugins *peal_plugins_create(struct peal_rt *rt);

/* Tell them that the runtime drains. On the loop of shard 0. */
void peal_plugins_drain(struct peal_plugins *plugins);

/*
 * Stop them all, the last one first, and refuse others from now on. Called once the last task has
 * ended, while the shards still run what is posted to them: in a fiber of the runtime, or on a
 * thread that is no shard.
 */
void peal_plugins_stop(struct peal_plugins *plugins);

/* After the shards have ended. Accepts NULL. */
void peal_plugins_free(struct peal_plugins *plugins);

/*
 * What is linked in: generated, NULL-terminated. The pointer is what the loader looks at; tests
 * give it another table.
 */
extern const struct peal_plugin *const peal_plugin_table[];
extern const struct peal_plugin *const *peal_plugin_builtins;

/* Names are C names in lower case, and short enough for the group of counters that carries them. */
#define PEAL_PLUGIN_NAME_MAX   15
#define PEAL_PLUGIN_NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"

bool peal_plugin_name_valid(const char *name);

/* plugin_search.c */

/* Going through the folders in which plugins may lie. */
struct peal_plugin_folders {
	const char *path; /* what is left of PEAL_PLUGIN_PATH, or NULL */
	bool installed;   /* the installed one was given out */
};

void peal_plugin_folders_begin(struct peal_plugin_folders *folders);
/* The next one. 1; 0 after the last; -EINVAL for one that is not looked at, -ENAMETOOLONG. */
int peal_plugin_folders_next(struct peal_plugin_folders *folders, char folder[PATH_MAX]);

/* A file that is safe to load, held open: whatever happens to its name, it is this one. */
struct peal_plugin_file {
	int folder, file; /* O_PATH */
	struct stat stat; /* of the file */
	char name[PEAL_PLUGIN_NAME_MAX + 1];
	char where[PATH_MAX]; /* the folder, as it was looked for */
};

/* One folder. 0; 1 when it holds no such plugin; -EPERM or -ENOEXEC, or what a call returned. */
int peal_plugin_find_in(struct peal_plugin_file *file, const char *folder, const char *name,
	struct peal_reason *reason);

/* All of them: the first folder that has a file of that name decides. -ENOENT, or as above. */
int peal_plugin_find(struct peal_plugin_file *file, const char *name, struct peal_reason *reason);

void peal_plugin_file_close(struct peal_plugin_file *file);

/* The end of a path, for reasons: they have no room for long ones. */
struct peal_plugin_path {
	char text[100];
};
struct peal_plugin_path peal_plugin_path_shown(const char *folder, const char *name);

/* plugin_open.c: map the file. 0, and *descriptor and its size in bytes as the linker knows it; or
 * -ENOEXEC. It stays mapped, also when it turns out to be none of ours. */
int peal_plugin_open(const struct peal_plugin_file *file, const void **descriptor, size_t *bytes,
	struct peal_reason *reason);

/* plugin_check.c: copy as much of a descriptor as this library knows, if it is one for it. */
int peal_plugin_check(struct peal_plugin *plugin, const void *descriptor, size_t bytes,
	const char *name, struct peal_reason *reason);

/*
 * plugin_obtain.c: all steps from a name to a checked copy of a descriptor. Blocks, and needs the
 * stack of a thread.
 */
int peal_plugin_obtain(struct peal_plugin *plugin, const char *name, struct peal_reason *reason);
/*
 * The same for one that is linked in; 1 when there is none of that name. Neither blocks nor needs.
 */
int peal_plugin_obtain_builtin(
	struct peal_plugin *plugin, const char *name, struct peal_reason *reason);

/* A plugin in a runtime. */
struct peal_loaded {
	struct peal_loaded *older;               /* loaded before this one */
	PEAL_ATOMIC(struct peal_loaded *) newer; /* readers come from any thread */
	struct peal_rt *rt;
	struct peal_host host;
	struct peal_plugin plugin; /* as much as we know of it */
	struct peal_params *params;
	void *state;
	int *slots; /* where each of its counters is counted */
	unsigned int counters, shards;
	void *shard_state[];
};

/* plugin_host.c: the host table, and the counters. */
int peal_plugin_host_init(struct peal_loaded *loaded, struct peal_reason *reason);
void peal_plugin_host_release(struct peal_loaded *loaded);

/* plugin_start.c. In a fiber or on a foreign thread. */
int peal_plugin_start(struct peal_loaded *loaded, struct peal_reason *reason);
void peal_plugin_stop(struct peal_loaded *loaded);

/* plugin_turn.c: a lock that fibers and threads may hold while they wait for something. First come,
 * first served. */
struct peal_turn_wait {
	struct peal_turn_wait *next;
	struct peal_sleeper sleeper;
	pthread_t thread;
};

struct peal_turn {
	pthread_mutex_t lock; /* guards all of it */
	bool taken, closed;
	struct peal_task *task; /* who has it: a fiber's task, or NULL and */
	pthread_t thread;
	struct peal_turn_wait *first, **last;
};

void peal_turn_init(struct peal_turn *turn);
void peal_turn_destroy(struct peal_turn *turn);
/* 0; -EDEADLK for one who has it already, -ESHUTDOWN when it is closed. */
int peal_turn_take(struct peal_turn *turn);
void peal_turn_give(struct peal_turn *turn);
/* Wait for one's turn, which is the last. */
void peal_turn_close(struct peal_turn *turn);

#endif
