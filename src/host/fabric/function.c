/* SPDX-License-Identifier: BSD-3-Clause */
/* One function: how it is made, where it stands, and what a request does that reached it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/fabric/internal.h"
#include "pci/registers.h"

#define ROM_ENABLE 1u

struct fabric_bus *fabric_bus_of(const struct fabric_function *f)
{
	return f->physical != NULL ? f->physical->bus : f->bus;
}

const struct fabric_function *fabric_pf(const struct fabric_function *f)
{
	return f->physical != NULL ? f->physical : f;
}

struct fabric_port *fabric_port_of(const struct fabric_function *f)
{
	return f->below == NULL ? NULL : (void *)((char *)f->below - offsetof(struct fabric_port, bus));
}

uint32_t fabric_get(const struct fabric_function *f, uint16_t base, uint16_t offset, unsigned int width)
{
	return base == 0 ? 0 : model_get(&f->model, (uint16_t)(base + offset), width);
}

/* PCIe 6.0, 7.5.3.4: of an ARI device, function 0 has the payload size of all; what the others hold is ignored. */
static const struct fabric_function *sizes_of(const struct fabric_function *f)
{
	const struct fabric_function *pf = fabric_pf(f), *first;

	if (pf->at.ari == 0 || pf->devfn == 0 || pf->bus == NULL || !pf->bus->link)
		return pf;
	for (first = pf->bus->functions; first != NULL; first = first->next)
		if (first->devfn == 0 && first->at.ari != 0)
			return first;
	return pf;
}

/* PCIe 6.0, 7.5.3.4: a VF uses its PF's sizes. Encodings that are reserved, or beyond Device Capabilities, are not more
 * than the function can do. */
uint32_t fabric_mps(const struct fabric_function *f)
{
	const struct fabric_function *pf = sizes_of(f);
	uint32_t set = (fabric_get(pf, pf->model.express, PCG_EXP_DEVCTL, 2) & PCG_DEVCTL_MPS) >> 5;
	uint32_t most = fabric_get(pf, pf->model.express, PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_MPSS;

	if (most > 5)
		most = 5;
	return 128u << (set < most ? set : most);
}

uint32_t fabric_mrrs(const struct fabric_function *f)
{
	const struct fabric_function *pf = fabric_pf(f);
	uint32_t set = (fabric_get(pf, pf->model.express, PCG_EXP_DEVCTL, 2) & PCG_DEVCTL_MRRS) >> 12;

	return 128u << (set < 5 ? set : 5);
}

bool fabric_take(uint32_t *count)
{
	if (*count == 0)
		return false;
	if (*count != UINT32_MAX)
		(*count)--;
	return true;
}

/* PCIe 6.0, 9.2.1.2: VFs may reach past the bus of their PF. */
uint16_t fabric_bdf(const struct fabric_function *f)
{
	const struct fabric_function *pf = fabric_pf(f);
	unsigned int bus = pf->bus != NULL && pf->bus->port != NULL ? pf->captured : 0;

	return (uint16_t)((bus << 8) + f->devfn);
}

static bool decodes_memory(const struct fabric_function *f)
{
	uint32_t command = f->model.value[PCG_COMMAND / 4];

	/* Some functions have no memory enable bit at all, and decode always. */
	return (command & PCG_COMMAND_MEMORY) != 0 || (f->model.rw[PCG_COMMAND / 4] & PCG_COMMAND_MEMORY) == 0;
}

static uint64_t bar_register(const struct fabric_function *f, unsigned int bar)
{
	uint64_t value;

	if (bar == FABRIC_ROM)
		return f->model.value[PCG_ROM / 4] & ~(f->rom.size - 1) & UINT32_MAX;
	value = f->model.value[PCG_BAR0 / 4 + bar];
	if (f->bars[bar].kind == PCG_BAR_MEM64)
		value |= (uint64_t)f->model.value[PCG_BAR0 / 4 + bar + 1] << 32;
	return value & pcg_bar_mask(&f->bars[bar]);
}

static bool virtual_bar(const struct fabric_function *f, unsigned int bar, uint64_t *address)
{
	const struct fabric_function *pf = f->physical;
	uint32_t control = fabric_get(pf, pf->at.sriov, SRIOV_CONTROL, 2);

	/* PCIe 6.0, 9.3.3.3.4: VF MSE is all VFs' memory enable. */
	return (control & SRIOV_ENABLE) && (control & SRIOV_MSE) && bar < PCG_NUM_BARS && f->bars[bar].size != 0 &&
	       fabric_sriov_bar(pf, f->number, bar, address);
}

bool fabric_bar_address(const struct fabric_function *f, unsigned int bar, uint64_t *address)
{
	if (f->below != NULL || bar > FABRIC_ROM)
		return false;
	if (f->physical != NULL)
		return virtual_bar(f, bar, address);
	*address = bar_register(f, bar);
	if (bar == FABRIC_ROM)
		return f->rom.kind != PCG_BAR_NONE && decodes_memory(f) &&
		       (f->model.value[PCG_ROM / 4] & ROM_ENABLE) != 0;
	switch (f->bars[bar].kind) {
	case PCG_BAR_IO:
		return (f->model.value[PCG_COMMAND / 4] & PCG_COMMAND_IO) != 0;
	case PCG_BAR_MEM32:
	case PCG_BAR_MEM64:
		return decodes_memory(f);
	case PCG_BAR_NONE:
	case PCG_BAR_UPPER:
		break;
	}
	return false;
}

static void note_placed(struct fabric_function *f)
{
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++)
		f->placed[i] = bar_register(f, i);
	f->placed[FABRIC_ROM] = f->rom.size == 0 ? 0 : bar_register(f, FABRIC_ROM);
}

static uint16_t find_extended(const struct pcg_layout *layout, uint16_t id)
{
	const struct pcg_cap *cap = pcg_layout_find_extended(layout, id);

	return cap != NULL ? cap->offset : 0;
}

static void find_places(struct fabric_function *f, const struct pcg_layout *layout)
{
	f->at.aer = find_extended(layout, PCG_ECAP_AER);
	f->at.acs = find_extended(layout, PCG_ECAP_ACS);
	f->at.ari = find_extended(layout, PCG_ECAP_ARI);
	f->at.ats = find_extended(layout, PCG_ECAP_ATS);
	f->at.sriov = find_extended(layout, PCG_ECAP_SRIOV);
	f->at.pri = find_extended(layout, PCG_ECAP_PRI);
	f->at.pasid = find_extended(layout, PCG_ECAP_PASID);
	f->at.rebar = find_extended(layout, PCG_ECAP_REBAR);
}

static int make_registers(struct fabric_function *f, const struct fabric_facts *facts)
{
	static const struct pcg_bar none[PCG_NUM_BARS];
	struct pcg_layout *layout = malloc(sizeof(*layout));
	struct model_facts model = {
		.config = facts->config,
		.size = PCG_CONFIG_EXTENDED,
		.layout = layout,
		.bars = facts->is_vf || facts->bars == NULL ? none : facts->bars,
		.rom = facts->rom != NULL ? facts->rom : none,
		.is_vf = facts->is_vf,
		.no_memory_bit = facts->no_memory_bit,
		.port = f->below != NULL,
		.root_port = fabric_is_root_port(f),
	};
	int r;

	if (layout == NULL)
		return -ENOMEM;
	r = pci_layout_parse_any(layout, facts->config, PCG_CONFIG_EXTENDED, NULL);
	if (r == 0)
		r = model_init(&f->model, &model);
	if (r == 0)
		find_places(f, layout);
	free(layout);
	if (r != 0)
		return -EINVAL;
	memcpy(f->bars, facts->bars != NULL ? facts->bars : none, sizeof(f->bars));
	f->rom = facts->rom != NULL ? *facts->rom : none[0];
	f->initial = malloc(sizeof(f->model.value));
	if (f->initial == NULL)
		return -ENOMEM;
	memcpy(f->initial, f->model.value, sizeof(f->model.value));
	if (f->below == NULL)
		note_placed(f);
	return 0;
}

static void put_on_bus(struct fabric_function *f, struct fabric_bus *bus)
{
	struct fabric_function **at = &bus->functions;

	while (*at != NULL)
		at = &(*at)->next;
	*at = f;
	f->bus = bus;
	if (bus->port != NULL)
		fabric_port_link(bus->port, false);
}

int fabric_function_init(struct fabric_function *f, struct fabric *fabric, const struct fabric_function_ops *ops,
			 struct fabric_bus *bus, uint16_t devfn, const struct fabric_facts *facts)
{
	struct fabric_function *other;
	int r;

	if (fabric->n == FABRIC_MAX_FUNCTIONS)
		return -ENOSPC;
	if (bus != NULL && devfn > 0xff)
		return -EINVAL;
	for (other = bus != NULL ? bus->functions : NULL; other != NULL; other = other->next)
		if (other->devfn == devfn)
			return -EEXIST;
	f->ops = ops;
	f->fabric = fabric;
	f->devfn = devfn;
	r = make_registers(f, facts);
	if (r != 0)
		return r;
	f->order = (uint16_t)fabric->n;
	fabric->all[fabric->n++] = f;
	if (bus != NULL)
		put_on_bus(f, bus);
	return 0;
}

static void take_off_bus(struct fabric_function *f)
{
	struct fabric_function **at;

	if (f->bus == NULL)
		return;
	/* A VF that was told its bus is not in the list: it is found by its PF. */
	for (at = &f->bus->functions; *at != NULL; at = &(*at)->next)
		if (*at == f) {
			*at = f->next;
			break;
		}
	if (f->bus->port != NULL && !f->fabric->ending)
		fabric_port_link(f->bus->port, false);
	f->bus = NULL;
}

void fabric_function_destroy(struct fabric_function *f)
{
	struct fabric *fabric = f->fabric;

	fabric_sriov_finish(f);
	fabric_sriov_forget(f);
	fabric_interrupts_drop(f);
	take_off_bus(f);
	for (unsigned int i = f->order + 1u; i < fabric->n; i++) {
		fabric->all[i - 1] = fabric->all[i];
		fabric->all[i - 1]->order--;
	}
	fabric->n--;
	free(f->initial);
	f->initial = NULL;
	if (f->ops->destroy != NULL)
		f->ops->destroy(f);
}

static bool stuck(struct fabric_function *f, enum pcg_power before, unsigned int actions)
{
	if (!f->faults.stuck_power || !(actions & MODEL_POWER))
		return false;
	model_set(&f->model, f->model.pm + PCG_PM_CSR, 1, PCG_PM_STATE, before);
	return true;
}

static void config_write(struct fabric_function *f, uint16_t dword, uint8_t be, uint32_t value)
{
	enum pcg_power before = model_power(&f->model);
	unsigned int actions = model_write(&f->model, dword, be, value);

	if (stuck(f, before, actions))
		actions &= ~(unsigned int)(MODEL_POWER | MODEL_LOST);
	if (f->below == NULL && ((dword >= PCG_BAR0 / 4 && dword < PCG_CARDBUS_CIS / 4) || dword == PCG_ROM / 4))
		note_placed(f);
	/* PCIe 6.0, 5.3.1.4 and 7.5.2.2: without No_Soft_Reset, D3hot to D0 is an internal reset. */
	if (actions & MODEL_LOST)
		fabric_flr(f, FABRIC_RESET_BACKDOOR);
	if (actions & MODEL_FLR)
		fabric_flr(f, FABRIC_RESET_FLR);
	if (f->at.sriov != 0 && dword >= f->at.sriov / 4 && dword < f->at.sriov / 4 + 16)
		fabric_sriov_written(f, dword, be);
	fabric_msi_unmasked(f, dword);
	if (f->below != NULL)
		fabric_port_written(f);
	if (f->ops->written != NULL)
		f->ops->written(f, dword, be, actions);
}

enum tlp_status fabric_deliver_config(struct fabric_function *f, const struct tlp *tlp, uint32_t *value)
{
	uint16_t dword = (uint16_t)(tlp->address / 4);

	if (fabric_take(&f->faults.mute))
		return TLP_LOST;
	/* PCIe 6.0, 6.6.2: until it is over, a function may answer configuration requests with RRS. */
	if (f->flr_end != 0)
		return TLP_RETRY;
	if (tlp->type == TLP_CONFIG_WRITE) {
		if (f->physical == NULL)
			f->captured = (uint8_t)(tlp->target >> 8);
		if (!f->faults.config_ones)
			config_write(f, dword, tlp->be, *value);
		return TLP_SUCCESS;
	}
	if (f->ops->refresh != NULL)
		f->ops->refresh(f, dword);
	*value = f->faults.config_ones ? UINT32_MAX : model_read(&f->model, dword);
	return TLP_SUCCESS;
}

/* What the function makes of it, once it is its own. */
static enum tlp_status access_memory(struct fabric_function *f, unsigned int bar, uint64_t offset,
				     const struct tlp *tlp)
{
	if (tlp->length == 0 || tlp->data == NULL)
		return TLP_SUCCESS;
	if (tlp->type == TLP_MEMORY_WRITE)
		return f->ops->write == NULL ? TLP_UNSUPPORTED : f->ops->write(f, bar, offset, tlp->data, tlp->length);
	return f->ops->read == NULL ? TLP_UNSUPPORTED : f->ops->read(f, bar, offset, tlp->data, tlp->length);
}

enum tlp_status fabric_deliver(struct fabric_function *f, unsigned int bar, uint64_t offset, const struct tlp *tlp)
{
	enum tlp_status status;

	if (fabric_take(&f->faults.mute))
		return TLP_LOST;
	/* Errors of a function under reset are nobody's (6.6.2). */
	if (!fabric_alive(f))
		return TLP_UNSUPPORTED;
	/* PCIe 6.0, 5.3.1.4.1: in D3hot a function takes configuration requests and messages alone. */
	if (model_power(&f->model) != PCG_D0)
		return fabric_refuse(f, FABRIC_UNSUPPORTED, tlp);
	if (tlp->type == TLP_MEMORY_WRITE && tlp->poisoned)
		return fabric_refuse(f, FABRIC_POISONED, tlp);
	/* PCIe 6.0, 10.2.2: translations are the root complex's. */
	if (tlp->at == TLP_TRANSLATION_REQUEST)
		return fabric_refuse(f, FABRIC_UNSUPPORTED, tlp);
	status = fabric_take(&f->faults.abort) ? TLP_ABORTED : access_memory(f, bar, offset, tlp);
	if (status == TLP_UNSUPPORTED)
		return fabric_refuse(f, FABRIC_UNSUPPORTED, tlp);
	if (status == TLP_ABORTED)
		return fabric_refuse(f, FABRIC_COMPLETER_ABORT, tlp);
	return status;
}
