/* SPDX-License-Identifier: BSD-3-Clause */
#include "quirks/section.h"

#include <stdlib.h>
#include <string.h>

#include <pcigate/pci.h>

/* --- numbers and names --- */

/* Hexadecimal up to @most, and what follows. */
static bool hex(const char *text, uint32_t most, uint32_t *value, const char **end)
{
	uint32_t sum = 0;
	const char *at = strncmp(text, "0x", 2) == 0 ? text + 2 : text;
	const char *first = at;

	for (;; at++) {
		static const char digits[] = "0123456789abcdef";
		char lower = *at >= 'A' && *at <= 'F' ? (char)(*at + 'a' - 'A') : *at;
		const char *digit = lower != '\0' ? strchr(digits, lower) : NULL;

		if (digit == NULL)
			break;
		sum = sum * 16 + (uint32_t)(digit - digits);
		if (sum > most)
			return false;
	}
	*value = sum;
	*end = at;
	return at != first;
}

/* "VVVV:DDDD"; the second may be "*" where @star. */
static bool ids(const char *word, bool star, uint32_t *first, uint32_t *second)
{
	const char *end;

	if (!hex(word, 0xffff, first, &end) || *end != ':')
		return false;
	if (star && strcmp(end + 1, "*") == 0) {
		*second = PCG_QUIRK_ANY;
		return true;
	}
	return hex(end + 1, 0xffff, second, &end) && *end == '\0';
}

/* "FIRST-LAST" or one number. */
static bool range(const char *word, uint32_t most, uint32_t *first, uint32_t *last)
{
	const char *end;

	if (!hex(word, most, first, &end))
		return false;
	*last = *first;
	if (*end == '-' && !hex(end + 1, most, last, &end))
		return false;
	return *end == '\0' && *last >= *first;
}

/* setpci's name of a capability, or "cap:ID", "ecap:ID"; "#N" after it is the Nth of them. */
static bool capability(const char *word, struct pcg_quirk *q)
{
	const char *number = strchr(word, '#'), *end, *setpci;
	size_t length = number != NULL ? (size_t)(number - word) : strlen(word);
	uint32_t id, nth = 0;
	unsigned int kind;

	if (number != NULL && (!hex(number + 1, 0xff, &nth, &end) || *end != '\0' || nth == 0))
		return false;
	q->in_cap = true;
	q->instance = (uint8_t)nth;
	for (kind = 0; kind < 2; kind++) {
		const char *prefix = kind == 1 ? "ecap:" : "cap:";

		q->extended = kind == 1;
		if (strncmp(word, prefix, strlen(prefix)) == 0) {
			q->id = 0;
			if (!hex(word + strlen(prefix), kind == 1 ? 0xffff : 0xff, &id, &end) || end != word + length)
				return false;
			q->id = (uint16_t)id;
			return true;
		}
		for (id = 0; id < 0x100; id++) {
			if (pcg_cap_text((uint16_t)id, q->extended, &setpci) == NULL || setpci == NULL)
				continue;
			if (strlen(setpci) == length && strncmp(setpci, word, length) == 0) {
				q->id = (uint16_t)id;
				return true;
			}
		}
	}
	return false;
}

static char *word_of(char **rest)
{
	char *word = *rest + strspn(*rest, " \t"), *end = word + strcspn(word, " \t");

	if (*word == '\0')
		return NULL;
	*rest = *end != '\0' ? end + 1 : end;
	*end = '\0';
	return word;
}

/* --- keys --- */

static const char *take_match(struct quirk_section *s, char *value)
{
	char *word;

	while ((word = word_of(&value)) != NULL) {
		if (s->nmatches == QUIRKS_MATCHES)
			return "a section is for at most 64 functions; make two of it";
		if (!ids(word, true, &s->match[s->nmatches].vendor, &s->match[s->nmatches].device))
			return "match takes VVVV:DDDD or VVVV:*, in hexadecimal, with blanks between several";
		s->nmatches++;
	}
	return s->nmatches == 0 ? "match takes VVVV:DDDD or VVVV:*" : NULL;
}

static const char *take_subsystem(struct quirk_section *s, char *value)
{
	return ids(value, true, &s->common.subvendor, &s->common.subsystem) ? NULL
									    : "subsystem takes VVVV:DDDD or VVVV:*";
}

static const char *take_vf(struct quirk_section *s, char *value)
{
	if (strcmp(value, "only") != 0 && strcmp(value, "no") != 0)
		return "vf takes only or no; without it VFs and others are meant";
	s->common.vf = strcmp(value, "only") == 0 ? PCG_QUIRK_VF_ONLY : PCG_QUIRK_NO_VF;
	return NULL;
}

static const char *take_revision(struct quirk_section *s, char *value)
{
	uint32_t first, last;

	if (!range(value, 0xff, &first, &last))
		return "revision takes one or FIRST-LAST, 00 to ff";
	s->common.revision = (uint8_t)first;
	s->common.revision_last = (uint8_t)last;
	return NULL;
}

static const char *take_why(struct quirk_section *s, char *value)
{
	(void)s;
	return *value != '\0' ? NULL : "why takes the reason, in words, and who says so";
}

static struct pcg_quirk *add(struct quirk_section *s, enum pcg_quirk_kind kind, unsigned int line)
{
	struct quirk_line *l;

	if (s->nlines == QUIRKS_LINES)
		return NULL;
	l = &s->lines[s->nlines++];
	memset(l, 0, sizeof(*l));
	l->line = line;
	l->quirk.kind = kind;
	return &l->quirk;
}

#define TOO_MANY "a section says at most 64 things; make two of it"

/* "[CAPABILITY] FIRST-LAST" */
static const char *take_bytes(struct pcg_quirk *q, char **value)
{
	char *word = word_of(value);
	uint32_t first, last;

	if (word != NULL && capability(word, q))
		word = word_of(value);
	else
		q->in_cap = false;
	if (word == NULL || !range(word, PCG_CONFIG_EXTENDED - 1, &first, &last))
		return "name bytes as FIRST-LAST in hexadecimal, of a capability (CAP_VNDR, ECAP_DVSEC#2, ecap:0023) "
		       "if one stands before";
	if (!q->in_cap && first < PCG_HEADER_END)
		return "the header is no place for quirks: bytes of no capability begin at 40";
	q->start = (uint16_t)first;
	q->end = (uint16_t)(last + 1);
	return NULL;
}

static const char *take_open(struct quirk_section *s, char *value, unsigned int line)
{
	struct pcg_quirk *q = add(s, PCG_QUIRK_OPEN_READ, line);
	const char *wrong, *way;

	if (q == NULL)
		return TOO_MANY;
	wrong = take_bytes(q, &value);
	if (wrong != NULL)
		return wrong;
	way = word_of(&value);
	if (way == NULL || (strcmp(way, "read") != 0 && strcmp(way, "read-write") != 0) || word_of(&value) != NULL)
		return "say how at the end: read or read-write";
	if (strcmp(way, "read-write") == 0)
		q->kind = PCG_QUIRK_OPEN_WRITE;
	return NULL;
}

static const char *take_close(struct quirk_section *s, char *value, unsigned int line)
{
	struct pcg_quirk *q = add(s, PCG_QUIRK_CLOSE, line);
	const char *wrong = q != NULL ? take_bytes(q, &value) : TOO_MANY;

	return wrong == NULL && word_of(&value) != NULL ? "close takes bytes and nothing else" : wrong;
}

/* "FIRST-LAST": what stands outside of every capability. */
static const char *take_registers(struct quirk_section *s, char *value, unsigned int line)
{
	struct pcg_quirk *q = add(s, PCG_QUIRK_REGISTERS, line);
	const char *wrong = q != NULL ? take_bytes(q, &value) : TOO_MANY;

	if (wrong == NULL && (q->in_cap || word_of(&value) != NULL))
		return "registers takes bytes of no capability, as FIRST-LAST, and nothing else";
	return wrong;
}

static const char *take_drop(struct quirk_section *s, char *value, unsigned int line)
{
	struct pcg_quirk *q = add(s, PCG_QUIRK_DROP, line);
	char *word = word_of(&value);

	if (q == NULL)
		return TOO_MANY;
	return word != NULL && capability(word, q) && word_of(&value) == NULL
		       ? NULL
		       : "drop takes one capability: CAP_VPD, ECAP_TPH, ecap:0017, ECAP_VNDR#2 for the second";
}

static const char *take_no_intx(struct quirk_section *s, char *value, unsigned int line)
{
	if (value != NULL)
		return "no-intx takes no value";
	return add(s, PCG_QUIRK_NO_INTX, line) != NULL ? NULL : TOO_MANY;
}

static const char *take_number(struct quirk_section *s, enum pcg_quirk_kind kind, char *value, unsigned int line)
{
	struct pcg_quirk *q = add(s, kind, line);
	char *end;

	if (q == NULL)
		return TOO_MANY;
	if (*value < '0' || *value > '9')
		return "a number of bytes, please";
	q->value = (uint32_t)strtoul(value, &end, 10);
	if (*end != '\0' || strlen(value) > 9)
		return "a number of bytes, please";
	if (kind == PCG_QUIRK_ROM_WIDTH && q->value != 1 && q->value != 2 && q->value != 4)
		return "rom-width is 1, 2 or 4";
	if (kind == PCG_QUIRK_ROM_SIZE && q->value != 0 && (q->value < 2048 || (q->value & (q->value - 1)) != 0))
		return "rom-size is a power of two, at least 2048, or 0 for no ROM";
	return NULL;
}

static const char *take_rom_width(struct quirk_section *s, char *value, unsigned int line)
{
	return take_number(s, PCG_QUIRK_ROM_WIDTH, value, line);
}

static const char *take_rom_size(struct quirk_section *s, char *value, unsigned int line)
{
	return take_number(s, PCG_QUIRK_ROM_SIZE, value, line);
}

/* PCIe 6.0, 7.7.2.2: what a table can have. */
static const char *take_vectors(struct quirk_section *s, char *value, unsigned int line)
{
	char *end = value;
	unsigned long n = *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;
	struct pcg_quirk *q;

	if (n == 0 || n > 2048 || *end != '\0')
		return "msix-vectors is a number of vectors, 1 to 2048";
	q = add(s, PCG_QUIRK_VECTORS, line);
	if (q == NULL)
		return TOO_MANY;
	q->value = (uint32_t)n;
	return NULL;
}

/* "bar2" */
static const char *take_combine(struct quirk_section *s, char *value, unsigned int line)
{
	struct pcg_quirk *q;

	if (strncmp(value, "bar", 3) != 0 || value[3] < '0' || value[3] >= '0' + PCG_NUM_BARS || value[4] != '\0')
		return "write-combining names a BAR: bar0 to bar5";
	q = add(s, PCG_QUIRK_COMBINE, line);
	if (q == NULL)
		return TOO_MANY;
	q->value = (uint32_t)(value[3] - '0');
	return NULL;
}

/* Keys about the whole section stand once; the others are actions. */
static const struct key {
	const char *name;
	const char *(*about)(struct quirk_section *s, char *value);
	const char *(*action)(struct quirk_section *s, char *value, unsigned int line);
	bool alone; /* takes no value */
} keys[] = {
	{ "match", take_match, NULL, false },
	{ "subsystem", take_subsystem, NULL, false },
	{ "vf", take_vf, NULL, false },
	{ "revision", take_revision, NULL, false },
	{ "why", take_why, NULL, false },
	{ "open", NULL, take_open, false },
	{ "close", NULL, take_close, false },
	{ "drop", NULL, take_drop, false },
	{ "no-intx", NULL, take_no_intx, true },
	{ "rom-width", NULL, take_rom_width, false },
	{ "rom-size", NULL, take_rom_size, false },
	{ "write-combining", NULL, take_combine, false },
	{ "msix-vectors", NULL, take_vectors, false },
	{ "registers", NULL, take_registers, false },
};

#define NKEYS    (sizeof(keys) / sizeof(keys[0]))
#define MATCH    0x01u
#define REASON   0x10u
#define ONE_EACH "a section says this once"

void section_begin(struct quirk_section *s, unsigned int line)
{
	memset(s, 0, sizeof(*s));
	s->line = line;
	s->common.subvendor = PCG_QUIRK_ANY;
	s->common.subsystem = PCG_QUIRK_ANY;
	s->common.revision_last = 0xff;
}

const char *section_take(struct quirk_section *s, const char *key, char *value, unsigned int line)
{
	unsigned int i;

	for (i = 0; i < NKEYS; i++) {
		if (strcmp(keys[i].name, key) != 0)
			continue;
		if (value == NULL && !keys[i].alone)
			return "this key takes a value: KEY = VALUE";
		if (keys[i].action != NULL)
			return keys[i].action(s, value, line);
		if (s->seen & 1u << i)
			return ONE_EACH;
		s->seen |= 1u << i;
		return keys[i].about(s, value);
	}
	return "no such key; there are match, subsystem, vf, revision, why, open, close, drop, no-intx, "
	       "rom-width, rom-size, write-combining, msix-vectors and registers";
}

/* --- a whole section --- */

static bool same_cap(const struct pcg_quirk *a, const struct pcg_quirk *b)
{
	if (a->in_cap != b->in_cap || (a->in_cap && (a->id != b->id || a->extended != b->extended)))
		return false;
	return !a->in_cap || a->instance == 0 || b->instance == 0 || a->instance == b->instance;
}

static const char *compare(const struct pcg_quirk *a, const struct pcg_quirk *b)
{
	if (a->kind == PCG_QUIRK_REGISTERS && b->kind == PCG_QUIRK_REGISTERS)
		return a->start < b->end && b->start < a->end ? "these registers are named twice" : NULL;
	if (a->kind > PCG_QUIRK_DROP || b->kind > PCG_QUIRK_DROP)
		return a->kind == b->kind ? ONE_EACH : NULL;
	if (!same_cap(a, b))
		return NULL;
	if (a->kind == PCG_QUIRK_DROP || b->kind == PCG_QUIRK_DROP)
		return a->kind == b->kind ? "this capability is dropped twice"
					  : "a capability is dropped and has bytes of it opened or closed";
	return a->start < b->end && b->start < a->end ? "these bytes are opened or closed twice" : NULL;
}

const char *section_check(const struct quirk_section *s, unsigned int *line)
{
	unsigned int i, j;

	*line = s->line;
	if (!(s->seen & MATCH))
		return "the section has no match: which functions is it for?";
	if (!(s->seen & REASON))
		return "the section has no why: what is it for, and who says so?";
	if (s->nlines == 0)
		return "the section does nothing";
	for (i = 0; i < s->nlines; i++)
		for (j = 0; j < i; j++) {
			const char *wrong = compare(&s->lines[i].quirk, &s->lines[j].quirk);

			*line = s->lines[i].line;
			if (wrong != NULL)
				return wrong;
		}
	return NULL;
}
