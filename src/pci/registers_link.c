/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The extended capabilities that belong to a link, a port or the root complex. An endpoint has few of them, and only in
 * its first function.
 */
#include "pci/registers.h"

#define COUNT(array)      (uint16_t)(sizeof(array) / sizeof((array)[0]))
#define TABLE(ecap, list) [ecap] = { .id = ecap, .extended = true, .rows = list, .nrows = COUNT(list) }
#define TABLE_IF(ecap, list, ifs)                                                                                      \
	[ecap] = { .id = ecap,                                                                                         \
		   .extended = true,                                                                                   \
		   .rows = list,                                                                                       \
		   .nrows = COUNT(list),                                                                               \
		   .conditions = ifs,                                                                                  \
		   .nconditions = COUNT(ifs) }

#define BIT_IF(at, bit, from, by)                                                                                      \
	{                                                                                                              \
		.offset = (at), .bits = (bit), .source = (from), .mask = (by), .unless = 0                             \
	}

/* --- the root complex --- */

static const struct pci_register rclink_rows[] = {
	{ .name = "SELF", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.8.2" },
	/* Entries begin at 10h: a description, a reserved dword, an address of two. */
	{ .name = "LINK", .offset = 0x10, .width = 4, .stride = 16, .count = 255, .section = "PCIe 6.0, 7.9.8.3.1" },
	{ .name = "LINK_LOW",
	  .offset = 0x18,
	  .width = 4,
	  .stride = 16,
	  .count = 255,
	  .section = "PCIe 6.0, 7.9.8.3.2" },
	{ .name = "LINK_HIGH",
	  .offset = 0x1c,
	  .width = 4,
	  .stride = 16,
	  .count = 255,
	  .section = "PCIe 6.0, 7.9.8.3.2" },
};

static const struct pci_register rcilink_rows[] = {
	{ .name = "LNKCAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.9.2" },
	{ .name = "LNKCTL",
	  .offset = 0x08,
	  .width = 2,
	  .rw = 0x0083,
	  .kept = 0x0083,
	  .optional = 0x0083,
	  .section = "PCIe 6.0, 7.9.9.3" },
	{ .name = "LNKSTA", .offset = 0x0a, .width = 2, .section = "PCIe 6.0, 7.9.9.4" },
};

static const struct pci_register rcrb_rows[] = {
	{ .name = "VENDOR_ID", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.9.7.2" },
	{ .name = "DEVICE_ID", .offset = 0x06, .width = 2, .section = "PCIe 6.0, 7.9.7.2" },
	{ .name = "CAP", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.7.3" },
	{ .name = "CTRL", .offset = 0x0c, .width = 4, .rw = 0x00000001, .section = "PCIe 6.0, 7.9.7.4" },
};

static const struct pci_condition rcrb_conditions[] = {
	BIT_IF(0x0c, 0x01, 0x08, 0x01),
};

/* --- ports --- */

static const struct pci_register frs_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.8.10.2" },
	{ .name = "STATUS", .offset = 0x08, .width = 2, .rw1c = 0x0003, .section = "PCIe 6.0, 7.8.10.3" },
	{ .name = "CTRL", .offset = 0x0a, .width = 2, .rw = 0x0001, .section = "PCIe 6.0, 7.8.10.4" },
	{ .name = "QUEUE", .offset = 0x0c, .width = 4, .section = "PCIe 6.0, 7.8.10.5" },
};

static const struct pci_register hierid_rows[] = {
	{ .name = "STATUS", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.17.2" },
	{ .name = "DATA", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.17.3" },
	{ .name = "GUID",
	  .offset = 0x0c,
	  .width = 4,
	  .stride = 4,
	  .count = 5,
	  .section = "PCIe 6.0, 7.9.17.4 to 7.9.17.8" },
};

/* Every lamp by its bit of the capability. */
static const struct pci_register npem_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.19.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0xff000fff, .section = "PCIe 6.0, 7.9.19.3" },
	{ .name = "STATUS", .offset = 0x0c, .width = 4, .rw1c = 0x00000001, .section = "PCIe 6.0, 7.9.19.4" },
};

static const struct pci_condition npem_conditions[] = {
	BIT_IF(8, 0x001, 4, 0x001), BIT_IF(8, 0x002, 4, 0x002), BIT_IF(8, 0x004, 4, 0x004), BIT_IF(8, 0x008, 4, 0x008),
	BIT_IF(8, 0x010, 4, 0x010), BIT_IF(8, 0x020, 4, 0x020), BIT_IF(8, 0x040, 4, 0x040), BIT_IF(8, 0x080, 4, 0x080),
	BIT_IF(8, 0x100, 4, 0x100), BIT_IF(8, 0x200, 4, 0x200), BIT_IF(8, 0x400, 4, 0x400), BIT_IF(8, 0x800, 4, 0x800),
};

static const struct pci_register altproto_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.20.2" },
	{ .name = "CTRL",
	  .offset = 0x08,
	  .width = 4,
	  .rw = 0x000000ff,
	  .optional = 0x000000ff,
	  .section = "PCIe 6.0, 7.9.20.3" },
	{ .name = "DATA1", .offset = 0x0c, .width = 4, .section = "PCIe 6.0, 7.9.20.4" },
	{ .name = "DATA2", .offset = 0x10, .width = 4, .section = "PCIe 6.0, 7.9.20.5" },
	{ .name = "ENABLE_MASK",
	  .offset = 0x14,
	  .width = 4,
	  .stride = 4,
	  .count = 8,
	  .rw = 0xffffffff,
	  .kept = 0xffffffff,
	  .section = "PCIe 6.0, 7.9.20.6" },
};

/* Nothing is below: the window answers nobody. */
static const struct pci_register sfi_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.9.22.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x01ff, .act = 0x0200, .section = "PCIe 6.0, 7.9.22.3" },
	{ .name = "STATUS", .offset = 0x08, .width = 2, .rw1c = 0x0034, .section = "PCIe 6.0, 7.9.22.4" },
	{ .name = "CAM_ADDR", .offset = 0x0c, .width = 4, .rw = 0x0fffffff, .section = "PCIe 6.0, 7.9.22.5" },
	{ .name = "CAM_DATA", .offset = 0x10, .width = 4, .section = "PCIe 6.0, 7.9.22.6" },
};

static const struct pci_condition sfi_conditions[] = {
	BIT_IF(6, 0x04, 4, 0x01),
};

static const struct pci_register shadow_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.25.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0x00000001, .section = "PCIe 6.0, 7.9.25.3" },
	{ .name = "INSTANCE",
	  .offset = 0x0c,
	  .width = 4,
	  .stride = 4,
	  .count = 256,
	  .counted = { .source = 4, .mask = 0xff, .plus = 1 },
	  .section = "PCIe 6.0, 7.9.25.4" },
};

/* Behind the control register streams follow whose places depend on the ones before: they have no rows. */
static const struct pci_register ide_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.26.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.26.3" },
};

/* --- the link --- */

static const struct pci_register pmux_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, G.5.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0x3f3f3f3f, .section = "PCIe 6.0, G.5.3" },
	{ .name = "STATUS", .offset = 0x0c, .width = 4, .section = "PCIe 6.0, G.5.4" },
	{ .name = "PROTOCOL",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 63,
	  .counted = { .source = 4, .mask = 0x3f },
	  .section = "PCIe 6.0, G.5.5" },
};

static const struct pci_register flit_log_rows[] = {
	{ .name = "LOG1",
	  .offset = 0x04,
	  .width = 4,
	  .rw1c = 0x00000001,
	  .kept = 0x00000001,
	  .section = "PCIe 6.0, 7.7.8.2" },
	{ .name = "LOG2", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.7.8.3" },
	{ .name = "COUNTER_CTRL", .offset = 0x0c, .width = 2, .rw = 0x0fff, .section = "PCIe 6.0, 7.7.8.4" },
	{ .name = "COUNTER_STATUS",
	  .offset = 0x0e,
	  .width = 2,
	  .rw1c = 0x0008,
	  .kept = 0x0008,
	  .section = "PCIe 6.0, 7.7.8.5" },
	{ .name = "FBER_CTRL",
	  .offset = 0x10,
	  .width = 4,
	  .rw = 0x0000001d,
	  .act = 0x00000002,
	  .section = "PCIe 6.0, 7.7.8.6" },
	{ .name = "FBER_STATUS",
	  .offset = 0x14,
	  .width = 4,
	  .stride = 4,
	  .count = 10,
	  .section = "PCIe 6.0, 7.7.8.7 to 7.7.8.16" },
};

static const struct pci_register flit_perf_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.8.12.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0x3fffffcf, .section = "PCIe 6.0, 7.8.12.3" },
	{ .name = "STATUS", .offset = 0x0c, .width = 4, .rw1c = 0x00000080, .section = "PCIe 6.0, 7.8.12.4" },
	{ .name = "LTSSM_STATUS",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 5,
	  .counted = { .source = 4, .shift = 10, .mask = 7 },
	  .rw1c = 0x00000080,
	  .kept = 0x00000080,
	  .section = "PCIe 6.0, 7.8.12.5" },
};

static const struct pci_register flit_err_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.8.13.2" },
	{ .name = "CTRL1", .offset = 0x08, .width = 4, .rw = 0xffff01ff, .section = "PCIe 6.0, 7.8.13.3" },
	{ .name = "CTRL2", .offset = 0x0c, .width = 4, .rw = 0x000fffff, .section = "PCIe 6.0, 7.8.13.4" },
	{ .name = "STATUS", .offset = 0x10, .width = 4, .section = "PCIe 6.0, 7.8.13.5" },
	{ .name = "OS_CTRL1",
	  .offset = 0x14,
	  .width = 4,
	  .rw = 0x3fffffff,
	  .kept = 0x3fffffff,
	  .section = "PCIe 6.0, 7.8.13.6" },
	{ .name = "OS_CTRL2",
	  .offset = 0x18,
	  .width = 4,
	  .rw = 0xffffffff,
	  .kept = 0xffffffff,
	  .section = "PCIe 6.0, 7.8.13.7" },
	{ .name = "OS_TX_STATUS", .offset = 0x1c, .width = 4, .section = "PCIe 6.0, 7.8.13.8" },
	{ .name = "OS_RX_STATUS", .offset = 0x20, .width = 4, .section = "PCIe 6.0, 7.8.13.9" },
};

/* The first channel carries TC0 and no other protocol; its enable bit is the port's. */
#define CHANNELS .stride = 12, .count = 7, .counted = { .source = 4, .mask = 7 }

static const struct pci_register svc_rows[] = {
	{ .name = "CAP1", .offset = 0x04, .width = 4, .section = "PCIe 6.1, 7.9.29.2" },
	{ .name = "CAP2", .offset = 0x08, .width = 4, .section = "PCIe 6.1, 7.9.29.3" },
	{ .name = "CTRL",
	  .offset = 0x0c,
	  .width = 4,
	  .rw = 0x00000001,
	  .kept = 0x00000001,
	  .section = "PCIe 6.1, 7.9.29.4" },
	{ .name = "STATUS", .offset = 0x10, .width = 4, .section = "PCIe 6.1, 7.9.29.5" },
	{ .name = "VC0_CAP", .offset = 0x14, .width = 4, .section = "PCIe 6.1, 7.9.29.6" },
	{ .name = "VC0_CTRL",
	  .offset = 0x18,
	  .width = 4,
	  .rw = 0x780000fe,
	  .kept = 0x780000fe,
	  .section = "PCIe 6.1, 7.9.29.7" },
	{ .name = "VC0_STATUS", .offset = 0x1c, .width = 4, .section = "PCIe 6.1, 7.9.29.8" },
	{ .name = "VCn_CAP", .offset = 0x20, .width = 4, CHANNELS, .section = "PCIe 6.1, 7.9.29.6" },
	{ .name = "VCn_CTRL",
	  .offset = 0x24,
	  .width = 4,
	  CHANNELS,
	  .rw = 0xf8000ffe,
	  .kept = 0xf8000ffe,
	  .section = "PCIe 6.1, 7.9.29.7" },
	{ .name = "VCn_STATUS", .offset = 0x28, .width = 4, CHANNELS, .section = "PCIe 6.1, 7.9.29.8" },
};

static const struct pci_register mmio_rbl_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.2, 7.9.30.2" },
	{ .name = "LOCATOR_LOW",
	  .offset = 0x08,
	  .width = 4,
	  .stride = 8,
	  .count = 511,
	  .section = "PCIe 6.2, 7.9.30.3" },
	{ .name = "LOCATOR_HIGH",
	  .offset = 0x0c,
	  .width = 4,
	  .stride = 8,
	  .count = 511,
	  .section = "PCIe 6.2, 7.9.30.3" },
};

/* Bit 0 of CTRL2 asks for flits, which nobody sends here. */
static const struct pci_register nop_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.3, 7.8.14.2" },
	{ .name = "CTRL1",
	  .offset = 0x08,
	  .width = 4,
	  .rw = 0xffff3dff,
	  .kept = 0xffff3dff,
	  .section = "PCIe 6.3, 7.8.14.3" },
	{ .name = "CTRL2",
	  .offset = 0x0c,
	  .width = 4,
	  .rw = 0xffff3dfe,
	  .kept = 0xffff3dfe,
	  .act = 0x00000001,
	  .section = "PCIe 6.3, 7.8.14.4" },
	{ .name = "STATUS", .offset = 0x10, .width = 4, .section = "PCIe 6.3, 7.8.14.5" },
};

static const struct pci_condition nop_conditions[] = {
	BIT_IF(0x08, 0xffff3dff, 0x04, 0x03),
	BIT_IF(0x08, 0x00003dfd, 0x04, 0x01),
	BIT_IF(0x08, 0x00000002, 0x04, 0x02),
	BIT_IF(0x0c, 0xffff3dff, 0x04, 0x01),
};

static const struct pci_registers tables[] = {
	TABLE(PCG_ECAP_RCLINK, rclink_rows),
	TABLE(PCG_ECAP_RCILINK, rcilink_rows),
	TABLE_IF(PCG_ECAP_RCRB, rcrb_rows, rcrb_conditions),
	TABLE(PCG_ECAP_PMUX, pmux_rows),
	TABLE(PCG_ECAP_FRS, frs_rows),
	TABLE(PCG_ECAP_HIERID, hierid_rows),
	TABLE_IF(PCG_ECAP_NPEM, npem_rows, npem_conditions),
	TABLE(PCG_ECAP_ALTPROTO, altproto_rows),
	TABLE_IF(PCG_ECAP_SFI, sfi_rows, sfi_conditions),
	TABLE(PCG_ECAP_SHADOW, shadow_rows),
	TABLE(PCG_ECAP_IDE, ide_rows),
	TABLE(PCG_ECAP_FLIT_LOG, flit_log_rows),
	TABLE(PCG_ECAP_FLIT_PERF, flit_perf_rows),
	TABLE(PCG_ECAP_FLIT_ERR, flit_err_rows),
	TABLE(PCG_ECAP_SVC, svc_rows),
	TABLE(PCG_ECAP_MMIO_RBL, mmio_rbl_rows),
	TABLE_IF(PCG_ECAP_NOP, nop_rows, nop_conditions),
};

const struct pci_registers *pci_link_registers(uint16_t id)
{
	if (id >= COUNT(tables) || tables[id].rows == NULL)
		return NULL;
	return &tables[id];
}
