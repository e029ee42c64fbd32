/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>

#include "core/net/sockaddr.h"

#define HOST_BYTES (INET6_ADDRSTRLEN + 1 + IF_NAMESIZE)

static int parse_port(const char *text, uint16_t *port)
{
	unsigned int value = 0;

	if (!*text || strlen(text) > 5)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		value = value * 10 + (unsigned int)(*text - '0');
	}
	if (value > UINT16_MAX)
		return -EINVAL;
	*port = htons((uint16_t)value);
	return 0;
}

static int parse_ipv4(struct peal_sockaddr *address, const char *host, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;

	in->sin_family = AF_INET;
	in->sin_port = port;
	address->size = sizeof(*in);
	return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : -EINVAL;
}

/* A link-local address is meaningless without the interface that follows the percent sign. */
static int parse_ipv6(struct peal_sockaddr *address, char *host, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;
	char *scope = strchr(host, '%');

	in6->sin6_family = AF_INET6;
	in6->sin6_port = port;
	address->size = sizeof(*in6);
	if (scope) {
		*scope++ = '\0';
		in6->sin6_scope_id = if_nametoindex(scope);
		if (!in6->sin6_scope_id)
			return -EINVAL;
	}
	return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 ? 0 : -EINVAL;
}

/* Split at the last colon; an IPv6 address stands in brackets, because it has colons itself. */
static int split(const char *text, char host[HOST_BYTES], bool *ipv6, uint16_t *port)
{
	const char *colon = strrchr(text, ':');
	size_t size;

	if (!colon)
		return -EINVAL;
	size = (size_t)(colon - text);
	*ipv6 = size >= 2 && text[0] == '[' && colon[-1] == ']';
	if (*ipv6) {
		text++;
		size -= 2;
	}
	if (size >= HOST_BYTES)
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = '\0';
	return parse_port(colon + 1, port);
}

int peal_sockaddr_parse(struct peal_sockaddr *address, const char *text)
{
	struct peal_sockaddr parsed = { .both = false };
	char host[HOST_BYTES];
	uint16_t port = 0;
	bool ipv6 = false;
	int err = text ? split(text, host, &ipv6, &port) : -EINVAL;

	if (err)
		return err;
	if (!ipv6 && (!host[0] || !strcmp(host, "*"))) {
		parsed.both = true;
		strcpy(host, "::");
	}
	err = ipv6 || parsed.both ? parse_ipv6(&parsed, host, port)
				  : parse_ipv4(&parsed, host, port);
	if (!err)
		*address = parsed;
	return err;
}

void peal_sockaddr_only_ipv4(struct peal_sockaddr *address)
{
	struct sockaddr_in *any = (struct sockaddr_in *)&address->storage;
	uint16_t port = ((struct sockaddr_in6 *)&address->storage)->sin6_port;

	*any = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
	address->size = sizeof(*any);
}
