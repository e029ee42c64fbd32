/* SPDX-License-Identifier: MIT */
/* Descriptors that are passed over Unix sockets. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <peal/datagram.h>
#include <peal/io.h>

#include "core/sys.h"
#include "core/task/task.h"

/* What a message with the most descriptors takes, also where the socket tells who sends (SO_PASSCRED). */
union control {
	struct cmsghdr first;
	char bytes[CMSG_SPACE(PEAL_PASSED_MOST * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
};

ssize_t peal_send_fds(int fd, const void *buf, size_t size, const int *fds, unsigned int count)
{
	union control control;
	struct iovec part = { .iov_base = (void *)buf, .iov_len = size };
	struct msghdr header = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int)) };

	if (!peal_task_current())
		return -EPERM;
	if (!size || !count || count > PEAL_PASSED_MOST)
		return -EINVAL;
	memset(&control, 0, header.msg_controllen);
	control.first.cmsg_level = SOL_SOCKET;
	control.first.cmsg_type = SCM_RIGHTS;
	control.first.cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(&control.first), fds, count * sizeof(int));
	return peal_sendmsg(fd, &header, 0);
}

/* Those of one control message, if it has any; the first are kept, as far as there is room. */
static unsigned int take(struct cmsghdr *message, int *fds, unsigned int room)
{
	const unsigned char *data = CMSG_DATA(message);
	unsigned int count;

	if (message->cmsg_level != SOL_SOCKET || message->cmsg_type != SCM_RIGHTS)
		return 0;
	count = (unsigned int)((message->cmsg_len - CMSG_LEN(0)) / sizeof(int));
	for (unsigned int i = 0; i < count; i++) {
		int one;

		memcpy(&one, data + i * sizeof(int), sizeof(one));
		if (i < room)
			fds[i] = one;
		else
			peal_sys_close(one);
	}
	return count;
}

static unsigned int take_all(struct msghdr *header, int *fds, unsigned int room)
{
	unsigned int came = 0;

	for (struct cmsghdr *message = CMSG_FIRSTHDR(header); message;
		message = CMSG_NXTHDR(header, message))
		came += take(
			message, fds + (came < room ? came : room), came < room ? room - came : 0);
	return came;
}

ssize_t peal_recv_fds(int fd, void *buf, size_t size, int *fds, unsigned int *count)
{
	union control control;
	int kept[PEAL_PASSED_MOST];
	struct iovec part = { .iov_base = buf, .iov_len = size };
	struct msghdr header = { .msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	unsigned int came;
	ssize_t n;

	if (!*count || *count > PEAL_PASSED_MOST)
		return -EINVAL;
	n = peal_recvmsg(fd, &header, 0);
	if (n < 0)
		return n;
	came = take_all(&header, kept, PEAL_PASSED_MOST);
	if (came > *count || header.msg_flags & MSG_CTRUNC) {
		for (unsigned int i = 0; i < came && i < PEAL_PASSED_MOST; i++)
			peal_sys_close(kept[i]);
		return -EMSGSIZE;
	}
	memcpy(fds, kept, came * sizeof(int));
	*count = came;
	return n;
}
