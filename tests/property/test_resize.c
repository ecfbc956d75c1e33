/* SPDX-License-Identifier: BSD-3-Clause */
/* Resizable BARs of every image: truthful where the backend cannot resize, coherent where it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/view.h>

#include "contract.h"
#include "holds.h"
#include "subject.h"

#define CTRL 8u

static const char *const profiles[] = { "guarded", "strict" };
static unsigned int resizable;

static int compile(struct pcg_view *view, const struct pcg_host_info *info, const struct subject *s, bool rebar)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile), .rebar = rebar };

	return pcg_view_init(view, info, s->config, &options, NULL);
}

/* A record has one size, and so has what else cannot resize. */
static void look_at_fixed(const struct subject *s)
{
	static struct pcg_view without, with;

	if (compile(&without, &s->info, s, false) != 0)
		return;
	HOLDS(s, compile(&with, &s->info, s, true) == 0, "the policy is refused");
	with.options.rebar = false;
	HOLDS(s, memcmp(&with, &without, sizeof(with)) == 0, "the policy changes what cannot be resized");
}

static void what_cannot_be_resized_is_as_without(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		profile = profiles[i];
		subjects_each(look_at_fixed);
	}
}

static uint64_t mask_of(struct pcg_view *view, unsigned int bar, bool wide)
{
	struct pcg_view_write w;
	unsigned int dword = PCG_BAR0 / 4 + bar;
	uint64_t mask;

	pcg_view_write(view, (uint16_t)dword, 15, UINT32_MAX, 0, &w);
	mask = view->shadow[dword] & ~15u;
	if (!wide)
		return mask | UINT64_C(0xffffffff) << 32;
	pcg_view_write(view, (uint16_t)(dword + 1), 15, UINT32_MAX, 0, &w);
	return mask | (uint64_t)view->shadow[dword + 1] << 32;
}

static void resize(const struct subject *s, struct pcg_view *view, unsigned int at, struct pcg_bar *bars,
		   unsigned int n)
{
	uint32_t before = view->shadow[at / 4];
	unsigned int bar = before & 7, now = before >> 8 & 0x3f;
	struct pcg_view_write w;

	pcg_view_write(view, (uint16_t)(at / 4), 15, n << 8, 0, &w);
	HOLDS(s, view->shadow[at / 4] == before && w.host_be == 0, "%x: a write alone changes something", at);
	HOLDS(s, (w.effects == PCG_EFFECT_RESIZE) == (n != now), "%x: effects %x", at, w.effects);
	if (n == now || (view->resizable[bar] >> n & 1) == 0)
		return;
	HOLDS(s, w.bar == bar && w.log2 == n + 20, "%x: BAR %u, 2^%u bytes", at, w.bar, w.log2);
	bars[bar].size = UINT64_C(1) << w.log2;
	pcg_view_resize(view, w.bar, &bars[bar]);
	HOLDS(s, view->shadow[at / 4] == ((before & ~0x3f00u) | n << 8), "%x: reads %x", at, view->shadow[at / 4]);
	HOLDS(s, ~mask_of(view, bar, bars[bar].kind == PCG_BAR_MEM64) + 1 == bars[bar].size, "BAR %u: another size",
	      bar);
	pcg_view_reset(view);
	HOLDS(s, (view->shadow[at / 4] >> 8 & 0x3f) == n, "%x: a reset changes the size", at);
}

/* Whatever a backend claims to be able to. */
static void look_at_resizable(const struct subject *s)
{
	static struct pcg_view view, again;
	struct pcg_host_info info = s->info;
	unsigned int i, n, at, end;

	for (i = 0; i < PCG_NUM_BARS; i++)
		info.resizable[i] = UINT64_MAX;
	if (compile(&view, &info, s, true) != 0 || view.rebar == 0)
		return;
	resizable++;
	/* PCIe 6.0, 7.8.6.3: how many BARs stands in the first control register; behind them others' registers may be.
	 */
	end = view.rebar + CTRL + 8 * (view.shadow[(view.rebar + CTRL) / 4] >> 5 & 7);
	for (at = view.rebar + CTRL; at < end && at < PCG_CONFIG_EXTENDED; at += 8) {
		if ((view.write_shadow[at / 4] & 0x3f00) == 0)
			continue;
		for (n = 0; n < 64; n++)
			resize(s, &view, at, info.bars, n);
	}
	HOLDS(s, pcg_bars_check(info.bars) == 0, "BARs that cannot be");
	/* One that is compiled with the sizes of now is the same. */
	HOLDS(s, compile(&again, &info, s, true) == 0, "a resized function is refused");
	pcg_view_power_on(&view);
	HOLDS(s, memcmp(again.power_on, view.power_on, sizeof(view.power_on)) == 0, "power-on values differ");
	HOLDS(s, memcmp(again.write_shadow, view.write_shadow, sizeof(view.write_shadow)) == 0, "writable bits differ");
	HOLDS(s, memcmp(again.hook, view.hook, sizeof(view.hook)) == 0, "hooks differ");
	for (i = 0; i < PCG_CONFIG_DWORDS; i++) {
		HOLDS(s, contract_masks(&view, (uint16_t)i), "%x: masks contradict", i * 4);
		HOLDS(s, contract_hook(&view, (uint16_t)i), "%x: hook %u", i * 4, view.hook[i]);
	}
}

/* The images have few of them: each gets one, in front of all else, for all of its memory BARs. */
static void look_at_implanted(const struct subject *s)
{
	static struct subject with;
	unsigned int i, n = 0;

	with = *s;
	if (with.info.config_size != PCG_CONFIG_EXTENDED)
		return;
	for (i = 0; i < PCG_NUM_BARS; i++) {
		struct pcg_bar *bar = &with.info.bars[i];

		if (bar->kind != PCG_BAR_MEM32 && bar->kind != PCG_BAR_MEM64)
			continue;
		if (bar->size < UINT64_C(1) << 20)
			bar->size = UINT64_C(1) << 20;
		pcg_put32(with.config + 0x104 + 8 * n, 0xfffffff0);
		pcg_put32(with.config + 0x108 + 8 * n++, i);
	}
	pcg_put32(with.config + 0x100, 0x80010015);
	pcg_put32(with.config + 0x108, pcg_get32(with.config + 0x108) | n << 5);
	if (n > 0)
		look_at_resizable(&with);
}

static void what_is_resized_is_coherent(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		profile = profiles[i];
		resizable = 0;
		subjects_each(look_at_resizable);
		subjects_each(look_at_implanted);
		print_message("# %s: %u images with BARs to resize\n", profile, resizable);
		assert_true(resizable > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_cannot_be_resized_is_as_without),
		cmocka_unit_test(what_is_resized_is_coherent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
