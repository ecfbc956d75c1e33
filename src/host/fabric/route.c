/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The way down: what the root complex sends, and what turned down inside a switch. Each step goes one bus deeper into
 * what was built, whatever the registers say, so every way ends.
 */
#include <errno.h>
#include <string.h>

#include "host/fabric/internal.h"

struct fabric_function *fabric_port_at(const struct fabric_bus *bus, uint64_t address, uint64_t length)
{
	for (struct fabric_function *f = bus->functions; f != NULL; f = f->next)
		if (f->below != NULL && fabric_port_open(f) && fabric_port_claims(f, address, length))
			return f;
	return NULL;
}

static struct fabric_function *port_to(const struct fabric_bus *bus, uint8_t number)
{
	for (struct fabric_function *f = bus->functions; f != NULL; f = f->next)
		if (f->below != NULL && fabric_port_claims_bus(f, number))
			return f;
	return NULL;
}

/* PCIe 6.0, 9.2.1.2: VF n is First VF Offset + n * VF Stride behind its PF; sriov.c put that into @devfn of each. */
static struct fabric_function *virtual_at(const struct fabric_function *pf, uint32_t devfn)
{
	uint32_t stride, n;

	if (pf->nvirtuals == 0 || pf->virtuals == NULL || pf->virtuals[0] == NULL || devfn < pf->virtuals[0]->devfn)
		return NULL;
	n = devfn - pf->virtuals[0]->devfn;
	if (pf->nvirtuals > 1 && pf->virtuals[1] != NULL && pf->virtuals[1]->devfn > pf->virtuals[0]->devfn) {
		stride = (uint32_t)(pf->virtuals[1]->devfn - pf->virtuals[0]->devfn);
		n /= stride;
	}
	if (n >= pf->nvirtuals || pf->virtuals[n] == NULL || pf->virtuals[n]->devfn != devfn)
		return NULL;
	return pf->virtuals[n];
}

/*
 * On a bus, by routing id. Functions look at a type 0 request's device and function alone (2.2.6.2), and at a type 1
 * request by what they captured, for VFs on the buses that follow.
 */
static struct fabric_function *function_at(const struct fabric_bus *bus, uint16_t bdf, bool type0)
{
	struct fabric_function *f, *vf;

	for (f = bus->functions; f != NULL; f = f->next) {
		uint32_t own = (uint32_t)f->captured << 8, devfn = type0 ? bdf & 0xffu : bdf - own;

		if (type0 && f->devfn == devfn)
			return f;
		if (!type0 && bdf < own)
			continue;
		vf = virtual_at(f, devfn);
		if (vf != NULL)
			return vf;
	}
	return NULL;
}

/* PCIe 6.0, 7.3.1: below a link there is device 0 and no other, unless ARI Forwarding is on (6.13). */
static bool device_reachable(const struct fabric_bus *bus, uint16_t bdf)
{
	if (!bus->link || (bdf & 0xf8) == 0)
		return true;
	return (fabric_get(bus->port, bus->port->model.express, PCG_EXP_DEVCTL2, 2) & DEVCTL2_ARI) != 0;
}

/*
 * @asked: set to who has to say that there is nobody; NULL: the root complex itself. @type1: how the last link was
 * passed.
 */
static struct fabric_function *find(struct fabric *fabric, uint16_t bdf, struct fabric_function **asked, bool *type1)
{
	struct fabric_bus *bus = &fabric->root;
	uint8_t number = 0, wanted = (uint8_t)(bdf >> 8);
	struct fabric_function *port, *f;

	*type1 = false;
	for (;;) {
		*asked = bus->port != NULL && !fabric_is_root_port(bus->port) ? bus->port : NULL;
		if (!bus->up)
			return NULL;
		if (wanted == number && !device_reachable(bus, bdf))
			return NULL;
		if (bus->link && bus->functions != NULL) {
			*asked = bus->functions;
			*type1 = wanted != number;
		}
		if (wanted == number)
			return function_at(bus, bdf, true);
		port = port_to(bus, wanted);
		if (port == NULL) {
			f = bus->link ? function_at(bus, bdf, false) : NULL;
			return f;
		}
		/* PCIe 6.0, 5.3.1.4.1: beyond a port that sleeps nothing is reached. */
		*asked = fabric_is_root_port(port) ? NULL : port;
		if (model_power(&port->model) != PCG_D0)
			return NULL;
		number = (uint8_t)model_get(&port->model, PORT_SECONDARY, 1);
		bus = port->below;
	}
}

struct fabric_function *fabric_find(struct fabric *fabric, uint16_t bdf)
{
	struct fabric_function *asked;
	bool type1;

	return find(fabric, bdf, &asked, &type1);
}

static struct fabric_function *root_port_of(const struct fabric_function *f)
{
	struct fabric_bus *bus = fabric_bus_of(f);

	while (bus != NULL && bus->port != NULL && bus->port->bus != NULL && bus->port->bus->port != NULL)
		bus = bus->port->bus;
	return bus != NULL ? bus->port : NULL;
}

static enum tlp_status config(struct fabric *fabric, struct tlp *tlp, uint32_t *value)
{
	struct fabric_function *asked, *f;
	enum tlp_status status = TLP_UNSUPPORTED;

	if (tlp->address >= PCG_CONFIG_EXTENDED)
		return TLP_UNSUPPORTED;
	f = find(fabric, tlp->target, &asked, &tlp->type1);
	if (f == NULL && asked != NULL && asked->bus->link)
		fabric_refuse_device(asked->bus, tlp);
	else if (f == NULL)
		fabric_refuse(asked, FABRIC_UNSUPPORTED, tlp);
	else
		status = fabric_deliver_config(f, tlp, value);
	/* The root complex is the requester: its port has the timeout (PCIe 6.0, 2.8). */
	if (status == TLP_LOST)
		fabric_timeout(root_port_of(f), f);
	return status;
}

enum tlp_status fabric_config_read(struct fabric *fabric, uint16_t bdf, uint16_t dword, uint8_t be, uint32_t *value)
{
	struct tlp tlp = { .type = TLP_CONFIG_READ, .target = bdf, .be = be, .address = dword * 4u, .length = 4 };
	enum tlp_status status = config(fabric, &tlp, value);

	if (status != TLP_SUCCESS)
		*value = UINT32_MAX;
	return status;
}

enum tlp_status fabric_config_write(struct fabric *fabric, uint16_t bdf, uint16_t dword, uint8_t be, uint32_t value)
{
	struct tlp tlp = { .type = TLP_CONFIG_WRITE, .target = bdf, .be = be, .address = dword * 4u, .length = 4 };

	return config(fabric, &tlp, &value);
}

/* Who decodes an address; VFs stand side by side, so one division finds the only one that it can be. */
static bool decode_virtual(const struct fabric_function *pf, const struct tlp *tlp, struct fabric_route *route)
{
	uint64_t first, address, n, size;

	if (pf->nvirtuals == 0 || pf->virtuals == NULL || pf->virtuals[0] == NULL)
		return false;
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++) {
		if (!fabric_bar_address(pf->virtuals[0], bar, &first) || tlp->address < first)
			continue;
		size = pf->virtuals[0]->bars[bar].size;
		if (pf->nvirtuals > 1 && pf->virtuals[1] != NULL &&
		    fabric_bar_address(pf->virtuals[1], bar, &address) && address > first)
			size = address - first;
		n = (tlp->address - first) / size;
		if (n >= pf->nvirtuals || pf->virtuals[n] == NULL ||
		    !fabric_bar_address(pf->virtuals[n], bar, &address) || tlp->address < address ||
		    tlp->address - address + tlp->length > pf->virtuals[n]->bars[bar].size)
			continue;
		route->f = pf->virtuals[n];
		route->bar = bar;
		route->offset = tlp->address - address;
		return true;
	}
	return false;
}

static bool decode(struct fabric_function *f, const struct tlp *tlp, struct fabric_route *route)
{
	uint64_t address, size;

	for (unsigned int bar = 0; bar <= FABRIC_ROM; bar++) {
		size = bar == FABRIC_ROM ? f->rom.size : f->bars[bar].size;
		if (size == 0 || (bar < PCG_NUM_BARS && f->bars[bar].kind == PCG_BAR_IO) ||
		    !fabric_bar_address(f, bar, &address))
			continue;
		if (tlp->address < address || tlp->address - address >= size ||
		    tlp->address - address + tlp->length > size)
			continue;
		route->f = f;
		route->bar = bar;
		route->offset = tlp->address - address;
		return true;
	}
	return decode_virtual(f, tlp, route);
}

/* A packet arrives at the far end of a link: PCIe 6.0, 2.2.2, 2.7.2 and 6.2.3.2.4. @last: it is meant for this one. */
enum tlp_status fabric_receive(struct fabric_function *f, const struct tlp *tlp, uint32_t payload, bool last)
{
	if (tlp->malformed || (tlp->type == TLP_MEMORY_WRITE && payload > fabric_mps(f))) {
		fabric_malformed(f, tlp);
		return TLP_LOST;
	}
	if (tlp->type == TLP_MEMORY_WRITE && tlp->poisoned && !last)
		fabric_log(f, FABRIC_POISONED, tlp, true);
	return TLP_SUCCESS;
}

static enum tlp_status nobody(struct fabric_bus *bus, const struct tlp *tlp)
{
	/* On a link the device is the receiver; inside a switch, its upstream port. */
	if (bus->link)
		return fabric_refuse_device(bus, tlp);
	return fabric_refuse(bus->port, FABRIC_UNSUPPORTED, tlp);
}

/* @f: the port that passes it on, or whose memory it is for; NULL: nobody's. Malformed comes before that (6.2.3.2.3).
 */
static enum tlp_status arrive(struct fabric_bus *bus, struct fabric_function *f, const struct tlp *packet,
			      const struct fabric_route *route)
{
	bool passes = f != NULL && route->f == NULL;
	enum tlp_status status;

	if (f == NULL)
		f = bus->functions;
	if (!bus->link || f == NULL)
		return TLP_SUCCESS;
	status = fabric_receive(f, packet, route->payload, !passes);
	if (status == TLP_SUCCESS && passes && fabric_is_poison(packet))
		fabric_status(f, false, STATUS_PARITY);
	return status;
}

enum tlp_status fabric_route_down(struct fabric *fabric, struct fabric_bus *bus, const struct tlp *tlp,
				  struct fabric_route *route)
{
	struct tlp packet = *tlp; /* one of those that the root port cuts it into */
	struct fabric_function *f;
	enum tlp_status status;

	(void)fabric;
	for (;;) {
		route->f = NULL;
		for (f = bus->functions; f != NULL && route->f == NULL; f = f->next)
			if (f->below == NULL)
				decode(f, tlp, route);
		f = route->f != NULL ? route->f : fabric_port_at(bus, tlp->address, tlp->length);
		status = arrive(bus, f, &packet, route);
		if (status != TLP_SUCCESS)
			return status;
		if (f == NULL)
			return nobody(bus, &packet);
		if (route->f != NULL)
			return TLP_SUCCESS;
		fabric_poison_down(f, tlp);
		/* What the root complex sends is cut by its port (PCIe 6.0, 2.2.2). */
		if (fabric_is_root_port(f)) {
			route->root_port = f;
			if (route->payload > fabric_mps(f))
				route->payload = fabric_mps(f);
			if (tlp->type == TLP_MEMORY_WRITE)
				packet.length = route->payload;
		}
		bus = f->below;
		/* PCIe 6.0, 2.9.1: a port whose link is down answers for what is behind it. */
		if (!bus->up)
			return fabric_refuse(f, FABRIC_UNSUPPORTED, &packet);
	}
}
