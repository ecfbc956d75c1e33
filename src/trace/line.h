/* SPDX-License-Identifier: BSD-3-Clause */
/* One line of a trace, taken apart and put together. Whatever stands in a line, nothing is believed. */
#ifndef TRACE_LINE_H
#define TRACE_LINE_H

#include <stdio.h>

#include <pcigate/pci.h>

/** TRACE_LINE_MAX - the longest line, its end included: an access to all of configuration space, and room to spare */
#define TRACE_LINE_MAX 16384u

enum trace_kind {
	TRACE_NOTHING, /* empty, or a comment */
	TRACE_EFFECT,  /* "# effect: …" */
	TRACE_OPEN,
	TRACE_READ,
	TRACE_WRITE,
	TRACE_HOST_READ,
	TRACE_HOST_WRITE,
	TRACE_RESET, /* "reset", "flr" */
	TRACE_CLOSE, /* the client has gone and the function is as new; "open" is the next client then */
};

/**
 * struct trace_line - what it says
 * @as_bytes: written as bytes (rb, wb), not as a value
 * @expects: "= …" is there
 * @refused: "! …" is there
 * @error: which, a negative errno
 * @data: what is written or expected, in address order
 * @text: the word it begins with; for TRACE_EFFECT the effect; lives as long as the line that was parsed
 */
struct trace_line {
	enum trace_kind kind;
	bool as_bytes;
	bool expects;
	bool refused;
	int error;
	size_t length;
	uint64_t offset;
	uint8_t data[PCG_CONFIG_EXTENDED];
	const char *text;
};

/**
 * trace_parse() - take a line apart
 * @text: NUL-terminated, without its end; cut into words in place
 * @line: filled in
 *
 * Return: NULL, or a sentence that says what is wrong.
 */
const char *trace_parse(char *text, struct trace_line *line);

/** trace_write_line() - the line again, with @data and @error in the place of what it expected */
void trace_write_line(FILE *out, const struct trace_line *line, const uint8_t *data, int error);

/** trace_error_name() - "EFAULT"; "EIO" for what has no name */
const char *trace_error_name(int error);

#endif
