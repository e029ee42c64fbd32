# SPDX-License-Identifier: MIT
# What the documentation shows compiles and works.
test_scripts += tests/docs/test_docs.sh
test_helpers += tests/docs/client
tests_docs_client_LDADD =
EXTRA_DIST += docs/examples tests/docs/context tests/docs/examples.awk

# The servers among the examples, in docs/examples of the build.
test_scripts += tests/docs/test_servers.sh
test_helpers += docs/examples/http-server docs/examples/resp-server docs/examples/tcp-proxy tests/docs/talk
docs_examples_http_server_SOURCES = docs/examples/servers/http-server.c
docs_examples_http_server_LDADD = libpeal.la
docs_examples_resp_server_SOURCES = docs/examples/servers/resp-server.c docs/examples/servers/resp-store.h
docs_examples_resp_server_LDADD = libpeal.la
docs_examples_tcp_proxy_SOURCES = docs/examples/servers/tcp-proxy.c
docs_examples_tcp_proxy_LDADD = libpeal.la
tests_docs_talk_LDADD =
