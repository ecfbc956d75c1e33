/* SPDX-License-Identifier: BSD-3-Clause */
/* One section of a quirk file, line by line. */
#ifndef QUIRKS_SECTION_H
#define QUIRKS_SECTION_H

#include "quirks/quirks.h"

/** struct quirk_line - one action; @line: where it stands */
struct quirk_line {
	struct pcg_quirk quirk;
	unsigned int line;
};

/**
 * struct quirk_section - what its lines say so far
 * @line: of its head; 0: there is none yet
 * @match: vendor and device of each function that it is for
 * @common: what all its quirks share
 * @seen: keys that may stand once, one bit each
 */
struct quirk_section {
	unsigned int line;
	struct {
		uint32_t vendor;
		uint32_t device;
	} match[QUIRKS_MATCHES];
	unsigned int nmatches;
	struct quirk_line lines[QUIRKS_LINES];
	unsigned int nlines;
	struct pcg_quirk common;
	unsigned int seen;
};

/** section_begin() - forget, begin anew at @line */
void section_begin(struct quirk_section *s, unsigned int line);

/**
 * section_take() - take "key = value"; @value is NULL where there is no '='
 *
 * Return: NULL, or what is wrong, in words.
 */
const char *section_take(struct quirk_section *s, const char *key, char *value, unsigned int line);

/** section_check() - whether it is whole; *line: where it is not. Return: NULL, or what is wrong */
const char *section_check(const struct quirk_section *s, unsigned int *line);

#endif
