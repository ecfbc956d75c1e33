/* SPDX-License-Identifier: BSD-3-Clause */
/* The forms that a line of lspci's can have. */
#include <stdlib.h>
#include <string.h>

#include "host/dump/text.h"
#include "host/options.h"

#define ROM_INDEX PCG_NUM_BARS

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Hexadecimal digits, @least to 8 of them. Return: what follows, or NULL. */
static const char *number(const char *text, unsigned int least, uint32_t *value)
{
	unsigned int n = 0;

	*value = 0;
	while (digit(text[n]) >= 0) {
		if (n == 8)
			return NULL;
		*value = *value << 4 | (uint32_t)digit(text[n++]);
	}
	return n >= least ? text + n : NULL;
}

const char *dump_parse_bdf(const char *text, struct dump_bdf *bdf)
{
	uint32_t first, second, third;
	const char *at = number(text, 1, &first);

	if (at == NULL || *at != ':')
		return NULL;
	at = number(at + 1, 1, &second);
	if (at == NULL)
		return NULL;
	bdf->domain = DUMP_ANY_DOMAIN;
	if (*at == ':') {
		/* All ones would read as "any": no machine has that domain. */
		bdf->domain = first == DUMP_ANY_DOMAIN ? first - 1 : first;
		first = second;
		at = number(at + 1, 1, &second);
		if (at == NULL)
			return NULL;
	}
	if (*at != '.')
		return NULL;
	at = number(at + 1, 1, &third);
	if (at == NULL || first > 0xff || second > 0x1f || third > 7)
		return NULL;
	bdf->bus = (uint8_t)first;
	bdf->device = (uint8_t)second;
	bdf->function = (uint8_t)third;
	return at;
}

/* lspci writes all the digits: 00:02.0, or 0000:00:02.0 and longer. A time of day does not look like that. */
static const char *whole_bdf(const char *text, struct dump_bdf *bdf)
{
	const char *after = dump_parse_bdf(text, bdf);

	return after != NULL && (after - text == 7 || after - text >= 12) ? after : NULL;
}

bool dump_title(const char *line, struct dump_bdf *bdf, size_t *indent)
{
	const char *at = line + strspn(line, " \t"), *after;

	*indent = (size_t)(at - line);
	if (strncmp(at, "Slot:", 5) == 0)
		at += 5 + strspn(at + 5, " \t");
	after = whole_bdf(at, bdf);
	/* lspci -PP: the way there, from bridge to bridge. */
	while (after != NULL && *after == '/')
		after = whole_bdf(after + 1, bdf);
	return after != NULL && (*after == '\0' || *after == ' ' || *after == '\t');
}

/* Marks of mail and of forums: ">" and "|", each with a blank behind it or not. */
static const char *unquote(const char *line)
{
	for (;;) {
		const char *at = line + strspn(line, " ");

		if (*at != '>' && *at != '|')
			return line;
		line = at + (at[1] == ' ' ? 2 : 1);
	}
}

bool dump_next_line(const struct dump_file *file, size_t *at, size_t end, char line[DUMP_LINE_MAX])
{
	const char *start = file->text + *at, *stop, *text;
	size_t length;

	if (*at >= end)
		return false;
	stop = memchr(start, '\n', end - *at);
	length = stop != NULL ? (size_t)(stop - start) : end - *at;
	*at += length + (stop != NULL ? 1 : 0);
	if (length > DUMP_LINE_MAX - 1)
		length = DUMP_LINE_MAX - 1;
	memcpy(line, start, length);
	line[length] = '\0';
	line[strcspn(line, "\r")] = '\0';
	text = unquote(line);
	memmove(line, text, strlen(text) + 1);
	return true;
}

int dump_hex_line(const char *line, uint32_t *offset, uint8_t bytes[16])
{
	const char *at = number(line, 2, offset);
	int n = 0;

	if (at == NULL || *at != ':' || (at[1] != ' ' && at[1] != '\t'))
		return -1;
	at++;
	while (n < 16) {
		at += strspn(at, " \t");
		if (digit(at[0]) < 0 || digit(at[1]) < 0 || digit(at[2]) >= 0)
			break;
		bytes[n++] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
		at += 2;
	}
	/* A word before a colon can look like an offset, but hardly like one of 8 or 16 bytes a line. */
	return n == 0 || *offset % 8 != 0 ? -1 : n;
}

int dump_entry_hex(const struct dump_entry *entry, const char *line, uint32_t *offset, uint8_t bytes[16])
{
	size_t indent = strspn(line, " \t");
	int n = dump_hex_line(line + indent, offset, bytes);

	return indent == entry->indent || n == 16 ? n : -1;
}

/* "[size=16M]": 0 where there is none. */
static uint64_t size_in(const char *line, bool *bad)
{
	const char *at = strstr(line, "[size="), *end;
	uint64_t size = 0;

	if (at == NULL)
		return 0;
	*bad = !options_parse_size(at + 6, &end, &size) || *end != ']' || size == 0;
	return *bad ? 0 : size;
}

static const char *skip_word(const char *at, const char *word)
{
	size_t length = strlen(word);

	return strncmp(at, word, length) == 0 ? at + length : NULL;
}

/* "Region 0: ", with or without "[virtual] " on either side. Return: what follows. */
static const char *region_number(const char *at, struct dump_region_line *found)
{
	const char *after = skip_word(at, "Region ");

	found->index = -1;
	if (after == NULL)
		return at;
	if (after[0] < '0' || after[0] > '5' || after[1] != ':')
		return NULL;
	found->index = after[0] - '0';
	return after + 2 + strspn(after + 2, " ");
}

/* "[virtual] " or "[enhanced] " before the kind. */
static const char *skip_marks(const char *at)
{
	while (*at == '[') {
		const char *close = strchr(at, ']');

		if (close == NULL)
			return at;
		at = close + 1 + strspn(close + 1, " ");
	}
	return at;
}

bool dump_region_line(const char *line, struct dump_region_line *found)
{
	const char *at = line + strspn(line, " \t"), *kind;

	memset(found, 0, sizeof(*found));
	/* Titles begin at the left edge. */
	if (at == line)
		return false;
	at = region_number(skip_marks(at), found);
	if (at == NULL)
		return false;
	at = skip_marks(at);
	if ((kind = skip_word(at, "Expansion ROM at ")) != NULL)
		found->index = ROM_INDEX;
	else if ((kind = skip_word(at, "I/O ports at ")) != NULL)
		found->region.io = true;
	else if ((kind = skip_word(at, "Memory at ")) == NULL)
		return false;
	found->region.there = true;
	/* "<unassigned>" and "<ignored>" have no digits: address 0. */
	found->address = strtoull(kind, NULL, 16);
	found->region.address = found->address;
	found->region.is_virtual = strstr(line, "[virtual]") != NULL || strstr(line, "[enhanced]") != NULL;
	found->region.is_64bit = strstr(kind, "(64-bit") != NULL;
	found->region.prefetchable = strstr(kind, " prefetchable)") != NULL;
	found->region.size = size_in(kind, &found->bad_size);
	return true;
}
