/* SPDX-License-Identifier: MIT */
/* The variable behind the seam to the kernel (sys.h): NULL outside of tests. */
#include "core/sys.h"

struct peal_sys_hook *peal_sys_hook;
