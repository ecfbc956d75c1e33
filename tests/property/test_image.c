/* SPDX-License-Identifier: BSD-3-Clause */
/* What a layout and a compiled view owe, whatever the function is. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contract.h"
#include "guest.h"
#include "holds.h"
#include "ram.h"

static unsigned int looked;

/* --- parsing --- */

static void check_caps(const struct subject *s, const struct pcg_cap *caps, unsigned int n, bool extended,
		       uint8_t *owned)
{
	unsigned int i, at, end = extended ? s->info.config_size : PCG_CONFIG_CONVENTIONAL;

	for (i = 0; i < n; i++) {
		unsigned int from = caps[i].offset, to = from + caps[i].length;

		HOLDS(s, caps[i].extended == extended, "%x: in the wrong chain", from);
		HOLDS(s, from % 4 == 0 && from >= (extended ? 0x100u : 0x40u), "%x: stands where none can", from);
		HOLDS(s, caps[i].length >= (extended ? 4 : 2) && to <= end, "%x: length %x", from, caps[i].length);
		for (at = from; at < to; at++)
			HOLDS(s, !owned[at]++, "%x: owned twice", at);
	}
}

/* Of its own size, so that a sanitizer sees a read past the end. */
static uint8_t *config_of(const struct subject *s)
{
	uint8_t *config = malloc(s->info.config_size);

	assert_non_null(config);
	memcpy(config, s->config, s->info.config_size);
	return config;
}

static void look_at_layout(const struct subject *s)
{
	uint8_t owned[PCG_CONFIG_EXTENDED] = { 0 }, *config = config_of(s);
	struct pcg_layout layout;
	int ret;

	ret = pcg_layout_parse(&layout, config, s->info.config_size, NULL);
	free(config);
	looked++;
	if (ret != 0) {
		HOLDS(s, ret == -ENODEV || ret == -ENOTSUP, "parsing ended with %d", ret);
		return;
	}
	check_caps(s, layout.caps, layout.ncaps, false, owned);
	check_caps(s, layout.ecaps, layout.necaps, true, owned);
}

static void parsing_ends_and_keeps_its_promises(void **state)
{
	(void)state;
	looked = 0;
	subjects_each(look_at_layout);
	assert_true(looked >= subject_rounds());
	print_message("# %u images\n", looked);
}

/* --- the image --- */

static int compile(struct pcg_view *view, const struct subject *s)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
	uint8_t *config = config_of(s);
	int ret = pcg_view_init(view, &s->info, config, &options, NULL);

	free(config);
	return ret;
}

/* Every fate that a bit can have; a combination that is not here is a contradiction. */
static bool is_a_fate(bool host, bool shadow, bool to_host, bool clear, bool zero)
{
	if (host) /* read-only, read-write, RW1C, or the host's to clear */
		return !shadow && to_host + clear + zero <= 1;
	if (to_host) /* the guest's own value, which hardware gets too */
		return shadow && !clear && !zero;
	return !clear && !(shadow && zero); /* constant, or the guest's own */
}

static void look_at_bits(const struct subject *s)
{
	struct pcg_view view;
	unsigned int dword, bit, decided = 0;

	if (compile(&view, s) != 0)
		return;
	looked++;
	for (dword = 0; dword < PCG_CONFIG_DWORDS; dword++) {
		HOLDS(s, contract_masks(&view, (uint16_t)dword), "%x: masks contradict", dword * 4);
		HOLDS(s, contract_read(&view, (uint16_t)dword), "%x: read_be %x, special %x", dword * 4,
		      view.read_be[dword], view.special[dword]);
		HOLDS(s, contract_hook(&view, (uint16_t)dword), "%x: hook %u", dword * 4, view.hook[dword]);
		if (dword * 4 >= s->info.config_size)
			HOLDS(s,
			      (view.read_host[dword] | view.write_host[dword] | view.write_shadow[dword] |
			       view.write_clear[dword] | view.shadow[dword] | view.hook[dword]) == 0,
			      "%x: past the end", dword * 4);
		for (bit = 0; bit < 32; bit++)
			decided += is_a_fate(view.read_host[dword] >> bit & 1, view.write_shadow[dword] >> bit & 1,
					     view.write_host[dword] >> bit & 1, view.write_clear[dword] >> bit & 1,
					     view.as_zero[dword] >> bit & 1);
	}
	HOLDS(s, contract_devctl(&view), "%x: a device control that the short path does not know", view.own.devctl * 4);
	HOLDS(s, decided == 32768, "%u bits decided", decided);
}

static void all_bits_are_decided(void **state)
{
	static const char *const profiles[] = { "guarded", "strict", "raw" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		profile = profiles[i];
		if (pcg_profile_find(profile) == NULL)
			continue;
		looked = 0;
		subjects_each(look_at_bits);
		print_message("# %s: %u images\n", profile, looked);
		assert_true(looked >= subject_rounds());
	}
}

static void look_twice(const struct subject *s)
{
	static struct pcg_view one, two;
	int ret;

	/* What was there before must not show. */
	memset(&one, 0x55, sizeof(one));
	memset(&two, 0xaa, sizeof(two));
	ret = compile(&one, s);
	HOLDS(s, compile(&two, s) == ret, "opens, and does not");
	if (ret != 0)
		return;
	looked++;
	HOLDS(s, memcmp(&one, &two, sizeof(one)) == 0, "two views differ");
	/* And after a life in between, power-on is power-on. */
	memset(one.shadow, 0x5a, sizeof(one.shadow));
	pcg_view_power_on(&one);
	pcg_view_power_on(&two);
	HOLDS(s, memcmp(&one, &two, sizeof(one)) == 0, "power-on leaves something behind");
}

static void opening_twice_gives_the_same_view(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; pcg_profile_name(i) != NULL; i++) {
		profile = pcg_profile_name(i);
		looked = 0;
		subjects_each(look_twice);
		assert_true(looked >= subject_rounds());
	}
}

/* --- a bound on MSI-X vectors --- */

static unsigned int bounded;

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* All of the image is as without, but for the eleven bits that say how many. */
static void look_at_bound(const struct subject *s)
{
	static const uint16_t bounds[] = { 1, 2, 3, 64, 2047, 2048 };
	static struct pcg_view free, bound;
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };
	const uint32_t size = (uint32_t)PCG_MSIX_SIZE << 16;

	if (pcg_view_init(&free, &s->info, s->config, &options, NULL) != 0)
		return;
	looked++;
	bounded += free.msix != 0;
	for (unsigned int i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		unsigned int dword = free.msix / 4u, most = least(bounds[i], free.msix_size);

		options.msix_vectors = bounds[i];
		HOLDS(s, pcg_view_init(&bound, &s->info, s->config, &options, NULL) == 0, "a bound is refused");
		HOLDS(s, bound.msix_vectors == most && bound.msix_most == most, "%u vectors", bound.msix_vectors);
		if (free.msix != 0 && most < free.msix_size) {
			HOLDS(s, (bound.power_on[dword] & size) >> 16 == most - 1, "Table Size %x",
			      bound.power_on[dword]);
			HOLDS(s, (bound.read_host[dword] & size) == 0, "Table Size is hardware's");
			/* And back again, as another client has it. */
			bound.msix_most = bound.msix_size;
			pcg_view_msix(&bound, 0);
		}
		HOLDS(s,
		      memcmp(bound.read_host, free.read_host, sizeof(free.read_host)) == 0 &&
			      memcmp(bound.write_shadow, free.write_shadow, sizeof(free.write_shadow)) == 0 &&
			      memcmp(bound.write_host, free.write_host, sizeof(free.write_host)) == 0 &&
			      memcmp(bound.read_be, free.read_be, sizeof(free.read_be)) == 0 &&
			      memcmp(bound.owner, free.owner, sizeof(free.owner)) == 0,
		      "more than Table Size has changed");
		bound.power_on[dword] = (bound.power_on[dword] & ~size) | (free.power_on[dword] & size);
		HOLDS(s, memcmp(bound.power_on, free.power_on, sizeof(free.power_on)) == 0,
		      "another value has changed");
	}
}

static void a_bound_changes_table_size_alone(void **state)
{
	static const char *const profiles[] = { "guarded", "strict", "linux" };

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		profile = profiles[i];
		looked = bounded = 0;
		subjects_each(look_at_bound);
		print_message("# %s: %u images, %u with MSI-X\n", profile, looked, bounded);
		assert_true(bounded > 0);
	}
}

/* --- chains --- */

static bool stands_in_layout(const struct pcg_layout *layout, unsigned int at)
{
	const struct pcg_cap *cap = pcg_layout_at(layout, (uint16_t)at);

	return cap != NULL && cap->offset == at;
}

static void look_at_chain(const struct subject *s)
{
	struct pcg_function *f;
	struct guest guest;
	unsigned int dword;
	struct ram ram;

	ram_init(&ram, s);
	f = ram_open(&ram, profile);
	if (f == NULL)
		return;
	looked++;
	guest_walk(&guest, &ram, f, s->info.config_size);
	HOLDS(s, guest.fault == NULL, "%s", guest.fault);
	for (dword = 0; dword < PCG_CONFIG_DWORDS; dword++)
		HOLDS(s, !guest.shown[dword] || stands_in_layout(&pcg_function_view(f)->layout, dword * 4),
		      "%x: shown, and not there", dword * 4);
	ram_close(f);
}

static void guest_chains_are_well_formed(void **state)
{
	static const char *const profiles[] = { "guarded", "strict" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		profile = profiles[i];
		if (pcg_profile_find(profile) == NULL)
			continue;
		looked = 0;
		subjects_each(look_at_chain);
		assert_true(looked >= subject_rounds());
	}
}

/* --- the corpus itself --- */

static void count(const struct subject *s)
{
	(void)s;
	looked++;
}

static void the_corpus_is_all_there(void **state)
{
	unsigned int found;

	(void)state;
	if (getenv("PCI_CORPUS") == NULL)
		skip();
	looked = 0;
	found = subjects_corpus(count);
	assert_int_equal(found, looked);
	assert_true(looked >= 100);
	print_message("# %u functions\n", looked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_is_all_there),      cmocka_unit_test(parsing_ends_and_keeps_its_promises),
		cmocka_unit_test(all_bits_are_decided),         cmocka_unit_test(opening_twice_gives_the_same_view),
		cmocka_unit_test(guest_chains_are_well_formed), cmocka_unit_test(a_bound_changes_table_size_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
