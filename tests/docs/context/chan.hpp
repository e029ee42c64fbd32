/* SPDX-License-Identifier: MIT */
/* What the examples in peal/chan.hpp take for granted. */
#include <peal/chan.hpp>

struct line {
	char text[80];
};

line next_line();
void print(const line &line);
