/* SPDX-License-Identifier: BSD-3-Clause */
/* The standard capabilities but Express. */
#include "pci/registers.h"

#define COUNT(array)     (uint16_t)(sizeof(array) / sizeof((array)[0]))
#define TABLE(cap, list) [cap] = { .id = cap, .rows = list, .nrows = COUNT(list) }
#define TABLE_IF(cap, list, ifs)                                                                                       \
	{                                                                                                              \
		.id = cap, .rows = list, .nrows = COUNT(list), .conditions = ifs, .nconditions = COUNT(ifs)            \
	}

static const struct pci_register pm_rows[] = {
	{ .name = "PMC", .offset = 2, .width = 2, .section = "PCI PM 1.2, 3.2.3; PCIe 6.0, 7.5.2.1" },
	{ .name = "PMCSR",
	  .offset = 4,
	  .width = 2,
	  .rw = 0x1f03,
	  .rw1c = 0x8000,
	  .kept = 0x8100,
	  .section = "PCI PM 1.2, 3.2.4; PCIe 6.0, 7.5.2.2" },
	{ .name = "PMCSR_BSE", .offset = 6, .width = 1, .section = "PCI PM 1.2, 3.2.5" },
	{ .name = "DATA", .offset = 7, .width = 1, .section = "PCI PM 1.2, 3.2.6; PCIe 6.0, 7.5.2.3" },
};

/* PME needs a state to be raised from; the Data register is there if it has a scale. */
static const struct pci_condition pm_conditions[] = {
	{ .offset = 4, .bits = 0x8100, .source = 2, .mask = 0xf800, .unless = 0 },
	{ .offset = 4, .bits = 0x1e00, .source = 4, .mask = 0x6000, .unless = 0 },
};

static const struct pci_register agp_rows[] = {
	{ .name = "AGPSTAT", .offset = 4, .width = 4, .section = "AGP 2.0, 6.1.8" },
	{ .name = "AGPCMD", .offset = 8, .width = 4, .rw = 0xff000337, .section = "AGP 2.0, 6.1.9" },
};

/* No default is defined for the address and the data: what stands there stays. */
static const struct pci_register vpd_rows[] = {
	{ .name = "ADDR",
	  .offset = 2,
	  .width = 2,
	  .rw = 0xffff,
	  .kept = 0xffff,
	  .section = "PCI 3.0, appendix I; PCIe 6.0, 7.9.18.1" },
	{ .name = "DATA",
	  .offset = 4,
	  .width = 4,
	  .rw = 0xffffffff,
	  .kept = 0xffffffff,
	  .section = "PCI 3.0, appendix I; PCIe 6.0, 7.9.18.2" },
};

static const struct pci_register slotid_rows[] = {
	{ .name = "ESR", .offset = 2, .width = 1, .section = "PCI-to-PCI bridge 1.2, 13.3" },
	{ .name = "CHASSIS", .offset = 3, .width = 1, .section = "PCI-to-PCI bridge 1.2, 13.4" },
};

#define MSI_CONTROL                                                                                                    \
	{ .name = "CTRL", .offset = 2, .width = 2, .rw = 0x0471, .section = "PCIe 6.0, 7.7.1.2" },                     \
	{                                                                                                              \
		.name = "ADDRESS_LO", .offset = 4, .width = 4, .rw = 0xfffffffc, .section = "PCIe 6.0, 7.7.1.3"        \
	}
#define MSI_HIGH                                                                                                       \
	{                                                                                                              \
		.name = "ADDRESS_HI", .offset = 8, .width = 4, .rw = 0xffffffff, .section = "PCIe 6.0, 7.7.1.4"        \
	}
#define MSI_DATA(at)                                                                                                   \
	{ .name = "DATA", .offset = (at), .width = 2, .rw = 0xffff, .section = "PCIe 6.0, 7.7.1.5" },                  \
	{                                                                                                              \
		.name = "EXT_DATA", .offset = (at) + 2, .width = 2, .rw = 0xffff, .section = "PCIe 6.0, 7.7.1.6"       \
	}
#define MSI_MASK(at)                                                                                                   \
	{ .name = "MASK", .offset = (at), .width = 4, .rw = 0xffffffff, .section = "PCIe 6.0, 7.7.1.7" },              \
	{                                                                                                              \
		.name = "PENDING", .offset = (at) + 4, .width = 4, .section = "PCIe 6.0, 7.7.1.8"                      \
	}

static const struct pci_register msi32_rows[] = { MSI_CONTROL, MSI_DATA(8) };
static const struct pci_register msi64_rows[] = { MSI_CONTROL, MSI_HIGH, MSI_DATA(0xc) };
static const struct pci_register msi32m_rows[] = { MSI_CONTROL, MSI_DATA(8), MSI_MASK(0xc) };
static const struct pci_register msi64m_rows[] = { MSI_CONTROL, MSI_HIGH, MSI_DATA(0xc), MSI_MASK(0x10) };

/* Extended data by control bit 9; as many mask bits as Multiple Message Capable says vectors. */
#define DATA_CONDITIONS(data)                                                                                          \
	{ .offset = 2, .bits = 0x0400, .source = 2, .mask = 0x0200, .unless = 0 },                                     \
	{                                                                                                              \
		.offset = (data) + 2, .bits = 0xffff, .source = 2, .mask = 0x0200, .unless = 0                         \
	}
#define MASK_CONDITIONS(at)                                                                                            \
	{ .offset = (at), .bits = 0xfffffffe, .source = 2, .mask = 0x000e, .unless = 0x0 },                            \
		{ .offset = (at), .bits = 0xfffffffc, .source = 2, .mask = 0x000e, .unless = 0x2 },                    \
		{ .offset = (at), .bits = 0xfffffff0, .source = 2, .mask = 0x000e, .unless = 0x4 },                    \
		{ .offset = (at), .bits = 0xffffff00, .source = 2, .mask = 0x000e, .unless = 0x6 },                    \
	{                                                                                                              \
		.offset = (at), .bits = 0xffff0000, .source = 2, .mask = 0x000e, .unless = 0x8                         \
	}

static const struct pci_condition msi32_conditions[] = { DATA_CONDITIONS(8) };
static const struct pci_condition msi64_conditions[] = { DATA_CONDITIONS(0xc) };
static const struct pci_condition msi32m_conditions[] = { DATA_CONDITIONS(8), MASK_CONDITIONS(0xc) };
static const struct pci_condition msi64m_conditions[] = { DATA_CONDITIONS(0xc), MASK_CONDITIONS(0x10) };

/* By the control register's 64-bit (bit 0 here) and per-vector masking (bit 1) bits. */
static const struct pci_registers msi_layouts[4] = {
	TABLE_IF(PCG_CAP_MSI, msi32_rows, msi32_conditions),
	TABLE_IF(PCG_CAP_MSI, msi64_rows, msi64_conditions),
	TABLE_IF(PCG_CAP_MSI, msi32m_rows, msi32m_conditions),
	TABLE_IF(PCG_CAP_MSI, msi64m_rows, msi64m_conditions),
};

/* How many split transactions may be outstanding after a reset is the device's own: what stands there stays. */
static const struct pci_register pcix_rows[] = {
	{ .name = "CMD",
	  .offset = 2,
	  .width = 2,
	  .rw = 0x007f,
	  .kept = 0x0070,
	  .reset = 0x0002,
	  .section = "PCI-X 2.0, 7.2.3" },
	{ .name = "STATUS", .offset = 4, .width = 4, .rw1c = 0x200c0000, .section = "PCI-X 2.0, 7.2.4" },
	{ .name = "ECC_CSR", .offset = 8, .width = 4, .section = "PCI-X 2.0, 7.2" },
};

static const struct pci_register ht_rows[] = {
	{ .name = "COMMAND", .offset = 2, .width = 2, .section = "HyperTransport 3.1, 7.2" },
};

static const struct pci_register vendor_rows[] = {
	{ .name = "LENGTH", .offset = 2, .width = 1, .section = "PCI 3.0, appendix H; PCIe 6.0, 7.9.4" },
};

static const struct pci_register debug_rows[] = {
	{ .name = "PORT", .offset = 2, .width = 2, .section = "EHCI 1.0, C.2" },
};

static const struct pci_register subsystem_rows[] = {
	{ .name = "SSVID", .offset = 4, .width = 2, .section = "PCI-to-PCI bridge 1.2, 3.2.5.13; PCIe 6.0, 7.9.23.2" },
	{ .name = "SSID", .offset = 6, .width = 2, .section = "PCI-to-PCI bridge 1.2, 3.2.5.13; PCIe 6.0, 7.9.23.2" },
};

static const struct pci_register msix_rows[] = {
	{ .name = "CTRL", .offset = 2, .width = 2, .rw = 0xc000, .section = "PCIe 6.0, 7.7.2.2" },
	{ .name = "TABLE", .offset = 4, .width = 4, .section = "PCIe 6.0, 7.7.2.3" },
	{ .name = "PBA", .offset = 8, .width = 4, .section = "PCIe 6.0, 7.7.2.4" },
};

static const struct pci_register sata_rows[] = {
	{ .name = "SATACR0", .offset = 2, .width = 2, .section = "AHCI 1.3.1, 2.4.1" },
	{ .name = "SATACR1", .offset = 4, .width = 4, .section = "AHCI 1.3.1, 2.4.2" },
};

static const struct pci_register af_rows[] = {
	{ .name = "LENGTH", .offset = 2, .width = 1, .section = "PCIe 6.0, 7.9.21.1" },
	{ .name = "CAP", .offset = 3, .width = 1, .section = "PCIe 6.0, 7.9.21.2" },
	{ .name = "CTRL", .offset = 4, .width = 1, .act = 0x01, .section = "PCIe 6.0, 7.9.21.3" },
	{ .name = "STATUS", .offset = 5, .width = 1, .section = "PCIe 6.0, 7.9.21.4" },
};

static const struct pci_condition af_conditions[] = {
	{ .offset = 4, .bits = 0x01, .source = 3, .mask = PCG_AF_CAP_FLR, .unless = 0 },
};

static const struct pci_register ea_rows[] = {
	{ .name = "NUM_ENTRIES", .offset = 2, .width = 2, .section = "PCIe 6.0, 7.8.5.1" },
};

static const struct pci_registers tables[] = {
	[PCG_CAP_PM] = TABLE_IF(PCG_CAP_PM, pm_rows, pm_conditions),
	TABLE(PCG_CAP_AGP, agp_rows),
	TABLE(PCG_CAP_VPD, vpd_rows),
	TABLE(PCG_CAP_SLOTID, slotid_rows),
	TABLE(PCG_CAP_PCIX, pcix_rows),
	TABLE(PCG_CAP_HT, ht_rows),
	TABLE(PCG_CAP_VNDR, vendor_rows),
	TABLE(PCG_CAP_DBG, debug_rows),
	TABLE(PCG_CAP_SSVID, subsystem_rows),
	TABLE(PCG_CAP_AGP3, agp_rows),
	TABLE(PCG_CAP_MSIX, msix_rows),
	TABLE(PCG_CAP_SATA, sata_rows),
	[PCG_CAP_AF] = TABLE_IF(PCG_CAP_AF, af_rows, af_conditions),
	TABLE(PCG_CAP_EA, ea_rows),
};

const struct pci_registers *pci_standard_registers(uint16_t id, uint16_t control)
{
	if (id == PCG_CAP_EXP)
		return &pci_express_registers;
	if (id == PCG_CAP_MSI)
		return &msi_layouts[(control & PCG_MSI_64BIT ? 1 : 0) + (control & PCG_MSI_MASKABLE ? 2 : 0)];
	if (id >= COUNT(tables) || tables[id].rows == NULL)
		return NULL;
	return &tables[id];
}
