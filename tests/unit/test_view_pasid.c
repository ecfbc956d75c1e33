/* SPDX-License-Identifier: BSD-3-Clause */
/* PASID, ATS and PRI capabilities that a view makes up: what they show, where they stand, why they do not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "conform/walk.h"
#include "recorder.h"

#define GAP 0x180u /* the longest run: behind the serial number, with a hole before */

static struct recorder r;
static struct pcg_view view;
static char said[1024];
static unsigned int errors, warnings;

static void note(void *arg, const struct pcg_note *n)
{
	(void)arg;
	if (n->level > PCG_WARN)
		return;
	errors += n->level == PCG_ERROR;
	warnings += n->level == PCG_WARN;
	strncat(said, n->text, sizeof(said) - strlen(said) - 1);
}

static struct pcg_view_options options;

static void set_up(void)
{
	recorder_init(&r);
	recorder_pasid(&r);
	pcg_put32(r.config + 0x170, 0x12345678);
	pcg_put32(r.config + 0x17c, 0x1);
	options = (struct pcg_view_options){ .profile = pcg_profile_find("guarded") };
	options.pasid.pasid = (struct pcg_made){ PCG_SHOWN_SPOKEN, PCG_PLACE_GAP };
	options.spoken = (struct pcg_pasid_wish){ 20, true, true, true, true };
}

static int compile(void)
{
	const struct pcg_log log = { .write = note };

	said[0] = '\0';
	errors = warnings = 0;
	return pcg_view_init(&view, &r.host.info, r.config, &options, &log);
}

static void assert_shown(void)
{
	assert_int_equal(compile(), 0);
	assert_int_equal(errors, 0);
}

static void assert_refused(const char *words)
{
	assert_int_equal(compile(), -EINVAL);
	assert_int_equal(errors, 1);
	if (strstr(said, words) == NULL)
		fail_msg("said \"%s\", not \"%s\"", said, words);
}

static uint32_t reads(unsigned int at)
{
	return pcg_view_read(&view, (uint16_t)(at / 4), pcg_get32(r.config + (at & ~3u)));
}

/* A write of one dword that must not reach the function. */
static uint32_t writes(unsigned int at, uint8_t be, uint32_t value)
{
	struct pcg_view_write w;

	pcg_view_write(&view, (uint16_t)(at / 4), be, value, pcg_get32(r.config + (at & ~3u)), &w);
	assert_int_equal(w.host_be, 0);
	return w.effects;
}

static const struct walk_cap *finds(unsigned int id)
{
	static struct walk walk;
	uint8_t guest[PCG_CONFIG_EXTENDED];
	unsigned int at;

	for (at = 0; at < sizeof(guest); at += 4)
		pcg_put32(guest + at, reads(at));
	walk_chains(&walk, guest, sizeof(guest));
	assert_int_equal(walk.standard | walk.extended, 0);
	return walk_find(&walk, id, true);
}

static void place(uint16_t at)
{
	options.pasid.pasid.at = at;
}

/* --- what is shown --- */

static void without_a_policy_nothing_is_made_up(void **state)
{
	(void)state;
	set_up();
	options.pasid.pasid.shown = PCG_SHOWN_NEVER;
	assert_shown();
	assert_null(finds(PCG_ECAP_PASID));
	assert_int_equal(reads(GAP), 0);
}

static void it_is_hidden_until_the_client_has_spoken(void **state)
{
	(void)state;
	set_up();
	memset(&options.spoken, 0, sizeof(options.spoken));
	assert_shown();
	assert_null(finds(PCG_ECAP_PASID));
	assert_int_equal(view.pasid.place[PCG_MADE_PASID], GAP);
	options.spoken.width = 20;
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, GAP);
}

static void a_place_that_is_taken_is_refused_before_anybody_spoke(void **state)
{
	(void)state;
	set_up();
	memset(&options.spoken, 0, sizeof(options.spoken));
	place(AT_DSN);
	assert_refused("Device Serial Number");
}

static void no_bit_is_shown_that_the_backend_does_not_enforce(void **state)
{
	unsigned int width, bits;

	(void)state;
	for (width = 1; width <= 20; width++)
		for (bits = 0; bits < 4; bits++) {
			uint32_t shown = (uint32_t)width << 8 | (bits & 1 ? 2 : 0) | (bits & 2 ? 4 : 0);

			set_up();
			r.host.info.pasid.width = (uint8_t)width;
			r.host.info.pasid.execute = bits & 1;
			r.host.info.pasid.privileged = bits & 2;
			assert_shown();
			assert_int_equal(reads(GAP + 4), shown);
			/* What cannot be had cannot be turned on. */
			writes(GAP + 4, 0xf, 0xffffffff);
			assert_int_equal(reads(GAP + 4), shown | ((shown & 6) | 1) << 16);
			writes(GAP + 4, 0xf, 0);
			assert_int_equal(reads(GAP + 4), shown);
		}
}

static void the_operator_can_ask_for_less(void **state)
{
	(void)state;
	set_up();
	options.pasid.width = 9;
	assert_shown();
	assert_int_equal(reads(GAP + 4), 0x0906);
	options.pasid.width = 20;
	assert_shown();
	assert_int_equal(reads(GAP + 4), 0x1006);
}

static void a_backend_that_enforces_nothing_says_why(void **state)
{
	(void)state;
	set_up();
	r.host.info.pasid = (struct pcg_pasid_facts){ .why = "the moon is full" };
	assert_refused("pasid: the moon is full");
	r.host.info.pasid.why = NULL;
	assert_refused("enforces nothing");
}

static void what_is_forced_is_labelled_and_permits_nothing(void **state)
{
	(void)state;
	set_up();
	memset(&options.spoken, 0, sizeof(options.spoken));
	r.host.info.pasid = (struct pcg_pasid_facts){ .why = "no", .execute = true, .privileged = true };
	options.pasid.pasid.shown = PCG_SHOWN_FORCED;
	options.pasid.width = 12;
	assert_shown();
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(said, "configuration only"));
	assert_int_equal(reads(GAP + 4), 0x0c00);
}

static void a_function_that_sends_pasids_says_that_it_sends_prefixes(void **state)
{
	(void)state;
	set_up();
	assert_shown();
	assert_int_equal(reads(AT_EXP + PCG_EXP_DEVCAP2) & 0x00e00000, 0x00600000);
	/* One that sends them anyway sends as many as it does. */
	pcg_put32(r.config + AT_EXP + PCG_EXP_DEVCAP2, 0x00a00000);
	assert_shown();
	assert_int_equal(reads(AT_EXP + PCG_EXP_DEVCAP2) & 0x00e00000, 0x00a00000);
	options.spoken.width = 0;
	pcg_put32(r.config + AT_EXP + PCG_EXP_DEVCAP2, 0);
	assert_shown();
	assert_int_equal(reads(AT_EXP + PCG_EXP_DEVCAP2), 0);
}

static void a_vf_is_shown_them_as_any_function_is(void **state)
{
	(void)state;
	set_up();
	r.host.info.is_vf = true;
	r.host.info.vendor = 0x8086;
	r.host.info.device = 0x1234;
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x400 };
	place(GAP);
	assert_shown();
	assert_int_equal(reads(GAP + 4), 0x1006);
	assert_int_equal(reads(AT_EXP + PCG_EXP_DEVCAP2) & 0x00e00000, 0x00600000);
	/* The guest knows of no PF whose translation unit counted. */
	writes(0x404, 0xc, 0x801f0000);
	assert_int_equal(reads(0x404), 0x801f0021);
}

static void page_requests_have_a_pasid_where_there_are_pasids(void **state)
{
	(void)state;
	set_up();
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x400 };
	options.pasid.pri = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x500 };
	assert_shown();
	assert_int_equal(reads(0x504), 0x81000000);
	assert_int_equal(reads(0x508), 32);
	options.spoken.width = 0;
	assert_shown();
	assert_int_equal(reads(0x504), 0x01000000);
}

static void each_control_bit_of_page_requests_acts_as_it_should(void **state)
{
	struct pcg_view_write w;

	(void)state;
	set_up();
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x400 };
	options.pasid.pri = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x500 };
	assert_shown();
	assert_int_equal(writes(0x504, 0x3, 0x1), PCG_EFFECT_PASID);
	assert_int_equal(reads(0x504), 0x80000001);
	pcg_view_page_status(&view, 3);
	/* Beside a control write the ones of the status are not written, with the dword they are. */
	assert_int_equal(writes(0x504, 0x3, 0xffff0001), 0);
	assert_int_equal(reads(0x504), 0x80030001);
	assert_int_equal(writes(0x504, 0xf, 0xffff0001), 0);
	assert_int_equal(reads(0x504), 0x80000001);
	/* Reset counts when it is off, or goes off by the same write. */
	pcg_view_write(&view, 0x504 / 4, 0x3, 3, 0, &w);
	assert_false(w.page_reset);
	pcg_view_write(&view, 0x504 / 4, 0x3, 2, 0, &w);
	assert_true(w.page_reset);
	assert_int_equal(reads(0x504) & 3, 0);
	assert_int_equal(writes(0x50c, 0xf, 0x01234567), PCG_EFFECT_PASID);
	assert_int_equal(reads(0x50c), 0x01234567);
	writes(0x508, 0xf, 0);
	assert_int_equal(reads(0x508), 32);
}

/* --- where --- */

static void at_its_own_place_it_replaces_the_functions_own(void **state)
{
	(void)state;
	set_up();
	place(PCG_PLACE_OWN);
	pcg_put32(r.config + AT_PASID + 4, 0x00071f06);
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, AT_PASID);
	assert_int_equal(reads(AT_PASID), 0x1601001b);
	assert_int_equal(reads(AT_PASID + 4), 0x1006);
}

static void elsewhere_the_functions_own_stays_hidden(void **state)
{
	(void)state;
	set_up();
	assert_shown();
	assert_int_equal(reads(AT_PASID), 0);
	assert_int_equal(reads(AT_DSN) >> 20, GAP);
}

static void a_pf_says_where_its_vfs_have_room(void **state)
{
	(void)state;
	set_up();
	pcg_put32(r.config + AT_AER, 0x16020001);
	pcg_put32(r.config + AT_PASID, 0);
	pcg_put32(r.config + AT_PASID + 4, 0);
	place(PCG_PLACE_OWN);
	assert_refused("neither the function nor its PF");
	r.host.info.pasid.pasid_at = 0x7f0;
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, 0x7f0);
	r.host.info.pasid.pasid_at = AT_DSN + 4;
	assert_refused("Device Serial Number");
	/* Where it is not insisted on, another place is found. */
	place(PCG_PLACE_ANY);
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, GAP);
}

static void any_free_offset_will_do(void **state)
{
	unsigned int at;

	(void)state;
	for (at = GAP; at <= 0xff8; at += 4) {
		set_up();
		place((uint16_t)at);
		assert_shown();
		assert_int_equal(finds(PCG_ECAP_PASID)->at, at);
	}
}

static void what_is_in_the_way_is_named(void **state)
{
	static const struct {
		uint16_t at;
		const char *words;
	} cases[] = {
		{ AT_AER, "at 0x100 stands Advanced Error Reporting" },
		{ AT_AER + 0x20, "at 0x120 stands Advanced Error Reporting (from 0x100)" },
		{ AT_PASID + 4, "Process Address Space ID" },
		{ AT_DSN - 4, "at 0x160 stands Device Serial Number" },
		{ 0x16c, "0x170 stands a byte that is not zero" },
		{ 0x178, "0x17c stands a byte that is not zero" },
		{ 0x3a4, "0x3a7 stands a byte that is not zero" },
		{ 0xff8, "0xfff stands a byte that is not zero" },
		{ 0xffc, "multiple of 4" },
		{ 0x182, "multiple of 4" },
		{ 0x0f8, "multiple of 4" },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_up();
		r.config[0xfff] = 1;
		r.config[0x3a7] = 0x80;
		place(cases[i].at);
		assert_refused(cases[i].words);
	}
}

static void a_quirks_registers_are_in_the_way(void **state)
{
	static const enum pcg_quirk_kind kinds[] = { PCG_QUIRK_OPEN_READ, PCG_QUIRK_OPEN_WRITE, PCG_QUIRK_CLOSE,
						     PCG_QUIRK_REGISTERS };
	struct pcg_quirk quirk = { .vendor = 0x8086,
				   .device = 0x1234,
				   .subvendor = PCG_QUIRK_ANY,
				   .subsystem = PCG_QUIRK_ANY,
				   .revision_last = 0xff,
				   .start = 0xffb,
				   .end = 0xffc };
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		set_up();
		quirk.kind = kinds[i];
		options.quirks = &quirk;
		options.nquirks = 1;
		place(0xff8);
		assert_refused("a quirk's registers");
		place(0xff0);
		assert_shown();
		quirk.device = 0x1235;
		place(0xff8);
		assert_shown();
		quirk.device = 0x1234;
	}
}

static void a_gap_is_found_past_what_is_taken(void **state)
{
	struct pcg_quirk quirk = { .vendor = PCG_QUIRK_ANY,
				   .device = PCG_QUIRK_ANY,
				   .subvendor = PCG_QUIRK_ANY,
				   .subsystem = PCG_QUIRK_ANY,
				   .revision_last = 0xff,
				   .kind = PCG_QUIRK_REGISTERS,
				   .start = 0x148,
				   .end = 0xd00 };

	(void)state;
	set_up();
	options.quirks = &quirk;
	options.nquirks = 1;
	r.config[0xff9] = 1;
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, 0xd00);
	quirk.end = 0xff0;
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_PASID)->at, 0xff0);
	quirk.end = 0xff4;
	assert_refused("no gap");
}

static void they_do_not_stand_on_each_other(void **state)
{
	(void)state;
	set_up();
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x184 };
	place(0x180);
	assert_refused("stands Process Address Space ID");
	place(PCG_PLACE_GAP);
	assert_shown();
	assert_int_equal(finds(PCG_ECAP_ATS)->at, 0x184);
	assert_int_not_equal(finds(PCG_ECAP_PASID)->at, 0x180);
}

/* --- chains --- */

static void an_empty_chain_begins_with_it(void **state)
{
	(void)state;
	set_up();
	memset(r.config + 0x100, 0, 0xf00);
	assert_shown();
	assert_int_equal(reads(0x100), 0x0001001b);
	assert_int_equal(reads(0x104), 0x1006);
}

static void an_empty_chain_can_begin_with_nothing(void **state)
{
	(void)state;
	set_up();
	memset(r.config + 0x100, 0, 0xf00);
	place(0x400);
	assert_shown();
	assert_int_equal(reads(0x100), 0x40000000);
	assert_int_equal(finds(PCG_ECAP_PASID)->at, 0x400);
	/* And with another. */
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, PCG_PLACE_GAP };
	assert_shown();
	assert_int_equal(reads(0x100), 0x4001000f);
	assert_int_equal(finds(PCG_ECAP_PASID)->at, 0x400);
	options.pasid.ats.shown = PCG_SHOWN_NEVER;
	/* Nothing at all stands there as long as nothing is shown. */
	options.spoken.width = 0;
	assert_shown();
	assert_int_equal(reads(0x100), 0);
}

static void a_function_without_extended_space_has_no_room(void **state)
{
	(void)state;
	set_up();
	r.host.info.config_size = PCG_CONFIG_CONVENTIONAL;
	assert_refused("256 bytes");
	set_up();
	memset(r.config + 0x100, 0xff, 0xf00);
	place(0x400);
	assert_refused("not zero");
	memset(r.config + 0x400, 0, 8);
	assert_refused("no extended configuration space");
}

static void a_function_that_is_no_express_function_has_no_pasids(void **state)
{
	(void)state;
	set_up();
	r.config[AT_MSIX + 1] = 0;
	assert_refused("no Express capability");
	set_up();
	pcg_put16(r.config + AT_EXP + 2, 1);
	assert_refused("DEVCAP2");
}

/* --- what does not go together --- */

static void page_requests_follow_translation_requests(void **state)
{
	(void)state;
	set_up();
	options.pasid.pri = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x500 };
	assert_refused("takes ats=on");
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, 0x400 };
	assert_shown();
	r.host.info.pasid.page_requests = 0;
	assert_refused("pri: the backend");
	r.host.info.pasid.ats = false;
	assert_refused("ats: the backend");
}

static void profiles_that_make_nothing_up_refuse_it(void **state)
{
	(void)state;
	set_up();
	options.profile = pcg_profile_find("linux");
	assert_refused("vfio-pci");
	options.profile = pcg_profile_find("raw");
	assert_refused("raw");
	options.profile = pcg_profile_find("strict");
	assert_shown();
	assert_int_equal(reads(GAP + 4), 0x1006);
}

static void a_quirk_that_drops_it_is_not_overruled(void **state)
{
	struct pcg_quirk quirk = { .vendor = PCG_QUIRK_ANY,
				   .device = PCG_QUIRK_ANY,
				   .subvendor = PCG_QUIRK_ANY,
				   .subsystem = PCG_QUIRK_ANY,
				   .revision_last = 0xff,
				   .kind = PCG_QUIRK_DROP,
				   .in_cap = true,
				   .extended = true,
				   .id = PCG_ECAP_PASID };

	(void)state;
	set_up();
	options.quirks = &quirk;
	options.nquirks = 1;
	assert_refused("a quirk drops");
	/* Refused when the function is opened, not when a client asks. */
	memset(&options.spoken, 0, sizeof(options.spoken));
	quirk.extended = false;
	quirk.id = PCG_CAP_EXP;
	assert_refused("a quirk drops the Express capability");
	options.pasid.pasid.shown = PCG_SHOWN_NEVER;
	options.pasid.ats = (struct pcg_made){ PCG_SHOWN_SPOKEN, PCG_PLACE_GAP };
	assert_int_equal(compile(), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_policy_nothing_is_made_up),
		cmocka_unit_test(it_is_hidden_until_the_client_has_spoken),
		cmocka_unit_test(a_place_that_is_taken_is_refused_before_anybody_spoke),
		cmocka_unit_test(no_bit_is_shown_that_the_backend_does_not_enforce),
		cmocka_unit_test(the_operator_can_ask_for_less),
		cmocka_unit_test(a_backend_that_enforces_nothing_says_why),
		cmocka_unit_test(what_is_forced_is_labelled_and_permits_nothing),
		cmocka_unit_test(a_function_that_sends_pasids_says_that_it_sends_prefixes),
		cmocka_unit_test(a_vf_is_shown_them_as_any_function_is),
		cmocka_unit_test(page_requests_have_a_pasid_where_there_are_pasids),
		cmocka_unit_test(each_control_bit_of_page_requests_acts_as_it_should),
		cmocka_unit_test(at_its_own_place_it_replaces_the_functions_own),
		cmocka_unit_test(elsewhere_the_functions_own_stays_hidden),
		cmocka_unit_test(a_pf_says_where_its_vfs_have_room),
		cmocka_unit_test(any_free_offset_will_do),
		cmocka_unit_test(what_is_in_the_way_is_named),
		cmocka_unit_test(a_quirks_registers_are_in_the_way),
		cmocka_unit_test(a_gap_is_found_past_what_is_taken),
		cmocka_unit_test(they_do_not_stand_on_each_other),
		cmocka_unit_test(an_empty_chain_begins_with_it),
		cmocka_unit_test(an_empty_chain_can_begin_with_nothing),
		cmocka_unit_test(a_function_without_extended_space_has_no_room),
		cmocka_unit_test(a_function_that_is_no_express_function_has_no_pasids),
		cmocka_unit_test(page_requests_follow_translation_requests),
		cmocka_unit_test(profiles_that_make_nothing_up_refuse_it),
		cmocka_unit_test(a_quirk_that_drops_it_is_not_overruled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
