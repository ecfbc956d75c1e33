/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the BARs and the ROM of a recorded function decode.
 *
 * The kind is what the register shows, or, where that reads 0, what the text says. The size is what the text says
 * ("[size=16K]"). Where it says none:
 *
 *  - memory: 4 KiB, or as much as the MSI-X table and PBA that stand in it need;
 *  - I/O: 32 bytes;
 *  - the ROM: 64 KiB;
 *
 * and never more than the alignment of the recorded address allows. A register without a line is not implemented if
 * it reads 0, or if the text shows other BARs with their numbers and sizes. Options override all of it.
 */
#ifndef HOST_DUMP_BARS_H
#define HOST_DUMP_BARS_H

#include "host/dump/text.h"

/**
 * struct dump_bar_option - what an option says of a BAR
 * @given: it is there
 * @has_kind: it names a kind
 * @bar: size 0: no such BAR
 */
struct dump_bar_option {
	bool given;
	bool has_kind;
	struct pcg_bar bar;
};

/** dump_bar_parse() - "SIZE[:io|mem32|mem64[:prefetch]]" or "none". Return: whether it is one */
bool dump_bar_parse(const char *text, struct dump_bar_option *option);

/**
 * dump_bars() - decide all six
 * @bars: filled in
 * @text: the function
 * @layout: of its configuration space
 * @options: six of them
 *
 * Return: 0, or -EINVAL after a note for options that cannot be.
 */
int dump_bars(struct pcg_bar bars[PCG_NUM_BARS], const struct dump_text *text, const struct pcg_layout *layout,
	      const struct dump_bar_option *options, const struct pcg_log *log);

/** dump_rom() - decide the ROM; @image_size: bytes of the image given, 0: none. 0, or -EINVAL after a note */
int dump_rom(struct pcg_bar *rom, const struct dump_text *text, uint64_t image_size, const struct pcg_log *log);

#endif
