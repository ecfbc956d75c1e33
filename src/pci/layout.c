/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "pci/lengths.h"
#include "pci/registers.h"

#define FIRST_CAP      0x40u
#define FIRST_EXTENDED 0x100u

/* One bit a dword: where a header has been seen. A chain that comes back to one ends there. */
struct seen {
	uint32_t bits[PCG_CONFIG_DWORDS / 32];
};

static bool seen_before(struct seen *seen, unsigned int offset)
{
	unsigned int dword = offset / 4;
	uint32_t bit = 1u << (dword % 32);
	bool before = (seen->bits[dword / 32] & bit) != 0;

	seen->bits[dword / 32] |= bit;
	return before;
}

static void walk_standard(struct pcg_layout *layout, const uint8_t *config, struct seen *seen,
			  const struct pcg_log *log)
{
	unsigned int from = PCG_CAPABILITIES;

	if (!(pcg_get16(config + PCG_STATUS) & PCG_STATUS_CAPABILITIES))
		return;
	while (layout->ncaps < PCG_MAX_CAPS) {
		/* PCI 3.0, 6.7: the two low bits are reserved, software masks them. */
		unsigned int at = config[from] & 0xfcu;
		struct pcg_cap *cap = &layout->caps[layout->ncaps];

		if (at == 0)
			return;
		if (config[from] & 3u)
			pcg_say(log, PCG_INFO, from, config[from], "reserved bits set in a capability pointer");
		if (at < FIRST_CAP) {
			pcg_say(log, PCG_WARN, from, at, "a capability pointer leads into the header, the chain ends");
			return;
		}
		if (config[at] == 0xff) {
			pcg_say(log, PCG_WARN, at, 0xff, "nothing answers at a capability, the chain ends");
			return;
		}
		if (seen_before(seen, at)) {
			pcg_say(log, PCG_WARN, from, at, "a capability pointer comes back, the chain ends");
			return;
		}
		cap->offset = (uint16_t)at;
		cap->id = config[at];
		cap->version = cap->id == PCG_CAP_EXP ? config[at + PCG_EXP_FLAGS] & 0xf : 0;
		cap->extended = false;
		layout->ncaps++;
		from = at + 1;
	}
}

/* PCIe 6.0, 7.6.3: one header of zeros at 100h is an empty chain; all ones is a function without extended space. */
static bool no_extended_space(const struct pcg_layout *layout, const uint8_t *config)
{
	uint32_t first;

	if (layout->size < PCG_CONFIG_EXTENDED)
		return true;
	first = pcg_get32(config + FIRST_EXTENDED);
	return first == 0 || first == UINT32_MAX;
}

static void walk_extended(struct pcg_layout *layout, const uint8_t *config, struct seen *seen,
			  const struct pcg_log *log)
{
	unsigned int at = FIRST_EXTENDED, from = FIRST_EXTENDED;

	if (no_extended_space(layout, config))
		return;
	while (layout->necaps < PCG_MAX_ECAPS) {
		uint32_t header = pcg_get32(config + at);
		struct pcg_cap *cap = &layout->ecaps[layout->necaps];

		if (header == UINT32_MAX) {
			pcg_say(log, PCG_WARN, at, header, "nothing answers at a capability, the chain ends");
			return;
		}
		if (seen_before(seen, at)) {
			pcg_say(log, PCG_WARN, from, at, "a capability pointer comes back, the chain ends");
			return;
		}
		cap->offset = (uint16_t)at;
		cap->id = (uint16_t)header;
		cap->version = header >> 16 & 0xf;
		cap->extended = true;
		layout->necaps++;
		from = at;
		at = header >> 20 & 0xffcu;
		if (at == 0)
			return;
		if (at < FIRST_EXTENDED) {
			pcg_say(log, PCG_WARN, from, at, "a capability pointer leaves extended space, the chain ends");
			return;
		}
	}
}

/* The first header after @offset in the same space, else the end of that space. */
static unsigned int next_header(const struct pcg_layout *layout, const struct seen *seen, const struct pcg_cap *cap)
{
	unsigned int end = cap->extended ? layout->size : PCG_CONFIG_CONVENTIONAL;
	unsigned int at;

	for (at = cap->offset + 4u; at < end; at += 4)
		if (seen->bits[at / 128] & 1u << (at / 4 % 32))
			return at;
	return end;
}

static void set_length(const struct pcg_layout *layout, const uint8_t *config, const struct seen *seen,
		       struct pcg_cap *cap, const struct pcg_log *log)
{
	unsigned int room = next_header(layout, seen, cap) - cap->offset;
	unsigned int claimed = pci_claimed_length(config, layout->size, cap);

	if (claimed > room)
		pcg_say(log, PCG_INFO, cap->offset, claimed, "a capability claims more than the room it has");
	cap->length = (uint16_t)(claimed == LENGTH_UNKNOWN || claimed > room ? room : claimed);
}

static bool nothing_answers(const uint8_t *config)
{
	unsigned int i;

	for (i = 0; i < PCG_HEADER_END; i++)
		if (config[i] != 0xff)
			return false;
	return true;
}

static int check_space(struct pcg_layout *layout, const uint8_t *config, size_t size, const struct pcg_log *log)
{
	layout->ncaps = 0;
	layout->necaps = 0;
	layout->size = 0;
	if (size != PCG_CONFIG_CONVENTIONAL && size != PCG_CONFIG_EXTENDED) {
		pcg_say(log, PCG_ERROR, PCG_NOWHERE, (uint32_t)size, "configuration space is 256 or 4096 bytes");
		return -EINVAL;
	}
	if (nothing_answers(config)) {
		pcg_say(log, PCG_ERROR, PCG_VENDOR, 0xffff, "no function answers: the header is all ones");
		return -ENODEV;
	}
	layout->size = (uint16_t)size;
	return 0;
}

static void parse_chains(struct pcg_layout *layout, const uint8_t *config, const struct pcg_log *log)
{
	struct seen seen = { { 0 } };
	unsigned int i;

	walk_standard(layout, config, &seen, log);
	walk_extended(layout, config, &seen, log);
	for (i = 0; i < layout->ncaps; i++)
		set_length(layout, config, &seen, &layout->caps[i], log);
	for (i = 0; i < layout->necaps; i++)
		set_length(layout, config, &seen, &layout->ecaps[i], log);
}

int pci_layout_parse_any(struct pcg_layout *layout, const uint8_t *config, size_t size, const struct pcg_log *log)
{
	int ret = check_space(layout, config, size, log);

	if (ret == 0)
		parse_chains(layout, config, log);
	return ret;
}

int pcg_layout_parse(struct pcg_layout *layout, const uint8_t *config, size_t size, const struct pcg_log *log)
{
	int ret = check_space(layout, config, size, log);

	if (ret != 0)
		return ret;
	if ((config[PCG_HEADER_TYPE] & 0x7f) != 0) {
		pcg_say(log, PCG_ERROR, PCG_HEADER_TYPE, config[PCG_HEADER_TYPE],
			"only type 0 functions can be assigned, not bridges");
		layout->size = 0;
		return -ENOTSUP;
	}
	parse_chains(layout, config, log);
	return 0;
}

const struct pcg_cap *pcg_layout_find(const struct pcg_layout *layout, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < layout->ncaps; i++)
		if (layout->caps[i].id == id)
			return &layout->caps[i];
	return NULL;
}

const struct pcg_cap *pcg_layout_find_extended(const struct pcg_layout *layout, uint16_t id)
{
	unsigned int i;

	for (i = 0; i < layout->necaps; i++)
		if (layout->ecaps[i].id == id)
			return &layout->ecaps[i];
	return NULL;
}

const struct pcg_cap *pcg_layout_at(const struct pcg_layout *layout, uint16_t offset)
{
	bool extended = offset >= PCG_CONFIG_CONVENTIONAL;
	const struct pcg_cap *caps = extended ? layout->ecaps : layout->caps;
	unsigned int i, n = extended ? layout->necaps : layout->ncaps;

	for (i = 0; i < n; i++)
		if (offset >= caps[i].offset && offset - caps[i].offset < caps[i].length)
			return &caps[i];
	return NULL;
}
