dnl SPDX-License-Identifier: MIT
PEAL_PLUGIN([du], [disk usage of directory trees, on all shards])
