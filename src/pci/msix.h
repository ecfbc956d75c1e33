/* SPDX-License-Identifier: BSD-3-Clause */
/* Where an MSI-X capability says that its table and pending bits are. */
#ifndef PCI_MSIX_H
#define PCI_MSIX_H

#include <pcigate/pci.h>

#define PCI_MSIX_ENTRY 16u /* PCIe 6.0, 7.7.2.5: address, upper address, data, vector control */

/** struct pci_window - bytes [start, end) of a BAR; @end 0: none */
struct pci_window {
	unsigned int bar;
	uint64_t start;
	uint64_t end;
};

/** struct pci_msix - an MSI-X capability's vectors and where they are kept */
struct pci_msix {
	unsigned int vectors;
	struct pci_window table;
	struct pci_window pba;
};

/**
 * pci_msix_find() - read the capability with distrust
 * @msix: filled in; all zero where it cannot be
 * @config: configuration space, 256 bytes at least
 * @at: where the capability stands
 * @bars: what the function decodes
 *
 * Return: whether table and pending bits lie inside memory BARs that exist, and apart. In the field some point at a
 * BAR that is not there, others put both in the same place.
 */
bool pci_msix_find(struct pci_msix *msix, const uint8_t *config, uint16_t at, const struct pcg_bar bars[PCG_NUM_BARS]);

#endif
