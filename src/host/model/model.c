/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "host/model/model.h"
#include "pci/registers.h"

#define PM_D1_D2    0x0600u /* PMC: D1 and D2 supported (PCIe 6.0, 7.5.2.1) */
#define VPD_FLAG    0x8000u
#define VPD_ADDRESS 0x7fffu
#define ROM_ENABLE  1u
#define ROM_ADDRESS 0xfffff800u

static uint32_t width_mask(unsigned int width)
{
	return width >= 4 ? UINT32_MAX : (1u << (8 * width)) - 1;
}

uint32_t model_read(const struct model *model, uint16_t dword)
{
	return dword * 4u < model->size ? model->value[dword] : UINT32_MAX;
}

uint32_t model_get(const struct model *model, uint16_t offset, unsigned int width)
{
	if (offset >= model->size)
		return 0;
	return (model->value[offset / 4] >> (8 * (offset & 3u))) & width_mask(width);
}

void model_set(struct model *model, uint16_t offset, unsigned int width, uint32_t mask, uint32_t value)
{
	unsigned int shift = 8 * (offset & 3u);

	if (offset >= model->size)
		return;
	mask &= width_mask(width);
	model->value[offset / 4] = (model->value[offset / 4] & ~(mask << shift)) | ((value & mask) << shift);
}

/* Add one register's bits at its place. */
static void add_register(struct model *model, const struct model_facts *facts, const struct pci_register_place *place)
{
	const struct pci_register *row = place->row;
	uint32_t absent = pci_register_absent(place, facts->config, facts->size);
	unsigned int shift = 8 * (place->offset & 3u), dword = place->offset / 4u;
	uint32_t recorded;

	if (place->offset + row->width > facts->size)
		return;
	recorded = model_get(model, place->offset, row->width);
	/* What the record shows set is there, whatever other registers say; but a VF's are hardwired. */
	absent = (absent | row->optional) & ~(recorded & row->rw);
	if (facts->is_vf) {
		absent |= row->not_vf;
		model->value[dword] &= ~((row->not_vf & (row->rw | row->rw1c)) << shift);
	}
	model->rw[dword] |= (row->rw & ~absent) << shift;
	model->rw1c[dword] |= (row->rw1c & ~absent) << shift;
	model->kept[dword] |= row->kept << shift;
	model->reset[dword] |= (row->reset & row->rw & ~absent) << shift;
	/* What acts reads as zero, whatever the record says. */
	model->value[dword] &= ~(row->act << shift);
}

static void add_registers(struct model *model, const struct model_facts *facts, const struct pci_registers *registers,
			  uint16_t base, uint16_t length)
{
	struct pci_register_place place = { .registers = registers, .base = base };
	unsigned int i, n;

	for (i = 0; i < registers->nrows; i++) {
		place.row = &registers->rows[i];
		n = pci_register_count(&place, facts->config, facts->size);
		for (place.index = 0; place.index < n; place.index++) {
			unsigned int relative = place.row->offset + place.index * place.row->stride;

			if (relative + place.row->width > length)
				break;
			place.offset = (uint16_t)(base + relative);
			add_register(model, facts, &place);
		}
	}
}

static void add_caps(struct model *model, const struct model_facts *facts, const struct pcg_cap *caps, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct pci_registers *registers = pci_cap_registers(&caps[i], facts->config, facts->size);

		/* The memory behind a BAR does not change its size while the function is open. */
		if (caps[i].extended && (caps[i].id == PCG_ECAP_REBAR || caps[i].id == PCG_ECAP_VFREBAR))
			continue;
		if (registers != NULL)
			add_registers(model, facts, registers, caps[i].offset, caps[i].length);
		registers = facts->port ? pci_port_registers(&caps[i], facts->root_port) : NULL;
		if (registers != NULL)
			add_registers(model, facts, registers, caps[i].offset, caps[i].length);
	}
}

static void add_bars(struct model *model, const struct model_facts *facts)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		const struct pcg_bar *bar = &facts->bars[i];
		unsigned int dword = PCG_BAR0 / 4 + i;

		if (bar->kind == PCG_BAR_UPPER)
			continue;
		model->rw[dword] = (uint32_t)pcg_bar_mask(bar);
		model->value[dword] = (model->value[dword] & model->rw[dword]) | pcg_bar_low(bar);
		if (bar->kind == PCG_BAR_MEM64 && i + 1 < PCG_NUM_BARS) {
			model->rw[dword + 1] = (uint32_t)(pcg_bar_mask(bar) >> 32);
			model->value[dword + 1] &= model->rw[dword + 1];
		}
	}
	model->rw[PCG_ROM / 4] = 0;
	if (facts->rom->kind != PCG_BAR_NONE)
		model->rw[PCG_ROM / 4] = (~(uint32_t)(facts->rom->size - 1) & ROM_ADDRESS) | ROM_ENABLE;
	model->value[PCG_ROM / 4] &= model->rw[PCG_ROM / 4];
}

/* PCIe 6.0, 7.5.1.1.3: an enable bit is there for what the function decodes, or if the record shows it set. */
static void limit_command(struct model *model, const struct model_facts *facts)
{
	uint32_t absent = PCG_COMMAND_IO | PCG_COMMAND_MEMORY;
	unsigned int i;

	if (facts->rom->kind != PCG_BAR_NONE)
		absent &= ~(uint32_t)PCG_COMMAND_MEMORY;
	for (i = 0; i < PCG_NUM_BARS; i++)
		if (facts->bars[i].size != 0)
			absent &= ~(uint32_t)(facts->bars[i].kind == PCG_BAR_IO ? PCG_COMMAND_IO : PCG_COMMAND_MEMORY);
	absent &= ~model->value[PCG_COMMAND / 4];
	if (facts->no_memory_bit)
		absent |= PCG_COMMAND_MEMORY;
	model->rw[PCG_COMMAND / 4] &= ~absent;
	model->value[PCG_COMMAND / 4] &= ~absent;
}

static void add_header(struct model *model, const struct model_facts *facts)
{
	bool express = pcg_layout_find(facts->layout, PCG_CAP_EXP) != NULL;

	if (facts->port) {
		add_registers(model, facts, pci_bridge_registers(), 0, PCG_HEADER_END);
		return;
	}
	add_registers(model, facts, pci_header_registers(express), 0, PCG_HEADER_END);
	add_bars(model, facts);
	limit_command(model, facts);
}

static uint16_t find_room(const struct pcg_layout *layout, uint16_t id, uint16_t length)
{
	const struct pcg_cap *cap = pcg_layout_find(layout, id);

	return cap != NULL && cap->length >= length ? cap->offset : 0;
}

static void find_caps(struct model *model, const struct model_facts *facts)
{
	model->pm = find_room(facts->layout, PCG_CAP_PM, PCG_PM_CSR + 2);
	model->msi = find_room(facts->layout, PCG_CAP_MSI, 10);
	model->msix = find_room(facts->layout, PCG_CAP_MSIX, 12);
	model->express = find_room(facts->layout, PCG_CAP_EXP, PCG_EXP_DEVCTL + 2);
	model->af = find_room(facts->layout, PCG_CAP_AF, PCG_AF_CTRL + 1);
	model->vpd = find_room(facts->layout, PCG_CAP_VPD, 8);
	model->flr_devctl =
		model->express != 0 && (model_get(model, model->express + PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_FLR) != 0;
	model->flr_af = model->af != 0 && (model_get(model, model->af + PCG_AF_CAP, 1) & PCG_AF_CAP_FLR) != 0;
}

/* Most of a configuration space is what no reset changes. */
static void find_lost(struct model *model)
{
	model->nlost = 0;
	for (unsigned int i = 0; i < model->size / 4u; i++)
		if ((model->rw[i] | model->rw1c[i]) & ~model->kept[i])
			model->lost[model->nlost++] = (uint16_t)i;
}

int model_init(struct model *model, const struct model_facts *facts)
{
	unsigned int i;

	if (facts->size != PCG_CONFIG_CONVENTIONAL && facts->size != PCG_CONFIG_EXTENDED)
		return -EINVAL;
	memset(model, 0, sizeof(*model));
	model->size = (uint16_t)facts->size;
	model->ram = facts->ram;
	for (i = 0; i < facts->size / 4; i++)
		model->value[i] = pcg_get32(facts->config + 4 * (size_t)i);
	find_caps(model, facts);
	if (facts->ram) {
		memset(model->rw, 0xff, facts->size);
		memset(model->kept, 0xff, facts->size);
		return 0;
	}
	add_header(model, facts);
	add_caps(model, facts, facts->layout->caps, facts->layout->ncaps);
	add_caps(model, facts, facts->layout->ecaps, facts->layout->necaps);
	find_lost(model);
	return 0;
}

enum pcg_power model_power(const struct model *model)
{
	if (model->pm == 0)
		return PCG_D0;
	return (enum pcg_power)(model_get(model, model->pm + PCG_PM_CSR, 1) & PCG_PM_STATE);
}

/* PCIe 6.0, 7.5.2.2: a write of a state that the function does not have is discarded. */
static bool has_state(const struct model *model, enum pcg_power state)
{
	uint32_t states = model_get(model, model->pm + PCG_PM_PMC, 2) & PM_D1_D2;

	return state == PCG_D0 || state == PCG_D3HOT || (states & (state == PCG_D1 ? 0x0200u : 0x0400u)) != 0;
}

static unsigned int power_written(struct model *model, enum pcg_power before)
{
	enum pcg_power after = model_power(model);

	if (after == before)
		return 0;
	if (!has_state(model, after)) {
		model_set(model, model->pm + PCG_PM_CSR, 1, PCG_PM_STATE, before);
		return 0;
	}
	if (before == PCG_D3HOT && after == PCG_D0 &&
	    !(model_get(model, model->pm + PCG_PM_CSR, 1) & PCG_PM_NO_SOFT_RESET))
		return MODEL_POWER | MODEL_LOST;
	return MODEL_POWER;
}

/* What was written to one byte-aligned register of a dword, if the write reached its bytes. */
static bool wrote(uint16_t dword, uint8_t be, uint16_t offset, uint32_t bits, uint32_t value)
{
	uint32_t placed = bits << (8 * (offset & 3u));

	return offset / 4u == dword && (pcg_be_mask(be) & placed & value) != 0;
}

static bool touched(uint16_t dword, uint8_t be, uint16_t offset, uint32_t bits)
{
	return wrote(dword, be, offset, bits, UINT32_MAX);
}

static unsigned int actions_of(struct model *model, uint16_t dword, uint8_t be, uint32_t value, enum pcg_power before)
{
	unsigned int actions = 0;

	if (touched(dword, be, PCG_COMMAND, 0xffff))
		actions |= MODEL_COMMAND;
	if (model->pm != 0 && touched(dword, be, model->pm + PCG_PM_CSR, PCG_PM_STATE))
		actions |= power_written(model, before);
	if (model->flr_devctl && wrote(dword, be, model->express + PCG_EXP_DEVCTL, PCG_DEVCTL_FLR, value))
		actions |= MODEL_FLR;
	if (model->flr_af && wrote(dword, be, model->af + PCG_AF_CTRL, PCG_AF_CTRL_FLR, value))
		actions |= MODEL_FLR;
	/* The flag stands in the upper byte: writing that byte is what starts an access. */
	if (model->vpd != 0 && touched(dword, be, model->vpd + 2, VPD_FLAG))
		actions |= MODEL_VPD;
	return actions;
}

unsigned int model_write(struct model *model, uint16_t dword, uint8_t be, uint32_t value)
{
	enum pcg_power before = model_power(model);
	uint32_t bytes = pcg_be_mask(be), rw;

	if (dword * 4u >= model->size)
		return 0;
	rw = model->rw[dword] & bytes;
	model->value[dword] = (model->value[dword] & ~rw) | (value & rw);
	model->value[dword] &= ~(value & bytes & model->rw1c[dword]);
	return model->ram ? 0 : actions_of(model, dword, be, value, before);
}

unsigned int model_set_power(struct model *model, enum pcg_power state)
{
	enum pcg_power before = model_power(model);

	if (model->pm == 0 || model->ram)
		return 0;
	model_set(model, model->pm + PCG_PM_CSR, 1, PCG_PM_STATE, state);
	return power_written(model, before);
}

void model_reset(struct model *model)
{
	unsigned int n;

	for (n = 0; n < model->nlost; n++) {
		unsigned int i = model->lost[n];
		uint32_t lost = model->rw[i] & ~model->kept[i];

		model->value[i] = (model->value[i] & ~lost) | (model->reset[i] & lost);
		model->value[i] &= ~(model->rw1c[i] & ~model->kept[i]);
	}
}

void model_vpd(struct model *model, uint8_t *vpd, size_t size)
{
	uint32_t control, address;

	if (model->vpd == 0)
		return;
	control = model_get(model, model->vpd + 2, 2);
	address = control & VPD_ADDRESS;
	if (address % 4 != 0 || address + 4 > size)
		return;
	if (control & VPD_FLAG)
		pcg_put32(vpd + address, model_get(model, model->vpd + 4, 4));
	else
		model_set(model, model->vpd + 4, 4, UINT32_MAX, pcg_get32(vpd + address));
	model_set(model, model->vpd + 2, 2, VPD_FLAG, control & VPD_FLAG ? 0 : VPD_FLAG);
}
