/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "function/internal.h"

#define ENTRY       16u /* PCIe 6.0, 7.7.2.5: address, upper address, data, vector control */
#define CONTROL     12u
#define CONTROL_BIT 1u /* 7.7.2.9: masked; all other bits of the byte are reserved */

/*
 * A window must lie inside a memory BAR that exists. A function that points it elsewhere (seen in the field: at a
 * BAR that is not there) gets no vectors.
 */
static bool place(const struct pcg_function *f, struct window *w, uint32_t pointer, uint64_t length)
{
	unsigned int bar = pointer & 7;
	uint64_t start = pointer & ~7u;

	if (bar >= PCG_NUM_BARS)
		return false;
	if (f->host->info.bars[bar].kind != PCG_BAR_MEM32 && f->host->info.bars[bar].kind != PCG_BAR_MEM64)
		return false;
	if (start + length > f->regions[bar].size)
		return false;
	w->bar = bar;
	w->start = start;
	w->end = start + length;
	return true;
}

void msix_init(struct pcg_function *f)
{
	const uint8_t *cap = f->opened + f->view.msix;
	unsigned int n;

	memset(&f->table, 0, sizeof(f->table));
	memset(&f->pba, 0, sizeof(f->pba));
	f->vectors = 0;
	if (f->view.msix == 0 || f->view.msix + 12u > PCG_CONFIG_CONVENTIONAL)
		return;
	n = (pcg_get16(cap + PCG_MSIX_CONTROL) & PCG_MSIX_SIZE) + 1u;
	if (!place(f, &f->table, pcg_get32(cap + PCG_MSIX_TABLE), (uint64_t)n * ENTRY) ||
	    !place(f, &f->pba, pcg_get32(cap + PCG_MSIX_PBA), (n + 63) / 64 * 8)) {
		memset(&f->table, 0, sizeof(f->table));
		memset(&f->pba, 0, sizeof(f->pba));
		pcg_say(&f->log, PCG_WARN, f->view.msix, n, "the MSI-X table lies outside every BAR: no vectors");
		return;
	}
	f->vectors = n;
}

/* 7.7.2.9: every entry starts masked. */
void msix_power_on(struct pcg_function *f)
{
	unsigned int i;

	memset(f->msix_table, 0, sizeof(f->msix_table));
	memset(f->msix_ours, 0, sizeof(f->msix_ours));
	for (i = 0; i < PCG_MSIX_MAX; i++)
		f->msix_table[i * ENTRY + CONTROL] = CONTROL_BIT;
}

/*
 * A VMM that keeps the table itself never writes ours, and shows an unmasked vector by listening to it. Only an
 * entry that was written here is asked.
 */
bool msix_masked(const struct pcg_function *f, unsigned int vector)
{
	if (f->view.mediated && view_get16(&f->view, f->view.msix + PCG_MSIX_CONTROL) & PCG_MSIX_FUNCTION_MASK)
		return true;
	return f->msix_ours[vector / 32] & 1u << vector % 32 && f->msix_table[vector * ENTRY + CONTROL] & CONTROL_BIT;
}

void msix_read(const struct pcg_function *f, const struct window *w, uint64_t offset, uint8_t *data, size_t length)
{
	const uint32_t *pending = f->irqs[PCG_IRQ_MSIX].pending;
	size_t i;

	if (w == &f->table) {
		memcpy(data, f->msix_table + offset, length);
		return;
	}
	for (i = 0; i < length; i++)
		data[i] = (uint8_t)(pending[(offset + i) / 4] >> (offset + i) % 4 * 8);
}

void msix_write(struct pcg_function *f, uint64_t offset, const uint8_t *data, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		size_t at = (size_t)offset + i, vector = at / ENTRY;
		uint8_t byte = data[i];

		if (at % ENTRY > CONTROL)
			byte = 0;
		if (at % ENTRY == CONTROL)
			byte &= CONTROL_BIT;
		if (at % ENTRY == 0)
			byte &= 0xfc;
		f->msix_table[at] = byte;
		f->msix_ours[vector / 32] |= 1u << vector % 32;
	}
	irqs_update(f);
}
