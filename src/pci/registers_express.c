/* SPDX-License-Identifier: BSD-3-Clause */
/* The PCI Express capability: PCIe 6.0, 7.5.3. A version 1 capability (PCIe 1.1, 7.8) is the same and ends sooner. */
#include "pci/registers.h"

#define COUNT(array) (uint16_t)(sizeof(array) / sizeof((array)[0]))

/*
 * As an endpoint has them: what only ports have is read-only. A function level reset leaves the payload size and
 * the link's settings alone (PCIe 6.0, 6.6.2).
 */
#define LINK_CONTROL 0x23cf /* bit 2 by PTM, bit 13 by flit mode, in a first function that has them */

static const struct pci_register rows[] = {
	{ .name = "FLAGS", .offset = 0x02, .width = 2, .section = "PCIe 6.0, 7.5.3.2" },
	{ .name = "DEVCAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.5.3.3" },
	{ .name = "DEVCTL",
	  .offset = 0x08,
	  .width = 2,
	  .rw = 0x7fff,
	  .act = PCG_DEVCTL_FLR,
	  .kept = PCG_DEVCTL_MPS | 0x0400,
	  .reset = 0x2810,
	  .optional = 0x0400,
	  .not_vf = 0x7fff,
	  .section = "PCIe 6.0, 7.5.3.4" },
	{ .name = "DEVSTA",
	  .offset = 0x0a,
	  .width = 2,
	  .rw1c = 0x004f,
	  .zero = 0xff80,
	  .not_vf = 0x0040,
	  .section = "PCIe 6.0, 7.5.3.5" },
	{ .name = "LNKCAP", .offset = 0x0c, .width = 4, .section = "PCIe 6.0, 7.5.3.6" },
	{ .name = "LNKCTL",
	  .offset = 0x10,
	  .width = 2,
	  .rw = LINK_CONTROL,
	  .kept = LINK_CONTROL,
	  .optional = 0x2004,
	  .not_vf = LINK_CONTROL,
	  .section = "PCIe 6.0, 7.5.3.7" },
	{ .name = "LNKSTA", .offset = 0x12, .width = 2, .zero = 0xc000, .section = "PCIe 6.0, 7.5.3.8" },
	{ .name = "SLTCAP", .offset = 0x14, .width = 4, .section = "PCIe 6.0, 7.5.3.9" },
	{ .name = "SLTCTL", .offset = 0x18, .width = 2, .section = "PCIe 6.0, 7.5.3.10" },
	{ .name = "SLTSTA", .offset = 0x1a, .width = 2, .section = "PCIe 6.0, 7.5.3.11" },
	{ .name = "RTCTL", .offset = 0x1c, .width = 2, .rw = 0x001f, .section = "PCIe 6.0, 7.5.3.12" },
	{ .name = "RTCAP", .offset = 0x1e, .width = 2, .section = "PCIe 6.0, 7.5.3.13" },
	{ .name = "RTSTA", .offset = 0x20, .width = 4, .rw1c = 0x00010000, .section = "PCIe 6.0, 7.5.3.14" },
	{ .name = "DEVCAP2", .offset = 0x24, .width = 4, .section = "PCIe 6.0, 7.5.3.15" },
	{ .name = "DEVCTL2",
	  .offset = 0x28,
	  .width = 2,
	  .rw = 0x7f5f,
	  .not_vf = 0x7f5f,
	  .section = "PCIe 6.0, 7.5.3.16" },
	{ .name = "DEVSTA2", .offset = 0x2a, .width = 2, .zero = 0xffff, .section = "PCIe 6.0, 7.5.3.17" },
	{ .name = "LNKCAP2", .offset = 0x2c, .width = 4, .section = "PCIe 6.0, 7.5.3.18" },
	{ .name = "LNKCTL2",
	  .offset = 0x30,
	  .width = 2,
	  .rw = 0xffbf,
	  .kept = 0xffbf,
	  .not_vf = 0xffbf,
	  .section = "PCIe 6.0, 7.5.3.19" },
	{ .name = "LNKSTA2",
	  .offset = 0x32,
	  .width = 2,
	  .rw1c = 0x0020,
	  .zero = 0xf800,
	  .kept = 0x0020,
	  .not_vf = 0x0020,
	  .section = "PCIe 6.0, 7.5.3.20" },
	{ .name = "SLTCAP2", .offset = 0x34, .width = 4, .section = "PCIe 6.0, 7.5.3.21" },
	{ .name = "SLTCTL2", .offset = 0x38, .width = 2, .section = "PCIe 6.0, 7.5.3.22" },
	{ .name = "SLTSTA2", .offset = 0x3a, .width = 2, .zero = 0xffff, .section = "PCIe 6.0, 7.5.3.23" },
};

/* Port types (FLAGS bits 7:4) 9 and 10 sit in the root complex and have no link. */
#define NO_LINK(register, mask_bits)                                                                                   \
	{ .offset = (register), .bits = (mask_bits), .source = 0x02, .mask = 0xf0, .unless = 0x90 },                   \
	{                                                                                                              \
		.offset = (register), .bits = (mask_bits), .source = 0x02, .mask = 0xf0, .unless = 0xa0                \
	}

/* Root registers are those of type 10, the event collector: among the types of a type 0 header bits 7 and 5 set. */
#define COLLECTOR(register, mask_bits)                                                                                 \
	{ .offset = (register), .bits = (mask_bits), .source = 0x02, .mask = 0x80, .unless = 0 },                      \
	{                                                                                                              \
		.offset = (register), .bits = (mask_bits), .source = 0x02, .mask = 0x20, .unless = 0                   \
	}

static const struct pci_condition conditions[] = {
	/* 128 bytes only: Max_Payload_Size may be hardwired to 000b (7.5.3.4). */
	{ .offset = 0x08, .bits = PCG_DEVCTL_MPS, .source = 0x04, .mask = PCG_DEVCAP_MPSS, .unless = 0 },
	{ .offset = 0x08, .bits = 0x0100, .source = 0x04, .mask = 0x20, .unless = 0 },
	{ .offset = 0x08, .bits = 0x0200, .source = 0x04, .mask = 0x18, .unless = 0 },
	{ .offset = 0x08, .bits = PCG_DEVCTL_FLR, .source = 0x04, .mask = PCG_DEVCAP_FLR, .unless = 0 },
	/* Emergency power reduction: DEVCAP2 bits 25:24. */
	{ .offset = 0x0a, .bits = 0x0040, .source = 0x24, .mask = 0x03000000, .unless = 0 },
	{ .offset = 0x0a, .bits = 0x0040, .source = 0x02, .mask = 0x000f, .unless = 1 },
	NO_LINK(0x10, LINK_CONTROL),
	{ .offset = 0x10, .bits = 0x0100, .source = 0x0c, .mask = 0x00040000, .unless = 0 },
	COLLECTOR(0x1c, 0x001f),
	COLLECTOR(0x20, 0x00010000),
	/* Completion timeout ranges and disable, LTR, emergency power, 10-bit tags, OBFF by DEVCAP2. */
	{ .offset = 0x28, .bits = 0x000f, .source = 0x24, .mask = 0x0000000f, .unless = 0 },
	{ .offset = 0x28, .bits = 0x0010, .source = 0x24, .mask = 0x00000010, .unless = 0 },
	{ .offset = 0x28, .bits = 0x0400, .source = 0x24, .mask = 0x00000800, .unless = 0 },
	{ .offset = 0x28, .bits = 0x0800, .source = 0x24, .mask = 0x03000000, .unless = 0 },
	{ .offset = 0x28, .bits = 0x1000, .source = 0x24, .mask = 0x00020000, .unless = 0 },
	{ .offset = 0x28, .bits = 0x6000, .source = 0x24, .mask = 0x000c0000, .unless = 0 },
	NO_LINK(0x30, 0xffbf),
	NO_LINK(0x32, 0x0020),
};

const struct pci_registers pci_express_registers = {
	.id = PCG_CAP_EXP,
	.rows = rows,
	.nrows = COUNT(rows),
	.conditions = conditions,
	.nconditions = COUNT(conditions),
};
