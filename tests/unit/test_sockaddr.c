/* SPDX-License-Identifier: MIT */
/* Which texts are addresses, and which are not. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "core/net/sockaddr.h"
#include "tests/check_main.h"

static void expect(const char *text, int family, const char *host, int port, bool both)
{
	struct peal_sockaddr address;
	char shown[INET6_ADDRSTRLEN];
	const struct sockaddr_in *in = (const struct sockaddr_in *)&address.storage;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&address.storage;

	ck_assert_msg(!peal_sockaddr_parse(&address, text), "\"%s\" was refused", text);
	ck_assert_int_eq(address.storage.ss_family, family);
	ck_assert_int_eq(address.both, both);
	if (family == AF_INET)
		inet_ntop(AF_INET, &in->sin_addr, shown, sizeof(shown));
	else
		inet_ntop(AF_INET6, &in6->sin6_addr, shown, sizeof(shown));
	ck_assert_str_eq(shown, host);
	ck_assert_int_eq(ntohs(family == AF_INET ? in->sin_port : in6->sin6_port), port);
}

START_TEST(addresses_are_read)
{
	expect("127.0.0.1:7000", AF_INET, "127.0.0.1", 7000, false);
	expect("0.0.0.0:0", AF_INET, "0.0.0.0", 0, false);
	expect("[::1]:65535", AF_INET6, "::1", 65535, false);
	expect("[::]:80", AF_INET6, "::", 80, false);
	expect("*:80", AF_INET6, "::", 80, true);
	expect(":8080", AF_INET6, "::", 8080, true);
	expect("[fe80::1%lo]:80", AF_INET6, "fe80::1", 80, false);
}
END_TEST

static const char *const wrong[] = {
	"",
	":",
	"127.0.0.1",
	"127.0.0.1:",
	"127.0.0.1:65536",
	"127.0.0.1:-1",
	"127.0.0.1:+1",
	"127.0.0.1: 1",
	"127.0.0.1:0x10",
	"127.0.0.1:000080",
	"127.0.0:80",
	"::1:80",
	"[::1]",
	"[::1]80",
	"[]:80",
	"[::1:80",
	"localhost:80",
	"[fe80::1%no-such-interface]:80",
	"[aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]:80",
};

START_TEST(anything_else_is_refused)
{
	struct peal_sockaddr address;

	ck_assert_msg(
		peal_sockaddr_parse(&address, wrong[_i]) == -EINVAL, "\"%s\" was taken", wrong[_i]);
	ck_assert_int_eq(peal_sockaddr_parse(&address, NULL), -EINVAL);
}
END_TEST

static Suite *sockaddr_suite(void)
{
	Suite *suite = suite_create("sockaddr");
	TCase *tcase = tcase_create("sockaddr");

	tcase_add_test(tcase, addresses_are_read);
	tcase_add_loop_test(
		tcase, anything_else_is_refused, 0, (int)(sizeof(wrong) / sizeof(wrong[0])));
	suite_add_tcase(suite, tcase);
	return suite;
}

int main(void)
{
	return peal_check_main(sockaddr_suite());
}
