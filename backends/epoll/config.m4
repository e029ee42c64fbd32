dnl SPDX-License-Identifier: MIT
PEAL_BACKEND([epoll], [readiness of sockets and pipes, for where io_uring is not to be had])
