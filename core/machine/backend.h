/* SPDX-License-Identifier: MIT */
/*
 * Which backend a runtime uses. The core knows none by name: it works on a table that the build makes
 * from the folders in backends/.
 */
#ifndef PEAL_CORE_BACKEND_H
#define PEAL_CORE_BACKEND_H

#include <peal/backend.h>

/* Ends with NULL; generated. */
extern const struct peal_backend *const peal_backend_table[];

#define PEAL_BACKEND_WHY_BYTES 256

/*
 * Choose from the table: the backend called `name`; if that is NULL, the one that the environment asks
 * for (PEAL_BACKEND, not looked at in setuid programs); otherwise the most preferred whose probe finds
 * that it works. One that was asked for by name is taken or refused, never replaced by another.
 *
 * 0, a copy with its gaps filled in *out, and in `why` one line for people. Otherwise *out and `why`
 * are untouched and reason (may be NULL) says what to do: -ENOENT when there is none of that name (the
 * reason lists those there are) or none at all, -ENOEXEC for one that was made for another version, or
 * what the best one's probe said. Probes block for a moment. Nothing is logged.
 */
int peal_backend_choose(const char *name, struct peal_backend *out,
	char why[PEAL_BACKEND_WHY_BYTES], struct peal_reason *reason);

/*
 * The next best after `failed`, whose probe went well but who could not open its rings (limits are
 * used up by more than one). `name` is what was given to peal_backend_choose(), cause what open()
 * said, err its error. The same results; err itself, with *reason = *cause, when `failed` was asked
 * for by name or is the last. out may point to failed.
 */
int peal_backend_fall_back(const char *name, const struct peal_backend *failed, int err,
	const struct peal_reason *cause, struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES],
	struct peal_reason *reason);

/* What this ring can do: what its backend can at best, narrowed by what the ring found. */
static inline uint64_t peal_backend_caps(
	const struct peal_backend *backend, const struct peal_ring *ring)
{
	return backend->caps & backend->ring_caps(ring);
}

/*
 * The same on a table of the caller's, for the above and for tests. `who` asked for the name
 * ("PEAL_BACKEND"); name NULL: nobody did.
 */
int peal_backend_choose_from(const struct peal_backend *const *table, const char *name,
	const char *who, struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES],
	struct peal_reason *reason);
int peal_backend_fall_back_in(const struct peal_backend *const *table,
	const struct peal_backend *failed, int err, const struct peal_reason *cause,
	struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES], struct peal_reason *reason);
int peal_backend_list_from(
	const struct peal_backend *const *table, peal_backend_each_fn *each, void *arg);

#endif
