/* SPDX-License-Identifier: MIT */
/*
 * What is remembered of open files that do not know RWF_NOWAIT, so that the next transfer need not be
 * refused first.
 *
 * The number may be another file's by now, one that would have to be waited for. So what is remembered is
 * proved each time: of files in memory by F_GET_SEALS, which nothing else knows and which costs half as
 * much as the refusal, of others by device and inode.
 */
#include <linux/magic.h>
#include <sys/sysmacros.h>

#include "core/io/direct.h"
#include "core/sys.h"

/*
 * What the file of a descriptor is. Nothing is asked about its times: once they were looked at, Linux 6.13
 * has the next write store new ones, which costs ext4 more than the write itself.
 */
bool peal_direct_look_at(int fd, unsigned int what, struct statx *st)
{
	return peal_sys_statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | what, st) == 0;
}

/* On which writes go to this machine's memory. An overlay may lie over anything. */
bool peal_direct_is_local(long magic)
{
	switch (magic) {
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
	case EXT4_SUPER_MAGIC: /* and of ext2 and ext3 */
	case XFS_SUPER_MAGIC:
	case BTRFS_SUPER_MAGIC:
	case F2FS_SUPER_MAGIC:
		return true;
	default:
		return false;
	}
}

static bool is_memory(long magic)
{
	return magic == TMPFS_MAGIC || magic == RAMFS_MAGIC;
}

/* What kind of file system is it on? Two system calls for the first file of each. */
static void look_up(struct peal_direct *direct, int fd, dev_t device, bool *memory, bool *local)
{
	struct statfs fs = { 0 };
	unsigned int i;

	for (i = 0; i < PEAL_DIRECT_DEVICES; i++)
		if (direct->devices[i].known && direct->devices[i].device == device)
			break;
	if (i == PEAL_DIRECT_DEVICES) {
		i = direct->next++ % PEAL_DIRECT_DEVICES;
		direct->devices[i].known = peal_sys_fstatfs(fd, &fs) == 0;
		direct->devices[i].device = device;
		direct->devices[i].memory = is_memory(fs.f_type);
		direct->devices[i].local = peal_direct_is_local(fs.f_type);
	}
	*memory = direct->devices[i].memory;
	*local = direct->devices[i].local;
}

static dev_t device_of(const struct statx *st)
{
	return makedev(st->stx_dev_major, st->stx_dev_minor);
}

static struct peal_direct_file *file_of(struct peal_direct *direct, int fd)
{
	return &direct->files[(unsigned int)fd % PEAL_DIRECT_FILES];
}

static enum peal_direct_kind remember(
	struct peal_direct *direct, int fd, const struct statx *st, enum peal_direct_kind kind)
{
	*file_of(direct, fd) = (struct peal_direct_file){
		.device = device_of(st), .inode = st->stx_ino, .fd = fd, .kind = (uint8_t)kind
	};
	return kind;
}

/* Flags of the open file that do not let a write be made are -1, should asking fail, which has every bit. */
enum peal_direct_kind peal_direct_examine(struct peal_direct *direct, int fd, bool reading)
{
	struct statx st;
	bool memory, local;

	if (!peal_direct_look_at(fd, STATX_INO, &st) || !S_ISREG(st.stx_mode))
		return PEAL_DIRECT_NOT_KNOWN;
	look_up(direct, fd, device_of(&st), &memory, &local);
	if (memory)
		return remember(direct, fd, &st, PEAL_DIRECT_MEMORY);
	if (reading || !local || peal_sys_fcntl(fd, F_GETFL, 0) & (O_DIRECT | O_DSYNC))
		return PEAL_DIRECT_NOT_KNOWN;
	return remember(direct, fd, &st, PEAL_DIRECT_BUFFERED);
}

static bool is_still(const struct peal_direct_file *file)
{
	struct statx st;

	if (file->kind == PEAL_DIRECT_MEMORY && peal_sys_fcntl(file->fd, F_GET_SEALS, 0) >= 0)
		return true; /* ramfs does not know them either */
	return peal_direct_look_at(file->fd, STATX_INO, &st) && S_ISREG(st.stx_mode) &&
		device_of(&st) == file->device && st.stx_ino == file->inode;
}

enum peal_direct_kind peal_direct_recall(struct peal_direct *direct, int fd, bool reading)
{
	struct peal_direct_file *file = file_of(direct, fd);

	if (file->fd != fd || file->kind == PEAL_DIRECT_NOT_KNOWN ||
		(file->kind == PEAL_DIRECT_BUFFERED && reading))
		return PEAL_DIRECT_NOT_KNOWN;
	if (!is_still(file))
		file->kind = PEAL_DIRECT_NOT_KNOWN;
	return (enum peal_direct_kind)file->kind;
}
