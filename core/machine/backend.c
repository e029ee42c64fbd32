/* SPDX-License-Identifier: MIT */
/*
 * The choice of a backend: check what the table holds, probe in the order of preference, and tell in
 * one line which one it is and why.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/machine/backend.h"
#include "core/base/fatal.h"
#include "core/base/log.h"
#include "core/sys.h"

/* Text that grows until it is full. */
struct line {
	char text[PEAL_BACKEND_WHY_BYTES];
	size_t used;
};

static void add(struct line *line, const char *fmt, ...) PEAL_PRINTF(2, 3);

static void add(struct line *line, const char *fmt, ...)
{
	size_t room = sizeof(line->text) - line->used;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line->text + line->used, room, fmt, args);
	va_end(args);
	if (n > 0)
		line->used += (size_t)n < room ? (size_t)n : room - 1;
}

/* What a backend may leave out. */

static void no_features(peal_feature_fn *each, void *arg)
{
	(void)each;
	(void)arg;
}

/* Narrows nothing: peal_backend_caps() puts the backend's own in front. */
static uint64_t all_caps(const struct peal_ring *ring)
{
	(void)ring;
	return UINT64_MAX;
}

static int64_t monotonic_now(struct peal_ring *ring)
{
	struct timespec now = { 0 };

	(void)ring;
	peal_sys_clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int nothing_to_lend(struct peal_ring *ring, struct peal_buffers *buffers)
{
	(void)ring, (void)buffers;
	return 0;
}

static void put_back(struct peal_ring *ring, struct peal_buffers *buffers, uint32_t buffer)
{
	(void)ring;
	peal_buffers_put(buffers, buffer);
}

static struct peal_backend fill_gaps(const struct peal_backend *backend)
{
	struct peal_backend filled = *backend;

	if (!filled.features)
		filled.features = no_features;
	if (!filled.ring_caps)
		filled.ring_caps = all_caps;
	if (!filled.lend)
		filled.lend = nothing_to_lend;
	if (!filled.give)
		filled.give = put_back;
	if (!filled.now)
		filled.now = monotonic_now;
	return filled;
}

/* May the rest of the entry be read, its name for example? */
static bool same_version(const struct peal_backend *backend)
{
	return backend->abi == PEAL_BACKEND_ABI && backend->size == sizeof(*backend);
}

static const char *missing_function(const struct peal_backend *b)
{
	return !b->name                 ? "name"
		: !b->probe             ? "probe"
		: !b->open              ? "open"
		: !b->close             ? "close"
		: !b->submit            ? "submit"
		: !b->cancel            ? "cancel"
		: !b->peek              ? "peek"
		: !b->wait              ? "wait"
		: !b->bell              ? "bell"
		: !b->bell_from_outside ? "bell_from_outside"
		: !b->poll_fd           ? "poll_fd"
		: !b->after_fork        ? "after_fork"
					: NULL;
}

/* Is the entry a backend of this library's version, whole, and within the room of an op? */
static int check(const struct peal_backend *backend, struct peal_reason *reason)
{
	const struct peal_op *op = NULL;
	const char *missing;

	if (!same_version(backend))
		return peal_refuse(reason, -ENOEXEC,
			"it was built for version %u of the contract with %u bytes, this library has "
			"version %u with %zu: rebuild it",
			backend->abi, backend->size, PEAL_BACKEND_ABI, sizeof(*backend));
	missing = missing_function(backend);
	if (missing)
		return peal_refuse(reason, -ENOEXEC,
			"its entry \"%s\" is NULL, which has no default", missing);
	if (backend->op_bytes > sizeof(op->backend))
		return peal_refuse(reason, -ENOEXEC,
			"it needs %u bytes in each op, this library's ops have %zu",
			backend->op_bytes, sizeof(op->backend));
	return 0;
}

/* Checks before it probes; probing calls into the entry. */
static int try(const struct peal_backend *backend, struct peal_reason *reason)
{
	int err = check(backend, reason);

	return err ? err : backend->probe(reason);
}

static const struct peal_backend *find(const struct peal_backend *const *table, const char *name)
{
	for (; *table; table++)
		if (same_version(*table) && (*table)->name && !strcmp((*table)->name, name))
			return *table;
	return NULL;
}

static int64_t rank(const struct peal_backend *backend)
{
	return same_version(backend) ? (int64_t)backend->preference : -1;
}

/*
 * The order in which backends are tried: the most preferred first, of equals the earlier in the table,
 * and last those of other versions, whose preference cannot be read. NULL begins it and ends it.
 */
static const struct peal_backend *next_in_order(
	const struct peal_backend *const *table, const struct peal_backend *last)
{
	const struct peal_backend *best = NULL;
	bool behind_last = false;

	for (; *table; table++) {
		if (*table == last) {
			behind_last = true;
			continue;
		}
		if (last && rank(*table) > rank(last) - (behind_last ? 0 : 1))
			continue;
		if (!best || rank(*table) > rank(best))
			best = *table;
	}
	return best;
}

static int no_such_name(const struct peal_backend *const *table, const char *name, const char *who,
	struct peal_reason *reason)
{
	const struct peal_backend *backend = NULL;
	struct line names = { 0 };

	while ((backend = next_in_order(table, backend)))
		if (same_version(backend) && backend->name)
			add(&names, "%s%s", names.used ? ", " : "", backend->name);
	return peal_refuse(reason, -ENOENT,
		"there is no backend \"%s\", which %s asks for; there are: %s", name, who,
		names.used ? names.text : "none");
}

static int choose_named(const struct peal_backend *const *table, const char *name, const char *who,
	struct peal_backend *out, char *why, struct peal_reason *reason)
{
	const struct peal_backend *backend = find(table, name);
	struct peal_reason cause = { "" };
	int err;

	if (!backend)
		return no_such_name(table, name, who, reason);
	err = try(backend, &cause);
	if (err)
		return peal_refuse(reason, err, "%s, which %s asks for, cannot be used: %s", name,
			who, cause.text);
	*out = fill_gaps(backend);
	snprintf(why, PEAL_BACKEND_WHY_BYTES, "%s: %s asks for it", name, who);
	return 0;
}

static void add_refusal(struct line *refusals, const char *name, const char *cause)
{
	add(refusals, "%s%s refused: %s", refusals->used ? "; " : "", name, cause);
}

static void tell_why(char *why, const char *name, const struct line *refusals)
{
	struct utsname host = { .release = "of unknown version" };
	struct line line = { 0 };

	add(&line, "%s: ", name);
	if (refusals->used) {
		add(&line, "%s", refusals->text);
	} else {
		peal_sys_uname(&host);
		add(&line, "the best there is, and it works here (Linux %s)", host.release);
	}
	memcpy(why, line.text, sizeof(line.text));
}

/*
 * Try what comes after `last`. If that is not NULL it was refused before, with first_err, and refusals
 * tells of it already.
 */
static int choose_after(const struct peal_backend *const *table, const struct peal_backend *last,
	struct line *refusals, int first_err, struct peal_backend *out, char *why,
	struct peal_reason *reason)
{
	const struct peal_backend *backend = last;

	while ((backend = next_in_order(table, backend)) && rank(backend) > 0) {
		struct peal_reason cause = { "" };
		int err = try(backend, &cause);

		if (!err) {
			*out = fill_gaps(backend);
			tell_why(why, backend->name, refusals);
			return 0;
		}
		add_refusal(
			refusals, backend->name ? backend->name : "one without a name", cause.text);
		first_err = first_err ? first_err : err;
	}
	return peal_refuse(reason, first_err ? first_err : -ENOENT, "no backend works here: %s",
		refusals->used ? refusals->text : "this library was built with none");
}

int peal_backend_choose_from(const struct peal_backend *const *table, const char *name,
	const char *who, struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES],
	struct peal_reason *reason)
{
	struct line refusals = { 0 };

	if (name)
		return choose_named(table, name, who, out, why, reason);
	return choose_after(table, NULL, &refusals, 0, out, why, reason);
}

int peal_backend_fall_back_in(const struct peal_backend *const *table,
	const struct peal_backend *failed, int err, const struct peal_reason *cause,
	struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES], struct peal_reason *reason)
{
	const struct peal_backend *last = find(table, failed->name);
	struct line refusals = { 0 };

	peal_assert(last);
	add_refusal(&refusals, failed->name, cause->text);
	return choose_after(table, last, &refusals, err, out, why, reason);
}

/* What the environment asks for, or NULL. */
static const char *environment_name(void)
{
	const char *name = secure_getenv("PEAL_BACKEND");

	return name && *name ? name : NULL;
}

int peal_backend_choose(const char *name, struct peal_backend *out,
	char why[PEAL_BACKEND_WHY_BYTES], struct peal_reason *reason)
{
	const char *who = "the program";

	if (!name) {
		name = environment_name();
		who = "PEAL_BACKEND";
	}
	return peal_backend_choose_from(peal_backend_table, name, who, out, why, reason);
}

int peal_backend_fall_back(const char *name, const struct peal_backend *failed, int err,
	const struct peal_reason *cause, struct peal_backend *out, char why[PEAL_BACKEND_WHY_BYTES],
	struct peal_reason *reason)
{
	if (name || environment_name())
		return peal_refuse(reason, err, "%s", cause->text);
	return peal_backend_fall_back_in(peal_backend_table, failed, err, cause, out, why, reason);
}

static void tell_one(const struct peal_backend *backend, unsigned int entry,
	peal_backend_each_fn *each, void *arg)
{
	struct peal_reason reason = { "" };
	struct peal_backend_info info = {
		.size = sizeof(info),
		.err = try(backend, &reason),
		.reason = reason.text,
		.summary = "",
		.features = no_features,
	};
	char number[32];

	snprintf(number, sizeof(number), "entry %u", entry);
	info.name = number;
	if (same_version(backend)) {
		info.name = backend->name ? backend->name : number;
		info.summary = backend->summary ? backend->summary : "";
		info.preference = backend->preference;
		info.caps = backend->caps;
		info.features = backend->features ? backend->features : no_features;
	}
	each(arg, &info);
}

int peal_backend_list_from(
	const struct peal_backend *const *table, peal_backend_each_fn *each, void *arg)
{
	const struct peal_backend *backend = NULL;
	unsigned int count = 0;

	while ((backend = next_in_order(table, backend)))
		tell_one(backend, count++, each, arg);
	return (int)count;
}

int peal_backend_list(peal_backend_each_fn *each, void *arg)
{
	return peal_backend_list_from(peal_backend_table, each, arg);
}
