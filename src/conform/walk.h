/* SPDX-License-Identifier: BSD-3-Clause */
/* The capability chains as a guest meets them, walked once more: what the checks believe comes from here. */
#ifndef CONFORM_WALK_H
#define CONFORM_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WALK_MAX 512u

/* What is wrong with a chain; bits. */
enum walk_trouble {
	WALK_LOOP = 1,        /* it comes back to where it has been */
	WALK_UNALIGNED = 2,   /* a pointer's reserved low bits are not 0 */
	WALK_OUTSIDE = 4,     /* a pointer into the header, or from the extended chain below 100h */
	WALK_NO_ANSWER = 8,   /* a header of all ones */
	WALK_EMPTY_LIST = 16, /* Status says there are capabilities, the pointer is 0 */
};

/* One capability: @room bytes up to the next one or the end of its space. */
struct walk_cap {
	uint16_t at;
	uint16_t id;
	uint16_t room;
	uint16_t next;
	uint8_t version;
	bool extended;
};

struct walk {
	struct walk_cap cap[WALK_MAX];
	unsigned int ncaps;
	unsigned int standard; /* trouble of each chain */
	unsigned int extended;
	unsigned int standard_at; /* where it was met first */
	unsigned int extended_at;
};

/** walk_chains() - both chains of @size (256 or 4096) bytes; ends for every input */
void walk_chains(struct walk *walk, const uint8_t *config, size_t size);

/** walk_find() - the first instance, or NULL */
const struct walk_cap *walk_find(const struct walk *walk, unsigned int id, bool extended);

#endif
