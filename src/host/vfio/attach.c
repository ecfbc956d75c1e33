/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a function reaches its client's memory, and what else of it must not be touched at certain times: a reset by
 * the bus takes every function of the slot along, and the kernel keeps whoever comes to one of them meanwhile.
 */
#include <errno.h>
#include <time.h>

#include "host/vfio/internal.h"
#include "host/vfio/staging.h"

/* A reset that takes the function along ends within this as a rule; the client waits for no longer. */
#define ATTACH_TRIES 100u
#define ATTACH_PAUSE 10000000L

#define INSIDE_TRIES 10000u
#define INSIDE_PAUSE 100000L

#define SETTLE_TRIES 10000u
#define SETTLE_PAUSE 1000000L

static void attach_pause(long nanoseconds)
{
	const struct timespec pause = { .tv_nsec = nanoseconds };

	nanosleep(&pause, NULL);
}

static int attach_once(struct vfio *v)
{
	/* First, so that no reset by the bus begins that would have to ask this client. */
	int r = vfio_pool_attached(v->pool, v, true);

	if (r != 0)
		return r;
	r = v->iommu->attach(v);
	if (r != 0)
		vfio_pool_attached(v->pool, v, false);
	return r;
}

int vfio_attach(struct vfio *v)
{
	int r = v->attached ? 0 : attach_once(v);

	for (unsigned int i = 0; r == -EBUSY && i < ATTACH_TRIES; i++) {
		attach_pause(ATTACH_PAUSE);
		r = attach_once(v);
	}
	return r;
}

void vfio_detach(struct vfio *v)
{
	if (!v->attached)
		return;
	v->iommu->detach(v);
	vfio_pool_attached(v->pool, v, false);
}

void vfio_settle(struct vfio *v, const struct vfio_debt *debt)
{
	if (debt->leaves) {
		vfio_detach(v);
		if (v->iommu->stays)
			v->iommu->unmap(v, NULL);
	}
	if (debt->mapped)
		v->iommu->unmap(v, &debt->range);
}

void vfio_wait_untouched(struct vfio *v)
{
	for (unsigned int i = 0; atomic_load(&v->touched) && i < SETTLE_TRIES; i++)
		attach_pause(SETTLE_PAUSE);
}

bool vfio_enter(struct vfio *v)
{
	atomic_store(&v->inside, true);
	if (!atomic_load(&v->touched))
		return true;
	atomic_store(&v->inside, false);
	return false;
}

void vfio_exit(struct vfio *v)
{
	atomic_store(&v->inside, false);
}

void vfio_wait_outside(struct vfio *v)
{
	for (unsigned int i = 0; atomic_load(&v->inside) && i < INSIDE_TRIES; i++)
		attach_pause(INSIDE_PAUSE);
}
