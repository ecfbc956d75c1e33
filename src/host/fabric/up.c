/* SPDX-License-Identifier: BSD-3-Clause */
/* The way up: what functions ask of memory, of each other and of the root complex. */
#include <errno.h>

#include "host/fabric/internal.h"

static uint32_t acs(const struct fabric_function *port)
{
	return fabric_get(port, port->at.acs, ACS_CONTROL, 2);
}

static bool is_request(const struct tlp *tlp)
{
	return tlp->type == TLP_MEMORY_READ || tlp->type == TLP_MEMORY_WRITE;
}

/* PCIe 6.0, 6.12.1.1: the requester's bus has to be behind the port; translation blocking is about memory alone. */
static enum tlp_status check_acs(struct fabric_function *port, const struct tlp *tlp)
{
	uint32_t control = acs(port);

	if ((control & ACS_VALIDATE) && !fabric_port_claims_bus(port, (uint8_t)(tlp->requester >> 8)))
		return fabric_refuse(port, FABRIC_ACS_VIOLATION, tlp);
	if ((control & ACS_BLOCK) && is_request(tlp) && tlp->at != TLP_UNTRANSLATED)
		return fabric_refuse(port, FABRIC_ACS_VIOLATION, tlp);
	return TLP_SUCCESS;
}

/* What the port at the upper end of a link makes of a packet that came over it. */
static enum tlp_status receive(struct fabric_function *port, const struct tlp *tlp, uint32_t payload, bool last)
{
	enum tlp_status status;

	if (!port->below->up)
		return TLP_LOST;
	if (fabric_is_poison(tlp))
		fabric_status(port, true, STATUS_PARITY);
	status = fabric_receive(port, tlp, payload, last);
	return status == TLP_SUCCESS ? check_acs(port, tlp) : status;
}

/* PCIe 6.0, 7.5.1.1.3: Bus Master Enable of ports lets memory requests upwards; those that sleep send nothing. */
static bool lets_up(const struct fabric_function *port)
{
	return (port->model.value[PCG_COMMAND / 4] & PCG_COMMAND_MASTER) != 0 && model_power(&port->model) == PCG_D0;
}

/*
 * A peer on the same bus: another downstream port of the switch, or another root port where the root complex passes
 * that on. PCIe 6.0, 6.12.1.1: P2P Request Redirect sends these up, except translated ones under Direct Translated P2P.
 */
static struct fabric_function *find_peer(struct fabric_function *port, const struct tlp *tlp, bool *redirected)
{
	struct fabric_function *peer = fabric_port_at(port->bus, tlp->address, tlp->length);
	bool direct = (acs(port) & ACS_DIRECT) != 0 && tlp->at == TLP_TRANSLATED;

	if (peer == NULL || peer == port || (fabric_is_root_port(port) && !fabric_port_of(port)->p2p))
		return NULL;
	if (*redirected)
		return NULL;
	if ((acs(port) & ACS_REDIRECT) && !direct) {
		*redirected = true;
		return NULL;
	}
	return peer;
}

static enum tlp_status go_down(struct fabric_function *peer, const struct tlp *tlp, struct fabric_route *route)
{
	route->turn = peer->bus;
	if (!peer->below->up)
		return fabric_refuse(peer, FABRIC_UNSUPPORTED, tlp);
	fabric_poison_down(peer, tlp);
	return fabric_route_down(peer->fabric, peer->below, tlp, route);
}

/*
 * One port on the way. *@peer: where it turns down. An address in the port's own windows would go back where it came
 * from: nobody takes that (2.2.4.1), unless it was redirected below and Upstream Forwarding is on (6.12.1.1).
 */
static enum tlp_status step(struct fabric_function *port, const struct tlp *tlp, struct fabric_route *route,
			    bool *redirected, struct fabric_function **peer)
{
	bool own = fabric_port_open(port) && fabric_port_claims(port, tlp->address, tlp->length);
	enum tlp_status status;

	*peer = NULL;
	if (port->below->link) {
		status = receive(port, tlp, route->payload, false);
		if (status != TLP_SUCCESS)
			return status;
		if (!lets_up(port))
			return fabric_refuse(port, FABRIC_UNSUPPORTED, tlp);
		if (own && !(acs(port) & ACS_FORWARD))
			return fabric_refuse(port, FABRIC_UNSUPPORTED, tlp);
		if (own)
			*redirected = true;
		else
			*peer = find_peer(port, tlp, redirected);
		return TLP_SUCCESS;
	}
	if (!lets_up(port))
		return fabric_refuse(port, FABRIC_UNSUPPORTED, tlp);
	/* Meant for the switch's other ports, and none takes it: the port that received it says so (2.3.1). */
	if (own && !*redirected)
		return fabric_refuse(route->root_port != NULL ? route->root_port : port, FABRIC_UNSUPPORTED, tlp);
	fabric_poison_up(port, tlp);
	return TLP_SUCCESS;
}

enum tlp_status fabric_route_up(struct fabric_function *from, const struct tlp *tlp, struct fabric_route *route)
{
	struct fabric_function *peer;
	struct fabric_bus *bus;
	bool redirected = false;
	enum tlp_status status;

	for (bus = fabric_bus_of(from); bus->port != NULL; bus = bus->port->bus) {
		status = step(bus->port, tlp, route, &redirected, &peer);
		if (status != TLP_SUCCESS)
			return status;
		if (peer != NULL)
			return go_down(peer, tlp, route);
		route->root_port = bus->port;
	}
	route->root = true;
	/* The root complex is where a poisoned write ends: it is not carried out (PCIe 6.0, 2.7.2.1). */
	if (tlp->type == TLP_MEMORY_WRITE && tlp->poisoned) {
		fabric_refuse(route->root_port, FABRIC_POISONED, tlp);
		return TLP_UNSUPPORTED;
	}
	return tlp->malformed ? TLP_LOST : TLP_SUCCESS;
}

enum tlp_status fabric_message(struct fabric_function *f, const struct tlp *message)
{
	struct fabric *fabric = f->fabric;
	struct tlp tlp = *message;
	struct fabric_bus *bus;
	enum tlp_status status;

	if (!fabric_alive(f))
		return TLP_LOST;
	tlp.type = TLP_MESSAGE;
	tlp.requester = fabric_bdf(f);
	tlp.tag = f->tag++;
	tlp.malformed = fabric_take(&f->faults.malform);
	for (bus = fabric_bus_of(f); bus->port != NULL; bus = bus->port->bus) {
		status = bus->link ? receive(bus->port, &tlp, 0, false) : TLP_SUCCESS;
		if (status != TLP_SUCCESS)
			return status;
	}
	return fabric->ops.message != NULL ? fabric->ops.message(fabric->arg, &tlp) : TLP_UNSUPPORTED;
}
