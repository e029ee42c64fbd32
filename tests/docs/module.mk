# SPDX-License-Identifier: MIT
# What the documentation shows compiles and works.
test_scripts += tests/docs/test_docs.sh
test_helpers += tests/docs/client
tests_docs_client_LDADD =
EXTRA_DIST += tests/docs/context tests/docs/examples.awk

# One by one: of a folder make dist would take what is built there as well.
EXTRA_DIST += \
	docs/examples/callbacks.c \
	docs/examples/channel.c \
	docs/examples/counters.c \
	docs/examples/cpp.cc \
	docs/examples/deadline.c \
	docs/examples/echo.c \
	docs/examples/eight_ops.c \
	docs/examples/embed_glib.c \
	docs/examples/embed_poll.c \
	docs/examples/embed_uv.c \
	docs/examples/fan_out.c \
	docs/examples/messages.c \
	docs/examples/modules/greet.c \
	docs/examples/plugin.c \
	docs/examples/port.c \
	docs/examples/post.c \
	docs/examples/python/ask.py \
	docs/examples/python/service.c \
	docs/examples/signals.c \
	docs/examples/streams.c \
	docs/examples/task_result.c \
	docs/examples/timers.c

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
