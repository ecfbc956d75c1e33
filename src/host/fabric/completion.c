/* SPDX-License-Identifier: BSD-3-Clause */
/* The way back: completions with data, judged by every receiver as requests are (PCIe 6.0, 2.2.2 and 2.2.9). */
#include "host/fabric/internal.h"

static struct tlp completion_of(const struct tlp *request, uint16_t completer, uint32_t payload)
{
	return (struct tlp){ .type = TLP_COMPLETION,
			     .requester = completer,
			     .target = request->requester,
			     .tag = request->tag,
			     .address = request->address,
			     .length = payload };
}

/* PCIe 6.0, 7.5.1.1.4 and 7.5.1.3.7: whose Parity Error Response is on says of poisoned completions that it got them.
 */
static uint16_t parity_response(const struct fabric_function *f, bool secondary)
{
	bool on = secondary ? (model_get(&f->model, PORT_BRIDGE_CONTROL, 2) & BRIDGE_PARITY) != 0
			    : (fabric_pf(f)->model.value[PCG_COMMAND / 4] & PCG_COMMAND_PARITY) != 0;

	return on ? STATUS_MDPE : 0;
}

bool fabric_complete_up(struct fabric_function *completer, const struct tlp *request, uint32_t payload,
			const struct fabric_bus *turn, bool *poisoned)
{
	struct tlp tlp = completion_of(request, fabric_bdf(completer), payload);
	struct fabric_bus *bus;

	tlp.malformed = fabric_take(&completer->faults.malform);
	tlp.poisoned = *poisoned = fabric_take(&completer->faults.poison);
	for (bus = fabric_bus_of(completer); bus != turn && bus->port != NULL; bus = bus->port->bus) {
		if (!bus->link)
			continue;
		if (!bus->up)
			return false;
		if (tlp.malformed || payload > fabric_mps(bus->port)) {
			fabric_malformed(bus->port, &tlp);
			return false;
		}
		if (tlp.poisoned) {
			fabric_status(bus->port, true, STATUS_PARITY | parity_response(bus->port, true));
			fabric_log(bus->port, FABRIC_POISONED, &tlp, !fabric_is_root_port(bus->port));
		}
	}
	return !tlp.malformed;
}

/*
 * Who holds a completion that cannot go on to @bus: the upstream port of the switch (PCIe 6.0, 2.3.2). Nobody whom this
 * way down passes: the root complex, or the port that a peer's completion came in by.
 */
static struct fabric_function *misled(const struct fabric_bus *bus, const struct fabric_bus *turn)
{
	if (!bus->link)
		return bus->port;
	return bus->port->bus != turn ? bus->port->bus->port : NULL;
}

/*
 * Walked from the requester upwards; of several that would not let it pass the topmost meets it first. Completions find
 * their way by routing id (2.2.4.2): one that a port's bus numbers leave out is unexpected where the switch received
 * it.
 */
bool fabric_complete_down(struct fabric_function *requester, const struct tlp *request, uint16_t completer,
			  uint32_t payload, const struct fabric_bus *turn)
{
	struct tlp tlp = completion_of(request, completer, payload);
	struct fabric_function *receiver = requester, *found = NULL;
	enum fabric_error error = FABRIC_MALFORMED;
	struct fabric_bus *bus;
	bool arrives = true;

	for (bus = fabric_bus_of(requester); bus != turn && bus->port != NULL; bus = bus->port->bus) {
		if (bus->link && payload > fabric_mps(receiver)) {
			found = receiver;
			error = FABRIC_MALFORMED;
			arrives = false;
		}
		if (!bus->up || !fabric_port_claims_bus(bus->port, (uint8_t)(tlp.target >> 8))) {
			found = bus->up ? misled(bus, turn) : NULL;
			error = FABRIC_UNEXPECTED_COMPLETION;
			arrives = false;
		}
		receiver = bus->port;
	}
	if (found != NULL && error == FABRIC_MALFORMED)
		fabric_malformed(found, &tlp);
	else if (found != NULL)
		fabric_error(found, error, &tlp);
	return arrives;
}

void fabric_complete_poisoned(struct fabric_function *requester, const struct tlp *request, uint16_t completer,
			      uint32_t payload, const struct fabric_bus *turn)
{
	struct tlp tlp = completion_of(request, completer, payload);
	struct fabric_function *receiver = requester;

	tlp.poisoned = true;
	for (struct fabric_bus *bus = fabric_bus_of(requester); bus != turn && bus->port != NULL;
	     bus = bus->port->bus) {
		if (bus->link) {
			fabric_status(receiver, false, STATUS_PARITY | parity_response(receiver, false));
			fabric_error(receiver, FABRIC_POISONED, &tlp);
		}
		receiver = bus->port;
	}
}
