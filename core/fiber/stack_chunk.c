/* SPDX-License-Identifier: MIT */
/*
 * Chunks of address space that stacks are cut from.
 *
 * Many stacks in one mapping: a process may have 65,530 mappings, and each costs kernel memory. Not
 * all stacks in one: where address space is limited a huge reservation is refused.
 */
#include "core/fiber/stack_chunk.h"

#include "core/base/alloc.h"
#include "core/base/compiler.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/fiber/sanitizer.h"
#include "core/fiber/stack.h"
#include "core/sys.h"

#define WORD_BITS 64

static size_t bitmap_words(size_t slots)
{
	return (slots + WORD_BITS - 1) / WORD_BITS;
}

/* Halving: what is refused in one piece may be had in part. */
static char *reserve(size_t slot, size_t want, size_t *bytes)
{
	size_t slots = want > slot ? want / slot : 1;
	char *base = NULL;
	int err;

	for (; slots && !base; slots /= 2) {
		*bytes = slots * slot;
		base = peal_sys_mmap(NULL, *bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0, &err);
	}
	return base;
}

static struct peal_chunk *describe(char *base, size_t bytes, const struct peal_stack_shape *shape)
{
	size_t slots = bytes / shape->slot;
	size_t words = bitmap_words(slots);
	struct peal_chunk *chunk = peal_alloc(1, sizeof(*chunk) + words * sizeof(uint64_t) + slots);

	if (!chunk)
		return NULL;
	peal_list_init(&chunk->all);
	peal_list_init(&chunk->room);
	chunk->shape = *shape;
	chunk->base = base;
	chunk->bytes = bytes;
	chunk->slots = chunk->vacant = (uint32_t)slots;
	chunk->empty = (uint64_t *)(chunk + 1);
	chunk->guard = (uint8_t *)(chunk->empty + words);
	for (size_t i = 0; i < slots; i++)
		chunk->empty[i / WORD_BITS] |= (uint64_t)1 << i % WORD_BITS;
	return chunk;
}

struct peal_chunk *peal_chunk_reserve(const struct peal_stack_shape *shape, size_t want)
{
	size_t bytes;
	char *base = reserve(shape->slot, want, &bytes);
	struct peal_chunk *chunk;

	if (!base)
		return NULL;
	chunk = describe(base, bytes, shape);
	if (!chunk) {
		peal_sys_munmap(base, bytes);
		return NULL;
	}
	/* A huge page would make 30 stacks resident when one is touched. MAP_STACK says so too, but
	 * only since Linux 6.7; EINVAL where there are no huge pages. */
	peal_sys_madvise(base, bytes, MADV_NOHUGEPAGE);
	chunk->place = peal_stack_find_add(base, bytes, shape);
	return chunk;
}

static void forget_guards(const struct peal_chunk *chunk)
{
	size_t count = 0;

	for (uint32_t i = 0; i < chunk->slots; i++)
		count += chunk->guard[i] == 1 + PEAL_GUARD_PROTECT;
	peal_guard_forget(count);
}

/*
 * When the chunk was merged with its neighbours into one mapping, unmapping it makes one more, which
 * may be refused. Its memory has then at least been given back.
 */
void peal_chunk_release(struct peal_chunk *chunk)
{
	long err;

	peal_assert(chunk->vacant == chunk->slots);
	peal_stack_find_remove(chunk->place);
	err = peal_sys_munmap(chunk->base, chunk->bytes);
	if (err < 0) {
		peal_sys_madvise(chunk->base, chunk->bytes, MADV_DONTNEED);
		peal_log(PEAL_LOG_WARNING,
			"%zu KiB of address space for stacks stay reserved: munmap gave error %ld "
			"(vm.max_map_count may be reached)",
			chunk->bytes / 1024, -err);
	} else {
		forget_guards(chunk);
	}
	peal_list_remove(&chunk->all);
	peal_list_remove(&chunk->room);
	peal_free(chunk);
}

static uint32_t take_empty(struct peal_chunk *chunk)
{
	size_t word = 0;
	uint32_t bit;

	peal_assert(chunk->vacant > 0);
	while (!chunk->empty[word])
		word++;
	bit = (uint32_t)__builtin_ctzll(chunk->empty[word]);
	chunk->empty[word] &= chunk->empty[word] - 1;
	chunk->vacant--;
	return (uint32_t)word * WORD_BITS + bit;
}

/* Once guarded a slot stays so, also when its memory was given back. */
static enum peal_guard guard_slot(struct peal_chunk *chunk, uint32_t slot, enum peal_guard *best)
{
	uint8_t *guard = &chunk->guard[slot];

	if (!*guard)
		*guard = 1 +
			peal_guard_install(
				best, chunk->base + slot * chunk->shape.slot, chunk->shape.guard);
	return (enum peal_guard)(*guard - 1);
}

struct peal_stack *peal_chunk_take(struct peal_chunk *chunk, enum peal_guard *best)
{
	uint32_t slot = take_empty(chunk);
	char *start = chunk->base + slot * chunk->shape.slot;
	struct peal_stack *stack =
		(struct peal_stack *)(void *)(start + chunk->shape.slot - sizeof(*stack));

	*stack = (struct peal_stack){
		.low = start + chunk->shape.guard,
		.size = chunk->shape.slot - chunk->shape.guard - sizeof(*stack),
		.chunk = chunk,
		.guard = guard_slot(chunk, slot, best),
	};
	peal_sanitizer_add_stack(stack->low, stack->size + sizeof(*stack), &stack->valgrind_id);
	return stack;
}

static void leave_slot(struct peal_chunk *chunk, const char *low)
{
	size_t slot = (size_t)(low - chunk->base) / chunk->shape.slot;

	chunk->empty[slot / WORD_BITS] |= (uint64_t)1 << slot % WORD_BITS;
	chunk->vacant++;
}

bool peal_chunk_vacate(struct peal_stack *stack)
{
	struct peal_stack was = *stack; /* it lives in the memory that goes */

	if (peal_sys_madvise(was.low, was.size + sizeof(was), MADV_DONTNEED) < 0)
		return false;
	peal_sanitizer_remove_stack(was.low, was.size + sizeof(was), was.valgrind_id);
	peal_tsan_destroy(was.sanitizer);
	leave_slot(was.chunk, was.low);
	return true;
}

void peal_chunk_abandon(struct peal_stack *stack)
{
	peal_sanitizer_remove_stack(stack->low, stack->size + sizeof(*stack), stack->valgrind_id);
	peal_tsan_destroy(stack->sanitizer);
	leave_slot(stack->chunk, stack->low);
}
