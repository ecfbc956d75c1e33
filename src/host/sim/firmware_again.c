/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was pulled out and put back is at power-on: its ports get their numbers and windows again, and everything the
 * settings that it had, so that it stands where it stood and nothing else has to move.
 */
#include <errno.h>
#include <stdlib.h>

#include "host/sim/firmware_walk.h"

/* What the offset of a register counts from. */
enum base {
	HEADER,
	EXPRESS,
	ACS,
};

/* In the order in which they are written: windows open when they are complete. */
static const struct kept_register {
	uint16_t offset;
	uint8_t width;
	uint8_t base; /* enum base */
	bool port;    /* only ports have it */
	const char *section;
} registers[] = {
	{ BRIDGE_PRIMARY, 1, HEADER, true, "PCIe 6.0, 7.5.1.3.2" },
	{ BRIDGE_SECONDARY, 1, HEADER, true, "PCIe 6.0, 7.5.1.3.3" },
	{ BRIDGE_SUBORDINATE, 1, HEADER, true, "PCIe 6.0, 7.5.1.3.4" },
	{ BRIDGE_IO_BASE, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.6" },
	{ BRIDGE_MEMORY_BASE, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.8" },
	{ BRIDGE_MEMORY_LIMIT, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.8" },
	{ BRIDGE_PREF_BASE, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.9" },
	{ BRIDGE_PREF_LIMIT, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.9" },
	{ BRIDGE_PREF_BASE_UPPER, 4, HEADER, true, "PCIe 6.0, 7.5.1.3.10" },
	{ BRIDGE_PREF_LIMIT_UPPER, 4, HEADER, true, "PCIe 6.0, 7.5.1.3.10" },
	{ BRIDGE_CONTROL, 2, HEADER, true, "PCIe 6.0, 7.5.1.3.13" },
	{ ACS_CONTROL, 2, ACS, false, "PCIe 6.0, 7.7.11.3" },
	{ PCG_EXP_DEVCTL, 2, EXPRESS, false, "PCIe 6.0, 7.5.3.4" },
	{ PCG_EXP_DEVCTL2, 2, EXPRESS, true, "PCIe 6.0, 7.5.3.16" },
	{ PCG_COMMAND, 2, HEADER, false, "PCIe 6.0, 7.5.1.1.3" },
};

#define KEPT (sizeof(registers) / sizeof(registers[0]))

struct kept_function {
	const struct fabric_function *f;
	uint16_t bdf;
	uint32_t values[KEPT];
};

struct firmware_kept {
	unsigned int count;
	struct kept_function functions[];
};

/* Return: 0: the function has no such register. */
static uint16_t offset_in(const struct fabric_function *f, const struct kept_register *reg)
{
	if (reg->port && f->below == NULL)
		return 0;
	if (reg->base == HEADER)
		return reg->offset;
	if (reg->base == EXPRESS)
		return f->model.express != 0 ? (uint16_t)(f->model.express + reg->offset) : 0;
	return f->at.acs != 0 ? (uint16_t)(f->at.acs + reg->offset) : 0;
}

/* What stands on the root bus cannot be pulled out, and VFs are their PF's. */
static bool may_go(const struct fabric_function *f)
{
	return f->physical == NULL && f->bus != NULL && f->bus->port != NULL;
}

static void keep_function(struct kept_function *kept, struct fabric_function *f)
{
	kept->f = f;
	kept->bdf = fabric_bdf(f);
	for (size_t i = 0; i < KEPT; i++) {
		uint16_t offset = offset_in(f, &registers[i]);

		if (offset != 0)
			kept->values[i] = firmware_get(f->fabric, kept->bdf, offset, registers[i].width);
	}
}

int firmware_keep(struct firmware_kept **kept, struct fabric *fabric)
{
	struct fabric_function *f;
	unsigned int count = 0;

	for (f = fabric_each(fabric, NULL); f != NULL; f = fabric_each(fabric, f))
		count += may_go(f);
	*kept = calloc(1, sizeof(**kept) + count * sizeof((*kept)->functions[0]));
	if (*kept == NULL)
		return -ENOMEM;
	for (f = fabric_each(fabric, NULL); f != NULL; f = fabric_each(fabric, f))
		if (may_go(f))
			keep_function(&(*kept)->functions[(*kept)->count++], f);
	return 0;
}

/* PCIe 6.0, 2.2.6.2: the first of the writes tells it its bus number. */
bool firmware_again(const struct firmware_kept *kept, struct fabric_function *f)
{
	const struct kept_function *of = NULL;

	if (!may_go(f) || f->captured != 0 || !fabric_alive(f))
		return false;
	for (unsigned int i = 0; of == NULL && i < kept->count; i++)
		of = kept->functions[i].f == f ? &kept->functions[i] : NULL;
	if (of == NULL)
		return false;
	for (size_t i = 0; i < KEPT; i++) {
		uint16_t offset = offset_in(f, &registers[i]);

		if (offset != 0)
			firmware_put(f->fabric, of->bdf, offset, registers[i].width, of->values[i]);
	}
	return true;
}
