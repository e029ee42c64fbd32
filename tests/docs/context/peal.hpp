/* SPDX-License-Identifier: MIT */
/* What the examples in peal/peal.hpp take for granted. */
#include <peal/peal.hpp>
#include <vector>

struct part {
	long sum;
};

static std::vector<part> parts;
static int fd;
static char buf[64];

long crunch(const part &part);
