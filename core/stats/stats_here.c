/* SPDX-License-Identifier: MIT */
/* The one call of peal/stats.h that needs a runtime. */
#include <errno.h>

#include "core/stats/stats.h"

int peal_stats(struct peal_stats **stats, struct peal_rt *rt)
{
	struct peal_stats_page *page = peal_rt_stats_page(rt);

	return page ? peal_stats_page_snapshot(stats, page) : -EPERM;
}
