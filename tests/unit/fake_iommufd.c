/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "fake_iommufd.h"
#include "host/vfio/uapi.h"

struct fake_area fake_areas[FAKE_AREAS];
unsigned int fake_nareas, fake_maps;

/* Where the kernel puts what asks for no address; far from what tests ask for. */
static uint64_t next_iova;

void fake_begin(void)
{
	memset(fake_areas, 0, sizeof(fake_areas));
	fake_nareas = fake_maps = 0;
	next_iova = UINT64_C(1) << 40;
}

int fake_fails(int error)
{
	errno = error;
	return -1;
}

static uint64_t last_of(const struct fake_area *area)
{
	return area->iova + (area->length - 1);
}

const struct fake_area *fake_at(uint32_t ioas, uint64_t iova)
{
	for (unsigned int i = 0; i < fake_nareas; i++) {
		if (fake_areas[i].ioas == ioas && iova >= fake_areas[i].iova && iova <= last_of(&fake_areas[i]))
			return &fake_areas[i];
	}
	return NULL;
}

static int add(struct fake_area area, uint64_t *iova)
{
	if ((area.flags & UAPI_MAP_FIXED) == 0) {
		*iova = next_iova;
		next_iova += area.length;
	}
	area.iova = *iova;
	for (unsigned int i = 0; i < fake_nareas; i++) {
		if (fake_areas[i].ioas == area.ioas && area.iova <= last_of(&fake_areas[i]) &&
		    fake_areas[i].iova <= last_of(&area))
			return fake_fails(EEXIST);
	}
	assert_true(fake_nareas < FAKE_AREAS);
	fake_areas[fake_nareas++] = area;
	return 0;
}

static int map_file(struct uapi_ioas_map_file *map)
{
	return add((struct fake_area){ .ioas = map->ioas,
				       .flags = map->flags,
				       .length = map->length,
				       .start = map->start,
				       .pages = ++fake_maps },
		   &map->iova);
}

static int copy(struct uapi_ioas_copy *copy)
{
	const struct fake_area *from = fake_at(copy->from, copy->from_iova);
	struct fake_area to;

	if (from == NULL || copy->length > from->length - (copy->from_iova - from->iova))
		return fake_fails(ENOENT);
	to = *from;
	to.ioas = copy->to;
	to.flags = copy->flags;
	to.start += copy->from_iova - from->iova;
	to.length = copy->length;
	return add(to, &copy->to_iova);
}

/* The lowest area with an address in a range; FAKE_AREAS: there is none. */
static unsigned int lowest(uint32_t ioas, uint64_t iova, uint64_t last)
{
	unsigned int found = FAKE_AREAS;

	for (unsigned int i = 0; i < fake_nareas; i++) {
		const struct fake_area *area = &fake_areas[i];

		if (area->ioas == ioas && area->iova <= last && iova <= last_of(area) &&
		    (found == FAKE_AREAS || area->iova < fake_areas[found].iova))
			found = i;
	}
	return found;
}

/* The kernel takes no area apart: it goes upwards, and stops at one that the range cuts. */
static int unmap(const struct uapi_ioas_unmap *unmap)
{
	uint64_t last = unmap->iova + (unmap->length - 1);
	unsigned int i, before = fake_nareas;

	while ((i = lowest(unmap->ioas, unmap->iova, last)) < FAKE_AREAS) {
		if (fake_areas[i].iova < unmap->iova || last_of(&fake_areas[i]) > last)
			return fake_fails(ENOENT);
		fake_areas[i] = fake_areas[--fake_nareas];
	}
	return fake_nareas < before || unmap->length == UINT64_MAX ? 0 : fake_fails(ENOENT);
}

void fake_forget(uint32_t ioas)
{
	unmap(&(struct uapi_ioas_unmap){ .ioas = ioas, .length = UINT64_MAX });
}

bool fake_ioctl(unsigned long request, void *arg, int *result)
{
	switch (request) {
	case UAPI_IOAS_MAP_FILE:
		*result = map_file(arg);
		return true;
	case UAPI_IOAS_COPY:
		*result = copy(arg);
		return true;
	case UAPI_IOAS_UNMAP:
		*result = unmap(arg);
		return true;
	default:
		return false;
	}
}

/* --- pages --- */

static bool shown(unsigned int pages, uint64_t offset)
{
	for (unsigned int i = 0; i < fake_nareas; i++) {
		const struct fake_area *area = &fake_areas[i];

		if (area->pages == pages && offset >= area->start && offset - area->start < area->length)
			return true;
	}
	return false;
}

uint64_t fake_pinned(void)
{
	uint64_t sum = 0, end = 0;

	for (unsigned int i = 0; i < fake_nareas; i++) {
		if (fake_areas[i].start + fake_areas[i].length > end)
			end = fake_areas[i].start + fake_areas[i].length;
	}
	for (unsigned int pages = 1; pages <= fake_maps; pages++) {
		for (uint64_t offset = 0; offset < end; offset += FAKE_PAGE)
			sum += shown(pages, offset) ? FAKE_PAGE : 0;
	}
	return sum;
}
