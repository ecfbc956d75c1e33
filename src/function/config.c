/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

/*
 * A configuration access of any length becomes pieces of one dword and its byte enables, in address order. Each
 * piece asks the view which bytes of the function it needs, and does what the view says.
 */

/* The piece that starts at f->moved. Returns its length. */
unsigned int config_piece(struct pcg_function *f)
{
	const struct pcg_request *rq = f->request;
	uint64_t offset = rq->offset + f->moved;
	unsigned int first = offset & 3, n = 4 - first;

	if (n > rq->length - f->moved)
		n = (unsigned int)(rq->length - f->moved);
	f->at = (uint16_t)(offset / 4);
	f->be = (uint8_t)(((1u << n) - 1) << first);
	return n;
}

void config_put(const struct pcg_function *f, uint32_t value)
{
	uint8_t *data = (uint8_t *)f->request->data + f->moved;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (f->be & 1u << i)
			*data++ = (uint8_t)(value >> 8 * i);
}

uint32_t config_get(const struct pcg_function *f)
{
	const uint8_t *data = (const uint8_t *)f->request->data + f->moved;
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (f->be & 1u << i)
			value |= (uint32_t)*data++ << 8 * i;
	return value;
}

static int read_host(struct pcg_function *f)
{
	uint8_t needs;

	config_piece(f);
	needs = pcg_view_read_needs(&f->view, f->at, f->be);
	f->host_value = 0;
	if (needs == 0)
		return PCG_DONE;
	return f->host->ops->config_read(f->host, f->at, needs, &f->host_value, &f->op);
}

static int read_merge(struct pcg_function *f)
{
	unsigned int n = config_piece(f);

	config_put(f, pcg_view_read(&f->view, f->at, f->host_value));
	f->moved += n;
	if (f->moved < f->request->length)
		f->steps = config_read_steps;
	return PCG_DONE;
}

const step_fn config_read_steps[] = { read_host, read_merge, NULL };

static int write_read_before(struct pcg_function *f)
{
	uint8_t needs;

	config_piece(f);
	f->value = config_get(f);
	f->host_value = 0;
	needs = pcg_view_write_needs(&f->view, f->at, f->be, f->value);
	if (needs == 0)
		return PCG_DONE;
	return f->host->ops->config_read(f->host, f->at, needs, &f->host_value, &f->op);
}

static int write_decide(struct pcg_function *f)
{
	pcg_view_write(&f->view, f->at, f->be, f->value, f->host_value, &f->write);
	return PCG_DONE;
}

static int write_act(struct pcg_function *f)
{
	if (f->write.effects != 0 && f->events.effects != NULL)
		f->events.effects(f->events.arg, &f->write);
	order_push(f, contract_for_write(f));
	return PCG_DONE;
}

static int write_next(struct pcg_function *f)
{
	f->moved += config_piece(f);
	if (f->moved < f->request->length)
		f->steps = config_write_steps;
	return PCG_DONE;
}

const step_fn config_write_steps[] = {
	write_read_before,
	[CONFIG_WRITE_DECIDE] = write_decide,
	[CONFIG_WRITE_ACT] = write_act,
	[CONFIG_WRITE_NEXT] = write_next,
	NULL,
};

/* What the write comes to in the function itself. */
int config_host_write(struct pcg_function *f)
{
	if (f->write.host_be == 0)
		return PCG_DONE;
	return f->host->ops->config_write(f->host, f->at, f->write.host_be, f->write.host, &f->op);
}
