/* SPDX-License-Identifier: MIT */
/*
 * A map from numbers to objects for what is added seldom, looked up often and never taken out: open
 * addressing, doubled when it is half full. One thread's. Zeroed, it is empty.
 */
#ifndef PEAL_CORE_TABLE_H
#define PEAL_CORE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct peal_table_slot {
	uint64_t key;
	void *value; /* NULL: free */
};

struct peal_table {
	struct peal_table_slot *slots;
	uint32_t size; /* a power of two, or 0 */
	uint32_t count;
};

/* Where a search for a key begins: the golden ratio spreads numbers that are close together. */
static inline uint32_t peal_table_start(const struct peal_table *table, uint64_t key)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ULL) >> 32) & (table->size - 1);
}

/* NULL when it is not there. */
static inline void *peal_table_find(const struct peal_table *table, uint64_t key)
{
	if (!table->size)
		return NULL;
	for (uint32_t i = peal_table_start(table, key);; i = (i + 1) & (table->size - 1))
		if (!table->slots[i].value || table->slots[i].key == key)
			return table->slots[i].value;
}

/* The key is not there yet; value is not NULL. 0 or -ENOMEM. */
int peal_table_add(struct peal_table *table, uint64_t key, void *value);

/* Of the slots only. */
void peal_table_free(struct peal_table *table);

/* Every object in it, in no particular order; the table must not grow meanwhile. */
#define PEAL_TABLE_EACH(type, var, table)                              \
	for (uint32_t var##_i = 0; var##_i < (table)->size; var##_i++) \
		for (type var = (table)->slots[var##_i].value; var; var = NULL)

#endif
