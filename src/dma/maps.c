/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "dma/maps.h"

/*
 * Nodes come from slabs of their own, so that they cost no allocator header, lie together, and go back to the
 * kernel when the client lets go of them. A slab is aligned to its size: a node finds it by masking.
 */
#define SLAB_SIZE  ((size_t)2048 * 1024)
#define SLAB_NODES ((uint32_t)((SLAB_SIZE - 64) / sizeof(struct dma_map)))

struct dma_slab {
	LIST_ENTRY(dma_slab) entry;
	struct dma_map *free; /* given back, linked by rbe_left */
	uint32_t used;
	uint32_t fresh; /* nodes from here on were never handed out: their pages are not there yet */
	_Alignas(64) struct dma_map nodes[];
};

_Static_assert(sizeof(struct dma_map) <= 64, "a map fits a cache line");

/* Ranges that overlap compare equal: one descent inserts or finds the conflict. */
static int maps_compare(const struct dma_map *a, const struct dma_map *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

RB_GENERATE_INTERNAL(dma_map_tree, dma_map, entry, maps_compare, __attribute__((unused)) static)

static struct dma_slab *maps_slab_of(struct dma_map *map)
{
	return (void *)((uintptr_t)map & ~(uintptr_t)(SLAB_SIZE - 1));
}

static struct dma_slab *maps_slab_create(struct dma_maps *maps)
{
	char *at = mmap(NULL, 2 * SLAB_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct dma_slab *slab;
	size_t before;

	if (at == MAP_FAILED)
		return NULL;
	before = -(uintptr_t)at & (SLAB_SIZE - 1);
	if (before != 0)
		munmap(at, before);
	munmap(at + before + SLAB_SIZE, SLAB_SIZE - before);
	slab = (void *)(at + before);
	/* A walk through many maps is a walk through as many pages. The first slab stays small for those with few. */
	if (!LIST_EMPTY(&maps->partial) || !LIST_EMPTY(&maps->full))
		madvise(slab, SLAB_SIZE, MADV_HUGEPAGE);
	LIST_INSERT_HEAD(&maps->partial, slab, entry);
	return slab;
}

static struct dma_map *maps_take(struct dma_maps *maps)
{
	struct dma_slab *slab = LIST_FIRST(&maps->partial);
	struct dma_map *map;

	if (slab == NULL)
		slab = maps_slab_create(maps);
	if (slab == NULL)
		return NULL;
	map = slab->free;
	if (map != NULL)
		slab->free = map->entry.rbe_left;
	else
		map = &slab->nodes[slab->fresh++];
	if (++slab->used == SLAB_NODES) {
		LIST_REMOVE(slab, entry);
		LIST_INSERT_HEAD(&maps->full, slab, entry);
	}
	return map;
}

static void maps_give(struct dma_maps *maps, struct dma_map *map)
{
	struct dma_slab *slab = maps_slab_of(map);

	map->entry.rbe_left = slab->free;
	slab->free = map;
	if (slab->used-- == SLAB_NODES) {
		LIST_REMOVE(slab, entry);
		LIST_INSERT_HEAD(&maps->partial, slab, entry);
	}
	/* The last slab with room is kept: a client that maps and unmaps one range must not cost two system calls. */
	if (slab->used == 0 && (LIST_FIRST(&maps->partial) != slab || LIST_NEXT(slab, entry) != NULL)) {
		LIST_REMOVE(slab, entry);
		munmap(slab, SLAB_SIZE);
	}
}

void dma_maps_init(struct dma_maps *maps)
{
	RB_INIT(&maps->tree);
	LIST_INIT(&maps->partial);
	LIST_INIT(&maps->full);
	maps->count = 0;
}

int dma_maps_add(struct dma_maps *maps, const struct dma_map *map)
{
	struct dma_map *node = maps_take(maps);

	if (node == NULL)
		return -ENOMEM;
	*node = *map;
	if (RB_INSERT(dma_map_tree, &maps->tree, node) != NULL) {
		maps_give(maps, node);
		return -EEXIST;
	}
	maps->count++;
	return 0;
}

struct dma_map *dma_maps_find(struct dma_maps *maps, uint64_t iova)
{
	struct dma_map key = { .iova = iova, .last = iova };

	return RB_FIND(dma_map_tree, &maps->tree, &key);
}

struct dma_map *dma_maps_next(struct dma_maps *maps, uint64_t iova)
{
	struct dma_map key = { .iova = iova, .last = iova };

	return RB_NFIND(dma_map_tree, &maps->tree, &key);
}

void dma_maps_remove(struct dma_maps *maps, struct dma_map *map)
{
	RB_REMOVE(dma_map_tree, &maps->tree, map);
	maps_give(maps, map);
	maps->count--;
}

static void maps_free_slabs(struct dma_slab_list *list)
{
	struct dma_slab *slab;

	while ((slab = LIST_FIRST(list)) != NULL) {
		LIST_REMOVE(slab, entry);
		munmap(slab, SLAB_SIZE);
	}
}

void dma_maps_clear(struct dma_maps *maps)
{
	maps_free_slabs(&maps->partial);
	maps_free_slabs(&maps->full);
	dma_maps_init(maps);
}
