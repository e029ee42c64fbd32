/* SPDX-License-Identifier: MIT */
/*
 * PEAL_URING_TIER=6.1 and so on: use no more of io_uring than that Linux has, so that tests see here
 * what users of that kernel get. Not looked at in setuid programs.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/uring/uring.h"
#include "core/base/log.h"

int peal_uring_tier(unsigned int *tier, struct peal_reason *reason)
{
	const char *text = secure_getenv("PEAL_URING_TIER");
	unsigned int major, minor;
	char more;

	if (!text || !*text) {
		*tier = UINT_MAX;
		return 0;
	}
	if (strspn(text, "0123456789.") != strlen(text) ||
		sscanf(text, "%3u.%3u%c", &major, &minor, &more) != 2 || minor > UCHAR_MAX)
		return peal_refuse(reason, -EINVAL,
			"PEAL_URING_TIER is \"%.32s\", which is no version of Linux such as 6.1",
			text);
	*tier = PEAL_LINUX(major, minor);
	return 0;
}
