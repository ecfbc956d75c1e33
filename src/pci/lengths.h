/* SPDX-License-Identifier: BSD-3-Clause */
/* How many bytes a capability claims, by the register that says so in it. */
#ifndef PCI_LENGTHS_H
#define PCI_LENGTHS_H

#include <pcigate/pci.h>

/** LENGTH_UNKNOWN - no specification at hand says: the capability reaches to the next one */
#define LENGTH_UNKNOWN 0u

/**
 * pci_claimed_length() - what a capability says it takes
 * @config: configuration space, @size bytes
 * @cap: the instance: offset, id, version and extended are read
 *
 * Registers that would lie past @size read as zero.
 *
 * Return: bytes, header included, or LENGTH_UNKNOWN. Not checked against the space or its neighbours.
 */
unsigned int pci_claimed_length(const uint8_t *config, size_t size, const struct pcg_cap *cap);

#endif
