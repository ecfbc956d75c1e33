/* SPDX-License-Identifier: BSD-3-Clause */
/* The type 0 header: PCI 3.0, 6.1 and 6.2; PCIe 6.0, 7.5.1. */
#include "pci/registers.h"
#include "pci/registers_common.h"

#define COUNT(array) (uint16_t)(sizeof(array) / sizeof((array)[0]))

/* BAR and ROM addresses are writable as far as their sizes say, which no register does: read-only here. */
static const struct pci_register conventional_rows[] = {
	COMMON_ID_ROWS,
	/* Special cycles, VGA snoop, stepping, fast back-to-back: nothing says whether a function has them. */
	{ .name = "COMMAND",
	  .offset = 0x04,
	  .width = 2,
	  .rw = 0x07ff,
	  .optional = 0x02a8,
	  .not_vf = 0x07fb,
	  .section = "PCI 3.0, 6.2.2" },
	{ .name = "STATUS", .offset = 0x06, .width = 2, .rw1c = 0xf900, .zero = 0x0007, .section = "PCI 3.0, 6.2.3" },
	{ .name = "REVISION", .offset = 0x08, .width = 1, .section = "PCI 3.0, 6.2.1" },
	{ .name = "CLASS_PROG", .offset = 0x09, .width = 1, .section = "PCI 3.0, 6.2.1" },
	{ .name = "CLASS_DEVICE", .offset = 0x0a, .width = 2, .section = "PCI 3.0, 6.2.1" },
	{ .name = "CACHE_LINE_SIZE",
	  .offset = 0x0c,
	  .width = 1,
	  .rw = 0xff,
	  .not_vf = 0xff,
	  .section = "PCI 3.0, 6.2.4" },
	{ .name = "LATENCY_TIMER",
	  .offset = 0x0d,
	  .width = 1,
	  .rw = 0xff,
	  .not_vf = 0xff,
	  .section = "PCI 3.0, 6.2.4" },
	{ .name = "HEADER_TYPE", .offset = 0x0e, .width = 1, .section = "PCI 3.0, 6.2.1" },
	{ .name = "BIST", .offset = 0x0f, .width = 1, .act = 0x40, .not_vf = 0x40, .section = "PCI 3.0, 6.2.4" },
	{ .name = "BASE_ADDRESS", .offset = 0x10, .width = 4, .stride = 4, .count = 6, .section = "PCI 3.0, 6.2.5.1" },
	{ .name = "CARDBUS_CIS", .offset = 0x28, .width = 4, .section = "PCI 3.0, 6.2.4" },
	{ .name = "SUBSYSTEM_VENDOR_ID", .offset = 0x2c, .width = 2, .section = "PCI 3.0, 6.2.4" },
	{ .name = "SUBSYSTEM_ID", .offset = 0x2e, .width = 2, .section = "PCI 3.0, 6.2.4" },
	{ .name = "ROM_ADDRESS", .offset = 0x30, .width = 4, .section = "PCI 3.0, 6.2.5.2" },
	{ .name = "CAPABILITIES", .offset = 0x34, .width = 1, .section = "PCI 3.0, 6.2.4" },
	{ .name = "INTERRUPT_LINE",
	  .offset = 0x3c,
	  .width = 1,
	  .rw = 0xff,
	  .not_vf = 0xff,
	  .section = "PCI 3.0, 6.2.4" },
	{ .name = "INTERRUPT_PIN", .offset = 0x3d, .width = 1, .section = "PCI 3.0, 6.2.4" },
	{ .name = "MIN_GNT", .offset = 0x3e, .width = 1, .section = "PCI 3.0, 6.2.4" },
	{ .name = "MAX_LAT", .offset = 0x3f, .width = 1, .section = "PCI 3.0, 6.2.4" },
};

static const struct pci_register express_rows[] = {
	COMMON_ID_ROWS,
	{ .name = "COMMAND",
	  .offset = 0x04,
	  .width = 2,
	  .rw = 0x0547,
	  .not_vf = 0x0543,
	  .section = "PCIe 6.0, 7.5.1.1.3" },
	EXPRESS_STATUS_ROWS,
	{ .name = "CACHE_LINE_SIZE",
	  .offset = 0x0c,
	  .width = 1,
	  .rw = 0xff,
	  .not_vf = 0xff,
	  .section = "PCIe 6.0, 7.5.1.1.7" },
	EXPRESS_TYPE_ROWS,
	{ .name = "BIST", .offset = 0x0f, .width = 1, .act = 0x40, .not_vf = 0x40, .section = "PCIe 6.0, 7.5.1.1.10" },
	{ .name = "BASE_ADDRESS",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 6,
	  .section = "PCIe 6.0, 7.5.1.2.1" },
	{ .name = "CARDBUS_CIS", .offset = 0x28, .width = 4, .section = "PCIe 6.0, 7.5.1.2.2" },
	{ .name = "SUBSYSTEM_VENDOR_ID", .offset = 0x2c, .width = 2, .section = "PCIe 6.0, 7.5.1.2.3" },
	{ .name = "SUBSYSTEM_ID", .offset = 0x2e, .width = 2, .section = "PCIe 6.0, 7.5.1.2.3" },
	{ .name = "ROM_ADDRESS", .offset = 0x30, .width = 4, .section = "PCIe 6.0, 7.5.1.2.4" },
	{ .name = "CAPABILITIES", .offset = 0x34, .width = 1, .section = "PCIe 6.0, 7.5.1.1.11" },
	{ .name = "INTERRUPT_LINE",
	  .offset = 0x3c,
	  .width = 1,
	  .rw = 0xff,
	  .not_vf = 0xff,
	  .section = "PCIe 6.0, 7.5.1.1.12" },
	{ .name = "INTERRUPT_PIN", .offset = 0x3d, .width = 1, .section = "PCIe 6.0, 7.5.1.1.13" },
	{ .name = "MIN_GNT", .offset = 0x3e, .width = 1, .section = "PCIe 6.0, 7.5.1.2.5" },
	{ .name = "MAX_LAT", .offset = 0x3f, .width = 1, .section = "PCIe 6.0, 7.5.1.2.5" },
};

/* PCI 2.3 brought Interrupt Disable: of use only where there is a pin. Dword 3Ch: bits 15:8. */
static const struct pci_condition conditions[] = {
	{ .offset = 0x04, .bits = 0x0400, .source = 0x3c, .mask = 0xff00, .unless = 0 },
	{ .offset = 0x0f, .bits = 0x40, .source = 0x0c, .mask = 0x80000000, .unless = 0 },
};

static const struct pci_registers conventional = {
	.rows = conventional_rows,
	.nrows = COUNT(conventional_rows),
	.conditions = conditions,
	.nconditions = COUNT(conditions),
};

static const struct pci_registers express = {
	.rows = express_rows,
	.nrows = COUNT(express_rows),
	.conditions = conditions,
	.nconditions = COUNT(conditions),
};

const struct pci_registers *pci_header_registers(bool is_express)
{
	return is_express ? &express : &conventional;
}
