dnl SPDX-License-Identifier: MIT
PEAL_BACKEND([uring], [io_uring: the fast one],
	[PEAL_NEED_PKG([LIBURING], [liburing >= 2.3], [liburing-dev], [or --without-backend-uring])
	peal_requires_private="$peal_requires_private liburing"])
