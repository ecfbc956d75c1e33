/* SPDX-License-Identifier: BSD-3-Clause */
/* Resizable BARs: what is offered happens. */
#include "conform/check.h"

#define CAP(n)  (4u + 8 * (n))
#define CTRL(n) (8u + 8 * (n))

static unsigned int count(struct conform *c)
{
	const struct walk_cap *cap = check_cap(c, CHECK_EXT | PCG_ECAP_REBAR);
	unsigned int n = check_get(c, c->base + CTRL(0), 4) >> 5 & 7;

	while (n > 0 && CTRL(n - 1) + 4 > cap->room)
		n--;
	return n;
}

/* 7.8.6.3: bits 13:8, the size as a power of two of megabytes. */
static unsigned int current(struct conform *c, unsigned int n)
{
	return check_get(c, c->base + CTRL(n), 4) >> 8 & 0x3f;
}

/* Offered sizes as bits: bit 0 is 1 MB. 7.8.6.2 has 1 MB at bit 4; 7.8.6.3 goes on from 256 TB at bit 16. */
static uint64_t offered(struct conform *c, unsigned int n)
{
	return check_get(c, c->base + CAP(n), 4) >> 4 | (uint64_t)(check_get(c, c->base + CTRL(n), 4) >> 16) << 28;
}

static void run_count(struct conform *c, const struct check *check)
{
	uint32_t n = check_get(c, c->base + CTRL(0), 4) >> 5 & 7;

	(void)check;
	if (n < 1 || n > PCG_NUM_BARS)
		check_fail(c, "%u resizable BARs: there are 1 to 6", n);
	else if (n != count(c))
		check_fail(c, "%u resizable BARs do not fit into the capability", n);
}

static void run_current(struct conform *c, const struct check *check)
{
	unsigned int i, n = count(c);

	(void)check;
	for (i = 0; i < n; i++) {
		unsigned int bar = check_get(c, c->base + CTRL(i), 4) & 7, size = current(c, i);

		if (bar >= PCG_NUM_BARS || (c->bar[bar].kind != PCG_BAR_MEM32 && c->bar[bar].kind != PCG_BAR_MEM64))
			check_fail(c, "BAR %u is said to be resizable and is no memory BAR", bar);
		else if (size > 43 || c->bar[bar].size != UINT64_C(1) << (20 + size))
			check_fail(c, "BAR %u is said to have 2^%u bytes and decodes %llu", bar, 20 + size,
				   (unsigned long long)c->bar[bar].size);
		else if (!(offered(c, i) >> size & 1))
			check_fail(c, "BAR %u has 2^%u bytes, a size that it does not offer", bar, 20 + size);
	}
}

static uint32_t mask_of(struct conform *c, unsigned int bar, bool upper)
{
	unsigned int at = PCG_BAR0 + 4 * bar + (upper ? 4 : 0);
	uint32_t before = check_get(c, at, 4), mask;

	check_put(c, at, 4, UINT32_MAX);
	mask = check_get(c, at, 4);
	check_put(c, at, 4, before);
	return upper ? mask : mask & ~15u;
}

static uint64_t size_of(struct conform *c, unsigned int bar)
{
	uint64_t mask = mask_of(c, bar, false);

	if (c->bar[bar].kind == PCG_BAR_MEM64)
		mask |= (uint64_t)mask_of(c, bar, true) << 32;
	else
		mask |= UINT64_C(0xffffffff) << 32;
	return ~mask + 1;
}

static void resize(struct conform *c, unsigned int n, unsigned int size)
{
	uint32_t control = check_get(c, c->base + CTRL(n), 4);

	check_put(c, c->base + CTRL(n), 4, (control & ~0x3f00u) | size << 8);
}

/* Each size that is offered can be chosen, and the BAR has it then. Software keeps memory off meanwhile. */
static void run_resize(struct conform *c, const struct check *check)
{
	unsigned int i, n = count(c), size;

	(void)check;
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) & ~3u);
	for (i = 0; i < n && !check_over(c); i++) {
		unsigned int bar = check_get(c, c->base + CTRL(i), 4) & 7, was = current(c, i);
		uint64_t sizes = offered(c, i), found;

		for (size = 0; size <= 43 && bar < PCG_NUM_BARS && !check_over(c); size++) {
			if (!(sizes >> size & 1))
				continue;
			resize(c, i, size);
			if (current(c, i) != size)
				check_fail(c, "BAR %u: 2^%u bytes are offered, were chosen, and 2^%u are said to be",
					   bar, 20 + size, 20 + current(c, i));
			found = size_of(c, bar);
			if (found != UINT64_C(1) << (20 + size))
				check_fail(c, "BAR %u: 2^%u bytes were chosen, it decodes %llu", bar, 20 + size,
					   (unsigned long long)found);
		}
		resize(c, i, was);
	}
}

static void run_read_only(struct conform *c, const struct check *check)
{
	unsigned int i, n = count(c);

	(void)check;
	for (i = 0; i < n && !check_over(c); i++) {
		check_bits_read_only(c, c->base + CAP(i), 4, 0xffffffffu);
		check_bits_read_only(c, c->base + CTRL(i), 4, 0x000000e7u);
	}
}

#define ROW(name, text, section, how)                                                                                  \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = CHECK_EXT | PCG_ECAP_REBAR, .reg = 8,    \
		.width = 4                                                                                             \
	}

static const struct check checks[] = {
	ROW("rebar.count", "it has one to six entries, and room for them", "PCIe 6.0, 7.8.6.3", run_count),
	ROW("rebar.read-only", "writes leave sizes on offer, index and count alone", "PCIe 6.0, 7.8.6.2",
	    run_read_only),
	ROW("rebar.current", "the size it states is the size of the BAR", "PCIe 6.0, 7.8.6.3", run_current),
	ROW("rebar.takes-effect", "every size on offer can be had", "PCIe 6.0, 7.8.6.3", run_resize),
};

const struct check_group rebar_group = CHECK_GROUP("rebar", checks);
