/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/contract/msg_help.h"

int on_shard(unsigned int shard, peal_task_fn *fn, void *arg)
{
	struct peal_task *task;
	int result = -12345;

	ck_assert_int_eq(
		peal_task_spawn(&task, fn, arg, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	ck_assert_int_eq(peal_task_join(task, &result), 0);
	return result;
}

struct got got;

void take(const struct peal_msg *msg, void *arg)
{
	(void)arg;
	got.disordered |= msg->value != got.next[msg->from]++;
	got.last = *msg;
	atomic_fetch_add(&got.count, 1);
}

int handle_work(void *arg)
{
	(void)arg;
	return peal_msg_handle(WORK, take, NULL);
}

void wait_for(int count)
{
	while (atomic_load(&got.count) < count)
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	ck_assert_int_eq(atomic_load(&got.count), count);
	ck_assert(!got.disordered);
}

atomic_int hogging;

static int hog(void *arg)
{
	(void)arg;
	atomic_store(&hogging, 1);
	while (atomic_load(&hogging) == 1)
		;
	return 0;
}

struct peal_task *start_hog(unsigned int shard)
{
	struct peal_task *task;

	atomic_store(&hogging, 0);
	ck_assert_int_eq(
		peal_task_spawn(&task, hog, NULL, PEAL_SPAWN(.place = PEAL_PINNED(shard))), 0);
	while (!atomic_load(&hogging))
		ck_assert_int_eq(peal_sleep(PEAL_MS / 10), 0);
	return task;
}

void end_hog(struct peal_task *task)
{
	atomic_store(&hogging, 2);
	ck_assert_int_eq(peal_task_join(task, NULL), 0);
}

atomic_int warnings;
char last_warning[512];
static pthread_mutex_t warning_lock = PTHREAD_MUTEX_INITIALIZER;

void note_warning(void *arg, enum peal_log_level level, const char *text)
{
	(void)arg;
	if (level != PEAL_LOG_WARNING || !strstr(text, "tag"))
		return;
	pthread_mutex_lock(&warning_lock); /* shards may warn at the same time */
	snprintf(last_warning, sizeof(last_warning), "%s", text);
	pthread_mutex_unlock(&warning_lock);
	atomic_fetch_add(&warnings, 1);
}
