/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/regname.h"
#include "pci/registers.h"

uint32_t regname_value(const uint8_t *config, unsigned int offset, unsigned int width)
{
	uint32_t value = 0;

	while (width-- > 0)
		value = value << 8 | config[offset + width];
	return value;
}

void regname_cap(const struct pcg_cap *cap, char *text, size_t size)
{
	const char *name = pcg_cap_text(cap->id, cap->extended, NULL);

	if (name != NULL)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%scapability %02x", cap->extended ? "extended " : "", cap->id);
}

/* --- a name for a place --- */

/* How many instances of the same id stand before this one in the chain. */
static unsigned int instance_of(const struct pcg_layout *layout, const struct pcg_cap *cap)
{
	const struct pcg_cap *first = cap->extended ? layout->ecaps : layout->caps;
	unsigned int n = 0;

	for (; first < cap; first++)
		n += first->id == cap->id;
	return n;
}

static void spell(struct regname *reg, const struct pcg_layout *layout)
{
	char letter = "?bw?l"[reg->width], base[24], instance[12] = "";
	const char *setpci = NULL;

	if (reg->cap == NULL) {
		snprintf(reg->setpci, sizeof(reg->setpci), "%02x.%c", reg->offset, letter);
		return;
	}
	pcg_cap_text(reg->cap->id, reg->cap->extended, &setpci);
	if (setpci != NULL)
		snprintf(base, sizeof(base), "%s", setpci);
	else
		snprintf(base, sizeof(base), reg->cap->extended ? "ECAP%03x" : "CAP%02x", reg->cap->id);
	if (instance_of(layout, reg->cap) != 0)
		snprintf(instance, sizeof(instance), "@%x", instance_of(layout, reg->cap));
	snprintf(reg->setpci, sizeof(reg->setpci), "%s+%02x%s.%c", base, reg->offset - reg->cap->offset, instance,
		 letter);
}

/* Fill in what is known of the register at reg->offset; its offset and width stay. */
static bool describe(struct regname *reg, const struct pcg_layout *layout, const uint8_t *config)
{
	struct pci_register_place place;

	reg->cap = reg->offset < PCG_HEADER_END ? NULL : pcg_layout_at(layout, reg->offset);
	reg->name[0] = '\0';
	reg->section = NULL;
	reg->row = NULL;
	reg->absent = 0;
	if (!pci_register_at(&place, layout, config, reg->offset)) {
		if (reg->cap != NULL && reg->offset - reg->cap->offset < (reg->cap->extended ? 4 : 2)) {
			snprintf(reg->name, sizeof(reg->name), "capability header");
			reg->section = reg->cap->extended ? "PCIe 6.0, 7.6.3" : "PCI 3.0, 6.7";
		}
		return false;
	}
	reg->row = place.row;
	reg->row_at = place.offset;
	reg->section = place.row->section;
	reg->absent = pci_register_absent(&place, config, layout->size);
	if (place.row->count != 0)
		snprintf(reg->name, sizeof(reg->name), "%s_%u", place.row->name, place.index);
	else
		snprintf(reg->name, sizeof(reg->name), "%s", place.row->name);
	return true;
}

/* The widest aligned piece around a byte that no table knows which holds nothing that one does. */
static void find_piece(struct regname *reg, const struct pcg_layout *layout, const uint8_t *config, unsigned int at)
{
	unsigned int width = 4, i = 0;

	while (width > 1 && i < width) {
		struct regname other = { .offset = (uint16_t)((at & ~(width - 1)) + i) };

		i++;
		describe(&other, layout, config);
		if (other.name[0] != '\0' || other.cap != reg->cap) {
			width /= 2;
			i = 0;
		}
	}
	reg->offset = (uint16_t)(at & ~(width - 1));
	reg->width = (uint8_t)width;
}

void regname_at(struct regname *reg, const struct pcg_layout *layout, const uint8_t *config, unsigned int at)
{
	reg->offset = (uint16_t)at;
	if (describe(reg, layout, config)) {
		reg->offset = reg->row_at;
		reg->width = reg->row->width;
	} else if (reg->name[0] != '\0') {
		reg->offset = reg->cap->offset;
		reg->width = reg->cap->extended ? 4 : 2;
	} else {
		find_piece(reg, layout, config, at);
	}
	spell(reg, layout);
}

/* --- every name --- */

/* One name that a register can be asked for with. @cap_id and @extended: whose it is; -1: the header's. */
struct entry {
	const char *name;
	int index; /* of a repeated register; -1: it does not repeat */
	int cap_id;
	bool extended;
	const struct pci_register *row; /* NULL: the capability itself */
};

static void entry_text(const struct entry *entry, char *text, size_t size)
{
	if (entry->index < 0)
		snprintf(text, size, "%s", entry->name);
	else
		snprintf(text, size, "%s_%d", entry->name, entry->index);
}

/* Calls @each for the header's registers and for the capabilities until it says true. */
static bool every_name(bool (*each)(void *arg, const struct entry *entry), void *arg)
{
	const struct pci_registers *header = pci_header_registers(true);
	struct entry entry = { .cap_id = -1 };
	unsigned int i, kind, id;

	for (i = 0; i < header->nrows; i++) {
		entry.name = header->rows[i].name;
		entry.row = &header->rows[i];
		entry.index = header->rows[i].count != 0 ? 0 : -1;
		do
			if (each(arg, &entry))
				return true;
		while (entry.index >= 0 && ++entry.index < header->rows[i].count);
	}
	entry.row = NULL;
	entry.index = -1;
	for (kind = 0; kind < 2; kind++)
		for (id = 0; id < 0x100; id++) {
			entry.cap_id = (int)id;
			entry.extended = kind == 1;
			if (pcg_cap_text((uint16_t)id, kind == 1, &entry.name) != NULL && entry.name != NULL &&
			    each(arg, &entry))
				return true;
		}
	return false;
}

/* The tables of the widest forms: MSI with 64 bits and masks. */
static const struct pci_registers *registers_of(const struct entry *entry)
{
	return entry->extended ? pci_extended_registers((uint16_t)entry->cap_id)
			       : pci_standard_registers((uint16_t)entry->cap_id, PCG_MSI_64BIT | PCG_MSI_MASKABLE);
}

static bool list_one(void *arg, const struct entry *entry)
{
	const struct pci_registers *registers;
	char name[40];
	FILE *out = arg;
	unsigned int i;

	entry_text(entry, name, sizeof(name));
	if (entry->row != NULL) {
		unsigned int index = entry->index < 0 ? 0 : (unsigned int)entry->index;

		fprintf(out, "%4s %03x %c  %-28s %s\n", "", entry->row->offset + index * entry->row->stride,
			"?BW?L"[entry->row->width], name, entry -> row -> section);
		return false;
	}
	fprintf(out, "%*s%0*x  00 -  %-28s %s\n", entry->extended ? 0 : 2, "", entry->extended ? 4 : 2, entry->cap_id,
		name, pcg_cap_text((uint16_t)entry->cap_id, entry->extended, NULL));
	registers = registers_of(entry);
	for (i = 0; registers != NULL && i < registers->nrows; i++) {
		const struct pci_register *row = &registers->rows[i];
		char both[64];

		snprintf(both, sizeof(both), "%s+%s%s", name, row->name, row->count != 0 ? "_0 ..." : "");
		fprintf(out, "%4s %03x %c  %-28s %s\n", "", row->offset, "?BW?L"[row->width], both, row -> section);
	}
	return false;
}

void regname_list(FILE *out)
{
	fprintf(out, " cap pos w  name\n");
	every_name(list_one, out);
}

/* --- names that look like another --- */

/* Letters to change, add or leave out to come from @a to @b, without regard to case; bounded by 32 letters. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[33], la = (unsigned int)strlen(a), lb = (unsigned int)strlen(b), i, j;

	if (la > 32 || lb > 32)
		return 32;
	for (j = 0; j <= lb; j++)
		row[j] = j;
	for (i = 1; i <= la; i++) {
		unsigned int diagonal = row[0];

		row[0] = i;
		for (j = 1; j <= lb; j++) {
			unsigned int best =
				diagonal + (toupper((unsigned char)a[i - 1]) != toupper((unsigned char)b[j - 1]));

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

struct near {
	const char *word;
	unsigned int most;
	unsigned int count;
	char *text;
	size_t size;
};

static bool is_near(void *arg, const struct entry *entry)
{
	struct near *near = arg;
	size_t length = strlen(near->text);
	char name[40];

	entry_text(entry, name, sizeof(name));
	if (distance(near->word, name) != near->most)
		return false;
	snprintf(near->text + length, near->size - length, "%s%s", length != 0 ? ", " : "", name);
	return ++near->count == 4;
}

void regname_near(const char *word, char *text, size_t size)
{
	struct near near = { .word = word, .text = text, .size = size };

	text[0] = '\0';
	/* A third of the letters may be wrong: what differs more was not meant. */
	for (near.most = 1; near.most <= 1 + strlen(word) / 3 && near.count == 0; near.most++)
		if (every_name(is_near, &near))
			return;
}

/* --- a place for a name --- */

/* A name taken apart: BASE[+OFFSET][@N][.WIDTH], the last three in any order. */
struct pieces {
	char base[40];
	char offset[40];
	char instance[40];
	char width[40];
};

static bool take_apart(struct pieces *pieces, const char *text)
{
	static const char marks[] = "+@.";
	size_t length = strcspn(text, marks);
	char *piece = pieces->base;

	memset(pieces, 0, sizeof(*pieces));
	for (;;) {
		if (length == 0 || length >= sizeof(pieces->base) || piece[0] != '\0')
			return false;
		memcpy(piece, text, length);
		text += length;
		if (*text == '\0')
			return true;
		piece = *text == '+' ? pieces->offset : *text == '@' ? pieces->instance : pieces->width;
		length = strcspn(++text, marks);
	}
}

static bool hex(const char *text, unsigned int most, unsigned int *value)
{
	unsigned long parsed;
	char *end;

	if (!isxdigit((unsigned char)text[0]))
		return false;
	parsed = strtoul(text, &end, 16);
	*value = (unsigned int)parsed;
	return *end == '\0' && parsed <= most;
}

struct wanted {
	const char *base;
	struct entry found;
};

static bool is_wanted(void *arg, const struct entry *entry)
{
	struct wanted *wanted = arg;
	char name[40];

	entry_text(entry, name, sizeof(name));
	if (strcasecmp(name, wanted->base) != 0)
		return false;
	wanted->found = *entry;
	return true;
}

/* CAP05, ECAP108, and the one name that setpci has besides. */
static bool cap_by_number(struct entry *found, const char *base)
{
	unsigned int id;

	if (strcasecmp(base, "ECAP_RCEC") == 0)
		id = PCG_ECAP_RCEC;
	else if (!(strncasecmp(base, "CAP", 3) == 0 && hex(base + 3, 0xff, &id)) &&
		 !(strncasecmp(base, "ECAP", 4) == 0 && hex(base + 4, 0xfff, &id)))
		return false;
	found->name = base;
	found->index = -1;
	found->cap_id = (int)id;
	found->extended = toupper((unsigned char)base[0]) == 'E';
	found->row = NULL;
	return true;
}

static const struct pcg_cap *find_instance(const struct pcg_layout *layout, const struct entry *entry, unsigned int n)
{
	const struct pcg_cap *caps = entry->extended ? layout->ecaps : layout->caps;
	unsigned int count = entry->extended ? layout->necaps : layout->ncaps, i;

	for (i = 0; i < count; i++)
		if (caps[i].id == entry->cap_id && n-- == 0)
			return &caps[i];
	return NULL;
}

/* "+8", or the name of a register of the capability: "+DEVCTL", "+HDRLOG_2". */
static bool find_offset(const char *text, const struct pcg_cap *cap, const uint8_t *config, size_t size,
			unsigned int *offset)
{
	const struct pci_registers *registers;
	unsigned int i;

	*offset = 0;
	if (text[0] == '\0' || hex(text, PCG_CONFIG_EXTENDED - 1, offset))
		return true;
	registers = cap != NULL ? pci_cap_registers(cap, config, size) : NULL;
	for (i = 0; registers != NULL && i < registers->nrows; i++) {
		const struct pci_register *row = &registers->rows[i];
		size_t length = strlen(row->name);
		unsigned long index = 0;

		if (strncasecmp(text, row->name, length) != 0)
			continue;
		if (row->count != 0 && text[length] == '_' && isdigit((unsigned char)text[length + 1])) {
			char *end;

			index = strtoul(text + length + 1, &end, 10);
			length = (size_t)(end - text);
		}
		if (text[length] != '\0' || index >= (row->count == 0 ? 1u : row->count))
			continue;
		*offset = row->offset + (unsigned int)index * row->stride;
		return true;
	}
	return false;
}

/* The width that was asked for, the register's own, or the widest that fits. */
static bool find_width(struct regname *reg, const char *text)
{
	if (text[0] != '\0') {
		reg->width = tolower((unsigned char)text[0]) == 'b'   ? 1
			     : tolower((unsigned char)text[0]) == 'w' ? 2
								      : 4;
		return text[1] == '\0' && strchr("bwlBWL", text[0]) != NULL;
	}
	if (reg->row != NULL && reg->row_at == reg->offset)
		reg->width = reg->row->width;
	else if (reg->cap != NULL && reg->offset == reg->cap->offset)
		reg->width = reg->cap->extended ? 4 : 2;
	else
		reg->width = reg->offset % 4 == 0 ? 4 : reg->offset % 2 == 0 ? 2 : 1;
	return true;
}

static enum regname_error absent_cap(const struct entry *entry, const char *base, const struct pcg_layout *layout,
				     unsigned int n, char *error, size_t size)
{
	const struct pcg_cap *caps = entry->extended ? layout->ecaps : layout->caps;
	unsigned int count = entry->extended ? layout->necaps : layout->ncaps, i;
	size_t length;

	bool some = find_instance(layout, entry, 0) != NULL;

	if (some)
		snprintf(error, size, "%s@%x: this function has fewer of them; @0 is the first", base, n);
	else
		snprintf(error, size, "%s: this function does not have it; it has", base);
	for (i = 0; !some && i < count; i++) {
		const char *setpci = NULL;

		length = strlen(error);
		pcg_cap_text(caps[i].id, entry->extended, &setpci);
		if (setpci != NULL && length + strlen(setpci) + 2 < size)
			snprintf(error + length, size - length, " %s", setpci);
	}
	if (!some && count == 0) {
		length = strlen(error);
		snprintf(error + length, size - length, " no %scapabilities", entry->extended ? "extended " : "");
	}
	return REGNAME_ABSENT;
}

/* What setpci knows besides: registers of headers of type 1 and 2, which no function has that can be looked at here. */
static bool is_bridges(const char *name)
{
	static const char *const names[] = {
		"PRIMARY_BUS",        "SECONDARY_BUS",     "SUBORDINATE_BUS",
		"SEC_LATENCY_TIMER",  "IO_BASE",           "IO_LIMIT",
		"SEC_STATUS",         "MEMORY_BASE",       "MEMORY_LIMIT",
		"PREF_MEMORY_BASE",   "PREF_MEMORY_LIMIT", "PREF_BASE_UPPER32",
		"PREF_LIMIT_UPPER32", "IO_BASE_UPPER16",   "IO_LIMIT_UPPER16",
		"BRIDGE_ROM_ADDRESS", "BRIDGE_CONTROL",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(names[i], name) == 0)
			return true;
	return strncasecmp(name, "CB_", 3) == 0;
}

static enum regname_error no_such(const char *what, const char *word, char *error, size_t size)
{
	char near[128];

	regname_near(word, near, sizeof(near));
	snprintf(error, size, "%s: no register is called so; %s%s%s--registers lists all names", what,
		 near[0] != '\0' ? "near: " : "", near, near[0] != '\0' ? "; " : "");
	return REGNAME_WRONG;
}

/* Where the register starts, without its offset. */
static enum regname_error find_base(struct regname *reg, const struct pieces *pieces, const struct pcg_layout *layout,
				    unsigned int *base, char *error, size_t size)
{
	struct wanted wanted = { .base = pieces->base };
	unsigned int n = 0;

	reg->cap = NULL;
	if (pieces->instance[0] != '\0' && !hex(pieces->instance, PCG_MAX_ECAPS, &n)) {
		snprintf(error, size, "@%s: the number of an instance is hexadecimal, 0 is the first",
			 pieces->instance);
		return REGNAME_WRONG;
	}
	if (hex(pieces->base, UINT16_MAX, base))
		return REGNAME_OK;
	if (is_bridges(pieces->base)) {
		snprintf(error, size, "%s: a register of a bridge's header; this function is no bridge", pieces->base);
		return REGNAME_ABSENT;
	}
	if (!every_name(is_wanted, &wanted) && !cap_by_number(&wanted.found, pieces->base))
		return no_such(pieces->base, pieces->base, error, size);
	if (wanted.found.row != NULL) {
		int index = wanted.found.index < 0 ? 0 : wanted.found.index;

		*base = wanted.found.row->offset + (unsigned int)index * wanted.found.row->stride;
		return REGNAME_OK;
	}
	reg->cap = find_instance(layout, &wanted.found, n);
	if (reg->cap == NULL)
		return absent_cap(&wanted.found, pieces->base, layout, n, error, size);
	*base = reg->cap->offset;
	return REGNAME_OK;
}

enum regname_error regname_parse(struct regname *reg, const char *text, const struct pcg_layout *layout,
				 const uint8_t *config, char *error, size_t size)
{
	struct pieces pieces;
	unsigned int base, offset;
	enum regname_error ret;

	memset(reg, 0, sizeof(*reg));
	if (!take_apart(&pieces, text))
		return no_such(text, text, error, size);
	ret = find_base(reg, &pieces, layout, &base, error, size);
	if (ret != REGNAME_OK)
		return ret;
	if (!find_offset(pieces.offset, reg->cap, config, layout->size, &offset)) {
		snprintf(error, size, "+%s: neither a hexadecimal offset nor a register of %s; --registers lists them",
			 pieces.offset, pieces.base);
		return REGNAME_WRONG;
	}
	if (base + offset >= layout->size) {
		snprintf(error, size, "%s: register %03x is past the end: this function has %u bytes", text,
			 base + offset, layout->size);
		return REGNAME_ABSENT;
	}
	reg->offset = (uint16_t)(base + offset);
	describe(reg, layout, config);
	if (!find_width(reg, pieces.width)) {
		snprintf(error, size, "%s: a width is .b, .w or .l", text);
		return REGNAME_WRONG;
	}
	if (reg->offset % reg->width != 0) {
		snprintf(error, size, "%s: %03x is no multiple of %u; ask for .b or another register", text,
			 reg->offset, reg->width);
		return REGNAME_WRONG;
	}
	spell(reg, layout);
	return REGNAME_OK;
}
