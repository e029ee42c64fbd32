/* SPDX-License-Identifier: MIT */
/*
 * The writer's side of the stats page: making it, adding plugins' counters to it, and surviving fork.
 * Counting itself is a few moves in stats.h.
 */
#include "core/stats/stats.h"

#include <peal/runtime.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/alloc.h"
#include "core/base/fatal.h"
#include "core/base/list.h"
#include "core/base/log.h"
#include "core/stats/stats_memory.h"
#include "core/stats/stats_page.h"
#include "core/stats/stats_proc.h"
#include "core/sys.h"

#define PAGE        4096
/* Plugins' counters have one word at least. */
#define DESCRIPTORS (PEAL_COUNTERS + PEAL_STATS_PLUGIN_WORDS)
#define BLOCK_SIZE  (sizeof(struct peal_counters) + PEAL_STATS_PLUGIN_WORDS * sizeof(uint64_t))

struct peal_stats_page {
	struct peal_list link; /* first, so that leak checkers follow the list */
	struct peal_counters *outside;
	struct peal_stats_header *header;
	struct peal_stats_descriptor *descriptors;
	char *blocks; /* shard 0's */
	struct peal_stats_memory memory;
	struct peal_reason reason;
	unsigned int shards, runtime, stride;
	unsigned int described;    /* descriptors in use */
	unsigned int plugin_words; /* words in use */
};

#define DESCRIBE(name_, kind_, unit_, group_, length_, help_) \
	{ .offset = offsetof(struct peal_counters, name_),    \
		.length = length_,                            \
		.kind = kind_,                                \
		.name = #name_,                               \
		.group = group_,                              \
		.unit = unit_,                                \
		.help = help_ },

static const struct peal_stats_descriptor core_descriptors[] = { PEAL_COUNTERS_EACH(DESCRIBE) };

_Static_assert(sizeof core_descriptors / sizeof core_descriptors[0] == PEAL_COUNTERS,
	"the table and its length are made together");

/* All pages, for the child of a fork. The lock also keeps registrations apart. */
static pthread_mutex_t pages_lock = PTHREAD_MUTEX_INITIALIZER;
static struct peal_list pages = { &pages, &pages };
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int fork_err;
static unsigned int last_runtime;
static uint64_t process_start; /* of this process; 0: to be asked for */

static void before_fork(void)
{
	pthread_mutex_lock(&pages_lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&pages_lock);
}

static void after_fork_in_child(void)
{
	process_start = 0;
	PEAL_LIST_EACH (link, &pages) {
		struct peal_stats_page *page = PEAL_CONTAINER_OF(
			link, struct peal_stats_page, link);

		peal_stats_memory_after_fork(&page->memory);
	}
	pthread_mutex_unlock(&pages_lock);
}

static void watch_forks(void)
{
	fork_err = -pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static unsigned int round_up(size_t size, unsigned int to)
{
	return (unsigned int)((size + to - 1) / to * to);
}

static int64_t boot_time(void)
{
	struct timespec now = { 0 };

	peal_sys_any(SYS_clock_gettime, CLOCK_BOOTTIME, (long)&now, 0, 0, 0, 0);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static size_t lay_out(struct peal_stats_header *layout, unsigned int shards)
{
	layout->header_size = sizeof *layout;
	layout->descriptor_offset = round_up(sizeof *layout, sizeof(struct peal_stats_descriptor));
	layout->descriptor_size = sizeof(struct peal_stats_descriptor);
	layout->block_offset = round_up(
		layout->descriptor_offset + DESCRIPTORS * sizeof(struct peal_stats_descriptor),
		PAGE);
	layout->block_size = BLOCK_SIZE;
	layout->block_stride = round_up(BLOCK_SIZE, PAGE);
	layout->shards = shards;
	layout->outside_offset = layout->block_offset + shards * layout->block_stride;
	layout->size = layout->outside_offset + layout->block_stride;
	return layout->size;
}

/* Everything but the magic. */
static void fill(struct peal_stats_page *page, const struct peal_stats_setup *setup)
{
	struct peal_stats_header *header = page->header;

	lay_out(header, setup->shards);
	header->major = PEAL_STATS_MAJOR;
	header->minor = PEAL_STATS_MINOR;
	header->pid = (int32_t)peal_sys_any(SYS_getpid, 0, 0, 0, 0, 0, 0);
	header->pid_start = process_start;
	header->started = boot_time();
	header->runtime = page->runtime;
	snprintf(header->backend, sizeof header->backend, "%s", setup->backend);
	snprintf(header->name, sizeof header->name, "%s",
		setup->name ? setup->name : program_invocation_short_name);
	page->descriptors = (void *)((char *)header + header->descriptor_offset);
	memcpy(page->descriptors, core_descriptors, sizeof core_descriptors);
	page->described = PEAL_COUNTERS;
	peal_store_relaxed(&header->descriptors, PEAL_COUNTERS);
	page->blocks = (char *)header + header->block_offset;
	page->stride = header->block_stride;
	page->outside = (struct peal_counters *)(void *)((char *)header + header->outside_offset);
}

static int map(struct peal_stats_page *page, const struct peal_stats_setup *setup)
{
	struct peal_stats_header layout;
	const char *directory = setup->directory ? setup->directory
						 : secure_getenv("PEAL_STATS_DIR");
	int err = peal_stats_memory_map(&page->memory, lay_out(&layout, setup->shards), directory,
		page->runtime, &page->reason);

	page->header = page->memory.base;
	return err;
}

static int make_locked(struct peal_stats_page *page, const struct peal_stats_setup *setup)
{
	int err;

	page->runtime = ++last_runtime;
	/* Asked for once: that is a quarter of the time it takes to make a page. */
	if (!process_start && peal_proc_start(-1, &process_start))
		process_start = 0;
	err = map(page, setup);
	if (err)
		return err;
	fill(page, setup);
	peal_list_append(&pages, &page->link);
	return 0;
}

int peal_stats_page_create(struct peal_stats_page **page, const struct peal_stats_setup *setup)
{
	struct peal_stats_page *made;
	int err;

	peal_assert(setup->shards > 0 && setup->shards <= PEAL_STATS_MAX_SHARDS);
	pthread_once(&fork_once, watch_forks);
	if (fork_err)
		return fork_err;
	made = peal_alloc(1, sizeof *made);
	if (!made)
		return -ENOMEM;
	made->shards = setup->shards;
	/* A fork between the mapping and its entry in the list would leave the child without memory. */
	pthread_mutex_lock(&pages_lock);
	err = make_locked(made, setup);
	pthread_mutex_unlock(&pages_lock);
	if (err) {
		peal_free(made);
		return err;
	}
	peal_store_release(&made->header->magic, PEAL_STATS_MAGIC);
	*page = made;
	return 0;
}

void peal_stats_page_destroy(struct peal_stats_page *page)
{
	if (!page)
		return;
	peal_stats_page_set_state(page, PEAL_RT_STOPPED);
	pthread_mutex_lock(&pages_lock);
	peal_list_remove(&page->link);
	peal_stats_memory_unmap(&page->memory);
	pthread_mutex_unlock(&pages_lock);
	peal_free(page);
}

const char *peal_stats_page_reason(const struct peal_stats_page *page)
{
	return page->reason.text[0] ? page->reason.text : NULL;
}

unsigned int peal_stats_page_runtime(const struct peal_stats_page *page)
{
	return page->runtime;
}

void peal_stats_page_set_state(struct peal_stats_page *page, unsigned int state)
{
	peal_store_relaxed(&page->header->state, state);
}

const void *peal_stats_page_memory(const struct peal_stats_page *page, size_t *size)
{
	*size = page->memory.size;
	return page->memory.base;
}

struct peal_counters *peal_stats_page_block(struct peal_stats_page *page, unsigned int shard)
{
	peal_assert(shard < page->shards);
	return (struct peal_counters *)(void *)(page->blocks + (size_t)shard * page->stride);
}

struct peal_counters *peal_stats_page_outside(struct peal_stats_page *page)
{
	return page->outside;
}

/* A name in lower case: it becomes part of other programs' names (Prometheus, BTF). */
static bool name_fits(const char *name, size_t size)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_.-");

	return length > 0 && length < size && !name[length];
}

static int check_description(const struct peal_counter *description, struct peal_reason *reason)
{
	struct peal_stats_descriptor *room = NULL;

	if (!name_fits(description->name, sizeof room->name))
		return peal_refuse(reason, -EINVAL,
			"\"%s\" cannot be a counter's name: 1 to %zu of a-z, 0-9, _, . and -",
			description->name, sizeof room->name - 1);
	if (!name_fits(description->group, sizeof room->group))
		return peal_refuse(reason, -EINVAL,
			"\"%s\" cannot be a group of counters: 1 to %zu of a-z, 0-9, _, . and -",
			description->group, sizeof room->group - 1);
	if (!description->kind || !description->length)
		return peal_refuse(
			reason, -EINVAL, "counter %s has no kind or no values", description->name);
	return 0;
}

static const struct peal_stats_descriptor *described(
	const struct peal_stats_page *page, const char *name)
{
	for (unsigned int i = 0; i < page->described; i++)
		if (!strcmp(page->descriptors[i].name, name))
			return &page->descriptors[i];
	return NULL;
}

static unsigned int append(struct peal_stats_page *page, const struct peal_counter *description)
{
	struct peal_stats_descriptor *made = &page->descriptors[page->described];
	unsigned int slot = sizeof(struct peal_counters) / sizeof(uint64_t) + page->plugin_words;

	made->offset = slot * sizeof(uint64_t);
	made->length = description->length;
	made->kind = description->kind;
	snprintf(made->name, sizeof made->name, "%s", description->name);
	snprintf(made->group, sizeof made->group, "%s", description->group);
	snprintf(made->unit, sizeof made->unit, "%s", description->unit);
	snprintf(made->help, sizeof made->help, "%s", description->help);
	page->plugin_words += description->length;
	page->described++;
	/* Readers take as many as this says, so what it counts must be there before it. */
	peal_store_release(&page->header->descriptors, page->described);
	return slot;
}

static int register_locked(struct peal_stats_page *page, const struct peal_counter *description,
	struct peal_reason *reason)
{
	const struct peal_stats_descriptor *old = described(page, description->name);

	if (!old) {
		if (description->length > PEAL_STATS_PLUGIN_WORDS - page->plugin_words)
			return peal_refuse(reason, -ENOSPC,
				"no room for counter %s: plugins have %d values per shard, %u are taken",
				description->name, PEAL_STATS_PLUGIN_WORDS, page->plugin_words);
		return (int)append(page, description);
	}
	if (old->offset < sizeof(struct peal_counters) || old->kind != description->kind ||
		old->length != description->length)
		return peal_refuse(reason, -EEXIST, "there is another counter that is called %s",
			description->name);
	return (int)(old->offset / sizeof(uint64_t));
}

int peal_stats_page_register(struct peal_stats_page *page, const struct peal_counter *description,
	struct peal_reason *reason)
{
	int slot = check_description(description, reason);

	if (slot)
		return slot;
	pthread_mutex_lock(&pages_lock);
	slot = register_locked(page, description, reason);
	pthread_mutex_unlock(&pages_lock);
	return slot;
}
