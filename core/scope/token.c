/* SPDX-License-Identifier: MIT */
/*
 * Tokens: cancelling scopes from anywhere, without knowing them.
 *
 * A token lists the scopes that were opened with it. Its lock is held while they are cancelled, and taken
 * by a scope's opener before it leaves; so no scope goes away under a cancel. What a cancel has sent to
 * other shards counts in the scope's `pending`, so the opener looks once more after it has left the
 * token (scope.c).
 */
#include <errno.h>
#include <pthread.h>

#include "core/base/alloc.h"
#include "core/scope/scope.h"

struct peal_token {
	PEAL_ATOMIC(uint32_t) owners;
	PEAL_ATOMIC(bool) cancelled; /* written with the lock held */
	pthread_mutex_t lock;
	struct peal_list scopes;
};

int peal_token_create(struct peal_token **created)
{
	struct peal_token *token;

	if (!created)
		return -EINVAL;
	peal_alloc_hold();
	token = peal_alloc(1, sizeof(*token));
	if (!token) {
		peal_alloc_release();
		return -ENOMEM;
	}
	peal_store_relaxed(&token->owners, 1);
	pthread_mutex_init(&token->lock, NULL);
	peal_list_init(&token->scopes);
	*created = token;
	return 0;
}

struct peal_token *peal_token_ref(struct peal_token *token)
{
	if (token)
		peal_add_relaxed(&token->owners, 1);
	return token;
}

void peal_token_free(struct peal_token *token)
{
	if (!token || peal_sub_acq_rel(&token->owners, 1) != 1)
		return;
	pthread_mutex_destroy(&token->lock);
	peal_free(token);
	peal_alloc_release();
}

void peal_token_cancel(struct peal_token *token)
{
	if (!token)
		return;
	pthread_mutex_lock(&token->lock);
	peal_store_seq_cst(&token->cancelled, true);
	PEAL_LIST_EACH (entry, &token->scopes)
		peal_nursery_cancel(PEAL_CONTAINER_OF(entry, struct peal_nursery, in_token),
			PEAL_CAUSE_CANCELLED);
	pthread_mutex_unlock(&token->lock);
}

bool peal_token_cancelled(const struct peal_token *token)
{
	return token && peal_load_seq_cst(&((struct peal_token *)token)->cancelled);
}

void peal_token_enter(struct peal_token *token, struct peal_nursery *scope)
{
	scope->token = peal_token_ref(token);
	pthread_mutex_lock(&token->lock);
	peal_list_append(&token->scopes, &scope->in_token);
	if (peal_load_relaxed(&token->cancelled))
		peal_nursery_cancel(scope, PEAL_CAUSE_CANCELLED);
	pthread_mutex_unlock(&token->lock);
}

void peal_token_leave(struct peal_nursery *scope)
{
	struct peal_token *token = scope->token;

	pthread_mutex_lock(&token->lock);
	peal_list_remove(&scope->in_token);
	pthread_mutex_unlock(&token->lock);
	peal_token_free(token);
}
