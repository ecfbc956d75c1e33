/* SPDX-License-Identifier: BSD-3-Clause */
/* A file's bytes to the text of lspci: other encodings, and configuration space itself as sysfs gives it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/dump/text.h"

#define RAW_ROW 54u /* "000: " and 16 times "00 " and a line's end */

static bool begins(const struct dump_file *file, const char *mark, size_t length)
{
	return file->length >= length && memcmp(file->text, mark, length) == 0;
}

static void cut_front(struct dump_file *file, size_t length)
{
	file->length -= length;
	memmove(file->text, file->text + length, file->length);
}

/* What PowerShell makes of "lspci > FILE". lspci's own text is ASCII; of names only the ASCII letters stay. */
static void from_utf16(struct dump_file *file, bool big)
{
	size_t i, n = 0;

	cut_front(file, 2);
	for (i = 0; i + 1 < file->length; i += 2) {
		unsigned int low = (unsigned char)file->text[i + (big ? 1 : 0)];
		unsigned int high = (unsigned char)file->text[i + (big ? 0 : 1)];

		file->text[n++] = high == 0 && low == 0xa0 ? ' ' : high == 0 && low < 0x80 ? (char)low : '?';
	}
	file->length = n;
}

/* Web pages write blanks that must not break as U+00A0. */
static void soften_blanks(struct dump_file *file)
{
	size_t i, n = 0;

	for (i = 0; i < file->length; i++) {
		if (i + 1 < file->length && memcmp(file->text + i, "\xc2\xa0", 2) == 0)
			file->text[++i] = ' ';
		file->text[n++] = file->text[i];
	}
	file->length = n;
}

static int from_raw(struct dump_file *file)
{
	char *text = malloc(file->length / 16 * RAW_ROW + 1);
	size_t i, n = 0;

	if (text == NULL)
		return -ENOMEM;
	for (i = 0; i < file->length; i++) {
		if (i % 16 == 0)
			n += (size_t)snprintf(text + n, 8, "%s%02x:", i == 0 ? "" : "\n", (unsigned int)i);
		n += (size_t)snprintf(text + n, 4, " %02x", (unsigned char)file->text[i]);
	}
	free(file->text);
	file->text = text;
	file->length = n;
	return 0;
}

int dump_decode(struct dump_file *file)
{
	size_t length = file->length, most = length < PCG_HEADER_END ? length : PCG_HEADER_END;

	if (begins(file, "\xff\xfe", 2) || begins(file, "\xfe\xff", 2)) {
		from_utf16(file, begins(file, "\xfe\xff", 2));
		return 0;
	}
	/* A header has zeroes, or reads all ones where nobody answered; text has neither. */
	file->raw = memchr(file->text, '\0', most) != NULL || memchr(file->text, 0xff, most) != NULL;
	if (file->raw &&
	    (length == PCG_HEADER_END || length == PCG_CONFIG_CONVENTIONAL || length == PCG_CONFIG_EXTENDED))
		return from_raw(file);
	/* Titles stand at the left edge, UTF-8's byte order mark or not. */
	if (begins(file, "\xef\xbb\xbf", 3))
		cut_front(file, 3);
	soften_blanks(file);
	return 0;
}
