/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "conform/probe.h"
#include "conform/target.h"

static struct probe *of(struct pcg_host *host)
{
	return (struct probe *)host;
}

/* --- what passes through --- */

static void probe_read_done(struct pcg_op *op, int result)
{
	struct probe *p = (struct probe *)(void *)((char *)op - offsetof(struct probe, op));
	struct pcg_op *user = p->user;

	p->user = NULL;
	*p->value |= p->raised[p->dword];
	user->done(user, result);
}

static int probe_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct probe *p = of(host);
	int r;

	p->op.done = probe_read_done;
	p->value = value;
	p->dword = dword;
	r = p->real->ops->config_read(p->real, dword, be, value, &p->op);
	if (r == PCG_PENDING)
		p->user = op;
	else if (r == PCG_DONE)
		*value |= p->raised[dword];
	return r;
}

static int probe_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct probe *p = of(host);
	uint32_t bits = pcg_be_mask(be);

	if (p->nwrites < PROBE_WRITES)
		p->writes[p->nwrites] = (struct probe_write){ .dword = dword, .be = be, .value = value };
	p->nwrites++;
	if (dword == p->held)
		return PCG_DONE;
	/* A one meant for a bit that only we raised is not the function's business. */
	bits &= value & p->raised[dword];
	p->raised[dword] &= ~bits;
	return p->real->ops->config_write(p->real, dword, be, value & ~bits, op);
}

static int probe_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			     struct pcg_op *op)
{
	return of(host)->real->ops->region_read(of(host)->real, region, offset, data, length, op);
}

static int probe_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data,
			      size_t length, struct pcg_op *op)
{
	of(host)->region_writes++;
	return of(host)->real->ops->region_write(of(host)->real, region, offset, data, length, op);
}

static int probe_reset(struct pcg_host *host, struct pcg_op *op)
{
	return of(host)->real->ops->reset(of(host)->real, op);
}

static int probe_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	return of(host)->real->ops->power(of(host)->real, state, op);
}

static int probe_revoke(struct pcg_host *host, struct pcg_op *op)
{
	return of(host)->real->ops->revoke(of(host)->real, op);
}

static int probe_allow(struct pcg_host *host, struct pcg_op *op)
{
	return of(host)->real->ops->allow(of(host)->real, op);
}

static int probe_release(struct pcg_host *host, struct pcg_op *op)
{
	int r = of(host)->real->ops->release(of(host)->real, op);

	host->info = of(host)->real->info;
	return r;
}

static int probe_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	return of(host)->real->ops->dma(of(host)->real, dma, op);
}

static void probe_resize_done(struct pcg_op *op, int result)
{
	struct probe *p = (struct probe *)(void *)((char *)op - offsetof(struct probe, op));
	struct pcg_op *user = p->user;

	p->user = NULL;
	p->host.info = p->real->info;
	user->done(user, result);
}

static int probe_resize(struct pcg_host *host, unsigned int bar, unsigned int log2, struct pcg_op *op)
{
	struct probe *p = of(host);
	int r;

	p->op.done = probe_resize_done;
	r = p->real->ops->resize(p->real, bar, log2, &p->op);
	if (r == PCG_PENDING)
		p->user = op;
	host->info = p->real->info;
	return r;
}

static int probe_vpd(struct pcg_host *host, bool write, uint16_t address, uint32_t *value, struct pcg_op *op)
{
	return of(host)->real->ops->vpd(of(host)->real, write, address, value, op);
}

static void probe_cancel(struct pcg_host *host, struct pcg_op *op)
{
	struct probe *p = of(host);

	if (p->user == op) {
		p->user = NULL;
		op = &p->op;
	}
	p->real->ops->cancel(p->real, op);
}

static int probe_fd(struct pcg_host *host)
{
	return of(host)->real->ops->fd(of(host)->real);
}

static int probe_work(struct pcg_host *host)
{
	return of(host)->real->ops->work(of(host)->real);
}

/* The function behind is its owner's. */
static void probe_destroy(struct pcg_host *host)
{
	(void)host;
}

static void probe_irq(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	struct probe *p = arg;

	if (p->host.events.irq != NULL)
		p->host.events.irq(p->host.events.arg, index, vector, level);
}

static void probe_wake(void *arg)
{
	struct probe *p = arg;

	if (p->host.events.wake != NULL)
		p->host.events.wake(p->host.events.arg);
}

static void probe_resized(void *arg, unsigned int bar)
{
	struct probe *p = arg;

	p->host.info = p->real->info;
	if (p->host.events.resized != NULL)
		p->host.events.resized(p->host.events.arg, bar);
}

void probe_init(struct probe *p, struct pcg_host *real)
{
	const struct pcg_host_ops *ops = real->ops;

	memset(p, 0, sizeof(*p));
	p->real = real;
	p->held = PROBE_HOLDS_NONE;
	/* One by one: an op that is not known here must not be called with our host in place of its own. */
	p->ops = (struct pcg_host_ops){
		.name = ops->name,
		.help = ops->help,
		.destroy = probe_destroy,
		.config_read = probe_config_read,
		.config_write = probe_config_write,
		.region_read = probe_region_read,
		.region_write = probe_region_write,
		.vpd = ops->vpd != NULL ? probe_vpd : NULL,
		.reset = probe_reset,
		.power = probe_power,
		.revoke = ops->revoke != NULL ? probe_revoke : NULL,
		.allow = ops->allow != NULL ? probe_allow : NULL,
		.release = ops->release != NULL ? probe_release : NULL,
		.dma = ops->dma != NULL ? probe_dma : NULL,
		.resize = ops->resize != NULL ? probe_resize : NULL,
		.cancel = probe_cancel,
		.fd = ops->fd != NULL ? probe_fd : NULL,
		.work = ops->work != NULL ? probe_work : NULL,
	};
	p->host.ops = &p->ops;
	p->host.log = real->log;
	p->host.info = real->info;
	real->events =
		(struct pcg_host_events){ .arg = p, .irq = probe_irq, .wake = probe_wake, .resized = probe_resized };
}

/* --- what the checks ask --- */

void probe_raise(struct probe *p, unsigned int offset, unsigned int width, uint32_t bits)
{
	if (offset + width <= PCG_CONFIG_EXTENDED)
		p->raised[offset / 4] |= bits << 8 * (offset & 3u);
}

void probe_hold(struct probe *p, unsigned int offset)
{
	p->held = (uint16_t)(offset / 4);
}

void probe_calm(struct probe *p)
{
	p->held = PROBE_HOLDS_NONE;
	memset(p->raised, 0, sizeof(p->raised));
}

void probe_watch(struct probe *p)
{
	p->nwrites = 0;
	p->region_writes = 0;
}

int probe_get(struct probe *p, unsigned int offset, unsigned int width, uint32_t *value)
{
	uint8_t be = (uint8_t)(((1u << width) - 1) << (offset & 3u));
	struct target_op op;
	int r;

	*value = 0;
	target_op_init(&op);
	r = target_op_wait(&p->host, &op, probe_config_read(&p->host, (uint16_t)(offset / 4), be & 0xf, value, &op.op));
	*value = (*value & pcg_be_mask(be & 0xf)) >> 8 * (offset & 3u);
	return r;
}

int probe_put(struct probe *p, uint16_t dword, uint8_t be, uint32_t value)
{
	struct target_op op;

	target_op_init(&op);
	return target_op_wait(p->real, &op, p->real->ops->config_write(p->real, dword, be, value, &op.op));
}
