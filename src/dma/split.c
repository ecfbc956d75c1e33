/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "dma/split.h"

/* Accesses of one function under way at a time; more is a function that forgets what it asked. */
#define MAX_SPLITS 64u

struct dma_split {
	struct pcg_op inner; /* of the message under way */
	LIST_ENTRY(dma_split) entry;
	struct pcg_dma *dma;
	struct pcg_op *op;
	uint64_t iova;
	uint8_t *data;
	size_t left;
	size_t piece; /* bytes of the message under way */
	bool write;
};

static void split_advance(struct dma_split *split, size_t length)
{
	split->iova += length;
	split->data += length;
	split->left -= length;
}

/*
 * Each piece is looked up when its turn comes: the client may have unmapped it while an earlier one was under way,
 * and from then on must not find it touched.
 */
static int split_go_on(struct dma_split *split)
{
	struct pcg_dma *dma = split->dma;
	const struct pcg_dma_messages *messages = &dma->messages;

	while (split->left > 0) {
		struct dma_map *map;
		size_t piece = dma_piece(dma, split->iova, split->left, &map);
		int r = dma_allows(dma, map, split->write);

		if (r != 0)
			return r;
		if (map != NULL && map->file != NULL)
			r = dma_file_copy(&dma->files, map->file, dma_map_offset(map) + (split->iova - map->iova),
					  split->data, piece, split->write);
		else if (split->write)
			r = messages->write(messages->arg, split->iova, split->data, piece, &split->inner);
		else
			r = messages->read(messages->arg, split->iova, split->data, piece, &split->inner);
		if (r != PCG_DONE) {
			split->piece = piece;
			return r;
		}
		split_advance(split, piece);
	}
	return PCG_DONE;
}

static void split_free(struct dma_split *split)
{
	LIST_REMOVE(split, entry);
	split->dma->nsplits--;
	free(split);
}

static void split_done(struct pcg_op *inner, int result)
{
	struct dma_split *split = (void *)((char *)inner - offsetof(struct dma_split, inner));
	struct pcg_op *op = split->op;

	if (result == 0) {
		split_advance(split, split->piece);
		result = split_go_on(split);
	}
	if (result == PCG_PENDING)
		return;
	split_free(split);
	op->done(op, result);
}

int dma_split_start(struct pcg_dma *dma, uint64_t iova, void *data, size_t length, bool write, struct pcg_op *op)
{
	struct dma_split *split;
	int r;

	if (dma->nsplits >= MAX_SPLITS)
		return -EBUSY;
	split = calloc(1, sizeof(*split));
	if (split == NULL)
		return -ENOMEM;
	*split = (struct dma_split){
		.inner.done = split_done,
		.dma = dma,
		.op = op,
		.iova = iova,
		.data = data,
		.left = length,
		.write = write,
	};
	LIST_INSERT_HEAD(&dma->splits, split, entry);
	dma->nsplits++;
	r = split_go_on(split);
	if (r != PCG_PENDING)
		split_free(split);
	return r;
}

static void split_cancel(struct dma_split *split)
{
	split->dma->messages.cancel(split->dma->messages.arg, &split->inner);
	split_free(split);
}

bool dma_split_cancel(struct pcg_dma *dma, const struct pcg_op *op)
{
	struct dma_split *split;

	LIST_FOREACH(split, &dma->splits, entry)
	if (split->op == op) {
		split_cancel(split);
		return true;
	}
	return false;
}

void dma_split_cancel_all(struct pcg_dma *dma)
{
	struct dma_split *split;

	while ((split = LIST_FIRST(&dma->splits)) != NULL)
		split_cancel(split);
}
