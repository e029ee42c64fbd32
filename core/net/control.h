/* SPDX-License-Identifier: MIT */
/* Control messages, cmsg(3): room for what we send and receive of them, but for descriptors. */
#ifndef PEAL_CORE_CONTROL_H
#define PEAL_CORE_CONTROL_H

#include <string.h>
#include <sys/socket.h>

#include "core/base/fatal.h"

struct peal_control {
	_Alignas(struct cmsghdr) char bytes[192];
	size_t used;
};

static inline void peal_control_add(
	struct peal_control *control, int level, int type, const void *data, size_t size)
{
	struct cmsghdr *message = (struct cmsghdr *)(void *)(control->bytes + control->used);

	peal_assert(control->used + CMSG_SPACE(size) <= sizeof(control->bytes));
	memset(message, 0, CMSG_SPACE(size));
	message->cmsg_level = level;
	message->cmsg_type = type;
	message->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(message), data, size);
	control->used += CMSG_SPACE(size);
}

#endif
