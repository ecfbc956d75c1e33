/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/bars.h"
#include "host/options.h"

#define DEFAULT_MEMORY 4096u
#define DEFAULT_IO     32u
#define DEFAULT_ROM    (64u << 10)
#define ROM_MIN        2048u
#define ROM_MAX        (16u << 20) /* PCI 3.0, 6.2.5.2 */
#define IO_MAX         (64u << 10)
#define LEGACY_END     1024u /* the ISA bus had ten address lines */
#define MEM32_MAX      (UINT64_C(1) << 31)
#define MEM64_MAX      (UINT64_C(1) << 62)

static uint64_t power_of_two(uint64_t at_least)
{
	uint64_t size = 1;

	while (size < at_least && size < UINT64_C(1) << 63)
		size <<= 1;
	return size;
}

static uint64_t least_size(enum pcg_bar_kind kind)
{
	return kind == PCG_BAR_IO ? 4 : 16;
}

static uint64_t most_size(enum pcg_bar_kind kind)
{
	return kind == PCG_BAR_IO ? IO_MAX : kind == PCG_BAR_MEM32 ? MEM32_MAX : MEM64_MAX;
}

static enum pcg_bar_kind kind_named(const char *text, size_t length)
{
	static const struct {
		const char *name;
		enum pcg_bar_kind kind;
	} kinds[] = { { "io", PCG_BAR_IO }, { "mem32", PCG_BAR_MEM32 }, { "mem64", PCG_BAR_MEM64 } };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, text, length) == 0)
			return kinds[i].kind;
	return PCG_BAR_NONE;
}

bool dump_bar_parse(const char *text, struct dump_bar_option *option)
{
	const char *at;
	size_t length;

	memset(option, 0, sizeof(*option));
	option->given = true;
	if (strcmp(text, "none") == 0)
		return true;
	if (!options_parse_size(text, &at, &option->bar.size) || option->bar.size == 0)
		return false;
	if (*at == '\0')
		return true;
	if (*at++ != ':')
		return false;
	length = strcspn(at, ":");
	option->has_kind = true;
	option->bar.kind = kind_named(at, length);
	if (option->bar.kind == PCG_BAR_NONE)
		return false;
	at += length;
	option->bar.prefetchable = strcmp(at, ":prefetch") == 0;
	return *at == '\0' || (option->bar.prefetchable && option->bar.kind != PCG_BAR_IO);
}

/* PCIe 6.0, 7.5.1.2.1. */
static void kind_by_register(struct pcg_bar *bar, uint32_t low)
{
	bar->kind = low & 1 ? PCG_BAR_IO : (low & 6) == 4 ? PCG_BAR_MEM64 : PCG_BAR_MEM32;
	bar->prefetchable = !(low & 1) && (low & 8);
}

static void kind_by_text(struct pcg_bar *bar, const struct dump_region *region)
{
	bar->kind = region->io ? PCG_BAR_IO : region->is_64bit ? PCG_BAR_MEM64 : PCG_BAR_MEM32;
	bar->prefetchable = !region->io && region->prefetchable;
}

/* Bytes of BAR @index that MSI-X structures reach to (PCIe 6.0, 7.7.2). */
static uint64_t msix_needs(const struct dump_text *text, const struct pcg_layout *layout, unsigned int index)
{
	const struct pcg_cap *cap = pcg_layout_find(layout, PCG_CAP_MSIX);
	uint64_t needs = 0, end;
	uint32_t table, pba, vectors;

	if (cap == NULL || cap->length < 12)
		return 0;
	vectors = (pcg_get16(text->config + cap->offset + PCG_MSIX_CONTROL) & PCG_MSIX_SIZE) + 1u;
	table = pcg_get32(text->config + cap->offset + PCG_MSIX_TABLE);
	pba = pcg_get32(text->config + cap->offset + PCG_MSIX_PBA);
	if ((table & 7) == index)
		needs = (uint64_t)(table & ~7u) + 16u * vectors;
	end = (uint64_t)(pba & ~7u) + 8u * ((vectors + 63) / 64);
	if ((pba & 7) == index && end > needs)
		needs = end;
	return needs;
}

static uint64_t alignment(uint64_t address)
{
	return address == 0 ? UINT64_MAX : address & (~address + 1);
}

static uint64_t recorded_address(const struct dump_text *text, unsigned int index, enum pcg_bar_kind kind)
{
	uint32_t low = pcg_get32(text->config + PCG_BAR0 + 4 * index);
	uint64_t address = low & (kind == PCG_BAR_IO ? ~3u : ~15u);

	if (kind == PCG_BAR_MEM64)
		address |= (uint64_t)pcg_get32(text->config + PCG_BAR0 + 4 * index + 4) << 32;
	return address;
}

static void default_size(struct pcg_bar *bar, const struct dump_text *text, const struct pcg_layout *layout,
			 unsigned int index, const struct pcg_log *log)
{
	uint64_t aligned = alignment(recorded_address(text, index, bar->kind)), needs = 0;

	bar->size = DEFAULT_IO;
	if (bar->kind != PCG_BAR_IO) {
		needs = msix_needs(text, layout, index);
		bar->size = power_of_two(needs > DEFAULT_MEMORY ? needs : DEFAULT_MEMORY);
	}
	if (bar->size > aligned)
		bar->size = aligned;
	if (bar->size < least_size(bar->kind))
		bar->size = least_size(bar->kind);
	if (bar->size > most_size(bar->kind))
		bar->size = most_size(bar->kind);
	base_log(log, PCG_INFO,
		 "dump: the text has no size for BAR %u; %" PRIu64 " bytes are assumed, bar%u=SIZE says other", index,
		 bar->size, index);
	if (needs > bar->size)
		base_log(log, PCG_WARN, "dump: the MSI-X structures do not fit BAR %u at its recorded address", index);
}

/* Sizes that no register can have are rounded up; what is out of all bounds counts as none. */
static bool size_by_text(struct pcg_bar *bar, const struct dump_text *text, unsigned int index,
			 const struct pcg_log *log)
{
	uint64_t size = text->bars[index].size, rounded;

	if (size > most_size(bar->kind))
		base_log(log, PCG_WARN,
			 "dump: \"%.200s\" line %zu: BAR %u cannot have %" PRIu64
			 " bytes, its register is %s; bar%u=SIZE says "
			 "other",
			 text->name, text->bars[index].line, index, size,
			 bar->kind == PCG_BAR_IO ? "of I/O ports" : "32-bit", index);
	if (size == 0 || size > most_size(bar->kind))
		return false;
	rounded = power_of_two(size < least_size(bar->kind) ? least_size(bar->kind) : size);
	if (rounded != size)
		base_log(log, PCG_WARN,
			 "dump: \"%.200s\" line %zu: BAR %u cannot have %" PRIu64 " bytes; %" PRIu64 " are taken",
			 text->name, text->bars[index].line, index, size, rounded);
	bar->size = rounded;
	return true;
}

static void decide(struct pcg_bar *bar, const struct dump_text *text, const struct pcg_layout *layout,
		   unsigned int index, const struct pcg_log *log)
{
	const struct dump_region *region = &text->bars[index];
	uint32_t low = pcg_get32(text->config + PCG_BAR0 + 4 * index);

	if (low != 0 && !region->there && text->numbered) {
		base_log(log, PCG_INFO,
			 "dump: BAR %u is not zero, but the text shows no region; bar%u=SIZE makes it one", index,
			 index);
		return;
	}
	if (low != 0)
		kind_by_register(bar, low);
	else if (region->there)
		kind_by_text(bar, region);
	else
		return;
	/* Legacy addresses (IDE) are shown as regions, some without a size, but no register decodes them. */
	if (low == 0 && (region->size != 0 ? region->size < least_size(bar->kind)
					   : region->address != 0 && region->address < LEGACY_END)) {
		base_log(log, PCG_INFO, "dump: region %u is a fixed address, not a BAR; it is left out", index);
		*bar = (struct pcg_bar){ 0 };
		return;
	}
	if (bar->kind == PCG_BAR_MEM64 && index + 1 == PCG_NUM_BARS) {
		base_log(log, PCG_WARN, "dump: BAR %u says 64-bit and has no upper half; taken as 32-bit", index);
		bar->kind = PCG_BAR_MEM32;
	}
	if (!size_by_text(bar, text, index, log))
		default_size(bar, text, layout, index, log);
}

static int override(struct pcg_bar *bar, const struct dump_bar_option *option, unsigned int index,
		    const struct pcg_log *log)
{
	if (option->bar.size == 0) {
		*bar = (struct pcg_bar){ 0 };
		return 0;
	}
	bar->size = option->bar.size;
	if (option->has_kind) {
		bar->kind = option->bar.kind;
		bar->prefetchable = option->bar.prefetchable;
	} else if (bar->kind == PCG_BAR_NONE) {
		bar->kind = PCG_BAR_MEM32;
	}
	if ((bar->size & (bar->size - 1)) == 0 && bar->size >= least_size(bar->kind) &&
	    bar->size <= most_size(bar->kind) && (bar->kind != PCG_BAR_MEM64 || index + 1 < PCG_NUM_BARS))
		return 0;
	base_log(log, PCG_ERROR, "dump: bar%u: the size must be a power of two from %" PRIu64 " to %" PRIu64 "%s",
		 index, least_size(bar->kind), most_size(bar->kind),
		 index + 1 == PCG_NUM_BARS ? ", and BAR 5 cannot be mem64" : "");
	return -EINVAL;
}

int dump_bars(struct pcg_bar bars[PCG_NUM_BARS], const struct dump_text *text, const struct pcg_layout *layout,
	      const struct dump_bar_option *options, const struct pcg_log *log)
{
	/* A size that an option gives needs no word about a default. */
	const struct pcg_log silent = { 0 };
	unsigned int i;
	int error;

	memset(bars, 0, PCG_NUM_BARS * sizeof(bars[0]));
	for (i = 0; i < PCG_NUM_BARS; i++) {
		if (i > 0 && bars[i - 1].kind == PCG_BAR_MEM64) {
			bars[i].kind = PCG_BAR_UPPER;
			if (!options[i].given)
				continue;
			base_log(log, PCG_ERROR, "dump: bar%u is the upper half of the 64-bit BAR %u", i, i - 1);
			return -EINVAL;
		}
		decide(&bars[i], text, layout, i, options[i].given ? &silent : log);
		error = options[i].given ? override(&bars[i], &options[i], i, log) : 0;
		if (error != 0)
			return error;
	}
	return pcg_bars_check(bars);
}

int dump_rom(struct pcg_bar *rom, const struct dump_text *text, uint64_t image_size, const struct pcg_log *log)
{
	uint64_t address = pcg_get32(text->config + PCG_ROM) & 0xfffff800u, size = text->rom.size;

	*rom = (struct pcg_bar){ 0 };
	if (!text->rom.there && (address == 0 || text->numbered) && image_size == 0)
		return 0;
	if (size > ROM_MAX) {
		base_log(log, PCG_WARN, "dump: \"%.200s\" line %zu: a ROM has at most %u bytes; the size is ignored",
			 text->name, text->rom.line, ROM_MAX);
		size = 0;
	}
	if (size == 0 && image_size == 0) {
		size = alignment(address) < DEFAULT_ROM ? alignment(address) : DEFAULT_ROM;
		base_log(log, PCG_INFO, "dump: the text has no size for the ROM; %" PRIu64 " bytes are assumed", size);
	}
	if (size < image_size)
		size = image_size;
	rom->kind = PCG_BAR_MEM32;
	rom->size = power_of_two(size < ROM_MIN ? ROM_MIN : size);
	return 0;
}
