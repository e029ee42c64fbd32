/* SPDX-License-Identifier: MIT */
/* peal.hpp: tests/contract/cpp has a file for each header. */
#include "tests/contract/cpp/cpp.h"

int main()
{
	Suite *suite = suite_create("cpp");

	find_backends();
	add_task_tests(suite);
	add_throw_tests(suite);
	add_runtime_tests(suite);
	add_scope_tests(suite);
	add_sync_tests(suite);
	add_chan_tests(suite);
	return peal_check_main(suite);
}
