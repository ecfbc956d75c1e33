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
			fabric_log(bus->port, FABRIC_MALFORMED, &tlp, false);
			return false;
		}
		if (tlp.poisoned) {
			fabric_status(bus->port, true, STATUS_PARITY);
			fabric_log(bus->port, FABRIC_POISONED, &tlp, !fabric_is_root_port(bus->port));
		}
	}
	return !tlp.malformed;
}

/*
 * Walked from the requester upwards; of several that would not let it pass the topmost meets it first. Completions find
 * their way by routing id (2.2.4.2): a port whose bus numbers leave the requester out sends it nowhere.
 */
bool fabric_complete_down(struct fabric_function *requester, const struct tlp *request, uint16_t completer,
			  uint32_t payload, const struct fabric_bus *turn)
{
	struct tlp tlp = completion_of(request, completer, payload);
	struct fabric_function *receiver = requester, *found = NULL;
	struct fabric_bus *bus;
	bool arrives = true;

	for (bus = fabric_bus_of(requester); bus != turn && bus->port != NULL; bus = bus->port->bus) {
		if (bus->link && payload > fabric_mps(receiver)) {
			found = receiver;
			arrives = false;
		}
		if (!bus->up || !fabric_port_claims_bus(bus->port, (uint8_t)(tlp.target >> 8))) {
			found = NULL;
			arrives = false;
		}
		receiver = bus->port;
	}
	fabric_log(found, FABRIC_MALFORMED, &tlp, false);
	return arrives;
}
