/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's memory, translated by an address space of an iommufd. */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "host/vfio/internal.h"
#include "host/vfio/spaces.h"
#include "host/vfio/staging.h"
#include "host/vfio/uapi.h"

static int iommufd_attach(struct vfio *v)
{
	/* One that has got company since it was opened has to stand where that stands. */
	bool own = v->hwpt != 0 && !v->common->shared;
	struct uapi_attach attach = { .argsz = sizeof(attach), .pt_id = own ? v->hwpt : v->ioas };

	return ioctl(v->device, UAPI_DEVICE_ATTACH, &attach) == 0 ? 0 : -errno;
}

static int iommufd_detach(struct vfio *v)
{
	struct uapi_detach detach = { .argsz = sizeof(detach) };

	/* With the device file what was attached to it has gone. */
	return v->device < 0 || ioctl(v->device, UAPI_DEVICE_DETACH, &detach) == 0 ? 0 : -errno;
}

/* Maps inside the range that are on record only are not known here: nothing to unmap is no error. */
static int iommufd_unmap(struct vfio *v, const struct pcg_dma_range *range)
{
	struct uapi_ioas_unmap unmap = { .size = sizeof(unmap), .ioas = v->ioas, .length = UINT64_MAX };
	int r = spaces_unmapping(v, range), ended;

	if (range != NULL) {
		unmap.iova = range->iova;
		unmap.length = range->size;
	}
	ended = ioctl(v->iommufd, UAPI_IOAS_UNMAP, &unmap) == 0 || errno == ENOENT ? 0 : -errno;
	if (range == NULL) {
		staging_forget(v);
		staging_leave(v);
	} else if (ended == 0) {
		staging_unmap(v, range);
	}
	return r == 0 ? ended : r;
}

static int iommufd_map(struct vfio *v, const struct pcg_dma_range *range)
{
	int r = staging_map(v, range);

	if (r != 0)
		return r;
	r = spaces_mapped(v, range);
	if (r != 0)
		iommufd_unmap(v, range);
	return r;
}

static unsigned int iommufd_ranges(const struct vfio *v, struct vfio_range *ranges, unsigned int room)
{
	struct uapi_ioas_ranges query = { .size = sizeof(query), .ioas = v->ioas };
	struct uapi_iova_range *found = calloc(room, sizeof(*found));
	unsigned int n = 0;

	if (found == NULL)
		return 0;
	query.count = room;
	query.ranges = (uint64_t)(uintptr_t)found;
	/* Too many for the room: the first ones are there all the same. */
	if (ioctl(v->iommufd, UAPI_IOAS_RANGES, &query) == 0 || errno == EMSGSIZE) {
		for (; n < query.count && n < room; n++)
			ranges[n] = (struct vfio_range){ found[n].start, found[n].last };
	}
	free(found);
	return n;
}

/* The address space itself ends with the last function of the group. */
static void iommufd_finish(struct vfio *v)
{
	if (v->ioas == 0)
		return;
	spaces_leave(v);
	/* Spaces end before the iommufd does, which may have others' functions for long. */
	if (spaces_unclean(v)) {
		vfio_shut(v);
		spaces_leave(v);
	}
	if (v->attached)
		iommufd_detach(v); /* the device file is closed next */
	vfio_pasid_finish(v);
}

const struct vfio_iommu vfio_iommufd = {
	.name = "iommufd",
	.attach = iommufd_attach,
	.detach = iommufd_detach,
	.map = iommufd_map,
	.unmap = iommufd_unmap,
	.ranges = iommufd_ranges,
	.finish = iommufd_finish,
};
