/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

#define PAGE 4096u

/*
 * Nothing of a function answers while it is off: memory and I/O by COMMAND, everything outside D0. Linux gates
 * memory alone, and not before D3hot.
 */
static bool answers(const struct pcg_function *f, unsigned int region)
{
	bool io = region < PCG_NUM_BARS && f->host->info.bars[region].kind == PCG_BAR_IO;

	if (!f->view.mediated)
		return true;
	if (f->view.chunked)
		return io || (f->power < PCG_D3HOT && (f->view.no_command_memory || pcg_view_memory_on(&f->view)));
	if (f->power != PCG_D0)
		return false;
	if (io)
		return pcg_view_io_on(&f->view);
	return pcg_view_memory_on(&f->view);
}

/* What the client sees of the function does not change under its hands. */
bool memory_in_use(const struct pcg_function *f)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_IRQS; i++)
		if (f->irqs[i].active && i <= PCG_IRQ_MSIX)
			return true;
	return f->lent || view_get(&f->view, PCG_COMMAND) & (PCG_COMMAND_MASTER | PCG_COMMAND_IO) ||
	       (!f->view.no_command_memory && pcg_view_memory_on(&f->view));
}

int memory_check(struct pcg_function *f, const struct pcg_request *request)
{
	const struct pcg_region *region = &f->regions[request->region];

	if (request->offset > region->size || request->length > region->size - request->offset)
		return -EINVAL;
	if (request->length == 0)
		return 0;
	if (!(region->flags & (request->kind == PCG_REQUEST_READ ? PCG_REGION_READ : PCG_REGION_WRITE)))
		return -EIO;
	return answers(f, request->region) ? 0 : -EIO;
}

/* Bytes from @offset up to where @w begins or ends. @inside says which. */
static size_t clip(const struct pci_window *w, const struct pcg_request *rq, uint64_t offset, size_t left, bool *inside)
{
	*inside = false;
	if (w->end == 0 || w->bar != rq->region || offset >= w->end)
		return left;
	if (offset < w->start)
		return left < w->start - offset ? left : (size_t)(w->start - offset);
	*inside = true;
	return left < w->end - offset ? left : (size_t)(w->end - offset);
}

/* A ROM may stand no wide accesses: aligned pieces of its width at most. */
static size_t narrow(const struct pcg_function *f, uint64_t offset, size_t n)
{
	size_t width = f->view.rom_width, left;

	if (width == 0 || f->request->region != PCG_REGION_ROM)
		return n;
	left = width - (size_t)(offset & (width - 1));
	return n < left ? n : left;
}

/* One piece: inside the MSI-X table, inside the PBA, or the function's. */
static int memory_piece(struct pcg_function *f)
{
	struct pcg_request *rq = f->request;
	uint64_t offset = rq->offset + f->moved;
	uint8_t *data = (uint8_t *)rq->data + f->moved;
	size_t n = rq->length - f->moved;
	bool table, pba;

	if (n == 0)
		return PCG_DONE;
	n = clip(&f->table, rq, offset, n, &table);
	n = clip(&f->pba, rq, offset, n, &pba);
	n = narrow(f, offset, n);
	f->moved += n;
	order_again(f);
	if (table || pba) {
		const struct pci_window *w = table ? &f->table : &f->pba;

		if (rq->kind == PCG_REQUEST_READ)
			msix_read(f, w, offset - w->start, data, n);
		else if (table)
			msix_write(f, offset - w->start, data, n);
		return PCG_DONE;
	}
	if (rq->kind == PCG_REQUEST_READ)
		return f->host->ops->region_read(f->host, rq->region, offset, data, n, &f->op);
	return f->host->ops->region_write(f->host, rq->region, offset, data, n, &f->op);
}

const step_fn memory_steps[] = { memory_piece, NULL };

/* Take [start, end) and its whole pages out of what can be mapped of a region. */
static void cut(struct pcg_region *region, uint64_t start, uint64_t end)
{
	struct pcg_region from = *region;
	unsigned int i;

	start &= ~(uint64_t)(PAGE - 1);
	end = (end + PAGE - 1) & ~(uint64_t)(PAGE - 1);
	region->nareas = 0;
	for (i = 0; i < from.nareas; i++) {
		uint64_t a = from.areas[i].offset, b = a + from.areas[i].size;
		uint64_t before = start < b ? start : b, after = end > a ? end : a;

		if (a < before && region->nareas < PCG_MAX_AREAS) {
			region->areas[region->nareas].offset = a;
			region->areas[region->nareas++].size = before - a;
		}
		if (after < b && region->nareas < PCG_MAX_AREAS) {
			region->areas[region->nareas].offset = after;
			region->areas[region->nareas++].size = b - after;
		}
	}
	if (region->nareas == 0) {
		region->flags &= ~(uint32_t)PCG_REGION_MMAP;
		region->fd = -1;
	}
}

static void cut_window(struct pcg_function *f, const struct pci_window *w)
{
	struct pcg_region *region = &f->regions[w->bar];

	if (w->end == 0 || !(region->flags & PCG_REGION_MMAP))
		return;
	if (region->nareas == 0) {
		region->nareas = 1;
		region->areas[0].offset = 0;
		region->areas[0].size = region->size;
	}
	cut(region, w->start, w->end);
}

/*
 * One region has one descriptor (QEMU), and some clients want a descriptor a piece (SPDK): only a single piece is
 * understood by all. The others are reached by messages.
 */
static void keep_largest(struct pcg_region *region)
{
	unsigned int i, best = 0;

	if (region->nareas < 2)
		return;
	for (i = 1; i < region->nareas; i++)
		if (region->areas[i].size > region->areas[best].size)
			best = i;
	region->areas[0] = region->areas[best];
	region->nareas = 1;
}

void memory_init(struct pcg_function *f)
{
	unsigned int i;

	memcpy(f->regions, f->host->info.regions, sizeof(f->regions));
	f->regions[PCG_REGION_CONFIG].size = f->host->info.config_size;
	f->regions[PCG_REGION_CONFIG].flags = PCG_REGION_READ | PCG_REGION_WRITE;
	f->regions[PCG_REGION_CONFIG].fd = -1;
	if (f->view.rom.size < f->host->info.rom.size && f->view.rom.size < f->regions[PCG_REGION_ROM].size)
		f->regions[PCG_REGION_ROM].size = f->view.rom.size;
	msix_init(f);
	cut_window(f, &f->table);
	cut_window(f, &f->pba);
	for (i = 0; i < PCG_NUM_BARS; i++)
		keep_largest(&f->regions[i]);
}
