/* SPDX-License-Identifier: BSD-3-Clause */
#include <pcigate/log.h>

#include "function/internal.h"

/*
 * Resizable BARs (PCIe 6.0, 7.8.6). A guest writes a size while memory is off: what was mapped is revoked, hardware's
 * own decoding is off, the backend resizes; then follow what the guest reads, the regions that its client is told of,
 * and the address that is put back after a reset. Mappings are valid again when memory is turned on.
 */

static unsigned int logarithm(uint64_t size)
{
	unsigned int log = 0;

	while (size >> log > 1)
		log++;
	return log;
}

/* --- one BAR --- */

/* Ones throughout are no answer, and nothing to write back. */
static int memory_off(struct pcg_function *f)
{
	if (!(f->host_value & PCG_COMMAND_MEMORY) || (f->host_value & 0xffffu) == 0xffffu)
		return PCG_DONE;
	return f->host->ops->config_write(f->host, PCG_COMMAND / 4, 3, f->host_value & ~(uint32_t)PCG_COMMAND_MEMORY,
					  &f->op);
}

static int ask(struct pcg_function *f)
{
	return linux_forgive(f, f->host->ops->resize(f->host, f->resizing, f->wanted, &f->op));
}

/* What could not be done must not read as done: what follows goes by what there is. */
static int answer(struct pcg_function *f)
{
	if (f->forgiven < 0)
		pcg_say(&f->log, PCG_WARN, PCG_BAR0 + 4u * f->resizing, f->wanted,
			"the BAR could not be resized: it keeps its size");
	return PCG_DONE;
}

/* It may have been moved. */
static int read_address(struct pcg_function *f)
{
	unsigned int dword = PCG_BAR0 / 4u + f->resizing;

	if (f->forgiven < 0)
		return PCG_DONE;
	if (f->index > 0)
		pcg_put32(f->opened + (dword + f->index - 1) * 4, f->host_value);
	if (f->index == (f->host->info.bars[f->resizing].kind == PCG_BAR_MEM64 ? 2u : 1u))
		return PCG_DONE;
	dword += f->index++;
	order_again(f);
	return f->host->ops->config_read(f->host, (uint16_t)dword, 0xf, &f->host_value, &f->op);
}

int rebar_take(struct pcg_function *f)
{
	/* Descriptors may be others even where the size came back. */
	bool changed = f->tried != 0;
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		const struct pcg_bar *bar = &f->host->info.bars[i];

		if (f->view.resizable[i] == 0 || bar->size == f->sizes[i])
			continue;
		f->sizes[i] = bar->size;
		pcg_view_resize(&f->view, i, bar);
		changed = true;
	}
	if (changed)
		memory_init(f);
	return PCG_DONE;
}

static const step_fn one_steps[] = {
	contract_read_command, memory_off, ask, answer, contract_rewind, read_address, NULL
};
static const step_fn write_steps[] = { contract_revoke, contract_read_command, memory_off, ask, answer,
				       contract_rewind, read_address,          rebar_take, NULL };

/* --- the guest's wish --- */

static const char *refusal(const struct pcg_function *f)
{
	const struct pcg_view_write *w = &f->write;

	if (!(f->view.resizable[w->bar] >> (w->log2 - 20) & 1))
		return "a BAR size that is not on offer was written: it keeps the one that it has";
	if (pcg_view_memory_on(&f->view) || f->power != PCG_D0)
		return "a BAR size was written while memory is on, or outside D0: software turns memory off first "
		       "(PCIe 6.0, 7.8.6.3); the BAR keeps its size";
	return NULL;
}

static int judge(struct pcg_function *f)
{
	const char *why = refusal(f);

	if (why != NULL) {
		pcg_say(&f->log, PCG_WARN, f->at * 4u, f->write.log2, why);
		return PCG_DONE;
	}
	f->resizing = f->write.bar;
	f->wanted = f->write.log2;
	f->tried = (uint8_t)(1u << f->resizing);
	order_push(f, write_steps);
	return PCG_DONE;
}

const step_fn rebar_write_steps[] = { judge, NULL };

/* --- sizes that were lost, or that are another client's --- */

int rebar_begin(struct pcg_function *f)
{
	f->tried = 0;
	return PCG_DONE;
}

/* One after the other; each once, so that a backend that fails ends it. */
static int bring(struct pcg_function *f, const uint64_t sizes[PCG_NUM_BARS])
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		if (f->view.resizable[i] == 0 || f->host->info.bars[i].size == sizes[i] || f->tried & 1u << i)
			continue;
		f->tried |= (uint8_t)(1u << i);
		f->resizing = (uint8_t)i;
		f->wanted = (uint8_t)logarithm(sizes[i]);
		order_again(f);
		order_push(f, one_steps);
		return PCG_DONE;
	}
	return PCG_DONE;
}

int rebar_again(struct pcg_function *f)
{
	return bring(f, f->sizes);
}

int rebar_back(struct pcg_function *f)
{
	return bring(f, f->first);
}

void rebar_init(struct pcg_function *f)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		f->first[i] = f->sizes[i] = f->host->info.bars[i].size;
}

/*
 * Without us: hardware was reset, or nobody mediates. What the client is told of regions is what there is, and has
 * descriptors that exist. What the guest reads follows with the reset that is found, or that mends.
 */
void rebar_resized(void *arg, unsigned int bar)
{
	struct pcg_function *f = arg;

	(void)bar;
	if (f->open)
		memory_init(f);
}
