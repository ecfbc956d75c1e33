/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands behind struct pcg_dma, and accesses that cross from one kind of memory into another. */
#ifndef DMA_SPLIT_H
#define DMA_SPLIT_H

#include <sys/queue.h>

#include <pcigate/dma.h>

#include "dma/files.h"
#include "dma/maps.h"

LIST_HEAD(dma_split_list, dma_split);

struct pcg_dma {
	struct pcg_dma_limits limits;
	struct pcg_dma_client client;
	struct pcg_dma_messages messages;
	struct dma_notes notes;
	struct dma_maps maps;
	struct dma_files files;
	struct dma_split_list splits;
	uint32_t nsplits;
};

/*
 * The first stretch of @iova..@iova+@left that is of one kind: *map is its map, NULL where there is none.
 * Returns its length.
 */
size_t dma_piece(struct pcg_dma *dma, uint64_t iova, size_t left, struct dma_map **map);

/* Whether @map, which may be NULL, lets the function do it: 0, -EPERM, -EFAULT. */
int dma_allows(struct pcg_dma *dma, const struct dma_map *map, bool write);

/* Start an access of shared pieces and of some behind messages; as pcg_dma_read(). */
int dma_split_start(struct pcg_dma *dma, uint64_t iova, void *data, size_t length, bool write, struct pcg_op *op);

/* Give up the access that @op stands for; false when it is none of ours. */
bool dma_split_cancel(struct pcg_dma *dma, const struct pcg_op *op);

/* Give up all of them. */
void dma_split_cancel_all(struct pcg_dma *dma);

#endif
