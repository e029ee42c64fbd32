/* SPDX-License-Identifier: MIT */
#ifndef PEAL_CORE_LOCAL_H
#define PEAL_CORE_LOCAL_H

struct peal_shard;

/* Destroy what the shard has, in reverse order of the keys. On its thread, as it stops. */
void peal_locals_destroy(struct peal_shard *shard);

#endif
