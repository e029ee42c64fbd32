/* SPDX-License-Identifier: MIT */
/*
 * The pool of stacks of one shard.
 *
 * Stacks that were put back are used again last in, first out: the last one is still in the CPU's
 * cache. Getting and putting is a list operation; the kernel is asked when a stack is made, when a deep
 * one is put back beyond the bound, and in peal_stack_pool_trim().
 */
#include "core/fiber/stack.h"

#include <errno.h>
#include <unistd.h>

#include "core/base/alloc.h"
#include "core/base/compiler.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack_chunk.h"
#include "core/sys.h"

/* Chunks double in size, so that a small program on many shards reserves little. */
#define CHUNK_FIRST ((size_t)4 << 20)
#define CHUNK_MOST  ((size_t)64 << 20)

/* What every stack may keep. Of fibers that do I/O, few come below it. */
#define HOT_BYTES   ((size_t)8 * 1024)

/* GCC probes the stack once in 64 KiB there, and so may step over a smaller guard. */
#ifdef __aarch64__
#define GUARD_BYTES ((size_t)64 * 1024)
#else
#define GUARD_BYTES ((size_t)1)
#endif

struct peal_stack_pool {
	struct peal_warm_stacks warm; /* first: stack.h */
	size_t count;                 /* warm and in use */
	size_t hot;                   /* HOT_BYTES in whole pages */
	size_t want;                  /* bytes of the next chunk */
	struct peal_stack_shape shape;
	enum peal_guard guard;
	bool warned; /* of canaries */
	bool locked; /* the kernel did not take memory back, and would not the next time */
	struct peal_list chunks;
	struct peal_list room; /* those of them with vacant slots */
};

_Static_assert(offsetof(struct peal_stack_pool, warm) == 0, "a pool begins with its stacks");

static size_t round_up(size_t bytes, size_t page)
{
	return (bytes + page - 1) / page * page;
}

static struct peal_stack_shape shape_of(size_t size, size_t page)
{
	struct peal_stack_shape shape = { .guard = round_up(GUARD_BYTES, page) };

	shape.slot = shape.guard + round_up(size * PEAL_STACK_GROWTH, page);
	if (shape.slot / page % 2 == 0)
		shape.slot += page;
	return shape;
}

static struct peal_chunk *add_chunk(struct peal_stack_pool *pool)
{
	struct peal_chunk *chunk = peal_chunk_reserve(&pool->shape, pool->want);

	if (!chunk)
		return NULL;
	pool->want = chunk->bytes < CHUNK_MOST / 2 ? chunk->bytes * 2 : CHUNK_MOST;
	peal_list_append(&pool->chunks, &chunk->all);
	peal_list_append(&pool->room, &chunk->room);
	return chunk;
}

int peal_stack_pool_create(struct peal_stack_pool **out, const struct peal_stack_limits *limits)
{
	size_t size = limits->size ? limits->size : PEAL_STACK_DEFAULT;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct peal_stack_pool *pool;
	struct peal_chunk *chunk;

	if (size < PEAL_STACK_MIN || size > PEAL_STACK_MAX)
		return -EINVAL;
	pool = peal_alloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->shape = shape_of(size, page);
	pool->warm.most = limits->max_cached ? limits->max_cached : PEAL_STACK_CACHED_DEFAULT;
	pool->hot = round_up(HOT_BYTES, page);
	pool->want = CHUNK_FIRST;
	peal_list_init(&pool->chunks);
	peal_list_init(&pool->room);
	chunk = add_chunk(pool);
	if (!chunk) {
		peal_free(pool);
		return -ENOMEM;
	}
	if (!peal_guard_probe(chunk->base, pool->shape.guard))
		pool->guard = PEAL_GUARD_PROTECT;
	*out = pool;
	return 0;
}

static struct peal_chunk *chunk_of(struct peal_list *all)
{
	return PEAL_CONTAINER_OF(all, struct peal_chunk, all);
}

size_t peal_stack_pool_destroy(struct peal_stack_pool *pool)
{
	size_t left;

	if (!pool)
		return 0;
	left = pool->count - pool->warm.count;
	for (struct peal_stack *stack = pool->warm.first; stack; stack = stack->next)
		peal_chunk_abandon(stack);
	PEAL_LIST_EACH (all, &pool->chunks) {
		struct peal_chunk *chunk = chunk_of(all);

		if (chunk->vacant == chunk->slots)
			peal_chunk_release(chunk);
	}
	peal_free(pool);
	return left;
}

static void warn_of_canary(struct peal_stack_pool *pool)
{
	if (pool->warned)
		return;
	pool->warned = true;
	peal_log(PEAL_LOG_WARNING,
		"from now on some fibers' stacks have no guard page, and overflowing them is noticed late: "
		"this kernel has no MADV_GUARD_INSTALL (Linux 6.13), and a quarter of vm.max_map_count "
		"is in use for guards or mprotect is refused; raise vm.max_map_count");
}

/* No stack is ready: one from a chunk. */
PEAL_COLD struct peal_stack *peal_stack_make(struct peal_stack_pool *pool)
{
	struct peal_chunk *chunk;
	struct peal_stack *stack;

	if (peal_list_empty(&pool->room))
		chunk = add_chunk(pool);
	else
		chunk = PEAL_CONTAINER_OF(pool->room.next, struct peal_chunk, room);
	if (!chunk)
		return NULL;
	stack = peal_chunk_take(chunk, &pool->guard);
	if (!chunk->vacant)
		peal_list_remove(&chunk->room);
	if (stack->guard == PEAL_GUARD_CANARY)
		warn_of_canary(pool);
	pool->count++;
	return stack;
}

/*
 * Has it been used below the memory that it may keep? One line there tells, because memory that was
 * not used is zero, and frames are seldom larger than what they write. (A word of our own would have
 * to be written, which costs a page.)
 */
static bool is_deep(const struct peal_stack_pool *pool, const struct peal_stack *stack)
{
	const uint64_t *line = (const uint64_t *)((const char *)(stack + 1) - pool->hot) - 8;

	return (const char *)line > stack->low &&
		(line[0] | line[1] | line[2] | line[3] | line[4] | line[5] | line[6] | line[7]);
}

/* Where the kernel does not take it (locked memory) it stays, and nothing is lost. */
PEAL_NOINLINE void peal_stack_shed(struct peal_stack_pool *pool, struct peal_stack *stack)
{
	char *end = (char *)(stack + 1) - pool->hot;

	if (is_deep(pool, stack))
		peal_sys_madvise(stack->low, (size_t)(end - stack->low), MADV_DONTNEED);
}

/* False when the kernel does not take it. */
static bool give_back(struct peal_stack_pool *pool, struct peal_stack *stack)
{
	struct peal_stack *next = stack->next;
	struct peal_chunk *chunk = stack->chunk;

	if (!peal_chunk_vacate(stack)) {
		pool->locked = true;
		return false;
	}
	pool->warm.first = next;
	pool->warm.count--;
	pool->count--;
	if (chunk->vacant == 1)
		peal_list_append(&pool->room, &chunk->room);
	if (chunk->vacant == chunk->slots && pool->chunks.next != pool->chunks.prev)
		peal_chunk_release(chunk);
	return true;
}

size_t peal_stack_pool_trim(struct peal_stack_pool *pool, size_t most)
{
	size_t excess = pool->warm.least > pool->warm.most ? pool->warm.least - pool->warm.most : 0;
	size_t n = 0;

	if (excess > most)
		excess = most;
	while (n < excess && !pool->locked && give_back(pool, pool->warm.first))
		n++;
	pool->warm.least = pool->warm.count;
	return n;
}

size_t peal_stack_pool_excess(const struct peal_stack_pool *pool)
{
	if (pool->locked || pool->warm.count <= pool->warm.most)
		return 0;
	return pool->warm.count - pool->warm.most;
}

size_t peal_stack_pool_count(const struct peal_stack_pool *pool)
{
	return pool->count;
}

enum peal_guard peal_stack_pool_guard(const struct peal_stack_pool *pool)
{
	return pool->guard;
}

bool peal_stack_overrun(const struct peal_stack *stack)
{
	return peal_guard_written(stack->low);
}

void peal_stack_overflowed(const struct peal_stack *stack)
{
	peal_fatal("fiber %s overflowed its %zu KiB stack (seen late: the stack has no guard page)",
		stack->owner, peal_stack_kib(stack));
}
