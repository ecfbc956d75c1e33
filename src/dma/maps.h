/* SPDX-License-Identifier: BSD-3-Clause */
/* The ranges of one address space: a red-black tree of pooled nodes. */
#ifndef DMA_MAPS_H
#define DMA_MAPS_H

#include <stdint.h>
#include <sys/queue.h>
#include <bsd/sys/tree.h>

struct dma_file;

/*
 * One live map. A client may hold a million, so this is kept to one cache line: the two flags stand in the low bits
 * of @where, which the alignment of file offsets leaves free.
 */
struct dma_map {
	RB_ENTRY(dma_map) entry;
	uint64_t iova;
	uint64_t last;
	uint64_t where;
	struct dma_file *file; /* NULL: reached by messages */
};

RB_HEAD(dma_map_tree, dma_map);
LIST_HEAD(dma_slab_list, dma_slab);

struct dma_maps {
	struct dma_map_tree tree;
	struct dma_slab_list partial; /* slabs with room */
	struct dma_slab_list full;
	uint32_t count;
};

static inline uint32_t dma_map_flags(const struct dma_map *map)
{
	return (uint32_t)map->where & 3u;
}

static inline uint64_t dma_map_offset(const struct dma_map *map)
{
	return map->where & ~(uint64_t)3;
}

void dma_maps_init(struct dma_maps *maps);

/* 0, -EEXIST when it overlaps one, -ENOMEM; copies all of @map but its entry. */
int dma_maps_add(struct dma_maps *maps, const struct dma_map *map);

/* The map that holds @iova, or NULL. */
struct dma_map *dma_maps_find(struct dma_maps *maps, uint64_t iova);

/* The first map that ends at @iova or behind it, or NULL. */
struct dma_map *dma_maps_next(struct dma_maps *maps, uint64_t iova);

void dma_maps_remove(struct dma_maps *maps, struct dma_map *map);

/* All at once, without a walk: a client that dies with a million maps must not hold up the others. */
void dma_maps_clear(struct dma_maps *maps);

#endif
