/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <linux/magic.h>

#include <pcigate/dma.h>

#include "base/log.h"
#include "dma/files.h"

/*
 * What one client's files may take of the process: vm.max_map_count (65530) and 2^47 bytes of addresses are shared
 * by all clients. Past either, the oldest mappings go; they come back when they are needed again.
 */
#define MAX_SHOWN 1024u
#define MAX_SPAN  ((uint64_t)16 << 40)

/* The same file open for reading and for both is two: a mapping has one set of rights. */
static int files_compare(const struct dma_file *a, const struct dma_file *b)
{
	if (a->ino != b->ino)
		return a->ino < b->ino ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return (int)a->writable - (int)b->writable;
}

RB_GENERATE_INTERNAL(dma_file_tree, dma_file, entry, files_compare, __attribute__((unused)) static)

void dma_files_init(struct dma_files *files, uint32_t max, struct dma_notes *notes)
{
	memset(files, 0, sizeof(*files));
	RB_INIT(&files->tree);
	TAILQ_INIT(&files->shown);
	files->notes = notes;
	files->max = max;
}

/*
 * Any other file than shmem and hugetlbfs may be served by somebody who does not answer, FUSE or a network: not
 * even fstat() is safe then. fcntl(F_GET_SEALS) asks nobody, and works on just those two kinds.
 */
static int files_other_kind(struct dma_files *files, int fd)
{
	struct statx info;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) == 0 &&
	    (S_ISREG(info.stx_mode) || S_ISCHR(info.stx_mode) || S_ISBLK(info.stx_mode))) {
		DMA_NOTE(files->notes, DMA_NOTE_FILE_KIND, PCG_WARN,
			 "DMA_MAP: a file that is neither shmem nor hugetlbfs is reached by messages, which is slow; "
			 "share memory from memfd_create() or /dev/shm");
		return 0;
	}
	DMA_NOTE(files->notes, DMA_NOTE_BAD_FILE, PCG_WARN,
		 "DMA_MAP: refused a descriptor that is no memory (a socket, pipe, directory, eventfd or closed)");
	return -EINVAL;
}

/* 1: memory to share, with @writable set; 0: by messages; -EINVAL. */
static int files_classify(struct dma_files *files, int fd, uint32_t flags, bool *writable)
{
	int mode = fcntl(fd, F_GETFL);
	int seals;

	if (mode < 0 || (mode & O_PATH) != 0 || (mode & O_ACCMODE) == O_WRONLY ||
	    ((flags & PCG_DMA_WRITE) != 0 && (mode & O_ACCMODE) != O_RDWR)) {
		DMA_NOTE(files->notes, DMA_NOTE_BAD_FILE, PCG_WARN,
			 "DMA_MAP: refused a descriptor that is not open for what the flags ask; open it O_RDWR");
		return -EINVAL;
	}
	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return files_other_kind(files, fd);
	*writable = (mode & O_ACCMODE) == O_RDWR && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) == 0;
	if ((flags & PCG_DMA_WRITE) != 0 && !*writable) {
		DMA_NOTE(
			files->notes, DMA_NOTE_BAD_FILE, PCG_WARN,
			"DMA_MAP: refused a file sealed against writing (F_SEAL_WRITE) for a map that asks for writes");
		return -EINVAL;
	}
	return 1;
}

static int files_add(struct dma_files *files, int fd, const struct dma_file *key, struct dma_file **file)
{
	struct dma_file *new;
	struct statfs fs;

	if (files->max != 0 && files->count >= files->max) {
		DMA_NOTE(files->notes, DMA_NOTE_MAX_FILES, PCG_WARN,
			 "DMA_MAP: more than %" PRIu32 " distinct files; put guest memory into fewer files",
			 files->max);
		return -ENOSPC;
	}
	if (fstatfs(fd, &fs) != 0)
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	*new = *key;
	new->unit = (size_t)(fs.f_type == HUGETLBFS_MAGIC ? fs.f_bsize : sysconf(_SC_PAGESIZE));
	new->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (new->fd < 0) {
		free(new);
		DMA_NOTE(files->notes, DMA_NOTE_DESCRIPTORS, PCG_WARN,
			 "DMA_MAP: out of descriptors after %" PRIu32 " distinct files; raise the limit (ulimit -Hn)",
			 files->count);
		return -EMFILE;
	}
	RB_INSERT(dma_file_tree, &files->tree, new);
	files->count++;
	*file = new;
	return 0;
}

int dma_files_get(struct dma_files *files, int fd, uint32_t flags, uint64_t offset, uint64_t size,
		  struct dma_file **file)
{
	struct dma_file key = { .fd = -1 };
	struct stat st;
	int r = files_classify(files, fd, flags, &key.writable);

	*file = NULL;
	if (r <= 0)
		return r;
	if (fstat(fd, &st) != 0)
		return -EINVAL;
	if (st.st_size < 0 || offset > (uint64_t)st.st_size || size > (uint64_t)st.st_size - offset) {
		DMA_NOTE(files->notes, DMA_NOTE_FILE_END, PCG_WARN,
			 "DMA_MAP: refused %#" PRIx64 " bytes at offset %#" PRIx64 ": the file ends at %#" PRIx64, size,
			 offset, (uint64_t)st.st_size);
		return -EINVAL;
	}
	key.dev = st.st_dev;
	key.ino = st.st_ino;
	*file = RB_FIND(dma_file_tree, &files->tree, &key);
	if (*file == NULL) {
		r = files_add(files, fd, &key, file);
		if (r != 0)
			return r;
	}
	(*file)->refs++;
	if ((*file)->end < offset + size)
		(*file)->end = offset + size;
	return 0;
}

static void files_hide(struct dma_files *files, struct dma_file *file)
{
	if (file->base == NULL)
		return;
	munmap(file->base, file->length);
	TAILQ_REMOVE(&files->shown, file, shown_entry);
	files->nshown--;
	files->span -= file->length;
	file->base = NULL;
	file->length = 0;
}

static void files_free(struct dma_files *files, struct dma_file *file)
{
	files_hide(files, file);
	RB_REMOVE(dma_file_tree, &files->tree, file);
	close(file->fd);
	free(file);
	files->count--;
}

void dma_files_put(struct dma_files *files, struct dma_file *file)
{
	if (--file->refs == 0)
		files_free(files, file);
}

void dma_files_clear(struct dma_files *files)
{
	struct dma_file *file;

	while ((file = RB_ROOT(&files->tree)) != NULL)
		files_free(files, file);
}

static char *files_mmap(const struct dma_file *file, size_t length)
{
	int flags = MAP_SHARED | MAP_NORESERVE;
	char *base = mmap(NULL, length, PROT_READ | (file->writable ? PROT_WRITE : 0), flags, file->fd, 0);

	/* Sealed against writing since it was mapped: reads may go on, writes find a read-only page. */
	if (base == MAP_FAILED && (errno == EPERM || errno == EACCES))
		base = mmap(NULL, length, PROT_READ, flags, file->fd, 0);
	return base;
}

/* Map the file as far as its ranges reach, but not past its end: mapping would grow a hugetlbfs file again. */
static int files_show(struct dma_files *files, struct dma_file *file)
{
	struct stat st;
	uint64_t length;
	char *base;

	if (fstat(file->fd, &st) != 0)
		return -EFAULT;
	length = file->end < (uint64_t)st.st_size ? file->end : (uint64_t)st.st_size;
	length = (length + file->unit - 1) / file->unit * file->unit;
	if (length <= file->length)
		return -EFAULT;
	files_hide(files, file);
	while (!TAILQ_EMPTY(&files->shown) && (files->nshown >= MAX_SHOWN || files->span + length > MAX_SPAN))
		files_hide(files, TAILQ_FIRST(&files->shown));
	base = length <= MAX_SPAN ? files_mmap(file, (size_t)length) : MAP_FAILED;
	if (base == MAP_FAILED) {
		DMA_NOTE(files->notes, DMA_NOTE_MMAP, PCG_WARN,
			 "DMA: cannot map %#" PRIx64 " bytes of a client's file: %s; share smaller files", length,
			 length <= MAX_SPAN ? strerror(errno) : "more than 16 TiB");
		return -ENOMEM;
	}
	/* A guest's memory has no place in our core dump. */
	madvise(base, (size_t)length, MADV_DONTDUMP);
	file->base = base;
	file->length = (size_t)length;
	TAILQ_INSERT_TAIL(&files->shown, file, shown_entry);
	files->nshown++;
	files->span += length;
	return 0;
}

/*
 * The kernel copies for us: where a plain load would meet SIGBUS, on a page that the client truncated away or that
 * no huge page is left for, this ends short.
 */
int dma_file_copy(struct dma_files *files, struct dma_file *file, uint64_t offset, void *data, size_t length,
		  bool write)
{
	struct iovec ours = { .iov_base = data, .iov_len = length };
	struct iovec theirs = { .iov_len = length };
	ssize_t n;
	int r;

	if (offset + length > file->length) {
		r = files_show(files, file);
		if (r != 0)
			return r;
		if (offset + length > file->length)
			return -EFAULT;
	}
	theirs.iov_base = file->base + offset;
	n = write ? process_vm_writev(getpid(), &ours, 1, &theirs, 1, 0)
		  : process_vm_readv(getpid(), &ours, 1, &theirs, 1, 0);
	if (n == (ssize_t)length)
		return 0;
	if (n < 0 && errno != EFAULT && errno != ENOMEM) {
		DMA_NOTE(files->notes, DMA_NOTE_COPY, PCG_ERROR,
			 "DMA: process_vm_readv/writev: %s; allow both calls to this process (seccomp)",
			 strerror(errno));
		return -EIO;
	}
	return -EFAULT;
}
