/* SPDX-License-Identifier: MIT */
/*
 * The end of a shard's messages: what was not received is accounted for.
 */
#include "core/base/alloc.h"
#include "core/base/log.h"
#include "core/runtime/rt.h"

/* What this shard has sent, published or not, and its receiver has not read. */
static void report_unread(struct peal_shard *shard)
{
	const struct peal_pair *first = NULL;
	uint64_t total = 0;

	for (uint32_t i = 0; shard->msgs.out && i < shard->rt->shard_count; i++) {
		struct peal_pair *pair = shard->msgs.out[i];
		uint64_t unread = pair ? peal_msg_ring_unread(&pair->ring) : 0;

		if (unread && !first)
			first = pair;
		total += unread;
	}
	if (!total)
		return;
	PEAL_COUNT_ADD(shard, messages_dropped, total);
	peal_log(PEAL_LOG_WARNING,
		"%llu messages from shard %u were sent too late to be received: the first to shard %u, of tag %u",
		(unsigned long long)total, shard->index, first->to->index,
		peal_msg_ring_oldest(&first->ring)->tag);
}

static void report_mailbox(struct peal_shard *shard, const struct peal_mailbox *mailbox)
{
	const struct peal_msg *first = mailbox->slots + mailbox->first;

	if (!mailbox->count)
		return;
	PEAL_COUNT_ADD(shard, messages_dropped, mailbox->count);
	peal_log(PEAL_LOG_WARNING,
		"%u messages to shard %u were never asked for: the first of tag %u, from shard %u",
		mailbox->count, shard->index, first->tag, first->from);
}

void peal_msgs_report(struct peal_shard *shard)
{
	report_unread(shard);
	report_mailbox(shard, &shard->msgs.unclaimed);
	for (const struct peal_msg_box *box = shard->msgs.newest_box; box; box = box->older)
		report_mailbox(shard, &box->mailbox);
}

static void free_boxes(struct peal_msgs *msgs)
{
	for (struct peal_msg_box *box = msgs->newest_box, *older; box; box = older) {
		older = box->older;
		peal_free(box->mailbox.slots);
		peal_free(box);
	}
	peal_table_free(&msgs->boxes);
	peal_free(msgs->unclaimed.slots);
}

void peal_msgs_free(struct peal_shard *shard)
{
	struct peal_msgs *msgs = &shard->msgs;

	for (uint32_t i = 0; msgs->out && i < shard->rt->shard_count; i++)
		peal_free(msgs->out[i]);
	peal_free(msgs->out);
	free_boxes(msgs);
}
