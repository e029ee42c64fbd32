/* SPDX-License-Identifier: MIT */
/* The memory of interleave.h: what each load may see, and races on plain data. */
#include <string.h>

#include "tests/model/interleave_memory.h"

enum {
	STORES = 64, /* of a location in a run */
	DATA = 32    /* announced plain data */
};

/* How far somebody has seen each location: the stamp of a store. Stamps rise in modification order. */
struct view {
	uint64_t stamp[IL_PLACES];
};

struct store {
	uint64_t value, stamp;
	struct view view;      /* that an acquire load of it takes over */
	struct il_clock clock; /* likewise */
	bool followed;         /* a read-modify-write has read it: nothing comes in between */
};

struct place {
	void *p;
	struct store stores[STORES]; /* in modification order */
	int count;
	uint64_t seq_cst; /* stamp of the last seq_cst store */
};

struct datum {
	const void *p;
	int writer;
	uint32_t written;      /* at the writer's time */
	struct il_clock reads; /* since */
};

/* What a thread has seen. */
struct knowledge {
	struct view view;
	struct il_clock clock;
};

static struct place places[IL_PLACES];
static struct datum data[DATA];
static struct knowledge known[IL_THREADS];
static int place_count, datum_count;

void il_memory_reset(void)
{
	place_count = datum_count = 0;
	memset(known, 0, sizeof(known));
	for (int i = 0; i < IL_THREADS; i++)
		known[i].clock.time[i] = 1;
}

static void join_view(struct view *view, const struct view *other)
{
	for (int i = 0; i < place_count; i++)
		if (view->stamp[i] < other->stamp[i])
			view->stamp[i] = other->stamp[i];
}

/* Plain data */

static struct datum *find_datum(const void *p)
{
	for (int i = 0; i < datum_count; i++)
		if (data[i].p == p)
			return &data[i];
	if (datum_count == DATA)
		il_broken("too much plain data");
	data[datum_count] = (struct datum){ .p = p, .writer = -1 };
	return &data[datum_count++];
}

static bool was_written(const struct datum *datum, const struct il_clock *clock)
{
	return datum->writer < 0 || clock->time[datum->writer] >= datum->written;
}

const char *il_memory_read(int thread, const void *p)
{
	struct datum *datum = find_datum(p);
	struct il_clock *clock = &known[thread].clock;

	if (!was_written(datum, clock))
		return "data race with a write";
	datum->reads.time[thread] = clock->time[thread];
	return NULL;
}

const char *il_memory_write(int thread, const void *p)
{
	struct datum *datum = find_datum(p);
	struct il_clock *clock = &known[thread].clock;

	if (!was_written(datum, clock))
		return "data race with a write";
	for (int i = 0; i < IL_THREADS; i++)
		if (clock->time[i] < datum->reads.time[i])
			return "data race with a read";
	datum->writer = thread;
	datum->written = clock->time[thread];
	memset(&datum->reads, 0, sizeof(datum->reads));
	return NULL;
}

/* Locations */

static uint64_t memory(const void *p, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, p, size); /* little-endian */
	return value;
}

int il_memory_place(const struct il_access *access)
{
	struct place *place;

	for (int i = 0; i < place_count; i++)
		if (places[i].p == access->p)
			return i;
	if (place_count == IL_PLACES)
		il_broken("too many locations");
	place = &places[place_count];
	place->p = access->p;
	place->count = 1;
	place->seq_cst = 0;
	memset(&place->stores[0], 0, sizeof(place->stores[0]));
	place->stores[0].value = memory(access->p, access->size);
	return place_count++;
}

static struct store *newest(struct place *place)
{
	return &place->stores[place->count - 1];
}

/* The oldest store that a thread may still see. */
static uint64_t horizon(int thread, const struct place *place, enum il_order order)
{
	uint64_t seen = known[thread].view.stamp[place - places];

	return order == IL_SEQ_CST && seen < place->seq_cst ? place->seq_cst : seen;
}

static bool may_see(const struct store *store, const struct il_access *access)
{
	switch (access->kind) {
	case IL_LOAD:
		return true;
	case IL_AWAIT:
		return store->value; /* as it has been rung; only one waits */
	case IL_CAS:
		return store->value != access->expected || !store->followed;
	default:
		return !store->followed;
	}
}

/* Which store an access reads, or is put behind: newest first. */
static struct store *see(int thread, struct place *place, const struct il_access *access)
{
	uint64_t oldest = horizon(thread, place, access->order);
	int found[STORES], n = 0;

	for (int i = place->count - 1; i >= 0 && place->stores[i].stamp >= oldest; i--)
		if (may_see(&place->stores[i], access))
			found[n++] = i;
	if (!n)
		il_broken("nothing to see");
	return &place->stores[found[il_choose(n)]];
}

static void take_over(struct knowledge *thread, const struct place *place,
	const struct store *store, enum il_order order)
{
	uint64_t *seen = &thread->view.stamp[place - places];

	if (*seen < store->stamp)
		*seen = store->stamp;
	if (!(order & IL_ACQUIRE))
		return;
	join_view(&thread->view, &store->view);
	il_join_clock(&thread->clock, &store->clock);
}

/* Behind `behind`; as a read-modify-write of that, it continues its release sequence. */
static void put(struct knowledge *thread, struct place *place, struct store *behind, uint64_t value,
	enum il_order order, bool modifies)
{
	int i = (int)(behind - place->stores) + 1;
	struct store store = { .value = value };

	if (place->count == STORES)
		il_broken("too many stores");
	store.stamp = i == place->count
		? behind->stamp + ((uint64_t)1 << 32)
		: behind->stamp + (place->stores[i].stamp - behind->stamp) / 2;
	behind->followed = modifies;
	if (modifies) {
		store.view = behind->view;
		store.clock = behind->clock;
	}
	memmove(&place->stores[i + 1], &place->stores[i],
		(size_t)(place->count++ - i) * sizeof(place->stores[0]));
	thread->view.stamp[place - places] = store.stamp;
	if (order & IL_RELEASE) {
		join_view(&store.view, &thread->view);
		il_join_clock(&store.clock, &thread->clock);
	}
	if (order == IL_SEQ_CST)
		place->seq_cst = store.stamp;
	place->stores[i] = store;
}

uint64_t il_result_of(const struct il_access *access, uint64_t old)
{
	uint64_t mask = access->size == 8 ? UINT64_MAX : ((uint64_t)1 << access->size * 8) - 1;

	switch (access->kind) {
	case IL_ADD:
		return (old + access->value) & mask;
	case IL_SUB:
		return (old - access->value) & mask;
	case IL_OR:
		return old | access->value;
	case IL_AND:
		return old & access->value;
	default:
		return access->value;
	}
}

uint64_t il_memory_do(int thread, const struct il_access *access, bool *done)
{
	struct place *place = &places[il_memory_place(access)];
	struct store *store;
	uint64_t old;

	known[thread].clock.time[thread]++;
	store = see(thread, place, access);
	old = store->value;
	*done = access->kind != IL_CAS || old == access->expected;
	if (access->kind != IL_STORE)
		take_over(&known[thread], place, store, access->order);
	if (access->kind == IL_STORE)
		put(&known[thread], place, store, access->value, access->order, false);
	else if (*done && access->kind != IL_LOAD && access->kind != IL_AWAIT)
		put(&known[thread], place, store, il_result_of(access, old), access->order, true);
	return old;
}

/* In setup and finish there is one thread, which sees everything. */
uint64_t il_memory_alone(const struct il_access *access, bool *done)
{
	struct place *place = &places[il_memory_place(access)];
	uint64_t old = newest(place)->value, value = il_result_of(access, old);

	*done = access->kind != IL_CAS || old == access->expected;
	if (access->kind != IL_LOAD && *done)
		newest(place)->value = value;
	return old;
}

uint64_t il_memory_newest(int place)
{
	return newest(&places[place])->value;
}
