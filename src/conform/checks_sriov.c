/* SPDX-License-Identifier: BSD-3-Clause */
/* SR-IOV and ARI. Whether a guest should have them is not asked: what is shown must be true. */
#include "conform/check.h"

#define EXT(name) (CHECK_EXT | PCG_ECAP_##name)

#define SRIOV_CAP        0x04
#define SRIOV_CTRL       0x08
#define SRIOV_INITIAL    0x0c
#define SRIOV_NUM_VFS    0x10
#define SRIOV_PAGE_SIZES 0x1c
#define SRIOV_PAGE_SIZE  0x20
#define SRIOV_BAR        0x24

#define VF_ENABLE    0x0001u
#define VF_MIGRATION 0x0001u

#define ARI_GROUP 0x0070u

/* VFs are neither made nor taken away by a check. */
static bool is_locked(struct conform *c)
{
	if (!(check_get(c, c->base + SRIOV_CTRL, 2) & VF_ENABLE))
		return false;
	check_none(c, "VF Enable is set: until it is cleared this must not be changed");
	return true;
}

static void run_num_vfs(struct conform *c, const struct check *check)
{
	if (!is_locked(c))
		check_readback(c, check);
}

static void run_counts(struct conform *c, const struct check *check)
{
	uint32_t counts = check_get(c, c->base + check->reg, 4), initial = counts & 0xffff, total = counts >> 16;

	if (initial > total)
		check_fail(c, "InitialVFs is %u, more than TotalVFs %u", initial, total);
	else if (!(check_get(c, c->base + SRIOV_CAP, 4) & VF_MIGRATION) && initial != total)
		check_fail(c, "InitialVFs is %u and TotalVFs %u, and VFs cannot migrate", initial, total);
}

/* The sizes are bits: of one that is offered exactly that bit is chosen. */
static void run_page_size(struct conform *c, const struct check *check)
{
	uint32_t offered = check_get(c, c->base + SRIOV_PAGE_SIZES, 4), bit;

	if (is_locked(c))
		return;
	for (bit = 1; bit != 0 && !check_over(c); bit <<= 1) {
		if (!(offered & bit))
			continue;
		check_put(c, c->base + check->reg, 4, bit);
		if (check_get(c, c->base + check->reg, 4) != bit)
			check_fail(c, "the page size %08x of %08x was chosen and did not read back", bit, offered);
	}
}

static void run_vf_bars(struct conform *c, const struct check *check)
{
	unsigned int i, seen = 0;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		unsigned int at = c->base + check->reg + 4 * i;
		uint32_t host = check_host(c, at, 4) & ~15u, guest = check_get(c, at, 4) & ~15u;

		if (host == 0)
			continue;
		seen++;
		if (host == guest)
			check_fail(c, "VF BAR %u at %03x shows the host's address %08x", i, at, guest);
	}
	if (seen == 0)
		check_none(c, "the host has placed no VF BAR");
}

/* The guest has one function: the number of another leads nowhere. */
static void run_next(struct conform *c, const struct check *check)
{
	uint32_t next = check_get(c, c->base + check->reg, 2) >> 8;

	if (next != 0)
		check_fail(c, "ARI says that the next function is number %u, which is not the guest's", next);
}

/* 7.8.8.3: function groups are there by grace of the capability, and function 0's alone. */
static void run_groups(struct conform *c, const struct check *check)
{
	uint32_t offered = check_get(c, c->base + check->source, 2) & 3;

	check_bits_zero(c, c->base + check->reg, 2, 0xffff & ~(offered | (offered != 0 ? ARI_GROUP : 0)));
}

#define ROW(name, text, section, how, capability, at, w, bits_, more)                                                  \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = capability, .reg = at, .width = w,       \
		.mask = bits_, .needs = more                                                                           \
	}

static const struct check checks[] = {
	ROW("leak.ari-next", "ARI names no function that is not the guest's", "PCIe 6.0, 7.8.8.2", run_next, EXT(ARI),
	    4, 2, 0, 0),
	ROW("ari.capability.read-only", "writes leave ARI Capability alone", "PCIe 6.0, 7.8.8.2", check_read_only,
	    EXT(ARI), 4, 2, 0xffff, 0),
	{ .id = "ari.control.reserved",
	  .spec = "PCIe 6.0, 7.8.8.3",
	  .what = "ARI Control has no more than is offered",
	  .run = run_groups,
	  .cap = EXT(ARI),
	  .reg = 6,
	  .width = 2,
	  .source = 4 },
	ROW("sriov.control.reserved", "reserved bits of SR-IOV Control read 0", "PCIe 6.0, 9.3.3.3", check_zero,
	    EXT(SRIOV), SRIOV_CTRL, 2, 0xff80, 0),
	ROW("sriov.counts.legal", "there are no more VFs at first than in total", "PCIe 6.0, 9.3.3.5 and 9.3.3.6",
	    run_counts, EXT(SRIOV), SRIOV_INITIAL, 4, 0, 0),
	ROW("sriov.counts.read-only", "writes leave InitialVFs and TotalVFs alone", "PCIe 6.0, 9.3.3.5 and 9.3.3.6",
	    check_read_only, EXT(SRIOV), SRIOV_INITIAL, 4, 0xffffffff, 0),
	ROW("sriov.num-vfs.honest", "NumVFs that is shown can be set", "PCIe 6.0, 9.3.3.7", run_num_vfs, EXT(SRIOV),
	    SRIOV_NUM_VFS, 2, 0x0001, 0),
	ROW("sriov.page-size.honest", "every page size on offer can be had", "PCIe 6.0, 9.3.3.13", run_page_size,
	    EXT(SRIOV), SRIOV_PAGE_SIZE, 4, 0, 0),
	ROW("leak.sriov-vf-bars", "VF BARs do not show where the host has placed them",
	    "the host's address map is the host's", run_vf_bars, EXT(SRIOV), SRIOV_BAR, 4, 0, NEEDS_HOST),
};

const struct check_group sriov_group = CHECK_GROUP("sriov", checks);
