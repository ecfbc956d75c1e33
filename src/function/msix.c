/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

#define ENTRY       PCI_MSIX_ENTRY
#define CONTROL     12u
#define CONTROL_BIT 1u /* PCIe 6.0, 7.7.2.9: masked; all other bits of the byte are reserved */

void msix_init(struct pcg_function *f)
{
	struct pci_msix msix;

	pci_msix_find(&msix, f->opened, f->view.msix, f->host->info.bars);
	f->has_table = msix.vectors != 0;
	/*
	 * Without mediation the function's own table is all there is. Else the windows are all of the function's,
	 * however few vectors are shown: what lies past them must not be reached either.
	 */
	if (!f->view.mediated)
		return;
	f->table = msix.table;
	f->pba = msix.pba;
}

unsigned int msix_vectors(const struct pcg_function *f)
{
	return f->has_table ? f->view.msix_vectors : 0;
}

unsigned int pcg_function_msix(const struct pcg_function *f, unsigned int *table, unsigned int *most, const char **why)
{
	bool has = f->open && f->has_table;

	*table = has ? f->view.msix_size : 0;
	*most = has ? f->view.msix_most : 0;
	*why = "";
	if (!has)
		*why = "the function shows no MSI-X";
	else if (!f->view.mediated)
		*why = "without mediation (profile raw) the function's own table is all there is";
	else if (f->told)
		*why = "the client was told the number already; it stays while the client has the function";
	else if (memory_in_use(f))
		*why = "an interrupt or a mapping is set up already, or COMMAND has something on";
	return has ? msix_vectors(f) : 0;
}

int pcg_function_msix_set(struct pcg_function *f, unsigned int vectors)
{
	if (!f->open || !f->has_table || !f->view.mediated)
		return -EOPNOTSUPP;
	if (vectors == 0 || vectors > f->view.msix_most)
		return -EINVAL;
	if (vectors == f->view.msix_vectors)
		return 0;
	if (f->told || f->request != NULL || memory_in_use(f))
		return -EBUSY;
	pcg_view_msix(&f->view, vectors);
	return 0;
}

void pcg_function_msix_told(struct pcg_function *f)
{
	f->told = true;
}

/* All of the table is still to be made: for msix_power_on(). What lies past it nobody can ask for. */
void msix_fresh(struct pcg_function *f)
{
	uint64_t entries = (f->table.end - f->table.start) / ENTRY;

	memset(f->msix_ours, 0xff, (size_t)(entries + 31) / 32 * sizeof(f->msix_ours[0]));
}

/* 7.7.2.9: every entry starts masked. */
void msix_power_on(struct pcg_function *f)
{
	unsigned int i;

	/* Only what was written since: 32 KiB are not gone through for each client that comes and goes. */
	for (i = 0; i < PCG_MSIX_MAX; i++) {
		if (i % 32 == 0 && f->msix_ours[i / 32] == 0) {
			i += 31;
			continue;
		}
		memset(f->msix_table + i * ENTRY, 0, ENTRY);
		f->msix_table[i * ENTRY + CONTROL] = CONTROL_BIT;
	}
	memset(f->msix_ours, 0, sizeof(f->msix_ours));
}

/*
 * A VMM that keeps the table itself never writes ours, and shows an unmasked vector by listening to it. Only an
 * entry that was written here is asked.
 */
bool msix_masked(const struct pcg_function *f, unsigned int vector)
{
	if (f->view.mediated && !f->view.chunked &&
	    view_get16(&f->view, f->view.msix + PCG_MSIX_CONTROL) & PCG_MSIX_FUNCTION_MASK)
		return true;
	return f->msix_ours[vector / 32] & 1u << vector % 32 && f->msix_table[vector * ENTRY + CONTROL] & CONTROL_BIT;
}

void msix_read(const struct pcg_function *f, const struct pci_window *w, uint64_t offset, uint8_t *data, size_t length)
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
