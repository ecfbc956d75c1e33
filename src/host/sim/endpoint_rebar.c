/* SPDX-License-Identifier: BSD-3-Clause */
/* A resizable BAR (PCIe 6.0, 7.8.6): its size is what software wrote last, of those that there are. */
#include <errno.h>

#include "host/sim/endpoint_test.h"

#define REBAR_CTRL       8u
#define REBAR_SIZE_MASK  0x3f00u
#define REBAR_SIZE_SHIFT 8u
#define REBAR_MEGABYTE   20u /* size 0 */

static uint16_t rebar_at(const struct endpoint *endpoint)
{
	uint16_t at = endpoint->function.at.rebar;

	return endpoint->options.rebar != 0 && at != 0 ? (uint16_t)(at + REBAR_CTRL) : 0;
}

static unsigned int rebar_size(const struct endpoint *endpoint)
{
	uint64_t size = endpoint->function.bars[endpoint->options.rebar_bar].size;
	unsigned int n = 0;

	while (size >> REBAR_MEGABYTE >> n > 1)
		n++;
	return n;
}

/* The model holds sizes for fixed; here is somebody who makes them true. */
void endpoint_rebar_init(struct endpoint *endpoint)
{
	uint16_t at = rebar_at(endpoint);

	if (at != 0)
		endpoint->function.model.rw[at / 4] |= REBAR_SIZE_MASK;
}

/* Address bits below the new size are no longer there, and others are. */
static void rebar_address(struct endpoint *endpoint, const struct pcg_bar *bar)
{
	struct model *model = &endpoint->function.model;
	unsigned int dword = PCG_BAR0 / 4 + endpoint->options.rebar_bar;
	uint64_t mask = pcg_bar_mask(bar);

	model->rw[dword] = (uint32_t)mask;
	model->value[dword] = (model->value[dword] & (uint32_t)mask) | pcg_bar_low(bar);
	if (bar->kind != PCG_BAR_MEM64)
		return;
	model->rw[dword + 1] = (uint32_t)(mask >> 32);
	model->value[dword + 1] &= (uint32_t)(mask >> 32);
}

static void rebar_apply(struct endpoint *endpoint, unsigned int n)
{
	unsigned int bar = endpoint->options.rebar_bar;

	endpoint_bars_resize(endpoint, bar, UINT64_C(1) << (n + REBAR_MEGABYTE));
	rebar_address(endpoint, &endpoint->function.bars[bar]);
	if (endpoint->sink.resized != NULL)
		endpoint->sink.resized(endpoint->sink.arg, bar);
}

/* 7.8.6.3: what is not among the sizes leaves the old one. */
void endpoint_rebar_written(struct endpoint *endpoint, uint16_t dword)
{
	struct model *model = &endpoint->function.model;
	uint16_t at = rebar_at(endpoint);
	unsigned int n, now = rebar_size(endpoint);

	if (at == 0 || at / 4 != dword)
		return;
	n = (model_get(model, at, 4) & REBAR_SIZE_MASK) >> REBAR_SIZE_SHIFT;
	if (n == now)
		return;
	if (n < 32 && (endpoint->options.rebar & 1u << n) != 0)
		rebar_apply(endpoint, n);
	model_set(model, at, 4, REBAR_SIZE_MASK, rebar_size(endpoint) << REBAR_SIZE_SHIFT);
}

int endpoint_rebar_set(struct endpoint *endpoint, unsigned int bar, unsigned int log2)
{
	struct model *model = &endpoint->function.model;
	uint16_t at = rebar_at(endpoint);

	if (at == 0 || bar != endpoint->options.rebar_bar || log2 < REBAR_MEGABYTE || log2 >= REBAR_MEGABYTE + 32 ||
	    (endpoint->options.rebar & 1u << (log2 - REBAR_MEGABYTE)) == 0)
		return -EINVAL;
	model_set(model, at, 4, REBAR_SIZE_MASK, (log2 - REBAR_MEGABYTE) << REBAR_SIZE_SHIFT);
	if (rebar_size(endpoint) != log2 - REBAR_MEGABYTE)
		rebar_apply(endpoint, log2 - REBAR_MEGABYTE);
	return 0;
}

/* As it was at power-on: the registers are put back by who resets the function. */
void endpoint_rebar_reset(struct endpoint *endpoint)
{
	unsigned int bar = endpoint->options.rebar_bar, log2 = 0;

	if (rebar_at(endpoint) == 0)
		return;
	while (endpoint->options.bars[bar].size >> log2 > 1)
		log2++;
	endpoint_rebar_set(endpoint, bar, log2);
}
