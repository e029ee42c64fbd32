/* SPDX-License-Identifier: MIT */
/*
 * Scopes: tasks that end before the block which started them does, deadlines, and cancelling.
 *
 * A scope is opened by a fiber, which may spawn tasks into it, and is left when all of them have ended:
 * no task outlives the frame whose locals it uses. It can be cancelled, and it can have a deadline, which
 * cancels it when it passes. Three ways to write one:
 *
 *	PEAL_SCOPE(scope, .deadline = peal_in(50 * PEAL_MS), .result = &err) {
 *		for (int i = 0; i < n; i++)
 *			peal_scope_spawn(&scope, branch, &part[i], NULL);
 *	}
 *
 *	err = peal_scope_run(request, arg, PEAL_SCOPE_OPTS(.policy = PEAL_COLLECT_ALL));
 *
 *	peal_scope_open(&scope, NULL);
 *	peal_scope_spawn(&scope, branch, part, NULL);
 *	err = peal_scope_close(&scope);
 *
 * Falling off the end of the block waits for the tasks; leaving it by break, return, goto or a C++
 * exception cancels them and waits. A return's value is read before the tasks have ended: it must not
 * be what they write. The open form asks the caller to close on every path: a task that ends with a
 * scope open ends the program, with its name.
 *
 * What others call a task group is a scope, too: opened with PEAL_COLLECT_ALL if one task's failure is not
 * to end the others, spawned into by whoever is inside, cancelled by peal_scope_cancel() or from outside
 * with a token, and waited for when it is closed.
 *
 * A single call gets a deadline without tasks and blocks:
 *
 *	PEAL_WITHIN(200 * PEAL_MS)
 *		n = peal_recv(fd, buf, sizeof buf, 0);
 *
 *	n = PEAL_WITHIN_GET(200 * PEAL_MS, peal_recv(fd, buf, sizeof buf, 0));
 *
 * What a cancelled scope means. Every call that would suspend a fiber returns a negative errno instead,
 * or as soon as what it has begun is over: -ETIMEDOUT when the innermost scope of the task has passed its
 * own deadline, -ECANCELED when it was cancelled in any other way, that is by peal_scope_cancel(), by its
 * policy, with an enclosing scope, or with the whole runtime. This goes for the opener and the scope's
 * tasks alike, on all shards, for the tasks and scopes within, and for as long as the scope exists: a
 * task that goes on gets the error again at its next call. What has succeeded meanwhile has succeeded: no
 * bytes are lost. An op that is with the kernel is asked to end and waited for, so its buffers are the
 * caller's again when the call returns, and not before. A task that is cancelled before it ever ran
 * runs nevertheless, so that whoever owns its argument can free it.
 *
 * A runtime that drains (runtime.h) lets tasks finish what they have begun. What they have not begun yet,
 * and might wait for for ever, the next request of a connection that is kept open, belongs into a scope
 * with `until_drain`: that is cancelled when the draining begins, and one that is opened later at once.
 *
 *	PEAL_SCOPE (idle, .until_drain = 1, .deadline = peal_in(60 * PEAL_S))
 *		n = peal_recv(fd, buf, sizeof buf, 0);
 *
 * Calls that release something take no part and always work: peal_close(), leaving a scope. For other
 * clean-up that must wait, open a scope with `shield`: nothing reaches it from outside.
 *
 * Time is looked at when a fiber waits, not while it computes: a deadline that passes meanwhile ends the
 * next wait.
 */
#ifndef PEAL_SCOPE_H
#define PEAL_SCOPE_H

#include <peal/base.h>
#include <peal/task.h>
#include <peal/time.h>

PEAL_BEGIN_DECLS

/* What a task's failure, or success, does to the others in its scope. A failure is a negative result, or
 * a spawn that was refused. */
#define PEAL_FAIL_FAST     0 /* the first failure cancels the scope */
#define PEAL_COLLECT_ALL   1 /* nothing: all go on to their ends */
#define PEAL_FIRST_SUCCESS 2 /* the first result that is not negative cancels the scope */

/*
 * Opaque; lies on the opener's stack and stays there until it is closed. The size is fixed for the life
 * of the SONAME.
 */
struct peal_scope {
	uint64_t room[40];
};

struct peal_token;

struct peal_scope_opts {
	size_t size;      /* of this struct; PEAL_SCOPE_OPTS() and PEAL_SCOPE() set it */
	int64_t deadline; /* an instant (peal_in()); 0: none of its own. Enclosing ones hold as well */
	const char *name; /* for reports; not copied. NULL: none */
	int *result;      /* gets what peal_scope_close() returns, however the scope is left */
	struct peal_token *token; /* cancels the scope; NULL: none */
	uint32_t policy;          /* PEAL_FAIL_FAST, ... */
	uint8_t shield;           /* 1: no cancel or deadline from outside reaches it */
	uint8_t until_drain;      /* 1: cancelled when the runtime begins to drain */
	uint8_t reserved[2];
};

/* Options in place: peal_scope_open(&scope, PEAL_SCOPE_OPTS(.policy = PEAL_COLLECT_ALL)). C only. */
#define PEAL_SCOPE_OPTS(...) \
	(&(const struct peal_scope_opts){ .size = sizeof(struct peal_scope_opts), __VA_ARGS__ })

/*
 * Open a scope inside the innermost one of the calling fiber; opts may be NULL. What was in *scope does
 * not matter. A deadline that has passed already expires it at once.
 *
 * 0; -EPERM when the caller is no fiber; -EINVAL for a policy that does not exist; -E2BIG for options
 * this library does not know; -EBUSY when this scope is open already. Does not suspend.
 */
PEAL_API int peal_scope_open(struct peal_scope *scope, const struct peal_scope_opts *opts);

/*
 * Wait until every task of the scope has ended, and close it. Whatever is cancelled, this waits. Tasks
 * that do not end within five seconds after a cancel are named in the log, with what they wait for.
 *
 * Returns 0; or the first failure of a task or spawn; or -ETIMEDOUT when the scope's own deadline had
 * passed, -ECANCELED when it was cancelled. (Tasks that fail with these because of the cancel do not count
 * as failures.) With PEAL_FIRST_SUCCESS 0 as soon as a task has succeeded.
 *
 * And, without waiting: -EPERM when the caller has not opened it; -EBUSY while a scope inside it is
 * open; -EINVAL when it is not open. Suspends unless all have ended.
 */
PEAL_API int peal_scope_close(struct peal_scope *scope);

/*
 * Start a task inside a scope: peal_spawn(), and peal_task_spawn(), whose handle must be joined or
 * detached all the same. By the opener and by any task inside, on any shard of the runtime, also
 * when the opener is waiting already. In a cancelled scope the task starts cancelled.
 *
 * Errors as peal_spawn(); each counts as a failure of the scope. -EINVAL when the scope is not open.
 */
PEAL_API int peal_scope_spawn(
	struct peal_scope *scope, peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);
PEAL_API int peal_scope_task_spawn(struct peal_scope *scope, struct peal_task **task,
	peal_task_fn *fn, void *arg, const struct peal_spawn_opts *opts);

/*
 * Cancel a scope: see above. Returns at once; again does nothing. By the opener and by any task inside,
 * on any shard; by others, also threads that are no shard, as long as it is certain that the scope stays
 * open during the call. 0, or -EINVAL when it is not open.
 */
PEAL_API int peal_scope_cancel(struct peal_scope *scope);

/*
 * A token cancels scopes for whoever does not know them, or outlives them: a user interface, a signal, a
 * request that may be withdrawn. Any number of scopes are opened with it (.token), each of which holds a
 * share of it; a cancel goes to all that are open and to all that will be. It is never undone: take
 * a new token.
 *
 *	peal_token_create(&token);
 *	peal_spawn(work, token, NULL);          // PEAL_SCOPE(scope, .token = token) { ... }
 *	peal_token_cancel(token);               // from anywhere, at any time
 *	peal_token_free(token);
 *
 * Any thread, for all of these; none suspends. Create: 0, -ENOMEM, or -EINVAL. peal_token_ref() takes
 * another share and returns the token; peal_token_free() gives one back. All accept NULL.
 */
PEAL_API int peal_token_create(struct peal_token **token);
PEAL_API struct peal_token *peal_token_ref(struct peal_token *token);
PEAL_API void peal_token_free(struct peal_token *token);
PEAL_API void peal_token_cancel(struct peal_token *token);
PEAL_API bool peal_token_cancelled(const struct peal_token *token);

/*
 * Run fn(scope, arg) in the calling fiber inside a scope of its own, wait for its tasks, and return what
 * peal_scope_close() returns. fn's own result counts as a task's. Errors as peal_scope_open(). Suspends
 * unless all have ended.
 */
typedef int peal_scope_fn(struct peal_scope *scope, void *arg);
PEAL_API int peal_scope_run(peal_scope_fn *fn, void *arg, const struct peal_scope_opts *opts);

/* The innermost scope that the calling task is in, to spawn into or to cancel. The main task of peal_run()
 * starts in one, which is cancelled when the runtime drains; other tasks that were spawned on their own
 * start in none but the runtime's own: NULL. */
PEAL_API struct peal_scope *peal_scope_current(void);

/*
 * Is the calling task to end? 0, or what a call that waits would return: -ECANCELED, -ETIMEDOUT. For long
 * computations. 0 when the caller is no fiber. Does not suspend and does not look at the time.
 */
PEAL_API int peal_cancelled(void);

/*
 * Of the last -ETIMEDOUT that a call of this library gave to the calling task: was it a deadline? False
 * when it was the peer's (TCP has an -ETIMEDOUT of its own), or there was none.
 */
PEAL_API bool peal_expired(void);

/* The earliest deadline that holds for the calling task; PEAL_NEVER when there is none. */
PEAL_API int64_t peal_deadline(void);

/*
 * What the macros below are made of, for other languages. Enter opens, and remembers an error for
 * .result; leave waits and closes; unwind cancels, waits and closes, and does nothing to a scope
 * that was left. In a callback, which has no fiber, they do nothing.
 */
PEAL_API void peal_scope_enter(struct peal_scope *scope, const struct peal_scope_opts *opts);
PEAL_API void peal_within_enter(struct peal_scope *scope, int64_t duration);
PEAL_API void peal_scope_leave(struct peal_scope *scope);
PEAL_API void peal_scope_unwind(struct peal_scope *scope);

#define PEAL_JOIN_(a, b) a##b
#define PEAL_JOIN(a, b)  PEAL_JOIN_(a, b)

#define PEAL_SCOPE_BLOCK_(name, once, ...)                                       \
	for (struct peal_scope name __attribute__((cleanup(peal_scope_unwind))), \
		*once = (__VA_ARGS__, &name);                                    \
		once; once = (peal_scope_leave(&name), (struct peal_scope *)NULL))

/*
 * PEAL_SCOPE(name, options...) { ... }: a block inside a scope; `name` is the struct peal_scope. To fall
 * off the end, or `continue`, waits for the tasks; any other way out cancels them and waits. The options
 * are those of struct peal_scope_opts, by name. C++17 has no such initialisers: there it is
 * PEAL_SCOPE(name) or PEAL_SCOPE(name, pointer to options).
 */
#ifdef __cplusplus
#define PEAL_SCOPE(...) PEAL_SCOPE_(PEAL_JOIN(peal_once_, __COUNTER__), __VA_ARGS__, NULL, NULL)
#define PEAL_SCOPE_(once, name, opts, ...) \
	PEAL_SCOPE_BLOCK_(name, once, peal_scope_enter(&name, opts))
#else
#define PEAL_SCOPE(...) \
	PEAL_SCOPE_(PEAL_JOIN(peal_once_, __COUNTER__), __VA_ARGS__, .reserved = { 0 })
#define PEAL_SCOPE_(once, name, ...) \
	PEAL_SCOPE_BLOCK_(name, once, peal_scope_enter(&name, PEAL_SCOPE_OPTS(__VA_ARGS__)))
#endif

/*
 * PEAL_WITHIN(ns) statement: calls in the statement that take longer fail with -ETIMEDOUT. The statement
 * may be a block; `break` and `continue` leave the statement, not a loop around it.
 */
#define PEAL_WITHIN(ns) \
	PEAL_WITHIN_(PEAL_JOIN(peal_within_, __COUNTER__), PEAL_JOIN(peal_once_, __COUNTER__), ns)
#define PEAL_WITHIN_(name, once, ns) PEAL_SCOPE_BLOCK_(name, once, peal_within_enter(&name, ns))

/* PEAL_WITHIN_GET(ns, expression): the same around an expression, with its value. */
#define PEAL_WITHIN_GET(ns, ...)                               \
	PEAL_WITHIN_GET_(PEAL_JOIN(peal_within_, __COUNTER__), \
		PEAL_JOIN(peal_value_, __COUNTER__), ns, __VA_ARGS__)
#define PEAL_WITHIN_GET_(name, value, ns, ...)                                      \
	__extension__({                                                             \
		struct peal_scope name __attribute__((cleanup(peal_scope_unwind))); \
		peal_within_enter(&name, ns);                                       \
		__typeof__(__VA_ARGS__) value = (__VA_ARGS__);                      \
		peal_scope_leave(&name);                                            \
		value;                                                              \
	})

PEAL_END_DECLS

#endif
