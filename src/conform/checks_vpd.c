/* SPDX-License-Identifier: BSD-3-Clause */
/* Vital Product Data, read only: a write would change the function's EEPROM. */
#include <poll.h>

#include "conform/check.h"

#define FLAG     0x8000u
#define ADDRESS  2u
#define DATA     4u
#define PATIENCE 200 /* ms */

/* Ask for four bytes. false: the flag never came. */
static bool ask(struct conform *c, uint32_t address, uint32_t *data)
{
	int left;

	check_put(c, c->base + ADDRESS, 2, address);
	for (left = PATIENCE; left > 0; left -= 5) {
		if (check_get(c, c->base + ADDRESS, 2) & FLAG) {
			*data = check_get(c, c->base + DATA, 4);
			return true;
		}
		poll(NULL, 0, 5);
	}
	return false;
}

/* Leave the registers as they were: what stood in the data register was read from this address. */
static void put_back(struct conform *c, uint32_t before)
{
	uint32_t data;

	ask(c, before & 0x7ffc, &data);
}

static void run_reads(struct conform *c, const struct check *check)
{
	uint32_t before = check_get(c, c->base + ADDRESS, 2), data;

	(void)check;
	if (!ask(c, 0, &data))
		check_fail(c, "a read of VPD address 0 did not end within %u ms: the flag stays 0", PATIENCE);
	put_back(c, before);
}

static void run_address(struct conform *c, const struct check *check)
{
	uint32_t before = check_get(c, c->base + ADDRESS, 2), data = 0, i;

	(void)check;
	for (i = 0; i < 8; i += 4) {
		if (!ask(c, i, &data))
			check_unknown(c, "VPD cannot be read");
		else if ((check_get(c, c->base + ADDRESS, 2) & 0x7fff) != i)
			check_fail(c, "VPD address %u was written and does not read back", i);
	}
	put_back(c, before);
}

static void run_stable(struct conform *c, const struct check *check)
{
	uint32_t before = check_get(c, c->base + ADDRESS, 2), one = 0, other = 0, again = 0;

	(void)check;
	if (!ask(c, 0, &one) || !ask(c, 4, &other) || !ask(c, 0, &again))
		check_unknown(c, "VPD cannot be read");
	else if (one != again)
		check_fail(c, "VPD address 0 read %08x, and %08x the next time", one, again);
	put_back(c, before);
}

static void run_bytes(struct conform *c, const struct check *check)
{
	uint32_t before = check_get(c, c->base + ADDRESS, 2), data = 0, bytes = 0, i;

	(void)check;
	if (!ask(c, 0, &data)) {
		check_unknown(c, "VPD cannot be read");
	} else {
		for (i = 0; i < 4; i++)
			bytes |= check_get(c, c->base + DATA + i, 1) << 8 * i;
		if (bytes != data)
			check_fail(c, "the data register reads %08x, and %08x by bytes", data, bytes);
	}
	put_back(c, before);
}

#define ROW(name, text, how)                                                                                           \
	{                                                                                                              \
		.id = name, .spec = "PCI 3.0, appendix I", .what = text, .run = how, .cap = PCG_CAP_VPD, .reg = 4,     \
		.width = 4                                                                                             \
	}

static const struct check checks[] = {
	ROW("vpd.read.completes", "a read ends, and the flag says so", run_reads),
	ROW("vpd.address.readback", "the address reads back", run_address),
	ROW("vpd.read.stable", "an address gives the same data twice", run_stable),
	ROW("vpd.data.bytewise", "the data reads the same by bytes", run_bytes),
};

const struct check_group vpd_group = CHECK_GROUP("vpd", checks);
