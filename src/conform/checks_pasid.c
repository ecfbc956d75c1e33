/* SPDX-License-Identifier: BSD-3-Clause */
/* PASID, address translation and page requests: what is shown can be turned on, and says no more than there is. */
#include <poll.h>

#include "conform/check.h"

#define EXT(name) (CHECK_EXT | PCG_ECAP_##name)

#define PASID_TRANSLATED 0x0008u /* translated requests with a PASID: the same bit of capability and control */
#define PASID_OFFERS     (PCG_PASID_EXECUTE | PCG_PASID_PRIVILEGED | PASID_TRANSLATED)

#define ATS_UNIT       0x001fu
#define ATS_ATTRIBUTES 0x0100u /* memory attributes: with them comes a field of Control */

#define STOP_MS 1000 /* for a function to have done with what it has asked for */

/* --- PASID --- */

static void run_enable(struct conform *c, const struct check *check)
{
	uint32_t offered = check_get(c, c->base + check->source, 2) & PASID_OFFERS;

	/* 7.8.9.3: they may be changed while the enable bit is clear. */
	if (offered != 0)
		check_bits_readback(c, c->base + check->reg, 2, offered);
	check_bits_zero(c, c->base + check->reg, 2, PASID_OFFERS & ~offered);
	check_bits_readback(c, c->base + check->reg, 2, PCG_PASID_ENABLE);
}

static void run_width(struct conform *c, const struct check *check)
{
	uint32_t width = check_get(c, c->base + check->reg, 2) >> 8 & 0x1f;

	if (width > PCG_PASID_MAX_WIDTH)
		check_fail(c, "a PASID is said to have %u bits; there are at most 20", width);
}

/* 7.5.3.15: a PASID travels in an end-end prefix. */
static void run_prefix(struct conform *c, const struct check *check)
{
	uint32_t cap = check_get(c, check_find(c, PCG_CAP_EXP) + PCG_EXP_DEVCAP2, 4);

	(void)check;
	if (!(cap & 0x00200000))
		check_fail(c, "PASID is shown, and Device Capabilities 2 (%08x) says that no prefix is sent", cap);
}

/* --- ATS --- */

static void run_unit(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;

	/* 10.5.1.3: it may be changed while ATS is off. */
	check_put(c, at, 2, check_get(c, at, 2) & ~(uint32_t)PCG_ATS_ENABLE);
	if (c->target->is_vf)
		check_readback_or_zero(c, check);
	else
		check_readback(c, check);
}

static void run_ats_reserved(struct conform *c, const struct check *check)
{
	bool attributes = check_get(c, c->base + check->source, 2) & ATS_ATTRIBUTES;

	check_bits_zero(c, c->base + check->reg, 2, attributes ? check->mask & ~0x01e0u : check->mask);
}

/* --- page requests --- */

static void pri_off(struct conform *c)
{
	unsigned int at = c->base + PCG_PRI_CTRL;
	uint32_t control = check_get(c, at, 2);

	if (control & PCG_PRI_ENABLE)
		check_put(c, at, 2, control & ~(uint32_t)PCG_PRI_ENABLE);
}

static void run_reset_bit(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t now;

	pri_off(c);
	check_put(c, at, 2, check_get(c, at, 2) | PCG_PRI_RESET);
	now = check_get(c, at, 2);
	if (now & PCG_PRI_RESET)
		check_fail(c, "Page Request Control reads %04x after a reset was asked for: the bit always reads 0",
			   now);
}

static void run_status(struct conform *c, const struct check *check)
{
	pri_off(c);
	check_read_only(c, check);
}

/* Nothing is asked for while page requests are off, so nothing can go wrong anew. */
static void run_ones(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t now;

	pri_off(c);
	check_put(c, at, 2, check->mask);
	now = check_get(c, at, 2);
	if (now & check->mask)
		check_fail(c, "Page Request Status reads %04x after ones were written: they clear", now);
}

static bool has_stopped(struct conform *c)
{
	unsigned int waited;

	for (waited = 0; waited < STOP_MS && !check_over(c); waited += 10) {
		if (check_get(c, c->base + PCG_PRI_STATUS, 2) & PCG_PRI_STOPPED)
			return true;
		poll(NULL, 0, 10);
	}
	return false;
}

/* 10.5.2.3: while they are on the bit means nothing. */
static void run_stopped(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + PCG_PRI_CTRL;
	uint32_t control;

	(void)check;
	pri_off(c);
	if (!has_stopped(c))
		check_fail(c, "page requests are off, and Stopped reads 0 after a second");
	control = check_get(c, at, 2);
	check_put(c, at, 2, control | PCG_PRI_ENABLE);
	check_put(c, at, 2, control);
	if (!has_stopped(c))
		check_fail(c, "page requests were on and are off, and Stopped reads 0 after a second");
}

static void run_allocation(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg, i;
	uint32_t capacity = check_get(c, c->base + PCG_PRI_CAPACITY, 4);
	const uint32_t value[] = { 1, capacity };

	pri_off(c);
	if (capacity == 0)
		check_fail(c, "page requests are shown, of which none may be outstanding");
	for (i = 0; i < sizeof(value) / sizeof(value[0]) && !check_over(c); i++) {
		check_put(c, at, 4, value[i]);
		if (check_get(c, at, 4) != value[i])
			check_fail(c, "an allocation of %u page requests, of %u, did not read back", value[i],
				   capacity);
	}
}

static void run_with_ats(struct conform *c, const struct check *check)
{
	(void)check;
	check_get(c, c->base, 4);
	if (check_find(c, EXT(ATS)) == 0)
		check_fail(c, "page requests are shown without ATS: what would be done with the answers?");
}

static void run_required(struct conform *c, const struct check *check)
{
	if (check_find(c, EXT(PASID)) != 0)
		check_none(c, "the function shows PASID: the bit may be set");
	else if (check_get(c, c->base + check->reg, 2) & PCG_PRI_PASID_REQUIRED)
		check_fail(c, "answers are to have a PASID, and no PASID capability is shown");
}

#define ROW(name, text, section, how, capability, at, w, bits_)                                                        \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = capability, .reg = at, .width = w,       \
		.mask = bits_                                                                                          \
	}

static const struct check checks[] = {
	ROW("pasid.capability.read-only", "writes leave PASID Capability alone", "PCIe 6.0, 7.8.9.2", check_read_only,
	    EXT(PASID), PCG_PASID_CAP, 2, 0xffff),
	ROW("pasid.capability.reserved", "reserved bits of PASID Capability read 0", "PCIe 6.0, 7.8.9.2", check_zero,
	    EXT(PASID), PCG_PASID_CAP, 2, 0xe0f1),
	ROW("pasid.width.legal", "a PASID has at most 20 bits", "PCIe 6.0, 7.8.9.2", run_width, EXT(PASID),
	    PCG_PASID_CAP, 2, 0),
	{ .id = "pasid.prefix.shown",
	  .spec = "PCIe 6.0, 7.5.3.15",
	  .what = "a function with PASID sends prefixes",
	  .run = run_prefix,
	  .cap = EXT(PASID),
	  .reg = PCG_PASID_CAP,
	  .width = 2,
	  .needs = NEEDS_EXPRESS | NEEDS_V2 },
	{ .id = "pasid.enable.honest",
	  .spec = "PCIe 6.0, 7.8.9.3",
	  .what = "PASID that is shown can be enabled, as can what it offers, and no more",
	  .run = run_enable,
	  .cap = EXT(PASID),
	  .reg = PCG_PASID_CTRL,
	  .width = 2,
	  .source = PCG_PASID_CAP },
	ROW("pasid.control.reserved", "reserved bits of PASID Control read 0", "PCIe 6.0, 7.8.9.3", check_zero,
	    EXT(PASID), PCG_PASID_CTRL, 2, 0xfff0),
	ROW("ats.capability.read-only", "writes leave ATS Capability alone", "PCIe 6.0, 10.5.1.2", check_read_only,
	    EXT(ATS), PCG_ATS_CAP, 2, 0xffff),
	ROW("ats.capability.reserved", "reserved bits of ATS Capability read 0", "PCIe 6.0, 10.5.1.2", check_zero,
	    EXT(ATS), PCG_ATS_CAP, 2, 0xf800),
	ROW("ats.enable.honest", "ATS that is shown can be enabled", "PCIe 6.0, 10.5.1.3", check_readback, EXT(ATS),
	    PCG_ATS_CTRL, 2, PCG_ATS_ENABLE),
	ROW("ats.unit.readback", "the smallest translation unit can be set; a VF may have its PF's",
	    "PCIe 6.0, 10.5.1.3", run_unit, EXT(ATS), PCG_ATS_CTRL, 2, ATS_UNIT),
	{ .id = "ats.control.reserved",
	  .spec = "PCIe 6.0, 10.5.1.3",
	  .what = "reserved bits of ATS Control read 0",
	  .run = run_ats_reserved,
	  .cap = EXT(ATS),
	  .reg = PCG_ATS_CTRL,
	  .width = 2,
	  .mask = 0x7fe0,
	  .source = PCG_ATS_CAP },
	ROW("pri.enable.honest", "page requests that are shown can be enabled", "PCIe 6.0, 10.5.2.2", check_readback,
	    EXT(PRI), PCG_PRI_CTRL, 2, PCG_PRI_ENABLE),
	ROW("pri.reset.reads-zero", "Reset of Page Request Control reads 0", "PCIe 6.0, 10.5.2.2", run_reset_bit,
	    EXT(PRI), PCG_PRI_CTRL, 2, PCG_PRI_RESET),
	ROW("pri.control.reserved", "reserved bits of Page Request Control read 0", "PCIe 6.0, 10.5.2.2", check_zero,
	    EXT(PRI), PCG_PRI_CTRL, 2, 0xfffc),
	ROW("pri.status.reserved", "reserved bits of Page Request Status read 0", "PCIe 6.0, 10.5.2.3", check_zero,
	    EXT(PRI), PCG_PRI_STATUS, 2, 0x7efc),
	ROW("pri.status.read-only", "writes leave Stopped, and whether answers have a PASID, alone",
	    "PCIe 6.0, 10.5.2.3", run_status, EXT(PRI), PCG_PRI_STATUS, 2, PCG_PRI_STOPPED | PCG_PRI_PASID_REQUIRED),
	ROW("pri.status.ones-clear", "ones written to errors of page requests do not set them", "PCIe 6.0, 10.5.2.3",
	    run_ones, EXT(PRI), PCG_PRI_STATUS, 2, PCG_PRI_FAILURE | PCG_PRI_UNEXPECTED),
	ROW("pri.status.stopped", "page requests that are off have stopped", "PCIe 6.0, 10.5.2.3", run_stopped,
	    EXT(PRI), PCG_PRI_STATUS, 2, PCG_PRI_STOPPED),
	ROW("pri.status.pasid-required", "without PASID no answer has to have one", "PCIe 6.0, 10.5.2.3", run_required,
	    EXT(PRI), PCG_PRI_STATUS, 2, PCG_PRI_PASID_REQUIRED),
	ROW("pri.capacity.read-only", "writes leave the capacity for page requests alone", "PCIe 6.0, 10.5.2.4",
	    check_read_only, EXT(PRI), PCG_PRI_CAPACITY, 4, 0xffffffff),
	ROW("pri.allocation.readback", "an allocation of page requests reads back", "PCIe 6.0, 10.5.2.5",
	    run_allocation, EXT(PRI), PCG_PRI_ALLOCATION, 4, 0xffffffff),
	ROW("pri.with-ats", "page requests come with ATS", "PCIe 6.0, 10.4.1", run_with_ats, EXT(PRI), PCG_PRI_STATUS,
	    2, 0),
};

const struct check_group pasid_group = CHECK_GROUP("pasid", checks);
