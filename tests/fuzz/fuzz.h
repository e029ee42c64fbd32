/* SPDX-License-Identifier: MIT */
/*
 * What fuzz targets share. A target is a file fuzz_NAME.c with LLVMFuzzerTestOneInput() and a folder
 * corpus/NAME; it is linked with main.c for `make check`, or with libFuzzer.
 */
#ifndef PEAL_TESTS_FUZZ_H
#define PEAL_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define fuzz_check(condition)                                                             \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

#endif
