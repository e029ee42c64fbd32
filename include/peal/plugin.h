/* SPDX-License-Identifier: MIT */
/*
 * Writing a plugin: this one header is the whole contract. plugins/hello is the smallest complete
 * one, made to be copied; CONTRIBUTING.md tells how.
 *
 * A plugin is a folder plugins/NAME with its code, a header NAME.h (installed as
 * peal/plugins/NAME.h), two build fragments, a test and a manual page. Its shared object exports
 * one const descriptor, defined with PEAL_PLUGIN. It is an ordinary client of libpeal and links it;
 * what clients do not get (counters, parameters, the seam to the kernel) comes through struct
 * peal_host.
 *
 * Keep no mutable static data: several runtimes may use the plugin at once. State of the runtime is
 * what start() returns, state of a shard what shard_start() returns.
 */
#ifndef PEAL_PLUGIN_H
#define PEAL_PLUGIN_H

#include <peal/base.h>
#include <peal/load.h>
#include <peal/runtime.h>

PEAL_BEGIN_DECLS

#define PEAL_PLUGIN_MAGIC     0x6c616570u /* "peal" */
#define PEAL_PLUGIN_ABI_MAJOR 0           /* must be equal */
#define PEAL_PLUGIN_ABI_MINOR 3           /* the host's must not be less */

/* The type of a parameter, and of its value in `initial` and after parsing. */
enum peal_param_type {
	PEAL_PARAM_END_,   /* ends the table */
	PEAL_PARAM_STRING, /* any text */
	PEAL_PARAM_INT,    /* a decimal number between low and high; both 0: any */
	PEAL_PARAM_SIZE,   /* bytes, with K, M, G for powers of 1024 */
	PEAL_PARAM_TIME,   /* ns, us, ms, s; kept in nanoseconds */
	PEAL_PARAM_BOOL    /* yes, no, true, false, on, off, 1, 0 */
};

/* One parameter. Tables end with a zero entry (PEAL_PARAMS() adds it). */
struct peal_param {
	const char *name;
	const char *initial; /* the default, as it would be written; NULL: it must be given */
	const char *help;    /* one line */
	int64_t low, high;   /* bounds of numbers; both 0: none */
	uint32_t type;       /* enum peal_param_type */
	uint32_t reserved;   /* 0 */
};

#define PEAL_PARAMS(...) ((const struct peal_param[]){ __VA_ARGS__, { 0 } })

/* What the loader made of the parameters: checked, with defaults filled in. Valid until stop() has
 * returned. */
struct peal_params;

/* One counter that a plugin brings; it appears beside the core's in `peal stat`. */
struct peal_plugin_counter {
	const char *name; /* shown as "NAME.counter" */
	const char *unit; /* "", "ns" or "bytes" */
	const char *help; /* one line */
};

#define PEAL_PLUGIN_COUNTERS(...) ((const struct peal_plugin_counter[]){ __VA_ARGS__, { 0 } })

/* What is known of a signal: see sigaction(2). Who sent it is advisory, and 0 where there is no sender. */
struct peal_siginfo {
	int number;
	int code; /* si_code; 0 too when there was no room for more than that it came */
	int pid;
	unsigned int uid;
	uint64_t value; /* of sigqueue(3) */
};

/*
 * Interest in a signal. Zeroed before its first use, and the host's between signal_watch() and
 * signal_unwatch(). fn is called on the loop of shard 0, where it cannot suspend; it may take this and
 * other watches away. Signals that come faster than they are told are told once, except that real-time
 * signals are told one by one, with their values, as long as there is room for them (128).
 */
struct peal_sigwatch {
	void *link[2];
	void (*fn)(struct peal_sigwatch *watch, const struct peal_siginfo *signal);
	int number;
	int reserved;
};

/*
 * The services of the host, valid while the plugin is started. The table grows at its end: test
 * with PEAL_HAS(host, member) before using anything newer than what the plugin was written for.
 */
struct peal_host {
	size_t size;
	struct peal_rt *rt;

	/*
	 * A parameter's value. The name must be in the plugin's table, with that type (otherwise
	 * the program ends: it is a defect of the plugin). Strings live as long as params.
	 */
	const char *(*param_string)(const struct peal_params *params, const char *name);
	int64_t (*param_number)(const struct peal_params *params, const char *name);

	/*
	 * Add to the plugin's counter of that index (its place in the table), on a shard or any
	 * other thread.
	 */
	void (*count)(const struct peal_host *host, unsigned int counter, uint64_t n);

	/*
	 * A system call through the library's seam, so that tests can make it fail: arguments as
	 * for syscall(2), the result or a negative errno. Any thread; blocks it if the call does.
	 */
	long (*syscall)(long number, long a, long b, long c, long d, long e, long f);

	/* A line to the application's log, prefixed with the plugin's name. */
	void (*log)(const struct peal_host *host, enum peal_log_level level, const char *fmt, ...)
		PEAL_PRINTF(3, 4);

	/* The library's allocator (peal_set_allocator()). Zeroed; NULL when there is none. */
	void *(*alloc)(size_t count, size_t size);
	void (*free)(void *memory);

	/*
	 * Listen to a signal, by the library's one gateway: any number of watches may share it, in
	 * several runtimes; the handler is installed with the first and what was there before is put
	 * back after the last. On shard 0 (in shard_start() of that, say): -EPERM elsewhere. -EINVAL for
	 * signals that mean a fault, SIGKILL, SIGSTOP; -EBUSY for a watch that is in use; -ENOMEM.
	 * Not async-signal-safe; nothing of a plugin ever runs in a handler. (ABI 0.2)
	 */
	int (*signal_watch)(const struct peal_host *host, struct peal_sigwatch *watch);
	/* Not called any more when this returns. On shard 0. Does nothing to one that is not in use. */
	void (*signal_unwatch)(const struct peal_host *host, struct peal_sigwatch *watch);
};

/*
 * The descriptor. magic, ABI and sizes are read before anything else, so that a descriptor of
 * another version can be refused politely. What is not set is not there: all functions may be NULL.
 *
 * Order: start once, shard_start on shard 0, 1, ...; then the plugin can be used; when the runtime
 * stops and its last task has ended, shard_stop on ..., 1, 0, and stop once. Plugins stop in the
 * reverse order of their loading. When a shard_start fails, those that succeeded are stopped again,
 * and so is the plugin; when start fails, nothing else is called.
 */
struct peal_plugin {
	uint32_t magic;
	uint16_t abi_major, abi_minor;
	uint32_t size;       /* of this struct */
	uint32_t param_size; /* of struct peal_param */
	const char *name;    /* a to z, 0 to 9 and _, at most 15; the file is called name.so */
	const char *version;
	const char *summary;      /* one line */
	const char *const *needs; /* plugins that must be loaded before; the last one is NULL */
	const struct peal_param *params;
	const struct peal_plugin_counter *counters;
	const void *api; /* the API table; its first member is its size, a size_t */
	uint32_t api_major;
	uint32_t counter_size; /* of struct peal_plugin_counter */

	/*
	 * Once per runtime: in the fiber of peal_plugin_load(), where it may suspend, or on the
	 * thread of peal_rt_plugin_load(), where it blocks. It must not load plugins. host and
	 * params stay valid until stop() has returned. 0 and *state, or a negative errno.
	 */
	int (*start)(void **state, const struct peal_host *host, const struct peal_params *params);

	/*
	 * On each shard's loop, which is no fiber and cannot suspend. 0 and *shard_state, or a
	 * negative errno.
	 */
	int (*shard_start)(void *state, unsigned int shard, void **shard_state);
	void (*shard_stop)(void *state, unsigned int shard, void *shard_state);

	/* Once, where start may run too. Nobody uses the plugin any more, and no task can be
	 * started. */
	void (*stop)(void *state);

	/*
	 * Once, on the loop of shard 0, when the runtime begins to drain: what would go on for ever, as
	 * streams of events do, is to end now, so that the tasks that use it can. Not called when an
	 * emergency ends the runtime. (ABI 0.3)
	 */
	void (*drain)(void *state);
};

#define PEAL_PLUGIN_HEADER(plugin_name, plugin_version)                            \
	.magic = PEAL_PLUGIN_MAGIC, .abi_major = PEAL_PLUGIN_ABI_MAJOR,            \
	.abi_minor = PEAL_PLUGIN_ABI_MINOR, .size = sizeof(struct peal_plugin),    \
	.param_size = sizeof(struct peal_param),                                   \
	.counter_size = sizeof(struct peal_plugin_counter), .name = (plugin_name), \
	.version = (plugin_version)

/*
 * Defines the descriptor:  PEAL_PLUGIN = { PEAL_PLUGIN_HEADER("hello", "1.0"), ... };
 *
 * In a shared object its symbol is peal_plugin. Linked statically (-DPEAL_PLUGIN_STATIC=hello) it
 * carries the plugin's name, so that many fit into one program.
 */
#ifdef PEAL_PLUGIN_STATIC
#define PEAL_PLUGIN_SYMBOL_2(name) peal_plugin_##name
#define PEAL_PLUGIN_SYMBOL_1(name) PEAL_PLUGIN_SYMBOL_2(name)
#define PEAL_PLUGIN                                                               \
	extern const struct peal_plugin PEAL_PLUGIN_SYMBOL_1(PEAL_PLUGIN_STATIC); \
	const struct peal_plugin PEAL_PLUGIN_SYMBOL_1(PEAL_PLUGIN_STATIC)
#else
#define PEAL_PLUGIN                                           \
	extern PEAL_API const struct peal_plugin peal_plugin; \
	const struct peal_plugin peal_plugin
#endif

/*
 * The state that shard_start() made on the calling shard for the plugin that `host` belongs to;
 * NULL on a thread that is no shard of its runtime.
 */
PEAL_API void *peal_plugin_shard_state(const struct peal_host *host);

PEAL_END_DECLS

#endif
