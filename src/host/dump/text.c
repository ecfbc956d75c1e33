/* SPDX-License-Identifier: BSD-3-Clause */
/* One function of a text: its bytes and what the lines say of its regions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/text.h"

#define REGION_LINES 16
#define FIRST_CAP    0x40u
#define EXTENDED     PCG_CONFIG_CONVENTIONAL

/* What one reading gathers. */
struct reading {
	struct dump_text *text;
	const struct pcg_log *log;
	const char *name;
	size_t line;
	unsigned int nlines;
	bool in_capabilities;
	struct dump_region_line lines[REGION_LINES];
	uint8_t given[PCG_CONFIG_EXTENDED];
};

static int take_bytes(struct reading *reading, uint32_t offset, const uint8_t *bytes, unsigned int n)
{
	struct dump_text *text = reading->text;
	unsigned int i;

	if (offset >= PCG_CONFIG_EXTENDED || offset + n > PCG_CONFIG_EXTENDED) {
		base_log(reading->log, PCG_ERROR, "dump: \"%.200s\" line %zu: offset %xh is past configuration space",
			 reading->name, reading->line, offset);
		return -EINVAL;
	}
	for (i = 0; i < n; i++) {
		if (reading->given[offset + i] && text->config[offset + i] != bytes[i]) {
			base_log(reading->log, PCG_ERROR,
				 "dump: \"%.200s\" line %zu: byte %xh is %02x here and %02x before; mend the text",
				 reading->name, reading->line, offset + i, bytes[i], text->config[offset + i]);
			return -EINVAL;
		}
		reading->given[offset + i] = 1;
		text->config[offset + i] = bytes[i];
	}
	return 0;
}

static void take_region(struct reading *reading, const struct dump_region_line *found)
{
	struct dump_region_line *taken;

	if (found->bad_size)
		base_log(reading->log, PCG_WARN, "dump: \"%.200s\" line %zu: a size that cannot be is ignored",
			 reading->name, reading->line);
	if (reading->nlines == REGION_LINES)
		return;
	taken = &reading->lines[reading->nlines++];
	*taken = *found;
	taken->region.line = reading->line;
}

static int take_line(struct reading *reading, const struct dump_entry *entry, const char *line)
{
	struct dump_region_line found;
	uint8_t bytes[16];
	uint32_t offset;
	int n = dump_entry_hex(entry, line, &offset, bytes);

	if (n >= 0)
		return take_bytes(reading, offset, bytes, (unsigned int)n);
	/* Below the capabilities, SR-IOV has region lines of its own. */
	if (strstr(line, "Capabilities:") != NULL)
		reading->in_capabilities = true;
	/* What lspci prints of a function stands further in than its title. */
	if (!reading->in_capabilities && strspn(line, " \t") > entry->indent &&
	    dump_region_line(line + entry->indent, &found))
		take_region(reading, &found);
	return 0;
}

static bool is_hex(char c)
{
	return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* The first VVVV:DDDD of a title. */
static void take_ids(struct dump_text *text, const char *title)
{
	const char *colon;
	unsigned int i;

	for (colon = strchr(title, ':'); colon != NULL; colon = strchr(colon + 1, ':')) {
		bool fits = colon - title >= 5 && !is_hex(colon[-5]);

		for (i = 1; fits && i <= 4; i++)
			fits = is_hex(colon[-(int)i]) && is_hex(colon[i]);
		if (!fits || is_hex(colon[5]) || colon[5] == ':')
			continue;
		text->vendor = (uint16_t)strtoul(colon - 4, NULL, 16);
		text->device = (uint16_t)strtoul(colon + 1, NULL, 16);
		return;
	}
}

/*
 * lspci -v numbers no regions. They stand in the order of the registers, and are those that show the same address; or,
 * where none does (a bus whose addresses are not the processor's, one that nobody placed), the next of the same kind.
 */
static bool same_kind(uint32_t low, const struct dump_region *region)
{
	if (low & 1)
		return region->io;
	return !region->io && ((low & 6) == 4) == region->is_64bit && !(low & 8) == !region->prefetchable;
}

static uint64_t address_of(const struct dump_text *text, int i, uint32_t low)
{
	uint64_t address = low & (low & 1 ? ~3u : ~15u);

	if ((low & 7) == 4 && i + 1 < PCG_NUM_BARS)
		address |= (uint64_t)pcg_get32(text->config + PCG_BAR0 + 4 * (i + 1)) << 32;
	return address;
}

static int place_of(const struct reading *reading, const struct dump_region_line *line)
{
	const struct dump_text *text = reading->text;
	int i, next = -1, free_bar = -1;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		uint32_t low = pcg_get32(text->config + PCG_BAR0 + 4 * i);
		uint64_t address = address_of(text, i, low);
		bool wide = text->bars[i].there ? text->bars[i].is_64bit : (low & 7) == 4;

		if (!text->bars[i].there) {
			if (address != 0 && address == line->address && (low & 1) == line->region.io)
				return i;
			if (next < 0 && low != 0 && same_kind(low, &line->region))
				next = i;
			if (free_bar < 0 && low == 0)
				free_bar = i;
		}
		i += wide ? 1 : 0;
	}
	if (line->region.is_virtual || next < 0)
		return line->region.is_virtual || line->address == 0 ? free_bar : -1;
	return next;
}

static void place_regions(struct reading *reading)
{
	struct dump_text *text = reading->text;
	unsigned int i;

	for (i = 0; i < reading->nlines; i++) {
		struct dump_region_line *line = &reading->lines[i];

		if (line->index >= 0 && line->index < PCG_NUM_BARS && line->region.size != 0)
			text->numbered = true;
		if (line->index < 0)
			line->index = place_of(reading, line);
		if (line->index == PCG_NUM_BARS)
			text->rom = line->region;
		else if (line->index >= 0)
			text->bars[line->index] = line->region;
		else
			base_log(reading->log, PCG_WARN,
				 "dump: \"%.200s\" line %zu: no BAR has this address; barN=SIZE says which it is",
				 reading->name, line->region.line);
	}
}

/* Chains that lead to bytes the text does not have end there. */
static bool cut_chains(struct reading *reading)
{
	uint8_t *config = reading->text->config;
	unsigned int at = PCG_CAPABILITIES, next, steps;
	bool cut = false;

	for (steps = 0; steps < PCG_MAX_CAPS && (config[at] & 0xfcu) >= FIRST_CAP; steps++) {
		next = config[at] & 0xfcu;
		if (!reading->given[next] || !reading->given[next + 1]) {
			config[at] = 0;
			cut = true;
			break;
		}
		at = next + 1;
	}
	if (cut && at == PCG_CAPABILITIES)
		config[PCG_STATUS] &= (uint8_t)~PCG_STATUS_CAPABILITIES;
	if (reading->text->size == PCG_CONFIG_CONVENTIONAL)
		return cut;
	at = EXTENDED;
	for (steps = 0; steps < PCG_MAX_ECAPS; steps++) {
		next = pcg_get32(config + at) >> 20 & 0xffcu;
		if (next < EXTENDED)
			break;
		if (!reading->given[next] || !reading->given[next + 3]) {
			pcg_put32(config + at, pcg_get32(config + at) & 0xfffffu);
			return true;
		}
		at = next;
	}
	return cut;
}

/* Nobody there: every byte of the header reads FFh. */
static bool is_silent(const struct dump_text *text)
{
	unsigned int i = 0;

	while (i < PCG_HEADER_END && text->config[i] == 0xff)
		i++;
	return i == PCG_HEADER_END;
}

/* What is missing, said once. */
static int judge(struct reading *reading, const struct dump_entry *entry)
{
	struct dump_text *text = reading->text;
	unsigned int i, missing = 0, last = 0, first = 0;
	bool cut;

	for (i = 0; i < PCG_CONFIG_EXTENDED; i++)
		if (reading->given[i])
			last = i;
	text->size = last >= EXTENDED ? PCG_CONFIG_EXTENDED : PCG_CONFIG_CONVENTIONAL;
	for (i = text->size; i-- > 0;) {
		if (reading->given[i])
			continue;
		missing++;
		first = i;
	}
	if (is_silent(text)) {
		base_log(
			reading->log, PCG_ERROR,
			"dump: \"%.200s\" line %zu: the function did not answer when it was recorded: all of its header "
			"reads FFh; record it again, awake",
			reading->name, entry->line);
		return -EINVAL;
	}
	if (missing == 0)
		return 0;
	if (first < PCG_HEADER_END) {
		base_log(reading->log, PCG_ERROR,
			 "dump: \"%.200s\" line %zu: byte %02xh of the header is missing; lspci -x prints all of it",
			 reading->name, entry->line, first);
		return -EINVAL;
	}
	cut = cut_chains(reading);
	base_log(
		reading->log, PCG_WARN,
		"dump: \"%.200s\": %u of %u bytes are missing from %xh on and read as 0%s; lspci -xxxx run as root prints all",
		reading->name, missing, text->size, first, cut ? ", capabilities there are left out" : "");
	return 0;
}

static int read_entry(struct reading *reading, const struct dump_file *file, size_t n)
{
	const struct dump_entry *entry = &file->entries[n];
	size_t at = entry->start, end = n + 1 < file->nentries ? file->entries[n + 1].start : file->length;
	char line[DUMP_LINE_MAX];
	int error = 0;

	reading->line = entry->line - 1;
	reading->in_capabilities = false;
	while (error == 0 && dump_next_line(file, &at, end, line)) {
		if (++reading->line == entry->line && reading->text->vendor == 0)
			take_ids(reading->text, line);
		error = take_line(reading, entry, line);
	}
	return error;
}

/*
 * A report may have the output of two commands: what "lspci -v" said of the function may stand elsewhere than its hex
 * dump.
 */
static int read_words(struct reading *reading, const struct dump_file *file, size_t n)
{
	size_t i;
	int error = 0;

	for (i = 0; error == 0 && reading->nlines == 0 && i < file->nentries; i++)
		if (i != n && !file->entries[i].has_hex && dump_same_bdf(&file->entries[i].bdf, &file->entries[n].bdf))
			error = read_entry(reading, file, i);
	return error;
}

int dump_file_read(const struct dump_file *file, size_t n, struct dump_text *text, const struct pcg_log *log)
{
	const struct dump_entry *entry = &file->entries[n];
	struct reading *reading = calloc(1, sizeof(*reading));
	int error;

	if (reading == NULL)
		return -ENOMEM;
	memset(text, 0, sizeof(*text));
	text->name = file->name;
	text->bdf = entry->bdf;
	reading->text = text;
	reading->log = log;
	reading->name = file->name;
	error = read_entry(reading, file, n);
	if (error == 0)
		error = read_words(reading, file, n);
	if (error == 0)
		error = judge(reading, entry);
	if (error == 0)
		place_regions(reading);
	free(reading);
	return error;
}
