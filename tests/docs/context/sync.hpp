/* SPDX-License-Identifier: MIT */
/* What the examples in peal/sync.hpp take for granted. */
#include <peal/sync.hpp>
