/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci/msix.h"

static bool place(struct pci_window *w, uint32_t pointer, uint64_t length, const struct pcg_bar *bars)
{
	unsigned int bar = pointer & 7;
	uint64_t start = pointer & ~7u;

	if (bar >= PCG_NUM_BARS || (bars[bar].kind != PCG_BAR_MEM32 && bars[bar].kind != PCG_BAR_MEM64))
		return false;
	if (start + length > bars[bar].size)
		return false;
	w->bar = bar;
	w->start = start;
	w->end = start + length;
	return true;
}

bool pci_msix_find(struct pci_msix *msix, const uint8_t *config, uint16_t at, const struct pcg_bar bars[PCG_NUM_BARS])
{
	static const struct pci_msix none;
	struct pci_window *table = &msix->table, *pba = &msix->pba;
	unsigned int n;

	*msix = none;
	if (at == 0 || at + 12u > PCG_CONFIG_CONVENTIONAL)
		return false;
	n = (pcg_get16(config + at + PCG_MSIX_CONTROL) & PCG_MSIX_SIZE) + 1u;
	if (place(table, pcg_get32(config + at + PCG_MSIX_TABLE), (uint64_t)n * PCI_MSIX_ENTRY, bars) &&
	    place(pba, pcg_get32(config + at + PCG_MSIX_PBA), (n + 63) / 64 * 8, bars) &&
	    (table->bar != pba->bar || table->end <= pba->start || pba->end <= table->start)) {
		msix->vectors = n;
		return true;
	}
	*msix = none;
	return false;
}
