/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/linux.h"

/* Advanced Error Reporting · PCIe 6.0, 7.8.4: what a guest writes is the host's own mask and severity. */
static const struct linux_row aer_rows[] = {
	/* register virtual written */
	{ 0x00, 0xffffffff, 0, "header" },
	{ 0x04, 0, 0x03fff031, "UNC_STATUS: hardware" },
	{ 0x08, 0, 0x03fff031, "UNC_MASK: hardware" },
	{ 0x0c, 0, 0x03fff031, "UNC_SEVERITY: hardware" },
	{ 0x10, 0, 0x0000f1c1, "COR_STATUS: hardware" },
	{ 0x14, 0, 0x0000f1c1, "COR_MASK: hardware" },
	{ 0x18, 0, 0x00000140, "AER_CTRL: ECRC generation and check" },
};

/* Power Budgeting · 7.8.1. 7.1 item 3: the register that is written is the data register, not the selector. */
static const struct linux_row power_rows[] = {
	{ 0x00, 0xffffffff, 0, "header" },
	{ 0x08, 0, 0xff, "PB_DATA: hardware" },
};

static const struct linux_rows aer = LINUX_ROWS(aer_rows);
static const struct linux_rows power = LINUX_ROWS(power_rows);

/* VSEC · 7.9.5, DVSEC · 7.9.6 */
static unsigned int measure_vendor(const struct linux_probe *probe, unsigned int at)
{
	return linux_probe32(probe, at + 4) >> 20;
}

/* Virtual Channels · 7.9.1: the function's own arbitration table counts, those of ports do not. */
static unsigned int measure_vc(const struct linux_probe *probe, unsigned int at)
{
	uint32_t channels = linux_probe32(probe, at + 4) & 7, arbitration = linux_probe32(probe, at + 8);
	unsigned int length = 0x10 + 0x0c * (1 + channels), phases = 0;

	if (arbitration & 8)
		phases = 128;
	else if (arbitration & 4)
		phases = 64;
	else if (arbitration & 2)
		phases = 32;
	return phases == 0 ? length : (length + 15) / 16 * 16 + phases * 4 / 8;
}

/* Access Control Services · 7.7.11: with egress control its vector, 0 bits standing for 256. */
static unsigned int measure_acs(const struct linux_probe *probe, unsigned int at)
{
	unsigned int bits = linux_probe8(probe, at + 5);

	if (!(linux_probe8(probe, at + 4) & 0x20))
		return 8;
	return 8 + (bits == 0 ? 256 : (bits + 31) / 32 * 32) / 8;
}

/* Resizable BAR · 7.8.6 */
static unsigned int measure_rebar(const struct linux_probe *probe, unsigned int at)
{
	return 4 + (linux_probe8(probe, at + 8) >> 5) * 8u;
}

/* Dynamic Power Allocation · 7.9.12 */
static unsigned int measure_dpa(const struct linux_probe *probe, unsigned int at)
{
	return 16 + (linux_probe8(probe, at + 4) & 0x1fu) + 1;
}

/* TPH Requester · 7.9.13: the steering table counts where it stands in the capability. */
static unsigned int measure_tph(const struct linux_probe *probe, unsigned int at)
{
	uint32_t requester = linux_probe32(probe, at + 4);

	return (requester & 0x600) == 0x200 ? 0x0c + ((requester >> 16) & 0x7ff) * 2 + 2 : 0x0c;
}

#define LOOK(bytes)                                                                                                    \
	{                                                                                                              \
		bytes, NULL, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at"                                           \
	}
#define MEASURED(how)                                                                                                  \
	{                                                                                                              \
		0, how, LINUX_DIRECT, LINUX_NO_HOOK, NULL, "to look at"                                                \
	}

static const struct linux_cap caps[] = {
	[PCG_ECAP_AER] = { 0x2c, NULL, LINUX_TABLE, LINUX_NO_HOOK, &aer, "masks and severities are the host's own" },
	[PCG_ECAP_VC] = MEASURED(measure_vc),
	[PCG_ECAP_DSN] = LOOK(12),
	[PCG_ECAP_PB] = { 16, NULL, LINUX_TABLE, LINUX_NO_HOOK, &power, "the data register is written" },
	[PCG_ECAP_MFVC] = MEASURED(measure_vc),
	[PCG_ECAP_VC9] = MEASURED(measure_vc),
	[PCG_ECAP_VSEC] = { 0, measure_vendor, LINUX_DIRECT_RAW, LINUX_NO_HOOK, NULL, "written to hardware" },
	[PCG_ECAP_ACS] = MEASURED(measure_acs),
	[PCG_ECAP_ARI] = LOOK(8),
	[PCG_ECAP_ATS] = LOOK(8),
	[PCG_ECAP_SRIOV] = LOOK(0x40),
	[PCG_ECAP_MCAST] = LOOK(40),
	[PCG_ECAP_PRI] = LOOK(16),
	[PCG_ECAP_REBAR] = MEASURED(measure_rebar),
	[PCG_ECAP_DPA] = MEASURED(measure_dpa),
	[PCG_ECAP_TPH] = MEASURED(measure_tph),
	[PCG_ECAP_LTR] = LOOK(8),
	[PCG_ECAP_DVSEC] = { 0, measure_vendor, LINUX_DIRECT_RAW, LINUX_NO_HOOK, NULL, "written to hardware" },
};

const struct linux_cap *linux_extended(uint8_t id)
{
	static const struct linux_cap hidden = { .why = "hidden" };

	return id < sizeof(caps) / sizeof(caps[0]) ? &caps[id] : &hidden;
}

/* --- reading lengths --- */

uint8_t linux_probe8(const struct linux_probe *probe, unsigned int at)
{
	return at < probe->size ? probe->config[at] : 0;
}

uint16_t linux_probe16(const struct linux_probe *probe, unsigned int at)
{
	return (uint16_t)(linux_probe8(probe, at) | linux_probe8(probe, at + 1) << 8);
}

uint32_t linux_probe32(const struct linux_probe *probe, unsigned int at)
{
	return linux_probe16(probe, at) | (uint32_t)linux_probe16(probe, at + 2) << 16;
}

unsigned int linux_length(const struct linux_probe *probe, bool extended, uint16_t id, unsigned int at)
{
	const struct linux_cap *cap;

	if (id > 0xff || (!extended && id == LINUX_HEADER))
		return 0;
	cap = extended ? linux_extended((uint8_t)id) : linux_standard((uint8_t)id);
	return cap->measure != NULL ? cap->measure(probe, at) : cap->length;
}
