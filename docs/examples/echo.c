/* SPDX-License-Identifier: MIT */
/* An echo server on all cores: each connection is a task, written as if it had a thread of its own. */
#include <peal/peal.h>

#include <stdio.h>

static int echo(int fd, void *arg)
{
	char buf[4096];
	ssize_t n;

	(void)arg;
	while ((n = peal_recv(fd, buf, sizeof(buf), 0)) > 0) {
		n = peal_send_all(fd, buf, (size_t)n, 0);
		if (n < 0)
			break;
	}
	peal_close(fd);
	return (int)n; /* a failed connection is counted, the others go on */
}

static int serve(void *arg)
{
	int listener = peal_tcp_listen(arg, NULL);

	if (listener < 0)
		return listener;
	printf("port %d\n", peal_tcp_port(listener));
	fflush(stdout);
	return peal_serve(listener, echo, NULL, NULL);
}

int main(int argc, char **argv)
{
	return peal_run(serve, argc > 1 ? argv[1] : "127.0.0.1:7000",
		       PEAL_RT(.drain_on_signal = true)) < 0;
}
