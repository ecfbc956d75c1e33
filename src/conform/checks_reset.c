/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Function level reset: what goes, what stays, what starts one. What it does to the function's own memory cannot be
 * undone, so these checks can be left out.
 */
#include <string.h>

#include "conform/check.h"

#define LNKCTL 0x10

/* In the control register's own form: a read, and the bit. */
static void flr(struct conform *c)
{
	unsigned int at = check_find(c, PCG_CAP_EXP) + PCG_EXP_DEVCTL;

	session_save_all(c);
	check_put(c, at, 2, check_get(c, at, 2) | PCG_DEVCTL_FLR);
	check_settle(c);
}

static void af_flr(struct conform *c)
{
	session_save_all(c);
	check_put(c, check_find(c, PCG_CAP_AF) + PCG_AF_CTRL, 1, PCG_AF_CTRL_FLR);
	check_settle(c);
}

static void run_bit(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;

	if (check_get(c, at, 2) & PCG_DEVCTL_FLR)
		check_fail(c, "Initiate Function Level Reset reads 1");
	flr(c);
	if (check_get(c, at, 2) & PCG_DEVCTL_FLR)
		check_fail(c, "Initiate Function Level Reset reads 1 after a reset");
}

/* Command bits that a reset clears; a memory enable that is not the function's may come back set. */
static uint32_t command_bits(const struct conform *c)
{
	return c->target->memory_preset ? 0x0545 : 0x0547;
}

/* Bit by bit where a server takes them only so. */
static void set_command(struct conform *c)
{
	uint32_t bit;

	session_save_all(c);
	check_put(c, PCG_COMMAND, 2, 0x0547);
	for (bit = 1; bit < 0x0800 && !(check_get(c, PCG_COMMAND, 2) & command_bits(c)); bit <<= 1)
		if (bit & 0x0547)
			check_put(c, PCG_COMMAND, 2, bit);
	if (!(check_get(c, PCG_COMMAND, 2) & command_bits(c)))
		check_unknown(c, "no bit of Command can be set that a reset would clear");
}

static void command_cleared(struct conform *c)
{
	uint32_t now = check_get(c, PCG_COMMAND, 2) & command_bits(c);

	if (now != 0)
		check_fail(c, "Command bits %04x survived a reset", now);
}

static void run_command(struct conform *c, const struct check *check)
{
	(void)check;
	set_command(c);
	flr(c);
	command_cleared(c);
}

static void run_bars(struct conform *c, const struct check *check)
{
	unsigned int n;

	(void)check;
	session_save_all(c);
	check_put(c, PCG_COMMAND, 2, 0);
	for (n = 0; n < PCG_NUM_BARS; n++)
		check_put(c, PCG_BAR0 + 4 * n, 4, 0xf0000000u);
	flr(c);
	for (n = 0; n < PCG_NUM_BARS; n++) {
		uint32_t type = c->bar[n].kind == PCG_BAR_UPPER ? 0 : c->bar[n].kind == PCG_BAR_IO ? 3u : 15u;
		uint32_t now = check_get(c, PCG_BAR0 + 4 * n, 4) & ~type;

		if (now != 0)
			check_fail(c, "BAR %u reads %08x after a reset", n, now);
	}
}

static void run_interrupts(struct conform *c, const struct check *check)
{
	unsigned int msi = check_find(c, PCG_CAP_MSI), msix = check_find(c, PCG_CAP_MSIX);

	(void)check;
	if (msi == 0 && msix == 0) {
		check_none(c, "the function has neither MSI nor MSI-X");
		return;
	}
	session_save_all(c);
	if (msi != 0)
		check_put(c, msi + PCG_MSI_CONTROL, 2, check_get(c, msi + PCG_MSI_CONTROL, 2) | PCG_MSI_ENABLE);
	if (msix != 0)
		check_put(c, msix + PCG_MSIX_CONTROL, 2, check_get(c, msix + PCG_MSIX_CONTROL, 2) | 0xc000);
	flr(c);
	if (msi != 0 && check_get(c, msi + PCG_MSI_CONTROL, 2) & (PCG_MSI_ENABLE | PCG_MSI_MME))
		check_fail(c, "MSI is enabled after a reset");
	if (msix != 0 && check_get(c, msix + PCG_MSIX_CONTROL, 2) & 0xc000)
		check_fail(c, "MSI-X Enable or Function Mask is set after a reset");
}

static void run_devctl(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t now, set;

	session_save_all(c);
	check_put(c, at, 2, (check_get(c, at, 2) & ~(uint32_t)(PCG_DEVCTL_MRRS | PCG_DEVCTL_FLR)) | 0x500f);
	set = check_get(c, at, 2);
	flr(c);
	now = check_get(c, at, 2);
	/* 7.5.3.4: a function that asks for no more than 128 bytes may have the size hardwired. */
	if (set & PCG_DEVCTL_MRRS && (now & PCG_DEVCTL_MRRS) != 0x2000)
		check_fail(c, "a reset leaves read requests of %u bytes; the default is 512",
			   128u << ((now & PCG_DEVCTL_MRRS) >> 12));
	if (now & 0x000f)
		check_fail(c, "error reporting enables %x survived a reset", now & 0x000f);
}

/* What of address spaces was on is off: whoever has the function next has others. */
static void run_pasid(struct conform *c, const struct check *check)
{
	static const struct {
		uint16_t cap;
		uint16_t at;
		uint16_t bits;
		const char *what;
	} enables[] = {
		{ PCG_ECAP_PASID, PCG_PASID_CTRL, PCG_PASID_ENABLE, "PASID" },
		{ PCG_ECAP_ATS, PCG_ATS_CTRL, PCG_ATS_ENABLE, "ATS" },
		{ PCG_ECAP_PRI, PCG_PRI_CTRL, PCG_PRI_ENABLE, "page requests" },
	};
	unsigned int i, at, n = sizeof(enables) / sizeof(enables[0]), seen = 0;

	(void)check;
	session_save_all(c);
	for (i = 0; i < n; i++) {
		at = check_find(c, CHECK_EXT | enables[i].cap);
		if (at == 0)
			continue;
		seen++;
		check_put(c, at + enables[i].at, 2, check_get(c, at + enables[i].at, 2) | enables[i].bits);
	}
	if (seen == 0) {
		check_none(c, "the function shows neither PASID nor ATS nor page requests");
		return;
	}
	flr(c);
	for (i = 0; i < n; i++) {
		at = check_find(c, CHECK_EXT | enables[i].cap);
		if (at != 0 && check_get(c, at + enables[i].at, 2) & enables[i].bits)
			check_fail(c, "after a reset %s still read as enabled", enables[i].what);
	}
}

/* A register that 6.6.2 excepts, or a sticky one: what was set must stay. */
static void survives(struct conform *c, unsigned int at, uint32_t mask, const char *what)
{
	unsigned int base = at & ~3u, shift = 8 * (at & 3u);
	uint32_t keep = check_rw1c_bits(c, base / 4), before, after;

	session_save_all(c);
	before = check_get(c, base, 4) & ~keep;
	check_put(c, base, 4, before ^ mask << shift);
	before = check_get(c, base, 4) & mask << shift;
	flr(c);
	after = check_get(c, base, 4) & mask << shift;
	if (before != after)
		check_fail(c, "%s: %0x before a reset, %0x after it", what, before >> shift, after >> shift);
}

static void run_mps(struct conform *c, const struct check *check)
{
	if ((check_get(c, c->base + PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_MPSS) == 0)
		check_none(c, "the function supports one payload size");
	else
		survives(c, c->base + check->reg, 0x0020, "Max_Payload_Size");
}

static void run_lnkctl(struct conform *c, const struct check *check)
{
	survives(c, c->base + check->reg, 0x00c3, "the link's settings");
}

static void run_sticky(struct conform *c, const struct check *check)
{
	survives(c, c->base + check->reg, 0x00141000, "the uncorrectable error mask, which is sticky");
}

static void run_byte(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg + 1;

	set_command(c);
	check_put(c, at, 1, check_get(c, at, 1) | 0x80);
	check_settle(c);
	command_cleared(c);
}

/* Any write beside the bit, and of the register with the bit clear. */
static void run_only(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t before;

	session_save_all(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) ^ PCG_COMMAND_INTX_OFF);
	check_put(c, PCG_INT_LINE, 1, check_get(c, PCG_INT_LINE, 1) ^ 0xa5);
	before = check_get(c, PCG_INT_LINE & ~3u, 4) ^ check_get(c, PCG_COMMAND, 2) << 16;
	check_put(c, c->base + PCG_EXP_DEVCAP, 4, UINT32_MAX);
	check_put(c, c->base + 1, 1, check_get(c, c->base + 1, 1));
	check_put(c, at, 1, check_get(c, at, 1));
	check_put(c, at, 2, check_get(c, at, 2) & 0x7fff);
	if (c->base + check->reg + 10 <= c->base + check_cap(c, PCG_CAP_EXP)->room)
		check_put(c, c->base + LNKCTL, 2, check_get(c, c->base + LNKCTL, 2));
	if ((check_get(c, PCG_INT_LINE & ~3u, 4) ^ check_get(c, PCG_COMMAND, 2) << 16) != before)
		check_fail(c, "a write that asked for no reset changed Command or Interrupt Line");
}

static void memory_on(struct conform *c)
{
	check_place(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) | PCG_COMMAND_MEMORY);
}

static void run_entries(struct conform *c, const struct check *check)
{
	uint32_t table = check_get(c, c->base + check->reg, 4);
	unsigned int bar = table & 7;
	uint64_t at = (table & ~7u) + 12;
	uint8_t before[4] = { 1 }, data[4] = { 0 };

	if (bar >= PCG_NUM_BARS || at + 4 > c->target->region_size[bar]) {
		check_none(c, "the table stands in no region that can be reached");
		return;
	}
	session_save_all(c);
	memory_on(c);
	if (check_access(c, false, bar, at, before, 4) != 0 || check_access(c, true, bar, at, data, 4) != 0)
		check_unknown(c, "the table cannot be written");
	flr(c);
	memory_on(c);
	if (check_access(c, false, bar, at, data, 4) != 0)
		check_unknown(c, "the table cannot be read");
	if (!(data[0] & 1))
		check_fail(c, "an entry of the MSI-X table that was unmasked is so after a reset");
	check_access(c, true, bar, at, before, 4);
}

/* Who it is and what it has is the same after a reset. */
static void run_identity(struct conform *c, const struct check *check)
{
	static const uint16_t places[] = { PCG_VENDOR, PCG_REVISION, PCG_SUBVENDOR, PCG_CAPABILITIES };
	unsigned int i;

	(void)check;
	flr(c);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (check_get(c, places[i], 4) != pcg_get32(c->guest + places[i]))
			check_fail(c, "%03x reads otherwise after a reset", places[i]);
	for (i = 0; i < c->walk.ncaps; i++) {
		const struct walk_cap *cap = &c->walk.cap[i];
		unsigned int width = cap->extended ? 4 : 2;
		uint32_t mask = cap->extended ? 0xffffffffu : 0xffffu;

		if ((check_get(c, cap->at, width) ^ pcg_get32(c->guest + cap->at)) & mask)
			check_fail(c, "the capability header at %03x reads otherwise after a reset", cap->at);
	}
}

static void run_absent(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t before;

	if (check_get(c, c->base + PCG_EXP_DEVCAP, 4) & PCG_DEVCAP_FLR) {
		check_none(c, "the function has a function level reset");
		return;
	}
	session_save_all(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) ^ PCG_COMMAND_MASTER);
	before = check_get(c, PCG_COMMAND, 2);
	check_put(c, at, 2, check_get(c, at, 2) | PCG_DEVCTL_FLR);
	if (check_get(c, PCG_COMMAND, 2) != before || check_get(c, at, 2) & PCG_DEVCTL_FLR)
		check_fail(c, "the function offers no reset, and a write of the bit does something");
}

static void run_af_bit(struct conform *c, const struct check *check)
{
	af_flr(c);
	if (check_get(c, c->base + check->reg, 1) != 0)
		check_fail(c, "AF control reads %02x after a reset", check_get(c, c->base + check->reg, 1));
}

static void run_af_command(struct conform *c, const struct check *check)
{
	(void)check;
	set_command(c);
	af_flr(c);
	command_cleared(c);
}

static void run_device(struct conform *c, const struct check *check)
{
	int r;

	(void)check;
	if (!c->target->has_reset) {
		check_none(c, "the device cannot be reset");
		return;
	}
	set_command(c);
	r = c->target->ops->reset(c->target);
	check_settle(c);
	if (r != 0)
		check_fail(c, "the device says that it can be reset, and cannot: %s", strerror(-r));
	command_cleared(c);
}

#define FLR(name, text, section, how, at, w, more)                                                                     \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = PCG_CAP_EXP, .reg = at, .width = w,      \
		.needs = more                                                                                          \
	}

static const struct check checks[] = {
	FLR("flr.only-when-written", "only the bit itself starts a reset", "PCIe 6.0, 7.5.3.4", run_only,
	    PCG_EXP_DEVCTL, 2, 0),
	FLR("flr.absent-inert", "without a reset on offer the bit does nothing", "PCIe 6.0, 7.5.3.4", run_absent,
	    PCG_EXP_DEVCTL, 2, 0),
	FLR("flr.bit-reads-zero", "the bit always reads 0", "PCIe 6.0, 7.5.3.4", run_bit, PCG_EXP_DEVCTL, 2, NEEDS_FLR),
	FLR("flr.byte-write", "a byte that holds the bit starts a reset", "PCIe 6.0, 2.2.5", run_byte, PCG_EXP_DEVCTL,
	    2, NEEDS_FLR),
	FLR("flr.command", "Command is clear after a reset", "PCIe 6.0, 6.6.2", run_command, PCG_EXP_DEVCTL, 2,
	    NEEDS_FLR),
	FLR("flr.bars", "BARs are clear after a reset", "PCIe 6.0, 6.6.2", run_bars, PCG_EXP_DEVCTL, 2, NEEDS_FLR),
	FLR("flr.interrupts", "MSI and MSI-X are off after a reset", "PCIe 6.0, 6.6.2", run_interrupts, PCG_EXP_DEVCTL,
	    2, NEEDS_FLR),
	FLR("flr.devctl", "Device Control is at its defaults after a reset", "PCIe 6.0, 6.6.2", run_devctl,
	    PCG_EXP_DEVCTL, 2, NEEDS_FLR | NEEDS_PF),
	FLR("flr.mps-survives", "the payload size survives a reset", "PCIe 6.0, 6.6.2", run_mps, PCG_EXP_DEVCTL, 2,
	    NEEDS_FLR | NEEDS_PF),
	FLR("flr.lnkctl-survives", "the link's settings survive a reset", "PCIe 6.0, 6.6.2", run_lnkctl, LNKCTL, 2,
	    NEEDS_FLR | NEEDS_LINK | NEEDS_PF),
	{ .id = "flr.sticky-survives",
	  .spec = "PCIe 6.0, 6.6.2 and 7.4: RWS",
	  .what = "error masks survive a reset",
	  .run = run_sticky,
	  .cap = CHECK_EXT | PCG_ECAP_AER,
	  .reg = 8,
	  .width = 4,
	  .needs = NEEDS_FLR | NEEDS_PF },
	{ .id = "flr.entries-masked",
	  .spec = "PCIe 6.0, 7.7.2.9",
	  .what = "MSI-X entries are masked after a reset",
	  .run = run_entries,
	  .cap = PCG_CAP_MSIX,
	  .reg = PCG_MSIX_TABLE,
	  .width = 4,
	  .needs = NEEDS_FLR },
	FLR("flr.pasid", "PASID, ATS and page requests are off after a reset", "PCIe 6.0, 6.6.2", run_pasid,
	    PCG_EXP_DEVCTL, 2, NEEDS_FLR),
	FLR("flr.identity", "ids and chains are the same after a reset", "PCIe 6.0, 6.6.2", run_identity,
	    PCG_EXP_DEVCTL, 2, NEEDS_FLR),
	{ .id = "af.bit-reads-zero",
	  .spec = "PCI AF ECN, 6.x.3",
	  .what = "AF's reset bit always reads 0",
	  .run = run_af_bit,
	  .cap = PCG_CAP_AF,
	  .reg = PCG_AF_CTRL,
	  .width = 1,
	  .needs = NEEDS_AF },
	{ .id = "af.command",
	  .spec = "PCI AF ECN, 6.x.3",
	  .what = "Command is clear after AF's reset",
	  .run = run_af_command,
	  .cap = PCG_CAP_AF,
	  .reg = PCG_AF_CTRL,
	  .width = 1,
	  .needs = NEEDS_AF },
	{ .id = "reset.device",
	  .spec = "VFIO: DEVICE_RESET",
	  .what = "a reset through the device clears Command",
	  .run = run_device },
};

const struct check_group reset_group = CHECK_GROUP("reset", checks);
