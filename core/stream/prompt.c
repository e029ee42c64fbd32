/* SPDX-License-Identifier: MIT */
/*
 * Prompt writers: what gathers leaves when the fiber has suspended, and the fiber does not wait for it.
 *
 * The first byte that is put into a resting writer makes it due: a callback, which the loop calls when the
 * fiber has suspended, and that sends the whole of what is in the buffer by then. While this is on the way
 * the fiber may put more behind it, which is sent when the callback of that comes. Who writes to the
 * stream itself holds the writer meanwhile: a callback that comes then sends nothing.
 */
#include <errno.h>

#include <peal/op.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/io/ops.h"
#include "core/stream/buffered.h"
#include "core/task/wait.h"

enum state {
	RESTING,
	DUE, /* the callback will come */
	SENDING,
};

struct prompt {
	struct peal_op op;
	struct peal_writer *writer;
	struct peal_shard *shard;
	struct peal_task *waiter;
	int fd, err;
	uint8_t state;
	bool held;   /* by a fiber that writes itself */
	bool ending; /* nothing more is to be sent */
	bool plain;  /* no socket */
};

static struct prompt *of(const struct peal_writer *writer)
{
	return writer->prompt;
}

static void rest(struct prompt *prompt)
{
	struct peal_task *waiter = prompt->waiter;

	prompt->state = RESTING;
	if (waiter && waiter->state == PEAL_TASK_SUSPENDED)
		peal_task_resume(waiter);
}

static void on_sent(struct peal_op *op);

/* All that there is, or nothing. */
static void send_or_rest(struct prompt *prompt)
{
	struct peal_writer *writer = prompt->writer;
	size_t size = writer->end - writer->start;

	if (!size || prompt->err || prompt->held || prompt->ending) {
		rest(prompt);
		return;
	}
	prompt->state = SENDING;
	if (prompt->plain)
		peal_op_write(&prompt->op, prompt->fd, writer->buf + writer->start, size, on_sent);
	else
		peal_op_send(
			&prompt->op, prompt->fd, writer->buf + writer->start, size, 0, on_sent);
}

static void on_sent(struct peal_op *op)
{
	struct prompt *prompt = PEAL_CONTAINER_OF(op, struct prompt, op);
	struct peal_writer *writer = prompt->writer;
	int64_t n = op->result;

	if (n == -ENOTSOCK && !prompt->plain)
		prompt->plain = true;
	else if (n <= 0)
		prompt->err = n ? (int)n : -EIO;
	else
		writer->start += (size_t)n;
	if (writer->start == writer->end)
		writer->start = writer->end = 0;
	send_or_rest(prompt);
}

static void on_due(struct peal_op *op)
{
	send_or_rest(PEAL_CONTAINER_OF(op, struct prompt, op));
}

int peal_writer_prompt(struct peal_writer *writer)
{
	const struct peal_stream_ops *ops;
	struct prompt *prompt;
	int fd;

	if (!writer || !writer->stream)
		return -EINVAL;
	if (!peal_task_current())
		return -EPERM;
	if (writer->prompt)
		return 0;
	ops = writer->stream->ops;
	fd = PEAL_HAS(ops, fd) ? ops->fd(writer->stream, true) : -EOPNOTSUPP;
	if (fd < 0)
		return fd;
	prompt = peal_buffer_alloc(sizeof(*prompt));
	if (!prompt)
		return -ENOMEM;
	prompt->writer = writer;
	prompt->shard = peal_shard_current();
	prompt->fd = fd;
	writer->prompt = prompt;
	peal_prompt_kick(writer);
	return 0;
}

static PEAL_COLD void strayed(void)
{
	peal_fatal("a prompt writer was used on another shard than its own");
}

void peal_prompt_kick(struct peal_writer *writer)
{
	struct prompt *prompt = of(writer);

	if (!prompt)
		return;
	if (PEAL_UNLIKELY(prompt->shard != peal_shard_current()))
		strayed();
	if (prompt->state != RESTING || prompt->held || prompt->err || writer->start == writer->end)
		return;
	prompt->state = DUE;
	peal_ops_defer(&prompt->op, on_due);
}

bool peal_prompt_flying(const struct peal_writer *writer)
{
	return writer->prompt && of(writer)->state == SENDING;
}

int peal_prompt_error(const struct peal_writer *writer)
{
	return writer->prompt ? of(writer)->err : 0;
}

static void stop_waiting(struct peal_wait *wait)
{
	if (wait->task->state != PEAL_TASK_SUSPENDED)
		return;
	wait->cancelled = true;
	peal_task_resume(wait->task);
}

/* Until it rests. What is on the way goes on when the wait is cancelled. */
static int settle(struct prompt *prompt)
{
	struct peal_wait wait = { .cancel = stop_waiting, .what = "prompt writer" };
	int err = peal_wait_begin(&wait);

	if (err)
		return err;
	prompt->waiter = wait.task;
	peal_task_suspend(wait.task);
	prompt->waiter = NULL;
	return peal_wait_end(&wait);
}

int peal_prompt_begin(struct peal_writer *writer)
{
	struct prompt *prompt = of(writer);
	int err = 0;

	if (!prompt)
		return 0;
	if (PEAL_UNLIKELY(prompt->shard != peal_shard_current()))
		strayed();
	while (prompt->state == SENDING && !err)
		err = settle(prompt);
	if (!err)
		err = prompt->err;
	prompt->held = !err;
	return err;
}

void peal_prompt_done(struct peal_writer *writer)
{
	if (!writer->prompt)
		return;
	of(writer)->held = false;
	peal_prompt_kick(writer);
}

void peal_prompt_end(struct peal_writer *writer)
{
	struct prompt *prompt = of(writer);
	struct peal_task *self = peal_task_current();

	if (!prompt)
		return;
	prompt->ending = true;
	if (prompt->state == SENDING)
		peal_op_cancel(&prompt->op);
	if (prompt->state != RESTING && (!self || self->shard != prompt->shard))
		strayed();
	while (prompt->state != RESTING) {
		prompt->waiter = self;
		peal_task_suspend(self);
	}
	peal_buffer_free(prompt);
	writer->prompt = NULL;
}
