/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <pcigate/pci.h>

#include "conform/walk.h"

static void trouble(unsigned int *all, unsigned int *where, unsigned int what, unsigned int at)
{
	if (*all == 0)
		*where = at;
	*all |= what;
}

static struct walk_cap *add(struct walk *walk, unsigned int at)
{
	struct walk_cap *cap;

	if (walk->ncaps == WALK_MAX)
		return NULL;
	cap = &walk->cap[walk->ncaps++];
	memset(cap, 0, sizeof(*cap));
	cap->at = (uint16_t)at;
	return cap;
}

static bool visited(const struct walk *walk, unsigned int at)
{
	unsigned int i;

	for (i = 0; i < walk->ncaps; i++)
		if (walk->cap[i].at == at)
			return true;
	return false;
}

/* PCI 3.0, 6.7: from the pointer at 34h, if Status says so; the two low bits of a pointer are reserved. */
static void walk_standard(struct walk *walk, const uint8_t *config)
{
	unsigned int from = PCG_CAPABILITIES, at;

	if (!(pcg_get16(config + PCG_STATUS) & PCG_STATUS_CAPABILITIES))
		return;
	if (config[from] == 0)
		trouble(&walk->standard, &walk->standard_at, WALK_EMPTY_LIST, from);
	while ((at = config[from]) != 0) {
		struct walk_cap *cap;

		if (at & 3u)
			trouble(&walk->standard, &walk->standard_at, WALK_UNALIGNED, from);
		at &= 0xfcu;
		if (at < PCG_HEADER_END)
			return trouble(&walk->standard, &walk->standard_at, WALK_OUTSIDE, from);
		if (visited(walk, at))
			return trouble(&walk->standard, &walk->standard_at, WALK_LOOP, from);
		if (pcg_get16(config + at) == 0xffff)
			return trouble(&walk->standard, &walk->standard_at, WALK_NO_ANSWER, at);
		cap = add(walk, at);
		if (cap == NULL)
			return;
		cap->id = config[at];
		cap->next = config[at + 1];
		from = at + 1;
	}
}

/* PCIe 6.0, 7.6.3: from 100h; a header of zeros there is an empty chain. */
static void walk_extended(struct walk *walk, const uint8_t *config)
{
	unsigned int at = PCG_CONFIG_CONVENTIONAL, next;

	if (pcg_get32(config + at) == 0)
		return;
	for (;;) {
		uint32_t header = pcg_get32(config + at);
		struct walk_cap *cap;

		if (header == UINT32_MAX)
			return trouble(&walk->extended, &walk->extended_at, WALK_NO_ANSWER, at);
		cap = add(walk, at);
		if (cap == NULL)
			return;
		next = header >> 20;
		cap->id = (uint16_t)header;
		cap->version = header >> 16 & 0xf;
		cap->next = (uint16_t)next;
		cap->extended = true;
		if (next & 3u)
			trouble(&walk->extended, &walk->extended_at, WALK_UNALIGNED, at);
		next &= 0xffcu;
		if (next == 0)
			return;
		if (next < PCG_CONFIG_CONVENTIONAL)
			return trouble(&walk->extended, &walk->extended_at, WALK_OUTSIDE, at);
		if (visited(walk, next))
			return trouble(&walk->extended, &walk->extended_at, WALK_LOOP, at);
		at = next;
	}
}

static void measure(struct walk *walk, size_t size)
{
	unsigned int i, k;

	for (i = 0; i < walk->ncaps; i++) {
		struct walk_cap *cap = &walk->cap[i];
		unsigned int end = cap->extended ? (unsigned int)size : PCG_CONFIG_CONVENTIONAL;

		for (k = 0; k < walk->ncaps; k++)
			if (walk->cap[k].at > cap->at && walk->cap[k].at < end)
				end = walk->cap[k].at;
		cap->room = (uint16_t)(end - cap->at);
	}
}

void walk_chains(struct walk *walk, const uint8_t *config, size_t size)
{
	memset(walk, 0, sizeof(*walk));
	walk_standard(walk, config);
	if (size > PCG_CONFIG_CONVENTIONAL)
		walk_extended(walk, config);
	measure(walk, size);
}

const struct walk_cap *walk_find(const struct walk *walk, unsigned int id, bool extended)
{
	unsigned int i;

	for (i = 0; i < walk->ncaps; i++)
		if (walk->cap[i].id == id && walk->cap[i].extended == extended)
			return &walk->cap[i];
	return NULL;
}
