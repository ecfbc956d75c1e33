/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capabilities that a view makes up, on every image: each stands on bytes that are nobody's and in a chain that can be
 * walked, or it is refused with a reason. What is nobody's is judged here from the image alone.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/view.h>

#include "conform/walk.h"
#include "contract.h"
#include "holds.h"
#include "subject.h"

static const struct {
	uint16_t id;
	unsigned int length;
} kinds[PCG_NUM_MADE] = {
	[PCG_MADE_PASID] = { PCG_ECAP_PASID, 8 },
	[PCG_MADE_ATS] = { PCG_ECAP_ATS, 8 },
	[PCG_MADE_PRI] = { PCG_ECAP_PRI, 16 },
};

static const uint16_t places[] = { PCG_PLACE_ANY, PCG_PLACE_OWN, PCG_PLACE_GAP, 0xff8, 0x100, 0x704 };
#define NPLACES (sizeof(places) / sizeof(places[0]))

static struct pcg_view view, plain;
static struct pcg_view_options options;
static struct pcg_quirk quirk;
static unsigned int errors, placed[NPLACES], refused[NPLACES];
static char said[512];

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	if (n->level != PCG_ERROR)
		return;
	errors++;
	snprintf(said, sizeof(said), "%s", n->text);
}

/* The function's own layout, @plain's. */
static void check_bytes(const struct subject *s, unsigned int kind)
{
	unsigned int start = view.pasid.place[kind], at;
	const struct pcg_cap *cap = pcg_layout_at(&plain.layout, (uint16_t)start);

	HOLDS(s, start >= 0x100 && start % 4 == 0 && start + kinds[kind].length <= 0x1000, "%x: no place", start);
	if (cap != NULL && cap->offset == start && cap->id == kinds[kind].id && cap->length >= kinds[kind].length)
		return;
	for (at = start; at < start + kinds[kind].length; at++) {
		HOLDS(s, pcg_layout_at(&plain.layout, (uint16_t)at) == NULL, "%x: a capability's", at);
		HOLDS(s, s->config[at] == 0, "%x: not zero", at);
		HOLDS(s, at < quirk.start || at >= quirk.end, "%x: a quirk's", at);
	}
}

static uint32_t guest_dword(const struct pcg_view *v, const struct subject *s, unsigned int at)
{
	return pcg_view_read(v, (uint16_t)(at / 4), pcg_get32(s->config + at));
}

static bool is_ours(unsigned int at)
{
	unsigned int kind;

	for (kind = 0; kind < PCG_NUM_MADE; kind++)
		if (at >= view.pasid.at[kind] && at < view.pasid.at[kind] + kinds[kind].length)
			return true;
	return false;
}

/* Nothing else has changed: pointers, DEVCAP2's prefixes, and where nothing was. */
static void check_others(const struct subject *s)
{
	unsigned int at;

	for (at = 0x40; at < 0x1000; at += 4) {
		uint32_t bits = at >= 0x100 && view.power_on[at / 4] != plain.power_on[at / 4] ? 0xfff00000u : 0;

		if (at == (view.express + PCG_EXP_DEVCAP2) / 4u * 4u)
			bits = 0x00e00000;
		if (!is_ours(at))
			HOLDS(s, ((guest_dword(&view, s, at) ^ guest_dword(&plain, s, at)) & ~bits) == 0,
			      "%x: reads otherwise", at);
	}
}

/* Nothing of it reaches the function. */
static void check_image(const struct subject *s)
{
	unsigned int dword;

	for (dword = 0; dword < PCG_CONFIG_DWORDS; dword++) {
		HOLDS(s, contract_masks(&view, (uint16_t)dword), "%x: its masks contradict each other", dword * 4);
		HOLDS(s, contract_hook(&view, (uint16_t)dword), "%x: hook %u", dword * 4, view.hook[dword]);
		HOLDS(s, (view.hook[dword] == ON_PASID) <= is_ours(dword * 4), "%x: a hook", dword * 4);
		if (is_ours(dword * 4))
			HOLDS(s,
			      (view.read_host[dword] | view.write_host[dword] | view.write_clear[dword] |
			       view.as_zero[dword]) == 0,
			      "%x: reaches the function", dword * 4);
	}
}

static void check_chain(const struct subject *s)
{
	static struct walk walk;
	uint8_t guest[PCG_CONFIG_EXTENDED];
	unsigned int at, kind;

	for (at = 0; at < sizeof(guest); at += 4)
		pcg_put32(guest + at, guest_dword(&view, s, at));
	walk_chains(&walk, guest, sizeof(guest));
	HOLDS(s, walk.extended == 0, "the extended chain: %x at %x", walk.extended, walk.extended_at);
	for (kind = 0; kind < PCG_NUM_MADE; kind++) {
		const struct walk_cap *cap = walk_find(&walk, kinds[kind].id, true);

		HOLDS(s, cap != NULL && cap->at == view.pasid.at[kind], "%x: not in the chain", view.pasid.at[kind]);
		HOLDS(s, cap->room >= kinds[kind].length, "%x: the next begins in it", cap->at);
	}
}

static void set_options(const struct subject *s, unsigned int place)
{
	const uint16_t at = places[place];

	options = (struct pcg_view_options){ .profile = pcg_profile_find(profile), .quirks = &quirk, .nquirks = 1 };
	options.pasid.pasid = (struct pcg_made){ PCG_SHOWN_SPOKEN, at };
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, at > PCG_PLACE_GAP ? (uint16_t)PCG_PLACE_GAP : at };
	options.pasid.pri = (struct pcg_made){ PCG_SHOWN_SPOKEN, at > PCG_PLACE_GAP ? (uint16_t)PCG_PLACE_GAP : at };
	options.spoken = (struct pcg_pasid_wish){ 20, true, true, true, true };
	quirk = (struct pcg_quirk){ .vendor = PCG_QUIRK_ANY,
				    .device = PCG_QUIRK_ANY,
				    .subvendor = PCG_QUIRK_ANY,
				    .subsystem = PCG_QUIRK_ANY,
				    .revision_last = 0xff,
				    .kind = PCG_QUIRK_REGISTERS };
	quirk.start = (uint16_t)(0x100 + (s->config[0] * 52u & 0xffcu));
	quirk.end = (uint16_t)(quirk.start + 40);
}

static void look(const struct subject *s, unsigned int place)
{
	const struct pcg_log log = { .write = note };
	struct pcg_host_info info = s->info;
	unsigned int kind;
	int ret;

	set_options(s, place);
	info.pasid = (struct pcg_pasid_facts){ .width = 20,
					       .execute = true,
					       .ats = true,
					       .page_requests = 8,
					       .pasid_at = 0x2c0,
					       .ats_at = 0x2a0,
					       .pri_at = 0x2b0 };
	errors = 0;
	ret = pcg_view_init(&view, &info, s->config, &options, &log);
	if (ret != 0) {
		HOLDS(s, ret == -EINVAL && errors == 1 && said[0] != '\0', "%d with %u reasons: %s", ret, errors, said);
		refused[place]++;
		return;
	}
	placed[place]++;
	HOLDS(s, places[place] <= PCG_PLACE_GAP || view.pasid.at[PCG_MADE_PASID] == places[place], "elsewhere");
	for (kind = 0; kind < PCG_NUM_MADE; kind++)
		check_bytes(s, kind);
	check_image(s);
	check_chain(s);
	check_others(s);
}

static bool is_room(const struct subject *s, const struct pcg_layout *layout, unsigned int at)
{
	unsigned int i;

	for (i = at; i < at + 0x3c; i++)
		if (s->config[i] != 0 || pcg_layout_at(layout, (uint16_t)i) != NULL)
			return false;
	return true;
}

/* Most generated functions have no Express capability, and would be refused for that alone. */
static void give_express(struct subject *s)
{
	struct pcg_layout layout;
	unsigned int at;

	if (pcg_layout_parse(&layout, s->config, s->info.config_size, NULL) != 0 ||
	    pcg_layout_find(&layout, PCG_CAP_EXP) != NULL)
		return;
	for (at = 0x40; at <= 0xc4 && !is_room(s, &layout, at); at += 4)
		;
	if (at > 0xc4)
		return;
	s->config[at] = PCG_CAP_EXP;
	s->config[at + 1] = s->config[PCG_STATUS] & PCG_STATUS_CAPABILITIES ? s->config[PCG_CAPABILITIES] : 0;
	s->config[at + 2] = 2;
	s->config[PCG_CAPABILITIES] = (uint8_t)at;
	s->config[PCG_STATUS] |= PCG_STATUS_CAPABILITIES;
}

static void look_at_places(const struct subject *s)
{
	static const char *const profiles[] = { "guarded", "strict" };
	unsigned int i, place;

	for (i = 0; i < 2; i++) {
		const struct pcg_view_options none = { .profile = pcg_profile_find(profiles[i]) };

		profile = profiles[i];
		if (pcg_view_init(&plain, &s->info, s->config, &none, NULL) != 0)
			continue;
		for (place = 0; place < NPLACES; place++)
			look(s, place);
	}
}

static void look_at_all(const struct subject *subject)
{
	struct subject s = *subject;

	look_at_places(&s);
	give_express(&s);
	look_at_places(&s);
	/* Of the vendor, and not listed. */
	s.config[0xffb] |= 0x40;
	look_at_places(&s);
}

static void they_stand_where_nothing_is_or_say_why_not(void **state)
{
	unsigned int place;

	(void)state;
	subjects_each(look_at_all);
	for (place = 0; place < NPLACES; place++) {
		print_message("# at %x: %u placed, %u refused\n", places[place], placed[place], refused[place]);
		assert_true(placed[place] > 0);
		assert_true(refused[place] > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_stand_where_nothing_is_or_say_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
