/* SPDX-License-Identifier: MIT */
/* A plugin in C++: it throws, and waits while it handles what it has thrown. */
#ifndef PEAL_TESTS_THROWER_H
#define PEAL_TESTS_THROWER_H

#include <stddef.h>

#define THROWER_API_MAJOR 1

struct thrower_api {
	size_t size;
	/* Throw the text, call wait() in the handler, throw again: 0 if it is the same text then. */
	int (*throw_and_wait)(const char *text, void (*wait)(void));
};

#endif
