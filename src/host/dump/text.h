/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Reading what lspci -x, -xxx or -xxxx printed, with or without -v around it.
 *
 * What counts is: a line that begins with [DOMAIN:]BUS:DEV.FN opens a function; "OFFSET: " and up to 16 bytes of two
 * hexadecimal digits are its configuration space; before its first capability, lines of regions and of the expansion
 * ROM tell sizes. Everything else is skipped. Contradictions (the same byte twice with different values) and offsets
 * past 4096 are errors that name the line; bytes that are missing read as zero.
 *
 * A text may have been quoted ("> ") or indented by whoever passed it on, be UTF-16, have other text around it; or be
 * no text at all but configuration space itself, 64, 256 or 4096 bytes of it.
 */
#ifndef HOST_DUMP_TEXT_H
#define HOST_DUMP_TEXT_H

#include <pcigate/pci.h>

/** Bounds on the text: bytes, and functions in it. */
#define DUMP_FILE_MAX      (64u << 20)
#define DUMP_FUNCTIONS_MAX (1u << 20)

/** struct dump_bdf - an address; @domain is ANY_DOMAIN where none was given */
struct dump_bdf {
	uint32_t domain;
	uint8_t bus;
	uint8_t device;
	uint8_t function;
};

#define DUMP_ANY_DOMAIN UINT32_MAX

/**
 * struct dump_region - what a line says of a BAR or of the ROM
 * @there: there is a line
 * @virtual: lspci says that the register does not show it (a VF, enhanced allocation)
 * @size: 0: the line has none that can be used
 * @address: 0: nobody gave it one
 * @line: where it stands
 */
struct dump_region {
	bool there;
	bool is_virtual;
	bool io;
	bool is_64bit;
	bool prefetchable;
	uint64_t size;
	uint64_t address;
	size_t line;
};

/**
 * struct dump_text - one function of a text
 * @name: the file's, which must outlive it
 * @size: 256 or 4096
 * @config: its configuration space; what the text leaves out is 0
 * @vendor, @device: the ids that the first line shows in digits; 0 and 0: none
 * @numbered: there are lines of regions with their numbers and sizes: they tell of every BAR
 */
struct dump_text {
	const char *name;
	struct dump_bdf bdf;
	uint16_t size;
	uint16_t vendor;
	uint16_t device;
	bool numbered;
	struct dump_region bars[PCG_NUM_BARS];
	struct dump_region rom;
	uint8_t config[PCG_CONFIG_EXTENDED];
};

/** struct dump_entry - where a function begins in the text; @indent: how many blanks stand before its title */
struct dump_entry {
	size_t start;
	size_t line;
	size_t indent;
	struct dump_bdf bdf;
	uint8_t header_type;
	bool has_hex;
};

/** struct dump_file - a text in memory and the functions in it; @raw: it looks like bytes rather than like text */
struct dump_file {
	const char *name;
	char *text;
	size_t length;
	bool raw;
	struct dump_entry *entries;
	size_t nentries;
};

/** dump_file_init() - read and index the file @name, which must outlive @file. 0 or a negative errno after a note */
int dump_file_init(struct dump_file *file, const char *name, const struct pcg_log *log);

/** dump_file_finish() - free it */
void dump_file_finish(struct dump_file *file);

/**
 * dump_file_select() - the function to take
 * @bdf: which; NULL: the only type 0 function
 *
 * Return: an index into @file->entries; -ENOENT or -EINVAL after a note that lists what is there.
 */
long dump_file_select(const struct dump_file *file, const struct dump_bdf *bdf, const struct pcg_log *log);

/** dump_file_read() - take entry @n apart. 0, or -EINVAL after a note */
int dump_file_read(const struct dump_file *file, size_t n, struct dump_text *text, const struct pcg_log *log);

/** dump_same_bdf() - both address the same function */
bool dump_same_bdf(const struct dump_bdf *a, const struct dump_bdf *b);

/** dump_parse_bdf() - an address at @text. Return: what follows it, or NULL */
const char *dump_parse_bdf(const char *text, struct dump_bdf *bdf);

/** dump_load() - a whole file of at most @most bytes; the caller frees *data. 0 or a negative errno after a note */
int dump_load(const char *name, size_t most, uint8_t **data, size_t *length, const struct pcg_log *log);

/* Between the files of this folder: the bounded, NUL-terminated copy of a line, and the forms a line can have. */

#define DUMP_LINE_MAX 512

/** dump_decode() - make text of what was read: encodings, raw bytes. 0 or -ENOMEM */
int dump_decode(struct dump_file *file);

/** dump_next_line() - copy the line at *@at, without its end and quotation marks, and step over it. False at @end */
bool dump_next_line(const struct dump_file *file, size_t *at, size_t end, char line[DUMP_LINE_MAX]);

/** dump_hex_line() - "OFFSET: bytes", OFFSET a multiple of 8: how many bytes (1..16); -1: another kind of line */
int dump_hex_line(const char *line, uint32_t *offset, uint8_t bytes[16]);

/** dump_entry_hex() - the same in the text of @entry: indented as its title is; a whole row of 16 bytes in any way */
int dump_entry_hex(const struct dump_entry *entry, const char *line, uint32_t *offset, uint8_t bytes[16]);

/** dump_title() - "BDF …", "Slot: BDF", indented or not: how much. Return: whether the line is one */
bool dump_title(const char *line, struct dump_bdf *bdf, size_t *indent);

/** struct dump_region_line - a region line as it stands; @index -1: it has no number, 6: the ROM */
struct dump_region_line {
	struct dump_region region;
	int index;
	bool bad_size;
	uint64_t address;
};

/** dump_region_line() - whether the line is one of a region or of the expansion ROM */
bool dump_region_line(const char *line, struct dump_region_line *found);

#endif
