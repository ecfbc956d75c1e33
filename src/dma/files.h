/* SPDX-License-Identifier: BSD-3-Clause */
/* The files behind shared ranges: one descriptor and at most one mapping each, however many ranges use it. */
#ifndef DMA_FILES_H
#define DMA_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <bsd/sys/tree.h>

#include "dma/notes.h"

struct dma_file {
	RB_ENTRY(dma_file) entry;
	TAILQ_ENTRY(dma_file) shown_entry;
	dev_t dev;
	ino_t ino;
	bool writable;
	int fd;
	uint32_t refs;
	uint64_t end;  /* where the furthest range ends */
	size_t unit;   /* mappings are multiples of this: huge pages have sizes of their own */
	char *base;    /* the mapping, from the start of the file; NULL until the first access */
	size_t length; /* of the mapping */
};

RB_HEAD(dma_file_tree, dma_file);
TAILQ_HEAD(dma_file_list, dma_file);

struct dma_files {
	struct dma_file_tree tree;
	struct dma_file_list shown; /* those with a mapping, oldest first */
	struct dma_notes *notes;
	uint64_t span; /* bytes of all mappings */
	uint32_t nshown;
	uint32_t count;
	uint32_t max;
};

void dma_files_init(struct dma_files *files, uint32_t max, struct dma_notes *notes);

/*
 * Take a reference on the file behind @fd for a range of it. 0 with *file set; 0 with NULL where the range is to be
 * reached by messages; -EINVAL, -ENOSPC, -EMFILE, -ENOMEM.
 */
int dma_files_get(struct dma_files *files, int fd, uint32_t flags, uint64_t offset, uint64_t size,
		  struct dma_file **file);

void dma_files_put(struct dma_files *files, struct dma_file *file);

/* Drop every file, whatever still refers to it. */
void dma_files_clear(struct dma_files *files);

/* Copy out of (or, with @write, into) a file; 0 or a negative errno: -EFAULT where the file is not there any more. */
int dma_file_copy(struct dma_files *files, struct dma_file *file, uint64_t offset, void *data, size_t length,
		  bool write);

#endif
