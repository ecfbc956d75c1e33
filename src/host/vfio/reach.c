/* SPDX-License-Identifier: BSD-3-Clause */
/* What the maps of spaces lead to: copies of what the function itself reaches. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "host/vfio/spaces.h"
#include "host/vfio/uapi.h"

/* Ranges that overlap compare equal. */
static int reach_compare(const struct reach *a, const struct reach *b)
{
	if (a->last < b->iova)
		return -1;
	return a->iova > b->last;
}

RB_GENERATE_INTERNAL(reaches, reach, entry, reach_compare, __attribute__((unused)) static)

/* --- one copy --- */

/* Where a map and what the function reaches meet. */
struct meeting {
	uint64_t address;
	uint64_t iova; /* in the space */
	uint64_t size;
	uint32_t flags;
};

static bool meets(const struct space_map *map, const struct reach *reach, struct meeting *m)
{
	uint64_t last = map->address + (map->last - map->iova);
	uint64_t end = last < reach->last ? last : reach->last;

	m->address = map->address > reach->iova ? map->address : reach->iova;
	m->flags = map->flags & reach->flags;
	if (m->address > end || m->flags == 0)
		return false;
	m->iova = map->iova + (m->address - map->address);
	m->size = end - m->address + 1;
	return true;
}

/* The kernel counts pages: what is copied is pinned once, and is the same memory whatever becomes of the file. */
static int meeting_copy(struct vfio *v, struct space *space, const struct meeting *m)
{
	struct uapi_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = UAPI_MAP_FIXED | ((m->flags & PCG_SPACE_READ) != 0 ? UAPI_MAP_READABLE : 0) |
			 ((m->flags & PCG_SPACE_WRITE) != 0 ? UAPI_MAP_WRITABLE : 0),
		.to = space->ioas,
		.from = v->ioas,
		.length = m->size,
		.to_iova = m->iova,
		.from_iova = m->address,
	};

	if (v->spaces->copies >= SPACES_MAX_COPIES)
		return -ENOSPC;
	if (ioctl(v->iommufd, UAPI_IOAS_COPY, &copy) != 0)
		return spaces_refused(v, "map memory into an address space");
	v->spaces->copies++;
	space->copies++;
	return 0;
}

/* One that is not there is gone already. */
static int meeting_end(struct vfio *v, struct space *space, const struct meeting *m)
{
	struct uapi_ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas = space->ioas, .iova = m->iova, .length = m->size
	};

	if (ioctl(v->iommufd, UAPI_IOAS_UNMAP, &unmap) != 0)
		return errno == ENOENT ? 0 : spaces_refused(v, "unmap memory from an address space");
	v->spaces->copies--;
	space->copies--;
	return 0;
}

/* --- a map of a space --- */

static struct reach *reach_first(struct spaces *s, uint64_t address)
{
	struct reach key = { .iova = address, .last = address };

	return RB_NFIND(reaches, &s->reaches, &key);
}

int space_empty(struct vfio *v, struct space *space, const struct space_map *map)
{
	uint64_t last = map->address + (map->last - map->iova);
	struct meeting m;
	int r = 0;

	for (struct reach *reach = reach_first(v->spaces, map->address); reach != NULL && reach->iova <= last;
	     reach = RB_NEXT(reaches, &v->spaces->reaches, reach)) {
		int one = meets(map, reach, &m) ? meeting_end(v, space, &m) : 0;

		r = r == 0 ? one : r;
	}
	return r;
}

int space_fill(struct vfio *v, struct space *space, const struct space_map *map)
{
	uint64_t last = map->address + (map->last - map->iova);
	struct meeting m;
	int r = 0;

	for (struct reach *reach = reach_first(v->spaces, map->address); reach != NULL && reach->iova <= last;
	     reach = RB_NEXT(reaches, &v->spaces->reaches, reach)) {
		if (meets(map, reach, &m))
			r = meeting_copy(v, space, &m);
		if (r != 0)
			break;
	}
	if (r != 0)
		space_empty(v, space, map);
	return r;
}

/* --- what the function reaches --- */

typedef int (*meeting_fn)(struct vfio *v, struct space *space, const struct meeting *m);

/* Return: 0, or how the first one ended that did not end well; @all: the others are tried all the same. */
static int reach_each(struct vfio *v, const struct reach *reach, meeting_fn act, bool all)
{
	int r = 0;

	for (unsigned int i = 0; i < SPACES_MAX; i++) {
		struct space *space = &v->spaces->all[i];
		struct space_map *map;

		if (space->id == 0)
			continue;
		for (map = RB_MIN(space_maps, &space->maps); map != NULL;
		     map = RB_NEXT(space_maps, &space->maps, map)) {
			struct meeting m;
			int one = meets(map, reach, &m) ? act(v, space, &m) : 0;

			r = r == 0 ? one : r;
			if (r != 0 && !all)
				return r;
		}
	}
	return r;
}

static int reach_forget(struct vfio *v, struct reach *reach)
{
	int r = reach_each(v, reach, meeting_end, true);

	RB_REMOVE(reaches, &v->spaces->reaches, reach);
	free(reach);
	return r;
}

int spaces_mapped(struct vfio *v, const struct pcg_dma_range *range)
{
	struct reach *reach, *gone;
	int r;

	if (v->spaces == NULL)
		return 0;
	reach = calloc(1, sizeof(*reach));
	if (reach == NULL)
		return -ENOMEM;
	reach->iova = range->iova;
	reach->last = range->iova + (range->size - 1);
	reach->flags = range->flags;
	/* The kernel took it: what is on record there is no more. */
	while ((gone = RB_INSERT(reaches, &v->spaces->reaches, reach)) != NULL)
		reach_forget(v, gone);
	r = reach_each(v, reach, meeting_copy, false);
	if (r != 0)
		reach_forget(v, reach);
	return r;
}

static int reach_forget_all(struct vfio *v)
{
	struct reach *reach;
	int r = 0;

	for (unsigned int i = 0; i < SPACES_MAX; i++) {
		struct space *space = &v->spaces->all[i];
		struct uapi_ioas_unmap unmap = { .size = sizeof(unmap), .ioas = space->ioas, .length = UINT64_MAX };

		if (space->copies == 0)
			continue;
		if (ioctl(v->iommufd, UAPI_IOAS_UNMAP, &unmap) != 0 && errno != ENOENT)
			r = spaces_refused(v, "unmap memory from an address space");
		v->spaces->copies -= space->copies;
		space->copies = 0;
	}
	while ((reach = RB_ROOT(&v->spaces->reaches)) != NULL) {
		RB_REMOVE(reaches, &v->spaces->reaches, reach);
		free(reach);
	}
	return r;
}

int spaces_unmapping(struct vfio *v, const struct pcg_dma_range *range)
{
	struct reach *reach, *next;
	uint64_t last;
	int r = 0;

	if (v->spaces == NULL)
		return 0;
	if (range == NULL) {
		r = reach_forget_all(v);
	} else {
		last = range->iova + (range->size - 1);
		for (reach = reach_first(v->spaces, range->iova); reach != NULL && reach->last <= last; reach = next) {
			int one = 0;

			next = RB_NEXT(reaches, &v->spaces->reaches, reach);
			if (reach->iova >= range->iova)
				one = reach_forget(v, reach);
			r = r == 0 ? one : r;
		}
	}
	/* Whatever the kernel keeps there, the function does not reach it by a PASID. */
	if (r != 0) {
		spaces_block(v);
		v->spaces->on = false;
	}
	return r;
}
