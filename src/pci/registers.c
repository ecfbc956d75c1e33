/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci/registers.h"

static uint32_t dword_at(const uint8_t *config, size_t size, size_t offset)
{
	uint32_t value = 0;
	unsigned int i;

	for (i = 0; i < 4 && offset + i < size; i++)
		value |= (uint32_t)config[offset + i] << (8 * i);
	return value;
}

const struct pci_registers *pci_cap_registers(const struct pcg_cap *cap, const uint8_t *config, size_t size)
{
	if (cap->extended)
		return pci_extended_registers(cap->id);
	return pci_standard_registers(cap->id, (uint16_t)dword_at(config, size, cap->offset + 2u));
}

unsigned int pci_register_count(const struct pci_register_place *place, const uint8_t *config, size_t size)
{
	const struct pci_register *row = place->row;
	unsigned int count, most = row->count == 0 ? 1 : row->count;

	if (row->counted.mask == 0)
		return most;
	count = dword_at(config, size, (size_t)place->base + row->counted.source) >> row->counted.shift;
	count = (count & row->counted.mask) + row->counted.plus;
	return count < most ? count : most;
}

uint32_t pci_register_absent(const struct pci_register_place *place, const uint8_t *config, size_t size)
{
	uint32_t absent = 0;
	unsigned int i;

	for (i = 0; i < place->registers->nconditions; i++) {
		const struct pci_condition *condition = &place->registers->conditions[i];

		if (condition->offset != place->row->offset)
			continue;
		if ((dword_at(config, size, (size_t)place->base + condition->source) & condition->mask) ==
		    condition->unless)
			absent |= condition->bits;
	}
	return absent;
}

/* @place: registers and base are set. */
static bool find_row(struct pci_register_place *place, const uint8_t *config, size_t size, unsigned int offset)
{
	unsigned int i, relative = offset - place->base;

	for (i = 0; i < place->registers->nrows; i++) {
		const struct pci_register *row = &place->registers->rows[i];
		unsigned int index = 0;

		if (relative < row->offset)
			continue;
		if (row->stride != 0)
			index = (relative - row->offset) / row->stride;
		if (relative - row->offset - index * row->stride >= row->width)
			continue;
		place->row = row;
		if (index >= pci_register_count(place, config, size))
			continue;
		place->index = (uint16_t)index;
		place->offset = (uint16_t)(place->base + row->offset + index * row->stride);
		return true;
	}
	return false;
}

bool pci_register_at(struct pci_register_place *place, const struct pcg_layout *layout, const uint8_t *config,
		     uint16_t offset)
{
	const struct pcg_cap *cap;

	if (offset < PCG_HEADER_END) {
		place->base = 0;
		place->registers = pci_header_registers(pcg_layout_find(layout, PCG_CAP_EXP) != NULL);
		return find_row(place, config, layout->size, offset);
	}
	cap = pcg_layout_at(layout, offset);
	if (cap == NULL)
		return false;
	place->base = cap->offset;
	place->registers = pci_cap_registers(cap, config, layout->size);
	return place->registers != NULL && find_row(place, config, layout->size, offset);
}
