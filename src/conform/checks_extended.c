/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Extended capabilities. What a capability offers its control register must take: a guest that enables what it was
 * shown, and reads back that it is off, was shown a lie.
 */
#include "conform/check.h"

#define EXT(name) (CHECK_EXT | PCG_ECAP_##name)

/* 7.8.4.3: masks that a function must have; those of the link are a link's. */
static void run_aer_host(struct conform *c, const struct check *check)
{
	static const uint16_t regs[] = { 0x08, 0x0c, 0x14 };
	unsigned int i;

	(void)check;
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++) {
		unsigned int at = c->base + regs[i];
		uint32_t host = check_host(c, at, 4), now = check_get(c, at, 4);

		check_watch(c);
		check_put(c, at, 4, ~now);
		if (check_host_wrote(c, at, 4, UINT32_MAX, host) == 2)
			check_fail(c, "%03x: what the guest masks, the host does not hear of any more", at);
		check_put(c, at, 4, now);
	}
}

static void run_ecrc(struct conform *c, const struct check *check)
{
	uint32_t cap = check_get(c, c->base + check->reg, 4);

	if (!(cap & 0x00a0))
		check_zero(c, check);
	else
		check_bits_readback(c, c->base + check->reg, 4, (cap & 0x20 ? 0x40u : 0) | (cap & 0x80 ? 0x100u : 0));
}

/* A function may have a single budget and a selector of no bits: then the write has at least reached it. */
static void run_select(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t before = check_get(c, at, 1), now;

	if (c->target->host != NULL)
		check_watch(c);
	check_put(c, at, 1, before ^ 1);
	now = check_get(c, at, 1);
	if (now == (before ^ 1))
		return;
	if (c->target->host == NULL)
		check_unknown(c, "%03x does not take a selection: whose doing that is cannot be seen", at);
	else if (check_host_wrote(c, at, 1, 0, 0) != 0)
		check_none(c, "%03x: the function's own selector has no bits", at);
	else
		check_fail(c, "%03x: %02x was selected, %02x reads back, and the function never heard of it", at,
			   before ^ 1, now);
}

/* Each bit of the capability word has its control bit at the same place: ACS. */
static void run_acs(struct conform *c, const struct check *check)
{
	uint32_t offered = check_get(c, c->base + check->source, 2) & check->mask;

	if (offered != 0)
		check_bits_readback(c, c->base + check->reg, 2, offered);
	check_bits_zero(c, c->base + check->reg, 2, check->mask & ~offered);
}

static void run_tph(struct conform *c, const struct check *check)
{
	uint32_t cap = check_get(c, c->base + 4, 4);

	check_bits_readback(c, c->base + check->reg, 4, cap & 0x100 ? 0x300 : 0x100);
}

/* The length that a vendor's header gives must lie inside the space. */
static void run_length(struct conform *c, const struct check *check)
{
	const struct walk_cap *cap = check_cap(c, check->cap);
	uint32_t length = cap->extended ? check_get(c, c->base + 4, 4) >> 20 : check_get(c, c->base + 2, 1);

	if (length < check->bits)
		check_fail(c, "%03x: a length of %u bytes, less than its own header", c->base, length);
	else if (length > cap->room)
		check_fail(c, "%03x: a length of %u bytes, %u are left", c->base, length, cap->room);
}

/*
 * What a vendor's registers do when written nobody knows. What stands in them is written back, to see whether it gets
 * through, and goes no further than that.
 */
static void run_vendor_host(struct conform *c, const struct check *check)
{
	const struct walk_cap *cap = check_cap(c, check->cap);
	uint32_t length = check_get(c, c->base + 4, 4) >> 20, at;

	if (length > cap->room)
		length = cap->room;
	check_watch(c);
	for (at = check->reg; at + 4 <= length; at += 4) {
		probe_hold(c->target->host, c->base + at);
		check_put(c, c->base + at, 4, check_host(c, c->base + at, 4));
		if (check_host_wrote(c, c->base + at, 4, 0, 0) != 0)
			check_fail(c, "%03x: a write of a vendor's register reached the function", c->base + at);
	}
	if (length < check->reg + 4u)
		check_none(c, "it has no registers");
}

#define ROW(name, text, section, how, capability, at, w, bits_, more)                                                  \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = capability, .reg = at, .width = w,       \
		.mask = bits_, .needs = more                                                                           \
	}

static const struct check checks[] = {
	/* Poisoned TLP, malformed TLP, unsupported request. */
	ROW("aer.unc-mask.readback", "uncorrectable error masks can be set and cleared", "PCIe 6.0, 7.8.4.3",
	    check_readback, EXT(AER), 0x08, 4, 0x00141000, NEEDS_PF),
	ROW("aer.unc-mask.reserved", "reserved mask bits read 0", "PCIe 6.0, 7.8.4.3", check_zero, EXT(AER), 0x08, 4,
	    0x0000000e, 0),
	ROW("aer.severity.readback", "severities can be set and cleared", "PCIe 6.0, 7.8.4.4", check_readback, EXT(AER),
	    0x0c, 4, 0x00141000, NEEDS_PF),
	ROW("aer.cor-mask.readback", "the advisory error's mask can be set and cleared", "PCIe 6.0, 7.8.4.6",
	    check_readback, EXT(AER), 0x14, 4, 0x00002000, NEEDS_PF),
	ROW("aer.control.read-only", "writes leave First Error Pointer and what ECRC can do alone", "PCIe 6.0, 7.8.4.7",
	    check_read_only, EXT(AER), 0x18, 4, 0x000000bf, 0),
	ROW("aer.control.ecrc", "ECRC enables act if ECRC is offered", "PCIe 6.0, 7.8.4.7", run_ecrc, EXT(AER), 0x18, 4,
	    0x00000140, NEEDS_PF),
	ROW("aer.log.read-only", "writes leave the header log alone", "PCIe 6.0, 7.8.4.8", check_read_only, EXT(AER),
	    0x1c, 4, 0xffffffff, 0),
	ROW("aer.host.masks", "masks and severities stay the host's", "the host runs its error handling", run_aer_host,
	    EXT(AER), 0x08, 4, 0, NEEDS_HOST),
	ROW("dsn.read-only", "writes leave the serial number alone", "PCIe 6.0, 7.9.3.2", check_read_only, EXT(DSN), 4,
	    4, 0xffffffff, 0),
	{ .id = "acs.control.honest",
	  .spec = "PCIe 6.0, 7.7.11.3",
	  .what = "each ACS control that is offered acts",
	  .run = run_acs,
	  .cap = EXT(ACS),
	  .reg = 6,
	  .width = 2,
	  .mask = 0x7f,
	  .source = 4 },
	ROW("tph.enable.honest", "TPH that is shown can be enabled", "PCIe 6.0, 7.9.13.3", run_tph, EXT(TPH), 8, 4, 0,
	    0),
	ROW("ltr.latency.honest", "LTR latencies that are shown can be set", "PCIe 6.0, 7.8.2.2", check_readback,
	    EXT(LTR), 4, 4, 0x1fff1fff, 0),
	ROW("power-budget.select", "the table of power budgets can be walked", "PCIe 6.0, 7.8.1.2", run_select, EXT(PB),
	    4, 1, 0x01, 0),
	ROW("power-budget.data-read-only", "writes leave the budget that is shown alone", "PCIe 6.0, 7.8.1.3",
	    check_read_only, EXT(PB), 8, 4, 0xffffffff, 0),
	{ .id = "vendor.std.length",
	  .spec = "PCI 3.0, appendix H",
	  .what = "a vendor capability's length fits",
	  .run = run_length,
	  .cap = PCG_CAP_VNDR,
	  .reg = 2,
	  .width = 1,
	  .bits = 3 },
	{ .id = "vendor.vsec.length",
	  .spec = "PCIe 6.0, 7.9.5.2",
	  .what = "a VSEC's length fits",
	  .run = run_length,
	  .cap = EXT(VSEC),
	  .reg = 4,
	  .width = 4,
	  .bits = 8 },
	ROW("vendor.vsec.read-only", "writes leave a VSEC's header alone", "PCIe 6.0, 7.9.5.2", check_read_only,
	    EXT(VSEC), 4, 4, 0xffffffff, 0),
	{ .id = "vendor.dvsec.length",
	  .spec = "PCIe 6.0, 7.9.6.2",
	  .what = "a DVSEC's length fits",
	  .run = run_length,
	  .cap = EXT(DVSEC),
	  .reg = 4,
	  .width = 4,
	  .bits = 10 },
	ROW("vendor.dvsec.read-only", "writes leave a DVSEC's header alone", "PCIe 6.0, 7.9.6.2", check_read_only,
	    EXT(DVSEC), 4, 4, 0xffffffff, 0),
	ROW("vendor.vsec.host", "a VSEC's registers are the host's", "unknown registers are the host's",
	    run_vendor_host, EXT(VSEC), 8, 4, 0, NEEDS_HOST | NEEDS_WATCH),
	ROW("vendor.dvsec.host", "a DVSEC's registers are the host's", "unknown registers are the host's",
	    run_vendor_host, EXT(DVSEC), 12, 4, 0, NEEDS_HOST | NEEDS_WATCH),
};

const struct check_group extended_group = CHECK_GROUP("extended", checks);
