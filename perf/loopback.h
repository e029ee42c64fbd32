/* SPDX-License-Identifier: MIT */
/* Loopback TCP: a listener, and connections whose other end echoes in a thread that blocks. */
#ifndef PEAL_PERF_LOOPBACK_H
#define PEAL_PERF_LOOPBACK_H

#include <netinet/in.h>
#include <pthread.h>
#include <stddef.h>

/* On a port that the kernel chooses. */
int perf_listen(struct sockaddr_in *address);

struct perf_echo {
	int fd;   /* ours: TCP_NODELAY, blocking */
	int peer; /* the echoing thread's */
	size_t room;
	pthread_t thread;
};

/* The peer takes up to `room` bytes at a time and sends them back. Its thread may run on any CPU. */
void perf_echo_open(struct perf_echo *echo, size_t room);
void perf_echo_close(struct perf_echo *echo);
/* The same after somebody else has closed our end. */
void perf_echo_end(struct perf_echo *echo);

#endif
