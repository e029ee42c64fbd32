/* SPDX-License-Identifier: MIT */
/*
 * libuv: an echo server on a listening socket that was inherited, as echo_conns.c starts one:
 * --serve FD [--yielder]. What is echoed is written at once where that is possible.
 */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct reply {
	uv_write_t write;
	char data[];
};

static char in[4096];

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

static void give_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	(void)handle;
	(void)suggested;
	*buf = uv_buf_init(in, sizeof(in));
}

static void on_written(uv_write_t *write, int status)
{
	(void)status;
	free(write);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned int)n : 0);
	struct reply *rest;
	int sent;

	if (n < 0)
		uv_close((uv_handle_t *)stream, on_closed);
	if (n <= 0)
		return;
	sent = uv_try_write(stream, &out, 1);
	if (sent == n)
		return;
	sent = sent < 0 ? 0 : sent;
	rest = malloc(sizeof(*rest) + (size_t)(n - sent));
	if (!rest)
		abort();
	memcpy(rest->data, buf->base + sent, (size_t)(n - sent));
	out = uv_buf_init(rest->data, (unsigned int)(n - sent));
	uv_write(&rest->write, stream, &out, 1, on_written);
}

static void on_connection(uv_stream_t *listener, int status)
{
	uv_tcp_t *tcp = malloc(sizeof(*tcp));

	if (status || !tcp || uv_tcp_init(listener->loop, tcp) ||
		uv_accept(listener, (uv_stream_t *)tcp))
		abort();
	uv_read_start((uv_stream_t *)tcp, give_room, on_read);
}

/* A loop has no yielding: what comes nearest is a handle that is called in every turn. */
static void on_idle(uv_idle_t *idle)
{
	(void)idle;
}

int main(int argc, char **argv)
{
	uv_loop_t *loop = uv_default_loop();
	uv_tcp_t listener;
	uv_idle_t idle;

	if (argc < 3 || strcmp(argv[1], "--serve"))
		return 2;
	uv_tcp_init(loop, &listener);
	if (uv_tcp_open(&listener, atoi(argv[2])) ||
		uv_listen((uv_stream_t *)&listener, 1024, on_connection))
		return 1;
	uv_idle_init(loop, &idle);
	if (argc > 3)
		uv_idle_start(&idle, on_idle);
	return uv_run(loop, UV_RUN_DEFAULT);
}
