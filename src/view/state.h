/* SPDX-License-Identifier: BSD-3-Clause */
/* For the function room: virtual values that change by themselves. */
#ifndef VIEW_STATE_H
#define VIEW_STATE_H

#include <pcigate/view.h>

/** view_mask() - pcg_be_mask(), as a table */
static inline uint32_t view_mask(uint8_t be)
{
	static const uint32_t masks[16] = {
		0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
		0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
	};

	return masks[be & 15];
}

/** view_bytes() - byte enables of the bytes in which some bit is set */
static inline uint8_t view_bytes(uint32_t bits)
{
	/* Bit 7 of each byte, then the four of them next to each other. */
	bits = (((bits & 0x7f7f7f7fu) + 0x7f7f7f7fu) | bits) & 0x80808080u;
	return (uint8_t)((bits >> 7) * 0x10204080u >> 28);
}

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
