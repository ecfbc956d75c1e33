/* SPDX-License-Identifier: BSD-3-Clause */
/* What a server says of its function, into what the function room wants to know. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "host/remote/internal.h"

#define PAGE       4096u
#define BAR_MOST   (UINT64_C(1) << 62)
#define CAP_HEADER 8u
#define CAPS_MAX   32 /* the most capabilities of a region that are looked at, so that a chain ends */

/* --- a region --- */

/* The payload of a sparse mmap capability is @p[0..size). Return: whether it makes sense. */
static bool region_areas(struct remote_region *region, const uint8_t *p, size_t size)
{
	const size_t head = WIRE_SPARSE_HEADER - CAP_HEADER;
	uint32_t n;

	if (size < head || (size - head) / WIRE_SPARSE_AREA < (n = wire_get32(p)))
		return false;
	region->nareas = 0;
	for (p += head; n > 0 && region->nareas < PCG_MAX_AREAS; n--, p += WIRE_SPARSE_AREA) {
		uint64_t offset = wire_get64(p), length = wire_get64(p + 8);

		if (length == 0 || offset > region->size || length > region->size - offset ||
		    (offset | length) % PAGE != 0)
			return false;
		region->areas[region->nareas].offset = offset;
		region->areas[region->nareas++].size = length;
	}
	return region->nareas > 0;
}

static bool region_caps(struct remote_region *region, const struct link_in *reply, uint32_t at)
{
	for (unsigned int i = 0; i < CAPS_MAX && at != 0; i++) {
		const uint8_t *cap = reply->body + at;

		if (at < WIRE_REGION_INFO_SIZE || at > reply->size || reply->size - at < CAP_HEADER)
			return false;
		if (wire_get16(cap) == WIRE_CAP_SPARSE_MMAP &&
		    !region_areas(region, cap + CAP_HEADER, reply->size - at - CAP_HEADER))
			return false;
		at = wire_get32(cap + 4);
	}
	return at == 0;
}

/* Where the client would touch what is not there, it would die of it. */
static bool region_holds(const struct remote_region *region, int fd)
{
	uint64_t end = region->size;
	struct stat stat;

	if (region->offset % PAGE != 0 || end > INT64_MAX || region->offset > INT64_MAX - end)
		return false;
	if (region->nareas == 0 && end % PAGE != 0)
		return false;
	return fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode) || region->offset + end <= (uint64_t)stat.st_size;
}

int facts_region(struct remote *r, struct remote_region *region, const struct link_in *reply)
{
	struct wire_region_info info;
	bool maps;

	wire_region_info_read(&info, reply->body);
	if (info.index != r->open.index) {
		remote_note(r, PCG_ERROR, "asked of region %u, the server answers of region %u", r->open.index,
			    info.index);
		return -EPROTO;
	}
	*region = (struct remote_region){ .size = info.size,
					  .flags = info.flags & (PCG_REGION_READ | PCG_REGION_WRITE),
					  .offset = info.offset };
	/* One region has one descriptor here, and it may only go to those who are trusted to keep it. */
	maps = r->trusted && (info.flags & PCG_REGION_MMAP) != 0 && info.size != 0 && r->link.nfds == 1 &&
	       !r->link.excess;
	if (!maps)
		return 0;
	if (((info.flags & WIRE_REGION_CAPS) != 0 && !region_caps(region, reply, info.cap_offset)) ||
	    !region_holds(region, r->link.fds[0])) {
		remote_note(
			r, PCG_WARN,
			"region %u: how the server says that it is mapped makes no sense; it is reached by messages",
			info.index);
		region->nareas = 0;
		return 0;
	}
	region->flags |= PCG_REGION_MMAP;
	return 0;
}

/* --- the function --- */

static bool power_of_two(uint64_t size)
{
	return size != 0 && (size & (size - 1)) == 0;
}

/*
 * A BAR says its size by the bits that take no ones, so it is a power of two, at least 4 (I/O) or 16 (PCIe 6.0,
 * 7.5.1.2.1). Some servers have regions of what they need: behind what is there, the server refuses.
 */
static uint64_t whole_bar(uint64_t size, bool io)
{
	uint64_t whole = io ? 4 : 16;

	while (whole < size && whole < BAR_MOST)
		whole *= 2;
	return whole;
}

static void learn_size(struct pcg_bar *bar, struct pcg_region *region, bool io)
{
	bar->size = whole_bar(region->size, io);
	if ((region->flags & PCG_REGION_MMAP) != 0 && region->nareas == 0 && bar->size != region->size)
		region->areas[region->nareas++].size = region->size;
	region->size = bar->size;
}

static int learn_bars(struct remote *r)
{
	const struct remote_facts *facts = &r->open.facts;
	struct pcg_host_info *info = &r->host.info;

	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		uint32_t low = pcg_get32(facts->config + PCG_BAR0 + i * 4);
		struct pcg_bar *bar = &info->bars[i];

		if (facts->regions[i].size == 0 || facts->regions[i].size > BAR_MOST)
			continue;
		learn_size(bar, &info->regions[i], (low & 1u) != 0);
		bar->prefetchable = (low & 9u) == 8u;
		bar->kind = (low & 1u) != 0 ? PCG_BAR_IO : PCG_BAR_MEM32;
		if ((low & 7u) == 4u && i + 1 < PCG_NUM_BARS) {
			bar->kind = PCG_BAR_MEM64;
			info->bars[++i].kind = PCG_BAR_UPPER;
		}
	}
	if (power_of_two(facts->regions[PCG_REGION_ROM].size)) {
		info->rom.kind = PCG_BAR_MEM32;
		info->rom.size = facts->regions[PCG_REGION_ROM].size;
	}
	if (pcg_bars_check(info->bars) == 0)
		return 0;
	remote_note(r, PCG_ERROR, "the sizes of the server's regions do not fit its base address registers");
	return -EPROTO;
}

static int learn_identity(struct remote *r)
{
	const struct remote_settings *s = &r->settings;
	struct pcg_host_info *info = &r->host.info;
	const uint8_t *config = r->open.facts.config;

	info->is_vf = s->is_vf;
	info->no_command_memory = s->is_vf || s->memory_absent;
	info->vendor = s->has_id ? s->vendor : pcg_get16(config + PCG_VENDOR);
	info->device = s->has_id ? s->device : pcg_get16(config + PCG_DEVICE);
	if (info->vendor != 0xffff)
		return 0;
	remote_note(
		r, PCG_ERROR,
		"the function's ids read FFFFh: it does not answer, or it is a VF of a raw server: vf=on,id=VVVV:DDDD");
	return -ENODEV;
}

static int learn_capabilities(struct remote *r)
{
	const struct remote_facts *facts = &r->open.facts;
	struct pcg_log quiet = { 0 };
	struct pcg_layout layout;
	const struct pcg_cap *cap;
	int ret = pcg_layout_parse(&layout, facts->config, facts->config_size, &quiet);

	if (ret < 0) {
		remote_note(r, PCG_ERROR, "what the server has is no type 0 PCI function that answers: %s",
			    strerror(-ret));
		return ret;
	}
	cap = pcg_layout_find(&layout, PCG_CAP_PM);
	r->pm = cap != NULL ? cap->offset : 0;
	cap = pcg_layout_find(&layout, PCG_CAP_MSI);
	r->msi = cap != NULL ? cap->offset : 0;
	cap = pcg_layout_find(&layout, PCG_CAP_MSIX);
	r->msix = cap != NULL ? cap->offset : 0;
	return 0;
}

int facts_learn(struct remote *r)
{
	const struct remote_facts *facts = &r->open.facts;
	struct pcg_host_info *info = &r->host.info;
	int ret;

	info->config_size = facts->config_size;
	info->can_reset = facts->reset;
	info->no_intx = facts->irqs[PCG_IRQ_INTX] == 0;
	info->shows_intx = true;
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++) {
		struct pcg_region *region = &info->regions[i];
		const struct remote_region *from = &facts->regions[i];

		*region = (struct pcg_region){ .size = from->size, .flags = from->flags, .fd = -1 };
		if ((from->flags & PCG_REGION_MMAP) == 0)
			continue;
		region->fd = r->open.fds[i];
		r->open.fds[i] = -1;
		region->fd_offset = from->offset;
		region->nareas = from->nareas;
		for (unsigned int n = 0; n < from->nareas; n++) {
			region->areas[n].offset = from->areas[n].offset;
			region->areas[n].size = from->areas[n].size;
		}
		info->lends_function = true;
	}
	ret = learn_identity(r);
	if (ret == 0)
		ret = learn_bars(r);
	if (ret == 0)
		ret = learn_capabilities(r);
	return ret;
}

/* --- addresses --- */

static uint64_t place(uint64_t *next, uint64_t size)
{
	uint64_t address = (*next + size - 1) & ~(size - 1);

	*next = address + size;
	return address;
}

/*
 * The function room puts back after a reset what it finds when it opens a function, as a host's firmware has placed
 * it. Behind a server nobody has; some, as QEMU, reach no BAR before it has an address, whatever that is.
 */
bool facts_place(struct remote *r)
{
	uint64_t io = 0x1000, low = UINT64_C(1) << 30, high = UINT64_C(1) << 32;
	const struct pcg_bar *bars = r->host.info.bars;
	uint8_t *bytes = r->open.bytes;
	bool any = false;

	memcpy(bytes, r->open.facts.config + PCG_BAR0, sizeof(r->open.bytes));
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		uint32_t value = pcg_get32(bytes + i * 4), flags = bars[i].kind == PCG_BAR_IO ? 3u : 15u;

		if (bars[i].kind == PCG_BAR_NONE)
			continue;
		/* Whoever placed one has placed them all. */
		if ((value & ~(bars[i].kind == PCG_BAR_UPPER ? 0 : flags)) != 0)
			return false;
		any = true;
	}
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		uint64_t address;

		if (bars[i].kind == PCG_BAR_NONE || bars[i].kind == PCG_BAR_UPPER)
			continue;
		address = place(bars[i].kind == PCG_BAR_IO      ? &io
				: bars[i].kind == PCG_BAR_MEM32 ? &low
								: &high,
				bars[i].size);
		pcg_put32(bytes + i * 4, pcg_get32(bytes + i * 4) | (uint32_t)address);
		if (bars[i].kind == PCG_BAR_MEM64)
			pcg_put32(bytes + (i + 1) * 4, (uint32_t)(address >> 32));
	}
	return any && !r->host.info.is_vf;
}

/* --- another time --- */

/* Registers that no function changes: what it is, and what it decodes. */
static bool same_registers(const struct remote_facts *a, const struct remote_facts *b)
{
	static const struct {
		uint16_t offset;
		uint16_t length;
	} fixed[] = {
		{ PCG_VENDOR, 4 },
		{ PCG_REVISION, 4 }, /* and the class */
		{ PCG_SUBVENDOR, 4 },
		{ PCG_CAPABILITIES, 1 },
	};

	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (memcmp(a->config + fixed[i].offset, b->config + fixed[i].offset, fixed[i].length) != 0)
			return false;
	}
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		bool upper = i > 0 && (a->config[PCG_BAR0 + (i - 1) * 4] & 7u) == 4u;

		if (!upper && ((a->config[PCG_BAR0 + i * 4] ^ b->config[PCG_BAR0 + i * 4]) & 7u) != 0)
			return false;
	}
	return true;
}

static bool same_capabilities(const struct remote_facts *a, const struct remote_facts *b)
{
	struct pcg_log quiet = { 0 };
	struct pcg_layout first, second;

	if (pcg_layout_parse(&first, a->config, a->config_size, &quiet) != 0 ||
	    pcg_layout_parse(&second, b->config, b->config_size, &quiet) != 0 || first.ncaps != second.ncaps ||
	    first.necaps != second.necaps)
		return false;
	for (unsigned int i = 0; i < first.ncaps; i++) {
		if (first.caps[i].offset != second.caps[i].offset || first.caps[i].id != second.caps[i].id)
			return false;
	}
	for (unsigned int i = 0; i < first.necaps; i++) {
		if (first.ecaps[i].offset != second.ecaps[i].offset || first.ecaps[i].id != second.ecaps[i].id)
			return false;
	}
	return true;
}

static bool same_region(const struct remote_region *a, const struct remote_region *b)
{
	if (a->size != b->size || a->flags != b->flags || a->nareas != b->nareas)
		return false;
	if ((a->flags & PCG_REGION_MMAP) != 0 && a->offset != b->offset)
		return false;
	for (unsigned int i = 0; i < a->nareas; i++) {
		if (a->areas[i].offset != b->areas[i].offset || a->areas[i].size != b->areas[i].size)
			return false;
	}
	return true;
}

int facts_same(struct remote *r)
{
	const struct remote_facts *a = &r->facts, *b = &r->open.facts;
	bool same = a->reset == b->reset && a->config_size == b->config_size &&
		    memcmp(a->irqs, b->irqs, sizeof(a->irqs)) == 0 && same_registers(a, b) && same_capabilities(a, b);

	for (unsigned int i = 0; i < PCG_NUM_REGIONS && same; i++)
		same = same_region(&a->regions[i], &b->regions[i]);
	if (same)
		return 0;
	remote_note(r, PCG_ERROR, "the server has another function than before; start pcigate again to serve that one");
	return -ENODEV;
}
