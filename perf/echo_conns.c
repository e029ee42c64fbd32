/* SPDX-License-Identifier: MIT */
/*
 * echo_conns: an echo server of one thread on the first CPU, in a process of its own; the load comes
 * from a thread on the second: 1, 64 and 1024 connections that each send 256 bytes, wait for them, and
 * send again. CPU time is the server's. With a yielder, a fiber of the server does nothing but yield.
 *
 * PEAL_PERF_SERVERS: further servers, as NAME=PROGRAM and blanks between, which are run with --serve and the
 * descriptor of the listening socket, and --yielder.
 */
#include <errno.h>
#include <netinet/tcp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf/loopback.h"
#include "perf/runtime.h"

enum { BYTES = 256, YIELDER = 1 << 20, CALLBACKS = 1 << 21 };

static int listener;

/* The servers: they end when they are killed. */

static int echo(int fd, void *arg)
{
	char buf[4096];
	ssize_t n;

	(void)arg;
	while ((n = peal_recv(fd, buf, sizeof(buf), 0)) > 0)
		if ((n = peal_send_all(fd, buf, (size_t)n, 0)) < 0)
			break;
	peal_close(fd);
	return (int)n;
}

static int yield_for_ever(void *arg)
{
	(void)arg;
	while (!peal_draining())
		peal_yield();
	return 0;
}

/* The same without fibers: what one completion leaves to do is the next operation. */
struct conn {
	struct peal_op op;
	int fd;
	ssize_t have, sent;
	char buf[4096];
};

static void on_closed(struct peal_op *op)
{
	free(PEAL_CONTAINER_OF(op, struct conn, op));
}

static void on_received(struct peal_op *op);

static void on_sent(struct peal_op *op)
{
	struct conn *conn = PEAL_CONTAINER_OF(op, struct conn, op);

	conn->sent += op->result;
	if (op->result < 0)
		peal_op_close(op, conn->fd, on_closed);
	else if (conn->sent < conn->have)
		peal_op_send(op, conn->fd, conn->buf + conn->sent,
			(size_t)(conn->have - conn->sent), 0, on_sent);
	else
		peal_op_recv(op, conn->fd, conn->buf, sizeof(conn->buf), 0, on_received);
}

static void on_received(struct peal_op *op)
{
	struct conn *conn = PEAL_CONTAINER_OF(op, struct conn, op);

	conn->have = op->result;
	conn->sent = 0;
	if (op->result <= 0)
		peal_op_close(op, conn->fd, on_closed);
	else
		peal_op_send(op, conn->fd, conn->buf, (size_t)conn->have, 0, on_sent);
}

static int serve_with_callbacks(void)
{
	int fd;

	while ((fd = peal_accept(listener, NULL, NULL, 0)) >= 0) {
		struct conn *conn = calloc(1, sizeof(*conn));

		perf_expect(conn, "there is memory");
		conn->fd = fd;
		peal_op_recv(&conn->op, fd, conn->buf, sizeof(conn->buf), 0, on_received);
	}
	return fd;
}

static int serve(void *arg)
{
	struct perf_run *run = arg;

	if (run->variant->with & YIELDER)
		peal_spawn(yield_for_ever, NULL, NULL);
	if (run->variant->with & CALLBACKS)
		return serve_with_callbacks();
	return peal_serve(listener, echo, NULL, NULL);
}

static void serve_with_peal(struct perf_run *run)
{
	run->threads = 1;
	perf_in_runtime(run, serve);
}

static void watch(int epoll, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	perf_expect(!epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "epoll watches a socket");
}

static void echo_once(int fd)
{
	char buf[4096];
	ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n > 0)
		perf_expect(send(fd, buf, (size_t)n, MSG_NOSIGNAL) == n, "what came is echoed");
	else if (n == 0)
		close(fd);
}

static void serve_with_epoll(struct perf_run *run)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC), n;
	struct epoll_event events[256];

	(void)run;
	watch(epoll, listener);
	while ((n = epoll_wait(epoll, events, 256, -1)) >= 0)
		for (int i = 0; i < n; i++)
			if (events[i].data.fd == listener)
				watch(epoll, accept(listener, NULL, NULL));
			else
				echo_once(events[i].data.fd);
}

/* Of PEAL_PERF_SERVERS: what stands behind "NAME=". */
static const char *program_of(const char *name)
{
	static char words[2048];
	size_t length = strlen(name);

	snprintf(words, sizeof(words), "%s", getenv("PEAL_PERF_SERVERS"));
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		if (!strncmp(word, name, length) && word[length] == '=')
			return word + length + 1;
	return NULL;
}

static void serve_with_program(struct perf_run *run)
{
	const char *program = program_of(run->variant->name);
	char fd[16];

	snprintf(fd, sizeof(fd), "%d", listener);
	fcntl(listener, F_SETFD, 0);
	if (program)
		execl(program, program, "--serve", fd,
			run->variant->with & YIELDER ? "--yielder" : NULL, NULL);
	fprintf(stderr, "perf: %s does not run: %s\n", run->variant->name, strerror(errno));
}

/* The load. */

struct client {
	int fd;
	unsigned int have;
	int64_t sent;
};

struct load {
	struct perf_run *run;
	clockid_t server;
	struct sockaddr_in address;
	unsigned int connections;
	int epoll;
};

static int64_t cpu_of(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void client_send(struct client *client)
{
	static const char message[BYTES] = "";

	client->have = 0;
	client->sent = perf_now();
	perf_expect(send(client->fd, message, BYTES, 0) == BYTES, "a request is sent");
}

static void client_open(struct client *client, struct load *load)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
	int one = 1;

	client->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	perf_expect(client->fd >= 0 &&
			!connect(client->fd, (struct sockaddr *)&load->address,
				sizeof(load->address)) &&
			!epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event),
		"the server takes connections");
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	client_send(client);
}

/* True when an answer is complete. */
static bool client_receive(struct client *client)
{
	char buf[BYTES];
	ssize_t n = recv(client->fd, buf, sizeof(buf), MSG_DONTWAIT);

	perf_expect(n > 0 || (n < 0 && errno == EAGAIN), "the server answers");
	client->have += n > 0 ? (unsigned int)n : 0;
	return client->have == BYTES;
}

/* False: the server has not answered for a long time. */
static bool answers(struct load *load, uint64_t n, struct perf_histogram *latency)
{
	struct epoll_event events[256];

	for (uint64_t done = 0; done < n;) {
		int ready = epoll_wait(load->epoll, events, 256, 10000);

		if (!ready)
			return false;

		for (int i = 0; i < ready && done < n; i++) {
			struct client *client = events[i].data.ptr;

			if (!client_receive(client))
				continue;
			done++;
			if (latency)
				perf_record(latency, (uint64_t)(perf_now() - client->sent));
			client_send(client);
		}
	}
	return true;
}

static void *put_load(void *arg)
{
	struct load *load = arg;
	struct client *clients = calloc(load->connections, sizeof(*clients));
	bool answering;
	int64_t cpu;

	perf_expect(clients, "there is memory");
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned int i = 0; i < load->connections; i++)
		client_open(&clients[i], load);
	answering = answers(load, load->run->warm_up + 2 * load->connections, NULL);
	cpu = cpu_of(load->server);
	perf_start(load->run);
	answering = answering && answers(load, load->run->count, load->run->latency);
	perf_stop(load->run);
	if (!answering)
		perf_skip(load->run, "the server has not answered for ten seconds");
	load->run->used.cpu_ns = cpu_of(load->server) - cpu;
	for (unsigned int i = 0; i < load->connections; i++)
		close(clients[i].fd);
	close(load->epoll);
	free(clients);
	return NULL;
}

static void *rest(void *arg)
{
	(void)arg;
	return NULL;
}

static void put_load_on(struct perf_run *run, pid_t server, const struct sockaddr_in *address)
{
	struct load load = { .run = run,
		.address = *address,
		.connections = (unsigned int)(run->variant->with & (YIELDER - 1)) };

	perf_expect(!clock_getcpuclockid(server, &load.server), "the server has a CPU clock");
	perf_two_threads(rest, put_load, &load);
}

static void with_server(struct perf_run *run, void (*server)(struct perf_run *run))
{
	struct rlimit files;
	struct sockaddr_in address;
	pid_t pid;

	if (!getrlimit(RLIMIT_NOFILE, &files) && files.rlim_cur < 4096) {
		files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	listener = perf_listen(&address);
	pid = fork();
	perf_expect(pid >= 0, "there is room for a process");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		perf_pin(0);
		server(run);
		_exit(1);
	}
	close(listener);
	put_load_on(run, pid, &address);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void run_peal(struct perf_run *run)
{
	with_server(run, serve_with_peal);
}

static void run_epoll(struct perf_run *run)
{
	with_server(run, serve_with_epoll);
}

static void run_program(struct perf_run *run)
{
	with_server(run, serve_with_program);
}

/* Further variants of a row: the first word of each pair is a name. */
static void add_servers(struct perf_row *row)
{
	const char *list = getenv("PEAL_PERF_SERVERS");
	static char names[PERF_VARIANTS][16];
	int n = 0, at = 0;

	while (row->variants[at].run)
		at++;
	for (; list && *list && at < PERF_VARIANTS; n++, at++) {
		snprintf(names[n], sizeof(names[n]), "%.*s", (int)strcspn(list, "="), list);
		row->variants[at] = (struct perf_variant){
			.name = names[n], .run = run_program, .with = row->variants[0].with
		};
		list += strcspn(list, " ");
		list += strspn(list, " ");
	}
}

#define CONNECTIONS_ROW(row, text, n, requests)                                          \
	PERF_ROW(.name = row, .what = "a request of 256 bytes, " text, .unit = "us",     \
		.scale = 1000, .count = requests, .threads = 1, .prepare = add_servers,  \
		.variants = { { "peal/uring", run_peal, .backend = "uring", .with = n }, \
			{ "peal/epoll", run_peal, .backend = "epoll", .with = n },       \
			{ "peal/callbacks", run_peal, .with = (n) | CALLBACKS },         \
			{ "epoll", run_epoll, .floor = true, .with = (n) & (YIELDER - 1) } })

CONNECTIONS_ROW("echo_conns_1", "one connection", 1, 5000)
CONNECTIONS_ROW("echo_conns_64", "64 connections", 64, 50000)
CONNECTIONS_ROW("echo_conns_1024", "1024 connections", 1024, 50000)
CONNECTIONS_ROW(
	"echo_with_yielder_1", "one connection, beside a fiber that yields", 1 | YIELDER, 2000)
CONNECTIONS_ROW(
	"echo_with_yielder_64", "64 connections, beside a fiber that yields", 64 | YIELDER, 50000)
