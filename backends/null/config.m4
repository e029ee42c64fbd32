dnl SPDX-License-Identifier: MIT
PEAL_BACKEND([null], [completes every operation with -ENOSYS: the one to copy])
