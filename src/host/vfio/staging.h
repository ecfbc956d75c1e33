/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of one VM, pinned once. QEMU maps the same memory again and again while it boots, and every function of
 * the VM maps it too; each time the kernel would pin it anew. So a piece of a file is mapped into an address space of
 * its own first, which no function uses and which a parked page table keeps pinned, and functions get copies.
 *
 * A VM is known by the file that holds its memory, as it was opened: its functions are sent the same descriptor.
 * Everything here may wait in the kernel and runs in workers; files of different VMs do not wait for each other.
 */
#ifndef HOST_VFIO_STAGING_H
#define HOST_VFIO_STAGING_H

#include "host/vfio/internal.h"

struct vfio_pool;

int vfio_pool_create(struct vfio_pool **pool);
struct vfio_pool *vfio_pool_join(struct vfio_pool *pool); /* one more user; vfio_pool_destroy() ends each */
void vfio_pool_destroy(struct vfio_pool *pool);           /* NULL is allowed */

/*
 * The /dev/iommu that all functions of the pool are bound to. @given: use this one, -1: open it.
 * Return: 0; -ENOENT where the kernel has none; a negative errno.
 */
int vfio_pool_iommufd(struct vfio_pool *pool, int given, int *fd);

/* The functions of the pool that are open. */
void vfio_pool_add(struct vfio_pool *pool, struct vfio *v);
void vfio_pool_remove(struct vfio_pool *pool, const struct vfio *v);
void vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached);

/* Whether the function of this iommufd number can be reset along with @v: nobody uses it, or the VM of @v does. */
bool vfio_pool_yields(struct vfio_pool *pool, const struct vfio *v, uint32_t devid);

/*
 * Map a range that a file holds for @v, by way of the staged memory of its VM.
 * Return: 0 or a negative errno.
 */
int staging_map(struct vfio *v, const struct pcg_dma_range *range);

/* Whether two descriptors are of one opening of one file. false where the kernel cannot tell. */
bool staging_same_file(int one, int other);

/* The client of @v is gone: what only it kept is unpinned. */
void staging_leave(struct vfio *v);

#endif
