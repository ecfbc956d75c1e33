/* SPDX-License-Identifier: BSD-3-Clause */
/* One function of a fabric, served by itself: a PF, a VF, or an endpoint without VFs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/control.h"
#include "host/sim/leaf.h"

#define SRIOV_VF_DEVICE 0x1au /* PCIe 6.0, 9.3.3.11 */

/* --- what it is told --- */

static void leaf_irq(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	const struct pcg_host_events *events = &((struct leaf *)arg)->host.events;

	if (events->irq != NULL)
		events->irq(events->arg, index, vector, level);
}

static void leaf_wake(void *arg)
{
	const struct pcg_host_events *events = &((struct leaf *)arg)->host.events;

	if (events->wake != NULL)
		events->wake(events->arg);
}

static void leaf_lost(struct leaf *leaf, uint32_t lost)
{
	if (leaf->host.info.lost == lost)
		return;
	leaf->host.info.lost = lost;
	leaf_recorded(leaf);
}

/* The client has it still, and lets it go or resets it. */
static void leaf_withdraw(struct leaf *leaf)
{
	if (leaf->withdrawn)
		return;
	leaf->withdrawn = true;
	iommu_block(leaf->requester, true);
	base_log(&leaf->host.log, PCG_WARN,
		 "sim: the function at %02x:%02x.%x is gone: it was pulled, or its PF was reset or has disabled it",
		 leaf->bdf >> 8, leaf->bdf >> 3 & 0x1f, leaf->bdf & 7);
	leaf_irq(leaf, PCG_IRQ_REQ, 0, true);
	leaf_lost(leaf, leaf->host.info.lost | PCG_FEATURE_LOST_FUNCTION);
}

/* Who has its PF can bring a VF back elsewhere: where it stood may be another's, registers and memory alike. */
static bool leaf_stands(const struct leaf *leaf)
{
	const struct fabric_function *f = leaf_function(leaf);

	return f != NULL && (f->physical == NULL || fabric_bdf(f) == leaf->bdf);
}

/* A reset of its own is no withdrawal, and one that came back is a function that knows nothing any more. */
static void leaf_alive(void *arg)
{
	struct leaf *leaf = arg;
	struct fabric_function *f = leaf_function(leaf);

	if ((!fabric_alive(f) && f->flr_end == 0) || !leaf_stands(leaf))
		leaf_withdraw(leaf);
	/* A reset that was under way is over with it, and who asked for it waits. */
	leaf_wake(leaf);
}

static void leaf_gone(void *arg)
{
	struct leaf *leaf = arg;

	sim_transfers_drop(&leaf->shared->transfers, leaf_function(leaf));
	leaf->endpoint = NULL;
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		leaf->host.info.regions[i].fd = -1;
	leaf_withdraw(leaf);
	/* It never comes back. */
	if (leaf->host.events.wanted != NULL)
		leaf->host.events.wanted(leaf->host.events.arg);
}

static void leaf_region(struct leaf *leaf, unsigned int bar)
{
	struct pcg_region *region = &leaf->host.info.regions[bar];
	struct endpoint *endpoint = leaf->endpoint;
	bool share = endpoint_bars_shared(endpoint, bar);

	leaf->host.info.bars[bar] = endpoint->function.bars[bar];
	*region = (struct pcg_region){ .size = endpoint->function.bars[bar].size, .fd = -1 };
	if (region->size == 0)
		return;
	region->flags = PCG_REGION_READ | PCG_REGION_WRITE;
	/* What cannot be mapped is asked for, access by access. */
	if (!share || endpoint_bars_need(endpoint, bar) != 0)
		return;
	region->flags |= PCG_REGION_MMAP;
	region->fd = endpoint->fds[bar];
}

static void leaf_resized(void *arg, unsigned int bar)
{
	struct leaf *leaf = arg;

	leaf_region(leaf, bar);
	if (leaf->host.events.resized != NULL)
		leaf->host.events.resized(leaf->host.events.arg, bar);
}

static void leaf_listen(struct leaf *leaf)
{
	const struct endpoint_sink sink = {
		.arg = leaf,
		.irq = leaf_irq,
		.wake = leaf_wake,
		.alive = leaf_alive,
		.page_status = leaf_page_status,
		.resized = leaf_resized,
		.gone = leaf_gone,
	};

	endpoint_listen(leaf->endpoint, &sink);
}

/* --- operations --- */

/* Whatever a root complex gets no answer to reads all ones (PCIe 6.0, 2.3.2). */
static int leaf_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	(void)op;
	if (!leaf_stands(leaf) || fabric_config_read(leaf->shared->fabric, leaf->bdf, dword, be, value) != TLP_SUCCESS)
		*value = UINT32_MAX;
	return PCG_DONE;
}

static int leaf_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	(void)op;
	if (leaf_stands(leaf))
		fabric_config_write(leaf->shared->fabric, leaf->bdf, dword, be, value);
	/* It may have begun a reset, which ends by itself. */
	leaf_wake(leaf);
	return PCG_DONE;
}

static int leaf_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			    struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	(void)op;
	if (!leaf_stands(leaf) ||
	    fabric_function_read(leaf_function(leaf), region, offset, data, length) != TLP_SUCCESS)
		memset(data, 0xff, length);
	return PCG_DONE;
}

static int leaf_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
			     size_t length, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	(void)op;
	if (leaf_stands(leaf))
		fabric_function_write(leaf_function(leaf), region, offset, data, length);
	return PCG_DONE;
}

/* What the reset of a function that was withdrawn finds may be another function than before. */
static int leaf_reset_over(struct leaf *leaf)
{
	struct fabric_function *f = leaf_function(leaf);

	sim_fabric_reset_over(leaf->shared, f);
	if (!fabric_alive(f) || !leaf_stands(leaf))
		return -ENODEV;
	leaf->withdrawn = false;
	iommu_block(leaf->requester, false);
	leaf_lost(leaf, leaf->host.info.lost & ~(uint32_t)PCG_FEATURE_LOST_FUNCTION);
	return 0;
}

/* What went away while nobody had it, and is back, is no client's loss: the one that comes finds it as new. */
static int leaf_attach(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	struct fabric_function *f = leaf_function(leaf);

	if (dma != NULL && iommu_dma(leaf->requester) == NULL && leaf->withdrawn && f != NULL && fabric_alive(f))
		leaf_reset_over(leaf);
	return leaf_dma(host, dma, op);
}

static int leaf_reset(struct pcg_host *host, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	struct fabric_function *f = leaf_function(leaf);

	if (!leaf_stands(leaf) || (!fabric_alive(f) && f->flr_end == 0)) {
		base_log(&host->log, PCG_WARN, "sim: a function that is gone cannot be reset");
		return -ENODEV;
	}
	fabric_flr(f, FABRIC_RESET_FLR);
	fabric_work(leaf->shared->fabric);
	if (f->flr_end == 0)
		return leaf_reset_over(leaf);
	leaf->resetting = op;
	leaf_wake(leaf);
	return PCG_PENDING;
}

/* No_Soft_Reset is set: nothing is lost on the way back. A transfer under way fails at its next request. */
static int leaf_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	struct fabric_function *f = leaf_function(leaf);

	(void)op;
	if (!leaf_stands(leaf) || f->model.pm == 0)
		return -ENODEV;
	fabric_config_write(leaf->shared->fabric, leaf->bdf, (uint16_t)((f->model.pm + PCG_PM_CSR) / 4), 1, state);
	if (model_power(&f->model) == state)
		return PCG_DONE;
	if (state == PCG_D1 || state == PCG_D2)
		return -EINVAL;
	base_log(&host->log, PCG_WARN, "sim: PMCSR was written, and the power state stays as it is");
	return -EIO;
}

static int leaf_release(struct pcg_host *host, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	int r;

	(void)op;
	if (leaf->endpoint == NULL)
		return PCG_DONE;
	r = endpoint_bars_renew(leaf->endpoint);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		if (host->info.regions[i].flags & PCG_REGION_MMAP)
			host->info.regions[i].fd = leaf->endpoint->fds[i];
	return r;
}

static int leaf_resize(struct pcg_host *host, unsigned int bar, unsigned int log2, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	(void)op;
	if (leaf->endpoint == NULL)
		return -ENODEV;
	/* Firmware has left room for the largest: it stands where it stood. */
	return endpoint_rebar_set(leaf->endpoint, bar, log2);
}

static void leaf_cancel(struct pcg_host *host, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);

	if (leaf->resetting == op)
		leaf->resetting = NULL;
}

static void leaf_reset_work(struct leaf *leaf)
{
	struct fabric_function *f = leaf_function(leaf);
	struct pcg_op *op = leaf->resetting;

	if (op == NULL || (f != NULL && f->flr_end != 0))
		return;
	leaf->resetting = NULL;
	op->done(op, f != NULL ? leaf_reset_over(leaf) : -ENODEV);
}

static int leaf_work(struct pcg_host *host)
{
	struct leaf *leaf = leaf_of(host);
	int wait = fabric_work(leaf->shared->fabric);
	bool more = endpoint_home_work(&leaf->shared->home);

	leaf_reset_work(leaf);
	if (leaf->endpoint != NULL && endpoint_work(leaf->endpoint))
		more = true;
	leaf_stopped(leaf);
	return more ? 0 : wait;
}

static int leaf_command(struct pcg_host *host, const char *line, char *answer, size_t size)
{
	struct leaf *leaf = leaf_of(host);
	struct sim_fabric *shared = leaf->shared;
	struct sim_control control = {
		.fabric = shared->fabric,
		.description = shared->description,
		.iommu = shared->iommu,
		.errors = &shared->errors,
		.transfers = &shared->transfers,
		.shared = shared,
		.self = leaf_function(leaf),
		.log = &host->log,
	};
	int r = sim_control(&control, line, answer, size);

	/* What waited may have come to an end by it. */
	sim_fabric_wake(shared);
	return r;
}

static void leaf_destroy(struct pcg_host *host)
{
	struct leaf *leaf = leaf_of(host);
	struct pcg_dma *dma = iommu_dma(leaf->requester);

	if (leaf->endpoint != NULL) {
		endpoint_command_drop(leaf->endpoint);
		endpoint_listen(leaf->endpoint, NULL);
	}
	leaf_ended(leaf, 0);
	if (leaf->endpoint != NULL)
		sim_transfers_drop(&leaf->shared->transfers, leaf_function(leaf));
	iommu_attach(leaf->requester, NULL, NULL);
	leaf_forget(leaf, dma);
	iommu_block(leaf->requester, false);
	sim_fabric_leave(leaf->shared, host);
	free(leaf);
}

const struct pcg_host_ops leaf_ops = {
	.name = "sim",
	.help = endpoint_help,
	.destroy = leaf_destroy,
	.config_read = leaf_config_read,
	.config_write = leaf_config_write,
	.region_read = leaf_region_read,
	.region_write = leaf_region_write,
	.reset = leaf_reset,
	.power = leaf_power,
	.release = leaf_release,
	.dma = leaf_attach,
	.pasid = leaf_pasid,
	.space = leaf_space,
	.fault = leaf_fault,
	.page_request = leaf_page_request,
	.page_response = leaf_page_response,
	.resize = leaf_resize,
	.control = leaf_command,
	.cancel = leaf_cancel,
	.work = leaf_work,
};

/* --- opening --- */

static void describe(struct leaf *leaf)
{
	struct pcg_host_info *info = &leaf->host.info;
	const struct fabric_function *f = &leaf->endpoint->function, *pf = f->physical;

	info->config_size = PCG_CONFIG_EXTENDED;
	info->can_reset = true;
	info->no_command_memory = leaf->endpoint->options.no_memory_bit;
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++)
		info->regions[i].fd = -1;
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		leaf_region(leaf, i);
	if (f->at.rebar != 0 && pf == NULL)
		info->resizable[leaf->endpoint->options.rebar_bar] = leaf->endpoint->options.rebar;
	leaf_describe_pasid(leaf);
	/* A detached one is what nobody can tell for a VF. */
	info->resizes = pf != NULL;
	if (pf == NULL || leaf->endpoint->options.detached)
		return;
	info->is_vf = true;
	info->no_command_memory = true;
	info->no_intx = true;
	info->vendor = (uint16_t)model_get(&pf->model, PCG_VENDOR, 2);
	info->device = (uint16_t)model_get(&pf->model, pf->at.sriov + SRIOV_VF_DEVICE, 2);
}

bool leaf_busy(const struct pcg_host *host)
{
	const struct leaf *leaf = leaf_of((struct pcg_host *)(uintptr_t)host);

	return leaf->endpoint == NULL || leaf->resetting != NULL || leaf->taken;
}

void leaf_swap(struct pcg_host *host, struct fabric_function *f)
{
	struct leaf *leaf = leaf_of(host);

	if (f == NULL) {
		endpoint_listen(leaf->endpoint, NULL);
		leaf->endpoint = NULL;
		return;
	}
	leaf->endpoint = endpoint_of(f);
	leaf->endpoint->controlled = false;
	leaf_listen(leaf);
	describe(leaf);
	for (unsigned int i = 0; host->events.resized != NULL && i < PCG_NUM_BARS; i++)
		if (host->info.regions[i].size != 0)
			host->events.resized(host->events.arg, i);
}

int leaf_create(struct pcg_host **host, struct sim_fabric *shared, struct fabric_function *f, const struct pcg_log *log)
{
	struct endpoint *endpoint = endpoint_of(f);
	struct pcg_host *physical;
	struct leaf *leaf;

	*host = NULL;
	if (endpoint == NULL)
		return -ENODEV;
	if (endpoint->sink.arg != NULL)
		return -EBUSY;
	leaf = calloc(1, sizeof(*leaf));
	if (leaf == NULL)
		return -ENOMEM;
	leaf->host.ops = &leaf_ops;
	if (log != NULL)
		leaf->host.log = *log;
	leaf->shared = shared;
	leaf->endpoint = endpoint;
	leaf->bdf = fabric_bdf(f);
	leaf->requester = iommu_requester(shared->iommu, leaf->bdf);
	if (leaf->requester == NULL) {
		free(leaf);
		return -ENOMEM;
	}
	endpoint->controlled = false;
	leaf_listen(leaf);
	describe(leaf);
	physical = f->physical != NULL ? sim_fabric_seat(shared, f->physical) : NULL;
	if (physical != NULL && physical->ops == &leaf_ops)
		leaf->host.info.lost = leaf_of(physical)->ended;
	*host = &leaf->host;
	return 0;
}
