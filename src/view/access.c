/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"
#include "view/made.h"

#define DEVCTL_HIGH 2u /* byte enable of DEVCTL's upper byte: MRRS and FLR */

/* A request size goes to the function with every write of its byte: what hardware holds may be the host's. */
static bool writes_mrrs(const struct pcg_view *view, uint16_t dword, uint8_t be)
{
	return view->hook[dword] == ON_DEVCTL && be & DEVCTL_HIGH;
}

/* Bytes of the function that this write changes. */
static uint8_t touched(const struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value)
{
	uint32_t bits = (view->write_host[dword] | (view->write_clear[dword] & value)) & view_mask(be);

	return (uint8_t)(view_bytes(bits) | (writes_mrrs(view, dword, be) ? DEVCTL_HIGH : 0));
}

/* Bits that stand beside those written and must keep their value. */
static uint32_t kept(const struct pcg_view *view, uint16_t dword)
{
	return ~(view->write_host[dword] | view->write_clear[dword] | view->as_zero[dword]);
}

uint8_t pcg_view_write_needs(const struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value)
{
	uint8_t host_be = touched(view, dword, be, value);
	uint8_t needs = view_bytes(view_mask(host_be) & kept(view, dword));

	/* The floor of the request size stands in DEVCTL's lower byte. */
	return writes_mrrs(view, dword, be) ? needs | 3 : needs;
}

static void on_power(struct pcg_view *view, uint16_t dword, struct pcg_view_write *w)
{
	static const uint16_t offered[] = { [PCG_D1] = 0x0200, [PCG_D2] = 0x0400, [PCG_D3HOT] = 0 };
	unsigned int state = w->after & PCG_PM_STATE;
	bool absent = offered[state] != 0 && !(view_get16(view, view->pm + PCG_PM_PMC) & offered[state]);
	/* PCI PM 1.2, 5.4: from any state up only to D0. */
	bool backwards = state != PCG_D0 && state < (w->before & PCG_PM_STATE);

	if (dword != (view->pm + PCG_PM_CSR) / 4)
		return;
	/* PCI PM 1.2, 3.2.4: a state that the function cannot reach leaves it where it is. */
	if (absent || backwards) {
		view_set(view, view->pm + PCG_PM_CSR, PCG_PM_STATE, w->before);
		w->after = view->shadow[dword];
		return;
	}
	if ((w->before ^ w->after) & PCG_PM_STATE) {
		w->effects |= PCG_EFFECT_POWER;
		w->power = (enum pcg_power)state;
	}
}

static void on_devctl(const struct pcg_view *view, uint32_t value, uint8_t be, uint32_t host, struct pcg_view_write *w)
{
	unsigned int field;

	if (!(be & DEVCTL_HIGH))
		return;
	if (value & PCG_DEVCTL_FLR && view_get(view, view->express + PCG_EXP_DEVCAP) & PCG_DEVCAP_FLR)
		w->effects |= PCG_EFFECT_FLR;
	field = policy_mrrs((w->after & PCG_DEVCTL_MRRS) >> 12, (uint16_t)host);
	w->host = (w->host & ~(uint32_t)PCG_DEVCTL_MRRS) | field << 12;
}

/* The AF capability's control byte, alone in the low byte of its dword. */
static void on_af(const struct pcg_view *view, uint16_t dword, uint32_t value, uint8_t be, struct pcg_view_write *w)
{
	uint32_t cap = view_get(view, view->af) >> 24;

	if (dword == (view->af + PCG_AF_CTRL) / 4 && be & 1 && value & PCG_AF_CTRL_FLR &&
	    (cap & (PCG_AF_CAP_FLR | PCG_AF_CAP_TP)) == (PCG_AF_CAP_FLR | PCG_AF_CAP_TP))
		w->effects |= PCG_EFFECT_FLR;
}

static void on_write(struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value, uint32_t host,
		     struct pcg_view_write *w)
{
	switch ((enum rule_hook)view->hook[dword]) {
	case ON_COMMAND:
		if (be & 3)
			w->effects |= PCG_EFFECT_COMMAND;
		break;
	case ON_POWER:
		on_power(view, dword, w);
		break;
	case ON_DEVCTL:
		on_devctl(view, value, be, host, w);
		break;
	case ON_AF:
		on_af(view, dword, value, be, w);
		break;
	case ON_MSI:
		w->effects |= PCG_EFFECT_MSI;
		break;
	case ON_MSIX:
		w->effects |= PCG_EFFECT_MSIX;
		break;
	case ON_PASID:
		view_pasid_write(view, dword, be, value, w);
		break;
	case ON_REBAR:
		rebar_write(view, dword, w);
		break;
	case NO_HOOK:
	case NUM_HOOKS:
		break;
	}
}

void pcg_view_write(struct pcg_view *view, uint16_t dword, uint8_t be, uint32_t value, uint32_t host,
		    struct pcg_view_write *result)
{
	uint32_t shadow = view->write_shadow[dword] & view_mask(be);

	result->effects = 0;
	result->power = PCG_D0;
	result->page_reset = false;
	result->host_be = touched(view, dword, be, value);
	result->host = (host & kept(view, dword)) | (value & (view->write_host[dword] | view->write_clear[dword]));
	result->before = view->shadow[dword];
	view->shadow[dword] = (view->shadow[dword] & ~shadow) | (value & shadow);
	result->after = view->shadow[dword];
	/* What writes set off under `linux` goes by the chunk; the function room knows. */
	if (view->hook[dword] != NO_HOOK && !view->chunked)
		on_write(view, dword, be, value, host, result);
}

bool pcg_view_memory_on(const struct pcg_view *view)
{
	return !view->mediated || view->shadow[PCG_COMMAND / 4] & PCG_COMMAND_MEMORY;
}

bool pcg_view_io_on(const struct pcg_view *view)
{
	return !view->mediated || view->shadow[PCG_COMMAND / 4] & PCG_COMMAND_IO;
}
