/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration space as a map: who owns each byte, what happens to it. */
#ifndef CLI_MAP_H
#define CLI_MAP_H

#include <stdio.h>

#include "cli/fate.h"
#include "cli/look.h"

#define MAP_ROW 16u /* bytes in a row */

/* Owners that are no capability. */
enum map_owner {
	MAP_HEADER = -2,
	MAP_GAP = -1,
};

/**
 * struct map - all that is drawn
 * @look: both sides
 * @record: the rules
 * @profile: whose
 * @title: what the function is called
 * @ids: its vendor and device
 * @fate: of each byte
 * @owner: of each byte: enum map_owner, or the number of a capability, standard ones first
 */
struct map {
	struct look look;
	struct view_record record;
	const struct pcg_profile *profile;
	char title[160];
	uint16_t ids[2];
	enum why_fate fate[PCG_CONFIG_EXTENDED];
	int16_t owner[PCG_CONFIG_EXTENDED];
};

/** map_init() - look and compile. Return: CLI_DONE, or how the verb ends, after a note */
int map_init(struct map *map, const char *func, const struct cli_view *view, const struct pcg_log *log);

/** map_cap() - the capability behind a number; NULL for enum map_owner */
const struct pcg_cap *map_cap(const struct map *map, int owner);

/** map_shown() - a guest finds it in its chain */
bool map_shown(const struct map *map, int owner);

/** map_name() - what an owner is called */
void map_name(const struct map *map, int owner, char *text, size_t size);

/** map_starts() - another owner begins at this byte than owned the one before */
bool map_starts(const struct map *map, unsigned int at);

/**
 * map_repeats() - how many rows after the one at @at are as it is, with nothing beginning in them
 * @values: what the guest reads there counts as well
 */
unsigned int map_repeats(const struct map *map, unsigned int at, bool values);

/** map_count() - how many bytes have this fate */
unsigned int map_count(const struct map *map, enum why_fate fate);

/** map_svg() - draw it as a picture */
void map_svg(const struct map *map, FILE *out);

#endif
