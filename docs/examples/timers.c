/* SPDX-License-Identifier: MIT */
/*
 * A timer that is put off as long as something happens, and ticks that keep to their grid.
 *
 * Prints:
 *	every tick was on the grid
 *	idle since the last tick
 */
#include <peal/peal.h>

#include <stdio.h>

#define IDLE (5 * PEAL_MS)

struct watch {
	struct peal_timer idle;
	struct peal_semaphore fired;
	int64_t fired_at;
};

/* On the shard's loop. */
static void on_idle(struct peal_timer *timer)
{
	struct watch *watch = PEAL_CONTAINER_OF(timer, struct watch, idle);

	watch->fired_at = peal_now();
	peal_semaphore_release(&watch->fired, 1);
}

static int main_task(void *arg)
{
	struct watch watch = { .fired_at = 0 };
	struct peal_interval interval;
	int64_t ticks = 0, first, last = 0;

	(void)arg;
	peal_timer_start(&watch.idle, peal_in(IDLE), on_idle);
	peal_interval_start(&interval, PEAL_MS, PEAL_MISSED_SKIP);
	first = interval.next;
	while (ticks < 5) {
		int64_t n = peal_interval_wait(&interval);

		if (n < 0)
			return (int)n;
		ticks += n;
		last = peal_now();
		peal_timer_touch(&watch.idle, last + IDLE); /* one store, mostly */
	}
	if (interval.next == first + ticks * PEAL_MS)
		printf("every tick was on the grid\n");
	while (watch.fired_at < last + IDLE) { /* not one from a pause between two ticks */
		int err = peal_semaphore_acquire(&watch.fired, 1);

		if (err)
			return err;
	}
	printf("idle since the last tick\n");
	return 0;
}

int main(void)
{
	return peal_run(main_task, NULL, PEAL_RT(.shards = 1)) < 0;
}
