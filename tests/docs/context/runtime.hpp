/* SPDX-License-Identifier: MIT */
/* What the examples in peal/runtime.hpp take for granted. */
#include <peal/runtime.hpp>

int serve();
