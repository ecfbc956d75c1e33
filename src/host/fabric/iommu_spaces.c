/* SPDX-License-Identifier: BSD-3-Clause */
/* Address spaces, the PASIDs that lead to them, and what of them functions may have in their caches. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/fabric/iommu_internal.h"

#define SPACE_FLAGS ((uint32_t)(PCG_SPACE_READ | PCG_SPACE_WRITE | PCG_SPACE_EXECUTE | PCG_SPACE_USER))

/* Maps that overlap compare equal: one descent inserts or finds the conflict. */
static int map_compare(const struct iommu_map *a, const struct iommu_map *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

static int pasid_compare(const struct iommu_pasid *a, const struct iommu_pasid *b)
{
	return a->value < b->value ? -1 : a->value > b->value;
}

RB_GENERATE_INTERNAL(iommu_map_tree, iommu_map, entry, map_compare, __attribute__((unused)) static)
RB_GENERATE_INTERNAL(iommu_pasid_tree, iommu_pasid, entry, pasid_compare, __attribute__((unused)) static)

struct iommu_pasid *iommu_pasid_find(struct iommu_requester *r, uint32_t value)
{
	struct iommu_pasid key = { .value = value };

	return RB_FIND(iommu_pasid_tree, &r->pasids, &key);
}

struct iommu_map *iommu_map_find(struct iommu_space *space, uint64_t iova)
{
	struct iommu_map key = { .iova = iova, .last = iova };

	return RB_FIND(iommu_map_tree, &space->maps, &key);
}

/* --- invalidation --- */

static void invalidate(struct iommu_requester *r, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	if (r->events.invalidate != NULL)
		r->events.invalidate(r->events.arg, has_pasid, pasid, iova, size);
}

static void invalidate_all(struct iommu_requester *r, bool has_pasid, uint32_t pasid)
{
	const uint64_t half = UINT64_C(1) << 63;

	invalidate(r, has_pasid, pasid, 0, half);
	invalidate(r, has_pasid, pasid, half, half);
}

static void pasid_invalidate(struct iommu_requester *r, struct iommu_pasid *pasid)
{
	bool answered = pasid->answered;

	pasid->answered = false;
	if (answered)
		invalidate_all(r, true, pasid->value);
}

static void space_invalidate(struct iommu_requester *r, struct iommu_space *space)
{
	struct iommu_pasid *pasid;

	LIST_FOREACH(pasid, &space->pasids, same)
	pasid_invalidate(r, pasid);
}

void iommu_spaces_invalidate(struct iommu_requester *r, bool untagged)
{
	bool answered = r->answered && untagged;
	struct iommu_pasid *pasid;

	RB_FOREACH(pasid, iommu_pasid_tree, &r->pasids)
	pasid_invalidate(r, pasid);
	if (answered) {
		r->answered = false;
		invalidate_all(r, false, 0);
	}
}

/* --- the verbs --- */

static struct iommu_space *space_find(struct iommu_requester *r, uint32_t id)
{
	struct iommu_space *space = r->spaces[id % IOMMU_MAX_SPACES];

	if (space != NULL && space->id == id)
		return space;
	IOMMU_NOTE(r, IOMMU_NOTE_NO_SPACE, "address space %" PRIu32 " of %02x:%02x.%x: there is none; create it first",
		   id, IOMMU_WHO(r));
	return NULL;
}

/* The low bits of an id are its place; the others make that an old id does not meet what has the place now. */
static uint32_t space_id(struct iommu_requester *r, unsigned int place)
{
	if (++r->generation > UINT32_MAX / IOMMU_MAX_SPACES)
		r->generation = 1;
	return r->generation * IOMMU_MAX_SPACES + place;
}

static int space_create(struct iommu_requester *r, struct pcg_space *wish)
{
	struct iommu_space *space;
	unsigned int place = 0;

	while (place < IOMMU_MAX_SPACES && r->spaces[place] != NULL)
		place++;
	if (place == IOMMU_MAX_SPACES) {
		IOMMU_NOTE(r, IOMMU_NOTE_SPACES,
			   "address spaces of %02x:%02x.%x: refused more than %u; destroy one first", IOMMU_WHO(r),
			   IOMMU_MAX_SPACES);
		return -ENOSPC;
	}
	space = calloc(1, sizeof(*space));
	if (space == NULL)
		return -ENOMEM;
	space->id = space_id(r, place);
	RB_INIT(&space->maps);
	LIST_INIT(&space->all);
	LIST_INIT(&space->pasids);
	r->spaces[place] = space;
	wish->space = space->id;
	return 0;
}

static void pasid_detach(struct iommu_requester *r, struct iommu_pasid *pasid)
{
	bool answered = pasid->answered;
	uint32_t value = pasid->value;

	RB_REMOVE(iommu_pasid_tree, &r->pasids, pasid);
	LIST_REMOVE(pasid, same);
	free(pasid);
	r->npasids--;
	if (answered)
		invalidate_all(r, true, value);
}

/* All of them without a walk of the tree: there may be many. */
static void space_unmap_all(struct iommu_requester *r, struct iommu_space *space)
{
	struct iommu_map_list all = space->all;
	struct iommu_map *map, *next;

	RB_INIT(&space->maps);
	LIST_INIT(&space->all);
	r->nmaps -= space->nmaps;
	space->nmaps = 0;
	space_invalidate(r, space);
	for (map = LIST_FIRST(&all); map != NULL; map = next) {
		next = LIST_NEXT(map, all);
		free(map);
	}
}

static void space_destroy(struct iommu_requester *r, struct iommu_space *space)
{
	struct iommu_pasid *pasid;

	while ((pasid = LIST_FIRST(&space->pasids)) != NULL)
		pasid_detach(r, pasid);
	space_unmap_all(r, space);
	r->spaces[space->id % IOMMU_MAX_SPACES] = NULL;
	free(space);
}

/* 0 or what is wrong with it. EXECUTE without READ is nothing that a translation completion can say. */
static int map_check(struct iommu_requester *r, const struct pcg_space *wish)
{
	bool lies = ((wish->iova | wish->size | wish->address) & (IOMMU_PAGE - 1)) != 0 || wish->size == 0 ||
		    wish->iova + (wish->size - 1) < wish->iova || wish->address + (wish->size - 1) < wish->address;
	bool flags = (wish->flags & ~SPACE_FLAGS) == 0 && (wish->flags & (PCG_SPACE_READ | PCG_SPACE_WRITE)) != 0 &&
		     (!(wish->flags & PCG_SPACE_EXECUTE) || (wish->flags & PCG_SPACE_READ));

	if (lies || !flags) {
		IOMMU_NOTE(r, IOMMU_NOTE_BAD_MAP,
			   "map of %02x:%02x.%x: refused iova %#" PRIx64 " size %#" PRIx64 " address %#" PRIx64
			   " flags %#" PRIx32 ": all are multiples of 4096 below 2^64; flags have 1 (read) or 2 "
			   "(write), 4 (execute) with 1 alone, and may have 8 (user)",
			   IOMMU_WHO(r), wish->iova, wish->size, wish->address, wish->flags);
		return -EINVAL;
	}
	if (r->nmaps >= IOMMU_MAX_MAPS) {
		IOMMU_NOTE(r, IOMMU_NOTE_MAPS, "maps of %02x:%02x.%x: refused more than %u; unmap some first",
			   IOMMU_WHO(r), IOMMU_MAX_MAPS);
		return -ENOSPC;
	}
	return 0;
}

static int space_map(struct iommu_requester *r, struct iommu_space *space, const struct pcg_space *wish)
{
	struct iommu_map *map;
	int error = map_check(r, wish);

	if (error != 0)
		return error;
	map = calloc(1, sizeof(*map));
	if (map == NULL)
		return -ENOMEM;
	map->iova = wish->iova;
	map->last = wish->iova + (wish->size - 1);
	map->address = wish->address;
	map->flags = wish->flags;
	if (RB_INSERT(iommu_map_tree, &space->maps, map) != NULL) {
		free(map);
		IOMMU_NOTE(r, IOMMU_NOTE_OVERLAP,
			   "map of %02x:%02x.%x: refused iova %#" PRIx64 " size %#" PRIx64
			   ": it overlaps a map of this space; unmap that first",
			   IOMMU_WHO(r), wish->iova, wish->size);
		return -EEXIST;
	}
	LIST_INSERT_HEAD(&space->all, map, all);
	space->nmaps++;
	r->nmaps++;
	return 0;
}

static int space_unmap(struct iommu_requester *r, struct iommu_space *space, uint64_t iova, uint64_t size)
{
	struct iommu_map *map;
	struct iommu_pasid *pasid;
	bool answered;

	if (size == 0) {
		space_unmap_all(r, space);
		return 0;
	}
	map = iommu_map_find(space, iova);
	if (map == NULL || map->iova != iova || map->last - map->iova != size - 1) {
		IOMMU_NOTE(r, IOMMU_NOTE_UNMAP,
			   "unmap of %02x:%02x.%x: no map has iova %#" PRIx64 " and size %#" PRIx64
			   "; maps are taken away whole",
			   IOMMU_WHO(r), iova, size);
		return -ENOENT;
	}
	RB_REMOVE(iommu_map_tree, &space->maps, map);
	LIST_REMOVE(map, all);
	space->nmaps--;
	r->nmaps--;
	answered = map->answered;
	free(map);
	if (!answered)
		return 0;
	LIST_FOREACH(pasid, &space->pasids, same)
	if (pasid->answered)
		invalidate(r, true, pasid->value, iova, size);
	return 0;
}

/* What is shown may have become less than what is attached: that can still be detached. */
static int pasid_check(struct iommu_requester *r, uint32_t pasid, bool attach)
{
	uint32_t end = attach ? iommu_pasid_end(r) : UINT32_C(1) << r->iommu->facts.pasid_width;

	if (pasid < end)
		return 0;
	IOMMU_NOTE(r, IOMMU_NOTE_WIDE,
		   "PASID %#" PRIx32 " of %02x:%02x.%x: refused, %#" PRIx32 " is the first too wide", pasid,
		   IOMMU_WHO(r), end);
	return -ERANGE;
}

static int space_attach(struct iommu_requester *r, struct iommu_space *space, uint32_t value)
{
	struct iommu_pasid *pasid = iommu_pasid_find(r, value);

	if (pasid != NULL) {
		if (pasid->space == space)
			return 0;
		LIST_REMOVE(pasid, same);
		pasid->space = space;
		LIST_INSERT_HEAD(&space->pasids, pasid, same);
		pasid_invalidate(r, pasid);
		return 0;
	}
	if (r->npasids >= IOMMU_MAX_PASIDS) {
		IOMMU_NOTE(r, IOMMU_NOTE_PASIDS, "PASIDs of %02x:%02x.%x: refused more than %u; detach one first",
			   IOMMU_WHO(r), IOMMU_MAX_PASIDS);
		return -ENOSPC;
	}
	pasid = calloc(1, sizeof(*pasid));
	if (pasid == NULL)
		return -ENOMEM;
	pasid->value = value;
	pasid->space = space;
	RB_INSERT(iommu_pasid_tree, &r->pasids, pasid);
	LIST_INSERT_HEAD(&space->pasids, pasid, same);
	r->npasids++;
	return 0;
}

static int space_detach(struct iommu_requester *r, uint32_t value)
{
	struct iommu_pasid *pasid = iommu_pasid_find(r, value);

	if (pasid == NULL) {
		IOMMU_NOTE(r, IOMMU_NOTE_NO_PASID, "PASID %#" PRIx32 " of %02x:%02x.%x: nothing is attached to it",
			   value, IOMMU_WHO(r));
		return -ENOENT;
	}
	pasid_detach(r, pasid);
	return 0;
}

/* Verbs that name a space. */
static int space_wish(struct iommu_requester *r, const struct pcg_space *wish)
{
	struct iommu_space *space = space_find(r, wish->space);

	if (space == NULL)
		return -ENOENT;
	switch (wish->verb) {
	case PCG_SPACE_DESTROY:
		space_destroy(r, space);
		return 0;
	case PCG_SPACE_MAP:
		return space_map(r, space, wish);
	case PCG_SPACE_UNMAP:
		return space_unmap(r, space, wish->iova, wish->size);
	case PCG_SPACE_ATTACH:
		return space_attach(r, space, wish->pasid);
	default:
		return -EINVAL;
	}
}

int iommu_space(struct iommu_requester *r, struct pcg_space *wish)
{
	int error = 0;

	if (r->iommu->facts.pasid_width == 0) {
		IOMMU_NOTE(r, IOMMU_NOTE_NO_PASIDS,
			   "address spaces of %02x:%02x.%x: refused, this IOMMU knows no PASIDs; give it a pasid-width",
			   IOMMU_WHO(r));
		return -EOPNOTSUPP;
	}
	if (r->dma == NULL) {
		IOMMU_NOTE(r, IOMMU_NOTE_NO_MEMORY, "address spaces of %02x:%02x.%x: refused, it was given no memory",
			   IOMMU_WHO(r));
		return -ENOTCONN;
	}
	if (wish->verb == PCG_SPACE_ATTACH || wish->verb == PCG_SPACE_DETACH)
		error = pasid_check(r, wish->pasid, wish->verb == PCG_SPACE_ATTACH);
	if (error != 0)
		return error;
	if (wish->verb == PCG_SPACE_CREATE)
		return space_create(r, wish);
	if (wish->verb == PCG_SPACE_DETACH)
		return space_detach(r, wish->pasid);
	return space_wish(r, wish);
}

void iommu_spaces_init(struct iommu_requester *r)
{
	RB_INIT(&r->pasids);
}

void iommu_spaces_end(struct iommu_requester *r)
{
	unsigned int i;

	for (i = 0; i < IOMMU_MAX_SPACES; i++)
		if (r->spaces[i] != NULL)
			space_destroy(r, r->spaces[i]);
	r->generation = 0;
}
