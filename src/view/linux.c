/* SPDX-License-Identifier: BSD-3-Clause */
#include "view/linux.h"

static uint32_t width_mask(unsigned int width)
{
	return width >= 4 ? UINT32_MAX : (1u << 8 * width) - 1;
}

uint8_t linux_get8(const struct pcg_view *view, unsigned int at)
{
	return at < PCG_CONFIG_EXTENDED ? (uint8_t)(view->shadow[at / 4] >> 8 * (at & 3)) : 0;
}

uint16_t linux_get16(const struct pcg_view *view, unsigned int at)
{
	return (uint16_t)(linux_get8(view, at) | linux_get8(view, at + 1) << 8);
}

void linux_put8(struct pcg_view *view, unsigned int at, uint8_t value)
{
	unsigned int shift = 8 * (at & 3);

	if (at < PCG_CONFIG_EXTENDED)
		view->shadow[at / 4] = (view->shadow[at / 4] & ~(0xffu << shift)) | (uint32_t)value << shift;
}

void linux_put16(struct pcg_view *view, unsigned int at, uint16_t value)
{
	linux_put8(view, at, (uint8_t)value);
	linux_put8(view, at + 1, (uint8_t)(value >> 8));
}

/* --- who owns what --- */

unsigned int linux_chunk(const struct pcg_view *view, unsigned int at, size_t left)
{
	unsigned int run = 1;

	while ((at + run) % 4 != 0 && view->owner[at] == view->owner[at + run])
		run++;
	if (left < run)
		run = (unsigned int)left;
	if (run >= 4)
		return 4;
	return run >= 2 && at % 2 == 0 ? 2 : 1;
}

/* Neighbours of the same id count as one capability (7.1 item 6), the header's id as none. */
static unsigned int start_of(const struct pcg_view *view, unsigned int at)
{
	unsigned int base = at >= PCG_CONFIG_CONVENTIONAL ? PCG_CONFIG_CONVENTIONAL : PCG_HEADER_END;
	uint8_t id = view->owner[at];

	if (id == LINUX_HEADER)
		return 0;
	while (at > base && view->owner[at - 1] == id)
		at--;
	return at;
}

/* --- what a chunk means; masks of the chunk alone, moved to their place at the end --- */

static void plan_direct(struct linux_plan *plan, unsigned int offset, bool raw)
{
	uint32_t all = width_mask(plan->width);

	if (plan->at >= PCG_CONFIG_CONVENTIONAL)
		plan->read_shadow = offset < 4 ? all : 0;
	else if (plan->at >= PCG_HEADER_END && offset == 0 && plan->width > 1)
		plan->read_shadow = 0xffff;
	else if (plan->at >= PCG_HEADER_END && offset == 1)
		plan->read_shadow = 0xff;
	if (raw)
		plan->write_host = all;
}

static void plan_table(struct linux_plan *plan, unsigned int offset, const struct linux_rows *rows)
{
	uint32_t virt = 0, write = 0;
	unsigned int i;

	for (i = 0; i < rows->count; i++) {
		const struct linux_row *row = &rows->row[i];

		if (row->at + 4u <= offset)
			continue;
		if (row->at >= offset + plan->width)
			break;
		if (row->at >= offset) {
			virt |= row->virt << 8 * (row->at - offset);
			write |= row->write << 8 * (row->at - offset);
		} else {
			virt |= row->virt >> 8 * (offset - row->at);
			write |= row->write >> 8 * (offset - row->at);
		}
	}
	virt &= width_mask(plan->width);
	write &= width_mask(plan->width);
	plan->read_shadow = virt;
	plan->write_shadow = write & virt;
	plan->write_host = write & ~virt;
}

static bool is_bar(unsigned int at)
{
	return (at >= PCG_BAR0 && at < PCG_BAR0 + 4 * PCG_NUM_BARS) || (at >= PCG_ROM && at < PCG_ROM + 4);
}

/* Whether the hook of an owner looks at this chunk. */
static enum linux_act act_of(enum linux_hook hook, unsigned int offset, unsigned int width)
{
	switch (hook) {
	case LINUX_ON_HEADER:
		if (offset == PCG_COMMAND)
			return LINUX_ACT_COMMAND;
		if (offset == PCG_COMMAND + 1)
			return LINUX_ACT_INTX;
		return is_bar(offset) ? LINUX_ACT_BAR : LINUX_ACT_NONE;
	case LINUX_ON_POWER:
		return offset == PCG_PM_CSR ? LINUX_ACT_POWER : LINUX_ACT_NONE;
	case LINUX_ON_VPD:
		/* The byte that holds the flag. */
		return offset <= 3 && offset + width > 3 ? LINUX_ACT_VPD : LINUX_ACT_NONE;
	case LINUX_ON_MSI:
		/* 7.1b.2: also what ends just before the flags. */
		return offset <= 2 && offset + width >= 2 ? LINUX_ACT_MSI : LINUX_ACT_NONE;
	case LINUX_ON_EXPRESS:
		return LINUX_ACT_EXPRESS;
	case LINUX_ON_AF:
		return LINUX_ACT_AF;
	case LINUX_NO_HOOK:
		break;
	}
	return LINUX_ACT_NONE;
}

static void plan_owned(const struct pcg_view *view, struct linux_plan *plan)
{
	uint8_t id = view->owner[plan->at];
	bool extended = plan->at >= PCG_CONFIG_CONVENTIONAL;
	const struct linux_cap *cap = extended ? linux_extended(id) : linux_standard(id);
	unsigned int offset;

	plan->start = (uint16_t)start_of(view, plan->at);
	offset = plan->at - plan->start;
	if (cap->access != LINUX_TABLE)
		plan_direct(plan, offset, cap->access == LINUX_DIRECT_RAW);
	else if (cap->rows != NULL)
		plan_table(plan, offset, cap->rows);
	else
		plan_table(plan, offset, &linux_msi[view->own.msi_layout & 3]);
	plan->act = act_of(cap->hook, offset, plan->width);
}

/* Not Linux's: a bound on MSI-X vectors is asked for, and the size of the table says it wherever Linux looks for it. */
static uint32_t bounded(const struct pcg_view *view, unsigned int at)
{
	if (view->msix_vectors == view->msix_size || at / 4 != view->msix / 4u)
		return 0;
	return (uint32_t)PCG_MSIX_SIZE << 16;
}

void linux_plan(const struct pcg_view *view, unsigned int at, unsigned int width, struct linux_plan *plan)
{
	unsigned int shift = 8 * (at & 3);

	plan->at = (uint16_t)at;
	plan->start = (uint16_t)at;
	plan->width = (uint8_t)width;
	plan->act = LINUX_ACT_NONE;
	plan->read_shadow = 0;
	plan->write_shadow = 0;
	plan->write_host = 0;
	switch (view->owner[at]) {
	case LINUX_NOBODY:
		plan->write_host = width_mask(width);
		break;
	case LINUX_VIRTUAL:
		plan->read_shadow = width_mask(width);
		plan->write_shadow = width_mask(width);
		break;
	default:
		plan_owned(view, plan);
	}
	plan->read_shadow = plan->read_shadow << shift | (bounded(view, at) & width_mask(width) << shift);
	plan->write_shadow <<= shift;
	plan->write_host <<= shift;
}

/* --- BARs --- */

void linux_bars(struct pcg_view *view)
{
	struct pcg_view_linux *own = &view->own;
	uint32_t *bars = &view->shadow[PCG_BAR0 / 4], *rom = &view->shadow[PCG_ROM / 4];
	unsigned int i;

	if (!own->bars_dirty)
		return;
	own->bars_dirty = false;
	for (i = 0; i < PCG_NUM_BARS; i++) {
		if (!own->bars[i].placed) {
			bars[i] = 0;
			continue;
		}
		bars[i] = (bars[i] & own->bars[i].low) | own->bars[i].type;
		/* 7.1b.1: bit 2 is taken for the 64-bit type, whatever the BAR decodes. */
		if (bars[i] & 4 && i + 1 < PCG_NUM_BARS) {
			bars[i + 1] &= own->bars[i].high;
			i++;
		}
	}
	*rom = own->bars[PCG_NUM_BARS].placed ? *rom & (own->bars[PCG_NUM_BARS].low | 1u) : 0;
}

/* --- reads --- */

void linux_before_read(struct pcg_view *view, unsigned int at, unsigned int width)
{
	uint8_t special = view->special[at / 4];
	unsigned int start, offset;

	if (special & PCG_SPECIAL_BAR && view->owner[at] == LINUX_HEADER)
		linux_bars(view);
	if (!(special & PCG_SPECIAL_MSI) || view->owner[at] != PCG_CAP_MSI || at >= PCG_CONFIG_CONVENTIONAL)
		return;
	/* 7.1 item 2: meant for the flags, done to the id. */
	start = start_of(view, at);
	offset = at - start;
	if (offset <= 2 && offset + width >= 2)
		linux_put8(view, start, (uint8_t)((linux_get8(view, start) & ~PCG_MSI_MMC) | view->own.msi_log2 << 1));
}

uint32_t linux_read(const struct pcg_view *view, const struct linux_plan *plan, uint32_t host)
{
	uint32_t shadow = view->shadow[plan->at / 4],
		 value = (shadow & plan->read_shadow) | (host & ~plan->read_shadow);

	if (view->special[plan->at / 4] & PCG_SPECIAL_MEMORY && plan->at == PCG_COMMAND &&
	    view->owner[plan->at] == LINUX_HEADER)
		value |= shadow & PCG_COMMAND_MEMORY;
	return value;
}

/* --- MSI --- */

void pcg_view_msi(struct pcg_view *view, unsigned int vectors)
{
	view->own.msi_on = vectors != 0;
	if (vectors == 0)
		return;
	view->own.msi_log2 = 0;
	while (view->own.msi_log2 < 5 && 1u << view->own.msi_log2 < vectors)
		view->own.msi_log2++;
}

uint16_t linux_msi_flags(struct pcg_view *view, unsigned int start)
{
	uint16_t flags = linux_get16(view, start + PCG_MSI_CONTROL);

	if (!view->own.msi_on)
		flags &= (uint16_t)~PCG_MSI_ENABLE;
	if ((flags & PCG_MSI_MME) >> 4 > view->own.msi_log2)
		flags = (uint16_t)((flags & ~PCG_MSI_MME) | view->own.msi_log2 << 4);
	linux_put16(view, start + PCG_MSI_CONTROL, flags);
	return flags;
}
