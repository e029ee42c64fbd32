/* SPDX-License-Identifier: MIT */
/* Patterns for paths that are left out. */
#include <fnmatch.h>

#include "walk.h"

/* Against the whole path, and against what follows each slash. `*` matches slashes too. */
static bool matches(const char *pattern, const char *path)
{
	if (!fnmatch(pattern, path, 0))
		return true;
	for (; *path; path++)
		if (path[0] == '/' && path[1] != '/' && !fnmatch(pattern, path + 1, 0))
			return true;
	return false;
}

bool peal_du_excluded(const char *const *patterns, const char *path)
{
	for (; *patterns; patterns++)
		if (matches(*patterns, path))
			return true;
	return false;
}
