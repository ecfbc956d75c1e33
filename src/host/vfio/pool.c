/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "host/vfio/group.h"
#include "host/vfio/pool.h"
#include "host/vfio/staging.h"

int vfio_pool_create(struct vfio_pool **result)
{
	struct vfio_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return -ENOMEM;
	pool->iommufd = -1;
	pool->users = 1;
	pthread_mutex_init(&pool->lock, NULL);
	*result = pool;
	return 0;
}

struct vfio_pool *vfio_pool_join(struct vfio_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->users++;
	pthread_mutex_unlock(&pool->lock);
	return pool;
}

void vfio_pool_destroy(struct vfio_pool *pool)
{
	bool last;

	if (pool == NULL)
		return;
	pthread_mutex_lock(&pool->lock);
	last = --pool->users == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!last)
		return;
	if (pool->iommufd >= 0)
		close(pool->iommufd);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

int vfio_pool_iommufd(struct vfio_pool *pool, int given, int *fd)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	if (pool->iommufd < 0)
		pool->iommufd = given >= 0 ? fcntl(given, F_DUPFD_CLOEXEC, 3) : open("/dev/iommu", O_RDWR | O_CLOEXEC);
	else if (given >= 0 && !staging_same_file(pool->iommufd, given))
		r = -EXDEV;
	if (pool->iommufd < 0)
		r = -errno;
	*fd = pool->iommufd;
	pthread_mutex_unlock(&pool->lock);
	return r == -ENODEV ? -ENOENT : r;
}

void vfio_pool_add(struct vfio_pool *pool, struct vfio *v)
{
	pthread_mutex_lock(&pool->lock);
	v->next = pool->functions;
	pool->functions = v;
	pthread_mutex_unlock(&pool->lock);
}

void vfio_pool_remove(struct vfio_pool *pool, const struct vfio *v)
{
	struct vfio **p;

	pthread_mutex_lock(&pool->lock);
	for (p = &pool->functions; *p != NULL && *p != v;)
		p = &(*p)->next;
	if (*p != NULL)
		*p = v->next;
	pthread_mutex_unlock(&pool->lock);
}

int vfio_pool_attached(struct vfio_pool *pool, struct vfio *v, bool attached)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	if (attached && v->resetter != NULL)
		r = -EBUSY;
	else
		v->attached = attached;
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void vfio_pool_bound(struct vfio_pool *pool, struct vfio *v, uint32_t devid)
{
	pthread_mutex_lock(&pool->lock);
	v->devid = devid;
	pthread_mutex_unlock(&pool->lock);
}

static bool pool_same_vm(const struct vfio *a, const struct vfio *b)
{
	for (unsigned int i = 0; i < a->common->nstaging; i++) {
		for (unsigned int j = 0; j < b->common->nstaging; j++) {
			if (a->common->staging[i] == b->common->staging[j])
				return true;
		}
	}
	return false;
}

/*
 * The client of @v resets it, and has the other one, too. One that has gone resets nothing of those that stay. Memory
 * in common tells only where nobody knows the processes: several VMs may have been given one file (ivshmem).
 */
static bool pool_same_client(const struct vfio *v, const struct vfio *other)
{
	if (v->hold != HOLD_CLIENT || other->hold != HOLD_CLIENT)
		return false;
	if (v->client.number != 0 && other->client.number != 0)
		return v->client.number == other->client.number;
	return pool_same_vm(v, other);
}

/*
 * Nobody uses it, or the client of @v does. A number that is not known here is a function that was opened just now, or
 * another program's with the same iommufd: nobody knows who has it. Of a group that is open here nobody else has any.
 */
static bool pool_yields(const struct vfio *v, const struct vfio *other)
{
	if (other == v)
		return true;
	if (other == NULL)
		return v->group >= 0;
	return other->resetter == NULL && (!other->attached || pool_same_client(v, other));
}

static struct vfio *pool_find(struct vfio_pool *pool, const struct vfio *resets, uint32_t devid)
{
	struct vfio *v = pool->functions;

	while (v != NULL && ((v->group >= 0) != (resets->group >= 0) || v->devid != devid))
		v = v->next;
	return v;
}

int vfio_pool_reset_begin(struct vfio_pool *pool, const struct vfio *v, const uint32_t *devids, unsigned int count)
{
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	/* 0: open nowhere. */
	for (unsigned int i = 0; r == 0 && i < count; i++) {
		if (devids[i] != 0 && !pool_yields(v, pool_find(pool, v, devids[i])))
			r = -EBUSY;
	}
	for (unsigned int i = 0; r == 0 && i < count; i++) {
		struct vfio *other = devids[i] != 0 ? pool_find(pool, v, devids[i]) : NULL;

		if (other == NULL || other == v)
			continue;
		other->resetter = v;
		atomic_store(&other->touched, true);
		/* Under the lock, so that it is not destroyed meanwhile; who is inside does not want the lock. */
		vfio_wait_outside(other);
	}
	pthread_mutex_unlock(&pool->lock);
	return r;
}

void vfio_pool_reset_end(struct vfio_pool *pool, const struct vfio *v)
{
	pthread_mutex_lock(&pool->lock);
	for (struct vfio *other = pool->functions; other != NULL; other = other->next) {
		if (other->resetter != v)
			continue;
		other->resetter = NULL;
		atomic_store(&other->touched, false);
	}
	pthread_mutex_unlock(&pool->lock);
}
