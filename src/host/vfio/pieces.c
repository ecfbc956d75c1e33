/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "host/vfio/pieces.h"
#include "host/vfio/uapi.h"

uint32_t piece_flags(const struct pcg_dma_range *range)
{
	return ((range->flags & PCG_DMA_READ) != 0 ? UAPI_MAP_READABLE : 0) |
	       ((range->flags & PCG_DMA_WRITE) != 0 ? UAPI_MAP_WRITABLE : 0);
}

int piece_map_file(int iommufd, uint32_t ioas, uint32_t flags, const struct pcg_dma_range *range, uint64_t *iova)
{
	struct uapi_ioas_map_file map = {
		.size = sizeof(map),
		.flags = flags,
		.ioas = ioas,
		.fd = range->fd,
		.start = range->offset,
		.length = range->size,
		.iova = *iova,
	};

	if (ioctl(iommufd, UAPI_IOAS_MAP_FILE, &map) != 0)
		return -errno;
	*iova = map.iova;
	return 0;
}

/* --- stale or not --- */

/*
 * Whoever takes pages out of the file (a balloon, virtio-mem, truncation) may do so before he unmaps them, as QEMU
 * does: so the file is compared with what it was before the pages were pinned, not with what it was when they went
 * idle. Time stamps of shmem are never the same twice once they were looked at; those of hugetlbfs do not change at all
 * when a hole is made. Fewer blocks say the same without a clock.
 */
static bool piece_is_fresh(const struct staging *s, const struct staged *piece)
{
	struct stat now;

	return s->tells && fstat(s->fd, &now) == 0 && now.st_ctim.tv_sec == piece->changed.tv_sec &&
	       now.st_ctim.tv_nsec == piece->changed.tv_nsec && now.st_blocks >= piece->blocks;
}

/* --- which pieces --- */

static bool piece_holds(const struct staged *piece, const struct pcg_dma_range *range)
{
	return range->offset >= piece->offset && range->offset - piece->offset <= piece->size &&
	       range->size <= piece->size - (range->offset - piece->offset) &&
	       (piece_flags(range) & ~piece->flags) == 0;
}

static bool piece_overlaps(const struct staged *piece, const struct pcg_dma_range *range)
{
	return range->offset < piece->offset ? piece->offset - range->offset < range->size
					     : range->offset - piece->offset < piece->size;
}

/* Whether somebody has the range mapped from it: then it is as new as he wants it. */
static bool piece_is_shared(const struct staged *piece, const struct pcg_dma_range *range)
{
	const struct staged_map *map;

	if (piece->whole > 0)
		return true;
	/* A long list is a short one after a second, when the piece is split. */
	for (map = LIST_FIRST(&piece->maps); map != NULL; map = LIST_NEXT(map, sibling)) {
		if (range->offset >= map->offset &&
		    range->offset - map->offset + (range->size - 1) <= map->last - map->iova)
			return true;
	}
	return false;
}

struct staged *piece_find(struct staging *s, const struct pcg_dma_range *range)
{
	for (unsigned int i = 0; i < STAGED_MAX; i++) {
		struct staged *piece = &s->pieces[i];

		if (piece->size != 0 && piece_holds(piece, range) &&
		    (piece_is_shared(piece, range) || piece_is_fresh(s, piece)))
			return piece;
	}
	return NULL;
}

/* What was mapped from it stays mapped, and in memory: the kernel counts pages, not maps. */
static void piece_drop(struct staging *s, struct staged *piece)
{
	struct uapi_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas = s->ioas, .iova = piece->iova, .length = piece->size
	};
	struct staged_map *map;

	ioctl(s->iommufd, UAPI_IOAS_UNMAP, &unmap);
	while ((map = LIST_FIRST(&piece->maps)) != NULL) {
		LIST_REMOVE(map, sibling);
		map->piece = NULL;
	}
	piece->size = 0;
}

/* One that is free; failing that, the one that has been idle longest makes room. */
static struct staged *piece_room(struct staging *s)
{
	struct staged *oldest = NULL;

	for (unsigned int i = 0; i < STAGED_MAX; i++) {
		struct staged *piece = &s->pieces[i];

		if (piece->size == 0)
			return piece;
		if (LIST_EMPTY(&piece->maps) && (oldest == NULL || piece->since < oldest->since))
			oldest = piece;
	}
	if (oldest != NULL)
		piece_drop(s, oldest);
	return oldest;
}

/* --- pinning and copying --- */

int piece_stage(struct staging *s, const struct pcg_dma_range *range, int64_t now, struct staged **result)
{
	struct staged *piece;
	struct stat before = { 0 }, after = { 0 };
	uint64_t iova = 0;
	int r;

	/* The same memory is not pinned twice for what nobody uses. */
	for (unsigned int i = 0; i < STAGED_MAX; i++) {
		piece = &s->pieces[i];
		if (piece->size != 0 && LIST_EMPTY(&piece->maps) && piece_overlaps(piece, range))
			piece_drop(s, piece);
	}
	piece = piece_room(s);
	if (piece == NULL)
		return -ENOSPC;
	if (fstat(s->fd, &before) != 0)
		return -errno;
	r = piece_map_file(s->iommufd, s->ioas, piece_flags(range), range, &iova);
	if (r != 0)
		return r;
	if (fstat(s->fd, &after) != 0)
		after = before;
	*piece = (struct staged){
		.offset = range->offset,
		.size = range->size,
		.iova = iova,
		.flags = piece_flags(range),
		.since = now,
		.pinning = ++s->pinnings,
		.changed = before.st_ctim,
		.blocks = after.st_blocks,
	};
	*result = piece;
	return 0;
}

static int piece_copy_to(const struct staging *s, uint32_t flags, uint64_t from, uint64_t length, uint32_t ioas,
			 uint64_t *iova)
{
	struct uapi_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = flags,
		.to = ioas,
		.from = s->ioas,
		.length = length,
		.to_iova = *iova,
		.from_iova = from,
	};

	if (ioctl(s->iommufd, UAPI_IOAS_COPY, &copy) != 0)
		return -errno;
	*iova = copy.to_iova;
	return 0;
}

int piece_copy(const struct staging *s, const struct staged *piece, const struct pcg_dma_range *range, uint32_t ioas)
{
	uint64_t iova = range->iova;

	return piece_copy_to(s, UAPI_MAP_FIXED | piece_flags(range), piece->iova + (range->offset - piece->offset),
			     range->size, ioas, &iova);
}

/* --- who uses them --- */

static bool map_is_whole(const struct staged_map *map)
{
	return map->offset == map->piece->offset && map->last - map->iova == map->piece->size - 1;
}

void piece_use(struct staged *piece, struct staged_map *map)
{
	map->piece = piece;
	LIST_INSERT_HEAD(&piece->maps, map, sibling);
	if (map_is_whole(map))
		piece->whole++;
}

void piece_release(struct staged_map *map, int64_t now)
{
	struct staged *piece = map->piece;

	if (piece == NULL)
		return;
	/* To let go of a part does not make the rest any younger: it could be done for ever. */
	if (map_is_whole(map) && --piece->whole == 0)
		piece->since = now;
	LIST_REMOVE(map, sibling);
	map->piece = NULL;
}

/* --- dropping --- */

static struct staged *part_find(struct staging *s, const struct staged *piece, const struct staged_map *map)
{
	for (unsigned int i = 0; i < STAGED_MAX; i++) {
		struct staged *part = &s->pieces[i];

		if (part->size == map->last - map->iova + 1 && part->offset == map->offset &&
		    part->pinning == piece->pinning)
			return part;
	}
	return NULL;
}

/* The same pages once more: nothing is pinned by that. */
static struct staged *part_make(struct staging *s, const struct staged *piece, const struct staged_map *map)
{
	struct staged *part = piece_room(s);
	uint64_t size = map->last - map->iova + 1;
	uint64_t iova = 0;

	if (part == NULL ||
	    piece_copy_to(s, piece->flags, piece->iova + (map->offset - piece->offset), size, s->ioas, &iova) != 0)
		return NULL;
	*part = *piece;
	LIST_INIT(&part->maps);
	part->offset = map->offset;
	part->size = size;
	part->iova = iova;
	part->whole = 0;
	return part;
}

/* What is mapped of a piece that is to go becomes pieces of its own, so that other functions find it still. */
static void piece_split(struct staging *s, struct staged *piece, int64_t now)
{
	struct staged_map *map, *next;

	for (map = LIST_FIRST(&piece->maps); map != NULL; map = next) {
		struct staged *part = part_find(s, piece, map);

		next = LIST_NEXT(map, sibling);
		if (part == NULL)
			part = part_make(s, piece, map);
		if (part == NULL)
			continue;
		piece_release(map, now);
		piece_use(part, map);
	}
}

int64_t pieces_settle(struct staging *s, int64_t now, int64_t age)
{
	int64_t next = 0;

	for (unsigned int i = 0; i < STAGED_MAX; i++) {
		struct staged *piece = &s->pieces[i];

		if (piece->size == 0 || piece->whole > 0)
			continue;
		if (now - piece->since >= age) {
			piece_split(s, piece, now);
			piece_drop(s, piece);
		} else if (next == 0 || piece->since + age < next) {
			next = piece->since + age;
		}
	}
	return next;
}
