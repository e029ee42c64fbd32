/* SPDX-License-Identifier: MIT */
#include "core/runtime/debug.h"
#include "core/runtime/rt.h"
#include "core/runtime/shard.h"
#include "core/scope/scope.h"
#include "core/task/task.h"
#include "core/task/wait.h"

struct peal_list peal_runtimes = { &peal_runtimes, &peal_runtimes };

#define AT(name, type, member)                      \
	{                                           \
		name, offsetof(struct type, member) \
	}

static const struct peal_debug_entry entries[] = {
	AT("rt.link", peal_rt, forks),
	AT("rt.name", peal_rt, name),
	AT("rt.backend", peal_rt, backend.name),
	AT("rt.state", peal_rt, state),
	AT("rt.shards", peal_rt, shards),
	AT("rt.shard_count", peal_rt, shard_count),
	AT("shard.index", peal_shard, index),
	AT("shard.clock", peal_shard, clock),
	AT("shard.running", peal_shard, running),
	AT("shard.tasks", peal_shard, tasks),
	AT("shard.task_count", peal_shard, task_count),
	AT("task.link", peal_task, all),
	AT("task.name", peal_task, name),
	AT("task.state", peal_task, state),
	AT("task.function", peal_task, fn),
	AT("task.since", peal_task, since),
	AT("task.wait", peal_task, wait),
	AT("task.scope", peal_task, scope),
	AT("task.within", peal_task, within),
	AT("task.context", peal_task, fiber.context),
	AT("task.stack", peal_task, fiber.stack),
	AT("stack.low", peal_stack, low),
	AT("stack.size", peal_stack, size),
	AT("wait.what", peal_wait, what),
	AT("scope.name", peal_nursery, name),
	AT("scope.parent", peal_nursery, parent),
	AT("scope.cause", peal_nursery, cause),
	AT("scope.closing", peal_nursery, closing),
	{ "state.fresh", PEAL_TASK_FRESH },
	{ "state.ready", PEAL_TASK_READY },
	{ "state.running", PEAL_TASK_RUNNING },
	{ "state.waiting", PEAL_TASK_SUSPENDED },
	{ "state.ended", PEAL_TASK_ENDED },
	{ "state.moving", PEAL_TASK_MOVING },
	{ "life.booting", PEAL_RT_BOOTING },
	{ "life.running", PEAL_RT_RUNNING },
	{ "life.draining", PEAL_RT_DRAINING },
	{ "life.stopping", PEAL_RT_STOPPING },
	{ "life.stopped", PEAL_RT_STOPPED },
	{ "life.emergency", PEAL_RT_EMERGENCY },
};

const struct peal_debug peal_debug __attribute__((used)) = {
	.magic = "pealdbg",
	.version = PEAL_DEBUG_VERSION,
	.count = sizeof(entries) / sizeof(entries[0]),
	.entries = entries,
	.registers = peal_switch_registers,
	.runtimes = &peal_runtimes,
};
