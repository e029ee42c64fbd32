/* SPDX-License-Identifier: MIT */
/*
 * The log hook, and the reasons of refusals. The hook is set before the first runtime starts
 * (runtime.h), so that it is read without synchronisation.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"

#define LINE_MAX_BYTES 512

static struct {
	peal_log_fn *log;
	void *arg;
} hook;

void peal_set_log(peal_log_fn *log, void *arg)
{
	hook.log = log;
	hook.arg = arg;
}

/* Names of files and other people's messages may bring their own newlines. */
static void make_one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

void peal_log(int level, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	int saved_errno = errno;
	va_list args;

	if (!hook.log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	make_one_line(line);
	hook.log(hook.arg, (enum peal_log_level)level, line);
	errno = saved_errno;
}

int peal_refuse(struct peal_reason *reason, int err, const char *fmt, ...)
{
	struct peal_reason text; /* of its own, because the arguments may lie in *reason */
	va_list args;

	if (!reason)
		return err;
	va_start(args, fmt);
	vsnprintf(text.text, sizeof(text.text), fmt, args);
	va_end(args);
	make_one_line(text.text);
	memcpy(reason->text, text.text, strlen(text.text) + 1);
	return err;
}
