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
	{ AT_AER, 4, 2u << 16 | (uint32_t)AT_DSN << 20 | PCG_ECAP_AER, "PCIe 6.0, 7.8.4.1" },
	/* data link protocol, flow control, receiver overflow, malformed TLP: fatal */
	{ AT_AER + 0x0c, 4, 0x00062010, "PCIe 6.0, 7.8.4.4" },
	/* advisory non-fatal: masked */
	{ AT_AER + 0x14, 4, 0x00002000, "PCIe 6.0, 7.8.4.6" },
	{ AT_DSN, 4, 1u << 16 | PCG_ECAP_DSN, "PCIe 6.0, 7.9.3.1" },
	/* a locally administered EUI-64 */
	{ AT_DSN + 4, 4, 0x00000001, "PCIe 6.0, 7.9.3.2" },
	{ AT_DSN + 8, 4, 0x02706369, "PCIe 6.0, 7.9.3.2" },
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
static void config_msix(uint8_t *config, uint32_t vectors)
{
	config_put(config, AT_MSIX + PCG_MSIX_CONTROL, 2, vectors - 1);
	config_put(config, AT_MSIX + PCG_MSIX_TABLE, 4, ENDPOINT_MSIX_TABLE);
	config_put(config, AT_MSIX + PCG_MSIX_PBA, 4, endpoint_pba_offset(vectors));
}

static void config_build(uint8_t *config, const struct endpoint_options *options)
{
	uint16_t link = PCG_CAPABILITIES;
	uint32_t mpss = 0, mps = 0;

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		config_put(config, fixed[i].offset, fixed[i].width, fixed[i].value);
	pcg_put16(config + PCG_VENDOR, options->vendor);
	pcg_put16(config + PCG_DEVICE, options->device);
	config[PCG_REVISION] = options->revision;
	config_put(config, PCG_CLASS, 3, options->class_code);
	pcg_put16(config + PCG_SUBVENDOR, options->subvendor);
	pcg_put16(config + PCG_SUBSYSTEM, options->subdevice);
	config[PCG_INT_PIN] = options->intx ? 1 : 0;
	link = config_link(config, link, PCG_CAP_PM, AT_PM);
	if (options->msi > 0) {
		link = config_link(config, link, PCG_CAP_MSI, AT_MSI);
		config_msi(config, options->msi);
	}
	if (options->msix > 0) {
		link = config_link(config, link, PCG_CAP_MSIX, AT_MSIX);
		config_msix(config, options->msix);
	}
	config_link(config, link, PCG_CAP_EXP, AT_EXPRESS);
	while (128u << mpss < options->mps)
		mpss++;
	config[AT_EXPRESS + PCG_EXP_DEVCAP] |= (uint8_t)mpss;
	while (128u << mps < options->payload)
		mps++;
	config[AT_EXPRESS + PCG_EXP_DEVCTL] |= (uint8_t)(mps << 5);
}

int endpoint_config_init(struct endpoint *endpoint)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	struct pcg_layout layout;
	const struct model_facts facts = {
		.config = config,
		.size = sizeof(config),
		.layout = &layout,
		.bars = endpoint->host.info.bars,
		.rom = &endpoint->host.info.rom,
		.no_memory_bit = endpoint->options.no_memory_bit,
	};
	int r;

	config_build(config, &endpoint->options);
	r = pcg_layout_parse(&layout, config, sizeof(config), &endpoint->host.log);
	return r == 0 ? model_init(&endpoint->model, &facts) : r;
}
