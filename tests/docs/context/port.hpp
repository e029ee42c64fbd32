/* SPDX-License-Identifier: MIT */
/* What the examples in peal/port.hpp take for granted. */
#include <peal/port.hpp>
#include <peal/runtime.hpp>

using namespace std::chrono_literals;

static peal::runtime runtime;
static char question[16], answer[64];
static size_t size;
