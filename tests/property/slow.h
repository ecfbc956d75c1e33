/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The access core once more, as slow and plain as can be: bit by bit, by what a view's masks are said to mean in
 * <pcigate/view.h>. It shares no code with src/view. Power states and resets are left out: whoever plays keeps
 * away from them with slow_tame().
 */
#ifndef PROPERTY_SLOW_H
#define PROPERTY_SLOW_H

#include <pcigate/view.h>

struct slow {
	const struct pcg_view *view; /* its masks; never its shadow */
	uint8_t shadow[PCG_CONFIG_EXTENDED];
	uint8_t host[PCG_CONFIG_EXTENDED];
	uint8_t asked[PCG_CONFIG_EXTENDED];   /* bits that ones clear and where the guest wrote one */
	uint8_t changed[PCG_CONFIG_EXTENDED]; /* bits of the function that may have changed */
	unsigned int writes;                  /* how many times a dword of the function had to be written */
};

void slow_init(struct slow *slow, const struct pcg_view *view, const uint8_t *host);

/* What a guest reads. */
uint8_t slow_read(const struct slow *slow, unsigned int offset);

/* A guest writes: cut at dwords, in order. */
void slow_write(struct slow *slow, unsigned int offset, const uint8_t *data, unsigned int length);

/* Take out of a write what would reset the function or change its power state. */
void slow_tame(const struct pcg_view *view, unsigned int offset, uint8_t *data, unsigned int length);

#endif
