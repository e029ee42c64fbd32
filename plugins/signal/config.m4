dnl SPDX-License-Identifier: MIT
PEAL_PLUGIN([signal], [streams of signals, to any number of subscribers])
