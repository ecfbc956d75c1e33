/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "view/made.h"

/* The controls of capabilities that were made up: what the guest wrote, what it meant, what became of it. */

#define PRI_BITS   (PCG_PRI_ENABLE | PCG_PRI_RESET)
#define PRI_CLEARS ((uint32_t)(PCG_PRI_FAILURE | PCG_PRI_UNEXPECTED) << 16)

int view_made(const struct pcg_view *view, const struct pcg_cap *cap)
{
	int kind;

	for (kind = 0; kind < PCG_NUM_MADE; kind++)
		if (cap->extended && view->pasid.at[kind] != 0 && view->pasid.at[kind] == cap->offset)
			return kind;
	return -1;
}

static uint16_t control(const struct pcg_view *view, enum pcg_made_kind kind, unsigned int offset)
{
	return view->pasid.at[kind] == 0 ? 0 : view_get16(view, view->pasid.at[kind] + offset);
}

void pcg_view_pasid(const struct pcg_view *view, struct pcg_pasid_control *c)
{
	uint16_t pasid = control(view, PCG_MADE_PASID, PCG_PASID_CTRL), pri = view->pasid.at[PCG_MADE_PRI];
	uint32_t allocation = pri != 0 ? view_get(view, pri + PCG_PRI_ALLOCATION) : 0;

	memset(c, 0, sizeof(*c));
	c->pasid = pasid & PCG_PASID_ENABLE;
	c->execute = pasid & PCG_PASID_EXECUTE;
	c->privileged = pasid & PCG_PASID_PRIVILEGED;
	c->ats = control(view, PCG_MADE_ATS, PCG_ATS_CTRL) & PCG_ATS_ENABLE;
	c->page_requests = control(view, PCG_MADE_PRI, PCG_PRI_CTRL) & PCG_PRI_ENABLE;
	/* 10.5.2.5: never more than there is room for. */
	c->allocation = allocation < view->pasid.requests ? allocation : view->pasid.requests;
}

static void put(struct pcg_view *view, enum pcg_made_kind kind, unsigned int offset, uint16_t bits, uint16_t value)
{
	unsigned int at = view->pasid.at[kind] + offset, shift = (at & 2u) * 8;

	if (view->pasid.at[kind] != 0)
		view_set(view, at, (uint32_t)bits << shift, (uint32_t)value << shift);
}

void pcg_view_pasid_set(struct pcg_view *view, const struct pcg_pasid_control *c)
{
	uint16_t pri = view->pasid.at[PCG_MADE_PRI];

	put(view, PCG_MADE_PASID, PCG_PASID_CTRL, PCG_PASID_ENABLE | PCG_PASID_EXECUTE | PCG_PASID_PRIVILEGED,
	    (uint16_t)((c->pasid ? PCG_PASID_ENABLE : 0) | (c->execute ? PCG_PASID_EXECUTE : 0) |
		       (c->privileged ? PCG_PASID_PRIVILEGED : 0)));
	put(view, PCG_MADE_ATS, PCG_ATS_CTRL, PCG_ATS_ENABLE, c->ats ? PCG_ATS_ENABLE : 0);
	put(view, PCG_MADE_PRI, PCG_PRI_CTRL, PCG_PRI_ENABLE, c->page_requests ? PCG_PRI_ENABLE : 0);
	if (pri != 0)
		view_set(view, pri + PCG_PRI_ALLOCATION, UINT32_MAX, c->allocation);
}

void pcg_view_page_status(struct pcg_view *view, uint16_t raised)
{
	raised &= PCG_PRI_FAILURE | PCG_PRI_UNEXPECTED | PCG_PRI_STOPPED;
	/* 10.5.2.3: one that is on has not stopped. */
	if (control(view, PCG_MADE_PRI, PCG_PRI_CTRL) & PCG_PRI_ENABLE)
		raised &= (uint16_t)~PCG_PRI_STOPPED;
	put(view, PCG_MADE_PRI, PCG_PRI_STATUS, raised, raised);
}

/* Control and status share a dword; the status bits that a one clears are nobody's but the view's. */
static void write_pri(struct pcg_view *view, uint32_t value, uint8_t be, struct pcg_view_write *w)
{
	uint32_t *shadow = &view->shadow[(view->pasid.at[PCG_MADE_PRI] + PCG_PRI_CTRL) / 4u];
	uint32_t started = ~w->before & *shadow & PCG_PRI_ENABLE;

	value &= view_mask(be);
	*shadow &= ~(value & PRI_CLEARS);
	if (started)
		*shadow &= ~((uint32_t)PCG_PRI_STOPPED << 16);
	/* 10.5.2.2: a reset counts where page requests are off, or go off by the same write. */
	w->page_reset = value & PCG_PRI_RESET && !(*shadow & PCG_PRI_ENABLE);
	w->after = *shadow;
	if (w->page_reset || (w->before ^ w->after) & PRI_BITS)
		w->effects |= PCG_EFFECT_PASID;
}

void view_pasid_write(struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value, struct pcg_view_write *w)
{
	uint16_t pri = view->pasid.at[PCG_MADE_PRI];

	if (pri != 0 && dword == (pri + PCG_PRI_CTRL) / 4u)
		write_pri(view, value, be, w);
	else if (w->before != w->after)
		w->effects |= PCG_EFFECT_PASID;
}
