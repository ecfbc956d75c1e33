/* SPDX-License-Identifier: BSD-3-Clause */
#include "pci/msix.h"
#include "policy/rule.h"
#include "view/compile.h"
#include "view/state.h"

/* PCIe 6.0, 7.8.6: a capability register and a control register for each BAR. */
#define CAP(n)        (4u + 8 * (n))
#define CTRL(n)       (8u + 8 * (n))
#define CTRL_BAR      0x00000007u
#define CTRL_COUNT    0x000000e0u
#define CTRL_SIZE     0x00003f00u
#define LARGEST       43u /* 7.8.6.3: the size field ends at 8 EB */
#define IN_CTRL       28u /* sizes from 256 TB up have their bits in the control register */
#define MEGABYTE      20u
#define LARGEST_MEM32 11u /* 2 GB */

static uint32_t control(const uint8_t *config, const struct pcg_cap *cap, unsigned int n)
{
	return pcg_get32(config + cap->offset + CTRL(n));
}

static unsigned int logarithm(uint64_t size)
{
	unsigned int log = 0;

	while (size > 1) {
		size >>= 1;
		log++;
	}
	return log;
}

bool rebar_check(const uint8_t *config, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS])
{
	unsigned int n, count, seen = 0;

	if (cap->length < CTRL(0) + 4)
		return false;
	count = (control(config, cap, 0) & CTRL_COUNT) >> 5;
	if (count == 0 || count > PCG_NUM_BARS || cap->length < CTRL(count - 1) + 4)
		return false;
	for (n = 0; n < count; n++) {
		unsigned int bar = control(config, cap, n) & CTRL_BAR, log;

		if (bar >= PCG_NUM_BARS || (bars[bar].kind != PCG_BAR_MEM32 && bars[bar].kind != PCG_BAR_MEM64))
			return false;
		log = logarithm(bars[bar].size);
		if (log < MEGABYTE || log - MEGABYTE > LARGEST || seen & 1u << bar)
			return false;
		seen |= 1u << bar;
	}
	return true;
}

/* --- what is on offer --- */

/* Whatever the size, the MSI-X table and its pending bits stay inside. */
static uint64_t hold_msix(const struct compiler *c, unsigned int bar)
{
	uint64_t end = 0, sizes = 0;
	struct pci_msix msix;
	unsigned int n;

	pci_msix_find(&msix, c->config, c->view->msix, c->info->bars);
	if (msix.vectors != 0 && msix.table.bar == bar)
		end = msix.table.end;
	if (msix.vectors != 0 && msix.pba.bar == bar && msix.pba.end > end)
		end = msix.pba.end;
	for (n = 0; n <= LARGEST; n++)
		if (UINT64_C(1) << (n + MEGABYTE) >= end)
			sizes |= UINT64_C(1) << n;
	return sizes;
}

/* More than the size that is there, or nothing. */
static uint64_t choice(const struct compiler *c, unsigned int bar)
{
	const struct pcg_bar *b = &c->info->bars[bar];
	uint64_t now = UINT64_C(1) << (logarithm(b->size) - MEGABYTE);
	uint64_t sizes = c->info->resizable[bar] & hold_msix(c, bar);

	if (b->kind == PCG_BAR_MEM32)
		sizes &= (UINT64_C(2) << LARGEST_MEM32) - 1;
	return (sizes & now) != 0 && sizes != now ? sizes : 0;
}

/* With two of these capabilities the sizes that one states are not those that the other was told (7.8.6). */
static bool is_only(const struct compiler *c)
{
	const struct pcg_layout *layout = &c->view->layout;
	unsigned int i, n = 0;

	for (i = 0; i < layout->necaps; i++)
		n += layout->ecaps[i].id == PCG_ECAP_REBAR;
	return n == 1;
}

void rebar_plan(struct compiler *c, const struct pcg_cap *cap)
{
	unsigned int count = (control(c->config, cap, 0) & CTRL_COUNT) >> 5, n;
	struct pcg_view *view = c->view;

	if (!view->options.rebar)
		return;
	for (n = 0; n < count && is_only(c) && !view->no_command_memory; n++) {
		unsigned int bar = control(c->config, cap, n) & CTRL_BAR;

		view->resizable[bar] = choice(c, bar);
		if (view->resizable[bar] != 0)
			view->rebar = cap->offset;
	}
	if (view->rebar != 0)
		return;
	pcg_say(c->log, PCG_INFO, cap->offset, 0,
		view->no_command_memory
			? "rebar: without a memory enable bit nothing can be resized: the sizes that are "
			  "there are shown"
			: "rebar: the backend cannot resize these BARs: the sizes that are there are shown");
}

static uint32_t size_field(const struct pcg_bar *bar)
{
	return (logarithm(bar->size) - MEGABYTE) << 8;
}

/* Entries that nobody can choose a size for, or that are none. */
static void fix(struct pcg_view *view, unsigned int dword)
{
	view->write_shadow[dword] = 0;
	view->hook[dword] = NO_HOOK;
}

static void limit_entry(struct pcg_view *view, unsigned int at, unsigned int n, const struct pcg_bar *bars)
{
	uint32_t *ctrl = &view->power_on[(at + CTRL(n)) / 4];
	unsigned int bar = *ctrl & CTRL_BAR;
	uint64_t sizes = view->resizable[bar];

	if (sizes == 0) {
		sizes = UINT64_C(1) << (logarithm(bars[bar].size) - MEGABYTE);
		fix(view, (at + CTRL(n)) / 4);
	}
	view->power_on[(at + CAP(n)) / 4] = (uint32_t)(sizes << 4);
	*ctrl = bar | (n == 0 ? *ctrl & CTRL_COUNT : 0) | size_field(&bars[bar]) | (uint32_t)(sizes >> IN_CTRL) << 16;
}

void rebar_limit(struct pcg_view *view, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS])
{
	unsigned int count = (view->power_on[(cap->offset + CTRL(0)) / 4] & CTRL_COUNT) >> 5, n;

	for (n = 0; n < count; n++)
		limit_entry(view, cap->offset, n, bars);
	for (; CTRL(n) + 4 <= cap->length; n++)
		fix(view, (cap->offset + CTRL(n)) / 4);
}

/* --- sizes that change --- */

void rebar_write(struct pcg_view *view, uint16_t dword, struct pcg_view_write *w)
{
	uint32_t before = w->before & CTRL_SIZE, wanted = w->after & CTRL_SIZE;

	view->shadow[dword] = w->before;
	w->after = w->before;
	if (wanted == before)
		return;
	w->effects |= PCG_EFFECT_RESIZE;
	w->bar = (uint8_t)(w->before & CTRL_BAR);
	w->log2 = (uint8_t)((wanted >> 8) + MEGABYTE);
}

static void put_size(struct pcg_view *view, unsigned int bar, uint32_t field)
{
	unsigned int count = (view_get(view, view->rebar + CTRL(0)) & CTRL_COUNT) >> 5, n;

	for (n = 0; n < count; n++) {
		unsigned int at = view->rebar + CTRL(n);

		if ((view_get(view, at) & CTRL_BAR) != bar)
			continue;
		view_set(view, at, CTRL_SIZE, field);
		view->power_on[at / 4] = (view->power_on[at / 4] & ~CTRL_SIZE) | field;
	}
}

/* 7.5.1.2.1: address bits below the size read 0, and take nothing. */
static void put_address(struct pcg_view *view, unsigned int n, uint32_t writable, uint32_t low)
{
	unsigned int dword = PCG_BAR0 / 4 + n;

	view->write_shadow[dword] = writable;
	view->power_on[dword] = low;
	view->shadow[dword] = (view->shadow[dword] & writable) | low;
}

void pcg_view_resize(struct pcg_view *view, unsigned int n, const struct pcg_bar *bar)
{
	uint64_t mask = pcg_bar_mask(bar);

	if (view->rebar == 0 || n >= PCG_NUM_BARS || view->resizable[n] == 0 || bar->size >> MEGABYTE == 0)
		return;
	put_size(view, n, size_field(bar));
	put_address(view, n, (uint32_t)mask, pcg_bar_low(bar));
	if (bar->kind == PCG_BAR_MEM64)
		put_address(view, n + 1, (uint32_t)(mask >> 32), 0);
}
