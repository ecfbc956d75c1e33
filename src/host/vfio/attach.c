/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whether a function reaches its client's memory, and what else of it must not be touched at certain times: a reset by
 * the bus takes every function of the slot along, and the kernel keeps whoever comes to one of them meanwhile.
 */
#include <errno.h>
#include <time.h>

#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/spaces.h"
#include "host/vfio/staging.h"

/* A reset that takes the function along ends within this as a rule; the client waits for no longer. */
#define ATTACH_TRIES 100u
#define ATTACH_PAUSE 10000000L

/* And so long for functions of its group that another client has just left; a client waits 5 s for its answer. */
#define CLAIM_TRIES 350u

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

/*
 * Whoever has another function of the group may have gone just now: QEMU is started again at once, and its functions
 * are made as new one after the other.
 */
static int attach_claim(struct vfio *v, struct vfio_job *job)
{
	int r = vfio_group_claim(v, &job->client, &job->rival);

	for (unsigned int i = 0; r == -EBUSY && i < (job->rival.leaving ? CLAIM_TRIES : ATTACH_TRIES); i++) {
		attach_pause(ATTACH_PAUSE);
		r = vfio_group_claim(v, &job->client, &job->rival);
	}
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

static int attach_renew(struct vfio *v)
{
	vfio_shut(v);
	spaces_leave(v);
	return vfio_reopen(v) == 0 ? vfio_hold_memory(v) : -EIO;
}

/* With the device file goes all that was attached to it. */
int vfio_clean(struct vfio *v)
{
	if (!spaces_unclean(v))
		return 0;
	spaces_leave(v);
	if (!spaces_unclean(v))
		return 0;
	if (!vfio_can_reopen(v))
		return -EUCLEAN;
	return attach_renew(v);
}

int vfio_attach_client(struct vfio *v, struct vfio_job *job)
{
	bool anew = v->hold == HOLD_NONE;
	bool other = v->hold != HOLD_CLIENT || v->client.number != job->client.number;
	int r;

	if (job->wakes)
		vfio_sleep(v, false);
	/* First: whoever is refused for it has not become its client. */
	r = other ? vfio_clean(v) : 0;
	if (r == 0)
		r = attach_claim(v, job);
	if (r != 0)
		return r;
	r = vfio_attach(v);
	/* Nothing of the client is in it. */
	if (r != 0 && anew) {
		vfio_group_left(v);
		vfio_group_anew(v);
	}
	return r;
}

/* It reaches nothing by itself. What cannot be reset has to do without: its bus mastering is off. */
void vfio_left(struct vfio *v)
{
	uint8_t command[2];

	vfio_group_left(v);
	if (v->host.info.can_reset || v->host.info.lends_function)
		return;
	if (vfio_config_read(v, PCG_COMMAND, command, sizeof(command)) == 0 &&
	    (pcg_get16(command) & PCG_COMMAND_MASTER) == 0)
		vfio_group_anew(v);
}

int vfio_detach(struct vfio *v)
{
	int r;

	if (!v->attached)
		return 0;
	spaces_block(v);
	r = v->iommu->detach(v);
	if (r != 0 && !vfio_can_reopen(v)) {
		vfio_group_unmap(v, NULL);
		return r;
	}
	vfio_pool_attached(v->pool, v, false);
	spaces_leave(v);
	/* Detached it is by that; what cannot be opened now the next job opens. */
	if (r != 0)
		attach_renew(v);
	return 0;
}

void vfio_settle(struct vfio *v, const struct vfio_debt *debt)
{
	if (debt->leaves) {
		vfio_detach(v);
		if (v->iommu->stays)
			vfio_group_unmap(v, NULL);
	}
	if (debt->mapped)
		vfio_group_unmap(v, &debt->range);
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
