/* SPDX-License-Identifier: MIT */
/*
 * A cancelled scope whose tasks do not end: the log is told for whom the opener waits, and what they wait
 * for, again and again until it is over.
 */
#include <stdio.h>

#include "core/base/log.h"
#include "core/runtime/rt.h"
#include "core/scope/scope.h"
#include "core/task/wait.h"

#define PATIENCE_NS (5 * PEAL_S)

static const char *doing(const struct peal_task *task)
{
	if (task->scope != task->within && task->scope->closing)
		return "waits for the tasks of a scope of its own";
	if (task->state != PEAL_TASK_SUSPENDED)
		return "does not wait for anything";
	return "waits for something that takes its time";
}

void peal_task_report(const struct peal_task *task, const char *who_waits)
{
	const struct peal_wait *wait = task->state == PEAL_TASK_SUSPENDED ? task->wait : NULL;

	peal_log(PEAL_LOG_WARNING,
		"%s waits for task \"%s\" on shard %u, which goes on although it was cancelled: it %s%s",
		who_waits, task->name, task->shard->index, wait ? "waits in " : doing(task),
		wait ? wait->what : "");
}

static void report_members(struct peal_branch *branch)
{
	const struct peal_nursery *scope = branch->scope;
	char who[96];

	snprintf(who, sizeof(who), "scope \"%s\" of task \"%s\"", scope->name ? scope->name : "",
		scope->opener->name);
	PEAL_LIST_EACH (entry, &branch->members)
		peal_task_report(PEAL_CONTAINER_OF(entry, struct peal_task, member), who);
}

static void report_there(struct peal_shard *shard, struct peal_node *node)
{
	struct peal_branch *branch = peal_branch_arrived(node);

	(void)shard;
	report_members(branch);
	peal_nursery_count_out(branch->scope);
}

static void lose_patience(struct peal_alarm *alarm)
{
	struct peal_nursery *scope = PEAL_CONTAINER_OF(alarm, struct peal_nursery, alarm);
	struct peal_branch *branch = peal_load_seq_cst(&scope->branches);

	report_members(&scope->home);
	for (; branch; branch = branch->next)
		if (!peal_branch_send(branch, report_there))
			peal_log(PEAL_LOG_WARNING,
				"scope \"%s\" of task \"%s\" waits for shard %u, which does not come to its loop",
				scope->name ? scope->name : "", scope->opener->name,
				branch->shard->index);
	peal_nursery_watch(scope);
}

void peal_nursery_watch(struct peal_nursery *scope)
{
	peal_nursery_set_alarm(scope, peal_in(PATIENCE_NS), lose_patience);
}
