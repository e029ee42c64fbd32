/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the reader of stats pages. The bytes are the page of another process; reading it, all
 * of it, must do no harm.
 *
 * make check runs it on its corpus and on variations of that (tests/fuzz/main.c). For libFuzzer, with
 * gen/counters.h from the build tree:
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Iinclude -Ibuild \
 *		tests/fuzz/fuzz_stats_page.c core/stats/stats_read.c core/stats/stats_view.c core/stats/stats_proc.c \
 *		core/stats/stats.c core/stats/stats_memory.c core/base/alloc.c core/base/fatal.c core/base/log.c core/base/sys.c \
 *		-o fuzz_stats_page
 *	./fuzz_stats_page tests/fuzz/corpus/stats_page
 */
#include "tests/fuzz/fuzz.h"
#include "tests/stats_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peal_stats *stats;
	void *page = malloc(size ? size : 1); /* aligned, and so large exactly */

	fuzz_check(page);
	memcpy(page, data, size);
	if (!image_load(&stats, page, size & ~(size_t)7, NULL)) {
		fuzz_check(peal_stats_info(stats)->shards > 0);
		image_walk(stats);
		peal_stats_free(stats);
	}
	free(page);
	return 0;
}
