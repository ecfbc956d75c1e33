/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/*
 * Type 0 header · PCIe Base 6.0, 7.5.1.1 and 7.5.1.2; PCI 3.0, 6.2.
 * BARs and the ROM register are decided by what the function decodes, COMMAND's enable bits by which of them the
 * function has, the capability pointer by what is shown.
 */
static const struct rule rows[] = {
	/* register         bits    guest reads  guest writes  when written */
	{ PCG_VENDOR, 0xffff, FIXED, DROPPED, NO_HOOK, 0, "VENDOR 7.5.1.1.1: for a VF its PF's" },
	{ PCG_DEVICE, 0xffff, FIXED, DROPPED, NO_HOOK, 0,
	  "DEVICE 7.5.1.1.2: for a VF the VF Device ID of its PF (9.3.3.11)" },

	{ PCG_COMMAND, 0x0001, SHADOW, TO_BOTH, ON_COMMAND, 0,
	  "COMMAND.IO 7.5.1.1.3: gates I/O, where the function has any" },
	{ PCG_COMMAND, 0x0002, SHADOW, TO_BOTH, ON_COMMAND, 0, "COMMAND.MEM 7.5.1.1.3: gates memory" },
	{ PCG_COMMAND, 0x0004, SHADOW, TO_BOTH, ON_COMMAND, 0, "COMMAND.MASTER 7.5.1.1.3: gates DMA and MSI" },
	{ PCG_COMMAND, 0x0008, ZERO, DROPPED, ON_COMMAND, 0, "COMMAND.SPECIAL 7.5.1.1.3: the bus's, not a guest's" },
	{ PCG_COMMAND, 0x0010, HOST, TO_HOST, ON_COMMAND, 0,
	  "COMMAND.MWI PCI 3.0 6.2.2: for conventional functions; an Express one holds it at 0" },
	{ PCG_COMMAND, 0x00a0, ZERO, DROPPED, ON_COMMAND, 0, "COMMAND.SNOOP, .STEPPING 7.5.1.1.3: fixed at 0" },
	/* There in every function, says the specification; not in all that are emulated. */
	{ PCG_COMMAND, 0x0040, SHADOW, TO_BOTH, ON_COMMAND, 0,
	  "COMMAND.PARITY 7.5.1.1.3: whether STATUS tells of poisoned data" },
	{ PCG_COMMAND, 0x0100, SHADOW, TO_BOTH, ON_COMMAND, 0, "COMMAND.SERR 7.5.1.1.3: whether errors are reported" },
	{ PCG_COMMAND, 0x0200, ZERO, DROPPED, ON_COMMAND, 0, "COMMAND.FAST_BACK 7.5.1.1.3: the bus's, not a guest's" },
	{ PCG_COMMAND, 0x0400, SHADOW, TO_SHADOW, ON_COMMAND, 0, "COMMAND.INTX_OFF 7.5.1.1.3: the mediator owns INTx" },
	{ PCG_COMMAND, 0xf800, ZERO, DROPPED, ON_COMMAND, 0, "COMMAND reserved 7.5.1.1.3: 0" },

	{ PCG_STATUS, 0x0007, HOST, DROPPED, NO_HOOK, 0,
	  "STATUS.IMMEDIATE_READINESS, reserved 7.5.1.1.4: as the function has them" },
	{ PCG_STATUS, 0x0008, SHADOW, DROPPED, NO_HOOK, 0,
	  "STATUS.INTX 7.5.1.1.4: the line as the guest would see it" },
	{ PCG_STATUS, 0x0010, SHADOW, DROPPED, NO_HOOK, 0, "STATUS.CAPS 7.5.1.1.4: whether any capability is shown" },
	{ PCG_STATUS, 0x06e0, HOST, DROPPED, NO_HOOK, 0,
	  "STATUS speed and timing PCI 3.0 6.2.3: of a conventional bus" },
	{ PCG_STATUS, 0xf900, HOST, RW1C, NO_HOOK, 0, "STATUS errors 7.5.1.1.4: only the bits the guest wrote" },

	{ PCG_REVISION, 0xff, HOST, DROPPED, NO_HOOK, 0, "REVISION 7.5.1.1.5: the function's" },
	{ PCG_CLASS, 0xffffff, HOST, DROPPED, NO_HOOK, 0, "CLASS 7.5.1.1.6: the function's" },
	/* A VF that does not show that it is one has it hardwired. */
	{ PCG_CACHE_LINE, 0xff, SHADOW, TO_BOTH, NO_HOOK, 0,
	  "CACHE_LINE 7.5.1.1.7: holds what is written; without effect on an Express function" },
	{ PCG_LATENCY, 0xff, HOST, TO_HOST, NO_HOOK, 0,
	  "LATENCY 7.5.1.1.8: for conventional functions; an Express one holds it at 0" },
	{ PCG_HEADER_TYPE, 0x7f, HOST, DROPPED, NO_HOOK, 0, "HEADER_TYPE 7.5.1.1.9: type 0, no bridges" },
	{ PCG_HEADER_TYPE, 0x80, ZERO, DROPPED, NO_HOOK, 0,
	  "HEADER_TYPE.MULTI 7.5.1.1.9: the guest gets one function" },
	{ PCG_BIST, 0xff, ZERO, DROPPED, NO_HOOK, 0, "BIST 7.5.1.1.10: no guest starts a self-test" },
	{ PCG_CARDBUS_CIS, 0xffffffff, HOST, DROPPED, NO_HOOK, 0,
	  "CARDBUS_CIS 7.5.1.2.2: 0 but for cards of that time" },
	{ PCG_SUBVENDOR, 0xffff, HOST, DROPPED, NO_HOOK, 0, "SUBSYSTEM_VENDOR 7.5.1.2.3: whose board it is" },
	{ PCG_SUBSYSTEM, 0xffff, HOST, DROPPED, NO_HOOK, 0, "SUBSYSTEM 7.5.1.2.3: which board it is" },
	{ PCG_CAPABILITIES, 0xff, SHADOW, DROPPED, NO_HOOK, 0, "CAPABILITY_LIST 7.5.1.1.11: the chain that is shown" },
	{ PCG_INT_LINE, 0xff, SHADOW, TO_SHADOW, NO_HOOK, 0,
	  "INTERRUPT_LINE 7.5.1.1.12: the guest firmware's notebook" },
	{ PCG_INT_PIN, 0xff, FIXED, DROPPED, NO_HOOK, 0,
	  "INTERRUPT_PIN 7.5.1.1.13: 0 where there is no INTx, as for a VF" },
	{ PCG_MIN_GNT, 0xff, HOST, DROPPED, NO_HOOK, 0, "MIN_GNT 7.5.1.2.5: of a conventional bus" },
	{ PCG_MAX_LAT, 0xff, HOST, DROPPED, NO_HOOK, 0, "MAX_LAT 7.5.1.2.5: of a conventional bus" },
};

const struct rules guarded_header = RULES(rows);
