/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "core/base/alloc.h"
#include "core/base/table.h"

#define SIZE_LEAST 8

static void put(struct peal_table *table, uint64_t key, void *value)
{
	uint32_t i = peal_table_start(table, key);

	while (table->slots[i].value)
		i = (i + 1) & (table->size - 1);
	table->slots[i] = (struct peal_table_slot){ key, value };
	table->count++;
}

static int grow(struct peal_table *table)
{
	struct peal_table larger = { .size = table->size ? 2 * table->size : SIZE_LEAST };

	larger.slots = peal_alloc(larger.size, sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->size; i++)
		if (table->slots[i].value)
			put(&larger, table->slots[i].key, table->slots[i].value);
	peal_free(table->slots);
	*table = larger;
	return 0;
}

int peal_table_add(struct peal_table *table, uint64_t key, void *value)
{
	int err = table->count * 2 >= table->size ? grow(table) : 0;

	if (!err)
		put(table, key, value);
	return err;
}

void peal_table_free(struct peal_table *table)
{
	peal_free(table->slots);
	*table = (struct peal_table){ 0 };
}
