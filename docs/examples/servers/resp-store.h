/* SPDX-License-Identifier: MIT */
/*
 * The keys of one shard of resp-server: a hash table, which only that shard touches, so there is no lock.
 */
#ifndef RESP_STORE_H
#define RESP_STORE_H

#include <peal/peal.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct slice {
	const char *data;
	size_t size;
};

/* A key and what it stands for, one behind the other in data. */
struct entry {
	struct entry *next;
	uint64_t hash;
	int64_t expires; /* an instant */
	size_t key_size, size;
	char data[];
};

struct store {
	struct entry **buckets;
	size_t mask;
	_Atomic size_t keys; /* other shards may read it */
};

static inline uint64_t hash_of(struct slice key)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < key.size; i++)
		hash = (hash ^ (unsigned char)key.data[i]) * 0x100000001b3;
	return hash ^ hash >> 29;
}

static inline struct slice value_of(const struct entry *entry)
{
	return (struct slice){ entry->data + entry->key_size, entry->size };
}

static inline int store_open(struct store *store)
{
	store->mask = 1023;
	store->buckets = calloc(store->mask + 1, sizeof(struct entry *));
	return store->buckets ? 0 : -ENOMEM;
}

static inline void store_remove(struct store *store, struct entry **link)
{
	struct entry *entry = *link;

	*link = entry->next;
	free(entry);
	store->keys--;
}

/* Where the entry is, or would be. One that has expired is gone. */
static inline struct entry **store_find(struct store *store, struct slice key, uint64_t hash)
{
	struct entry **link = &store->buckets[hash & store->mask];

	while (*link &&
		((*link)->hash != hash || (*link)->key_size != key.size ||
			memcmp((*link)->data, key.data, key.size) != 0))
		link = &(*link)->next;
	if (*link && (*link)->expires <= peal_now())
		store_remove(store, link);
	return link;
}

/* Without memory for more buckets the lists get longer. */
static inline void store_grow(struct store *store)
{
	size_t mask = 2 * store->mask + 1;
	struct entry **buckets = calloc(mask + 1, sizeof(struct entry *)), *entry;

	if (!buckets)
		return;
	for (size_t i = 0; i <= store->mask; i++) {
		while ((entry = store->buckets[i])) {
			store->buckets[i] = entry->next;
			entry->next = buckets[entry->hash & mask];
			buckets[entry->hash & mask] = entry;
		}
	}
	free(store->buckets);
	store->buckets = buckets;
	store->mask = mask;
}

/* The key stands for this from now on. 0 or -ENOMEM. */
static inline int store_put(
	struct store *store, struct slice key, uint64_t hash, struct slice value, int64_t expires)
{
	struct entry *entry = malloc(sizeof(*entry) + key.size + value.size);
	struct entry **link;

	if (!entry)
		return -ENOMEM;
	*entry = (struct entry){
		.hash = hash, .expires = expires, .key_size = key.size, .size = value.size
	};
	memcpy(entry->data, key.data, key.size);
	memcpy(entry->data + key.size, value.data, value.size);
	link = store_find(store, key, hash);
	if (*link)
		store_remove(store, link);
	entry->next = *link;
	*link = entry;
	if (++store->keys > store->mask)
		store_grow(store);
	return 0;
}

#endif
