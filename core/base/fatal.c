/* SPDX-License-Identifier: MIT */
/*
 * The end of the road. With a hook the application says what happened; without one the text goes to
 * stderr, as that of assert(3) does: it is the one thing the library prints, and only because nobody
 * else will be there to do so.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/compiler.h"
#include "core/base/fatal.h"
#include "core/sys.h"

#include <peal/runtime.h>

#define TEXT_MAX_BYTES 512

static peal_fatal_fn *hook;

void peal_set_fatal(peal_fatal_fn *fatal)
{
	hook = fatal;
}

static void print_last_words(const char *text)
{
	char line[TEXT_MAX_BYTES + 8];
	int n = snprintf(line, sizeof(line), "peal: %s\n", text);

	(void)peal_sys_write(STDERR_FILENO, line, (size_t)n);
}

void peal_fatal(const char *fmt, ...)
{
	static PEAL_THREAD_LOCAL bool dying;
	char text[TEXT_MAX_BYTES];
	va_list args;

	if (dying) /* the hook itself came back here */
		abort();
	dying = true;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (hook)
		hook(text);
	else
		print_last_words(text);
	abort();
}

void peal_assert_failed(const char *what, const char *file, int line)
{
	peal_fatal("%s:%d: this must hold and does not: %s (a defect in Peal, or in memory)", file,
		line, what);
}
