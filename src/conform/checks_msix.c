/* SPDX-License-Identifier: BSD-3-Clause */
/* MSI-X: the capability, and the table and pending bits in a BAR. */
#include <string.h>

#include "conform/check.h"

#define ENTRY   16u
#define CONTROL 12u

struct place {
	unsigned int bar;
	uint64_t start;
	uint64_t length;
};

static unsigned int vectors(struct conform *c)
{
	return (check_get(c, c->base + PCG_MSIX_CONTROL, 2) & PCG_MSIX_SIZE) + 1;
}

static void place(struct conform *c, unsigned int reg, struct place *p)
{
	uint32_t pointer = check_get(c, c->base + reg, 4), n = vectors(c);

	p->bar = pointer & 7u;
	p->start = pointer & ~7u;
	p->length = reg == PCG_MSIX_TABLE ? (uint64_t)n * ENTRY : (n + 63) / 64 * 8;
}

static bool is_memory(const struct conform *c, unsigned int bar)
{
	return bar < PCG_NUM_BARS && (c->bar[bar].kind == PCG_BAR_MEM32 || c->bar[bar].kind == PCG_BAR_MEM64);
}

static void run_place(struct conform *c, const struct check *check)
{
	struct place p;

	place(c, check->reg, &p);
	if (!is_memory(c, p.bar))
		check_fail(c, "it is said to be in BAR %u, which is no memory BAR", p.bar);
	else if (c->bar[p.bar].size != 0 && p.start + p.length > c->bar[p.bar].size)
		check_fail(c, "%llu bytes at %llx do not fit BAR %u of %llu bytes", (unsigned long long)p.length,
			   (unsigned long long)p.start, p.bar, (unsigned long long)c->bar[p.bar].size);
}

static void run_apart(struct conform *c, const struct check *check)
{
	struct place t, p;

	(void)check;
	place(c, PCG_MSIX_TABLE, &t);
	place(c, PCG_MSIX_PBA, &p);
	if (t.bar == p.bar && t.start < p.start + p.length && p.start < t.start + t.length)
		check_fail(c, "the pending bits at %llx stand in the table at %llx", (unsigned long long)p.start,
			   (unsigned long long)t.start);
}

/* The enable bit by a dword from the capability's start: seen lost in the field. */
static void run_dword(struct conform *c, const struct check *check)
{
	uint32_t before = check_get(c, c->base, 4);

	check_put(c, c->base, 4, before | (uint32_t)check->mask << 16);
	if (!(check_get(c, c->base + check->reg, 2) & check->mask))
		check_fail(c, "%04x was written to the control word as part of a dword, and lost", check->mask);
	check_put(c, c->base, 4, before & ~((uint32_t)check->mask << 16));
	if (check_get(c, c->base + check->reg, 2) & check->mask)
		check_fail(c, "the control word cleared as part of a dword still reads %04x", check->mask);
}

static void run_control_host(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg;
	uint32_t host = check_host(c, at, 2), now = check_get(c, at, 2), value[] = { now ^ 0xc000, now };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		check_watch(c);
		check_put(c, at, 2, value[i]);
		if (check_host_wrote(c, at, 2, 0xc000, host) == 2)
			check_fail(
				c,
				"the guest's enable and mask bits reached the function, whose vectors are the host's");
	}
}

/* --- in memory --- */

/* The first entry, with memory on. false: it cannot be looked at, and a verdict says why. */
static bool open_table(struct conform *c, struct place *p, unsigned int reg)
{
	place(c, reg, p);
	if (!is_memory(c, p->bar) || p->start + p->length > c->target->region_size[p->bar]) {
		check_none(c, "it stands in no region that can be reached");
		return false;
	}
	check_place(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) | PCG_COMMAND_MEMORY);
	return !check_over(c);
}

static bool entry_access(struct conform *c, bool write, const struct place *p, unsigned int at, uint32_t *value)
{
	uint8_t bytes[4];
	int r;

	pcg_put32(bytes, *value);
	r = check_access(c, write, p->bar, p->start + at, bytes, 4);
	*value = pcg_get32(bytes);
	if (r != 0)
		check_fail(c, "the table at BAR %u+%llx cannot be %s: %s", p->bar, (unsigned long long)p->start + at,
			   write ? "written" : "read", strerror(-r));
	return r == 0;
}

static void entry_readback(struct conform *c, const struct place *p, unsigned int at, uint32_t mask)
{
	uint32_t before = 0, set = mask, clear = 0, now = 0;

	if (!entry_access(c, false, p, at, &before))
		return;
	entry_access(c, true, p, at, &set);
	if (entry_access(c, false, p, at, &now) && (now & mask) != mask)
		check_fail(c, "the table's word at +%u: bits %08x were set and read back 0", at, mask & ~now);
	entry_access(c, true, p, at, &clear);
	if (entry_access(c, false, p, at, &now) && (now & mask) != 0)
		check_fail(c, "the table's word at +%u: bits %08x were cleared and still read 1", at, now & mask);
	entry_access(c, true, p, at, &before);
}

static void run_entry(struct conform *c, const struct check *check)
{
	struct place p;
	uint32_t now = 1;

	(void)check;
	if (!open_table(c, &p, PCG_MSIX_TABLE))
		return;
	entry_readback(c, &p, 0, 0xfffffffcu);
	entry_readback(c, &p, 4, 0xffffffffu);
	entry_readback(c, &p, 8, 0xffffffffu);
	entry_readback(c, &p, CONTROL, 1);
	if (entry_access(c, false, &p, 0, &now) && now & 3)
		check_fail(c, "the low bits of a message address read %u", now & 3);
}

static void run_pba(struct conform *c, const struct check *check)
{
	struct place p;
	uint32_t before = 0, after = 0;
	uint8_t data[4];

	(void)check;
	if (!open_table(c, &p, PCG_MSIX_PBA) || !entry_access(c, false, &p, 0, &before))
		return;
	/* A refused write is as good as one that is dropped. */
	pcg_put32(data, ~before);
	check_access(c, true, p.bar, p.start, data, sizeof(data));
	if (!entry_access(c, false, &p, 0, &after) || after == before)
		return;
	check_fail(c, "the pending bits were %08x and are %08x after a write", before, after);
	pcg_put32(data, before);
	check_access(c, true, p.bar, p.start, data, sizeof(data));
}

#define ROW(name, text, section, how, at, w, bits_, more)                                                              \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = PCG_CAP_MSIX, .reg = at, .width = w,     \
		.mask = bits_, .needs = more                                                                           \
	}

static const struct check checks[] = {
	ROW("msix.control.size-read-only", "writes leave the table size alone", "PCIe 6.0, 7.7.2.2", check_read_only,
	    PCG_MSIX_CONTROL, 2, PCG_MSIX_SIZE, 0),
	ROW("msix.control.reserved", "reserved control bits read 0", "PCIe 6.0, 7.7.2.2", check_zero, PCG_MSIX_CONTROL,
	    2, 0x3800, 0),
	ROW("msix.enable.readback", "MSI-X Enable can be set and cleared", "PCIe 6.0, 7.7.2.2", check_readback,
	    PCG_MSIX_CONTROL, 2, PCG_MSIX_ENABLE, 0),
	ROW("msix.mask.readback", "Function Mask can be set and cleared", "PCIe 6.0, 7.7.2.2", check_readback,
	    PCG_MSIX_CONTROL, 2, PCG_MSIX_FUNCTION_MASK, 0),
	ROW("msix.enable.dword", "MSI-X Enable can be set as part of a dword", "PCIe 6.0, 2.2.5", run_dword,
	    PCG_MSIX_CONTROL, 2, PCG_MSIX_ENABLE, 0),
	ROW("msix.table.read-only", "writes leave the table's place alone", "PCIe 6.0, 7.7.2.3", check_read_only,
	    PCG_MSIX_TABLE, 4, 0xffffffff, 0),
	ROW("msix.pba.read-only", "writes leave the pending bits' place alone", "PCIe 6.0, 7.7.2.4", check_read_only,
	    PCG_MSIX_PBA, 4, 0xffffffff, 0),
	ROW("msix.table.place", "the table stands in a memory BAR", "PCIe 6.0, 7.7.2.3", run_place, PCG_MSIX_TABLE, 4,
	    0, 0),
	ROW("msix.pba.place", "the pending bits stand in a memory BAR", "PCIe 6.0, 7.7.2.4", run_place, PCG_MSIX_PBA, 4,
	    0, 0),
	ROW("msix.pba.apart", "table and pending bits do not overlap", "PCIe 6.0, 7.7.2", run_apart, PCG_MSIX_PBA, 4, 0,
	    0),
	ROW("msix.entry.readback", "an entry reads back", "PCIe 6.0, 7.7.2.5", run_entry, PCG_MSIX_TABLE, 4, 0, 0),
	ROW("msix.pba.write", "writes leave the pending bits alone", "PCIe 6.0, 7.7.2.10", run_pba, PCG_MSIX_PBA, 4, 0,
	    0),
	ROW("msix.host.control", "the function's own enable and mask stay the host's",
	    "the host delivers its interrupts", run_control_host, PCG_MSIX_CONTROL, 2, 0, NEEDS_HOST),
};

const struct check_group msix_group = CHECK_GROUP("msix", checks);
