/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

/*
 * Accesses under the profile `linux`: cut into chunks where ownership changes, each read, changed and written back
 * whole. What a chunk sets off stands in linux_acts.c.
 */

static void next_chunk(struct pcg_function *f)
{
	const struct pcg_request *rq = f->request;
	unsigned int at = (unsigned int)(rq->offset + f->moved);
	unsigned int width = linux_chunk(&f->view, at, rq->length - f->moved);

	f->at = (uint16_t)(at / 4);
	f->be = (uint8_t)(((1u << width) - 1) << (at & 3));
	if (rq->kind == PCG_REQUEST_READ)
		linux_before_read(&f->view, at, width);
	linux_plan(&f->view, at, width, &f->plan);
}

static int chunk_done(struct pcg_function *f, const step_fn *again)
{
	f->moved += f->plan.width;
	if (f->moved < f->request->length)
		f->steps = again;
	return PCG_DONE;
}

static int read_host(struct pcg_function *f)
{
	next_chunk(f);
	f->host_value = 0;
	if ((~f->plan.read_shadow & pcg_be_mask(f->be)) == 0)
		return PCG_DONE;
	return f->host->ops->config_read(f->host, f->at, f->be, &f->host_value, &f->op);
}

static int read_merge(struct pcg_function *f)
{
	config_put(f, linux_read(&f->view, &f->plan, f->host_value));
	return chunk_done(f, linux_read_steps);
}

const step_fn linux_read_steps[] = { read_host, read_merge, NULL };

static int write_begin(struct pcg_function *f)
{
	const step_fn *before;

	next_chunk(f);
	f->value = config_get(f);
	f->due = false;
	if (f->plan.act == LINUX_ACT_NONE)
		return PCG_DONE;
	before = linux_before(f->plan.act);
	if (before != NULL)
		order_push(f, before);
	return PCG_DONE;
}

static int write_read_before(struct pcg_function *f)
{
	f->host_value = 0;
	if (f->plan.write_host == 0 || f->plan.write_host == pcg_be_mask(f->be))
		return PCG_DONE;
	return f->host->ops->config_read(f->host, f->at, f->be, &f->host_value, &f->op);
}

/* 7.1 item 1: the whole chunk goes back, RW1C neighbours included. */
static int write_through(struct pcg_function *f)
{
	const struct linux_plan *plan = &f->plan;
	uint32_t *shadow = &f->view.shadow[f->at];

	*shadow = (*shadow & ~plan->write_shadow) | (f->value & plan->write_shadow);
	if (plan->write_host == 0)
		return PCG_DONE;
	return f->host->ops->config_write(f->host, f->at, f->be,
					  (f->host_value & ~plan->write_host) | (f->value & plan->write_host), &f->op);
}

static int write_act(struct pcg_function *f)
{
	if (f->plan.act != LINUX_ACT_NONE)
		order_push(f, linux_after(f->plan.act));
	return PCG_DONE;
}

static int write_next(struct pcg_function *f)
{
	return chunk_done(f, linux_write_steps);
}

const step_fn linux_write_steps[] = {
	write_begin,
	write_read_before,
	[LINUX_WRITE_THROUGH] = write_through,
	[LINUX_WRITE_ACT] = write_act,
	write_next,
	NULL,
};

/* --- reset: registers are kept around it, the virtual view is not touched (1.9) --- */

static int reset_host(struct pcg_function *f)
{
	linux_tell(f, PCG_DEED_RESET, 0);
	f->power = PCG_D0;
	if (!f->host->info.can_reset)
		return PCG_DONE;
	return linux_forgive(f, f->host->ops->reset(f->host, &f->op));
}

const step_fn linux_reset_steps[] = {
	linux_zap,  contract_rewind, linux_save,    contract_read_command, contract_master_off, contract_detach,
	reset_host, contract_rewind, linux_restore, contract_attach,       linux_allow,         NULL,
};
