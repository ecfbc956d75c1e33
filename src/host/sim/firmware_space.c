/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses: BARs, VF BARs, and the windows of the bridges above them. Given out downwards, so that a window ends where
 * its bridge was entered and begins at the last thing in it. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/firmware_walk.h"

#define WINDOW    (UINT64_C(1) << 20) /* PCIe 6.0, 7.5.1.3.8 */
#define IO_WINDOW 0x1000u
#define LOW_LARGE (UINT64_C(1) << 28) /* 64-bit BARs from here on are not put below 4 GiB, prefetchable or not */
#define MAX_ITEMS (2 * PCG_NUM_BARS + 1)

/* One thing that wants an address. */
struct item {
	uint16_t offset; /* of its register */
	uint64_t size;   /* of all of it */
	uint64_t align;
	bool io;
	bool wide; /* 64 bits of address */
	bool high;
};

static uint64_t down(uint64_t value, uint64_t align)
{
	return value & ~(align - 1);
}

/* PCIe 6.0, 7.5.1.2.1: what reads back of all ones says how large it is. Return: how many registers it takes. */
static unsigned int size_bar(struct firmware *fw, uint16_t bdf, uint16_t offset, bool last, struct item *item)
{
	uint32_t before = firmware_get(fw->fabric, bdf, offset, 4), low;
	uint64_t mask;

	*item = (struct item){ .offset = offset };
	firmware_put(fw->fabric, bdf, offset, 4, UINT32_MAX);
	low = firmware_get(fw->fabric, bdf, offset, 4);
	firmware_put(fw->fabric, bdf, offset, 4, before);
	if (low == 0 || low == UINT32_MAX)
		return 1;
	item->io = (low & 1u) != 0;
	item->wide = !item->io && (low & 6u) == 4 && !last;
	mask = low & (item->io ? ~UINT32_C(3) : ~UINT32_C(15));
	if (!item->wide) {
		item->size = (uint64_t)(~(uint32_t)mask) + 1;
	} else {
		before = firmware_get(fw->fabric, bdf, (uint16_t)(offset + 4), 4);
		firmware_put(fw->fabric, bdf, (uint16_t)(offset + 4), 4, UINT32_MAX);
		mask |= (uint64_t)firmware_get(fw->fabric, bdf, (uint16_t)(offset + 4), 4) << 32;
		firmware_put(fw->fabric, bdf, (uint16_t)(offset + 4), 4, before);
		item->size = ~mask + 1;
	}
	item->align = item->size;
	item->high = item->wide && ((low & 8u) != 0 || item->size >= LOW_LARGE);
	return item->wide ? 2 : 1;
}

static unsigned int find_bars(struct firmware *fw, uint16_t bdf, uint16_t first, uint32_t times, struct item *items)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < PCG_NUM_BARS;) {
		i += size_bar(fw, bdf, (uint16_t)(first + 4 * i), i + 1 == PCG_NUM_BARS, &items[n]);
		if (items[n].size == 0)
			continue;
		items[n].size *= times;
		if (items[n].wide && items[n].size >= LOW_LARGE)
			items[n].high = true;
		n++;
	}
	return n;
}

static void find_rom(struct firmware *fw, uint16_t bdf, struct item *items, unsigned int *n)
{
	uint32_t mask;

	firmware_put(fw->fabric, bdf, PCG_ROM, 4, 0xfffff800u);
	mask = firmware_get(fw->fabric, bdf, PCG_ROM, 4) & 0xfffff800u;
	firmware_put(fw->fabric, bdf, PCG_ROM, 4, 0);
	if (mask != 0)
		items[(*n)++] = (struct item){ .offset = PCG_ROM, .size = ~mask + 1u, .align = ~mask + 1u };
}

static int larger_first(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	if (x->align != y->align)
		return x->align < y->align ? 1 : -1;
	return x->offset < y->offset ? -1 : 1;
}

static bool take(struct firmware *fw, const struct item *item, uint64_t *address)
{
	uint64_t *cursor = item->high ? &fw->high : &fw->low,
		 base = item->high ? FIRMWARE_HIGH_BASE : FIRMWARE_LOW_BASE;

	if (item->io) {
		*address = down(fw->io - item->size, item->align);
		if (item->size > fw->io || *address < FIRMWARE_IO_BASE)
			return false;
		fw->io = (uint32_t)*address;
		return true;
	}
	if (item->size > *cursor - base)
		return false;
	*address = down(*cursor - item->size, item->align);
	if (*address < base)
		return false;
	*cursor = *address;
	return true;
}

static void place_item(struct firmware *fw, uint16_t bdf, const struct item *item)
{
	uint64_t address;

	if (!take(fw, item, &address)) {
		base_log(
			fw->log, PCG_WARN,
			"sim: there is no room for the %llu bytes behind register 0x%x of %02x:%02x.%x below its bridges: "
			"it is left without an address; make it 64-bit prefetchable, or smaller",
			(unsigned long long)item->size, item->offset, bdf >> 8, bdf >> 3 & 31u, bdf & 7u);
		return;
	}
	firmware_put(fw->fabric, bdf, item->offset, 4, (uint32_t)address);
	if (item->wide)
		firmware_put(fw->fabric, bdf, (uint16_t)(item->offset + 4), 4, (uint32_t)(address >> 32));
}

/* The largest size that a resizable BAR offers (PCIe 6.0, 7.8.6.2 and 7.8.6.3). 0: none */
static uint64_t largest(struct firmware *fw, uint16_t bdf, uint16_t entry)
{
	uint64_t sizes = firmware_get(fw->fabric, bdf, (uint16_t)(entry + 4), 4) >> 4;
	unsigned int n = 0;

	sizes |= (uint64_t)(firmware_get(fw->fabric, bdf, (uint16_t)(entry + 8), 4) >> 16) << 28;
	if (sizes == 0)
		return 0;
	while (sizes >> n > 1)
		n++;
	return UINT64_C(1) << (n + 20);
}

/* Whoever makes a BAR larger finds room behind its address, and need not move it. */
static void leave_room(struct firmware *fw, uint16_t bdf, struct item *items, unsigned int n)
{
	uint16_t at = firmware_extended(fw, bdf, PCG_ECAP_REBAR);
	unsigned int count = at == 0 ? 0 : firmware_get(fw->fabric, bdf, (uint16_t)(at + 8), 4) >> 5 & 7u;

	for (; count > 0 && at <= PCG_CONFIG_EXTENDED - 12; count--, at = (uint16_t)(at + 8)) {
		unsigned int bar = firmware_get(fw->fabric, bdf, (uint16_t)(at + 8), 4) & 7u;
		uint64_t size = largest(fw, bdf, at);

		for (unsigned int i = 0; i < n; i++) {
			if (items[i].offset != PCG_BAR0 + 4 * bar || items[i].io || items[i].size >= size)
				continue;
			items[i].size = items[i].align = size;
			items[i].high = items[i].wide && (items[i].high || size >= LOW_LARGE);
		}
	}
}

static void place_function(struct firmware *fw, const struct firmware_place *place)
{
	struct item items[MAX_ITEMS];
	unsigned int n = find_bars(fw, place->bdf, PCG_BAR0, 1, items);

	leave_room(fw, place->bdf, items, n);
	if (place->sriov != 0)
		n += find_bars(fw, place->bdf, (uint16_t)(place->sriov + SRIOV_BAR0),
			       firmware_get(fw->fabric, place->bdf, (uint16_t)(place->sriov + SRIOV_TOTAL_VFS), 2),
			       items + n);
	find_rom(fw, place->bdf, items, &n);
	qsort(items, n, sizeof(items[0]), larger_first);
	for (unsigned int i = 0; i < n; i++)
		place_item(fw, place->bdf, &items[i]);
}

/* A window with its base above its limit is closed. */
static void set_window(struct firmware *fw, uint16_t bdf, uint64_t from, uint64_t to, bool high)
{
	uint64_t base = from < to ? down(from, WINDOW) : WINDOW, limit = from < to ? to - 1 : 0;
	uint16_t at = high ? BRIDGE_PREF_BASE : BRIDGE_MEMORY_BASE;

	firmware_put(fw->fabric, bdf, at, 2, (uint32_t)(base >> 16 & 0xfff0u));
	firmware_put(fw->fabric, bdf, (uint16_t)(at + 2), 2, (uint32_t)(limit >> 16 & 0xfff0u));
	if (!high)
		return;
	firmware_put(fw->fabric, bdf, BRIDGE_PREF_BASE_UPPER, 4, (uint32_t)(base >> 32));
	firmware_put(fw->fabric, bdf, BRIDGE_PREF_LIMIT_UPPER, 4, (uint32_t)(limit >> 32));
}

static void set_io_window(struct firmware *fw, uint16_t bdf, uint32_t from, uint32_t to)
{
	uint32_t base = from < to ? from >> 8 & 0xf0u : 0xf0u, limit = from < to ? (to - 1) >> 8 & 0xf0u : 0;

	firmware_put(fw->fabric, bdf, BRIDGE_IO_BASE, 1, base);
	firmware_put(fw->fabric, bdf, BRIDGE_IO_BASE + 1, 1, limit);
}

static void align(struct firmware *fw)
{
	fw->low = down(fw->low, WINDOW);
	fw->high = down(fw->high, WINDOW);
	fw->io = (uint32_t)down(fw->io, IO_WINDOW);
}

/* Depth is bounded by what a description may say. */
static void place_below(struct firmware *fw, int parent)
{
	for (unsigned int i = 0; i < fw->nplaces; i++) {
		const struct firmware_place *place = &fw->places[i];
		uint64_t low, high;
		uint32_t io;

		if (place->parent != parent)
			continue;
		if (!place->bridge) {
			place_function(fw, place);
			continue;
		}
		align(fw);
		low = fw->low;
		high = fw->high;
		io = fw->io;
		place_below(fw, (int)i);
		align(fw);
		set_window(fw, place->bdf, fw->low, low, false);
		set_window(fw, place->bdf, fw->high, high, true);
		set_io_window(fw, place->bdf, fw->io, io);
	}
}

void firmware_space(struct firmware *fw)
{
	fw->low = FIRMWARE_LOW_END;
	fw->high = FIRMWARE_HIGH_END;
	fw->io = FIRMWARE_IO_END;
	place_below(fw, -1);
}
