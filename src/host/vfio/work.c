/* SPDX-License-Identifier: BSD-3-Clause */
/* What the worker does for each kind of job. */
#include <errno.h>
#include <string.h>

#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/spaces.h"
#include "host/vfio/staging.h"

static bool work_opens(enum vfio_work work)
{
	return work != WORK_UNMAP && work != WORK_DETACH && work != WORK_SETTLE && work != WORK_SLEEP &&
	       work != WORK_WAKE && work != WORK_TIDY;
}

/* In the worker, as what follows. */
static int work_control(struct vfio *v, const struct vfio_job *job)
{
	struct pcg_pasid_control control;

	memcpy(&control, job->buffer, sizeof(control));
	return spaces_control(v, &control);
}

static int work_space(struct vfio *v, const struct vfio_job *job)
{
	struct pcg_space space;
	int r;

	memcpy(&space, job->buffer, sizeof(space));
	r = spaces_do(v, &space);
	memcpy(job->buffer, &space, sizeof(space));
	return r;
}

/* What a client may have mapped of it can do anything to it, for as long as he lives (op_release()). */
static int work_reset(struct vfio *v)
{
	int r = vfio_reset(v);

	if (r == 0 && !v->host.info.lends_function)
		vfio_group_anew(v);
	return r;
}

/* What a note is to say is asked here: a container that pins memory for another function keeps whoever comes. */
static int work_map(struct vfio *v, struct vfio_job *job)
{
	int r = vfio_group_map(v, &job->range, &job->rival);

	if (r != 0)
		job->nranges = v->iommu->ranges(v, job->ranges, VFIO_RANGES);
	return r;
}

static int work_unmap(struct vfio *v, const struct vfio_job *job)
{
	int r = vfio_group_unmap(v, job->everything ? NULL : &job->range);

	/* What cannot be cleaned now is tried again, and refused, when the next client comes. */
	if (job->everything && !v->attached)
		vfio_clean(v);
	if (r == 0 && job->last && !v->attached)
		vfio_left(v);
	return r;
}

int vfio_work(void *arg)
{
	struct vfio *v = arg;
	struct vfio_job *job = &v->job;

	vfio_settle(v, &job->debt);
	/* What could not be opened again when it was mapped otherwise; memory is unmapped without it. */
	if (v->device < 0 && work_opens(job->work) && vfio_reopen(v) != 0)
		return -EIO;
	switch (job->work) {
	case WORK_READ:
		if (job->region == PCG_REGION_CONFIG)
			return vfio_config_read(v, (unsigned int)job->offset, job->buffer, job->length);
		return vfio_region_access(v, job->region, job->offset, job->buffer, job->length, false);
	case WORK_WRITE:
		if (job->region == PCG_REGION_CONFIG)
			return vfio_config_write_be(v, (unsigned int)job->offset, job->be, job->buffer);
		return vfio_region_access(v, job->region, job->offset, job->buffer, job->length, true);
	case WORK_RESET:
		return work_reset(v);
	case WORK_ATTACH:
		return vfio_attach_client(v, job);
	case WORK_DETACH:
		return vfio_detach(v);
	case WORK_SETTLE:
		vfio_wait_untouched(v);
		return 0;
	case WORK_POWER:
		return vfio_power(v, job->power);
	case WORK_VPD:
		return vfio_vpd(v, job->write, (uint16_t)job->offset, job->buffer);
	case WORK_MAP:
		return work_map(v, job);
	case WORK_UNMAP:
		return work_unmap(v, job);
	case WORK_MEMORY:
		return vfio_memory(v, job->region, job->memory);
	case WORK_FORGET:
		return vfio_memory_forget(v);
	case WORK_TIDY:
		staging_tidy(v);
		return 0;
	case WORK_PASID:
		return work_control(v, job);
	case WORK_SPACE:
		return work_space(v, job);
	case WORK_SLEEP:
	case WORK_WAKE:
		return vfio_sleep(v, job->work == WORK_SLEEP);
	}
	return -EINVAL;
}
