/* SPDX-License-Identifier: MIT */
/* What the examples in peal/task.hpp take for granted. */
#include <peal/task.hpp>
#include <string>

struct document {
	std::string text;
};

static const char *input, *path;
static long block;

long next_part();
void crunch(long part);
long hash(long block);
document parse(const char *text);
std::string read_all(const char *path);
int read_lines();
