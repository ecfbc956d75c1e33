/* SPDX-License-Identifier: BSD-3-Clause */
/* The extended capabilities, as endpoints have them; registers_link.c has those of links and ports. */
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

/* A bit of a control register that is there when the same or another bit of a capability register is. */
#define BIT_IF(at, bit, from, by)                                                                                      \
	{                                                                                                              \
		.offset = (at), .bits = (bit), .source = (from), .mask = (by), .unless = 0                             \
	}

/*
 * Every bit of the error registers is sticky. Bits 31:23 and 5 came later, or belong to few. In flit mode the log of
 * headers goes on where the log of prefixes stands (7.8.4.8). Of a VF, its PF's masks, severities and ECRC enables
 * count.
 */
#define UNCORRECTABLE        0xfffff030
#define UNCORRECTABLE_SELDOM 0xff800020
#define CORRECTABLE          0x0000f1c1

static const struct pci_register aer_rows[] = {
	{ .name = "UESTA",
	  .offset = 0x04,
	  .width = 4,
	  .rw1c = UNCORRECTABLE,
	  .kept = UNCORRECTABLE,
	  .zero = ~UNCORRECTABLE,
	  .section = "PCIe 6.0, 7.8.4.2" },
	{ .name = "UEMSK",
	  .offset = 0x08,
	  .width = 4,
	  .rw = UNCORRECTABLE,
	  .kept = UNCORRECTABLE,
	  .optional = UNCORRECTABLE_SELDOM,
	  .not_vf = UNCORRECTABLE,
	  .section = "PCIe 6.0, 7.8.4.3" },
	{ .name = "UESVRT",
	  .offset = 0x0c,
	  .width = 4,
	  .rw = UNCORRECTABLE,
	  .kept = UNCORRECTABLE,
	  .optional = UNCORRECTABLE_SELDOM,
	  .not_vf = UNCORRECTABLE,
	  .section = "PCIe 6.0, 7.8.4.4" },
	{ .name = "CESTA",
	  .offset = 0x10,
	  .width = 4,
	  .rw1c = CORRECTABLE,
	  .kept = CORRECTABLE,
	  .zero = 0xffff0e3e,
	  .section = "PCIe 6.0, 7.8.4.5" },
	{ .name = "CEMSK",
	  .offset = 0x14,
	  .width = 4,
	  .rw = CORRECTABLE,
	  .kept = CORRECTABLE,
	  .not_vf = CORRECTABLE,
	  .section = "PCIe 6.0, 7.8.4.6" },
	{ .name = "CAP",
	  .offset = 0x18,
	  .width = 4,
	  .rw = 0x00000540,
	  .kept = 0x00000540,
	  .not_vf = 0x00000140,
	  .section = "PCIe 6.0, 7.8.4.7" },
	{ .name = "HDRLOG", .offset = 0x1c, .width = 4, .stride = 4, .count = 4, .section = "PCIe 6.0, 7.8.4.8" },
	{ .name = "ROOTCMD", .offset = 0x2c, .width = 4, .section = "PCIe 6.0, 7.8.4.9" },
	{ .name = "ROOTSTA", .offset = 0x30, .width = 4, .section = "PCIe 6.0, 7.8.4.10" },
	{ .name = "ERRSRC", .offset = 0x34, .width = 4, .section = "PCIe 6.0, 7.8.4.11" },
	{ .name = "PREFIXLOG", .offset = 0x38, .width = 4, .stride = 4, .count = 4, .section = "PCIe 6.0, 7.8.4.12" },
	{ .name = "HDRLOG_EXT", .offset = 0x48, .width = 4, .stride = 4, .count = 6, .section = "PCIe 6.0, 7.8.4.8" },
};

static const struct pci_condition aer_conditions[] = {
	BIT_IF(0x18, 0x0040, 0x18, 0x0020),
	BIT_IF(0x18, 0x0100, 0x18, 0x0080),
	BIT_IF(0x18, 0x0400, 0x18, 0x0200),
};

/*
 * All of it survives a function level reset (6.6.2). The first channel is always enabled and carries TC0. What flit
 * mode brought (All VCs Enabled, the limits of shared credits) nothing here says. Multi-function channels have the
 * same.
 */
#define CHANNELS .stride = 12, .count = 7, .counted = { .source = 4, .mask = 7 }
#define VC_ROWS(at)                                                                                                    \
	{ .name = "CAP1", .offset = 0x04, .width = 4, .section = "PCIe 6.0, " at ".2" },                               \
		{ .name = "CAP2", .offset = 0x08, .width = 4, .section = "PCIe 6.0, " at ".3" },                       \
		{ .name = "CTRL",                                                                                      \
		  .offset = 0x0c,                                                                                      \
		  .width = 2,                                                                                          \
		  .rw = 0x001e,                                                                                        \
		  .kept = 0x001e,                                                                                      \
		  .optional = 0x0010,                                                                                  \
		  .act = 0x0001,                                                                                       \
		  .section = "PCIe 6.0, " at ".4" },                                                                   \
		{ .name = "STATUS", .offset = 0x0e, .width = 2, .section = "PCIe 6.0, " at ".5" },                     \
		{ .name = "VC0_CAP", .offset = 0x10, .width = 4, .section = "PCIe 6.0, " at ".6" },                    \
		{ .name = "VC0_CTRL",                                                                                  \
		  .offset = 0x14,                                                                                      \
		  .width = 4,                                                                                          \
		  .rw = 0x780e00fe,                                                                                    \
		  .kept = 0x780e00fe,                                                                                  \
		  .optional = 0x78000000,                                                                              \
		  .act = 0x00010000,                                                                                   \
		  .section = "PCIe 6.0, " at ".7" },                                                                   \
		{ .name = "VC0_STATUS", .offset = 0x1a, .width = 2, .section = "PCIe 6.0, " at ".8" },                 \
		{ .name = "VCn_CAP", .offset = 0x1c, .width = 4, CHANNELS, .section = "PCIe 6.0, " at ".6" },          \
		{ .name = "VCn_CTRL",                                                                                  \
		  .offset = 0x20,                                                                                      \
		  .width = 4,                                                                                          \
		  CHANNELS,                                                                                            \
		  .rw = 0xff0e00fe,                                                                                    \
		  .kept = 0xff0e00fe,                                                                                  \
		  .optional = 0x78000000,                                                                              \
		  .act = 0x00010000,                                                                                   \
		  .section = "PCIe 6.0, " at ".7" },                                                                   \
	{                                                                                                              \
		.name = "VCn_STATUS", .offset = 0x26, .width = 2, CHANNELS, .section = "PCIe 6.0, " at ".8"            \
	}

static const struct pci_register vc_rows[] = { VC_ROWS("7.9.1") };
static const struct pci_register mfvc_rows[] = { VC_ROWS("7.9.2") };

static const struct pci_register dsn_rows[] = {
	{ .name = "LOWER", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.3.2" },
	{ .name = "UPPER", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.3.2" },
};

/* What Data would show under another selection is not known: the selector stays where it is. */
static const struct pci_register pb_rows[] = {
	{ .name = "DATA_SELECT",
	  .offset = 0x04,
	  .width = 1,
	  .rw = 0xff,
	  .optional = 0xff,
	  .section = "PCIe 6.0, 7.8.1.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x001f, .kept = 0x001e, .section = "PCIe 6.0, 7.8.1.3" },
	{ .name = "DATA", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.8.1.4" },
	{ .name = "CAP", .offset = 0x0c, .width = 1, .section = "PCIe 6.0, 7.8.1.5" },
	/* One register of 24 bits. */
	{ .name = "SENSE_DETECT", .offset = 0x0d, .width = 1, .stride = 1, .count = 3, .section = "PCIe 6.0, 7.8.1.6" },
};

/* Extended power budgeting by capability bit 1, power limits by bit 3. */
static const struct pci_condition pb_conditions[] = {
	BIT_IF(0x06, 0x0001, 0x0c, 0x02),
	BIT_IF(0x06, 0x001e, 0x0c, 0x08),
};

static const struct pci_register header_rows[] = {
	{ .name = "HEADER", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.5.2" },
};

static const struct pci_register acs_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.7.11.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x007f, .section = "PCIe 6.0, 7.7.11.3" },
	{ .name = "EGRESS",
	  .offset = 0x08,
	  .width = 4,
	  .stride = 4,
	  .count = 8,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.7.11.4" },
};

static const struct pci_condition acs_conditions[] = {
	BIT_IF(6, 0x01, 4, 0x01), BIT_IF(6, 0x02, 4, 0x02), BIT_IF(6, 0x04, 4, 0x04), BIT_IF(6, 0x08, 4, 0x08),
	BIT_IF(6, 0x10, 4, 0x10), BIT_IF(6, 0x20, 4, 0x20), BIT_IF(6, 0x40, 4, 0x40),
};

static const struct pci_register ari_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.8.8.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x0073, .section = "PCIe 6.0, 7.8.8.3" },
};

static const struct pci_condition ari_conditions[] = {
	BIT_IF(6, 0x01, 4, 0x01),
	BIT_IF(6, 0x02, 4, 0x02),
	BIT_IF(6, 0x70, 4, 0x03),
};

/* A VF uses its PF's Smallest Translation Unit (10.5.1.3). */
static const struct pci_register ats_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 10.5.1.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x801f, .not_vf = 0x001f, .section = "PCIe 6.0, 10.5.1.3" },
};

/* The VF BARs are writable as far as the VFs' sizes say, which no register does. */
static const struct pci_register sriov_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 9.3.3.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 2, .rw = 0x007f, .kept = 0x0010, .section = "PCIe 6.0, 9.3.3.3" },
	{ .name = "STATUS", .offset = 0x0a, .width = 2, .rw1c = 0x0001, .section = "PCIe 6.0, 9.3.3.4" },
	{ .name = "INITIAL_VF", .offset = 0x0c, .width = 2, .section = "PCIe 6.0, 9.3.3.5" },
	{ .name = "TOTAL_VF", .offset = 0x0e, .width = 2, .section = "PCIe 6.0, 9.3.3.6" },
	{ .name = "NUM_VF", .offset = 0x10, .width = 2, .rw = 0xffff, .section = "PCIe 6.0, 9.3.3.7" },
	{ .name = "FUNC_LINK", .offset = 0x12, .width = 1, .section = "PCIe 6.0, 9.3.3.8" },
	{ .name = "VF_OFFSET", .offset = 0x14, .width = 2, .section = "PCIe 6.0, 9.3.3.9" },
	{ .name = "VF_STRIDE", .offset = 0x16, .width = 2, .section = "PCIe 6.0, 9.3.3.10" },
	{ .name = "VF_DID", .offset = 0x1a, .width = 2, .section = "PCIe 6.0, 9.3.3.11" },
	{ .name = "SUP_PGSIZE", .offset = 0x1c, .width = 4, .section = "PCIe 6.0, 9.3.3.12" },
	{ .name = "SYS_PGSIZE",
	  .offset = 0x20,
	  .width = 4,
	  .rw = 0xffffffff,
	  .reset = 0x00000001,
	  .section = "PCIe 6.0, 9.3.3.13" },
	{ .name = "BAR", .offset = 0x24, .width = 4, .stride = 4, .count = 6, .section = "PCIe 6.0, 9.3.3.14" },
	{ .name = "VFM", .offset = 0x3c, .width = 4, .section = "PCIe 6.0, 9.3.3.15" },
};

static const struct pci_condition sriov_conditions[] = {
	BIT_IF(0x08, 0x0006, 0x04, 0x01),
	BIT_IF(0x08, 0x0020, 0x04, 0x04),
	BIT_IF(0x08, 0x0040, 0x04, 0x08),
	BIT_IF(0x0a, 0x0001, 0x04, 0x01),
};

static const struct pci_register mcast_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.9.11.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x803f, .section = "PCIe 6.0, 7.9.11.3" },
	{ .name = "BASE_LO", .offset = 0x08, .width = 4, .rw = 0xfffff03f, .section = "PCIe 6.0, 7.9.11.4" },
	{ .name = "BASE_HI", .offset = 0x0c, .width = 4, .rw = 0xffffffff, .section = "PCIe 6.0, 7.9.11.4" },
	{ .name = "RECEIVE",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 2,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.9.11.5" },
	{ .name = "BLOCK_ALL",
	  .offset = 0x18,
	  .width = 4,
	  .stride = 4,
	  .count = 2,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.9.11.6" },
	{ .name = "BLOCK_UNTRANS",
	  .offset = 0x20,
	  .width = 4,
	  .stride = 4,
	  .count = 2,
	  .rw = 0xffffffff,
	  .section = "PCIe 6.0, 7.9.11.7" },
	{ .name = "OVERLAY", .offset = 0x28, .width = 4, .stride = 4, .count = 2, .section = "PCIe 6.0, 7.9.11.8" },
};

static const struct pci_register pri_rows[] = {
	{ .name = "CTRL", .offset = 0x04, .width = 2, .rw = 0x0001, .act = 0x0002, .section = "PCIe 6.0, 10.5.2.2" },
	{ .name = "STATUS",
	  .offset = 0x06,
	  .width = 2,
	  .rw1c = 0x0003,
	  .zero = 0x7efc,
	  .section = "PCIe 6.0, 10.5.2.3" },
	{ .name = "MAX_REQ", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 10.5.2.4" },
	{ .name = "ALLOC_REQ", .offset = 0x0c, .width = 4, .rw = 0xffffffff, .section = "PCIe 6.0, 10.5.2.5" },
};

static const struct pci_register rebar_rows[] = {
	{ .name = "CAP",
	  .offset = 0x04,
	  .width = 4,
	  .stride = 8,
	  .count = 6,
	  .counted = { .source = 8, .shift = 5, .mask = 7 },
	  .section = "PCIe 6.0, 7.8.6.2" },
	{ .name = "CTRL",
	  .offset = 0x08,
	  .width = 4,
	  .stride = 8,
	  .count = 6,
	  .counted = { .source = 8, .shift = 5, .mask = 7 },
	  .rw = 0x00003f00,
	  .kept = 0x00003f00,
	  .section = "PCIe 6.0, 7.8.6.3" },
};

static const struct pci_register dpa_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.12.2" },
	{ .name = "LATENCY", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.12.3" },
	{ .name = "STATUS", .offset = 0x0c, .width = 2, .rw1c = 0x0100, .section = "PCIe 6.0, 7.9.12.4" },
	{ .name = "CTRL", .offset = 0x0e, .width = 2, .rw = 0x001f, .section = "PCIe 6.0, 7.9.12.5" },
	{ .name = "POWER",
	  .offset = 0x10,
	  .width = 1,
	  .stride = 1,
	  .count = 32,
	  .counted = { .source = 4, .mask = 0x1f, .plus = 1 },
	  .section = "PCIe 6.0, 7.9.12.6" },
};

/* The length of the capability says whether the steering table stands here (7.9.13.2, location 01b). */
static const struct pci_register tph_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.13.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0x00000307, .section = "PCIe 6.0, 7.9.13.3" },
	{ .name = "ST",
	  .offset = 0x0c,
	  .width = 2,
	  .stride = 2,
	  .count = 2048,
	  .counted = { .source = 4, .shift = 16, .mask = 0x7ff, .plus = 1 },
	  .rw = 0xffff,
	  .section = "PCIe 6.0, 7.9.13.4" },
};

/* Extended requests by capability bit 8; upper bytes of a tag with them. */
static const struct pci_condition tph_conditions[] = {
	BIT_IF(0x08, 0x0200, 0x04, 0x0100),
	BIT_IF(0x0c, 0xff00, 0x04, 0x0100),
};

static const struct pci_register ltr_rows[] = {
	{ .name = "MAX_SNOOP", .offset = 0x04, .width = 2, .rw = 0x1fff, .section = "PCIe 6.0, 7.8.2.2" },
	{ .name = "MAX_NOSNOOP", .offset = 0x06, .width = 2, .rw = 0x1fff, .section = "PCIe 6.0, 7.8.2.3" },
};

static const struct pci_register secpci_rows[] = {
	{ .name = "LNKCTL3",
	  .offset = 0x04,
	  .width = 4,
	  .rw = 0x0000fe00,
	  .kept = 0x0000fe00,
	  .optional = 0x0000fe00,
	  .section = "PCIe 6.0, 7.7.3.2" },
	{ .name = "LANE_ERR",
	  .offset = 0x08,
	  .width = 4,
	  .rw1c = 0xffffffff,
	  .kept = 0xffffffff,
	  .section = "PCIe 6.0, 7.7.3.3" },
	{ .name = "LANE_EQ", .offset = 0x0c, .width = 2, .stride = 2, .count = 32, .section = "PCIe 6.0, 7.7.3.4" },
};

static const struct pci_register pasid_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.8.9.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x000f, .section = "PCIe 6.0, 7.8.9.3" },
};

static const struct pci_condition pasid_conditions[] = {
	BIT_IF(6, 0x02, 4, 0x02),
	BIT_IF(6, 0x04, 4, 0x04),
	BIT_IF(6, 0x08, 4, 0x08),
};

static const struct pci_register dpc_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.9.14.2" },
	{ .name = "CTRL", .offset = 0x06, .width = 2, .rw = 0x01bf, .act = 0x0040, .section = "PCIe 6.0, 7.9.14.3" },
	{ .name = "STATUS",
	  .offset = 0x08,
	  .width = 2,
	  .rw1c = 0x2009,
	  .kept = 0x2009,
	  .section = "PCIe 6.0, 7.9.14.4" },
	{ .name = "SOURCE", .offset = 0x0a, .width = 2, .section = "PCIe 6.0, 7.9.14.5" },
};

static const struct pci_register l1pm_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.8.3.2" },
	{ .name = "CTL1",
	  .offset = 0x08,
	  .width = 4,
	  .rw = 0xe3ff000f,
	  .kept = 0xe3ff000f,
	  .section = "PCIe 6.0, 7.8.3.3" },
	{ .name = "CTL2",
	  .offset = 0x0c,
	  .width = 4,
	  .rw = 0x000000fb,
	  .kept = 0x000000fb,
	  .section = "PCIe 6.0, 7.8.3.4" },
	{ .name = "STATUS", .offset = 0x10, .width = 4, .section = "PCIe 6.0, 7.8.3.5" },
};

static const struct pci_condition l1pm_conditions[] = {
	BIT_IF(8, 0x01, 4, 0x01),
	BIT_IF(8, 0x02, 4, 0x02),
	BIT_IF(8, 0x04, 4, 0x04),
	BIT_IF(8, 0x08, 4, 0x08),
};

static const struct pci_register ptm_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.15.2" },
	{ .name = "CTRL", .offset = 0x08, .width = 4, .rw = 0x0000ff03, .section = "PCIe 6.0, 7.9.15.3" },
};

static const struct pci_condition ptm_conditions[] = {
	BIT_IF(8, 0x01, 4, 0x07),
	BIT_IF(8, 0x02, 4, 0x04),
};

static const struct pci_register dvsec_rows[] = {
	{ .name = "HEADER1", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.6.2" },
	{ .name = "HEADER2", .offset = 0x08, .width = 2, .section = "PCIe 6.0, 7.9.6.3" },
};

static const struct pci_register dlf_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.7.4.2" },
	{ .name = "STATUS", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.7.4.3" },
};

#define PHYSICAL_LAYER(at, writable)                                                                                   \
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, " at ".2" },                                \
		{ .name = "CTRL",                                                                                      \
		  .offset = 0x08,                                                                                      \
		  .width = 4,                                                                                          \
		  .rw = (writable),                                                                                    \
		  .kept = (writable),                                                                                  \
		  .section = "PCIe 6.0, " at ".3" },                                                                   \
	{                                                                                                              \
		.name = "STATUS", .offset = 0x0c, .width = 4, .rw1c = 0x10, .kept = 0x10,                              \
		.section = "PCIe 6.0, " at ".4"                                                                        \
	}
#define LANES(start, at)                                                                                               \
	{                                                                                                              \
		.name = "LANE_EQ", .offset = (start), .width = 1, .stride = 1, .count = 32, .section = "PCIe 6.0, " at \
	}

static const struct pci_register pl16_rows[] = {
	PHYSICAL_LAYER("7.7.5", 0),
	{ .name = "PARITY",
	  .offset = 0x10,
	  .width = 4,
	  .stride = 4,
	  .count = 3,
	  .rw1c = 0xffffffff,
	  .kept = 0xffffffff,
	  .section = "PCIe 6.0, 7.7.5.5 to 7.7.5.7" },
	LANES(0x20, "7.7.5.9"),
};

static const struct pci_register pl32_rows[] = {
	PHYSICAL_LAYER("7.7.6", 3),
	{ .name = "RECEIVED_TS", .offset = 0x10, .width = 4, .stride = 4, .count = 2, .section = "PCIe 6.0, 7.7.6.5" },
	{ .name = "SENT_TS", .offset = 0x18, .width = 4, .stride = 4, .count = 2, .section = "PCIe 6.0, 7.7.6.7" },
	LANES(0x20, "7.7.6.9"),
};

static const struct pci_condition pl32_conditions[] = {
	BIT_IF(8, 0x01, 4, 0x01),
	BIT_IF(8, 0x02, 4, 0x02),
};

static const struct pci_register pl64_rows[] = {
	PHYSICAL_LAYER("7.7.7", 0),
	LANES(0x10, "7.7.7.5"),
};

static const struct pci_register lmr_rows[] = {
	{ .name = "PORT_CAP", .offset = 0x04, .width = 2, .section = "PCIe 6.0, 7.7.10.2" },
	{ .name = "PORT_STATUS", .offset = 0x06, .width = 2, .section = "PCIe 6.0, 7.7.10.3" },
	{ .name = "LANE_CTRL",
	  .offset = 0x08,
	  .width = 2,
	  .stride = 4,
	  .count = 32,
	  .rw = 0xff7f,
	  .reset = 0x9c38,
	  .section = "PCIe 6.0, 7.7.10.4" },
	{ .name = "LANE_STATUS",
	  .offset = 0x0a,
	  .width = 2,
	  .stride = 4,
	  .count = 32,
	  .section = "PCIe 6.0, 7.7.10.5" },
};

/*
 * Nobody answers behind a mailbox without firmware: GO and ABORT do nothing, Ready stays clear. Attention and messages
 * without a request are of PCIe 6.1.
 */
static const struct pci_register doe_rows[] = {
	{ .name = "CAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.24.2" },
	{ .name = "CTRL",
	  .offset = 0x08,
	  .width = 4,
	  .rw = 0x0000000e,
	  .act = 0x80000001,
	  .section = "PCIe 6.0, 7.9.24.3" },
	{ .name = "STATUS", .offset = 0x0c, .width = 4, .rw1c = 0x00000002, .section = "PCIe 6.0, 7.9.24.4" },
	{ .name = "WRITE", .offset = 0x10, .width = 4, .act = 0xffffffff, .section = "PCIe 6.0, 7.9.24.5" },
	{ .name = "READ", .offset = 0x14, .width = 4, .section = "PCIe 6.0, 7.9.24.6" },
};

static const struct pci_condition doe_conditions[] = {
	BIT_IF(0x08, 0x0002, 0x04, 0x0001),
	BIT_IF(0x08, 0x0004, 0x04, 0x1000),
	BIT_IF(0x08, 0x0008, 0x04, 0x2000),
};

/* L0p and the width it aims at are the link's: a reset leaves them alone. Unordered I/O (bits 8:7) is of PCIe 6.1. */
static const struct pci_register dev3_rows[] = {
	{ .name = "DEVCAP3", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.7.9.2" },
	{ .name = "DEVCTL3",
	  .offset = 0x08,
	  .width = 4,
	  .rw = 0x000001fd,
	  .kept = 0x00000078,
	  .optional = 0x000001fd,
	  .not_vf = 0x0000007c,
	  .section = "PCIe 6.0, 7.7.9.3" },
	{ .name = "DEVSTA3", .offset = 0x0c, .width = 4, .section = "PCIe 6.0, 7.7.9.4" },
};

/* Without the capability's word for it nothing is enabled. */
static const struct pci_condition dev3_conditions[] = {
	BIT_IF(0x08, 0x0004, 0x04, 0x0004),
	BIT_IF(0x08, 0x0078, 0x04, 0x0008),
	BIT_IF(0x08, 0x0180, 0x04, 0x0800),
};

static const struct pci_register rtr_rows[] = {
	{ .name = "RTR1", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.16.2" },
	{ .name = "RTR2", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.16.3" },
};

static const struct pci_register rcec_rows[] = {
	{ .name = "BITMAP", .offset = 0x04, .width = 4, .section = "PCIe 6.0, 7.9.10.2" },
	{ .name = "BUSN", .offset = 0x08, .width = 4, .section = "PCIe 6.0, 7.9.10.3" },
};

static const struct pci_registers tables[] = {
	TABLE_IF(PCG_ECAP_AER, aer_rows, aer_conditions),
	TABLE(PCG_ECAP_VC, vc_rows),
	TABLE(PCG_ECAP_DSN, dsn_rows),
	TABLE_IF(PCG_ECAP_PB, pb_rows, pb_conditions),
	TABLE(PCG_ECAP_RCEC, rcec_rows),
	TABLE(PCG_ECAP_MFVC, mfvc_rows),
	TABLE(PCG_ECAP_VC9, vc_rows),
	TABLE(PCG_ECAP_VSEC, header_rows),
	TABLE_IF(PCG_ECAP_ACS, acs_rows, acs_conditions),
	TABLE_IF(PCG_ECAP_ARI, ari_rows, ari_conditions),
	TABLE(PCG_ECAP_ATS, ats_rows),
	TABLE_IF(PCG_ECAP_SRIOV, sriov_rows, sriov_conditions),
	TABLE(PCG_ECAP_MCAST, mcast_rows),
	TABLE(PCG_ECAP_PRI, pri_rows),
	TABLE(PCG_ECAP_REBAR, rebar_rows),
	TABLE(PCG_ECAP_DPA, dpa_rows),
	TABLE_IF(PCG_ECAP_TPH, tph_rows, tph_conditions),
	TABLE(PCG_ECAP_LTR, ltr_rows),
	TABLE(PCG_ECAP_SECPCI, secpci_rows),
	TABLE_IF(PCG_ECAP_PASID, pasid_rows, pasid_conditions),
	TABLE(PCG_ECAP_DPC, dpc_rows),
	TABLE_IF(PCG_ECAP_L1PM, l1pm_rows, l1pm_conditions),
	TABLE_IF(PCG_ECAP_PTM, ptm_rows, ptm_conditions),
	TABLE(PCG_ECAP_RTR, rtr_rows),
	TABLE(PCG_ECAP_DVSEC, dvsec_rows),
	TABLE(PCG_ECAP_VFREBAR, rebar_rows),
	TABLE(PCG_ECAP_DLF, dlf_rows),
	TABLE(PCG_ECAP_PL16, pl16_rows),
	TABLE(PCG_ECAP_LMR, lmr_rows),
	TABLE_IF(PCG_ECAP_PL32, pl32_rows, pl32_conditions),
	TABLE_IF(PCG_ECAP_DOE, doe_rows, doe_conditions),
	TABLE_IF(PCG_ECAP_DEV3, dev3_rows, dev3_conditions),
	TABLE(PCG_ECAP_PL64, pl64_rows),
};

const struct pci_registers *pci_extended_registers(uint16_t id)
{
	if (id < COUNT(tables) && tables[id].rows != NULL)
		return &tables[id];
	return pci_link_registers(id);
}
