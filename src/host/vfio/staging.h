/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory of one VM, pinned once. QEMU maps the same memory again and again while it boots, and every function of
 * the VM maps it too; each time the kernel would pin it anew. So a piece of a file is mapped into an address space of
 * its own first, which no function uses and which a parked page table keeps pinned, and functions get copies. It stays
 * there for as long as somebody has it mapped, and a moment longer (pieces.h).
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
 * Return: 0; -ENOENT where the kernel has none; -EXDEV: the pool has another one; a negative errno.
 */
int vfio_pool_iommufd(struct vfio_pool *pool, int given, int *fd);

/* The functions of the pool that are open. */
void vfio_pool_add(struct vfio_pool *pool, struct vfio *v);
void vfio_pool_remove(struct vfio_pool *pool, const struct vfio *v);

/* Its number in the iommufd; 0: it is closed. */
void vfio_pool_bound(struct vfio_pool *pool, struct vfio *v, uint32_t devid);

/* Return: 0; -EBUSY: not while another function's reset takes this one along. */
int vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached);

/*
 * @v is about to be reset along with the functions of these iommufd numbers, and from now to the end of it no client
 * comes to one of them, nor does the loop.
 * Return: 0; -EBUSY: another VM has one of them, or may have.
 */
int vfio_pool_reset_begin(struct vfio_pool *pool, const struct vfio *v, const uint32_t *devids, unsigned int count);
void vfio_pool_reset_end(struct vfio_pool *pool, const struct vfio *v);

/*
 * Map a range that a file holds for @v, by way of the staged memory of its VM.
 * Return: 0 or a negative errno.
 */
int staging_map(struct vfio *v, const struct pcg_dma_range *range);

/* The kernel has unmapped whatever lies inside the range: what nothing else needs may go. */
void staging_unmap(struct vfio *v, const struct pcg_dma_range *range);

/* Once v->tidy is over: what nobody has mapped for a while is unpinned, and a file without maps is closed. */
void staging_tidy(struct vfio *v);

/* Whether two descriptors are of one opening of one file. false where the kernel cannot tell. */
bool staging_same_file(int one, int other);

/* The client of @v is gone: what only it kept is unpinned. */
void staging_leave(struct vfio *v);

#endif
