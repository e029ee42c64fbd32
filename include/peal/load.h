/* SPDX-License-Identifier: MIT */
/*
 * Loading plugins, from an application's point of view. Writing one: plugin.h.
 *
 * A plugin is found by its bare name (a to z, 0 to 9 and _, at most 15): among those that are
 * linked in, then in the directories of PEAL_PLUGIN_PATH (absolute paths with colons between them;
 * not looked at in setuid programs), then in the installed directory. The first place that has it
 * decides. Its file and the directory it is in must belong to root or to the user, and nobody else
 * may be able to write to them. Programs with a static libpeal use the plugins that were linked in.
 * A plugin's code is never unmapped: unloading is the end of its runtime.
 */
#ifndef PEAL_LOAD_H
#define PEAL_LOAD_H

#include <peal/base.h>

PEAL_BEGIN_DECLS

struct peal_rt;

/*
 * Load a plugin into a runtime and start it: once, then on each shard. params is "key=value" pairs
 * separated by commas ("greeting=Hi,times=2"; a backslash takes the next character as it is), or
 * NULL.
 *
 * 0, also when it is loaded already with the same params; -ENOENT when no such plugin was found, or
 * one that it needs is not loaded; -EPERM when a file or folder is not safe; -ENOEXEC when it is
 * not a plugin or made for another version; -EINVAL for a name that is not bare and for parameters
 * it does not take; -EEXIST when it is loaded with other params; -ESHUTDOWN when the runtime is
 * ending; -EDEADLK within another plugin's start; -ENOMEM; -ENOSPC when there is no room for its
 * counters; or what its own start or shard_start returned. reason (may be NULL) says which check
 * failed and what to do.
 *
 * Loads into one runtime go one after the other. peal_plugin_load(): the calling shard's runtime,
 * in a fiber (-EPERM elsewhere). Suspends. -EAGAIN when the queue of the blocking pool is full;
 * -ECANCELED, -ETIMEDOUT (scope.h) before it is opened, after that it goes on to its end.
 * peal_rt_plugin_load(): any thread that is no shard (-EDEADLK on one), blocks.
 */
PEAL_API int peal_plugin_load(const char *name, const char *params, struct peal_reason *reason);
PEAL_API int peal_rt_plugin_load(
	struct peal_rt *rt, const char *name, const char *params, struct peal_reason *reason);

/*
 * The API table of a loaded plugin, for the inline functions in its header; applications call
 * those. rt NULL: the calling shard's runtime. NULL when it is not loaded or its API has another
 * major version. *state receives the plugin's state for this runtime. Both are valid until the
 * runtime stops. Any thread. Takes some 10 ns.
 */
PEAL_API const void *peal_plugin_api(
	struct peal_rt *rt, const char *name, unsigned int major, void **state);

/*
 * What an application module exports, a shared object for `peal run ./module.so`: its main
 * function, run as a fiber of shard 0. argv[0] is the module's path. The runtime drains when it
 * returns; what it returned is the exit code, a negative errno makes it 1.
 */
typedef int peal_main_fn(struct peal_rt *rt, int argc, char **argv);
extern PEAL_API peal_main_fn peal_main;

/* A parameter that a plugin takes. */
struct peal_plugin_param {
	const char *name;
	const char *type;     /* "text", "number", "size", "time" or "yes or no" */
	const char *expected; /* the same with its bounds: "a whole number, from 1 to 9" */
	const char *initial;  /* the default; NULL: it must be given */
	const char *help;     /* one line, or "" */
};

/*
 * What peal_plugin_load() would find, without starting anything: calls `each` for every candidate
 * in search order, with err 0 or why it is refused. Of a refused one only name, path, err and
 * reason are told, and the name is "" for a folder that is refused as a whole; what hides behind
 * another of its name is -EEXIST. Strings are valid during the call. Opens the files (their
 * constructors run) and keeps them.
 *
 * Returns how many there were, -ENOMEM, -EINVAL for no function, or -EDEADLK on a shard. Any thread
 * that is no shard, blocks.
 */
struct peal_plugin_info {
	size_t size;                            /* of this struct, as the library knows it */
	const char *name, *version, *summary;   /* "" where there is none */
	const char *path;                       /* "(built in)" for what is linked in */
	const char *reason;                     /* a sentence; "" when err is 0 */
	const struct peal_plugin_param *params; /* so many: */
	uint32_t param_count;
	int err;
};
typedef void peal_plugin_each_fn(void *arg, const struct peal_plugin_info *info);
PEAL_API int peal_plugin_list(peal_plugin_each_fn *each, void *arg);

PEAL_END_DECLS

#endif
