/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/sim/endpoint_test.h"

/* Where the capabilities stand. */
enum {
	AT_PM = 0x40,
	AT_MSI = 0x50,
	AT_MSIX = 0x70,
	AT_EXPRESS = 0x80,
	AT_AER = 0x100,
	AT_DSN = 0x150,
	AT_PASID = 0x160,
	AT_ATS = 0x170,
	AT_PRI = 0x180,
	AT_ARI = 0x190,
	AT_ACS = 0x1a0,
	AT_REBAR = 0x1b0,
	AT_SRIOV = 0x1c0,
};

struct fixed {
	uint16_t offset;
	uint8_t width;
	uint32_t value;
	const char *section;
};

/* Power-on values that no option changes. */
static const struct fixed fixed[] = {
	{ PCG_STATUS, 2, PCG_STATUS_CAPABILITIES, "PCIe 6.0, 7.5.1.1.4" },
	/* version 3, no D1, D2 or PME */
	{ AT_PM + PCG_PM_PMC, 2, 0x0003, "PCIe 6.0, 7.5.2.1" },
	{ AT_PM + PCG_PM_CSR, 2, PCG_PM_NO_SOFT_RESET, "PCIe 6.0, 7.5.2.2" },
	/* version 2, endpoint */
	{ AT_EXPRESS + PCG_EXP_FLAGS, 2, 0x0002, "PCIe 6.0, 7.5.3.2" },
	/* extended tags, role-based error reporting; Max_Payload_Size Supported is an option */
	{ AT_EXPRESS + PCG_EXP_DEVCAP, 4, 0x00008020 | PCG_DEVCAP_FLR, "PCIe 6.0, 7.5.3.3" },
	/* relaxed ordering and no snoop allowed, read requests 512; the payload is an option */
	{ AT_EXPRESS + PCG_EXP_DEVCTL, 2, 0x2810, "PCIe 6.0, 7.5.3.4" },
	/* 2.5 GT/s, x1, no ASPM; ASPM optionality compliance */
	{ AT_EXPRESS + 0x0c, 4, 0x00400011, "PCIe 6.0, 7.5.3.6" },
	/* 2.5 GT/s, x1, slot clock */
	{ AT_EXPRESS + 0x12, 2, 0x1011, "PCIe 6.0, 7.5.3.8" },
	/* completion timeout disable */
	{ AT_EXPRESS + PCG_EXP_DEVCAP2, 4, 0x00000010, "PCIe 6.0, 7.5.3.15" },
	{ AT_EXPRESS + 0x2c, 4, 0x00000002, "PCIe 6.0, 7.5.3.18" },
	{ AT_EXPRESS + 0x30, 2, 0x0001, "PCIe 6.0, 7.5.3.19" },
	/* data link protocol, flow control, receiver overflow, malformed TLP: fatal */
	{ AT_AER + 0x0c, 4, 0x00062010, "PCIe 6.0, 7.8.4.4" },
	/* advisory non-fatal: masked */
	{ AT_AER + 0x14, 4, 0x00002000, "PCIe 6.0, 7.8.4.6" },
};

/* A VF has no link of its own to speak of: what its PF's registers say of it reads 0 (9.3.5.4 and on). */
static const struct fixed fixed_vf[] = {
	{ PCG_STATUS, 2, PCG_STATUS_CAPABILITIES, "PCIe 6.0, 7.5.1.1.4" },
	{ AT_PM + PCG_PM_PMC, 2, 0x0003, "PCIe 6.0, 7.5.2.1" },
	{ AT_PM + PCG_PM_CSR, 2, PCG_PM_NO_SOFT_RESET, "PCIe 6.0, 7.5.2.2" },
	{ AT_EXPRESS + PCG_EXP_FLAGS, 2, 0x0002, "PCIe 6.0, 7.5.3.2" },
	{ AT_EXPRESS + PCG_EXP_DEVCAP, 4, 0x00008020 | PCG_DEVCAP_FLR, "PCIe 6.0, 7.5.3.3" },
	{ AT_EXPRESS + 0x0c, 4, 0x00400011, "PCIe 6.0, 7.5.3.6" },
	{ AT_EXPRESS + PCG_EXP_DEVCAP2, 4, 0x00000010, "PCIe 6.0, 7.5.3.15" },
	{ AT_EXPRESS + 0x2c, 4, 0x00000002, "PCIe 6.0, 7.5.3.18" },
};

/* Bits of the capabilities that options make. */
enum {
	PASID_EXECUTE = 0x0002, /* 7.8.9.2 */
	PASID_PRIVILEGED = 0x0004,
	ATS_PAGE_ALIGNED = 0x0020, /* 10.5.1.2 */
	PRI_STOPPED = 0x0100,      /* 10.5.2.3 */
	PRI_PASID = 0x8000,
	ACS_CAP = 0x0000, /* a function alone on its link has nothing to keep apart (6.12.1.2) */
};

static void config_put(uint8_t *config, uint16_t offset, uint8_t width, uint32_t value)
{
	for (uint8_t i = 0; i < width; i++)
		config[offset + i] = (uint8_t)(value >> (8 * i));
}

/* Hang a capability behind the last one; @link is where that keeps its pointer. */
static uint16_t config_link(uint8_t *config, uint16_t link, uint8_t id, uint8_t offset)
{
	config[link] = offset;
	config[offset] = id;
	return offset + 1;
}

/* PCIe 6.0, 7.7.1: 64-bit addresses, per-vector masking. */
static void config_msi(uint8_t *config, uint32_t vectors)
{
	uint32_t control = PCG_MSI_64BIT | PCG_MSI_MASKABLE;

	for (uint32_t n = 1; n < vectors; n *= 2)
		control += 1u << 1;
	config_put(config, AT_MSI + PCG_MSI_CONTROL, 2, control);
}

/* PCIe 6.0, 7.7.2: table and PBA in BAR 0. */
static void config_msix(uint8_t *config, uint32_t vectors, uint32_t pba)
{
	config_put(config, AT_MSIX + PCG_MSIX_CONTROL, 2, vectors - 1);
	config_put(config, AT_MSIX + PCG_MSIX_TABLE, 4, ENDPOINT_MSIX_TABLE);
	config_put(config, AT_MSIX + PCG_MSIX_PBA, 4, pba);
}

/* Hang an extended capability behind the last one; @link is that one's header, 0: there is none (7.6.3). */
static uint16_t config_extend(uint8_t *config, uint16_t link, uint16_t id, uint8_t version, uint16_t offset)
{
	if (link != 0)
		pcg_put32(config + link, pcg_get32(config + link) | (uint32_t)offset << 20);
	pcg_put32(config + offset, (uint32_t)version << 16 | id);
	return offset;
}

static void config_fixed(uint8_t *config, const struct fixed *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		config_put(config, rows[i].offset, rows[i].width, rows[i].value);
}

static uint32_t config_payload(uint32_t bytes)
{
	uint32_t n = 0;

	while (128u << n < bytes)
		n++;
	return n;
}

static void config_header(uint8_t *config, const struct endpoint_options *options)
{
	config[PCG_REVISION] = options->revision;
	config_put(config, PCG_CLASS, 3, options->class_code);
	pcg_put16(config + PCG_SUBVENDOR, options->subvendor);
	pcg_put16(config + PCG_SUBSYSTEM, options->subdevice);
}

static uint16_t config_ats(uint8_t *config, uint16_t link)
{
	link = config_extend(config, link, PCG_ECAP_ATS, 1, AT_ATS);
	pcg_put16(config + AT_ATS + 4, ATS_PAGE_ALIGNED);
	return link;
}

static uint16_t config_pri(uint8_t *config, uint16_t link, uint32_t requests)
{
	link = config_extend(config, link, PCG_ECAP_PRI, 1, AT_PRI);
	pcg_put16(config + AT_PRI + 6, PRI_STOPPED | PRI_PASID);
	pcg_put32(config + AT_PRI + 8, requests);
	return link;
}

static uint16_t config_pasid(uint8_t *config, uint16_t link, const struct endpoint_options *options)
{
	uint16_t cap = (uint16_t)(options->pasid << 8);

	link = config_extend(config, link, PCG_ECAP_PASID, 1, AT_PASID);
	cap |= options->execute ? PASID_EXECUTE : 0;
	cap |= options->privileged ? PASID_PRIVILEGED : 0;
	pcg_put16(config + AT_PASID + 4, cap);
	return link;
}

/* PCIe 6.0, 7.8.6: sizes from bit 4 on, 1 MiB first; one BAR. */
static uint16_t config_rebar(uint8_t *config, uint16_t link, const struct endpoint_options *options)
{
	uint64_t size = options->bars[options->rebar_bar].size;
	uint32_t n = 0;

	while (size >> 20 >> n > 1)
		n++;
	link = config_extend(config, link, PCG_ECAP_REBAR, 1, AT_REBAR);
	pcg_put32(config + AT_REBAR + 4, options->rebar << 4);
	pcg_put32(config + AT_REBAR + 8, options->rebar_bar | 1u << 5 | n << 8);
	return link;
}

static void config_sriov(uint8_t *config, uint16_t link, const struct endpoint_options *options)
{
	struct fabric_sriov_options sriov;

	endpoint_sriov(&sriov, options);
	config_extend(config, link, PCG_ECAP_SRIOV, 1, AT_SRIOV);
	fabric_sriov_build(config, AT_SRIOV, &sriov);
}

/* The chain of a function that is no VF, in order of offsets. */
static void config_extended(uint8_t *config, const struct endpoint_options *options)
{
	uint16_t link = config_extend(config, 0, PCG_ECAP_AER, 2, AT_AER);

	link = config_extend(config, link, PCG_ECAP_DSN, 1, AT_DSN);
	/* a locally administered EUI-64 (7.9.3.2) */
	pcg_put32(config + AT_DSN + 4, 0x00000001);
	pcg_put32(config + AT_DSN + 8, 0x02706369);
	if (options->pasid != 0)
		link = config_pasid(config, link, options);
	if (options->ats)
		link = config_ats(config, link);
	if (options->pri != 0)
		link = config_pri(config, link, options->pri);
	if (options->ari || options->vfs != 0)
		link = config_extend(config, link, PCG_ECAP_ARI, 1, AT_ARI);
	if (options->acs) {
		link = config_extend(config, link, PCG_ECAP_ACS, 1, AT_ACS);
		pcg_put16(config + AT_ACS + 4, ACS_CAP);
	}
	if (options->rebar != 0)
		link = config_rebar(config, link, options);
	if (options->vfs != 0)
		config_sriov(config, link, options);
}

/* PCIe 6.0, 7.5.3.15: a PASID is a prefix, one of at most one. Linux enables none where that is not said. */
static void config_prefixes(uint8_t *config, const struct endpoint_options *options)
{
	uint8_t *cap = config + AT_EXPRESS + PCG_EXP_DEVCAP2;

	if (options->pasid != 0)
		pcg_put32(cap, pcg_get32(cap) | 0x00600000u);
}

void endpoint_config_build(uint8_t *config, const struct endpoint_options *options)
{
	uint16_t link = PCG_CAPABILITIES;

	config_fixed(config, fixed, sizeof(fixed) / sizeof(fixed[0]));
	config_header(config, options);
	pcg_put16(config + PCG_VENDOR, options->vendor);
	pcg_put16(config + PCG_DEVICE, options->device);
	config[PCG_INT_PIN] = options->intx ? 1 : 0;
	link = config_link(config, link, PCG_CAP_PM, AT_PM);
	if (options->msi > 0) {
		link = config_link(config, link, PCG_CAP_MSI, AT_MSI);
		config_msi(config, options->msi);
	}
	if (options->msix > 0) {
		link = config_link(config, link, PCG_CAP_MSIX, AT_MSIX);
		config_msix(config, options->msix, endpoint_pba_offset(options->msix));
	}
	config_link(config, link, PCG_CAP_EXP, AT_EXPRESS);
	config[AT_EXPRESS + PCG_EXP_DEVCAP] |= (uint8_t)config_payload(options->mps);
	config[AT_EXPRESS + PCG_EXP_DEVCTL] |= (uint8_t)(config_payload(options->payload) << 5);
	config_prefixes(config, options);
	config_extended(config, options);
}

/*
 * PCIe 6.0, 9.3.4: ids read FFFFh, no interrupt pin, BARs 0. A lower hypervisor that hands on a VF as a function of its
 * own shows its ids, and none of that it is one.
 */
void endpoint_config_build_vf(uint8_t *config, const struct endpoint_options *options)
{
	uint16_t link = PCG_CAPABILITIES, extended;

	config_fixed(config, fixed_vf, sizeof(fixed_vf) / sizeof(fixed_vf[0]));
	config_header(config, options);
	pcg_put16(config + PCG_VENDOR, options->detached ? options->vendor : 0xffff);
	pcg_put16(config + PCG_DEVICE, options->detached ? options->device : 0xffff);
	link = config_link(config, link, PCG_CAP_PM, AT_PM);
	if (options->msix > 0) {
		link = config_link(config, link, PCG_CAP_MSIX, AT_MSIX);
		config_msix(config, options->msix, (uint32_t)options->bars[0].size - ENDPOINT_PAGE);
	}
	config_link(config, link, PCG_CAP_EXP, AT_EXPRESS);
	config[AT_EXPRESS + PCG_EXP_DEVCAP] |= (uint8_t)config_payload(options->mps);
	config_prefixes(config, options);
	extended = config_extend(config, 0, PCG_ECAP_AER, 2, AT_AER);
	if (options->ats)
		extended = config_ats(config, extended);
	config_extend(config, extended, PCG_ECAP_ARI, 1, AT_ARI);
}
