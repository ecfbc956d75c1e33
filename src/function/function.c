/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

size_t pcg_function_size(void)
{
	return sizeof(struct pcg_function);
}

static void wake(void *arg)
{
	struct pcg_function *f = arg;

	if (f->events.wake != NULL)
		f->events.wake(f->events.arg);
}

static void wanted(void *arg)
{
	struct pcg_function *f = arg;

	if (f->events.wanted != NULL)
		f->events.wanted(f->events.arg);
}

static struct pcg_function *of_op(struct pcg_op *op)
{
	return (struct pcg_function *)(void *)((char *)op - offsetof(struct pcg_function, op));
}

/* The backend has finished what an operation waited for. */
static void resume(struct pcg_op *op, int result)
{
	struct pcg_function *f = of_op(op);
	struct pcg_request *request = f->request;

	f->waiting = false;
	if (f->forgiving) {
		f->forgiving = false;
		f->forgiven = result;
		result = 0;
	}
	if (result == 0)
		result = order_run(f);
	if (result == PCG_PENDING)
		return;
	f->request = NULL;
	request->result = result;
	request->done(request);
}

static int start(struct pcg_function *f, struct pcg_request *request, const step_fn *steps)
{
	int ret;

	f->request = request;
	f->moved = 0;
	ret = order_start(f, steps);
	if (ret != PCG_PENDING)
		f->request = NULL;
	return ret;
}

int pcg_function_init(void *memory, struct pcg_host *host, const struct pcg_view_options *options,
		      const struct pcg_function_events *events, const struct pcg_log *log, struct pcg_request *request,
		      struct pcg_function **function)
{
	struct pcg_function *f = memory;

	memset(f, 0, offsetof(struct pcg_function, msix_table));
	f->host = host;
	f->options = *options;
	f->events = *events;
	if (log != NULL)
		f->log = *log;
	f->op.done = resume;
	host->events.arg = f;
	host->events.irq = irqs_raise;
	host->events.wake = wake;
	host->events.wanted = wanted;
	host->events.recorded = pasid_recorded;
	host->events.page_status = pasid_page_status;
	host->events.resized = rebar_resized;
	*function = f;
	if (host->info.config_size != PCG_CONFIG_CONVENTIONAL && host->info.config_size != PCG_CONFIG_EXTENDED)
		return -EINVAL;
	return start(f, request, open_steps);
}

void pcg_function_finish(struct pcg_function *f)
{
	order_drop(f);
	memset(&f->host->events, 0, sizeof(f->host->events));
}

int pcg_function_dma(struct pcg_function *f, struct pcg_dma *dma, struct pcg_request *request)
{
	int ret;

	if (dma == NULL) {
		f->dma = NULL;
		/* What an IOMMU translates is taken away in order: bus mastering goes off before. */
		if (f->host->ops->dma != NULL && f->host->ops->dma_map == NULL)
			f->host->ops->dma(f->host, NULL, NULL);
		return PCG_DONE;
	}
	if (f->request != NULL)
		return -EBUSY;
	f->dma = dma;
	ret = start(f, request, dma_attach_steps);
	if (ret < 0)
		f->dma = NULL;
	return ret;
}

const struct pcg_view *pcg_function_view(const struct pcg_function *f)
{
	return &f->view;
}

const struct pcg_region *pcg_function_region(const struct pcg_function *f, unsigned int index)
{
	static const struct pcg_region none = { .fd = -1 };

	return f->open && index < PCG_NUM_REGIONS ? &f->regions[index] : &none;
}

int pcg_function_lend(struct pcg_function *f, unsigned int index)
{
	int fd = pcg_function_region(f, index)->fd;

	if (fd >= 0)
		f->lent = true;
	return fd;
}

int pcg_function_memory(struct pcg_function *f, unsigned int index, enum pcg_memory memory, const char **why)
{
	const struct pcg_region *region = pcg_function_region(f, index);

	*why = "";
	if (region->size == 0)
		return -EINVAL;
	if (!(region->flags & PCG_REGION_MMAP)) {
		*why = f->host->info.regions[index].flags & PCG_REGION_MMAP
			       ? "all of the region shares pages with the MSI-X table"
			       : "the region is not mapped: it is reached by messages";
		return -EOPNOTSUPP;
	}
	if (f->host->ops->memory_possible != NULL)
		return f->host->ops->memory_possible(f->host, index, memory, why);
	if (memory == PCG_MEMORY_UNCACHED)
		return 0;
	*why = "the backend has one kind of mapping";
	return -EOPNOTSUPP;
}

static int submit_memory(struct pcg_function *f, struct pcg_request *request)
{
	const char *why;
	int ret = pcg_function_memory(f, request->region, request->memory, &why);

	if (ret < 0 || f->regions[request->region].memory == request->memory)
		return ret;
	return memory_in_use(f) ? -EBUSY : start(f, request, memory_kind_steps);
}

static int submit_access(struct pcg_function *f, struct pcg_request *request)
{
	int ret;

	if (request->region >= PCG_NUM_REGIONS)
		return -EINVAL;
	ret = memory_check(f, request);
	if (ret < 0 || request->length == 0)
		return ret;
	return start(f, request, memory_steps);
}

static int submit_dma(struct pcg_function *f, struct pcg_request *request)
{
	if (f->host->ops->dma_map == NULL)
		return PCG_DONE;
	return start(f, request, request->kind == PCG_REQUEST_DMA_MAP ? dma_map_steps : dma_unmap_steps);
}

static int submit_space(struct pcg_function *f, struct pcg_request *request)
{
	int ret = pasid_space_check(f, request->space);

	return ret < 0 ? ret : start(f, request, pasid_space_steps);
}

/* Kept apart: the short way must not pay for what this one needs. */
static __attribute__((noinline)) int submit_other(struct pcg_function *f, struct pcg_request *request)
{
	if (f->request != NULL)
		return -EBUSY;
	if (request->kind == PCG_REQUEST_CLOSE || request->kind == PCG_REQUEST_LEAVE)
		return f->open ? start(f, request, request->kind == PCG_REQUEST_CLOSE ? close_steps : leave_steps)
			       : -EIO;
	/* What a client takes back it may take back from a function that does not answer, too. */
	if (!f->open || (f->quarantined && request->kind != PCG_REQUEST_DMA_UNMAP))
		return -EIO;
	if (request->kind == PCG_REQUEST_RESET)
		return start(f, request, f->view.chunked ? linux_reset_steps : reset_steps);
	if (request->kind == PCG_REQUEST_MEMORY)
		return submit_memory(f, request);
	if (request->kind == PCG_REQUEST_DMA_MAP || request->kind == PCG_REQUEST_DMA_UNMAP)
		return submit_dma(f, request);
	if (request->kind == PCG_REQUEST_SPACE)
		return submit_space(f, request);
	if (request->kind > PCG_REQUEST_WRITE)
		return -EINVAL;
	if (request->region != PCG_REGION_CONFIG)
		return submit_access(f, request);
	if (request->length == 0 && request->offset <= f->host->info.config_size)
		return PCG_DONE;
	return f->view.chunked ? -EFAULT : -EINVAL;
}

/*
 * Configuration accesses first, there are so many of them. They are judged on the whole, before they are split: one
 * that runs off the end changes nothing.
 */
int pcg_function_submit(struct pcg_function *f, struct pcg_request *request)
{
	uint64_t left = f->reach - request->offset;

	if (request->region != PCG_REGION_CONFIG || f->request != NULL || request->offset >= f->reach ||
	    request->length - 1 >= left || request->kind > PCG_REQUEST_WRITE)
		return submit_other(f, request);
	return request->kind == PCG_REQUEST_READ ? fast_read(f, request) : fast_write(f, request);
}

void pcg_function_quarantine(struct pcg_function *f)
{
	order_drop(f);
	irqs_reset(f);
	/* It may not answer, but it must not go on reaching memory that its client takes for free. */
	if (f->host->ops->dma_map != NULL && f->host->ops->dma != NULL)
		f->host->ops->dma(f->host, NULL, NULL);
	f->quarantined = true;
	f->reach = 0;
}

bool pcg_function_quarantined(const struct pcg_function *f)
{
	return f->quarantined;
}
