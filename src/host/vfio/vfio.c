/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/privilege.h"
#include "host/vfio/group.h"
#include "host/vfio/internal.h"
#include "host/vfio/notes.h"
#include "host/vfio/spaces.h"
#include "host/vfio/staging.h"
#include "host/vfio/vfio.h"

/* Longer accesses of a BAR are the worker's: so many loads take longer than other guests should wait. */
#define INLINE_ACCESS 256u

#define SLEEP_AFTER_MS 1000

/* --- jobs --- */

static void job_forget(struct vfio_job *job)
{
	if (job->buffer != job->small)
		free(job->buffer);
	job->buffer = job->small;
	if (job->range.fd >= 0)
		close(job->range.fd);
	job->range.fd = -1;
}

/*
 * While a job that was given up is still with the kernel, the new one waits: what has to follow the end of a client
 * must not depend on what the client left unfinished.
 * Return: 0; -ENOMEM.
 */
static int job_init(struct vfio *v, struct vfio_job **result, enum vfio_work work, size_t length)
{
	struct vfio_job *job = vfio_worker_busy(v->worker) ? &v->queued : &v->job;

	if (v->waits)
		return -EBUSY;
	v->used = vfio_now();
	v->leaving = false;
	*result = job;
	*job = (struct vfio_job){ .work = work, .length = length, .range.fd = -1 };
	job->buffer = length <= sizeof(job->small) ? job->small : malloc(length);
	return job->buffer != NULL ? 0 : -ENOMEM;
}

static void job_begin(struct vfio *v)
{
	/* Before its client asks anything of it that the loop does by itself: the kernel would wake it first. */
	v->job.wakes = v->job.work == WORK_ATTACH && v->asleep;
	v->job.debt = v->debt;
	v->debt = (struct vfio_debt){ 0 };
	vfio_worker_start(v->worker);
}

static int job_start(struct vfio *v, const struct vfio_job *job, struct pcg_op *op, uint32_t *value, void *data)
{
	v->op = op;
	v->value = value;
	v->data = data;
	v->waits = job == &v->queued;
	if (!v->waits)
		job_begin(v);
	return PCG_PENDING;
}

/* The one given up has ended: nobody wants to know how. */
static void job_next(struct vfio *v)
{
	job_forget(&v->job);
	v->job = v->queued;
	if (v->queued.buffer == v->queued.small)
		v->job.buffer = v->job.small;
	v->queued.buffer = v->queued.small;
	v->queued.range.fd = -1;
	v->waits = false;
	job_begin(v);
}

/* Nobody waits for a map that was given up: its client may have taken that memory back since. */
static void job_late(struct vfio *v, int result)
{
	if (v->job.work != WORK_MAP || result != 0 || (v->op != NULL && !v->waits))
		return;
	v->debt.mapped = true;
	v->debt.range = v->job.range;
	v->debt.range.fd = -1;
}

/* What is owed is paid by a job of its own where nobody has asked for another one. */
static void job_settle(struct vfio *v)
{
	struct vfio_job *job;

	if (!(v->debt.leaves || v->debt.mapped || v->irqs.late) || vfio_worker_busy(v->worker))
		return;
	if (job_init(v, &job, WORK_SETTLE, 0) == 0)
		job_start(v, job, NULL, NULL, NULL);
}

static void job_ended(struct vfio *v, int result)
{
	struct pcg_op *op = v->op;

	v->op = NULL;
	if (result == 0 && op != NULL && v->value != NULL)
		*v->value = pcg_get32(v->job.buffer);
	if (result == 0 && op != NULL && v->data != NULL)
		memcpy(v->data, v->job.buffer, v->job.length);
	if (result < 0)
		vfio_note_job(v, result);
	spaces_note_kept(v);
	job_forget(&v->job);
	if (op != NULL)
		op->done(op, result);
}

/* --- operations --- */

static int op_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_READ, sizeof(*value));

	(void)be;
	if (r != 0)
		return r;
	job->region = PCG_REGION_CONFIG;
	job->offset = dword * 4u;
	return job_start(v, job, op, value, NULL);
}

static int op_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_WRITE, sizeof(value));

	if (r != 0)
		return r;
	if (dword == PCG_COMMAND / 4 && (be & 1) != 0)
		vfio_note_master(v, (uint16_t)value);
	pcg_put32(job->buffer, value);
	job->region = PCG_REGION_CONFIG;
	job->offset = dword * 4u;
	job->be = be;
	return job_start(v, job, op, NULL, NULL);
}

/* Whether the loop makes it by itself. The kernel keeps who comes to a BAR while the function is being reset. */
static bool access_begins(struct vfio *v, size_t length)
{
	return length <= INLINE_ACCESS && !v->asleep && !vfio_worker_busy(v->worker) && vfio_enter(v);
}

static int op_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			  struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	if (region != PCG_REGION_ROM && access_begins(v, length)) {
		r = vfio_region_access(v, region, offset, data, length, false);
		vfio_exit(v);
		return r;
	}
	r = job_init(v, &job, WORK_READ, length);
	if (r != 0)
		return r;
	job->region = region;
	job->offset = offset;
	return job_start(v, job, op, NULL, data);
}

static int op_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			   struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	if (access_begins(v, length)) {
		r = vfio_region_access(v, region, offset, (void *)(uintptr_t)data, length, true);
		vfio_exit(v);
		return r;
	}
	r = job_init(v, &job, WORK_WRITE, length);
	if (r != 0)
		return r;
	memcpy(job->buffer, data, length);
	job->region = region;
	job->offset = offset;
	return job_start(v, job, op, NULL, NULL);
}

static int op_reset(struct pcg_host *host, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_RESET, 0);

	return r == 0 ? job_start(v, job, op, NULL, NULL) : r;
}

static int op_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_POWER, 0);

	if (r != 0)
		return r;
	job->power = state;
	return job_start(v, job, op, NULL, NULL);
}

static int op_vpd(struct pcg_host *host, bool write, uint16_t address, uint32_t *value, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	if (v->vpd == 0)
		return -EOPNOTSUPP;
	r = job_init(v, &job, WORK_VPD, sizeof(*value));
	if (r != 0)
		return r;
	if (write)
		pcg_put32(job->buffer, *value);
	job->write = write;
	job->offset = address;
	return job_start(v, job, op, write ? NULL : value, NULL);
}

static int op_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	v->wanted = dma != NULL;
	if (op == NULL) {
		v->debt.leaves = true;
		job_settle(v);
		return PCG_DONE;
	}
	r = job_init(v, &job, dma != NULL ? WORK_ATTACH : WORK_DETACH, 0);
	if (r != 0)
		return r;
	v->leaving = dma == NULL;
	if (dma != NULL)
		job->client = pcg_dma_client(dma);
	return job_start(v, job, op, NULL, NULL);
}

static int op_dma_map(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	/* ROMs and windows to other functions: there is nothing that an IOMMU could be told of them. */
	if (range->fd < 0) {
		vfio_note_without_file(v, range);
		return PCG_DONE;
	}
	v->with_file += range->size;
	r = job_init(v, &job, WORK_MAP, 0);
	if (r != 0)
		return r;
	job->range = *range;
	/* The caller's may be closed, and its number be another's, before the thread comes to it. */
	job->range.fd = fcntl(range->fd, F_DUPFD_CLOEXEC, 3);
	if (job->range.fd < 0)
		return -errno;
	return job_start(v, job, op, NULL, NULL);
}

/*
 * Everything is unmapped by a client that stays, too, and a reset detaches, too: the one right after the other is the
 * end of a client (PCG_REQUEST_CLOSE), and nothing that one that stays could bring about. Whoever else waits for its
 * IOMMU group must not be let in for less.
 */
static int op_dma_unmap(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	bool leaving = v->leaving;
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_UNMAP, 0);

	if (r != 0)
		return r;
	job->everything = range == NULL;
	job->last = leaving && range == NULL;
	if (range != NULL)
		job->range = *range;
	else
		vfio_note_forget(v);
	job->range.fd = -1;
	return job_start(v, job, op, NULL, NULL);
}

static int op_memory(struct pcg_host *host, unsigned int region, enum pcg_memory memory, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r = job_init(v, &job, WORK_MEMORY, 0);

	if (r != 0)
		return r;
	job->region = region;
	job->memory = memory;
	return job_start(v, job, op, NULL, NULL);
}

/* What nothing is attached by is blocked already; a register that says otherwise is configuration alone. */
static int op_pasid(struct pcg_host *host, const struct pcg_pasid_control *control, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	/* There are no page requests: none is outstanding. */
	if (!control->page_requests && host->events.page_status != NULL)
		host->events.page_status(host->events.arg, PCG_PRI_STOPPED);
	if (v->spaces == NULL)
		return PCG_DONE;
	r = job_init(v, &job, WORK_PASID, sizeof(*control));
	if (r != 0)
		return r;
	memcpy(job->buffer, control, sizeof(*control));
	return job_start(v, job, op, NULL, NULL);
}

static int op_space(struct pcg_host *host, struct pcg_space *space, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	if (v->spaces == NULL)
		return -EOPNOTSUPP;
	r = job_init(v, &job, WORK_SPACE, sizeof(*space));
	if (r != 0)
		return r;
	memcpy(job->buffer, space, sizeof(*space));
	return job_start(v, job, op, NULL, space);
}

static int op_release(struct pcg_host *host, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);
	struct vfio_job *job;
	int r;

	vfio_group_anew(v);
	if (!vfio_memory_chosen(v))
		return PCG_DONE;
	r = job_init(v, &job, WORK_FORGET, 0);
	return r == 0 ? job_start(v, job, op, NULL, NULL) : r;
}

static void op_cancel(struct pcg_host *host, struct pcg_op *op)
{
	struct vfio *v = vfio_of(host);

	if (v->op != op)
		return;
	v->op = NULL;
	if (v->waits)
		job_forget(&v->queued);
	v->waits = false;
}

static int op_fd(struct pcg_host *host)
{
	return vfio_of(host)->poll;
}

/* Nobody waits for this. Return: milliseconds until there is something to do, -1: never. */
static int sleep_or_wake(struct vfio *v)
{
	int64_t left = v->used + SLEEP_AFTER_MS - vfio_now();
	struct vfio_job *job;
	bool sleep = !v->wanted;

	/* What a client has mapped it may still use after it hung up: that does not work in low power. */
	if (v->asleep == sleep || (sleep && (!v->settings.sleeps || v->host.info.lends_function)) ||
	    vfio_worker_busy(v->worker))
		return -1;
	if (sleep && left > 0)
		return (int)left;
	if (job_init(v, &job, sleep ? WORK_SLEEP : WORK_WAKE, 0) == 0)
		job_start(v, job, NULL, NULL, NULL);
	return -1;
}

/* The same for memory that no client needs any more. */
static int tidy(struct vfio *v)
{
	struct vfio_job *job;
	int64_t left;

	if (vfio_worker_busy(v->worker) || v->common->tidy == 0)
		return -1;
	left = v->common->tidy - vfio_now();
	if (left > 0)
		return (int)left;
	if (job_init(v, &job, WORK_TIDY, 0) == 0)
		job_start(v, job, NULL, NULL, NULL);
	return -1;
}

static int sooner(int one, int other)
{
	return one < 0 || (other >= 0 && other < one) ? other : one;
}

static int op_work(struct pcg_host *host)
{
	struct vfio *v = vfio_of(host);
	int result;

	vfio_irqs_look(v);
	if (vfio_worker_ended(v->worker, &result)) {
		if (v->job.work == WORK_SLEEP)
			v->asleep = result == 0;
		if (v->job.work == WORK_WAKE || v->job.wakes)
			v->asleep = false;
		/* A kernel that cannot is not asked again. */
		if (v->job.work == WORK_SLEEP && result != 0)
			v->settings.sleeps = false;
		vfio_irqs_late(v);
		job_late(v, result);
		if (v->waits)
			job_next(v);
		else
			job_ended(v, result);
	}
	job_settle(v);
	result = sleep_or_wake(v);
	return sooner(result, tidy(v));
}

/* --- beginning and end --- */

/* When nothing runs any more, in whatever thread that is. */
static void vfio_last(void *arg)
{
	struct vfio *v = arg;

	job_forget(&v->job);
	job_forget(&v->queued);
	vfio_irqs_finish(v);
	vfio_map_finish(v);
	vfio_close(v);
	if (v->poll >= 0)
		close(v->poll);
	vfio_pool_destroy(v->pool);
	free(v->shown);
	free(v);
}

static void op_destroy(struct pcg_host *host)
{
	struct vfio *v = vfio_of(host);

	vfio_pool_remove(v->pool, v);
	vfio_worker_destroy(v->worker);
}

static const struct pcg_host_ops ops = {
	.name = "vfio",
	.help = VFIO_FORM "  a function of this machine, held through Linux VFIO",
	.destroy = op_destroy,
	.config_read = op_config_read,
	.config_write = op_config_write,
	.region_read = op_region_read,
	.region_write = op_region_write,
	.reset = op_reset,
	.power = op_power,
	.vpd = op_vpd,
	.release = op_release,
	.memory_possible = vfio_memory_possible,
	.memory = op_memory,
	.dma = op_dma,
	.dma_map = op_dma_map,
	.dma_unmap = op_dma_unmap,
	.irq_route = vfio_irq_route,
	.irq_mask = vfio_irq_mask,
	.irq_resample = vfio_irq_resample,
	.pasid = op_pasid,
	.space = op_space,
	.cancel = op_cancel,
	.fd = op_fd,
	.work = op_work,
};

static int vfio_watch(const struct vfio *v, int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	return fd < 0 || epoll_ctl(v->poll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

/* In the worker, which works on descriptors that are open: nobody else can take its capabilities. */
static void vfio_humble(void *arg)
{
	const struct vfio *v = arg;

	if (v->humble)
		base_drop_privileges();
}

static int vfio_begin(struct vfio *v)
{
	static const struct vfio_worker_calls calls = { .begin = vfio_humble, .run = vfio_work, .last = vfio_last };
	int r = vfio_open(v);

	if (r != 0)
		return r;
	v->host.info.memory_files = true;
	r = vfio_describe(v);
	if (r == 0)
		r = vfio_show(v);
	if (r == 0)
		r = vfio_pasid(v);
	if (r == 0)
		r = vfio_map(v);
	if (r == 0)
		r = vfio_irqs_init(v);
	v->poll = epoll_create1(EPOLL_CLOEXEC);
	if (r == 0 && v->poll < 0)
		r = -errno;
	if (r == 0)
		r = vfio_watch(v, v->irqs.error);
	if (r == 0)
		r = vfio_watch(v, v->irqs.request);
	if (r == 0)
		r = vfio_worker_create(&v->worker, &calls, v);
	if (r == 0)
		r = vfio_watch(v, vfio_worker_fd(v->worker));
	if (r != 0)
		base_log(&v->host.log, PCG_ERROR, "vfio: %s cannot be used: %s", v->place.bdf, strerror(-r));
	return r;
}

int vfio_create(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log)
{
	struct vfio *v = calloc(1, sizeof(*v));
	int r = 0;

	*host = NULL;
	if (v == NULL)
		return -ENOMEM;
	v->host.ops = &ops;
	if (log != NULL)
		v->host.log = *log;
	v->device = v->group = v->container = v->poll = -1;
	v->irqs.error = v->irqs.request = -1;
	memset(v->resources, -1, sizeof(v->resources));
	v->job.buffer = v->job.small;
	v->queued.buffer = v->queued.small;
	v->job.range.fd = v->queued.range.fd = -1;
	r = vfio_settings_init(&v->settings, text, &v->host.log);
	if (r == 0 && (pool == NULL || pool->vfio == NULL))
		r = vfio_pool_create(&v->pool);
	else if (r == 0)
		v->pool = vfio_pool_join(pool->vfio);
	if (r == 0 && pool != NULL && pool->vfio == NULL)
		pool->vfio = vfio_pool_join(v->pool);
	v->trusted = pool != NULL && pool->trusted;
	v->humble = pool != NULL && pool->humble;
	if (r == 0)
		r = vfio_begin(v);
	if (r != 0) {
		if (v->worker != NULL)
			vfio_worker_destroy(v->worker);
		else
			vfio_last(v);
		return r;
	}
	vfio_pool_add(v->pool, v);
	*host = &v->host;
	return 0;
}
