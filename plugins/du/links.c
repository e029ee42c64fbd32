/* SPDX-License-Identifier: MIT */
/*
 * The set of what was counted: (device, inode) pairs.
 *
 * Striped, so that shards which add at the same time seldom meet: the upper bits of the hash choose a
 * stripe with a lock of its own, the lower bits a slot in it. Open addressing, at most 3/4 full.
 */
#include "walk.h"

#define STRIPES    64
#define FIRST_SIZE 32

struct slot {
	uint64_t dev; /* + 1: 0 is an empty slot */
	uint64_t ino;
};

struct stripe {
	pthread_mutex_t lock;
	struct slot *slots;
	size_t count, size;
} __attribute__((aligned(64)));

struct du_set {
	const struct peal_host *host;
	struct stripe stripes[STRIPES];
};

struct du_set *peal_du_set_new(const struct peal_host *host)
{
	struct du_set *set = host->alloc(1, sizeof(*set));

	if (!set)
		return NULL;
	set->host = host;
	for (int i = 0; i < STRIPES; i++)
		pthread_mutex_init(&set->stripes[i].lock, NULL);
	return set;
}

void peal_du_set_free(struct du_set *set)
{
	if (!set)
		return;
	for (int i = 0; i < STRIPES; i++) {
		pthread_mutex_destroy(&set->stripes[i].lock);
		set->host->free(set->stripes[i].slots);
	}
	set->host->free(set);
}

/* Inodes are often consecutive: every bit of them must reach every bit of the hash. */
static uint64_t hash(uint64_t dev, uint64_t ino)
{
	uint64_t h = ino + dev * 0x9e3779b97f4a7c15ULL;

	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

/* The slot of a pair, or the empty one where it belongs. */
static struct slot *find(struct slot *slots, size_t size, struct slot key)
{
	size_t i = hash(key.dev, key.ino) & (size - 1);

	while (slots[i].dev && (slots[i].dev != key.dev || slots[i].ino != key.ino))
		i = (i + 1) & (size - 1);
	return &slots[i];
}

static int grow(struct du_set *set, struct stripe *stripe)
{
	size_t size = stripe->size ? stripe->size * 2 : FIRST_SIZE;
	struct slot *slots = set->host->alloc(size, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < stripe->size; i++)
		if (stripe->slots[i].dev)
			*find(slots, size, stripe->slots[i]) = stripe->slots[i];
	set->host->free(stripe->slots);
	stripe->slots = slots;
	stripe->size = size;
	return 0;
}

static int add(struct du_set *set, struct stripe *stripe, struct slot key)
{
	struct slot *slot;

	if (stripe->count >= stripe->size / 4 * 3 && grow(set, stripe))
		return -ENOMEM;
	slot = find(stripe->slots, stripe->size, key);
	if (slot->dev)
		return 0;
	*slot = key;
	stripe->count++;
	return 1;
}

/* 1: it is new; 0: it was there; -ENOMEM. Any thread. */
int peal_du_set_add(struct du_set *set, uint64_t dev, uint64_t ino)
{
	struct slot key = { dev + 1, ino };
	struct stripe *stripe = &set->stripes[hash(key.dev, ino) >> 58];
	int err;

	pthread_mutex_lock(&stripe->lock);
	err = add(set, stripe, key);
	pthread_mutex_unlock(&stripe->lock);
	return err;
}
