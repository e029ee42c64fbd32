/* SPDX-License-Identifier: MIT */
/*
 * Names of hosts, by getaddrinfo(3) on the blocking pool: what /etc/nsswitch.conf says holds here, too.
 * Numeric addresses need no pool.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include <peal/io.h>
#include <peal/net.h>
#include <peal/scope.h>

#include "core/net/sockaddr.h"
#include "core/sys.h"
#include "core/task/task.h"

#define HOST_BYTES    256
#define SERVICE_BYTES 32
#define TRIED         16 /* addresses of one name */

struct question {
	char host[HOST_BYTES], service[SERVICE_BYTES];
	struct peal_address *found;
	unsigned int count;
};

static int split(struct question *question, const char *text)
{
	const char *colon = text ? strrchr(text, ':') : NULL;
	size_t size = colon ? (size_t)(colon - text) : 0;

	if (!colon || !colon[1] || strlen(colon + 1) >= SERVICE_BYTES || size >= HOST_BYTES)
		return -EINVAL;
	if (size >= 2 && text[0] == '[' && colon[-1] == ']') {
		text++;
		size -= 2;
	}
	if (!size)
		return -EINVAL;
	memcpy(question->host, text, size);
	question->host[size] = '\0';
	memcpy(question->service, colon + 1, strlen(colon + 1) + 1);
	return 0;
}

static int error_of(int answer)
{
	switch (answer) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
		return -ENOENT;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SERVICE:
		return -EINVAL;
	case EAI_SYSTEM:
		return -errno;
	default:
		return -EIO;
	}
}

/* On a thread of the pool. Returns how many. */
static int ask(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	struct question *question = arg;
	struct addrinfo *answers = NULL, *answer;
	int err = getaddrinfo(question->host, question->service, &hints, &answers);
	unsigned int n = 0;

	if (err)
		return error_of(err);
	for (answer = answers; answer && n < question->count; answer = answer->ai_next, n++) {
		question->found[n].size = answer->ai_addrlen;
		question->found[n].reserved = 0;
		memcpy(&question->found[n].storage, answer->ai_addr, answer->ai_addrlen);
	}
	freeaddrinfo(answers);
	return (int)n;
}

int peal_resolve(const char *address, struct peal_address *found, unsigned int count)
{
	struct question question = { .found = found, .count = count };
	struct peal_sockaddr numeric;
	int err, n = 0;

	if (!peal_task_current())
		return -EPERM;
	if (!count)
		return -EINVAL;
	if (!peal_sockaddr_parse(&numeric, address) && !numeric.both) {
		found[0].size = numeric.size;
		found[0].reserved = 0;
		memcpy(&found[0].storage, &numeric.storage, sizeof(numeric.storage));
		return 1;
	}
	err = split(&question, address);
	if (!err)
		err = peal_blocking(ask, &question, &n);
	return err ? err : n;
}

static int connect_to(const struct peal_address *address)
{
	int fd = (int)peal_sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return fd;
	err = peal_connect(fd, (const struct sockaddr *)&address->storage, address->size);
	if (!err)
		return fd;
	peal_close(fd);
	return err;
}

int peal_tcp_connect(const char *address)
{
	struct peal_address found[TRIED];
	int n = peal_resolve(address, found, TRIED);
	int fd = n;

	for (int i = 0; i < n; i++) {
		fd = connect_to(&found[i]);
		/* A cancel or a deadline is about all of them. */
		if (fd >= 0 || peal_cancelled())
			break;
	}
	return n == 0 ? -ENOENT : fd;
}
