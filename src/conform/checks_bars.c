/* SPDX-License-Identifier: BSD-3-Clause */
/* Base address registers and the expansion ROM. */
#include "conform/check.h"

#define ROM_ADDRESS 0xfffff800u

static unsigned int bar_at(unsigned int n)
{
	return PCG_BAR0 + 4 * n;
}

/* Nothing may answer at the addresses that are tried. */
static void decode_off(struct conform *c)
{
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) & ~3u);
}

static uint32_t address_bits(const struct conform *c, unsigned int n)
{
	if (c->bar[n].kind == PCG_BAR_UPPER)
		return UINT32_MAX;
	return c->bar[n].kind == PCG_BAR_IO ? ~3u : ~15u;
}

/* What the register can hold, by the size that was found when the run began. */
static uint32_t sized(const struct conform *c, unsigned int n)
{
	if (c->bar[n].kind == PCG_BAR_UPPER)
		return (uint32_t)(~(c->bar[n - 1].size - 1) >> 32);
	return (uint32_t) ~(c->bar[n].size - 1) & address_bits(c, n);
}

/* PCI 3.0, 6.2.5.1: the upper half of an I/O BAR may be hardwired. */
static uint32_t loose(const struct conform *c, unsigned int n)
{
	return c->bar[n].kind == PCG_BAR_IO ? 0xffff0000u : 0;
}

static void each_bar(struct conform *c, void (*run)(struct conform *c, unsigned int n))
{
	unsigned int n, done = 0;

	decode_off(c);
	for (n = 0; n < PCG_NUM_BARS && !check_over(c); n++) {
		if (c->bar[n].kind == PCG_BAR_NONE)
			continue;
		done++;
		run(c, n);
	}
	if (done == 0)
		check_none(c, "the function has no BAR");
}

static void size_dword(struct conform *c, unsigned int n)
{
	uint64_t size = c->bar[n].kind == PCG_BAR_UPPER ? c->bar[n - 1].size : c->bar[n].size;
	uint32_t now;

	check_put(c, bar_at(n), 4, UINT32_MAX);
	now = check_get(c, bar_at(n), 4) & address_bits(c, n);
	if (size == 0 || (size & (size - 1)) != 0)
		check_fail(c, "BAR %u: ones written to it read back %08x: the size is no power of two", n, now);
	else if ((now ^ sized(c, n)) & ~loose(c, n))
		check_fail(c, "BAR %u: sizing it twice gave %08x and %08x", n, sized(c, n), now);
}

static void size_bytes(struct conform *c, unsigned int n)
{
	unsigned int i;
	uint32_t now;

	check_put(c, bar_at(n), 4, 0);
	for (i = 0; i < 4; i++)
		check_put(c, bar_at(n) + i, 1, 0xff);
	now = check_get(c, bar_at(n), 4) & address_bits(c, n);
	if ((now ^ sized(c, n)) & ~loose(c, n))
		check_fail(c, "BAR %u: sized by bytes it reads %08x, by a dword %08x", n, now, sized(c, n));
}

static void size_partial(struct conform *c, unsigned int n)
{
	uint32_t now;

	check_put(c, bar_at(n), 4, 0xfffffff0u);
	now = check_get(c, bar_at(n), 4) & address_bits(c, n) & ~15u;
	if ((now ^ sized(c, n)) & ~15u & ~loose(c, n))
		check_fail(c, "BAR %u: sized with fffffff0 it reads %08x, with all ones %08x", n, now, sized(c, n));
}

static void type_fixed(struct conform *c, unsigned int n)
{
	uint32_t type = ~address_bits(c, n), zero, ones;

	check_put(c, bar_at(n), 4, 0);
	zero = check_get(c, bar_at(n), 4) & type;
	check_put(c, bar_at(n), 4, UINT32_MAX);
	ones = check_get(c, bar_at(n), 4) & type;
	if (c->bar[n].kind != PCG_BAR_UPPER && (zero != c->bar[n].type || ones != c->bar[n].type))
		check_fail(c, "BAR %u: type bits read %x, %x after zeros and %x after ones", n, c->bar[n].type, zero,
			   ones);
}

static void type_legal(struct conform *c, unsigned int n)
{
	uint32_t type = c->bar[n].type;

	if (c->bar[n].kind == PCG_BAR_UPPER)
		return;
	if (type & 1 ? type & 2 : (type & 6) == 2 || (type & 6) == 6)
		check_fail(c, "BAR %u: type bits %x are reserved", n, type);
	if (!(type & 1) && (type & 6) == 4 && n + 1 == PCG_NUM_BARS)
		check_fail(c, "BAR 5 says 64-bit: there is no register for the other half");
}

static void readback(struct conform *c, unsigned int n)
{
	static const uint32_t patterns[] = { 0xa5a5a5a5u, 0x5a5a5a5au, 0 };
	unsigned int i;

	for (i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		uint32_t want = patterns[i] & sized(c, n), now;

		check_put(c, bar_at(n), 4, want);
		now = check_get(c, bar_at(n), 4) & address_bits(c, n);
		if ((now ^ want) & ~loose(c, n))
			check_fail(c, "BAR %u: %08x was written, %08x is read", n, want, now);
	}
}

static void halves(struct conform *c, unsigned int n)
{
	uint32_t low, high;

	if (c->bar[n].kind != PCG_BAR_UPPER)
		return;
	check_put(c, bar_at(n - 1), 4, sized(c, n - 1));
	low = check_get(c, bar_at(n - 1), 4);
	check_put(c, bar_at(n), 4, 0x5a5a5a5au & sized(c, n));
	high = check_get(c, bar_at(n), 4);
	if (check_get(c, bar_at(n - 1), 4) != low)
		check_fail(c, "BAR %u: writing the upper half changed the lower", n - 1);
	check_put(c, bar_at(n - 1), 4, 0);
	if (check_get(c, bar_at(n), 4) != high)
		check_fail(c, "BAR %u: writing the lower half changed the upper", n - 1);
}

static void matches_region(struct conform *c, unsigned int n)
{
	uint64_t region = c->target->region_size[n];

	if (c->bar[n].kind != PCG_BAR_UPPER && region != 0 && c->bar[n].size != region)
		check_fail(c, "BAR %u decodes %llu bytes, its region has %llu", n, (unsigned long long)c->bar[n].size,
			   (unsigned long long)region);
}

#define EACH(name)                                                                                                     \
	static void run_##name(struct conform *c, const struct check *check)                                           \
	{                                                                                                              \
		(void)check;                                                                                           \
		each_bar(c, name);                                                                                     \
	}

EACH(size_dword)
EACH(size_bytes)
EACH(size_partial)
EACH(type_fixed)
EACH(type_legal)
EACH(readback)
EACH(halves)
EACH(matches_region)

static void run_unimplemented(struct conform *c, const struct check *check)
{
	unsigned int n, done = 0;

	(void)check;
	decode_off(c);
	for (n = 0; n < PCG_NUM_BARS && !check_over(c); n++) {
		if (c->bar[n].kind != PCG_BAR_NONE)
			continue;
		done++;
		check_bits_zero(c, bar_at(n), 4, UINT32_MAX);
		if (c->target->region_size[n] != 0 && c->target->is_vf)
			check_fail(c,
				   "a VF's own BAR %u, which is 0: who shows it to a guest makes one up (9.3.4.1.11)",
				   n);
		else if (c->target->region_size[n] != 0)
			check_fail(c, "BAR %u cannot be written, but its region has %llu bytes", n,
				   (unsigned long long)c->target->region_size[n]);
	}
	if (done == 0)
		check_none(c, "every BAR is implemented");
}

/* The host's own addresses are nobody's business, and a guest's are not the host's. */
static void run_leak(struct conform *c, const struct check *check)
{
	unsigned int n, seen = 0;

	(void)check;
	for (n = 0; n <= PCG_NUM_BARS; n++) {
		unsigned int at = n < PCG_NUM_BARS ? bar_at(n) : (unsigned int)PCG_ROM;
		uint32_t bits = n == PCG_NUM_BARS ? ROM_ADDRESS : address_bits(c, n);
		uint32_t host = check_host(c, at, 4) & bits, guest = pcg_get32(c->guest + at) & bits;

		if (host == 0)
			continue;
		seen++;
		if (host == guest)
			check_fail(c, "%03x shows the guest the host's address %08x", at, guest);
	}
	if (seen == 0)
		check_none(c, "the host has placed no BAR");
}

static void run_host_untouched(struct conform *c, const struct check *check)
{
	unsigned int n;

	(void)check;
	check_watch(c);
	decode_off(c);
	for (n = 0; n <= PCG_NUM_BARS; n++) {
		unsigned int at = n < PCG_NUM_BARS ? bar_at(n) : (unsigned int)PCG_ROM;
		uint32_t host = check_host(c, at, 4);

		check_put(c, at, 4, UINT32_MAX & ~1u);
		check_put(c, at, 4, 0);
		if (check_host_wrote(c, at, 4, UINT32_MAX, host) == 2)
			check_fail(c, "a write of %03x reached the function's own register", at);
	}
}

static bool has_rom(struct conform *c)
{
	uint32_t mask;

	check_put(c, PCG_ROM, 4, ROM_ADDRESS);
	mask = check_get(c, PCG_ROM, 4) & ROM_ADDRESS;
	check_put(c, PCG_ROM, 4, 0);
	if (mask == 0)
		check_none(c, "the function has no expansion ROM");
	return mask != 0;
}

static void run_rom_size(struct conform *c, const struct check *check)
{
	uint32_t whole, bytes, partial, size;
	unsigned int i;

	(void)check;
	if (!has_rom(c))
		return;
	check_put(c, PCG_ROM, 4, 0xfffffffeu);
	whole = check_get(c, PCG_ROM, 4) & ROM_ADDRESS;
	size = ~whole + 1;
	if ((size & (size - 1)) != 0)
		check_fail(c, "the ROM register reads %08x: its size is no power of two", whole);
	check_put(c, PCG_ROM, 4, 0);
	for (i = 0; i < 4; i++)
		check_put(c, PCG_ROM + i, 1, i == 0 ? 0xfe : 0xff);
	bytes = check_get(c, PCG_ROM, 4) & ROM_ADDRESS;
	check_put(c, PCG_ROM, 4, 0);
	check_put(c, PCG_ROM, 4, ROM_ADDRESS);
	partial = check_get(c, PCG_ROM, 4) & ROM_ADDRESS;
	if (bytes != whole || partial != whole)
		check_fail(c, "the ROM register: %08x by a dword, %08x by bytes, %08x with fffff800", whole, bytes,
			   partial);
}

static void run_rom_enable(struct conform *c, const struct check *check)
{
	(void)check;
	decode_off(c);
	if (has_rom(c))
		check_bits_readback(c, PCG_ROM, 4, 1);
}

static void run_rom_reserved(struct conform *c, const struct check *check)
{
	(void)check;
	if (has_rom(c))
		check_bits_read_only(c, PCG_ROM, 4, 0x000007feu);
}

#define BARS "PCIe 6.0, 7.5.1.2.1"

static const struct check checks[] = {
	{ .id = "bar.size.dword",
	  .spec = BARS,
	  .what = "ones written to a BAR read back its size",
	  .run = run_size_dword },
	{ .id = "bar.size.bytewise", .spec = BARS, .what = "sizing by bytes gives the same", .run = run_size_bytes },
	{ .id = "bar.size.partial",
	  .spec = BARS,
	  .what = "sizing with fffffff0 gives the same",
	  .run = run_size_partial },
	{ .id = "bar.size.region",
	  .spec = BARS,
	  .what = "a BAR and its region are of one size",
	  .run = run_matches_region },
	{ .id = "bar.type.read-only", .spec = BARS, .what = "writes leave the type bits alone", .run = run_type_fixed },
	{ .id = "bar.type.legal", .spec = BARS, .what = "the type bits say something", .run = run_type_legal },
	{ .id = "bar.address.readback", .spec = BARS, .what = "an address reads back", .run = run_readback },
	{ .id = "bar.address.halves", .spec = BARS, .what = "the halves of a 64-bit BAR are apart", .run = run_halves },
	{ .id = "bar.unimplemented.zero",
	  .spec = BARS,
	  .what = "a BAR that is not implemented reads 0",
	  .run = run_unimplemented },
	{ .id = "bar.host-untouched",
	  .spec = "the host places its devices",
	  .what = "addresses that the guest writes do not reach the function",
	  .run = run_host_untouched,
	  .needs = NEEDS_HOST },
	{ .id = "rom.size",
	  .spec = "PCIe 6.0, 7.5.1.2.4",
	  .what = "the ROM register sizes alike by dword, bytes and fffff800",
	  .run = run_rom_size },
	{ .id = "rom.enable.readback",
	  .spec = "PCIe 6.0, 7.5.1.2.4",
	  .what = "the ROM's enable bit can be set and cleared",
	  .run = run_rom_enable },
	{ .id = "rom.reserved.read-only",
	  .spec = "PCIe 6.0, 7.5.1.2.4",
	  .what = "the bits between enable and address cannot be written",
	  .run = run_rom_reserved },
	{ .id = "leak.bar-addresses",
	  .spec = "the host's address map is the host's",
	  .what = "a fresh BAR does not show where the host has placed it",
	  .run = run_leak,
	  .needs = NEEDS_HOST },
};

const struct check_group bars_group = CHECK_GROUP("bars", checks);
