/* SPDX-License-Identifier: MIT */
/*
 * Adding up here what another shard is to know, and telling it once for many additions.
 */
#include <errno.h>

#include "core/msg/accum.h"
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"

void peal_accums_init(struct peal_accums *accums)
{
	peal_queue_init(&accums->due);
	peal_queue_init(&accums->kept);
}

/* Receiving */

static struct peal_accum_handler *find_handler(struct peal_shard *shard, uint32_t tag)
{
	return peal_table_find(&shard->accums.handlers, tag);
}

/* On the receiver's loop. The node may be pushed again as soon as the sum was taken. */
static void arrive(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_accum *accum = PEAL_CONTAINER_OF(node, struct peal_accum, node);
	struct peal_accum_handler *handler = find_handler(shard, accum->tag);
	struct peal_msg msg = { .tag = accum->tag, .from = accum->from->index };

	if (!handler || !handler->fn) {
		peal_queue_push(&shard->accums.kept, &accum->kept);
		return;
	}
	PEAL_COUNT(shard, sums_received);
	msg.value = peal_sum_take(&accum->sum);
	handler->fn(&msg, handler->arg);
}

/* Sums that were kept come once more, now that there is a handler. */
static void deliver_kept(struct peal_shard *shard, uint32_t tag)
{
	struct peal_queue kept;
	struct peal_link *link;

	peal_queue_init(&kept);
	peal_queue_splice(&kept, &shard->accums.kept);
	while ((link = peal_queue_pop(&kept))) {
		struct peal_accum *accum = PEAL_CONTAINER_OF(link, struct peal_accum, kept);

		if (accum->tag != tag || peal_shard_deliver(shard, &accum->node) < 0)
			peal_queue_push(&shard->accums.kept, link);
	}
}

static struct peal_accum_handler *make_handler(struct peal_shard *shard, uint32_t tag)
{
	struct peal_accum_handler *handler = peal_alloc(1, sizeof(*handler));

	if (!handler || peal_table_add(&shard->accums.handlers, tag, handler) < 0) {
		peal_free(handler);
		return NULL;
	}
	handler->tag = tag;
	handler->older = shard->accums.newest_handler;
	shard->accums.newest_handler = handler;
	return handler;
}

int peal_accum_handle(uint32_t tag, peal_msg_fn *fn, void *arg)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_accum_handler *handler;

	if (!shard || !fn)
		return shard ? -EINVAL : -EPERM;
	handler = find_handler(shard, tag);
	if (!handler)
		handler = make_handler(shard, tag);
	if (!handler || handler->fn)
		return handler ? -EEXIST : -ENOMEM;
	handler->fn = fn;
	handler->arg = arg;
	deliver_kept(shard, tag);
	return 0;
}

int peal_accum_unhandle(uint32_t tag)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_accum_handler *handler = shard ? find_handler(shard, tag) : NULL;

	if (!handler || !handler->fn)
		return shard ? -ENOENT : -EPERM;
	handler->fn = NULL;
	return 0;
}

/* Sending */

static uint64_t key_of(uint32_t to, uint32_t tag)
{
	return (uint64_t)to << 32 | tag;
}

static PEAL_COLD struct peal_accum *make_accum(
	struct peal_shard *from, struct peal_shard *to, uint32_t tag)
{
	struct peal_accum *accum = peal_alloc_line(sizeof(*accum));

	if (!accum || peal_table_add(&from->accums.table, key_of(to->index, tag), accum) < 0) {
		peal_free(accum);
		return NULL;
	}
	accum->from = from;
	accum->to = to;
	accum->tag = tag;
	accum->threshold = 1;
	peal_sum_init(&accum->sum);
	accum->node.fn = arrive;
	accum->older = from->accums.newest;
	from->accums.newest = accum;
	return accum;
}

/* Found or made. 0 or a negative errno. */
static int find_accum(
	struct peal_shard *shard, unsigned int to, uint32_t tag, struct peal_accum **found)
{
	struct peal_accum *accum;

	if (!shard || to >= shard->rt->shard_count)
		return shard ? -EINVAL : -EPERM;
	accum = shard->accums.last;
	if (!accum || accum->tag != tag || accum->to->index != to) {
		accum = peal_table_find(&shard->accums.table, key_of(to, tag));
		if (!accum)
			accum = make_accum(shard, shard->rt->shards[to], tag);
		if (!accum)
			return -ENOMEM;
		shard->accums.last = accum;
	}
	*found = accum;
	return 0;
}

static void set_due(struct peal_shard *shard, struct peal_accum *accum)
{
	if (accum->is_due || !accum->pending)
		return;
	accum->is_due = true;
	peal_queue_push(&shard->accums.due, &accum->due);
}

int peal_accum_add(unsigned int to, uint32_t tag, uint64_t n)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_accum *accum;
	int err = find_accum(shard, to, tag, &accum);

	if (err)
		return err;
	accum->pending = peal_sum_of(accum->pending, n);
	if (accum->pending >= accum->threshold || shard->draining)
		set_due(shard, accum);
	return 0;
}

int peal_accum_threshold(unsigned int to, uint32_t tag, uint64_t threshold)
{
	struct peal_shard *shard = peal_shard_current();
	struct peal_accum *accum;
	int err = find_accum(shard, to, tag, &accum);

	if (err)
		return err;
	accum->threshold = threshold;
	if (accum->pending >= threshold)
		set_due(shard, accum);
	return 0;
}

void peal_accums_all_due(struct peal_shard *shard)
{
	for (struct peal_accum *accum = shard->accums.newest; accum; accum = accum->older)
		set_due(shard, accum);
}

void peal_accums_publish(struct peal_shard *shard)
{
	struct peal_link *link;

	while ((link = peal_queue_pop(&shard->accums.due))) {
		struct peal_accum *accum = PEAL_CONTAINER_OF(link, struct peal_accum, due);
		uint64_t n = accum->pending;

		accum->is_due = false;
		accum->pending = 0;
		if (!peal_sum_add(&accum->sum, n))
			continue; /* it knows already */
		PEAL_COUNT(shard, sums_sent);
		/* Refused when the receiver has stopped: the sum is reported then. */
		(void)peal_shard_deliver(accum->to, &accum->node);
	}
}

/* The end */

void peal_accums_report(struct peal_shard *shard)
{
	const struct peal_accum *first = NULL;
	uint32_t count = 0;

	for (struct peal_accum *accum = shard->accums.newest; accum; accum = accum->older) {
		if (!accum->pending && !peal_sum_left(&accum->sum))
			continue;
		first = accum;
		count++;
	}
	if (!count)
		return;
	PEAL_COUNT_ADD(shard, sums_dropped, count);
	peal_log(PEAL_LOG_WARNING,
		"%u sums from shard %u were not handled, the oldest to shard %u of tag %u: nobody has asked "
		"for them, or they came too late",
		count, shard->index, first->to->index, first->tag);
}

void peal_accums_free(struct peal_accums *accums)
{
	for (struct peal_accum *accum = accums->newest, *older; accum; accum = older) {
		older = accum->older;
		peal_free(accum);
	}
	for (struct peal_accum_handler *handler = accums->newest_handler, *older; handler;
		handler = older) {
		older = handler->older;
		peal_free(handler);
	}
	peal_table_free(&accums->table);
	peal_table_free(&accums->handlers);
}
