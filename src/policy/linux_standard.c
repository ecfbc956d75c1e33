/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/linux.h"

#define ALL8  0xffu
#define ALL16 0xffffu
#define ALL32 0xffffffffu

/* Type 0 header · PCI 3.0, 6.1 */
static const struct linux_row header_rows[] = {
	/* register      virtual  written */
	{ PCG_VENDOR, ALL16, 0, "VENDOR: a VF's hardware reads FFFF" },
	{ PCG_DEVICE, ALL16, 0, "DEVICE: the same" },
	{ PCG_COMMAND, PCG_COMMAND_INTX_OFF, ALL16, "COMMAND: all but INTx disable is hardware's" },
	{ PCG_STATUS, PCG_STATUS_CAPABILITIES, 0, "STATUS: errors are not for a guest to clear" },
	{ PCG_CACHE_LINE, 0, ALL8, "CACHE_LINE: hardware" },
	{ PCG_LATENCY, 0, ALL8, "LATENCY: hardware" },
	{ PCG_BIST, 0, ALL8, "BIST: hardware, a guest may start it" },
	{ PCG_BAR0, ALL32, ALL32, "BAR0: shadow; starts with the host's address" },
	{ PCG_BAR0 + 4, ALL32, ALL32, "BAR1" },
	{ PCG_BAR0 + 8, ALL32, ALL32, "BAR2" },
	{ PCG_BAR0 + 12, ALL32, ALL32, "BAR3" },
	{ PCG_BAR0 + 16, ALL32, ALL32, "BAR4" },
	{ PCG_BAR0 + 20, ALL32, ALL32, "BAR5" },
	{ PCG_ROM, ALL32, ALL32, "ROM: shadow" },
	{ PCG_CAPABILITIES, ALL8, 0, "CAPABILITY_LIST: the chain is edited" },
	{ PCG_INT_LINE, ALL8, ALL8, "INTERRUPT_LINE: shadow" },
	{ PCG_INT_PIN, ALL8, 0, "INTERRUPT_PIN: 0 where INTx cannot be used" },
};

#define NEXT                                                                                                           \
	{                                                                                                              \
		1, ALL8, 0, "NEXT"                                                                                     \
	}

/* Power Management · PCI PM 1.2, 3.2 */
static const struct linux_row pm_rows[] = {
	NEXT,
	{ PCG_PM_PMC, 0xf800, 0, "PMC.PME: none offered" },
	{ PCG_PM_CSR, 0x8100, 0xffff7efc, "PMCSR: the state goes by the hook, PME bits nowhere, the rest to hardware" },
};

/* Vital Product Data · PCI 3.0, appendix I */
static const struct linux_row vpd_rows[] = {
	NEXT,
	{ 2, ALL16, ALL16, "VPD_ADDR: shadow" },
	{ 4, ALL32, ALL32, "VPD_DATA: shadow" },
};

/* PCI-X · PCI-X 2.0, 7.2 */
static const struct linux_row pcix_rows[] = {
	NEXT,
	{ 2, 0, ALL16, "PCIX_CMD: hardware" },
	{ 8, 0, ALL32, "PCIX_ECC_CSR: hardware" },
};

/* Express · PCIe 6.0, 7.5.3 */
static const struct linux_row express_rows[] = {
	NEXT,
	{ PCG_EXP_DEVCTL, 0xf0e0, 0xfdff,
	  "DEVCTL: payload and request size and FLR are shadow, phantom is the host's" },
	{ PCG_EXP_DEVCTL2, 0, 0xffdf, "DEVCTL2: hardware, but for ARI forwarding" },
};

/* Advanced Features · PCI AF ECN; PCIe 6.0, 7.9.21 */
static const struct linux_row af_rows[] = {
	NEXT,
	{ PCG_AF_CTRL, PCG_AF_CTRL_FLR, PCG_AF_CTRL_FLR, "AF_CTRL.FLR: by the hook" },
};

/* MSI · PCI 3.0, 6.8.1 */
#define MSI_HEAD                                                                                                       \
	NEXT, { PCG_MSI_CONTROL, ALL8, ALL8, "MSI_CTRL: the low byte" },                                               \
	{                                                                                                              \
		4, ALL32, ALL32, "MSI_ADDR"                                                                            \
	}

static const struct linux_row msi_narrow[] = { MSI_HEAD, { 8, ALL16, ALL16, "MSI_DATA" } };
static const struct linux_row msi_wide[] = {
	MSI_HEAD,
	{ 8, ALL32, ALL32, "MSI_UPPER" },
	{ 12, ALL16, ALL16, "MSI_DATA" },
};
static const struct linux_row msi_narrow_masked[] = {
	MSI_HEAD,
	{ 8, ALL16, ALL16, "MSI_DATA" },
	{ 12, 0, ALL32, "MSI_MASK: hardware" },
	{ 16, 0, ALL32, "MSI_PENDING: hardware" },
};
static const struct linux_row msi_wide_masked[] = {
	MSI_HEAD,
	{ 8, ALL32, ALL32, "MSI_UPPER" },
	{ 12, ALL16, ALL16, "MSI_DATA" },
	{ 16, 0, ALL32, "MSI_MASK: hardware" },
	{ 20, 0, ALL32, "MSI_PENDING: hardware" },
};

const struct linux_rows linux_msi[4] = { LINUX_ROWS(msi_narrow), LINUX_ROWS(msi_wide), LINUX_ROWS(msi_narrow_masked),
					 LINUX_ROWS(msi_wide_masked) };

static const struct linux_rows header = LINUX_ROWS(header_rows);
static const struct linux_rows pm = LINUX_ROWS(pm_rows);
static const struct linux_rows vpd = LINUX_ROWS(vpd_rows);
static const struct linux_rows pcix = LINUX_ROWS(pcix_rows);
static const struct linux_rows express = LINUX_ROWS(express_rows);
static const struct linux_rows af = LINUX_ROWS(af_rows);

/* --- lengths that the capability states --- */

static unsigned int measure_msi(const struct linux_probe *probe, unsigned int at)
{
	uint16_t flags = linux_probe16(probe, at + PCG_MSI_CONTROL);

	return 10u + (flags & PCG_MSI_64BIT ? 4 : 0) + (flags & PCG_MSI_MASKABLE ? 10 : 0);
}

static unsigned int measure_pcix(const struct linux_probe *probe, unsigned int at)
{
	return linux_probe16(probe, at + 2) & 0x3000 ? 24 : 8;
}

/* Bits 7:5 tell a slave, host or revision block with three-bit types from the rest (HyperTransport 3.1, 7.3). */
static unsigned int measure_ht(const struct linux_probe *probe, unsigned int at)
{
	return linux_probe8(probe, at + 3) & 0xe0 ? 24 : 28;
}

static unsigned int measure_vendor(const struct linux_probe *probe, unsigned int at)
{
	return linux_probe8(probe, at + 2);
}

/* 7.1 item 13: every version but 1 counts as 2. */
static unsigned int measure_express(const struct linux_probe *probe, unsigned int at)
{
	bool integrated = (probe->express & 0xf0) == 0x90;

	(void)at;
	if ((probe->express & 0x0f) == 1)
		return integrated ? 0x0c : 0x14;
	return integrated ? 0x2c : 0x34;
}

static unsigned int measure_sata(const struct linux_probe *probe, unsigned int at)
{
	return (linux_probe8(probe, at + 4) & 0x0f) == 0x0f ? 16 : 8;
}

static const struct linux_cap caps[] = {
	[LINUX_HEADER] = { 64, NULL, LINUX_TABLE, LINUX_ON_HEADER, &header, "the header; as a capability: hidden" },
	[PCG_CAP_PM] = { 8, NULL, LINUX_TABLE, LINUX_ON_POWER, &pm, "power states act, PME is not offered" },
	[PCG_CAP_AGP] = { 12, NULL, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at" },
	[PCG_CAP_VPD] = { 8, NULL, LINUX_TABLE, LINUX_ON_VPD, &vpd, "through the host's own VPD code" },
	[PCG_CAP_MSI] = { 0, measure_msi, LINUX_TABLE, LINUX_ON_MSI, NULL, "flags follow what is set up" },
	[PCG_CAP_PCIX] = { 0, measure_pcix, LINUX_TABLE, LINUX_NO_HOOK, &pcix, "the command word acts" },
	[PCG_CAP_HT] = { 0, measure_ht, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at" },
	[PCG_CAP_VNDR] = { 0, measure_vendor, LINUX_DIRECT_RAW, LINUX_NO_HOOK, NULL, "written to hardware" },
	[PCG_CAP_EXP] = { 0, measure_express, LINUX_TABLE, LINUX_ON_EXPRESS, &express, "device control acts" },
	[PCG_CAP_MSIX] = { 12, NULL, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at: the host's enable and mask" },
	[PCG_CAP_SATA] = { 0, measure_sata, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at" },
	[PCG_CAP_AF] = { 6, NULL, LINUX_TABLE, LINUX_ON_AF, &af, "FLR acts" },
	[PCG_CAP_EA] = { 0, NULL, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "hidden" },
};

const struct linux_cap *linux_standard(uint8_t id)
{
	static const struct linux_cap hidden = { .why = "hidden" };

	return id < sizeof(caps) / sizeof(caps[0]) ? &caps[id] : &hidden;
}
