/* SPDX-License-Identifier: BSD-3-Clause */
/* The PCI Express capability. */
#include "conform/check.h"

#define LNKCTL  0x10
#define LNKSTA  0x12
#define SLTCAP  0x14
#define LNKCAP2 0x2c

static void run_type(struct conform *c, const struct check *check)
{
	uint32_t type = check_get(c, c->base + check->reg, 2) >> 4 & 0xf;

	if (type != 0 && type != 1 && type != 9 && type != 10)
		check_fail(c, "port type %u in a type 0 header: an endpoint is 0, 1, 9 or 10", type);
}

static uint32_t field(struct conform *c, const struct check *check, uint32_t value)
{
	unsigned int at = c->base + check->reg, shift = check->mask == PCG_DEVCTL_MPS ? 5 : 12;
	uint32_t before = check_get(c, at, 2) & ~(check->mask | PCG_DEVCTL_FLR);

	check_put(c, at, 2, before | value << shift);
	return (check_get(c, at, 2) & check->mask) >> shift;
}

static void run_mps(struct conform *c, const struct check *check)
{
	uint32_t most = check_get(c, c->base + PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_MPSS, i;

	/* 7.5.3.4: a function that supports 128 bytes only may hardwire the field. */
	for (i = 0; i <= most && i <= 5; i++)
		if (field(c, check, i) != i)
			check_fail(c, "a payload size of %u bytes was set and did not read back", 128u << i);
}

static void run_mrrs(struct conform *c, const struct check *check)
{
	uint32_t i, taken = 0;

	for (i = 1; i <= 5; i++)
		taken |= field(c, check, i);
	if (taken == 0) {
		check_none(c, "the field is hardwired to 128 bytes, as it may be where no more is asked for");
		return;
	}
	for (i = 0; i <= 5; i++)
		if (field(c, check, i) != i)
			check_fail(c, "a read request size of %u bytes was set and did not read back", 128u << i);
}

/* A mismatch with the path is a Malformed TLP: the size of the path is not a guest's to choose. */
static void run_mps_host(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t before = check_host(c, at, 2), i;

	check_watch(c);
	for (i = 0; i <= 5; i++)
		field(c, check, i);
	if (check_host_wrote(c, at, 2, PCG_DEVCTL_MPS, before) == 2 || (check_host(c, at, 2) ^ before) & PCG_DEVCTL_MPS)
		check_fail(c, "a payload size that the guest wrote reached the function: DEVCTL %04x became %04x",
			   before, check_host(c, at, 2));
}

static void run_mrrs_host(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t mps = (check_host(c, at, 2) & PCG_DEVCTL_MPS) >> 5, i, now;

	check_put(c, at + 1, 1, check_get(c, at + 1, 1) & 0x7f);
	for (i = 0; i <= 7; i++) {
		field(c, check, i);
		now = (check_host(c, at, 2) & PCG_DEVCTL_MRRS) >> 12;
		if (now > 5)
			check_fail(c, "the function was given the reserved read request size %u", now);
		if (mps <= 5 && now < mps)
			check_fail(c, "read requests of %u bytes, below the path's payload of %u, reached the function",
				   128u << now, 128u << mps);
	}
}

/* Each value of a range field that is supported, and nothing that is not there. */
static void run_timeout_range(struct conform *c, const struct check *check)
{
	uint32_t ranges = check_get(c, c->base + PCG_EXP_DEVCAP2, 4) & 0xf;

	if (ranges == 0)
		check_zero(c, check);
	else
		/* 7.5.3.16: 0000b is the default of every function; the ranges begin with 0001b. */
		check_bits_readback(c, c->base + check->reg, check->width, ranges & 1 ? 0x1 : 0x4);
}

/* 6.18, 6.19: what the path to the function does not know, the function must not send. */
static void run_path(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t host = check_host(c, at, 2), now = check_get(c, at, 2);

	uint32_t value[] = { now ^ check->mask, now };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		check_watch(c);
		check_put(c, at, 2, value[i]);
		if (check_host_wrote(c, at, 2, check->mask, host) == 2)
			check_fail(
				c,
				"LTR and OBFF enables that the guest wrote reached the function: the path is the host's");
	}
}

#define HONEST(name, text, section, ctl, ctl_bits, cap_reg, cap_bits, more)                                            \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = check_honest, .cap = PCG_CAP_EXP, .reg = ctl,        \
		.width = 2, .mask = ctl_bits, .source = cap_reg, .bits = cap_bits, .needs = more                       \
	}
#define ROW(name, text, section, how, at, w, bits_, more)                                                              \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = PCG_CAP_EXP, .reg = at, .width = w,      \
		.mask = bits_, .needs = more                                                                           \
	}

static const struct check checks[] = {
	ROW("express.flags.type", "the port type is an endpoint's", "PCIe 6.0, 7.5.3.2", run_type, PCG_EXP_FLAGS, 2, 0,
	    0),
	ROW("express.flags.read-only", "writes leave the capabilities register alone", "PCIe 6.0, 7.5.3.2",
	    check_read_only, PCG_EXP_FLAGS, 2, 0xffff, 0),
	ROW("express.devcap.read-only", "writes leave Device Capabilities alone", "PCIe 6.0, 7.5.3.3", check_read_only,
	    PCG_EXP_DEVCAP, 4, 0xffffffff, 0),
	ROW("express.devctl.mps-readback", "every payload size that is supported reads back", "PCIe 6.0, 7.5.3.4",
	    run_mps, PCG_EXP_DEVCTL, 2, PCG_DEVCTL_MPS, NEEDS_PF),
	ROW("express.devctl.mps-host", "the payload size of the path stays the host's", "PCIe 6.0, 7.5.3.4",
	    run_mps_host, PCG_EXP_DEVCTL, 2, PCG_DEVCTL_MPS, NEEDS_HOST),
	ROW("express.devctl.mrrs-readback", "every read request size reads back", "PCIe 6.0, 7.5.3.4", run_mrrs,
	    PCG_EXP_DEVCTL, 2, PCG_DEVCTL_MRRS, NEEDS_PF),
	ROW("express.devctl.mrrs-host", "the function's read requests are never below the path's payload",
	    "PCIe 6.0, 7.5.3.4", run_mrrs_host, PCG_EXP_DEVCTL, 2, PCG_DEVCTL_MRRS, NEEDS_HOST),
	ROW("express.devctl.errors-readback", "the error reporting enables can be set and cleared", "PCIe 6.0, 7.5.3.4",
	    check_readback, PCG_EXP_DEVCTL, 2, 0x000f, NEEDS_PF),
	ROW("express.devctl.bytewise", "a byte written to Device Control changes that byte", "PCIe 6.0, 2.2.5",
	    check_bytewise, PCG_EXP_DEVCTL, 2, 0x1001, NEEDS_PF),
	HONEST("express.devctl.ext-tag", "Extended Tag Enable acts if the function has them", "PCIe 6.0, 7.5.3.4",
	       PCG_EXP_DEVCTL, 0x0100, PCG_EXP_DEVCAP, 0x20, NEEDS_PF),
	HONEST("express.devctl.phantom", "Phantom Functions Enable acts if there are any", "PCIe 6.0, 7.5.3.4",
	       PCG_EXP_DEVCTL, 0x0200, PCG_EXP_DEVCAP, 0x18, NEEDS_PF),
	ROW("express.devsta.reserved", "reserved Device Status bits read 0", "PCIe 6.0, 7.5.3.5", check_zero,
	    PCG_EXP_DEVSTA, 2, 0xff80, 0),
	ROW("express.devsta.read-only", "writes leave AUX power and pending transactions alone", "PCIe 6.0, 7.5.3.5",
	    check_read_only, PCG_EXP_DEVSTA, 2, 0x0010, 0),
	ROW("express.lnkcap.read-only", "writes leave Link Capabilities alone", "PCIe 6.0, 7.5.3.6", check_read_only,
	    0x0c, 4, 0xffffffff, NEEDS_LINK),
	ROW("express.lnkctl.readback", "ASPM, common clock and extended synch can be set and cleared",
	    "PCIe 6.0, 7.5.3.7", check_readback, LNKCTL, 2, 0x00c3, NEEDS_LINK | NEEDS_PF),
	ROW("express.lnkctl.port-bits", "Link Disable and Retrain Link are not an endpoint's", "PCIe 6.0, 7.5.3.7",
	    check_zero, LNKCTL, 2, 0x0030, NEEDS_LINK),
	ROW("express.lnksta.read-only", "writes leave Link Status alone", "PCIe 6.0, 7.5.3.8", check_read_only, LNKSTA,
	    2, 0x03ff, NEEDS_LINK),
	ROW("express.slot.zero", "an endpoint has no slot registers", "PCIe 6.0, 7.5.3", check_zero, SLTCAP, 4,
	    0xffffffff, NEEDS_V2 | NEEDS_LINK),
	ROW("express.devcap2.read-only", "writes leave Device Capabilities 2 alone", "PCIe 6.0, 7.5.3.15",
	    check_read_only, PCG_EXP_DEVCAP2, 4, 0xffffffff, NEEDS_V2),
	ROW("express.devctl2.timeout", "completion timeout ranges are there as they are said to be",
	    "PCIe 6.0, 7.5.3.16", run_timeout_range, PCG_EXP_DEVCTL2, 2, 0x000f, NEEDS_V2 | NEEDS_PF),
	HONEST("express.devctl2.timeout-off", "Completion Timeout Disable acts if it is there", "PCIe 6.0, 7.5.3.16",
	       PCG_EXP_DEVCTL2, 0x0010, PCG_EXP_DEVCAP2, 0x10, NEEDS_V2 | NEEDS_PF),
	ROW("express.devctl2.port-bits", "ARI Forwarding is not an endpoint's", "PCIe 6.0, 7.5.3.16", check_zero,
	    PCG_EXP_DEVCTL2, 2, 0x0020, NEEDS_V2 | NEEDS_LINK),
	HONEST("express.devctl2.ltr", "LTR Enable acts if LTR is offered", "PCIe 6.0, 7.5.3.16", PCG_EXP_DEVCTL2,
	       0x0400, PCG_EXP_DEVCAP2, 0x800, NEEDS_V2 | NEEDS_PF),
	HONEST("express.devctl2.tag10", "10-Bit Tag Requester Enable acts if the function has them",
	       "PCIe 6.0, 7.5.3.16", PCG_EXP_DEVCTL2, 0x1000, PCG_EXP_DEVCAP2, 0x20000, NEEDS_V2 | NEEDS_PF),
	HONEST("express.devctl2.obff", "OBFF Enable acts if OBFF is offered", "PCIe 6.0, 7.5.3.16", PCG_EXP_DEVCTL2,
	       0x6000, PCG_EXP_DEVCAP2, 0xc0000, NEEDS_V2 | NEEDS_PF),
	ROW("express.devctl2.host", "LTR and OBFF enables stay the host's", "PCIe 6.0, 6.18 and 6.19", run_path,
	    PCG_EXP_DEVCTL2, 2, 0x6400, NEEDS_V2 | NEEDS_HOST | NEEDS_PF),
	ROW("express.lnkcap2.read-only", "writes leave Link Capabilities 2 alone", "PCIe 6.0, 7.5.3.18",
	    check_read_only, LNKCAP2, 4, 0xffffffff, NEEDS_V2 | NEEDS_LINK),
};

const struct check_group express_group = CHECK_GROUP("express", checks);
