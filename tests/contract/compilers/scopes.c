/* SPDX-License-Identifier: MIT */
/*
 * The macros of peal/scope.h as strict C11 sees them, with every warning on; test_scope_compilers.sh
 * builds it with each compiler that there is, and runs it.
 *
 *	scopes         ends with 0
 *	scopes jump    a case label leads into a block: the library ends the program (gcc accepts it)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <peal/peal.h>

#define CHECK(what) \
	((what) ? (void)0 : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #what), exit(1)))

static int sleep_long(void *arg)
{
	(void)arg;
	return peal_sleep(100 * PEAL_S);
}

static int add_one(void *arg)
{
	++*(int *)arg;
	return 0;
}

static int from_a_block(int *count)
{
	PEAL_SCOPE (scope, .policy = PEAL_COLLECT_ALL) {
		peal_scope_spawn(&scope, sleep_long, NULL, NULL);
		PEAL_WITHIN (PEAL_S)
			PEAL_WITHIN (2 * PEAL_S)
				return ++*count;
	}
	return -1;
}

static int from_an_expression(void)
{
	return PEAL_WITHIN_GET(PEAL_MS, PEAL_WITHIN_GET(PEAL_S, peal_sleep(100 * PEAL_S)));
}

static void blocks_in_blocks(int *count)
{
	int outer = 1, inner = 1;

	PEAL_SCOPE (one, .name = "one", .result = &outer) {
		PEAL_SCOPE (two, .deadline = peal_in(PEAL_S), .result = &inner) {
			peal_scope_spawn(&one, add_one, count, NULL);
			peal_scope_spawn(&two, add_one, count, PEAL_SPAWN(.name = "two"));
		}
		CHECK(inner == 0);
	}
	CHECK(outer == 0);
	PEAL_SCOPE (one)
		for (int i = 0; i < 3; i++)
			PEAL_WITHIN (PEAL_S) {
				if (i == 1)
					break;
				++*count;
			}
}

static int body(void *arg)
{
	struct peal_scope *outside = peal_scope_current();
	int count = 0;

	(void)arg;
	CHECK(from_a_block(&count) == 1);
	CHECK(from_an_expression() == -ECANCELED);
	blocks_in_blocks(&count);
	CHECK(count == 5);
	for (int i = 0; i < 2; i++)
		PEAL_SCOPE (scope) {
			peal_scope_spawn(&scope, sleep_long, NULL, NULL);
			if (i == 0)
				goto out;
			CHECK(0);
		}
out:
	CHECK(peal_scope_current() == outside);
	return 0;
}

#ifndef __clang__
#pragma GCC diagnostic ignored "-Wswitch-unreachable"

static void expect_words(const char *text)
{
	exit(strstr(text, "never entered") ? 7 : 8);
}

static int jump(void *arg)
{
	switch (*(int *)arg) {
		PEAL_WITHIN (PEAL_S) {
		case 2:
			break;
		}
	}
	return 0;
}
#endif

int main(int argc, char **argv)
{
	int two = argc;

	(void)argv;
#ifndef __clang__
	if (argc == 2) {
		peal_set_fatal(expect_words);
		return peal_run(jump, &two, NULL);
	}
#endif
	return peal_run(body, &two, PEAL_RT(.shards = 2));
}
