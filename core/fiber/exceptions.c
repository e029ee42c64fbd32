/* SPDX-License-Identifier: MIT */
/*
 * Finding the C++ runtime without needing one.
 *
 * A weak reference is bound when libpeal is loaded: it finds the runtime of a program that has one from
 * the start. When the first C++ comes later, with a plugin or a module, its libraries are local to it,
 * and neither that reference nor dlsym(RTLD_DEFAULT) sees them. So we look through what is loaded.
 */
#include "core/fiber/exceptions.h"

#include <dlfcn.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

extern struct peal_exceptions *__cxa_get_globals(void) __attribute__((weak));

/* The file name without its folder. */
static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* libstdc++ of GCC, libc++abi of LLVM, libcxxrt of the BSDs. */
static int note_runtime(struct dl_phdr_info *object, size_t size, void *arg)
{
	static const char *const names[] = { "libstdc++.so.", "libc++abi.so.", "libcxxrt.so." };
	const char *name = base_name(object->dlpi_name);
	char *path = arg;

	(void)size;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return snprintf(path, PATH_MAX, "%s", object->dlpi_name) < PATH_MAX;
	return 0;
}

/* The handle is kept: a plugin is never unloaded, and neither is what it needs. */
static void *find_loaded(void)
{
	char path[PATH_MAX];
	void *library;

	if (!dl_iterate_phdr(note_runtime, path))
		return NULL;
	library = dlopen(path, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
	return library ? dlsym(library, "__cxa_get_globals") : NULL;
}

struct peal_exceptions *peal_exceptions_of_thread(void)
{
	struct peal_exceptions *(*get)(void) = __cxa_get_globals;
	void *symbol;

	if (!get) {
		symbol = find_loaded();
		/* dlsym(3): the way from an object pointer to a function that ISO C allows. */
		memcpy(&get, &symbol, sizeof(get));
	}
	return get ? get() : NULL;
}
