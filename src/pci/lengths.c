/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci/lengths.h"

/* The registers of one capability, safe to read anywhere. */
struct body {
	const uint8_t *config;
	size_t size;
	unsigned int start;
	unsigned int express; /* where the first Express capability stands; 0: there is none, or nobody asks */
};

static uint32_t reg32(const struct body *body, unsigned int at)
{
	size_t where = (size_t)body->start + at;

	return where + 4 <= body->size ? pcg_get32(body->config + where) : 0;
}

static unsigned int reg16(const struct body *body, unsigned int at)
{
	return (reg32(body, at & ~3u) >> ((at & 2u) * 8)) & 0xffffu;
}

static unsigned int reg8(const struct body *body, unsigned int at)
{
	return (reg32(body, at & ~3u) >> ((at & 3u) * 8)) & 0xffu;
}

static unsigned int round_up(unsigned int value, unsigned int to)
{
	return (value + to - 1) / to * to;
}

/* PCI 3.0, 6.8.1: the layout follows the 64-bit and per-vector masking bits. */
static unsigned int msi_length(const struct body *body)
{
	unsigned int control = reg16(body, PCG_MSI_CONTROL);

	return 10u + (control & PCG_MSI_64BIT ? 4 : 0) + (control & PCG_MSI_MASKABLE ? 10 : 0);
}

/* PCI-X 2.0, 7.2: versions 1 and 2 add ECC registers. */
static unsigned int pcix_length(const struct body *body)
{
	return reg16(body, 2) & 0x3000u ? 24 : 8;
}

/*
 * HyperTransport 3.1, chapter 7: by the type in the five upper bits of the command register, of which slave and host
 * interfaces have three. Address mapping says how many DMA windows it has, MSI mapping whether its address is fixed.
 */
static unsigned int ht_length(const struct body *body)
{
	static const uint8_t fixed[32] = {
		[0x08] = 24, /* switch */
		[0x10] = 8,  /* interrupt discovery */
		[0x11] = 4,  /* revision */
		[0x12] = 12, /* UnitID clumping */
		[0x13] = 12, /* extended configuration space access */
		[0x16] = 12, /* DirectRoute */
		[0x17] = 16, /* VCSet */
		[0x18] = 12, /* error retry */
	};
	unsigned int command = reg16(body, 2), type = command >> 11;

	if (type < 8)
		return type < 4 ? 28 : 24;
	if (type == 0x14)
		return command & 0x600u ? 16 : 12 + 8 * (command & 0xfu);
	if (type == 0x15)
		return command & 2u ? 4 : 12;
	return fixed[type] == 0 ? LENGTH_UNKNOWN : fixed[type];
}

/* PCI 3.0, appendix H: the length stands in the third byte. */
static unsigned int vendor_length(const struct body *body)
{
	unsigned int length = reg8(body, 2);

	return length < 3 ? 3 : length;
}

/* PCIe 6.0, 7.5.3; version 1 (PCIe 1.1, 7.8) ends after the registers that the port type has. */
static unsigned int express_length(const struct body *body)
{
	unsigned int flags = reg16(body, PCG_EXP_FLAGS);
	unsigned int type = flags >> 4 & 0xf;

	if ((flags & 0xf) >= 2)
		return 0x3c;
	if (type == 9 || type == 10)
		return type == 10 ? 0x24 : 0x0c;
	return type == 4 ? 0x24 : 0x14;
}

/* Serial ATA AHCI 1.3.1, 2.4: the index-data pair may stand in configuration space. */
static unsigned int sata_length(const struct body *body)
{
	return (reg32(body, 4) & 0xf) == 0xf ? 16 : 8;
}

/* PCIe 6.0, 7.8.5: each entry says how many dwords follow its first. */
static unsigned int ea_length(const struct body *body)
{
	unsigned int entries = reg8(body, 2) & 0x3f, length = 4;

	while (entries-- > 0)
		length += 4 + 4 * (reg32(body, length) & 7u);
	return length;
}

/* Bytes of an arbitration table at @offset, in units of 16 bytes; 0: it is not there. */
static unsigned int table_end(unsigned int offset, unsigned int bits)
{
	return offset == 0 ? 0 : 16 * offset + bits / 8;
}

/* The longest table that a capability field allows: bits 1 to 5 are 32, 64, 128, 128 and 256 phases. */
static unsigned int phases(unsigned int arbitration)
{
	if (arbitration & 0x20)
		return 256;
	return arbitration & 0x18 ? 128 : arbitration & 4 ? 64 : arbitration & 2 ? 32 : 0;
}

/* PCIe 6.0, 7.9.1: one block a virtual channel; the arbitration table of 4 bits a phase stands where a field says. */
static unsigned int vc_length(const struct body *body)
{
	unsigned int length = 0x10 + 0xc * (1 + (reg32(body, 4) & 7u));
	uint32_t arbitration = reg32(body, 8);
	unsigned int end = table_end(arbitration >> 24, 4 * phases(arbitration & 0xe));

	return end > length ? end : length;
}

/* PCIe 6.0, 7.9.2: the same, and a table of functions for each channel, 1 to 8 bits an entry. */
static unsigned int mfvc_length(const struct body *body)
{
	unsigned int length = vc_length(body), channels = 1 + (reg32(body, 4) & 7u), i;
	unsigned int entry = 1u << (reg32(body, 4) >> 10 & 3u);

	for (i = 0; i < channels; i++) {
		uint32_t resource = reg32(body, 0x10 + 0xc * i);
		unsigned int end = table_end(resource >> 24, entry * phases(resource & 0x3e));

		if (end > length)
			length = end;
	}
	return length;
}

/* PCIe 6.0, 7.9.8: one entry a link. */
static unsigned int rclink_length(const struct body *body)
{
	return 0x10 + 0x10 * reg8(body, 5);
}

/* PCIe 6.0, 7.9.5 and 7.9.6: the length stands in the second dword. */
static unsigned int vsec_length(const struct body *body)
{
	unsigned int length = reg32(body, 4) >> 20;

	return length < 8 ? 8 : length;
}

/* PCIe 6.0, 7.7.11: the egress control vector is there when the capability says so. */
static unsigned int acs_length(const struct body *body)
{
	unsigned int bits = reg8(body, 5);

	if (!(reg8(body, 4) & 0x20))
		return 8;
	return 8 + round_up(bits == 0 ? 256 : bits, 32) / 8;
}

/* PCIe 6.0, 7.8.6: two registers a resizable BAR, 1 to 6 of them. */
static unsigned int rebar_length(const struct body *body)
{
	unsigned int bars = reg32(body, 8) >> 5 & 7u;

	return 4 + 8 * (bars == 0 ? 1 : bars);
}

/* PCIe 6.0, 7.9.12: one byte a substate. */
static unsigned int dpa_length(const struct body *body)
{
	return 0x10 + (reg32(body, 4) & 0x1fu) + 1;
}

/* PCIe 6.0, 7.9.13: the steering table may stand here. */
static unsigned int tph_length(const struct body *body)
{
	uint32_t cap = reg32(body, 4);

	return 0xc + ((cap & 0x600u) == 0x200u ? 2 * ((cap >> 16 & 0x7ffu) + 1) : 0);
}

static unsigned int version(const struct body *body)
{
	return reg32(body, 0) >> 16 & 0xf;
}

/* The first Express capability: link and port say how long some extended ones are. */
static unsigned int find_express(const uint8_t *config)
{
	unsigned int at = config[PCG_CAPABILITIES] & 0xfcu, steps;

	for (steps = 0; at >= PCG_HEADER_END && steps < PCG_MAX_CAPS; steps++) {
		if (config[at] == PCG_CAP_EXP)
			return at;
		at = config[at + 1] & 0xfcu;
	}
	return 0;
}

/* A dword of it; 0 where there is none. */
static uint32_t express32(const struct body *body, unsigned int at)
{
	struct body express = { body->config, body->size, body->express, 0 };

	return body->express != 0 ? reg32(&express, at) : 0;
}

/* PCIe 6.0, 7.5.3.2: Device/Port Type; an endpoint where nothing says. */
static unsigned int port_type(const struct body *body)
{
	return express32(body, 0) >> 20 & 0xf;
}

/* PCIe 6.0, 7.5.3.6: the lanes that the link can have, 1 to 32. */
static unsigned int lanes(const struct body *body)
{
	unsigned int width = express32(body, 0xc) >> 4 & 0x3f;

	return width == 0 ? 1 : width > 32 ? 32 : width;
}

/*
 * PCIe 6.0, 7.8.4: the prefix log came with version 2, in flit mode (version 3) it is the header log's continuation, up
 * to 14 dwords in all as Header Log Size says; root registers are those of ports and collectors.
 */
static unsigned int aer_length(const struct body *body)
{
	unsigned int type = port_type(body), log = reg32(body, 0x18) >> 13 & 0x1f;

	if (version(body) >= 3 && log > 8)
		return 0x38 + 4 * ((log > 14 ? 14 : log) - 4);
	if (version(body) >= 2)
		return 0x48;
	return type == 4 || type == 10 ? 0x38 : 0x2c;
}

/* PCIe 6.0, 7.9.10: the associated bus numbers came with version 2. */
static unsigned int rcec_length(const struct body *body)
{
	return version(body) >= 2 ? 12 : 8;
}

/* PCIe 6.0, 7.9.11.8: an overlay is what root and switch ports have. */
static unsigned int mcast_length(const struct body *body)
{
	unsigned int type = port_type(body);

	return type >= 4 && type <= 6 ? 0x30 : 0x28;
}

/* PCIe 6.0, 7.9.14: the root port's registers and as many dwords of log as they say; bit 13 is the fifth of that. */
static unsigned int dpc_length(const struct body *body)
{
	unsigned int cap = reg16(body, 4);

	return cap & 0x20 ? 0x20 + 4 * ((cap >> 8 & 0xf) | (cap >> 9 & 0x10)) : 0xc;
}

/* PCIe 6.0, 7.8.3: the status register came with version 2. */
static unsigned int l1pm_length(const struct body *body)
{
	return version(body) >= 2 ? 0x14 : 0x10;
}

/* PCIe 6.0, 7.7.3: two bytes a lane. */
static unsigned int secpci_length(const struct body *body)
{
	return 0xc + round_up(2 * lanes(body), 4);
}

/* PCIe 6.0, 7.7.5 and 7.7.6: one byte a lane. */
static unsigned int physical_length(const struct body *body)
{
	return 0x20 + round_up(lanes(body), 4);
}

/* PCIe 6.0, 7.7.7: the same, closer to the start: the lanes follow the status register. */
static unsigned int physical64_length(const struct body *body)
{
	return 0x10 + round_up(lanes(body), 4);
}

/* PCIe 6.0, 7.7.10: two registers a lane. */
static unsigned int margining_length(const struct body *body)
{
	return 8 + 4 * lanes(body);
}

/* PCIe 6.0, 7.9.20: the selective enable mask is there when the capability says so, a bit a protocol. */
static unsigned int altproto_length(const struct body *body)
{
	uint32_t cap = reg32(body, 4);
	unsigned int protocols = cap & 0xff;

	return 0x14 + (cap & 0x100 ? round_up(protocols == 0 ? 1 : protocols, 32) / 8 : 0);
}

/* PCIe 6.0, G.5: one dword a protocol. */
static unsigned int pmux_length(const struct body *body)
{
	return 0x10 + 4 * (reg32(body, 4) & 0x3fu);
}

/* PCIe 6.0, 7.9.25: one dword a shadow function, of which there is at least one. */
static unsigned int shadow_length(const struct body *body)
{
	return 0xc + 4 * ((reg32(body, 4) & 0xffu) + 1);
}

/* PCIe 6.0, 7.8.12: registers that are not implemented do not exist; there are 0 to 5. */
static unsigned int flit_perf_length(const struct body *body)
{
	unsigned int tracked = reg32(body, 4) >> 10 & 7u;

	return 0x10 + 4 * (tracked > 5 ? 5 : tracked);
}

/* PCIe 6.1, 7.9.29: three registers a virtual channel. */
static unsigned int svc_length(const struct body *body)
{
	return 0x14 + 0xc * (1 + (reg32(body, 4) & 7u));
}

/* PCIe 6.2, 7.9.30: it says so itself. */
static unsigned int mmio_rbl_length(const struct body *body)
{
	unsigned int length = reg32(body, 4) & 0xfffu;

	return length < 8 ? 8 : length;
}

/*
 * PCIe 6.0, 7.9.26: link streams, then selective streams with as many address blocks as each says. 16 of them are
 * gone through; one that claims more reaches to the next capability.
 */
static unsigned int ide_length(const struct body *body)
{
	uint32_t cap = reg32(body, 4);
	unsigned int length = 0xc, streams = cap & 2 ? (cap >> 16 & 0xff) + 1 : 0;

	if (streams > 16)
		return LENGTH_UNKNOWN;
	if (cap & 1)
		length += 8 * ((cap >> 13 & 7) + 1);
	for (; streams > 0; streams--)
		length += 0x14 + 0xc * (reg32(body, length) & 0xf);
	return length;
}

struct length {
	uint16_t fixed;
	unsigned int (*of)(const struct body *body);
};

static const struct length lengths[] = {
	[PCG_CAP_NULL] = { 4 },
	[PCG_CAP_PM] = { 8 },     /* PCI PM 1.2, 3.2 */
	[PCG_CAP_AGP] = { 12 },   /* AGP 2.0, 6.1 */
	[PCG_CAP_VPD] = { 8 },    /* PCI 3.0, appendix I; PCIe 6.0, 7.9.18 */
	[PCG_CAP_SLOTID] = { 4 }, /* PCI-to-PCI bridge 1.2, 13.2 */
	[PCG_CAP_MSI] = { 0, msi_length },
	[PCG_CAP_CHSWP] = { 4 },
	[PCG_CAP_PCIX] = { 0, pcix_length },
	[PCG_CAP_HT] = { 0, ht_length },
	[PCG_CAP_VNDR] = { 0, vendor_length },
	[PCG_CAP_DBG] = { 4 }, /* EHCI 1.0, appendix C */
	[PCG_CAP_CCRC] = { 4 },
	[PCG_CAP_HOTPLUG] = { 8 }, /* SHPC 1.0, 4.7 */
	[PCG_CAP_SSVID] = { 8 },   /* PCI-to-PCI bridge 1.2, 3.2.5.13 */
	[PCG_CAP_AGP3] = { 12 },
	[PCG_CAP_SECURE] = { 24 }, /* AMD IOMMU 3.0, 3.1 */
	[PCG_CAP_EXP] = { 0, express_length },
	[PCG_CAP_MSIX] = { 12 }, /* PCIe 6.0, 7.7.2 */
	[PCG_CAP_SATA] = { 0, sata_length },
	[PCG_CAP_AF] = { 6 }, /* PCIe 6.0, 7.9.21 */
	[PCG_CAP_EA] = { 0, ea_length },
	[PCG_CAP_FPB] = { 0x24 }, /* PCIe 6.0, 7.8.11 */
};

static const struct length extended_lengths[] = {
	[PCG_ECAP_NULL] = { 4 },
	[PCG_ECAP_AER] = { 0, aer_length },
	[PCG_ECAP_VC] = { 0, vc_length },
	[PCG_ECAP_DSN] = { 12 }, /* PCIe 6.0, 7.9.3 */
	[PCG_ECAP_PB] = { 16 },  /* 7.8.1 */
	[PCG_ECAP_RCLINK] = { 0, rclink_length },
	[PCG_ECAP_RCILINK] = { 12 }, /* 7.9.9 */
	[PCG_ECAP_RCEC] = { 0, rcec_length },
	[PCG_ECAP_MFVC] = { 0, mfvc_length },
	[PCG_ECAP_VC9] = { 0, vc_length },
	[PCG_ECAP_RCRB] = { 20 }, /* 7.9.7 */
	[PCG_ECAP_VSEC] = { 0, vsec_length },
	[PCG_ECAP_CAC] = { 8 }, /* PCIe 1.1, Trusted Configuration Space ECN */
	[PCG_ECAP_ACS] = { 0, acs_length },
	[PCG_ECAP_ARI] = { 8 },      /* 7.8.8 */
	[PCG_ECAP_ATS] = { 8 },      /* 10.5.1 */
	[PCG_ECAP_SRIOV] = { 0x40 }, /* 9.3.3 */
	[PCG_ECAP_MCAST] = { 0, mcast_length },
	[PCG_ECAP_PRI] = { 16 }, /* 10.5.2 */
	[PCG_ECAP_REBAR] = { 0, rebar_length },
	[PCG_ECAP_DPA] = { 0, dpa_length },
	[PCG_ECAP_TPH] = { 0, tph_length },
	[PCG_ECAP_LTR] = { 8 },   /* 7.8.2 */
	[PCG_ECAP_PASID] = { 8 }, /* 7.8.9 */
	[PCG_ECAP_LNR] = { 8 },   /* PCIe 5.0, 7.9.14; gone since 6.0 */
	[PCG_ECAP_DPC] = { 0, dpc_length },
	[PCG_ECAP_L1PM] = { 0, l1pm_length },
	[PCG_ECAP_PTM] = { 12 }, /* 7.9.15 */
	[PCG_ECAP_FRS] = { 16 }, /* 7.8.10 */
	[PCG_ECAP_RTR] = { 12 }, /* 7.9.16 */
	[PCG_ECAP_DVSEC] = { 0, vsec_length },
	[PCG_ECAP_VFREBAR] = { 0, rebar_length },
	[PCG_ECAP_DLF] = { 12 },      /* 7.7.4 */
	[PCG_ECAP_HIERID] = { 0x20 }, /* 7.9.17 */
	[PCG_ECAP_NPEM] = { 16 },     /* 7.9.19 */
	[PCG_ECAP_DOE] = { 0x18 },    /* 7.9.24 */
	[PCG_ECAP_DEV3] = { 16 },     /* 7.7.9 */
	[PCG_ECAP_SECPCI] = { 0, secpci_length },
	[PCG_ECAP_PL16] = { 0, physical_length },
	[PCG_ECAP_LMR] = { 0, margining_length },
	[PCG_ECAP_PL32] = { 0, physical_length },
	[PCG_ECAP_ALTPROTO] = { 0, altproto_length },
	[PCG_ECAP_SFI] = { 0x14 }, /* 7.9.22 */
	[PCG_ECAP_IDE] = { 0, ide_length },
	[PCG_ECAP_PL64] = { 0, physical64_length },
	[PCG_ECAP_PMUX] = { 0, pmux_length },
	[PCG_ECAP_MPCIE] = { 0x1c }, /* M-PCIe ECN to PCIe 3.0 */
	[PCG_ECAP_SHADOW] = { 0, shadow_length },
	[PCG_ECAP_FLIT_LOG] = { 0x3c }, /* 7.7.8 */
	[PCG_ECAP_FLIT_PERF] = { 0, flit_perf_length },
	[PCG_ECAP_FLIT_ERR] = { 0x24 }, /* 7.8.13 */
	[PCG_ECAP_SVC] = { 0, svc_length },
	[PCG_ECAP_MMIO_RBL] = { 0, mmio_rbl_length },
	[PCG_ECAP_NOP] = { 0x14 }, /* PCIe 6.3, 7.8.14 */
	/* To the next capability: what a device has of it is not to be seen in it. MR-IOV 1.0, 4.2. */
	[PCG_ECAP_MRIOV] = { LENGTH_UNKNOWN },
	[0x0014] = { LENGTH_UNKNOWN }, /* reserved for AMD: nothing is published */
};

unsigned int pci_claimed_length(const uint8_t *config, size_t size, const struct pcg_cap *cap)
{
	struct body body = { config, size, cap->offset, 0 };
	const struct length *row = NULL;

	if (!cap->extended && cap->id < sizeof(lengths) / sizeof(lengths[0]))
		row = &lengths[cap->id];
	if (cap->extended && cap->id < sizeof(extended_lengths) / sizeof(extended_lengths[0]))
		row = &extended_lengths[cap->id];
	if (row == NULL)
		return LENGTH_UNKNOWN;
	if (row->of == NULL)
		return row->fixed;
	if (cap->extended)
		body.express = find_express(config);
	return row->of(&body);
}
