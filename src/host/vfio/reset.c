/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reset, in the worker. By the function's own means where it has some; otherwise by its bus, when everything else that
 * this would reset is held by this same iommufd or group, and by nobody else.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <linux/vfio.h>

#include "host/vfio/internal.h"
#include "host/vfio/staging.h"

#define RESET_MOST 256u

/* What the kernel has to tell of a bus: @info is allocated. */
static int reset_affected(const struct vfio *v, struct vfio_pci_hot_reset_info **info)
{
	size_t size = sizeof(**info) + RESET_MOST * sizeof(struct vfio_pci_dependent_device);
	int r = 0;

	*info = calloc(1, size);
	if (*info == NULL)
		return -ENOMEM;
	(*info)->argsz = (uint32_t)size;
	if (ioctl(v->device, VFIO_DEVICE_GET_PCI_HOT_RESET_INFO, *info) != 0) {
		r = -errno;
		free(*info);
	}
	return r;
}

bool vfio_reset_possible(const struct vfio *v)
{
	struct vfio_pci_hot_reset_info *info;

	if (v->resets)
		return true;
	if (reset_affected(v, &info) != 0)
		return false;
	free(info);
	return true;
}

/*
 * The kernel sees to it that all of them are of this iommufd, or open nowhere, and does so again with the reset itself;
 * which of them are other clients', it cannot know. Until vfio_pool_reset_end() none of ours can become one's.
 */
static int reset_begin(const struct vfio *v)
{
	uint32_t devids[RESET_MOST];
	struct vfio_pci_hot_reset_info *info;
	unsigned int count;
	int r;

	r = reset_affected(v, &info);
	if (r != 0)
		return r;
	count = info->count < RESET_MOST ? info->count : RESET_MOST;
	/* Where an iommufd is behind it, the number of the function there stands in the group's place. */
	for (unsigned int i = 0; i < count; i++) {
		const struct vfio_pci_dependent_device *one = &info->devices[i];

		devids[i] = v->group >= 0 ? place_number_of(one->segment, one->bus, one->devfn) : one->group_id;
	}
	free(info);
	return vfio_pool_reset_begin(v->pool, v, devids, count);
}

/* With a list of no groups the kernel judges by the iommufd that the functions are bound to. */
static int reset_bus(struct vfio *v)
{
	size_t size = sizeof(struct vfio_pci_hot_reset) + sizeof(int32_t);
	struct vfio_pci_hot_reset *reset = calloc(1, size);
	int r;

	if (reset == NULL)
		return -ENOMEM;
	reset->argsz = (uint32_t)size;
	if (v->group >= 0) {
		reset->count = 1;
		reset->group_fds[0] = v->group;
	}
	r = reset_begin(v);
	if (r == 0) {
		r = ioctl(v->device, VFIO_DEVICE_PCI_HOT_RESET, reset) == 0 ? 0 : -errno;
		vfio_pool_reset_end(v->pool, v);
	}
	free(reset);
	return r;
}

int vfio_reset(struct vfio *v)
{
	if (v->resets)
		return ioctl(v->device, VFIO_DEVICE_RESET) == 0 ? 0 : -errno;
	return reset_bus(v);
}
