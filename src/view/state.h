/* SPDX-License-Identifier: BSD-3-Clause */
/* For the function room: virtual values that change by themselves. */
#ifndef VIEW_STATE_H
#define VIEW_STATE_H

#include <pcigate/view.h>

/** view_get() - the virtual value of a dword */
static inline uint32_t view_get(const struct pcg_view *view, unsigned int offset)
{
	return view->shadow[offset / 4];
}

/** view_set() - replace some virtual bits of a dword */
static inline void view_set(struct pcg_view *view, unsigned int offset, uint32_t bits, uint32_t value)
{
	uint32_t *shadow = &view->shadow[offset / 4];

	*shadow = (*shadow & ~bits) | (value & bits);
}

/** view_get16() - the virtual value of an aligned word */
static inline uint16_t view_get16(const struct pcg_view *view, unsigned int offset)
{
	return (uint16_t)(view_get(view, offset) >> ((offset & 2u) * 8));
}

#endif
