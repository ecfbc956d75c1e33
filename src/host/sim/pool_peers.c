/* SPDX-License-Identifier: BSD-3-Clause */
/* Which functions of a fabric reach each other's BARs, past the IOMMU: what its description left open is said. */
#include "base/log.h"
#include "host/sim/pool_internal.h"

static const struct fabric_function *port_above(const struct fabric_function *f)
{
	if (f->physical != NULL)
		f = f->physical;
	return f->bus != NULL ? f->bus->port : NULL;
}

/* Below another port of the bus that @port stands on. */
static bool is_beside(const struct fabric_function *f, const struct fabric_function *port)
{
	const struct fabric_function *at;

	for (at = port_above(f); at != NULL; at = port_above(at))
		if (at->bus == port->bus)
			return at != port;
	return false;
}

/*
 * PCIe 6.0, 6.12.1.1: with P2P Request Redirect, which firmware turns on wherever it is, a port sends everything up.
 * Root ports pass nothing on between them unless they are told to.
 */
static bool lets_across(const struct sim_fabric *shared, const struct fabric_function *port)
{
	const struct description_node *node = description_of(shared->description, port);

	if (port->below == NULL || !port->below->link || port->at.acs != 0)
		return false;
	return port->bus->port != NULL || (node != NULL && node->port.p2p);
}

static bool reaches(const struct sim_fabric *shared, const struct fabric_function *from,
		    const struct fabric_function *to)
{
	const struct fabric_function *port;

	for (port = port_above(from); port != NULL; port = port_above(port))
		if (lets_across(shared, port) && is_beside(to, port))
			return true;
	return false;
}

void sim_peers_note(struct sim_fabric *shared, const struct fabric_function *f, const struct pcg_log *log)
{
	char name[64], other[64];

	for (const struct sim_seat *seat = shared->seats; !shared->peers_told && seat != NULL; seat = seat->next) {
		if (!reaches(shared, f, seat->f) && !reaches(shared, seat->f, f))
			continue;
		sim_name(f, name, sizeof(name));
		sim_name(seat->f, other, sizeof(other));
		base_log(log, PCG_WARN,
			 "sim: %s and %s are not kept apart: whoever has one can write into the other's BARs. Their "
			 "ports are described with acs=off (of root ports: and p2p=on); leave that out where their "
			 "clients are not one",
			 name, other);
		shared->peers_told = true;
	}
}
