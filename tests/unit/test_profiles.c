/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables are whole, `strict` closes what they do not name, resizable BARs tell the truth. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pci/lengths.h"
#include "policy/rule.h"
#include "recorder.h"

#define LAST_CAP  0x15u
#define LAST_ECAP 0x37u

static struct recorder r;

static struct pcg_function *open_as(const char *profile)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	assert_non_null(options.profile);
	return recorder_open(&r, &options);
}

/* --- the tables --- */

static const struct cap_policy *policy_of(const char *profile, unsigned int id, bool extended)
{
	struct pcg_cap cap = { .id = (uint16_t)id, .extended = extended };

	return policy_cap(pcg_profile_find(profile), &cap);
}

static bool has_digit(const char *text)
{
	for (; *text != '\0'; text++)
		if (isdigit((unsigned char)*text))
			return true;
	return false;
}

/* A reason, and where it stands in the specifications: in the rows, or, without rows, in the words. */
static void assert_decided(const struct cap_policy *policy, unsigned int id)
{
	unsigned int i;

	if (policy->why == NULL || strstr(policy->why, "no table names it") != NULL)
		fail_msg("%02x: no row", id);
	if (!policy->shown) {
		if (strncmp(policy->why, "hidden: ", 8) != 0 || !has_digit(policy->why))
			fail_msg("%02x: \"%s\" gives no reason with a section", id, policy->why);
		return;
	}
	assert_true(policy->rules != NULL || policy->opaque);
	for (i = 0; policy->rules != NULL && i < policy->rules->count; i++)
		if (policy->rules->row[i].why == NULL || policy->rules->row[i].why[0] == '\0')
			fail_msg("%02x: row %u has no words", id, i);
}

static void every_standard_capability_has_a_row(void **state)
{
	unsigned int id;

	(void)state;
	for (id = 0; id <= LAST_CAP; id++)
		assert_decided(policy_of("guarded", id, false), id);
	assert_false(policy_of("guarded", LAST_CAP + 1, false)->shown);
}

static void every_extended_capability_has_a_row(void **state)
{
	unsigned int id;

	(void)state;
	for (id = 0; id <= LAST_ECAP; id++)
		assert_decided(policy_of("guarded", id, true), id);
	assert_false(policy_of("guarded", LAST_ECAP + 1, true)->shown);
	assert_false(policy_of("guarded", 0xffff, true)->shown);
}

static void strict_shares_guardeds_rows(void **state)
{
	unsigned int id;

	(void)state;
	for (id = 0; id <= LAST_ECAP; id++)
		assert_ptr_equal(policy_of("strict", id, true), policy_of("guarded", id, true));
}

/* --- lengths --- */

static unsigned int length_of(uint16_t id, uint8_t version, uint32_t second)
{
	struct pcg_cap cap = { .offset = 0x200, .id = id, .version = version, .extended = true };

	pcg_put32(r.config + 0x200, id | (uint32_t)version << 16);
	pcg_put32(r.config + 0x204, second);
	return pci_claimed_length(r.config, sizeof(r.config), &cap);
}

static void lengths_follow_the_version(void **state)
{
	(void)state;
	recorder_init(&r);
	assert_int_equal(length_of(PCG_ECAP_AER, 1, 0), 0x2c);
	assert_int_equal(length_of(PCG_ECAP_AER, 2, 0), 0x48);
	assert_int_equal(length_of(PCG_ECAP_L1PM, 1, 0), 0x10);
	assert_int_equal(length_of(PCG_ECAP_L1PM, 2, 0), 0x14);
	assert_int_equal(length_of(PCG_ECAP_DPC, 1, 0), 0x0c);
	assert_int_equal(length_of(PCG_ECAP_DPC, 1, 0x0420), 0x30);
	assert_int_equal(length_of(PCG_ECAP_ALTPROTO, 1, 0), 0x14);
	assert_int_equal(length_of(PCG_ECAP_ALTPROTO, 1, 0x100), 0x18);
	assert_int_equal(length_of(PCG_ECAP_IDE, 1, 0), 0x0c);
	assert_int_equal(length_of(PCG_ECAP_IDE, 1, 0x2001), 0x1c);
	assert_int_equal(length_of(PCG_ECAP_NOP, 1, 0), LENGTH_UNKNOWN);
}

static void lengths_follow_the_port_type_and_the_lanes(void **state)
{
	static const unsigned int lanes[] = { 0, 1, 4, 16, 32, 63 }, counts[] = { 1, 1, 4, 16, 32, 32 };
	unsigned int i;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_FLAGS, 0x00a2); /* a root complex event collector */
	assert_int_equal(length_of(PCG_ECAP_AER, 1, 0), 0x38);
	for (i = 0; i < 6; i++) {
		pcg_put32(r.config + AT_EXP + 0xc, lanes[i] << 4);
		assert_int_equal(length_of(PCG_ECAP_LMR, 1, 0), 8 + 4 * counts[i]);
		assert_int_equal(length_of(PCG_ECAP_SECPCI, 1, 0), 0xc + (2 * counts[i] + 3) / 4 * 4);
		assert_int_equal(length_of(PCG_ECAP_PL16, 1, 0), 0x20 + (counts[i] + 3) / 4 * 4);
	}
}

static void every_length_ends_for_every_second_dword(void **state)
{
	static const uint32_t seconds[] = { 0, 1, 2, 3, 0x00ff0002, 0xffffffff, 0x80000000, 0x00100000 };
	unsigned int id, i;

	(void)state;
	recorder_init(&r);
	memset(r.config + 0x208, 0xff, sizeof(r.config) - 0x208);
	for (id = 0; id <= LAST_ECAP; id++)
		for (i = 0; i < 8; i++)
			assert_in_range(length_of((uint16_t)id, 1, seconds[i]), 0, 2 * PCG_CONFIG_EXTENDED);
}

/* --- strict --- */

/* Gaps, and a vendor's capability, in both spaces. */
static void init_vendors(void)
{
	recorder_init(&r);
	r.config[AT_EXP + 1] = 0xe0;
	pcg_put32(r.config + 0xe0, 0x00100009);
	pcg_put32(r.config + 0xe4, 0x11111111);
	pcg_put32(r.config + 0xf4, 0x22222222); /* a gap */
	pcg_put32(r.config + AT_DSN, 0x20010003);
	pcg_put32(r.config + 0x200, 0x2201000b);
	pcg_put32(r.config + 0x204, 0x01010042);
	pcg_put32(r.config + 0x208, 0x33333333);
	pcg_put32(r.config + 0x220, 0x00010023);
	pcg_put32(r.config + 0x224, 0x01018086);
	pcg_put32(r.config + 0x228, 0x44440007);
	pcg_put32(r.config + 0x800, 0x55555555); /* a gap */
}

static void guarded_leaves_vendors_and_gaps_open(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_as("guarded");
	assert_int_equal(guest_read(f, 0xe4, 4), 0x11111111);
	assert_int_equal(guest_read(f, 0xf4, 4), 0x22222222);
	assert_int_equal(guest_read(f, 0x208, 4), 0x33333333);
	assert_int_equal(guest_read(f, 0x228, 4), 0x44440007);
	assert_int_equal(guest_read(f, 0x800, 4), 0x55555555);
	guest_write(f, 0x208, 4, 0);
	assert_int_equal(pcg_get32(r.config + 0x208), 0x33333333);
	guest_write(f, 0xe4, 4, 7);
	assert_int_equal(pcg_get32(r.config + 0xe4), 7);
	recorder_close(f);
}

static void strict_closes_gaps(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_as("strict");
	assert_int_equal(guest_read(f, 0xf4, 4), 0);
	assert_int_equal(guest_read(f, 0x800, 4), 0);
	guest_write(f, 0xf4, 4, 1);
	guest_write(f, 0x800, 4, 1);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void strict_hides_what_only_the_vendor_knows(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_vendors();
	f = open_as("strict");
	assert_int_equal(guest_read(f, AT_EXP + 1, 1), 0);
	assert_int_equal(guest_read(f, AT_DSN, 4), 0x00010003);
	assert_int_equal(guest_read(f, 0xe0, 4), 0);
	assert_int_equal(guest_read(f, 0x204, 4), 0);
	assert_int_equal(guest_read(f, 0x228, 4), 0);
	recorder_close(f);
}

/* Only bits that a row names reach hardware: no byte of it is read or written for any other. */
static void strict_reaches_hardware_by_rows_alone(void **state)
{
	static struct pcg_view view;
	struct pcg_view_options options = { .profile = pcg_profile_find("strict") };
	unsigned int dword;

	(void)state;
	init_vendors();
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, NULL), 0);
	for (dword = PCG_HEADER_END / 4; dword < PCG_CONFIG_DWORDS; dword++)
		if (pcg_layout_at(&view.layout, (uint16_t)(dword * 4)) == NULL) {
			assert_int_equal(view.read_host[dword] | view.write_host[dword], 0);
			assert_int_equal(view.write_shadow[dword] | view.power_on[dword], 0);
		}
	/* MSI: all of it is the guest's own */
	for (dword = AT_MSI / 4; dword < AT_MSI / 4 + 6; dword++)
		assert_int_equal(view.read_host[dword] | view.write_host[dword], 0);
}

static void strict_acts_as_guarded_does_where_rows_are(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("strict");
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 6), 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 6);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x50a0);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) & 0x70e0, 0x50a0);
	assert_int_equal(guest_read(f, AT_DSN + 4, 4), 0x55667788);
	recorder_close(f);
}

/* --- resizable BARs --- */

static void init_rebar(void)
{
	recorder_init(&r);
	r.host.info.bars[0] = (struct pcg_bar){ .size = UINT64_C(256) << 20, .kind = PCG_BAR_MEM32 };
	r.host.info.bars[2] = (struct pcg_bar){ .size = UINT64_C(1) << 50, .kind = PCG_BAR_MEM64 };
	r.host.info.bars[3] = (struct pcg_bar){ .kind = PCG_BAR_UPPER };
	pcg_put32(r.config + AT_DSN, 0x20010003);
	pcg_put32(r.config + 0x200, 0x00010015);
	pcg_put32(r.config + 0x204, 0x0003fff0);
	pcg_put32(r.config + 0x208, 0x00000840); /* BAR0, two of them, 256 MB */
	pcg_put32(r.config + 0x20c, 0xfffffff0);
	pcg_put32(r.config + 0x210, 0xffff0502); /* BAR2, what it says is not so */
}

static void resizable_bars_offer_the_size_they_have(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_rebar();
	f = open_as("guarded");
	assert_int_equal(guest_read(f, 0x200, 4), 0x00010015);
	assert_int_equal(guest_read(f, 0x204, 4), 0x00001000);
	assert_int_equal(guest_read(f, 0x208, 4), 0x00000840);
	assert_int_equal(guest_read(f, 0x20c, 4), 0);
	assert_int_equal(guest_read(f, 0x210, 4), 0x00041e02);
	recorder_close(f);
}

static void another_size_is_ignored(void **state)
{
	struct pcg_function *f;
	unsigned int size;

	(void)state;
	init_rebar();
	f = open_as("guarded");
	for (size = 0; size < 64; size++) {
		guest_write(f, 0x208, 4, 0x40 | size << 8);
		guest_write(f, 0x209, 1, size);
		assert_int_equal(guest_read(f, 0x208, 4), 0x00000840);
	}
	guest_write(f, 0x204, 4, 0xffffffff);
	assert_string_equal(r.calls, "");
	guest_write(f, PCG_BAR0, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xf0000000);
	recorder_close(f);
}

static void resizable_bars_that_cannot_be_are_hidden(void **state)
{
	static const uint32_t controls[] = {
		0x00000800, /* none of them */
		0x000008e0, /* seven */
		0x00000841, /* BAR1 is I/O */
		0x00000845, /* BAR5 is not there */
		0x00000842, /* BAR2 twice */
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct pcg_function *f;

		init_rebar();
		pcg_put32(r.config + 0x208, controls[i]);
		f = open_as("guarded");
		assert_int_equal(guest_read(f, AT_DSN, 4), 0x00010003);
		assert_int_equal(guest_read(f, 0x208, 4), 0);
		recorder_close(f);
	}
	init_rebar();
	r.host.info.bars[0].size = 65536; /* less than the smallest size that can be said */
	recorder_close(open_as("guarded"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_standard_capability_has_a_row),
		cmocka_unit_test(every_extended_capability_has_a_row),
		cmocka_unit_test(strict_shares_guardeds_rows),
		cmocka_unit_test(lengths_follow_the_version),
		cmocka_unit_test(lengths_follow_the_port_type_and_the_lanes),
		cmocka_unit_test(every_length_ends_for_every_second_dword),
		cmocka_unit_test(guarded_leaves_vendors_and_gaps_open),
		cmocka_unit_test(strict_closes_gaps),
		cmocka_unit_test(strict_hides_what_only_the_vendor_knows),
		cmocka_unit_test(strict_reaches_hardware_by_rows_alone),
		cmocka_unit_test(strict_acts_as_guarded_does_where_rows_are),
		cmocka_unit_test(resizable_bars_offer_the_size_they_have),
		cmocka_unit_test(another_size_is_ignored),
		cmocka_unit_test(resizable_bars_that_cannot_be_are_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
