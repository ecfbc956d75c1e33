/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to functions: resets, removal and insertion, time. */
#include <errno.h>
#include <string.h>

#include "host/fabric/internal.h"

#define NEVER UINT64_MAX

bool fabric_link_alive(const struct fabric_function *f)
{
	const struct fabric_bus *bus = fabric_bus_of(f);

	for (; bus != NULL; bus = bus->port->bus) {
		if (!bus->up)
			return false;
		if (bus->port == NULL)
			return true;
	}
	return false;
}

bool fabric_alive(const struct fabric_function *f)
{
	const struct fabric_function *pf = f->physical;

	if (f->flr_end != 0 || !fabric_link_alive(f))
		return false;
	if (pf == NULL)
		return true;
	return pf->flr_end == 0 && f->number < pf->nvirtuals && pf->virtuals[f->number] == f;
}

static bool is_below(const struct fabric_function *f, const struct fabric_bus *top)
{
	const struct fabric_bus *bus = fabric_bus_of(f);

	for (; bus != NULL && bus->port != NULL; bus = bus->port->bus)
		if (bus == top)
			return true;
	return false;
}

/* PCIe 6.0, 6.6.1 and 7.4: a conventional reset leaves sticky bits alone, which are those of error reporting here. */
static void lose_registers(struct fabric_function *f)
{
	uint32_t aer = f->at.aer / 4u;

	for (uint32_t i = 0; i < f->model.size / 4u; i++) {
		uint32_t lost = f->model.rw[i] | f->model.rw1c[i];

		if (aer != 0 && i >= aer && i < aer + 0x12)
			lost &= ~f->model.kept[i];
		f->model.value[i] = (f->model.value[i] & ~lost) | (f->initial[i] & lost);
	}
}

static void reset_hot(struct fabric_function *f, bool power)
{
	if (f->at.sriov != 0)
		fabric_sriov_reset(f);
	if (f->ops->reset != NULL)
		f->ops->reset(f, FABRIC_RESET_HOT);
	fabric_interrupts_drop(f);
	if (power)
		memcpy(f->model.value, f->initial, sizeof(f->model.value));
	else
		lose_registers(f);
	/* What its registers say of VFs follows from others of them. */
	if (f->at.sriov != 0)
		fabric_sriov_reset(f);
	f->captured = 0;
	f->flr_end = 0;
	if (f->below != NULL) {
		f->below->up = !f->below->link;
		fabric_port_link(f, false);
	}
}

/* There may be a thousand functions, and somebody asks for work with every request: few resets take any time. */
static void reset_ends(struct fabric_function *f, uint64_t end)
{
	f->flr_end = end;
	f->fabric->resetting = true;
}

void fabric_flr(struct fabric_function *f, enum fabric_reset reset)
{
	if (reset == FABRIC_RESET_HOT) {
		reset_hot(f, false);
		return;
	}
	/* PCIe 6.0, 9.2.2.2: a PF's reset takes its VFs. */
	if (f->at.sriov != 0)
		fabric_sriov_reset(f);
	if (f->ops->reset != NULL)
		f->ops->reset(f, reset);
	fabric_interrupts_drop(f);
	model_reset(&f->model);
	if (reset != FABRIC_RESET_FLR)
		return;
	/* Without a duration there is nothing that anybody could see of it: it is over. */
	if (f->faults.flr_never)
		f->flr_end = NEVER;
	else if (f->faults.flr_ms != 0)
		reset_ends(f, fabric_now() + f->faults.flr_ms);
}

/* The array shrinks when VFs go, but a function that stays knows its place. */
static void reset_all(struct fabric_bus *bus, bool power)
{
	struct fabric *fabric = bus->port->fabric;
	struct fabric_function *f;

	for (f = fabric_each(fabric, NULL); f != NULL; f = fabric_each(fabric, f))
		if (f->physical == NULL && is_below(f, bus))
			reset_hot(f, power);
}

void fabric_tell_below(struct fabric_bus *bus)
{
	struct fabric *fabric = bus->port->fabric;
	struct fabric_function *f;

	for (f = fabric_each(fabric, NULL); f != NULL; f = fabric_each(fabric, f))
		if (is_below(f, bus) && f->ops->alive != NULL)
			f->ops->alive(f);
}

void fabric_reset_below(struct fabric_bus *bus)
{
	reset_all(bus, false);
	fabric_tell_below(bus);
}

/* What is pulled out is what hangs on one link. */
static struct fabric_bus *link_of(const struct fabric_function *f)
{
	struct fabric_bus *bus = fabric_bus_of(f);

	while (bus != NULL && bus->port != NULL && !bus->link)
		bus = bus->port->bus;
	return bus != NULL && bus->port != NULL ? bus : NULL;
}

int fabric_remove(struct fabric_function *f)
{
	struct fabric_bus *bus = link_of(f);

	if (bus == NULL)
		return -ENOTSUP;
	if (bus->removed)
		return -EALREADY;
	bus->removed = true;
	fabric_port_link(bus->port, true);
	return 0;
}

int fabric_insert(struct fabric_function *f)
{
	struct fabric_bus *bus = link_of(f);

	if (bus == NULL)
		return -ENOTSUP;
	if (!bus->removed)
		return -EALREADY;
	bus->removed = false;
	reset_all(bus, true);
	fabric_port_link(bus->port, true);
	return 0;
}

void fabric_faults_clear(struct fabric_function *f)
{
	memset(&f->faults, 0, sizeof(f->faults));
	/* A reset that would never have ended is over with it. */
	if (f->flr_end == NEVER)
		reset_ends(f, fabric_now());
}

int fabric_work(struct fabric *fabric)
{
	uint64_t now, next = NEVER;
	struct fabric_function *f;

	if (!fabric->resetting)
		return -1;
	now = fabric_now();
	/* Whoever is told may begin the next one. */
	fabric->resetting = false;
	for (unsigned int i = 0; i < fabric->n; i++) {
		f = fabric->all[i];
		if (f->flr_end == 0 || f->flr_end == NEVER)
			continue;
		if (f->flr_end > now) {
			if (f->flr_end < next)
				next = f->flr_end;
			continue;
		}
		f->flr_end = 0;
		if (f->ops->alive != NULL)
			f->ops->alive(f);
	}
	if (next == NEVER)
		return -1;
	fabric->resetting = true;
	return next - now > INT32_MAX ? INT32_MAX : (int)(next - now);
}
