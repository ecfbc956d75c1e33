/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports: what they claim, whether their link works, and what their slot and their error registers interrupt for. */
#include <errno.h>
#include <stdlib.h>

#include "host/fabric/internal.h"
#include "host/fabric/port_config.h"

bool fabric_is_root_port(const struct fabric_function *f)
{
	return f->below != NULL && fabric_port_of(f)->kind == FABRIC_ROOT_PORT;
}

static bool window(uint64_t base, uint64_t limit, uint64_t address, uint64_t length)
{
	return base <= limit && address >= base && address <= limit && length - 1 <= limit - address;
}

/* PCIe 6.0, 7.5.1.3.8 to 7.5.1.3.10: 1 MiB granularity; the prefetchable window has 64 bits. */
bool fabric_port_claims(const struct fabric_function *port, uint64_t address, uint64_t length)
{
	const struct model *model = &port->model;
	uint64_t base = (uint64_t)(model_get(model, PORT_MEMORY_BASE, 2) & 0xfff0) << 16;
	uint64_t limit = (uint64_t)(model_get(model, PORT_MEMORY_LIMIT, 2) & 0xfff0) << 16 | 0xfffff;

	if (length == 0)
		length = 1;
	if (window(base, limit, address, length))
		return true;
	base = (uint64_t)(model_get(model, PORT_PREF_BASE, 2) & 0xfff0) << 16 |
	       (uint64_t)model_get(model, PORT_PREF_BASE_UPPER, 4) << 32;
	limit = (uint64_t)(model_get(model, PORT_PREF_LIMIT, 2) & 0xfff0) << 16 | 0xfffff |
		(uint64_t)model_get(model, PORT_PREF_LIMIT_UPPER, 4) << 32;
	return window(base, limit, address, length);
}

/* PCIe 6.0, 7.5.1.3.3 and 7.5.1.3.4. Bus 0 is the root bus: a port that was not set up claims nothing. */
bool fabric_port_claims_bus(const struct fabric_function *port, uint8_t bus)
{
	uint32_t secondary = model_get(&port->model, PORT_SECONDARY, 1);

	return secondary != 0 && bus >= secondary && bus <= model_get(&port->model, PORT_SUBORDINATE, 1);
}

/* PCIe 6.0, 7.5.1.1.3 (Memory Space Enable) and 5.3.1.4.1: memory is forwarded down only when both allow it. */
bool fabric_port_open(const struct fabric_function *port)
{
	return (port->model.value[PCG_COMMAND / 4] & PCG_COMMAND_MEMORY) != 0 && model_power(&port->model) == PCG_D0;
}

static bool msi_on(const struct fabric_function *port)
{
	return (fabric_get(port, port->model.msi, PCG_MSI_CONTROL, 2) & PCG_MSI_ENABLE) != 0;
}

/* PCIe 6.0, 6.7.3.4: hot-plug interrupt enable, and an event that is enabled. */
static bool slot_raises(const struct fabric_function *port)
{
	uint32_t control = fabric_get(port, port->model.express, EXP_SLTCTL, 2);
	uint32_t status = fabric_get(port, port->model.express, EXP_SLTSTA, 2);

	return msi_on(port) && (control & SLTCTL_INTERRUPT) &&
	       ((control & status & SLT_PRESENCE) || ((control & SLTCTL_LINK) && (status & SLTSTA_LINK)));
}

/* PCIe 6.0, 6.2.4.1.2: an error received and its reporting enable. */
static bool root_raises(const struct fabric_function *port)
{
	uint32_t command = fabric_get(port, port->at.aer, AER_ROOT_COMMAND, 4);
	uint32_t status = fabric_get(port, port->at.aer, AER_ROOT_STATUS, 4);

	return msi_on(port) && fabric_is_root_port(port) &&
	       (((command & 1) && (status & 0x01)) || ((command & 2) && (status & 0x20)) ||
		((command & 4) && (status & 0x40)));
}

void fabric_port_lines(struct fabric_function *f)
{
	struct fabric_port *port = fabric_port_of(f);
	bool slot = slot_raises(f), root = root_raises(f);
	bool send = (slot && !port->slot_raised) || (root && !port->root_raised);

	port->slot_raised = slot;
	port->root_raised = root;
	/* Both have Interrupt Message Number 0. */
	if (send)
		fabric_msi(f, 0);
}

static void set_bits(struct fabric_function *f, uint16_t offset, uint32_t bits, bool on)
{
	model_set(&f->model, (uint16_t)(f->model.express + offset), 2, bits, on ? bits : 0);
}

/* What became of the link: PCIe 6.0, 3.2.1 for Surprise Down, 6.7.3.3 for the slot's events. */
static void link_changed(struct fabric_function *f, bool up, bool surprise)
{
	bool slot = fabric_get(f, f->model.express, PCG_EXP_FLAGS, 2) & 0x0100;

	set_bits(f, EXP_LNKSTA, LNKSTA_ACTIVE, up);
	if (slot)
		set_bits(f, EXP_SLTSTA, SLTSTA_LINK, true);
	if (up)
		fabric_tell_below(f->below);
	if (!up) {
		fabric_reset_below(f->below);
		if (surprise && (fabric_get(f, f->model.express, EXP_LNKCAP, 4) & LNKCAP_SURPRISE) &&
		    !(slot && (fabric_get(f, f->model.express, EXP_SLTCAP, 4) & SLTCAP_SURPRISE)))
			fabric_error(f, FABRIC_SURPRISE_DOWN, NULL);
	}
}

void fabric_port_link(struct fabric_function *f, bool events)
{
	struct fabric_port *port = fabric_port_of(f);
	bool present = port->bus.functions != NULL && !port->bus.removed, before = port->bus.up, was;
	bool asked = port->in_reset || (fabric_get(f, f->model.express, EXP_LNKCTL, 2) & LNKCTL_DISABLE) != 0;

	if (!port->bus.link)
		return;
	port->bus.up = present && !asked;
	was = (fabric_get(f, f->model.express, EXP_SLTSTA, 2) & SLTSTA_PRESENT) != 0;
	if (fabric_get(f, f->model.express, PCG_EXP_FLAGS, 2) & 0x0100) {
		set_bits(f, EXP_SLTSTA, SLTSTA_PRESENT, present);
		if (events && was != present)
			set_bits(f, EXP_SLTSTA, SLT_PRESENCE, true);
	}
	if (!events)
		set_bits(f, EXP_LNKSTA, LNKSTA_ACTIVE, port->bus.up);
	else if (before != port->bus.up)
		link_changed(f, port->bus.up, !asked);
	if (events)
		fabric_port_lines(f);
}

/* PCIe 6.0, 6.6.1: Secondary Bus Reset resets what is below; what is on a link loses it until the bit is clear again.
 */
void fabric_port_written(struct fabric_function *f)
{
	struct fabric_port *port = fabric_port_of(f);
	bool reset = (model_get(&f->model, PORT_BRIDGE_CONTROL, 2) & BRIDGE_RESET) != 0;
	bool begins = reset && !port->in_reset;

	port->in_reset = reset;
	if (!port->bus.link) {
		port->bus.up = !reset;
		if (begins)
			fabric_reset_below(&port->bus);
	}
	fabric_port_link(f, true);
	fabric_port_lines(f);
}

static void port_reset(struct fabric_function *f, enum fabric_reset reset)
{
	struct fabric_port *port = fabric_port_of(f);

	(void)reset;
	port->in_reset = false;
	port->slot_raised = false;
	port->root_raised = false;
}

static void port_destroy(struct fabric_function *f)
{
	struct fabric_port *port = fabric_port_of(f);

	f->fabric->nbuses--;
	free(port);
}

static const struct fabric_function_ops port_ops = { .kind = "port", .destroy = port_destroy, .reset = port_reset };

/* A port stands where its kind can: root ports on the root bus, upstream ports on links, others inside a switch. */
static bool place_fits(enum fabric_port_kind kind, const struct fabric_bus *bus)
{
	switch (kind) {
	case FABRIC_ROOT_PORT:
		return bus->port == NULL;
	case FABRIC_UPSTREAM:
		return bus->link;
	case FABRIC_DOWNSTREAM:
		return bus->port != NULL && !bus->link;
	}
	return false;
}

int fabric_port_create(struct fabric_function **made, struct fabric *fabric, enum fabric_port_kind kind,
		       struct fabric_bus *bus, uint16_t devfn, const struct fabric_port_options *options)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	const struct fabric_facts facts = { .config = config };
	struct fabric_port *port;
	int r;

	if (!place_fits(kind, bus) || devfn > 0xff)
		return -EINVAL;
	if (fabric->nbuses == FABRIC_BUSES)
		return -ENOSPC;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return -ENOMEM;
	port->kind = kind;
	port->p2p = options->p2p;
	port->bus.port = &port->f;
	port->bus.link = kind != FABRIC_UPSTREAM;
	port->bus.up = !port->bus.link;
	port->f.below = &port->bus;
	fabric_port_config(config, kind, devfn, options);
	r = fabric_function_init(&port->f, fabric, &port_ops, bus, devfn, &facts);
	if (r != 0) {
		free(port->f.initial);
		free(port);
		return r;
	}
	fabric->nbuses++;
	*made = &port->f;
	return 0;
}
