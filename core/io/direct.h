/* SPDX-License-Identifier: MIT */
/*
 * Ops on files by direct system calls: tried by a backend where that cannot block, or made for good on a
 * thread of the pool, which may block.
 */
#ifndef PEAL_CORE_DIRECT_H
#define PEAL_CORE_DIRECT_H

#include <sys/stat.h>
#include <sys/types.h>

#include <peal/op.h>

/* No results; nothing was done. It would have to wait; or cannot be known not to. */
#define PEAL_DIRECT_BLOCKS  INT64_MIN
#define PEAL_DIRECT_UNKNOWN (INT64_MIN + 1)

/* More than this at once keeps the other fibers waiting for longer than a hand-over costs. */
#define PEAL_DIRECT_MOST    65536

/* File systems of which a ring remembers whether they may be asked directly. */
#define PEAL_DIRECT_DEVICES 4

/* Folders of which it remembers whether their files may be (a power of two). */
#define PEAL_DIRECT_FOLDERS 64

struct peal_direct_folder {
	uint32_t hash;
	uint32_t successes;
};

/* Open files without RWF_NOWAIT of which it remembers what to do instead (a power of two). */
#define PEAL_DIRECT_FILES 64

enum peal_direct_kind {
	PEAL_DIRECT_NOT_KNOWN,
	PEAL_DIRECT_MEMORY,   /* reads and writes may be made */
	PEAL_DIRECT_BUFFERED, /* small writes may be */
};

struct peal_direct_file {
	dev_t device;
	uint64_t inode;
	int32_t fd;
	uint8_t kind; /* enum peal_direct_kind */
};

/* What a ring has learnt. Zeroed before its first use. */
struct peal_direct {
	int64_t slow_until; /* calls that cannot be told not to block are not made before this */
	bool was_slow;      /* the last of them */
	struct {
		dev_t device;
		bool known, memory, local;
	} devices[PEAL_DIRECT_DEVICES];
	unsigned int next;
	struct peal_direct_folder folders[PEAL_DIRECT_FOLDERS];
	struct peal_direct_file files[PEAL_DIRECT_FILES];
};

/*
 * The result of an op, if that can be had without waiting: of a read of what is in memory, of a small
 * write into it, of a walk along known names. PEAL_DIRECT_UNKNOWN also for ops that are not about files.
 */
int64_t peal_direct_try(struct peal_direct *direct, const struct peal_op *op);

/* The result, however long it takes. -ENOSYS for an op that this is not for. Any thread. */
int64_t peal_direct_run(const struct peal_op *op);

/*
 * The result of a read or write of something that is no file, if it need not wait: of any size, also
 * where RWF_NOWAIT is not known. PEAL_DIRECT_BLOCKS otherwise.
 */
int64_t peal_direct_try_stream(const struct peal_op *op);

/* Is it a file or a folder: something that is always ready, and takes its time nevertheless? */
bool peal_direct_is_file(int fd);

/*
 * direct_known.c: of a regular file that has refused RWF_NOWAIT, may it be read (or written) without? And
 * of a number of which that was asked before, if it still is that file.
 */
enum peal_direct_kind peal_direct_examine(struct peal_direct *direct, int fd, bool reading);
enum peal_direct_kind peal_direct_recall(struct peal_direct *direct, int fd, bool reading);
/* The type and `what` (STATX_*) of an open file. */
bool peal_direct_look_at(int fd, unsigned int what, struct statx *st);

/* direct_path.c: opening and statx, for the above. */
int64_t peal_direct_try_statx(struct peal_direct *direct, const struct peal_op *op);
int64_t peal_direct_try_open(const struct peal_op *op);
int64_t peal_direct_run_path(const struct peal_op *op);
/* Opening added O_NONBLOCK, so as not to wait; the caller did not ask for it. */
void peal_direct_opened(const struct peal_op *op, int64_t result);

/*
 * direct_splice.c: splice, sendfile and waitid. Without waiting: -EAGAIN says that something is not
 * ready; which descriptor, and for what, peal_direct_unready() tells.
 */
int64_t peal_direct_try_splice(const struct peal_op *op);
int64_t peal_direct_run_splice(const struct peal_op *op);
int64_t peal_direct_try_waitid(const struct peal_op *op);
void peal_direct_unready(const struct peal_op *op, int *fd, uint32_t *events);
/* The descriptor that stands for the op. */
int peal_direct_fd(const struct peal_op *op);

/* Does a file system of that kind keep to this machine's memory and disks? */
bool peal_direct_is_local(long magic);
int64_t peal_direct_now(void);

#endif
