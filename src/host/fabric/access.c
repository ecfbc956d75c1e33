/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory requests of the processors. */
#include <string.h>

#include "host/fabric/internal.h"

#define PAGE 4096u

static uint32_t chunk(uint64_t address, size_t length)
{
	size_t room = PAGE - (size_t)(address & (PAGE - 1));

	return (uint32_t)(length < room ? length : room);
}

/* The completion of a read on its way up: cut by the completer's Max_Payload_Size (PCIe 6.0, 2.3.1.1). */
static enum tlp_status complete(const struct fabric_route *route, const struct tlp *tlp)
{
	uint32_t payload = fabric_mps(route->f);
	bool poisoned = false;

	if (payload > tlp->length)
		payload = tlp->length;
	if (!fabric_complete_up(route->f, tlp, payload, NULL, &poisoned)) {
		fabric_timeout(route->root_port, route->f);
		return TLP_LOST;
	}
	return poisoned ? TLP_UNSUPPORTED : TLP_SUCCESS;
}

static enum tlp_status finish(const struct fabric_route *route, const struct tlp *tlp)
{
	enum tlp_status status = fabric_deliver(route->f, route->bar, route->offset, tlp);

	if (tlp->type == TLP_MEMORY_WRITE)
		return status;
	if (status == TLP_SUCCESS)
		status = complete(route, tlp);
	else if (status == TLP_LOST)
		fabric_timeout(route->root_port, route->f);
	/* A processor that gets no data reads all ones. */
	if (status != TLP_SUCCESS)
		memset(tlp->data, 0xff, tlp->length);
	return status;
}

/* @only: whom it is for; that the way ends elsewhere only overlapping registers can bring about. NULL: anybody. */
static enum tlp_status access_page(struct fabric *fabric, const struct fabric_function *only, struct tlp *tlp)
{
	struct fabric_route route = { .payload = tlp->length };
	enum tlp_status status = fabric_route_down(fabric, &fabric->root, tlp, &route);

	if (status == TLP_SUCCESS && (only == NULL || route.f == only))
		return finish(&route, tlp);
	if (status == TLP_SUCCESS)
		status = TLP_UNSUPPORTED;
	if (tlp->type == TLP_MEMORY_READ) {
		if (status == TLP_LOST)
			fabric_timeout(route.root_port, only);
		memset(tlp->data, 0xff, tlp->length);
	}
	return status;
}

static enum tlp_status access_all(struct fabric *fabric, const struct fabric_function *only, enum tlp_type type,
				  uint64_t address, void *data, size_t length)
{
	enum tlp_status status = TLP_SUCCESS, one;
	struct tlp tlp = { .type = type };

	while (length > 0) {
		tlp.address = address;
		tlp.data = data;
		tlp.length = chunk(address, length);
		one = access_page(fabric, only, &tlp);
		if (status == TLP_SUCCESS)
			status = one;
		address += tlp.length;
		data = (uint8_t *)data + tlp.length;
		length -= tlp.length;
	}
	return status;
}

enum tlp_status fabric_read(struct fabric *fabric, uint64_t address, void *data, size_t length)
{
	return access_all(fabric, NULL, TLP_MEMORY_READ, address, data, length);
}

enum tlp_status fabric_write(struct fabric *fabric, uint64_t address, const void *data, size_t length)
{
	/* The packet's data pointer serves both directions; of a write it is only read. */
	return access_all(fabric, NULL, TLP_MEMORY_WRITE, address, (void *)(uintptr_t)data, length);
}

/* Where software has put the BAR: only while the function still holds that. */
static bool still_placed(const struct fabric_function *f, unsigned int bar, uint64_t *address)
{
	return fabric_bar_address(f, bar, address) && (f->physical != NULL || *address == f->placed[bar]);
}

static struct fabric_function *root_port_of(const struct fabric_function *f)
{
	const struct fabric_bus *bus = fabric_bus_of(f);
	struct fabric_function *port = NULL;

	for (; bus != NULL && bus->port != NULL; bus = bus->port->bus)
		port = bus->port;
	return port;
}

static bool ports_open(const struct fabric_function *f)
{
	const struct fabric_bus *bus = fabric_bus_of(f);

	for (; bus != NULL && bus->port != NULL; bus = bus->port->bus)
		if (!fabric_port_open(bus->port))
			return false;
	return true;
}

/* An address that no port takes is not of this fabric's host: it was given by somebody who has the BAR alone. */
static bool elsewhere(const struct fabric_function *f, uint64_t address, size_t length)
{
	return fabric_port_at(&f->fabric->root, address, length) == NULL && ports_open(f);
}

/* Whoever moved the BAR moved no host's accesses: those below other ports have nothing to hear of it. */
static bool taken_by_others(const struct fabric_function *f, uint64_t address, size_t length)
{
	const struct fabric_bus *bus = fabric_bus_of(f);

	for (; bus != NULL && bus->port != NULL; bus = bus->port->bus) {
		const struct fabric_function *port = fabric_port_at(bus->port->bus, address, length);

		if (port != NULL && port != bus->port)
			return true;
	}
	return false;
}

/* Straight to a function whose links are up: I/O, for which no port has a window, and what stands elsewhere. */
static enum tlp_status access_straight(struct fabric_function *f, unsigned int bar, uint64_t offset,
				       const struct tlp *whole, size_t length)
{
	enum tlp_status status = TLP_SUCCESS, one;
	struct tlp tlp = *whole;

	for (size_t done = 0; done < length; done += tlp.length) {
		struct fabric_route route = {
			.f = f, .bar = bar, .offset = offset + done, .root_port = root_port_of(f)
		};

		tlp.data = whole->data + done;
		tlp.length = chunk(offset + done, length - done);
		one = fabric_link_alive(f) ? finish(&route, &tlp) : TLP_UNSUPPORTED;
		if (one != TLP_SUCCESS && tlp.type == TLP_MEMORY_READ)
			memset(tlp.data, 0xff, tlp.length);
		if (status == TLP_SUCCESS)
			status = one;
	}
	return status;
}

static enum tlp_status access_bar(struct fabric_function *f, unsigned int bar, uint64_t offset, enum tlp_type type,
				  void *data, size_t length)
{
	uint64_t size = bar > FABRIC_ROM ? 0 : bar == FABRIC_ROM ? f->rom.size : f->bars[bar].size, address;
	struct tlp tlp = { .type = type, .address = offset, .length = chunk(offset, length), .data = data };
	bool io = bar < FABRIC_ROM && f->bars[bar].kind == PCG_BAR_IO;

	if (length == 0 && offset <= size)
		return TLP_SUCCESS;
	if (offset >= size || length > size - offset || !still_placed(f, bar, &address) ||
	    (!io && taken_by_others(f, address + offset, length))) {
		/* Addressed where it was, with nobody there to take it: the device has to say so. */
		if (type == TLP_MEMORY_READ)
			memset(data, 0xff, length);
		tlp.address += bar > FABRIC_ROM ? 0 : f->placed[bar];
		return fabric_alive(f) ? fabric_refuse(f, FABRIC_UNSUPPORTED, &tlp) : TLP_UNSUPPORTED;
	}
	if (io || elsewhere(f, address + offset, length))
		return access_straight(f, bar, offset, &tlp, length);
	return access_all(f->fabric, f, type, address + offset, data, length);
}

enum tlp_status fabric_function_read(struct fabric_function *f, unsigned int bar, uint64_t offset, void *data,
				     size_t length)
{
	return access_bar(f, bar, offset, TLP_MEMORY_READ, data, length);
}

enum tlp_status fabric_function_write(struct fabric_function *f, unsigned int bar, uint64_t offset, const void *data,
				      size_t length)
{
	return access_bar(f, bar, offset, TLP_MEMORY_WRITE, (void *)(uintptr_t)data, length);
}
