/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "host/sim/broken.h"

struct value {
	uint16_t offset;
	uint8_t width;
	uint32_t value;
	const char *section;
};

#define NEXT(at)       ((uint32_t)(at) << 20)
#define PAIR(id, next) ((uint32_t)(id) | (uint32_t)(next) << 8)

/* Both sides. */
static const struct value common[] = {
	{ PCG_VENDOR, 4, 0x00171b36, "PCIe 6.0, 7.5.1.1.1" },
	{ PCG_STATUS, 2, PCG_STATUS_CAPABILITIES, "PCIe 6.0, 7.5.1.1.4" },
	{ PCG_REVISION, 4, 0xff000001, "PCIe 6.0, 7.5.1.1.5" },
	{ PCG_SUBVENDOR, 4, 0x11001af4, "PCIe 6.0, 7.5.1.2.3" },
	{ PCG_CAPABILITIES, 1, BROKEN_PM, "PCIe 6.0, 7.5.1.1.11" },
	{ PCG_INT_PIN, 1, 1, "PCIe 6.0, 7.5.1.1.13" },
	/* no D1, D2, PME; No_Soft_Reset */
	{ BROKEN_PM, 4, PAIR(PCG_CAP_PM, BROKEN_VPD) | 0x00030000, "PCIe 6.0, 7.5.2.1" },
	{ BROKEN_PM + PCG_PM_CSR, 2, PCG_PM_NO_SOFT_RESET, "PCIe 6.0, 7.5.2.2" },
	{ BROKEN_VPD, 2, PAIR(PCG_CAP_VPD, BROKEN_MSI), "PCI 3.0, appendix I" },
	/* 4 vectors, 64-bit, maskable */
	{ BROKEN_MSI, 4, PAIR(PCG_CAP_MSI, BROKEN_MSIX) | 0x01840000, "PCIe 6.0, 7.7.1.2" },
	{ BROKEN_MSIX, 4, PAIR(PCG_CAP_MSIX, BROKEN_EXP) | (BROKEN_VECTORS - 1) << 16, "PCIe 6.0, 7.7.2.2" },
	{ BROKEN_MSIX + PCG_MSIX_TABLE, 4, BROKEN_MSIX_TABLE, "PCIe 6.0, 7.7.2.3" },
	{ BROKEN_MSIX + PCG_MSIX_PBA, 4, BROKEN_MSIX_PBA, "PCIe 6.0, 7.7.2.4" },
	{ BROKEN_EXP, 4, PAIR(PCG_CAP_EXP, BROKEN_AF) | 0x00020000, "PCIe 6.0, 7.5.3.2" },
	/* 256 bytes, extended tags, role-based errors, FLR */
	{ BROKEN_EXP + PCG_EXP_DEVCAP, 4, 0x10008021, "PCIe 6.0, 7.5.3.3" },
	{ BROKEN_EXP + PCG_EXP_DEVCTL, 2, 0x2810, "PCIe 6.0, 7.5.3.4" },
	{ BROKEN_EXP + 0x0c, 4, 0x00400c11, "PCIe 6.0, 7.5.3.6" },
	{ BROKEN_EXP + 0x12, 2, 0x1011, "PCIe 6.0, 7.5.3.8" },
	/* timeout range A and disable, LTR, 10-bit tags, OBFF by message, one prefix */
	{ BROKEN_EXP + PCG_EXP_DEVCAP2, 4, 0x006f0811, "PCIe 6.0, 7.5.3.15" },
	{ BROKEN_EXP + 0x2c, 4, 0x00000002, "PCIe 6.0, 7.5.3.18" },
	{ BROKEN_EXP + 0x30, 2, 0x0001, "PCIe 6.0, 7.5.3.19" },
	{ BROKEN_AF, 4, PAIR(PCG_CAP_AF, BROKEN_VNDR) | 0x03060000, "PCI AF ECN" },
	{ BROKEN_VNDR, 4, PAIR(PCG_CAP_VNDR, 0) | 0x00100000, "PCI 3.0, appendix H" },
	{ BROKEN_VNDR + 4, 4, 0x600df00d, "the vendor's" },
	{ BROKEN_AER, 4, NEXT(BROKEN_DSN) | 0x00020001, "PCIe 6.0, 7.8.4.1" },
	/* an error is fatal or not by default; ECRC can be made and checked */
	{ BROKEN_AER + 0x0c, 4, 0x00062010, "PCIe 6.0, 7.8.4.4" },
	{ BROKEN_AER + 0x14, 4, 0x00002000, "PCIe 6.0, 7.8.4.6" },
	{ BROKEN_AER + 0x18, 4, 0x000000a0, "PCIe 6.0, 7.8.4.7" },
	{ BROKEN_DSN, 4, NEXT(BROKEN_ARI) | 0x00010003, "PCIe 6.0, 7.9.3.1" },
	{ BROKEN_DSN + 4, 4, 0x12345678, "PCIe 6.0, 7.9.3.2" },
	{ BROKEN_ARI, 4, NEXT(BROKEN_ACS) | 0x0001000e, "PCIe 6.0, 7.8.8.1" },
	{ BROKEN_ACS, 4, NEXT(BROKEN_ATS) | 0x0001000d, "PCIe 6.0, 7.7.11.1" },
	/* request and completion redirect */
	{ BROKEN_ACS + 4, 2, 0x000c, "PCIe 6.0, 7.7.11.2" },
	{ BROKEN_ATS, 4, NEXT(BROKEN_PRI) | 0x0001000f, "PCIe 6.0, 10.5.1.1" },
	{ BROKEN_PRI, 4, NEXT(BROKEN_PASID) | 0x00010013, "PCIe 6.0, 10.5.2.1" },
	/* stopped; answers have a PASID */
	{ BROKEN_PRI + 6, 2, 0x8100, "PCIe 6.0, 10.5.2.3" },
	{ BROKEN_PRI + 8, 4, 32, "PCIe 6.0, 10.5.2.4" },
	{ BROKEN_PASID, 4, NEXT(BROKEN_LTR) | 0x0001001b, "PCIe 6.0, 7.8.9.1" },
	{ BROKEN_PASID + 4, 2, 0x1406, "PCIe 6.0, 7.8.9.2" },
	{ BROKEN_LTR, 4, NEXT(BROKEN_REBAR) | 0x00010018, "PCIe 6.0, 7.8.2.1" },
	{ BROKEN_REBAR, 4, NEXT(BROKEN_VSEC) | 0x00010015, "PCIe 6.0, 7.8.6.1" },
	/* 1, 2 and 4 MB for BAR 2, of which there is one */
	{ BROKEN_REBAR + 4, 4, 0x00000070, "PCIe 6.0, 7.8.6.2" },
	{ BROKEN_REBAR + 8, 4, 0x00000022, "PCIe 6.0, 7.8.6.3" },
	{ BROKEN_VSEC, 4, NEXT(BROKEN_DVSEC) | 0x0001000b, "PCIe 6.0, 7.9.5.1" },
	{ BROKEN_VSEC + 4, 4, 0x01011234, "PCIe 6.0, 7.9.5.2" },
	{ BROKEN_VSEC + 8, 4, 0xcafe0001, "the vendor's" },
	{ BROKEN_DVSEC, 4, NEXT(BROKEN_SRIOV) | 0x00010023, "PCIe 6.0, 7.9.6.1" },
	{ BROKEN_DVSEC + 4, 4, 0x01011b36, "PCIe 6.0, 7.9.6.2" },
	{ BROKEN_DVSEC + 12, 4, 0xcafe0002, "the vendor's" },
	{ BROKEN_SRIOV, 4, NEXT(BROKEN_TPH) | 0x00010010, "PCIe 6.0, 9.3.3.1" },
	{ BROKEN_SRIOV + 0x0c, 4, 0x00080008, "PCIe 6.0, 9.3.3.5" },
	{ BROKEN_SRIOV + 0x1c, 4, 0x00000553, "PCIe 6.0, 9.3.3.12" },
	{ BROKEN_SRIOV + 0x20, 4, 0x00000001, "PCIe 6.0, 9.3.3.13" },
	{ BROKEN_TPH, 4, NEXT(BROKEN_PB) | 0x00010017, "PCIe 6.0, 7.9.13.1" },
	{ BROKEN_TPH + 4, 4, 0x00000101, "PCIe 6.0, 7.9.13.2" },
	{ BROKEN_PB, 4, 0x00010004, "PCIe 6.0, 7.8.1.1" },
	{ BROKEN_PB + 8, 4, 0x00000019, "PCIe 6.0, 7.8.1.3" },
};

/* The function's own: two capabilities that the guest is not shown, and what the host has set up. */
static const struct value beneath[] = {
	{ PCG_BIST, 1, 0x80, "PCIe 6.0, 7.5.1.1.10" },
	{ PCG_BAR0, 4, 0xe0000004, "placed" },
	{ PCG_BAR0 + 8, 4, 0xe1000008, "placed" },
	{ PCG_BAR0 + 12, 4, 0x0000c001, "placed" },
	{ PCG_ROM, 4, 0xe2000000, "placed" },
	{ BROKEN_MSIX, 4, PAIR(PCG_CAP_MSIX, BROKEN_SLOTID) | (BROKEN_VECTORS - 1) << 16, "PCIe 6.0, 7.7.2.2" },
	{ BROKEN_SLOTID, 4, PAIR(PCG_CAP_SLOTID, BROKEN_EXP) | 0x33220000, "PCI-to-PCI bridge 1.2, 13.3" },
	/* the path carries 256 bytes */
	{ BROKEN_EXP + PCG_EXP_DEVCTL, 2, 0x2830, "PCIe 6.0, 7.5.3.4" },
	{ BROKEN_SRIOV + 0x24, 4, 0xe3000000, "placed" },
	{ BROKEN_TPH, 4, NEXT(BROKEN_PTM) | 0x00010017, "PCIe 6.0, 7.9.13.1" },
	{ BROKEN_PTM, 4, NEXT(BROKEN_PB) | 0x0001001f, "PCIe 6.0, 7.9.15.1" },
	{ BROKEN_PTM + 4, 4, 0x00001001, "PCIe 6.0, 7.9.15.2" },
	{ BROKEN_PTM + 8, 4, 0x00000101, "PCIe 6.0, 7.9.15.3" },
};

static void put_values(uint8_t *config, const struct value *v, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < v[i].width; k++)
			config[v[i].offset + k] = (uint8_t)(v[i].value >> 8 * k);
}

static int build(struct model *model, const struct pcg_host_info *info, const uint8_t *config)
{
	struct pcg_layout layout;
	const struct model_facts facts = {
		.config = config,
		.size = PCG_CONFIG_EXTENDED,
		.layout = &layout,
		.bars = info->bars,
		.rom = &info->rom,
	};
	int r = pcg_layout_parse(&layout, config, PCG_CONFIG_EXTENDED, NULL);

	return r == 0 ? model_init(model, &facts) : r;
}

static void bits(uint32_t *map, unsigned int at, uint32_t mask)
{
	map[at / 4] |= mask << 8 * (at & 3u);
}

/* What the mediator passes on, and what of the function it shows. */
static void mediate(struct broken *b)
{
	static const struct {
		uint16_t at;
		uint32_t mask;
	} clears[] = { { PCG_STATUS, 0xf900 },
		       { BROKEN_EXP + PCG_EXP_DEVSTA, 0x000f },
		       { BROKEN_AER + 0x04, 0x07fff030 },
		       { BROKEN_AER + 0x10, 0x0000f1c1 } };
	unsigned int i;

	for (i = 0; i < sizeof(clears) / sizeof(clears[0]); i++) {
		bits(b->show, clears[i].at, clears[i].mask);
		bits(b->clear, clears[i].at, clears[i].mask);
	}
	bits(b->forward, PCG_COMMAND, 0x0147);
	bits(b->forward, BROKEN_EXP + PCG_EXP_DEVCTL, 0x0d1f);
	/* Resizable BARs are the mediator's own: the size field, which the model takes for fixed. */
	bits(b->guest.rw, BROKEN_REBAR + 8, 0x3f00);
	/* A selector that the model takes for optional. */
	bits(b->guest.rw, BROKEN_PB + 4, 0x01);
	/* 7.8.4.3: masks that a recorded value says nothing about. */
	bits(b->guest.rw, BROKEN_AER + 0x08, 0x07fff030);
	bits(b->guest.kept, BROKEN_AER + 0x08, 0x07fff030);
	bits(b->guest.rw, BROKEN_AER + 0x0c, 0x07fff030);
	bits(b->guest.kept, BROKEN_AER + 0x0c, 0x07fff030);
}

static void twist(struct broken *b)
{
	const struct broken_fault *f = b->fault;
	uint32_t *value = &b->guest.value[f->at / 4];
	unsigned int n = f->at / 4u;

	switch (f->twist) {
	case TWIST_VALUE:
		*value = (*value & ~f->mask) | f->value;
		break;
	case TWIST_STUCK:
		*value = (*value & ~f->mask) | f->value;
		b->guest.rw[n] &= ~f->mask;
		break;
	case TWIST_READ_ONLY:
		b->guest.rw[n] &= ~f->mask;
		break;
	case TWIST_WRITABLE:
		b->guest.rw[n] |= f->mask;
		break;
	case TWIST_FORWARD:
		b->forward[n] |= f->mask;
		break;
	case TWIST_FROM_HARDWARE:
		b->show[n] |= f->mask;
		break;
	case TWIST_KEPT:
		b->guest.kept[n] |= f->mask;
		break;
	case TWIST_LOST:
		b->guest.kept[n] &= ~f->mask;
		b->guest.reset[n] &= ~f->mask;
		break;
	case TWIST_ACT:
		b->act = (enum broken_act)f->mask;
		break;
	default:
		break;
	}
	if (b->act == ACT_FLR_UNOFFERED)
		b->guest.value[(BROKEN_EXP + PCG_EXP_DEVCAP) / 4] &= ~(uint32_t)PCG_DEVCAP_FLR;
}

int broken_config_init(struct broken *b)
{
	uint8_t config[PCG_CONFIG_EXTENDED] = { 0 };
	int r;

	put_values(config, common, sizeof(common) / sizeof(common[0]));
	r = build(&b->guest, &b->host.info, config);
	if (r != 0)
		return r;
	put_values(config, beneath, sizeof(beneath) / sizeof(beneath[0]));
	r = build(&b->own.model, &b->host.info, config);
	if (r != 0)
		return r;
	mediate(b);
	if (b->fault != NULL)
		twist(b);
	return 0;
}
