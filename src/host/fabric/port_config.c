/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/fabric/port_config.h"
#include "host/fabric/internal.h"

/* Where the capabilities stand. */
enum {
	AT_PM = 0x40,
	AT_MSI = 0x48,
	AT_EXPRESS = 0x60,
	AT_AER = 0x100,
	AT_ACS = 0x148,
};

struct value {
	uint16_t offset;
	uint8_t width;
	uint32_t value;
	const char *section;
};

static const struct value values[] = {
	{ PCG_VENDOR, 2, 0x1912, "PCIe 6.0, 7.5.1.1.1" },
	{ PCG_STATUS, 2, PCG_STATUS_CAPABILITIES, "PCIe 6.0, 7.5.1.1.4" },
	{ PCG_CLASS, 4, 0x00060400, "PCIe 6.0, 7.5.1.1.6: a bridge between PCI buses" },
	{ PCG_HEADER_TYPE, 1, 1, "PCIe 6.0, 7.5.1.1.9" },
	/* Nothing is claimed before software says so: the base is above the limit. */
	{ PORT_MEMORY_BASE, 2, 0xfff0, "PCIe 6.0, 7.5.1.3.8" },
	{ PORT_PREF_BASE, 2, 0xfff1, "PCIe 6.0, 7.5.1.3.9: 64 bits" },
	{ PORT_PREF_LIMIT, 2, 0x0001, "PCIe 6.0, 7.5.1.3.9: 64 bits" },
	{ PCG_CAPABILITIES, 1, AT_PM, "PCIe 6.0, 7.5.1.1.11" },
	{ AT_PM, 2, AT_MSI << 8 | PCG_CAP_PM, "PCIe 6.0, 7.5.2.1" },
	{ AT_PM + PCG_PM_PMC, 2, 0x0003, "PCIe 6.0, 7.5.2.1" },
	{ AT_PM + PCG_PM_CSR, 2, PCG_PM_NO_SOFT_RESET, "PCIe 6.0, 7.5.2.2" },
	/* one vector, 64-bit addresses, mask */
	{ AT_MSI, 2, AT_EXPRESS << 8 | PCG_CAP_MSI, "PCIe 6.0, 7.7.1.1" },
	{ AT_MSI + PCG_MSI_CONTROL, 2, PCG_MSI_64BIT, "PCIe 6.0, 7.7.1.2" },
	{ AT_EXPRESS, 2, PCG_CAP_EXP, "PCIe 6.0, 7.5.3.1" },
	/* extended tags, role-based error reporting; the payload is an option */
	{ AT_EXPRESS + PCG_EXP_DEVCAP, 4, 0x00008020, "PCIe 6.0, 7.5.3.3" },
	{ AT_EXPRESS + PCG_EXP_DEVCTL, 2, 0x2810, "PCIe 6.0, 7.5.3.4" },
	/* 2.5 GT/s, x1, no ASPM; ASPM optionality compliance: as the functions at the leaves */
	{ AT_EXPRESS + EXP_LNKCAP, 4, 0x00400011, "PCIe 6.0, 7.5.3.6" },
	{ AT_EXPRESS + EXP_LNKSTA, 2, 0x1011, "PCIe 6.0, 7.5.3.8" },
	/* completion timeout disable, one end-to-end prefix */
	{ AT_EXPRESS + PCG_EXP_DEVCAP2, 4, 0x00600010, "PCIe 6.0, 7.5.3.15" },
	{ AT_EXPRESS + 0x2c, 4, 0x00000002, "PCIe 6.0, 7.5.3.18" },
	{ AT_EXPRESS + 0x30, 2, 0x0001, "PCIe 6.0, 7.5.3.19" },
	{ AT_AER, 4, 2u << 16 | PCG_ECAP_AER, "PCIe 6.0, 7.8.4.1" },
	/* data link protocol, surprise down, flow control, receiver overflow, malformed TLP: fatal */
	{ AT_AER + AER_UESVRT, 4, 0x00062030, "PCIe 6.0, 7.8.4.4" },
	/* advisory non-fatal: masked */
	{ AT_AER + AER_CEMSK, 4, 0x00002000, "PCIe 6.0, 7.8.4.6" },
};

static void put(uint8_t *config, uint16_t offset, uint8_t width, uint32_t value)
{
	for (uint8_t i = 0; i < width; i++)
		config[offset + i] = (uint8_t)(value >> (8 * i));
}

static uint32_t encode_payload(uint32_t bytes)
{
	uint32_t code = 0;

	while (code < 5 && 128u << code < bytes)
		code++;
	return code;
}

/* PCIe 6.0, 7.5.3.9 to 7.5.3.11: hot-plug capable with surprise, and nothing that a driver would have to wait for. */
static void put_slot(uint8_t *config, uint16_t number)
{
	config[AT_EXPRESS + PCG_EXP_FLAGS + 1] |= 1;
	put(config, AT_EXPRESS + EXP_SLTCAP, 4, 0x00040000u | 0x60u | (uint32_t)(number & 0x1fff) << 19);
}

/* PCIe 6.0, 7.5.3.6: Data Link Layer Active Reporting and Surprise Down are for ports with a link below. */
static void put_link(uint8_t *config, enum fabric_port_kind kind, uint16_t devfn)
{
	uint32_t cap = pcg_get32(config + AT_EXPRESS + EXP_LNKCAP);

	if (kind != FABRIC_UPSTREAM)
		cap |= 0x00100000u | LNKCAP_SURPRISE;
	pcg_put32(config + AT_EXPRESS + EXP_LNKCAP, cap | (uint32_t)devfn << 24);
}

/* PCIe 6.0, 7.7.11.2: source validation, translation blocking, redirects, upstream forwarding, direct translated. */
static void put_acs(uint8_t *config)
{
	pcg_put32(config + AT_AER, pcg_get32(config + AT_AER) | (uint32_t)AT_ACS << 20);
	pcg_put32(config + AT_ACS, 1u << 16 | PCG_ECAP_ACS);
	put(config, AT_ACS + 4, 2, 0x005f);
}

void fabric_port_config(uint8_t *config, enum fabric_port_kind kind, uint16_t devfn,
			const struct fabric_port_options *options)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		put(config, values[i].offset, values[i].width, values[i].value);
	pcg_put16(config + PCG_DEVICE, (uint16_t)(0x0f50 + kind));
	put(config, AT_EXPRESS + PCG_EXP_FLAGS, 2, 2u | (uint32_t)kind << 4);
	config[AT_EXPRESS + PCG_EXP_DEVCAP] |= (uint8_t)encode_payload(options->mps);
	config[AT_EXPRESS + PCG_EXP_DEVCTL] |= (uint8_t)(encode_payload(options->payload) << 5);
	put_link(config, kind, devfn);
	if (kind == FABRIC_UPSTREAM)
		return;
	if (options->slot != 0)
		put_slot(config, options->slot);
	else
		/* PCIe 6.0, 7.5.3.11: what has no slot is always there. */
		put(config, AT_EXPRESS + EXP_SLTSTA, 2, SLTSTA_PRESENT);
	if (options->ari)
		config[AT_EXPRESS + PCG_EXP_DEVCAP2] |= DEVCTL2_ARI;
	if (options->acs)
		put_acs(config);
}
