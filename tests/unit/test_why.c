/* SPDX-License-Identifier: BSD-3-Clause */
/* Who decides a bit: what view/why tells is what the view does, and names the row that says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"
#include "view/why.h"

static struct recorder r;
static struct view_record record;

static void compile(const char *profile)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	assert_non_null(options.profile);
	assert_int_equal(view_record_init(&record, &r.host.info, r.config, &options, NULL), 0);
}

static void open_as(const char *profile)
{
	recorder_init(&r);
	compile(profile);
}

static struct why of_bit(unsigned int at, unsigned int bit)
{
	struct why why;

	view_why(&record, at * 8 + bit, &why);
	return why;
}

static void assert_says(const struct why *why, const char *part)
{
	assert_non_null(why->rule);
	assert_non_null(why->rule->why);
	if (strstr(why->rule->why, part) == NULL)
		fail_msg("\"%s\" does not speak of %s", why->rule->why, part);
}

/* --- guarded --- */

static void watching_changes_nothing(void **state)
{
	struct pcg_view_options options = { 0 };
	static struct pcg_view plain;
	unsigned int i;

	(void)state;
	recorder_init(&r);
	for (i = 0; pcg_profile_name(i) != NULL; i++) {
		options.profile = pcg_profile_find(pcg_profile_name(i));
		compile(pcg_profile_name(i));
		assert_int_equal(pcg_view_init(&plain, &r.host.info, r.config, &options, NULL), 0);
		assert_memory_equal(plain.read_host, record.view.read_host, sizeof(plain.read_host));
		assert_memory_equal(plain.write_shadow, record.view.write_shadow, sizeof(plain.write_shadow));
		assert_memory_equal(plain.write_host, record.view.write_host, sizeof(plain.write_host));
		assert_memory_equal(plain.power_on, record.view.power_on, sizeof(plain.power_on));
	}
}

static void every_bit_has_a_rule(void **state)
{
	unsigned int bit;

	(void)state;
	open_as("guarded");
	for (bit = 0; bit < PCG_CONFIG_EXTENDED * 8; bit++) {
		struct why why;

		view_why(&record, bit, &why);
		if (why.rule == NULL)
			fail_msg("bit %u of %03x: no rule", bit % 8, bit / 8);
		/* What a table's row decides, or the view itself, has its reason; the rest has none. */
		if (why.table != NULL && (why.rule->why == NULL || why.rule->why[0] == '\0'))
			fail_msg("bit %u of %03x: no reason", bit % 8, bit / 8);
	}
}

static void a_row_is_found_with_its_table(void **state)
{
	struct why why;

	(void)state;
	open_as("guarded");
	why = of_bit(AT_EXP + PCG_EXP_DEVCTL, 5);
	assert_says(&why, "DEVCTL.MPS 7.5.3.4");
	assert_int_equal(why.part, WHY_CAP);
	assert_int_equal(why.fate, FATE_SHADOW);
	assert_ptr_equal(why.table, &express_rules);
	assert_non_null(strstr(why.table->file, "express.c"));
	assert_int_equal(why.cap->offset, AT_EXP);
	assert_true(why.shown);
	why = of_bit(PCG_STATUS, 11);
	assert_says(&why, "STATUS errors 7.5.1.1.4");
	assert_int_equal(why.part, WHY_HEADER);
	assert_int_equal(why.fate, FATE_CLEAR);
	assert_ptr_equal(why.table, &guarded_header);
	assert_null(why.cap);
}

static void a_row_of_a_variant_is_found(void **state)
{
	struct why why;

	(void)state;
	open_as("guarded");
	/* 64-bit and maskable: mask bits at 10h. */
	why = of_bit(AT_MSI + 0x10, 0);
	assert_says(&why, "MSI_MASK 7.7.1.7");
	assert_ptr_equal(why.table, &msi_rules[3]);
}

/* One more standard capability, before the others in the chain. */
static void add_cap(unsigned int at, uint8_t id)
{
	r.config[at] = id;
	r.config[at + 1] = r.config[PCG_CAPABILITIES];
	r.config[PCG_CAPABILITIES] = (uint8_t)at;
}

static void what_no_row_names_is_the_capabilitys_rest(void **state)
{
	struct why why;

	(void)state;
	recorder_init(&r);
	add_cap(0xe0, PCG_CAP_VNDR);
	r.config[0xe2] = 8;
	compile("guarded");
	why = of_bit(0xe4, 0);
	assert_int_equal(why.part, WHY_CAP);
	assert_int_equal(why.fate, FATE_THROUGH);
	assert_null(why.table);
	assert_null(why.rule->why);
	assert_int_equal(why.policy->rest, REST_OPEN);
	assert_true(why.shown);
}

static void a_hidden_capability_says_so(void **state)
{
	struct why why;

	(void)state;
	open_as("guarded");
	why = of_bit(AT_PASID + 6, 0);
	assert_int_equal(why.fate, FATE_CLOSED);
	assert_int_equal(why.cap->id, PCG_ECAP_PASID);
	assert_false(why.shown);
	assert_false(why.policy->shown);
	why = of_bit(AT_PASID, 0);
	assert_int_equal(why.part, WHY_CHAIN);
	assert_false(why.shown);
}

static void a_second_instance_with_state_is_hidden(void **state)
{
	struct why why;

	(void)state;
	recorder_init(&r);
	/* The first in the chain is the one. */
	add_cap(0xe0, PCG_CAP_PM);
	compile("guarded");
	why = of_bit(AT_PM + PCG_PM_CSR, 0);
	assert_false(why.shown);
	assert_true(why.policy->shown);
	assert_int_equal(why.fate, FATE_CLOSED);
	why = of_bit(0xe0 + PCG_PM_CSR, 0);
	assert_true(why.shown);
	assert_int_equal(why.fate, FATE_SHADOW);
}

static void bars_rom_chain_and_gaps_are_told_apart(void **state)
{
	struct why why;

	(void)state;
	open_as("guarded");
	why = of_bit(PCG_BAR0 + 3, 7);
	assert_int_equal(why.part, WHY_BAR);
	assert_int_equal(why.fate, FATE_SHADOW);
	assert_says(&why, "BAR 7.5.1.2.1: the guest's own");
	why = of_bit(PCG_BAR0, 4);
	assert_int_equal(why.fate, FATE_CONSTANT);
	why = of_bit(PCG_ROM, 0);
	assert_int_equal(why.part, WHY_ROM);
	assert_says(&why, "ROM 7.5.1.2.4");
	why = of_bit(AT_PM + 1, 0);
	assert_int_equal(why.part, WHY_CHAIN);
	assert_says(&why, "next capability");
	why = of_bit(AT_AER, 0);
	assert_int_equal(why.part, WHY_CHAIN);
	assert_says(&why, "7.6.3");
	why = of_bit(0xfff, 0);
	assert_int_equal(why.part, WHY_GAP);
	assert_null(why.cap);
	assert_null(why.policy);
	assert_int_equal(why.fate, FATE_THROUGH);
}

static void past_the_end_is_closed(void **state)
{
	struct why why;

	(void)state;
	recorder_init(&r);
	r.host.info.config_size = PCG_CONFIG_CONVENTIONAL;
	compile("guarded");
	why = of_bit(PCG_CONFIG_CONVENTIONAL, 0);
	assert_int_equal(why.part, WHY_PAST_END);
	assert_int_equal(why.fate, FATE_CLOSED);
	assert_int_not_equal(of_bit(PCG_CONFIG_CONVENTIONAL - 1, 0).part, WHY_PAST_END);
}

static void fates_are_what_the_view_does(void **state)
{
	(void)state;
	open_as("guarded");
	assert_int_equal(of_bit(PCG_COMMAND, 1).fate, FATE_BOTH);
	assert_int_equal(of_bit(PCG_CACHE_LINE, 0).fate, FATE_BOTH);
	assert_int_equal(of_bit(AT_EXP + PCG_EXP_DEVCTL, 4).fate, FATE_THROUGH);
	assert_int_equal(of_bit(PCG_COMMAND + 1, 2).fate, FATE_SHADOW);
	assert_int_equal(of_bit(PCG_COMMAND + 1, 3).fate, FATE_CLOSED);
	assert_int_equal(of_bit(PCG_REVISION, 0).fate, FATE_LOOK);
	assert_int_equal(of_bit(AT_EXP + PCG_EXP_DEVSTA, 0).fate, FATE_CLEAR);
	assert_int_equal(of_bit(PCG_VENDOR, 0).fate, FATE_CONSTANT);
}

/* One bit, by what the access core does with it: a read of two hardwares, a write of a one. */
static enum why_fate tried(unsigned int dword, uint32_t bit)
{
	struct pcg_view *view = &record.view;
	bool hardware =
		(pcg_view_read(view, (uint16_t)dword, 0) ^ pcg_view_read(view, (uint16_t)dword, UINT32_MAX)) & bit;
	struct pcg_view_write ones, zeros;
	bool to_host, to_shadow;

	pcg_view_power_on(view);
	pcg_view_write(view, (uint16_t)dword, 0xf, 0, UINT32_MAX, &zeros);
	pcg_view_write(view, (uint16_t)dword, 0xf, bit, 0, &ones);
	to_host = ones.host_be & view_bytes(bit) && ones.host & bit;
	to_shadow = (ones.after ^ zeros.after) & bit;
	pcg_view_power_on(view);
	if (hardware && to_host)
		return view->write_clear[dword] & bit ? FATE_CLEAR : FATE_THROUGH;
	if (hardware)
		return FATE_LOOK;
	if (to_host)
		return FATE_BOTH;
	return to_shadow ? FATE_SHADOW : FATE_CONSTANT;
}

static void fates_agree_with_accesses(void **state)
{
	unsigned int bit, tried_bits = 0;

	(void)state;
	open_as("guarded");
	for (bit = 0; bit < PCG_CONFIG_EXTENDED * 8; bit++) {
		enum why_fate fate = of_bit(bit / 8, bit % 8).fate;

		/* What a hook does besides is not the image's. */
		if (record.view.hook[bit / 32] != NO_HOOK)
			continue;
		if (fate == FATE_CLOSED)
			fate = FATE_CONSTANT;
		if (tried(bit / 32, 1u << (bit & 31)) != fate)
			fail_msg("bit %u of %03x: %d", bit % 8, bit / 8, (int)fate);
		tried_bits++;
	}
	assert_true(tried_bits > 32000);
}

static void closed_bits_make_no_byte_mixed(void **state)
{
	(void)state;
	open_as("guarded");
	/* HEADER_TYPE: its seven bits are hardware's, the eighth is closed. DEVCTL has three kinds. */
	assert_int_equal(of_bit(PCG_HEADER_TYPE, 7).fate, FATE_CLOSED);
	assert_int_equal(view_fate(&record, PCG_HEADER_TYPE), FATE_LOOK);
	assert_int_equal(view_fate(&record, AT_EXP + PCG_EXP_DEVCTL), FATE_MIXED);
	assert_int_equal(view_fate(&record, PCG_BIST), FATE_CLOSED);
}

static void a_bit_that_the_function_lacks_is_told(void **state)
{
	(void)state;
	recorder_init(&r);
	assert_int_equal(r.host.info.bars[1].kind, PCG_BAR_IO);
	compile("guarded");
	assert_false(of_bit(PCG_COMMAND, 0).absent);
	memset(&r.host.info.bars[1], 0, sizeof(r.host.info.bars[1]));
	compile("guarded");
	assert_true(of_bit(PCG_COMMAND, 0).absent);
	assert_int_equal(of_bit(PCG_COMMAND, 0).fate, FATE_CONSTANT);
	assert_false(of_bit(PCG_COMMAND, 1).absent);
}

static void neighbours_of_one_row_are_the_same(void **state)
{
	struct why a, b, c;

	(void)state;
	open_as("guarded");
	a = of_bit(AT_EXP + PCG_EXP_DEVCTL, 5);
	b = of_bit(AT_EXP + PCG_EXP_DEVCTL, 7);
	c = of_bit(AT_EXP + PCG_EXP_DEVCTL, 4);
	assert_true(view_why_same(&a, &b));
	assert_false(view_why_same(&a, &c));
}

/* --- raw and linux --- */

static void raw_has_no_rule(void **state)
{
	unsigned int bit;

	(void)state;
	open_as("raw");
	for (bit = 0; bit < PCG_CONFIG_EXTENDED * 8; bit++) {
		struct why why;

		view_why(&record, bit, &why);
		assert_null(why.rule);
		assert_int_equal(why.fate, FATE_THROUGH);
	}
	assert_true(of_bit(AT_PASID, 0).shown);
}

static void linux_names_owner_and_row(void **state)
{
	struct why why;

	(void)state;
	open_as("linux");
	why = of_bit(AT_EXP + PCG_EXP_DEVCTL, 5);
	assert_ptr_equal(why.owner, linux_standard(PCG_CAP_EXP));
	assert_int_equal(why.start, AT_EXP);
	assert_non_null(why.row);
	assert_int_equal(why.row->at, PCG_EXP_DEVCTL);
	assert_int_equal(why.fate, FATE_SHADOW);
	why = of_bit(AT_AER + 4, 4);
	assert_ptr_equal(why.owner, linux_extended(PCG_ECAP_AER));
	assert_int_equal(why.row->at, 4);
	assert_int_equal(why.fate, FATE_THROUGH);
	why = of_bit(AT_DSN + 4, 0);
	assert_ptr_equal(why.owner, linux_extended(PCG_ECAP_DSN));
	assert_null(why.row);
	assert_int_equal(why.fate, FATE_LOOK);
}

static void linux_leaves_hidden_bodies_open(void **state)
{
	struct why why;

	(void)state;
	open_as("linux");
	why = of_bit(AT_PASID + 6, 0);
	assert_null(why.owner);
	assert_int_equal(why.cap->id, PCG_ECAP_PASID);
	assert_false(why.shown);
	assert_int_equal(why.fate, FATE_THROUGH);
	assert_true(of_bit(AT_AER, 0).shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watching_changes_nothing),
		cmocka_unit_test(every_bit_has_a_rule),
		cmocka_unit_test(a_row_is_found_with_its_table),
		cmocka_unit_test(a_row_of_a_variant_is_found),
		cmocka_unit_test(what_no_row_names_is_the_capabilitys_rest),
		cmocka_unit_test(a_hidden_capability_says_so),
		cmocka_unit_test(a_second_instance_with_state_is_hidden),
		cmocka_unit_test(bars_rom_chain_and_gaps_are_told_apart),
		cmocka_unit_test(past_the_end_is_closed),
		cmocka_unit_test(fates_are_what_the_view_does),
		cmocka_unit_test(fates_agree_with_accesses),
		cmocka_unit_test(closed_bits_make_no_byte_mixed),
		cmocka_unit_test(a_bit_that_the_function_lacks_is_told),
		cmocka_unit_test(neighbours_of_one_row_are_the_same),
		cmocka_unit_test(raw_has_no_rule),
		cmocka_unit_test(linux_names_owner_and_row),
		cmocka_unit_test(linux_leaves_hidden_bodies_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
