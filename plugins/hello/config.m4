dnl SPDX-License-Identifier: MIT
PEAL_PLUGIN([hello], [greets: the one to copy])
