/* SPDX-License-Identifier: MIT */
/* The version of the library that is loaded; the headers tell the one that was compiled against. */
#include <peal/peal.h>

#define TEXT_OF_2(major, minor, patch) #major "." #minor "." #patch
#define TEXT_OF(major, minor, patch)   TEXT_OF_2(major, minor, patch)

const char *peal_version(void)
{
	return TEXT_OF(PEAL_VERSION_MAJOR, PEAL_VERSION_MINOR, PEAL_VERSION_PATCH);
}
