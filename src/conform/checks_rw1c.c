/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bits that a one clears. Errors are raised on the host's side; a bit that software did not write a one to must
 * survive whatever else it wrote, at whatever width (PCIe 6.0, 7.4: RW1C).
 */
#include "conform/check.h"

/*
 * What can be raised: a bit that the function itself holds already would not be seen to go. Where nothing can be raised
 * those count that are pending.
 */
static uint32_t raise(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t pending = check_host(c, at, check->width), bits = check->mask & ~pending;

	if (check_blind(c)) {
		if ((check->mask & pending) == 0)
			check_unknown(c, "no bit of %03x is pending, and none can be raised from here", at);
		return check->mask & pending;
	}
	if (bits == 0)
		check_unknown(c, "every bit of %03x is pending in the function itself", at);
	else
		check_raise(c, at, check->width, bits);
	return bits;
}

/* A write of the register beside it, of the whole dword, with zeros for the status. */
static void run_neighbour(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg, dword = at & ~3u, shift = 8 * (at & 3u);
	uint32_t bits = raise(c, check);
	uint32_t left, neighbour;

	if (bits == 0)
		return;
	neighbour = check_get(c, dword, 4);
	check_put(c, dword, 4, check->width == 2 ? neighbour & ~(0xffffu << shift) : 0);
	left = check_host(c, at, check->width) & bits;
	if (left != bits)
		check_fail(c,
			   "a write of the dword at %03x with zeros for the status cleared bits %x of %03x that nobody "
			   "wrote a one to",
			   dword, bits & ~left, at);
}

/* The control bits of the register itself are written, its status bit as zero. */
static void run_beside(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t bits = raise(c, check);
	uint32_t value;

	if (bits == 0)
		return;
	value = check_get(c, at, check->width) & ~bits;
	check_put(c, at, check->width, value);
	if ((check_host(c, at, check->width) & bits) != bits)
		check_fail(c, "a write of %0*x to %03x cleared bits %x that it wrote as 0", check->width * 2, value, at,
			   bits);
}

/* One of two is cleared: the other stays. */
static void run_single(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t bits = raise(c, check);
	uint32_t one = bits & -bits, left;

	if (bits == 0)
		return;
	check_put(c, at, check->width, one);
	left = check_host(c, at, check->width) & bits & ~one;
	if (left != (bits & ~one))
		check_fail(c, "clearing bit %x of %03x cleared bits %x too", one, at, bits & ~one & ~left);
}

static void run_clears(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t bits = raise(c, check);

	if (bits == 0)
		return;
	if ((check_get(c, at, check->width) & bits) != bits) {
		check_none(c, "the status is not shown to the guest");
		return;
	}
	check_put(c, at, check->width, bits);
	if (check_get(c, at, check->width) & bits)
		check_fail(c, "bits %x of %03x still read 1 after ones were written to them", bits, at);
}

#define ROWS(reg_id, reg_name, section, capability, at, w, bits)                                                       \
	{ .id = "rw1c." reg_id ".neighbour",                                                                           \
	  .spec = section,                                                                                             \
	  .what = "writing the register beside " reg_name " clears nothing in it",                                     \
	  .run = run_neighbour,                                                                                        \
	  .cap = capability,                                                                                           \
	  .reg = at,                                                                                                   \
	  .width = w,                                                                                                  \
	  .mask = bits,                                                                                                \
	  .needs = NEEDS_HOST },                                                                                       \
		{ .id = "rw1c." reg_id ".single",                                                                      \
		  .spec = section,                                                                                     \
		  .what = "clearing one bit of " reg_name " leaves the others",                                        \
		  .run = run_single,                                                                                   \
		  .cap = capability,                                                                                   \
		  .reg = at,                                                                                           \
		  .width = w,                                                                                          \
		  .mask = bits,                                                                                        \
		  .needs = NEEDS_HOST },                                                                               \
	{                                                                                                              \
		.id = "rw1c." reg_id ".clears", .spec = section,                                                       \
		.what = "writing ones to " reg_name " clears those bits", .run = run_clears, .cap = capability,        \
		.reg = at, .width = w, .mask = bits, .needs = NEEDS_HOST                                               \
	}

#define AER (CHECK_EXT | PCG_ECAP_AER)

static const struct check checks[] = {
	ROWS("status", "Status", "PCIe 6.0, 7.5.1.1.4", 0, PCG_STATUS, 2, 0xf900),
	ROWS("devsta", "Device Status", "PCIe 6.0, 7.5.3.5", PCG_CAP_EXP, PCG_EXP_DEVSTA, 2, 0x000f),
	/* Flow control and unsupported request; poisoned TLP egress blocked, which older tables do not know. */
	ROWS("aer-unc", "Uncorrectable Error Status", "PCIe 6.0, 7.8.4.2", AER, 0x04, 4, 0x04102000),
	ROWS("aer-cor", "Correctable Error Status", "PCIe 6.0, 7.8.4.5", AER, 0x10, 4, 0x000020c1),
	{ .id = "rw1c.pmcsr.beside",
	  .spec = "PCIe 6.0, 7.5.2.2",
	  .what = "writing a power state does not clear PME_Status",
	  .run = run_beside,
	  .cap = PCG_CAP_PM,
	  .reg = PCG_PM_CSR,
	  .width = 2,
	  .mask = 0x8000,
	  .needs = NEEDS_HOST },
};

const struct check_group rw1c_group = CHECK_GROUP("rw1c", checks);
