/* SPDX-License-Identifier: BSD-3-Clause */
/* What the functions of one program share: an iommufd, the memory of VMs, and who may be reset along with whom. */
#ifndef HOST_VFIO_POOL_H
#define HOST_VFIO_POOL_H

#include <pthread.h>

#include "host/vfio/internal.h"

struct staging;

struct vfio_pool {
	pthread_mutex_t lock;
	unsigned int users;
	int iommufd;
	struct staging *list;
	struct vfio *functions;
	struct vfio_group *groups;
};

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

/* Its number in the iommufd, or where it has none, by its place (vfio_devid()); 0: it is closed. */
void vfio_pool_bound(struct vfio_pool *pool, struct vfio *v, uint32_t devid);

/* Return: 0; -EBUSY: not while another function's reset takes this one along. */
int vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached);

/*
 * @v is about to be reset along with the functions of these numbers, and from now to the end of it no client
 * comes to one of them, nor does the loop.
 * Return: 0; -EBUSY: another client has one of them, or may have.
 */
int vfio_pool_reset_begin(struct vfio_pool *pool, const struct vfio *v, const uint32_t *devids, unsigned int count);
void vfio_pool_reset_end(struct vfio_pool *pool, const struct vfio *v);

#endif
