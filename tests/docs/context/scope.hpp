/* SPDX-License-Identifier: MIT */
/* What the examples in peal/scope.hpp take for granted. */
#include <peal/io.h>
#include <peal/scope.hpp>
#include <vector>

using namespace std::chrono_literals;

struct part {
	long sum;
};

static std::vector<part> parts;
static int fd;
static char buf[64];

long crunch(const part &part);
