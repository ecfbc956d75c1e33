/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "dma/split.h"

int pcg_dma_create(struct pcg_dma **dma, const struct pcg_dma_limits *limits, const struct pcg_dma_messages *messages,
		   const struct pcg_log *log)
{
	struct pcg_dma *new;

	*dma = NULL;
	/* Two bits of an aligned offset are ours, see struct dma_map. */
	if (limits->page_size < 4 || (limits->page_size & (limits->page_size - 1)) != 0)
		return -EINVAL;
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	new->limits = *limits;
	if (messages != NULL)
		new->messages = *messages;
	if (log != NULL)
		new->notes.log = *log;
	dma_maps_init(&new->maps);
	dma_files_init(&new->files, limits->max_files, &new->notes);
	LIST_INIT(&new->splits);
	*dma = new;
	return 0;
}

void pcg_dma_set_client(struct pcg_dma *dma, const struct pcg_dma_client *client)
{
	dma->client = *client;
}

struct pcg_dma_client pcg_dma_client(const struct pcg_dma *dma)
{
	return dma->client;
}

void pcg_dma_destroy(struct pcg_dma *dma)
{
	if (dma == NULL)
		return;
	dma_split_cancel_all(dma);
	pcg_dma_unmap_all(dma);
	free(dma);
}

static int dma_map_check(struct pcg_dma *dma, const struct dma_map *map, uint64_t size, uint32_t flags)
{
	uint64_t page_mask = dma->limits.page_size - 1;

	if (((map->iova | size | map->where) & page_mask) != 0 || size == 0 || map->last < map->iova ||
	    map->where > INT64_MAX || flags == 0 || (flags & ~(uint32_t)(PCG_DMA_READ | PCG_DMA_WRITE)) != 0) {
		DMA_NOTE(&dma->notes, DMA_NOTE_BAD_MAP, PCG_WARN,
			 "DMA_MAP: refused iova %#" PRIx64 " size %#" PRIx64 " offset %#" PRIx64 " flags %#" PRIx32
			 ": address, size and offset are multiples of %" PRIu32 ", and flags 1, 2 or 3",
			 map->iova, size, map->where, flags, dma->limits.page_size);
		return -EINVAL;
	}
	if (dma->maps.count >= dma->limits.max_maps) {
		DMA_NOTE(&dma->notes, DMA_NOTE_MAX_MAPS, PCG_WARN, "DMA_MAP: refused more than %" PRIu32 " maps",
			 dma->limits.max_maps);
		return -ENOSPC;
	}
	return 0;
}

int pcg_dma_map(struct pcg_dma *dma, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	/* Without a file, the offset means nothing. */
	struct dma_map map = { .iova = iova, .last = iova + (size - 1), .where = fd < 0 ? 0 : offset };
	int r = dma_map_check(dma, &map, size, flags);

	if (r == 0 && fd >= 0)
		r = dma_files_get(&dma->files, fd, flags, offset, size, &map.file);
	if (r != 0)
		return r;
	map.where |= flags;
	r = dma_maps_add(&dma->maps, &map);
	if (r != 0 && map.file != NULL)
		dma_files_put(&dma->files, map.file);
	if (r == -EEXIST)
		DMA_NOTE(&dma->notes, DMA_NOTE_OVERLAP, PCG_WARN,
			 "DMA_MAP: refused iova %#" PRIx64 " size %#" PRIx64 ": it overlaps a map; unmap that first",
			 iova, size);
	return r;
}

static void dma_unmap_one(struct pcg_dma *dma, struct dma_map *map)
{
	struct dma_file *file = map->file;

	dma_maps_remove(&dma->maps, map);
	if (file != NULL)
		dma_files_put(&dma->files, file);
}

/*
 * QEMU's virtual IOMMUs forget a domain by unmapping all of the address space in naturally aligned blocks, whatever was
 * mapped there: what stayed would be in the way of the next domain, and lead its transfers to the memory of the last.
 * The smallest such block of a PC is the megabyte above its interrupt window.
 */
#define DMA_SWEEP_MIN (UINT64_C(1) << 20)

static int dma_sweep(struct pcg_dma *dma, uint64_t iova, uint64_t size)
{
	struct dma_map *first = dma_maps_next(&dma->maps, iova), *map;
	uint64_t last = iova + (size - 1);

	if (size < DMA_SWEEP_MIN || (size & (size - 1)) != 0 || (iova & (size - 1)) != 0)
		return -ENOENT;
	if (first == NULL || first->iova < iova || first->last > last)
		return -ENOENT;
	map = dma_maps_find(&dma->maps, last);
	if (map != NULL && map->last > last)
		return -ENOENT;
	while ((map = dma_maps_next(&dma->maps, iova)) != NULL && map->last <= last)
		dma_unmap_one(dma, map);
	return 0;
}

int pcg_dma_unmap(struct pcg_dma *dma, uint64_t iova, uint64_t size)
{
	struct dma_map *map = dma_maps_find(&dma->maps, iova);

	if (size == 0)
		return -ENOENT;
	if (map == NULL || map->iova != iova || map->last != iova + (size - 1))
		return dma_sweep(dma, iova, size);
	dma_unmap_one(dma, map);
	return 0;
}

void pcg_dma_unmap_all(struct pcg_dma *dma)
{
	dma_maps_clear(&dma->maps);
	dma_files_clear(&dma->files);
}

uint32_t pcg_dma_maps(const struct pcg_dma *dma)
{
	return dma->maps.count;
}

size_t dma_piece(struct pcg_dma *dma, uint64_t iova, size_t left, struct dma_map **map)
{
	struct dma_map *next = dma_maps_next(&dma->maps, iova);
	uint64_t last = iova + (left - 1);

	*map = next != NULL && next->iova <= iova ? next : NULL;
	if (*map != NULL)
		return next->last < last ? (size_t)(next->last - iova) + 1 : left;
	return next != NULL && next->iova <= last ? (size_t)(next->iova - iova) : left;
}

int dma_allows(struct pcg_dma *dma, const struct dma_map *map, bool write)
{
	if (map != NULL && (dma_map_flags(map) & (write ? PCG_DMA_WRITE : PCG_DMA_READ)) == 0)
		return -EPERM;
	if (map != NULL && map->file != NULL)
		return 0;
	if (write ? dma->messages.write != NULL : dma->messages.read != NULL)
		return 0;
	if (map != NULL)
		DMA_NOTE(&dma->notes, DMA_NOTE_NO_MESSAGES, PCG_WARN,
			 "DMA: memory without a file, and nobody to ask for it by DMA_READ and DMA_WRITE; share it");
	return -EFAULT;
}

/* What dma_check() met: KIND_SHARED | KIND_ASKED for an access of both. */
enum dma_kind {
	KIND_SHARED = 1,
	KIND_ASKED = 2,
};

/* Everything that can be refused is refused before the first byte moves. */
static int dma_check(struct pcg_dma *dma, uint64_t iova, size_t length, bool write, unsigned int *kinds)
{
	while (length > 0) {
		struct dma_map *map;
		size_t piece = dma_piece(dma, iova, length, &map);
		int r = dma_allows(dma, map, write);

		if (r != 0)
			return r;
		*kinds |= map != NULL && map->file != NULL ? KIND_SHARED : KIND_ASKED;
		iova += piece;
		length -= piece;
	}
	return 0;
}

/* dma_check() found every piece shared: nothing here waits, so the maps are still those it saw. */
static int dma_copy(struct pcg_dma *dma, uint64_t iova, uint8_t *data, size_t length, bool write)
{
	while (length > 0) {
		struct dma_map *map;
		size_t piece = dma_piece(dma, iova, length, &map);
		int r = dma_file_copy(&dma->files, map->file, dma_map_offset(map) + (iova - map->iova), data, piece,
				      write);

		if (r != 0)
			return r;
		iova += piece;
		data += piece;
		length -= piece;
	}
	return PCG_DONE;
}

static int dma_access(struct pcg_dma *dma, uint64_t iova, void *data, size_t length, bool write, struct pcg_op *op)
{
	const struct pcg_dma_messages *messages = &dma->messages;
	unsigned int kinds = 0;
	int r;

	if (length == 0 || length > PCG_DMA_MESSAGE_MAX)
		return -EINVAL;
	if (iova + (length - 1) < iova)
		return -EFAULT;
	r = dma_check(dma, iova, length, write, &kinds);
	if (r != 0)
		return r;
	if (kinds == KIND_SHARED)
		return dma_copy(dma, iova, data, length, write);
	if (kinds != KIND_ASKED)
		return dma_split_start(dma, iova, data, length, write, op);
	if (write)
		return messages->write(messages->arg, iova, data, length, op);
	return messages->read(messages->arg, iova, data, length, op);
}

int pcg_dma_read(struct pcg_dma *dma, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	return dma_access(dma, iova, data, length, false, op);
}

int pcg_dma_write(struct pcg_dma *dma, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	/* The copy underneath has one form for both directions; data is only read on this one. */
	return dma_access(dma, iova, (void *)(uintptr_t)data, length, true, op);
}

void pcg_dma_cancel(struct pcg_dma *dma, struct pcg_op *op)
{
	if (!dma_split_cancel(dma, op) && dma->messages.cancel != NULL)
		dma->messages.cancel(dma->messages.arg, op);
}
