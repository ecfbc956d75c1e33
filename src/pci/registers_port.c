/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ports have and endpoints have not: the type 1 header (PCIe 6.0, 7.5.1.3), and rows beside those of the other
 * tables for their Express and error reporting capabilities.
 */
#include "pci/registers.h"
#include "pci/registers_common.h"

#define COUNT(array) (uint16_t)(sizeof(array) / sizeof((array)[0]))

/* I/O windows may be left out (7.5.1.3.6), and VGA (7.5.1.3.13): these ports have neither. BARs: as in type 0. */
static const struct pci_register header_rows[] = {
	COMMON_ID_ROWS,
	{ .name = "COMMAND", .offset = 0x04, .width = 2, .rw = 0x0547, .section = "PCIe 6.0, 7.5.1.1.3" },
	EXPRESS_STATUS_ROWS,
	{ .name = "CACHE_LINE_SIZE", .offset = 0x0c, .width = 1, .rw = 0xff, .section = "PCIe 6.0, 7.5.1.1.7" },
	EXPRESS_TYPE_ROWS,
	{ .name = "BASE_ADDRESS",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 2,
	  .section = "PCIe 6.0, 7.5.1.2.1" },
	{ .name = "PRIMARY_BUS", .offset = 0x18, .width = 1, .rw = 0xff, .section = "PCIe 6.0, 7.5.1.3.2" },
	{ .name = "SECONDARY_BUS", .offset = 0x19, .width = 1, .rw = 0xff, .section = "PCIe 6.0, 7.5.1.3.3" },
	{ .name = "SUBORDINATE_BUS", .offset = 0x1a, .width = 1, .rw = 0xff, .section = "PCIe 6.0, 7.5.1.3.4" },
	{ .name = "SEC_LATENCY_TIMER", .offset = 0x1b, .width = 1, .section = "PCIe 6.0, 7.5.1.3.5: hardwired" },
	{ .name = "IO_BASE", .offset = 0x1c, .width = 1, .section = "PCIe 6.0, 7.5.1.3.6" },
	{ .name = "IO_LIMIT", .offset = 0x1d, .width = 1, .section = "PCIe 6.0, 7.5.1.3.6" },
	{ .name = "SEC_STATUS",
	  .offset = 0x1e,
	  .width = 2,
	  .rw1c = 0xf900,
	  .zero = 0x0040,
	  .section = "PCIe 6.0, 7.5.1.3.7" },
	{ .name = "MEMORY_BASE", .offset = 0x20, .width = 2, .rw = 0xfff0, .section = "PCIe 6.0, 7.5.1.3.8" },
	{ .name = "MEMORY_LIMIT", .offset = 0x22, .width = 2, .rw = 0xfff0, .section = "PCIe 6.0, 7.5.1.3.8" },
	{ .name = "PREF_MEMORY_BASE", .offset = 0x24, .width = 2, .rw = 0xfff0, .section = "PCIe 6.0, 7.5.1.3.9" },
	{ .name = "PREF_MEMORY_LIMIT", .offset = 0x26, .width = 2, .rw = 0xfff0, .section = "PCIe 6.0, 7.5.1.3.9" },
	{ .name = "PREF_BASE_UPPER32",
	  .offset = 0x28,
	  .width = 4,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.5.1.3.10" },
	{ .name = "PREF_LIMIT_UPPER32",
	  .offset = 0x2c,
	  .width = 4,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.5.1.3.10" },
	{ .name = "IO_BASE_UPPER16", .offset = 0x30, .width = 2, .section = "PCIe 6.0, 7.5.1.3.11" },
	{ .name = "IO_LIMIT_UPPER16", .offset = 0x32, .width = 2, .section = "PCIe 6.0, 7.5.1.3.11" },
	{ .name = "CAPABILITIES", .offset = 0x34, .width = 1, .section = "PCIe 6.0, 7.5.1.1.11" },
	{ .name = "ROM_ADDRESS", .offset = 0x38, .width = 4, .section = "PCIe 6.0, 7.5.1.3.12" },
	{ .name = "INTERRUPT_LINE", .offset = 0x3c, .width = 1, .rw = 0xff, .section = "PCIe 6.0, 7.5.1.1.12" },
	{ .name = "INTERRUPT_PIN", .offset = 0x3d, .width = 1, .section = "PCIe 6.0, 7.5.1.1.13" },
	/* Parity Error Response, SERR# Enable, Secondary Bus Reset; the rest is hardwired in PCI Express. */
	{ .name = "BRIDGE_CONTROL", .offset = 0x3e, .width = 2, .rw = 0x0043, .section = "PCIe 6.0, 7.5.1.3.13" },
};

/* Link Disable; slots with surprise removal, and without buttons, lamps, latches, power or command completion. */
static const struct pci_register express_rows[] = {
	{ .name = "LNKCTL",
	  .offset = 0x10,
	  .width = 2,
	  .rw = 0x0010,
	  .act = 0x0020,
	  .kept = 0x0010,
	  .section = "PCIe 6.0, 7.5.3.7" },
	{ .name = "SLTCTL", .offset = 0x18, .width = 2, .rw = 0x1028, .section = "PCIe 6.0, 7.5.3.10" },
	{ .name = "SLTSTA", .offset = 0x1a, .width = 2, .rw1c = 0x0108, .section = "PCIe 6.0, 7.5.3.11" },
	/* Errors and PME as system errors and interrupts; retry software visibility is not offered. */
	{ .name = "RTCTL", .offset = 0x1c, .width = 2, .rw = 0x000f, .section = "PCIe 6.0, 7.5.3.12" },
	{ .name = "RTSTA", .offset = 0x20, .width = 4, .rw1c = 0x00010000, .section = "PCIe 6.0, 7.5.3.14" },
	{ .name = "DEVCTL2", .offset = 0x28, .width = 2, .rw = 0x0020, .section = "PCIe 6.0, 7.5.3.16" },
};

/* FLAGS (in the dword at 2): port types 5 (upstream) and 6 (downstream) in bits 7:4, bit 8: a slot. */
#define NOT_TYPE(register, type, mask_bits)                                                                            \
	{                                                                                                              \
		.offset = (register), .bits = (mask_bits), .source = 0x02, .mask = 0xf0, .unless = (type) << 4         \
	}

static const struct pci_condition express_conditions[] = {
	NOT_TYPE(0x10, 5, 0xffff),
	{ .offset = 0x18, .bits = 0xffff, .source = 0x02, .mask = 0x0100, .unless = 0 },
	{ .offset = 0x1a, .bits = 0xffff, .source = 0x02, .mask = 0x0100, .unless = 0 },
	NOT_TYPE(0x1c, 5, 0xffff),
	NOT_TYPE(0x1c, 6, 0xffff),
	NOT_TYPE(0x20, 5, 0xffffffff),
	NOT_TYPE(0x20, 6, 0xffffffff),
	/* ARI Forwarding Supported (7.5.3.15) */
	{ .offset = 0x28, .bits = 0x0020, .source = 0x24, .mask = 0x0020, .unless = 0 },
};

/* Surprise Down is for ports with a link below; without it in Link Capabilities it is never raised. */
#define SURPRISE_DOWN                                                                                                  \
	{ .name = "UEMSK",                                                                                             \
	  .offset = 0x08,                                                                                              \
	  .width = 4,                                                                                                  \
	  .rw = 0x00000020,                                                                                            \
	  .kept = 0x00000020,                                                                                          \
	  .section = "PCIe 6.0, 7.8.4.3" },                                                                            \
	{                                                                                                              \
		.name = "UESVRT", .offset = 0x0c, .width = 4, .rw = 0x00000020, .kept = 0x00000020,                    \
		.section = "PCIe 6.0, 7.8.4.4"                                                                         \
	}

static const struct pci_register aer_rows[] = { SURPRISE_DOWN };

/* Root status and sources are sticky, the command is not. */
static const struct pci_register root_aer_rows[] = {
	SURPRISE_DOWN,
	{ .name = "ROOTCMD", .offset = 0x2c, .width = 4, .rw = 0x00000007, .section = "PCIe 6.0, 7.8.4.9" },
	{ .name = "ROOTSTA",
	  .offset = 0x30,
	  .width = 4,
	  .rw1c = 0x0000007f,
	  .kept = 0x0000007f,
	  .section = "PCIe 6.0, 7.8.4.10" },
};

static const struct pci_registers header = { .rows = header_rows, .nrows = COUNT(header_rows) };
static const struct pci_registers express = { .id = PCG_CAP_EXP,
					      .rows = express_rows,
					      .nrows = COUNT(express_rows),
					      .conditions = express_conditions,
					      .nconditions = COUNT(express_conditions) };
static const struct pci_registers aer = {
	.id = PCG_ECAP_AER, .extended = true, .rows = aer_rows, .nrows = COUNT(aer_rows)
};
static const struct pci_registers root_aer = {
	.id = PCG_ECAP_AER, .extended = true, .rows = root_aer_rows, .nrows = COUNT(root_aer_rows)
};

const struct pci_registers *pci_bridge_registers(void)
{
	return &header;
}

const struct pci_registers *pci_port_registers(const struct pcg_cap *cap, bool root)
{
	if (!cap->extended && cap->id == PCG_CAP_EXP)
		return &express;
	if (cap->extended && cap->id == PCG_ECAP_AER)
		return root ? &root_aer : &aer;
	return NULL;
}
