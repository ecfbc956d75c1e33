/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

#define LNKCAP  0x0c
#define LNKCTL  0x10
#define LNKSTA  0x12
#define SLOTS   0x14
#define ROOT    0x1c
#define LNKCAP2 0x2c
#define LNKCTL2 0x30
#define LNKSTA2 0x32

/* How many rows: those without a link, those that all functions have, those with a link. */
enum {
	UNLINKED = 4,
	COMMON = 31,
	LINKED = 9
};

/*
 * PCI Express capability · PCIe Base 6.0, 7.5.3.
 * What belongs to the path (payload size, tags, LTR, OBFF, link settings) is the host's; the guest gets values of
 * its own that behave as the specification says. Two forms are cut from one table: a function inside the root complex
 * takes the rows up to the link's, any other those behind the first four.
 */
static const struct rule rows[] = {
	/* register     bits        guest reads  guest writes  when written */
	{ LNKCAP, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "LNKCAP 7.5.3: no link inside the root complex" },
	{ LNKCTL, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "LNKCTL, LNKSTA 7.5.3: no link, nothing to set" },
	{ LNKCAP2, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "LNKCAP2 7.5.3: no link" },
	{ LNKCTL2, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "LNKCTL2, LNKSTA2 7.5.3: no link" },

	{ PCG_EXP_FLAGS, 0xfeff, FIXED, DROPPED, NO_HOOK, 0, "PCIECAP 7.5.3.2: version, type, message number" },
	{ PCG_EXP_FLAGS, 0x0100, ZERO, DROPPED, NO_HOOK, 0, "PCIECAP.SLOT 7.5.3.2: an endpoint has no slot" },

	{ PCG_EXP_DEVCAP, 0x00000007, FIXED, DROPPED, NO_HOOK, 0,
	  "DEVCAP.MPSS 7.5.3.3: at most what the option mps-supported says" },
	{ PCG_EXP_DEVCAP, 0x00000018, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP.PHANTOM 7.5.3.3: requests in the name of functions that are not there would confuse an IOMMU" },
	{ PCG_EXP_DEVCAP, 0xbfffffe0, FIXED, DROPPED, NO_HOOK, 0,
	  "DEVCAP 7.5.3.3: tags, latencies, power limit and FLR as the function has them" },
	{ PCG_EXP_DEVCAP, 0x40000000, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP.TEE_IO 7.5.3.3: neither DOE nor IDE is shown, so it could not be used" },

	{ PCG_EXP_DEVCTL, 0x000f, SHADOW, TO_BOTH, ON_DEVCTL, 0,
	  "DEVCTL 7.5.3.4: error reporting, in the function too, where it has it" },
	{ PCG_EXP_DEVCTL, 0x0010, HOST, TO_HOST, ON_DEVCTL, 0,
	  "DEVCTL.RELAXED_ORDERING 7.5.3.4: may be hardwired to 0" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_MPS, KEPT, TO_SHADOW, ON_DEVCTL, 0,
	  "DEVCTL.MPS 7.5.3.4: the path's business, never written to the function" },
	{ PCG_EXP_DEVCTL, 0x0100, SHADOW, TO_BOTH, ON_DEVCTL, 0,
	  "DEVCTL.EXT_TAG 7.5.3.4: 8-bit tags, if DEVCAP has them" },
	{ PCG_EXP_DEVCTL, 0x0200, ZERO, DROPPED, ON_DEVCTL, 0, "DEVCTL.PHANTOM 7.5.3.4: not offered" },
	{ PCG_EXP_DEVCTL, 0x0c00, HOST, TO_HOST, ON_DEVCTL, 0,
	  "DEVCTL.AUX_PM, .NO_SNOOP 7.5.3.4: auxiliary power, requests without snooping" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_MRRS, SHADOW, TO_SHADOW, ON_DEVCTL, 0x2000,
	  "DEVCTL.MRRS 7.5.3.4: the function gets it, but never below the physical MPS" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_FLR, ZERO, DROPPED, ON_DEVCTL, 0,
	  "DEVCTL.FLR 7.5.3.4: a one resets the function; always reads 0" },

	{ PCG_EXP_DEVSTA, 0x000f, HOST, RW1C, NO_HOOK, 0, "DEVSTA errors 7.5.3.5: only the bits the guest wrote" },
	{ PCG_EXP_DEVSTA, 0x0030, HOST, DROPPED, NO_HOOK, 0,
	  "DEVSTA.AUX_POWER, .TRANSACTIONS_PENDING 7.5.3.5: as the function has them" },
	{ PCG_EXP_DEVSTA, 0x0040, ZERO, AS_ZERO, NO_HOOK, 0,
	  "DEVSTA.EPR 7.5.3.5: reserved without emergency power reduction in DEVCAP2; the host's to clear" },
	{ PCG_EXP_DEVSTA, 0xff80, ZERO, DROPPED, NO_HOOK, 0, "DEVSTA reserved 7.5.3.5: 0" },

	{ SLOTS, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCAP 7.5.3.9: an endpoint has no slot" },
	{ SLOTS + 4, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCTL, SLTSTA 7.5.3.10, 7.5.3.11: no slot" },
	{ ROOT, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "RTCTL, RTCAP 7.5.3.12, 7.5.3.13: an endpoint is no root" },
	{ ROOT + 4, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "RTSTA 7.5.3.14: no root" },

	{ PCG_EXP_DEVCAP2, 0x78f1f79f, FIXED, DROPPED, NO_HOOK, 0,
	  "DEVCAP2 7.5.3.15: completion timeouts, atomics, hints, prefixes as the function has them" },
	{ PCG_EXP_DEVCAP2, 0x000e0860, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP2.ARI, .ATOMIC_ROUTING, .LTR, .TAG10_REQ, .OBFF 7.5.3.15: the path's, not offered" },
	{ PCG_EXP_DEVCAP2, 0x87000000, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP2.EPR, .FRS 7.5.3.15: no power reduction is asked for, no message reaches the guest" },
	{ PCG_EXP_DEVCTL2, 0x0010, SHADOW, TO_BOTH, NO_HOOK, 0,
	  "DEVCTL2.TIMEOUT_OFF 7.5.3.16: if DEVCAP2 has it; in the function too, where it is no VF" },
	{ PCG_EXP_DEVCTL2, 0x034f, HOST, TO_HOST, NO_HOOK, 0,
	  "DEVCTL2 7.5.3.16: completion timeout, atomics, ID-based ordering" },
	{ PCG_EXP_DEVCTL2, 0xfca0, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCTL2.ARI, .EGRESS_BLOCK, .LTR, .EPR, .TAG10, .OBFF, .PREFIX_BLOCK 7.5.3.16: the path's" },
	{ PCG_EXP_DEVCTL2 + 2, 0xffff, ZERO, DROPPED, NO_HOOK, 0, "DEVSTA2 7.5.3.17: reserved" },
	{ 0x34, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCAP2 7.5.3.21: no slot" },
	{ 0x38, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCTL2, SLTSTA2 7.5.3.22, 7.5.3.23: no slot" },

	{ LNKCAP, 0xfffbffff, HOST, DROPPED, NO_HOOK, 0, "LNKCAP 7.5.3.6: speed, width, latencies of the link" },
	{ LNKCAP, 0x00040000, ZERO, DROPPED, NO_HOOK, 0,
	  "LNKCAP.CLOCK_PM 7.5.3.6: the reference clock is the host's to stop, not offered" },
	{ LNKCTL, 0x00c3, KEPT, TO_SHADOW, NO_HOOK, 0, "LNKCTL 7.5.3.7: the guest's own; the host runs the link" },
	{ LNKCTL, 0x0008, HOST, DROPPED, NO_HOOK, 0, "LNKCTL.RCB 7.5.3.7: the root port's, as the host set it" },
	{ LNKCTL, 0xff34, ZERO, DROPPED, NO_HOOK, 0,
	  "LNKCTL 7.5.3.7: a downstream port's, or not offered: PTM, clock, width, flit mode" },
	{ LNKSTA, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKSTA 7.5.3.8: the link as it is" },
	{ LNKCAP2, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "LNKCAP2 7.5.3.18: what the link could be" },
	{ LNKCTL2, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKCTL2 7.5.3.19: the host runs the link" },
	{ LNKSTA2, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKSTA2 7.5.3.20: the link as it is" },
};

_Static_assert(sizeof(rows) / sizeof(rows[0]) == UNLINKED + COMMON + LINKED, "rows are miscounted");

const struct rules express_rules[2] = {
	{ rows + UNLINKED, COMMON + LINKED, RULES_FILE, "with a link" },
	{ rows, UNLINKED + COMMON, RULES_FILE, "inside the root complex" },
};

unsigned int express_variant(const uint8_t *config, const struct pcg_cap *cap)
{
	unsigned int type = pcg_get16(config + cap->offset + PCG_EXP_FLAGS) >> 4 & 0xf;

	return type == 9 || type == 10 ? 1 : 0;
}
