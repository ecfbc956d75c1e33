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

/*
 * PCI Express capability · PCIe Base 6.0, 7.5.3.
 * What belongs to the path (payload size, tags, LTR, OBFF, link settings) is the host's; the guest gets values of
 * its own that behave as the specification says.
 */
static const struct rule rows[] = {
	/* register     bits        guest reads  guest writes  when written */
	{ PCG_EXP_FLAGS, 0xffff, FIXED, DROPPED, NO_HOOK, 0, "PCIECAP 7.5.3.2" },

	{ PCG_EXP_DEVCAP, 0x00000007, FIXED, DROPPED, NO_HOOK, 0, "DEVCAP.MPSS 7.5.3.3: capped by mps-supported" },
	{ PCG_EXP_DEVCAP, 0x00000018, ZERO, DROPPED, NO_HOOK, 0, "DEVCAP.PHANTOM 7.5.3.3: would confuse an IOMMU" },
	{ PCG_EXP_DEVCAP, 0xbfffffe0, FIXED, DROPPED, NO_HOOK, 0, "DEVCAP 7.5.3.3" },
	{ PCG_EXP_DEVCAP, 0x40000000, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP.TEE_IO 7.5.3.3: neither DOE nor IDE is shown, so it could not be used" },

	{ PCG_EXP_DEVCTL, 0x001f, HOST, TO_HOST, ON_DEVCTL, 0, "DEVCTL error reporting, relaxed ordering 7.5.3.4" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_MPS, KEPT, TO_SHADOW, ON_DEVCTL, 0,
	  "DEVCTL.MPS 7.5.3.4: the path's business, never written to the function" },
	{ PCG_EXP_DEVCTL, 0x0100, HOST, TO_HOST, ON_DEVCTL, 0, "DEVCTL.EXT_TAG 7.5.3.4" },
	{ PCG_EXP_DEVCTL, 0x0200, ZERO, DROPPED, ON_DEVCTL, 0, "DEVCTL.PHANTOM 7.5.3.4" },
	{ PCG_EXP_DEVCTL, 0x0c00, HOST, TO_HOST, ON_DEVCTL, 0, "DEVCTL.AUX_PM, .NO_SNOOP 7.5.3.4" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_MRRS, SHADOW, TO_SHADOW, ON_DEVCTL, 0x2000,
	  "DEVCTL.MRRS 7.5.3.4: the function gets it, but never below the physical MPS" },
	{ PCG_EXP_DEVCTL, PCG_DEVCTL_FLR, ZERO, DROPPED, ON_DEVCTL, 0, "DEVCTL.FLR 7.5.3.4: always reads 0" },

	{ PCG_EXP_DEVSTA, 0x004f, HOST, RW1C, NO_HOOK, 0, "DEVSTA errors 7.5.3.5: only the bits the guest wrote" },
	{ PCG_EXP_DEVSTA, 0x0030, HOST, DROPPED, NO_HOOK, 0, "DEVSTA 7.5.3.5" },
	{ PCG_EXP_DEVSTA, 0xff80, ZERO, DROPPED, NO_HOOK, 0, "DEVSTA reserved 7.5.3.5" },

	{ LNKCAP, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "LNKCAP 7.5.3.6" },
	{ LNKCTL, 0x01c3, KEPT, TO_SHADOW, NO_HOOK, 0, "LNKCTL 7.5.3.7: the host runs the link" },
	{ LNKCTL, 0x0008, HOST, DROPPED, NO_HOOK, 0, "LNKCTL.RCB 7.5.3.7" },
	{ LNKCTL, 0xfe34, ZERO, DROPPED, NO_HOOK, 0, "LNKCTL 7.5.3.7: not an endpoint's" },
	{ LNKSTA, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKSTA 7.5.3.8" },
	{ SLOTS, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCAP 7.5.3.9: an endpoint has no slot" },
	{ SLOTS + 4, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCTL, SLTSTA 7.5.3.10" },
	{ ROOT, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "RTCTL, RTCAP 7.5.3.12: an endpoint is no root" },
	{ ROOT + 4, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "RTSTA 7.5.3.14" },

	{ PCG_EXP_DEVCAP2, 0x78f1f79f, FIXED, DROPPED, NO_HOOK, 0, "DEVCAP2 7.5.3.15" },
	{ PCG_EXP_DEVCAP2, 0x000e0860, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP2.ARI, .ATOMIC_ROUTING, .LTR, .TAG10_REQ, .OBFF 7.5.3.15: the path's, not offered" },
	{ PCG_EXP_DEVCAP2, 0x87000000, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCAP2.EPR, .FRS 7.5.3.15: no power reduction is asked for, no message reaches the guest" },
	{ PCG_EXP_DEVCTL2, 0x035f, HOST, TO_HOST, NO_HOOK, 0, "DEVCTL2 completion timeout, atomics, IDO 7.5.3.16" },
	{ PCG_EXP_DEVCTL2, 0xfca0, ZERO, DROPPED, NO_HOOK, 0,
	  "DEVCTL2.ARI, .EGRESS_BLOCK, .LTR, .EPR, .TAG10, .OBFF, .PREFIX_BLOCK 7.5.3.16: the path's" },
	{ PCG_EXP_DEVCTL2 + 2, 0xffff, ZERO, DROPPED, NO_HOOK, 0, "DEVSTA2 7.5.3.17: reserved" },
	{ LNKCAP2, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "LNKCAP2 7.5.3.18" },
	{ LNKCTL2, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKCTL2 7.5.3.19: the host runs the link" },
	{ LNKSTA2, 0xffff, HOST, DROPPED, NO_HOOK, 0, "LNKSTA2 7.5.3.20" },
	{ 0x34, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCAP2 7.5.3.21" },
	{ 0x38, 0xffffffff, ZERO, DROPPED, NO_HOOK, 0, "SLTCTL2, SLTSTA2 7.5.3.22" },
};

const struct rules express_rules = RULES(rows);
