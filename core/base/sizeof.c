/* SPDX-License-Identifier: MIT */
/* The sizes of public structs, for callers whose language cannot include the headers. */
#include <string.h>

#include <peal/base.h>
#include <peal/buffered.h>
#include <peal/datagram.h>
#include <peal/lease.h>
#include <peal/load.h>
#include <peal/machine.h>
#include <peal/msg.h>
#include <peal/net.h>
#include <peal/op.h>
#include <peal/port.h>
#include <peal/runtime.h>
#include <peal/scope.h>
#include <peal/stream.h>
#include <peal/sync.h>
#include <peal/task.h>
#include <peal/time.h>

#define SIZE_OF(name)                      \
	{                                  \
#name, sizeof(struct name) \
	}

static const struct {
	const char *name;
	size_t size;
} sizes[] = {
	SIZE_OF(peal_address),
	SIZE_OF(peal_barrier),
	SIZE_OF(peal_chan_case),
	SIZE_OF(peal_condition),
	SIZE_OF(peal_datagram),
	SIZE_OF(peal_faulty_opts),
	SIZE_OF(peal_faulty_stream),
	SIZE_OF(peal_fd_stream),
	SIZE_OF(peal_interval),
	SIZE_OF(peal_lease),
	SIZE_OF(peal_listen_opts),
	SIZE_OF(peal_machine),
	SIZE_OF(peal_msg),
	SIZE_OF(peal_mutex),
	SIZE_OF(peal_once),
	SIZE_OF(peal_op),
	SIZE_OF(peal_plugin_info),
	SIZE_OF(peal_port_opts),
	SIZE_OF(peal_port_stats),
	SIZE_OF(peal_post),
	SIZE_OF(peal_reader),
	SIZE_OF(peal_reason),
	SIZE_OF(peal_request),
	SIZE_OF(peal_rt_opts),
	SIZE_OF(peal_scope),
	SIZE_OF(peal_scope_opts),
	SIZE_OF(peal_semaphore),
	SIZE_OF(peal_serve_opts),
	SIZE_OF(peal_spawn_opts),
	SIZE_OF(peal_stream),
	SIZE_OF(peal_stream_halves),
	SIZE_OF(peal_stream_ops),
	SIZE_OF(peal_timer),
	SIZE_OF(peal_ticket),
	SIZE_OF(peal_turn_opts),
	SIZE_OF(peal_udp_opts),
	SIZE_OF(peal_writer),
};

size_t peal_sizeof(const char *name)
{
	for (size_t i = 0; name && i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (!strcmp(sizes[i].name, name))
			return sizes[i].size;
	return 0;
}
