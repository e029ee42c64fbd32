/* SPDX-License-Identifier: MIT */
/*
 * Intrusive lists of one thread: a circular doubly linked one for membership that ends anywhere, and
 * a singly linked queue for first in, first out.
 */
#ifndef PEAL_CORE_LIST_H
#define PEAL_CORE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct peal_list {
	struct peal_list *next, *prev;
};

static inline void peal_list_init(struct peal_list *list)
{
	list->next = list->prev = list;
}

static inline bool peal_list_empty(const struct peal_list *list)
{
	return list->next == list;
}

static inline void peal_list_append(struct peal_list *list, struct peal_list *entry)
{
	entry->prev = list->prev;
	entry->next = list;
	list->prev->next = entry;
	list->prev = entry;
}

/* Leaves the entry as an empty list of its own, so that removing it again does nothing. */
static inline void peal_list_remove(struct peal_list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	peal_list_init(entry);
}

/* The same for an entry that is in no list from then on and is not looked at before it is in one. */
static inline void peal_list_drop(struct peal_list *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
}

/* The current entry may be removed inside; others may not. */
#define PEAL_LIST_EACH(pos, list)                                                          \
	for (struct peal_list *pos = (list)->next, *pos##_next = pos->next; pos != (list); \
		pos = pos##_next, pos##_next = pos->next)

/* First in, first out; the link is the queue's alone while the entry is queued. */
struct peal_link {
	struct peal_link *next;
};

struct peal_queue {
	struct peal_link *head, **tail;
};

static inline void peal_queue_init(struct peal_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

static inline bool peal_queue_empty(const struct peal_queue *queue)
{
	return !queue->head;
}

static inline void peal_queue_push(struct peal_queue *queue, struct peal_link *link)
{
	link->next = NULL;
	*queue->tail = link;
	queue->tail = &link->next;
}

static inline void peal_queue_push_front(struct peal_queue *queue, struct peal_link *link)
{
	link->next = queue->head;
	queue->head = link;
	if (!link->next)
		queue->tail = &link->next;
}

static inline struct peal_link *peal_queue_pop(struct peal_queue *queue)
{
	struct peal_link *link = queue->head;

	if (link) {
		queue->head = link->next;
		if (!queue->head)
			queue->tail = &queue->head;
	}
	return link;
}

/* Everything of one queue to the end of another. */
static inline void peal_queue_splice(struct peal_queue *to, struct peal_queue *from)
{
	if (peal_queue_empty(from))
		return;
	*to->tail = from->head;
	to->tail = from->tail;
	peal_queue_init(from);
}

#endif
