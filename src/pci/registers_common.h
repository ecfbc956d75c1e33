/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows that both types of header have in common, for the tables of their registers: PCIe 6.0, 7.5.1.1. */
#ifndef PCI_REGISTERS_COMMON_H
#define PCI_REGISTERS_COMMON_H

/* As rows of a table; the formatter takes them for statements. */
/* clang-format off */

/* 00h to 03h, of conventional functions too */
#define COMMON_ID_ROWS                                                                                                 \
	{ .name = "VENDOR_ID", .offset = 0x00, .width = 2, .section = "PCIe 6.0, 7.5.1.1.1" },                         \
	{ .name = "DEVICE_ID", .offset = 0x02, .width = 2, .section = "PCIe 6.0, 7.5.1.1.2" }

/* 06h to 0bh */
#define EXPRESS_STATUS_ROWS                                                                                            \
	{ .name = "STATUS", .offset = 0x06, .width = 2, .rw1c = 0xf900, .zero = 0x0046,                                \
	  .section = "PCIe 6.0, 7.5.1.1.4" },                                                                          \
	{ .name = "REVISION", .offset = 0x08, .width = 1, .section = "PCIe 6.0, 7.5.1.1.5" },                          \
	{ .name = "CLASS_PROG", .offset = 0x09, .width = 1, .section = "PCIe 6.0, 7.5.1.1.6" },                        \
	{ .name = "CLASS_DEVICE", .offset = 0x0a, .width = 2, .section = "PCIe 6.0, 7.5.1.1.6" }

/* 0dh and 0eh */
#define EXPRESS_TYPE_ROWS                                                                                              \
	{ .name = "LATENCY_TIMER", .offset = 0x0d, .width = 1, .section = "PCIe 6.0, 7.5.1.1.8: hardwired to 00h" },   \
	{ .name = "HEADER_TYPE", .offset = 0x0e, .width = 1, .section = "PCIe 6.0, 7.5.1.1.9" }

/* clang-format on */

#endif
