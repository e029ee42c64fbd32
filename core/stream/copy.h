/* SPDX-License-Identifier: MIT */
/*
 * One copy from stream to stream, through a buffer or by the kernel.
 */
#ifndef PEAL_CORE_COPY_H
#define PEAL_CORE_COPY_H

#include <peal/stream.h>

struct peal_copy {
	struct peal_stream *to, *from;
	uint64_t left;    /* of the limit */
	uint64_t *copied; /* the user's */
	char *buf;
	size_t size;         /* of the buffer */
	unsigned int streak; /* of pieces that are large, or while the kernel copies, small */
	bool stays;          /* with the buffer: the kernel cannot, or it would not pay */
};

/* So many bytes have arrived. */
void peal_copy_count(struct peal_copy *copy, size_t size);

/* Let the kernel move what comes, as long as that pays. 1 when it is to go on through the buffer, and then
 * nothing is on the way; 0 at the end; or a negative errno. */
int peal_copy_spliced(struct peal_copy *copy);

#endif
