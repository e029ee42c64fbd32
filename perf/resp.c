/* SPDX-License-Identifier: MIT */
/*
 * resp_pipeline: GET from redis-benchmark over 50 connections, one command at a time and 16, to the example
 * docs/examples/servers/resp-server.c with one shard; the floor is redis-server. The server has the first CPU,
 * redis-benchmark the second. CPU time is the server's. PEAL_PERF_BUILD is the build folder (the current one).
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perf/loopback.h"
#include "perf/perf.h"

/* Less says nothing, not even that it works. */
#define REQUESTS_LEAST 1000

static int free_port(struct sockaddr_in *address)
{
	close(perf_listen(address));
	return ntohs(address->sin_port);
}

/* A program on the n-th CPU that writes to `out`, or -1: nowhere. It goes when we go. */
static pid_t start(const char *const *argv, unsigned int cpu, int out)
{
	pid_t pid = fork();
	int nowhere;

	perf_expect(pid >= 0, "there is room for a process");
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	perf_pin(cpu);
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	dup2(out < 0 ? nowhere : out, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static pid_t start_server(const struct perf_run *run, const char *port)
{
	const char *build = getenv("PEAL_PERF_BUILD");
	char path[4096];
	const char *const ours[] = { path, "--port", port, "--shards", "1", NULL };
	const char *const redis[] = { "redis-server", "--port", port, "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", NULL };

	snprintf(path, sizeof(path), "%s/docs/examples/resp-server", build ? build : ".");
	return start(run->variant->floor ? redis : ours, 0, -1);
}

/* False: it has ended, or does not listen. */
static bool listens(pid_t server, const struct sockaddr_in *address)
{
	for (int tries = 0; tries < 10000; tries++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int err = connect(fd, (const struct sockaddr *)address, sizeof(*address));

		close(fd);
		if (!err)
			return true;
		if (waitpid(server, NULL, WNOHANG) == server)
			return false;
		usleep(1000);
	}
	return false;
}

/* Requests per second; 0: there is no redis-benchmark, or it had to give up. */
static double put_load(const char *port, const char *pipeline, const char *requests)
{
	const char *const argv[] = { "redis-benchmark", "-p", port, "-t", "get", "-c", "50", "-P",
		pipeline, "-n", requests, "--csv", NULL };
	char line[512];
	double rate = 0;
	int ends[2], status;
	FILE *out;
	pid_t pid;

	perf_expect(!pipe2(ends, O_CLOEXEC), "there is a pipe");
	pid = start(argv, 1, ends[1]);
	close(ends[1]);
	out = fdopen(ends[0], "r");
	while (out && fgets(line, sizeof(line), out))
		if (!strncmp(line, "\"GET\",\"", 7))
			rate = strtod(line + 7, NULL);
	fclose(out);
	return waitpid(pid, &status, 0) == pid && !status ? rate : 0;
}

static int64_t cpu_of(pid_t pid)
{
	struct timespec ts = { 0 };
	clockid_t clock;

	if (!clock_getcpuclockid(pid, &clock))
		clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void measure(struct perf_run *run, pid_t server, const char *port)
{
	uint64_t n = run->count < REQUESTS_LEAST ? REQUESTS_LEAST : run->count;
	char pipeline[16], requests[32];
	int64_t cpu;
	double rate;

	snprintf(pipeline, sizeof(pipeline), "%u", (unsigned int)run->variant->with);
	snprintf(requests, sizeof(requests), "%u", (unsigned int)(n / 8));
	if (put_load(port, pipeline, requests) <= 0) {
		perf_skip(run, "redis-benchmark does not run (apt-get install redis-tools)");
		return;
	}
	snprintf(requests, sizeof(requests), "%llu", (unsigned long long)n);
	cpu = cpu_of(server);
	perf_start(run);
	rate = put_load(port, pipeline, requests);
	perf_stop(run);
	perf_expect(rate > 0, "redis-benchmark tells a rate");
	run->used.cpu_ns = (cpu_of(server) - cpu) * (int64_t)run->count / (int64_t)n;
	run->value = 1e9 / rate;
}

static void run_server(struct perf_run *run)
{
	struct sockaddr_in address;
	char port[16];
	pid_t server;

	snprintf(port, sizeof(port), "%d", free_port(&address));
	server = start_server(run, port);
	if (!listens(server, &address)) {
		perf_skip(run,
			run->variant->floor
				? "there is no redis-server (apt-get install redis-server)"
				: "docs/examples/resp-server is not built (make check TESTS=)");
		return;
	}
	measure(run, server, port);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
}

#define RESP_ROW(row, text, n, requests)                                              \
	PERF_ROW(.name = row, .what = "GET over 50 connections, " text, .unit = "us", \
		.scale = 1000, .count = requests, .threads = 1,                       \
		.variants = { { "peal", run_server, .with = n },                      \
			{ "redis", run_server, .floor = true, .with = n } })

RESP_ROW("resp_pipeline_1", "one at a time", 1, 30000)
RESP_ROW("resp_pipeline_16", "16 at a time", 16, 200000)
