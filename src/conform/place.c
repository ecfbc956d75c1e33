/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses as firmware gives them: apart, aligned, none of them 0, which some take for "not placed". Nothing has to
 * answer before a BAR stands somewhere.
 */
#include "conform/check.h"

#define IO_FIRST    UINT64_C(0xc000)
#define IO_END      UINT64_C(0x10000)
#define LOW_FIRST   UINT64_C(0x80000000)
#define LOW_END     UINT64_C(0xfec00000) /* interrupt controllers from here on */
#define HIGH_FIRST  (UINT64_C(1) << 36)
#define HIGH_END    (UINT64_C(1) << 63)
#define HIGH_FROM   (UINT64_C(1) << 28) /* a 64-bit BAR of this size goes up */
#define ROM_ADDRESS 0xfffff800u

struct space {
	uint64_t next;
	uint64_t end;
};

/* false: the BAR's size is none, or there is no room. */
static bool take(struct space *space, uint64_t size, uint64_t *at)
{
	if (size == 0 || (size & (size - 1)) != 0 || size > space->end - space->next)
		return false;
	*at = (space->next + size - 1) & ~(size - 1);
	if (*at < space->next || *at > space->end - size)
		return false;
	space->next = *at + size;
	return true;
}

static void place_rom(struct conform *c, struct space *low)
{
	uint32_t mask;
	uint64_t at;

	check_put(c, PCG_ROM, 4, ROM_ADDRESS);
	mask = check_get(c, PCG_ROM, 4) & ROM_ADDRESS;
	check_put(c, PCG_ROM, 4, mask != 0 && take(low, (uint32_t)(~mask + 1), &at) ? (uint32_t)at : 0);
}

void check_place(struct conform *c)
{
	struct space io = { IO_FIRST, IO_END }, low = { LOW_FIRST, LOW_END }, high = { HIGH_FIRST, HIGH_END };
	unsigned int n;

	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) & ~3u);
	for (n = 0; n < PCG_NUM_BARS; n++) {
		const struct check_bar *bar = &c->bar[n];
		bool wide = bar->kind == PCG_BAR_MEM64;
		struct space *space = bar->kind == PCG_BAR_IO ? &io : wide && bar->size >= HIGH_FROM ? &high : &low;
		uint64_t at;

		if (bar->kind == PCG_BAR_NONE || bar->kind == PCG_BAR_UPPER || !take(space, bar->size, &at))
			continue;
		check_put(c, PCG_BAR0 + 4 * n, 4, (uint32_t)at);
		if (wide)
			check_put(c, PCG_BAR0 + 4 * n + 4, 4, (uint32_t)(at >> 32));
	}
	place_rom(c, &low);
}
