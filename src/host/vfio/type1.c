/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client's memory, translated by a type 1 container. It wants addresses: a piece of a file is mapped here while the
 * kernel pins it, never touched, and let go. The function cannot be taken away from its maps: between a reset and the
 * next client they are dropped instead.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <linux/vfio.h>

#include "host/vfio/internal.h"

static int type1_attach(struct vfio *v)
{
	(void)v;
	return 0;
}

static int type1_detach(struct vfio *v)
{
	(void)v;
	return 0;
}

static int type1_map(struct vfio *v, const struct pcg_dma_range *range)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = ((range->flags & PCG_DMA_READ) != 0 ? VFIO_DMA_MAP_FLAG_READ : 0) |
			 ((range->flags & PCG_DMA_WRITE) != 0 ? VFIO_DMA_MAP_FLAG_WRITE : 0),
		.iova = range->iova,
		.size = range->size,
	};
	int protection = PROT_READ | ((range->flags & PCG_DMA_WRITE) != 0 ? PROT_WRITE : 0);
	void *memory = mmap(NULL, range->size, protection, MAP_SHARED, range->fd, (off_t)range->offset);
	int r;

	if (memory == MAP_FAILED)
		return -errno;
	map.vaddr = (uint64_t)(uintptr_t)memory;
	r = ioctl(v->container, VFIO_IOMMU_MAP_DMA, &map) == 0 ? 0 : -errno;
	munmap(memory, range->size);
	return r;
}

static int type1_unmap_range(struct vfio *v, uint64_t iova, uint64_t size, uint32_t flags)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap), .flags = flags, .iova = iova, .size = size
	};

	return ioctl(v->container, VFIO_IOMMU_UNMAP_DMA, &unmap) == 0 ? 0 : -errno;
}

static int type1_unmap(struct vfio *v, const struct pcg_dma_range *range)
{
	if (range != NULL)
		return type1_unmap_range(v, range->iova, range->size, 0);
	return type1_unmap_range(v, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL);
}

/* Which of the capabilities behind @info lists ranges; NULL: none. */
static const uint8_t *ranges_capability(const uint8_t *info, uint32_t size)
{
	uint32_t at;

	memcpy(&at, info + offsetof(struct vfio_iommu_type1_info, cap_offset), sizeof(at));
	for (unsigned int i = 0; i < 16 && at != 0 && at + sizeof(struct vfio_info_cap_header) <= size; i++) {
		struct vfio_info_cap_header header;

		memcpy(&header, info + at, sizeof(header));
		if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			return info + at;
		at = header.next;
	}
	return NULL;
}

static unsigned int type1_ranges(const struct vfio *v, struct vfio_range *ranges, unsigned int room)
{
	const size_t head = offsetof(struct vfio_iommu_type1_info_cap_iova_range, iova_ranges);
	uint8_t info[4096] = { 0 };
	const uint32_t size = sizeof(info);
	const uint8_t *capability;
	uint32_t count, n;

	memcpy(info, &size, sizeof(size));
	if (ioctl(v->container, VFIO_IOMMU_GET_INFO, info) != 0)
		return 0;
	capability = ranges_capability(info, size);
	if (capability == NULL || capability + head > info + size)
		return 0;
	memcpy(&count, capability + offsetof(struct vfio_iommu_type1_info_cap_iova_range, nr_iovas), sizeof(count));
	for (n = 0; n < count && n < room; n++) {
		struct vfio_iova_range range;
		const uint8_t *p = capability + head + n * sizeof(range);

		if (p + sizeof(range) > info + size)
			break;
		memcpy(&range, p, sizeof(range));
		ranges[n] = (struct vfio_range){ range.start, range.end };
	}
	return n;
}

/* The container ends with the last function of the group. */
static void type1_finish(struct vfio *v)
{
	(void)v;
}

const struct vfio_iommu vfio_type1 = {
	.name = "type1",
	.stays = true,
	.attach = type1_attach,
	.detach = type1_detach,
	.map = type1_map,
	.unmap = type1_unmap,
	.ranges = type1_ranges,
	.finish = type1_finish,
};
