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
	assert_int_equal(length_of(PCG_ECAP_AER, 3, 0), 0x48);
	assert_int_equal(length_of(PCG_ECAP_L1PM, 1, 0), 0x10);
	assert_int_equal(length_of(PCG_ECAP_L1PM, 2, 0), 0x14);
	assert_int_equal(length_of(PCG_ECAP_RCEC, 1, 0), 0x08);
	assert_int_equal(length_of(PCG_ECAP_RCEC, 2, 0), 0x0c);
}

/* Version 3 says how many dwords of header it logs; 14 are the most that there can be. */
static void the_error_log_grows_in_flit_mode(void **state)
{
	static const unsigned int logs[] = { 4, 8, 9, 14, 31 }, lengths[] = { 0x48, 0x48, 0x4c, 0x60, 0x60 };
	unsigned int i;

	(void)state;
	recorder_init(&r);
	for (i = 0; i < 5; i++) {
		pcg_put32(r.config + 0x218, logs[i] << 13);
		assert_int_equal(length_of(PCG_ECAP_AER, 3, 0), lengths[i]);
		assert_int_equal(length_of(PCG_ECAP_AER, 2, 0), 0x48);
	}
}

static void lengths_follow_what_the_capability_says(void **state)
{
	static const struct {
		uint16_t id;
		uint32_t second;
		unsigned int length;
	} lengths[] = {
		{ PCG_ECAP_DPC, 0, 0x0c },
		{ PCG_ECAP_DPC, 0x0420, 0x30 },
		{ PCG_ECAP_DPC, 0x2220, 0x68 },
		{ PCG_ECAP_ALTPROTO, 0, 0x14 },
		{ PCG_ECAP_ALTPROTO, 0x101, 0x18 },
		{ PCG_ECAP_ALTPROTO, 0x121, 0x1c },
		{ PCG_ECAP_IDE, 0, 0x0c },
		{ PCG_ECAP_IDE, 0x2001, 0x1c },
		{ PCG_ECAP_PMUX, 0, 0x10 },
		{ PCG_ECAP_PMUX, 0xc02, 0x18 },
		{ PCG_ECAP_SHADOW, 0, 0x10 },
		{ PCG_ECAP_SHADOW, 0xff, 0x40c },
		{ PCG_ECAP_FLIT_PERF, 0, 0x10 },
		{ PCG_ECAP_FLIT_PERF, 5 << 10, 0x24 },
		{ PCG_ECAP_FLIT_PERF, 0x1c00, 0x24 },
		{ PCG_ECAP_SVC, 0, 0x20 },
		{ PCG_ECAP_SVC, 7, 0x74 },
		{ PCG_ECAP_MMIO_RBL, 0, 0x08 },
		{ PCG_ECAP_MMIO_RBL, 0x18, 0x18 },
		{ PCG_ECAP_FLIT_LOG, 0, 0x3c },
		{ PCG_ECAP_FLIT_ERR, 0, 0x24 },
		{ PCG_ECAP_NOP, 0, 0x14 },
		{ PCG_ECAP_MPCIE, 0, 0x1c },
		{ PCG_ECAP_MRIOV, 0, LENGTH_UNKNOWN },
	};
	size_t i;

	(void)state;
	recorder_init(&r);
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		if (length_of(lengths[i].id, 1, lengths[i].second) != lengths[i].length)
			fail_msg("%04x, %08x: %u bytes", lengths[i].id, lengths[i].second,
				 length_of(lengths[i].id, 1, lengths[i].second));
}

/* Tables stand where their offset says, in units of 16 bytes, and have as many bits as the longest arbitration. */
static void arbitration_tables_count_where_they_stand(void **state)
{
	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + 0x208, 0x00000008);
	assert_int_equal(length_of(PCG_ECAP_VC, 1, 0), 0x1c);
	pcg_put32(r.config + 0x208, 0x08000008);
	assert_int_equal(length_of(PCG_ECAP_VC, 1, 0), 0x80 + 128 * 4 / 8);
	pcg_put32(r.config + 0x208, 0x01000002); /* it cannot be inside the registers */
	assert_int_equal(length_of(PCG_ECAP_VC, 1, 3), 0x10 + 4 * 0xc);
	pcg_put32(r.config + 0x208, 0);
	pcg_put32(r.config + 0x21c, 0x10000020);
	assert_int_equal(length_of(PCG_ECAP_MFVC, 1, 0), 0x1c);
	assert_int_equal(length_of(PCG_ECAP_MFVC, 1, 0xc01), 0x100 + 256 * 8 / 8);
	assert_int_equal(length_of(PCG_ECAP_VC, 1, 0xc01), 0x28);
}

static unsigned int ht_length_of(uint16_t command)
{
	struct pcg_cap cap = { .offset = 0x60, .id = PCG_CAP_HT };

	pcg_put32(r.config + 0x60, PCG_CAP_HT | (uint32_t)command << 16);
	return pci_claimed_length(r.config, sizeof(r.config), &cap);
}

static void hypertransport_has_a_length_for_each_type(void **state)
{
	(void)state;
	recorder_init(&r);
	assert_int_equal(ht_length_of(0x0000), 28);
	assert_int_equal(ht_length_of(0x1800), 28);
	assert_int_equal(ht_length_of(0x2000), 24);
	assert_int_equal(ht_length_of(0x4000), 24);
	assert_int_equal(ht_length_of(0x8000), 8);
	assert_int_equal(ht_length_of(0x8800), 4);
	assert_int_equal(ht_length_of(0xa003), 12 + 3 * 8);
	assert_int_equal(ht_length_of(0xa203), 16);
	assert_int_equal(ht_length_of(0xa800), 12);
	assert_int_equal(ht_length_of(0xa802), 4);
	assert_int_equal(ht_length_of(0xf800), LENGTH_UNKNOWN);
}

static void lengths_follow_the_port_type_and_the_lanes(void **state)
{
	static const unsigned int lanes[] = { 0, 1, 4, 16, 32, 63 }, counts[] = { 1, 1, 4, 16, 32, 32 };
	unsigned int i;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_FLAGS, 0x00a2); /* a root complex event collector */
	assert_int_equal(length_of(PCG_ECAP_AER, 1, 0), 0x38);
	assert_int_equal(length_of(PCG_ECAP_MCAST, 1, 0), 0x28);
	pcg_put16(r.config + AT_EXP + PCG_EXP_FLAGS, 0x0062); /* a downstream port has an overlay */
	assert_int_equal(length_of(PCG_ECAP_MCAST, 1, 0), 0x30);
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

/* --- what the rows give --- */

static void fill_link(void)
{
	recorder_init(&r);
	pcg_put32(r.config + AT_EXP + 0x0c, 0x00477c43); /* with clock power management */
	pcg_put32(r.config + AT_EXP + 0x10, 0x10430000);
	pcg_put32(r.config + AT_EXP + 0x2c, 0x0000001e);
	pcg_put32(r.config + AT_EXP + 0x30, 0x001f0004);
}

static void nothing_inside_the_root_complex_has_a_link(void **state)
{
	static const uint16_t types[] = { 0x0092, 0x00a2 };
	static const unsigned int at[] = { 0x0c, 0x10, 0x2c, 0x30 };
	unsigned int i, n;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct pcg_function *f;

		fill_link();
		pcg_put16(r.config + AT_EXP + PCG_EXP_FLAGS, types[i]);
		f = open_as("guarded");
		recorder_clear(&r);
		for (n = 0; n < 4; n++) {
			guest_write(f, AT_EXP + at[n], 4, 0xffffffff);
			assert_int_equal(guest_read(f, AT_EXP + at[n], 4), 0);
		}
		assert_string_equal(r.calls, "");
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_FLAGS, 2), types[i]);
		recorder_close(f);
	}
}

static void an_endpoint_sees_its_link_and_sets_none_of_it(void **state)
{
	struct pcg_function *f;

	(void)state;
	fill_link();
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_EXP + 0x0c, 4), 0x00437c43);
	guest_write(f, AT_EXP + 0x10, 2, 0xffff);
	assert_int_equal(guest_read(f, AT_EXP + 0x10, 2), 0x00c3);
	assert_int_equal(guest_read(f, AT_EXP + 0x30, 4), 0x001f0004);
	assert_null(strstr(r.calls, " w0b0"));
	recorder_close(f);
}

static void power_reduction_is_the_hosts_to_clear(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVSTA, 0x005f);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVSTA, 2), 0x001f);
	recorder_clear(&r);
	guest_write(f, AT_EXP + PCG_EXP_DEVSTA, 2, 0xffff);
	assert_string_equal(r.calls, "r0a8/4 w0a8/4=1f0000 ");
	recorder_close(f);
}

/* Also those that came after Linux's list of them. */
static void every_error_has_a_mask_and_a_severity(void **state)
{
	struct pcg_function *f;
	unsigned int at;

	(void)state;
	recorder_init(&r);
	f = open_as("guarded");
	recorder_clear(&r);
	for (at = AT_AER + 8; at <= AT_AER + 0xc; at += 4) {
		guest_write(f, at, 4, 0xffffffff);
		assert_int_equal(guest_read(f, at, 4), 0xfffff030);
		guest_write(f, at, 4, 0);
		assert_int_equal(guest_read(f, at, 4), 0);
	}
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void the_flit_log_is_there_to_be_read(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, (uint32_t)AT_DSN << 20 | 0x30001);
	pcg_put32(r.config + AT_AER + 0x18, 14 << 13);
	pcg_put32(r.config + AT_AER + 0x5c, 0x77777777);
	f = open_as("guarded");
	guest_write(f, AT_AER + 0x5c, 4, 0);
	assert_int_equal(guest_read(f, AT_AER + 0x5c, 4), 0x77777777);
	assert_int_equal(pcg_get32(r.config + AT_AER + 0x5c), 0x77777777);
	recorder_close(f);
}

static void extended_power_budgeting_is_not_offered(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_DSN, 0x00010004);
	pcg_put32(r.config + AT_DSN + 4, 0x001f0000);
	pcg_put32(r.config + AT_DSN + 8, 0xffffffff);
	pcg_put32(r.config + AT_DSN + 12, 0xffffffff);
	f = open_as("guarded");
	guest_write(f, AT_DSN + 4, 4, 0xffffffff);
	assert_int_equal(guest_read(f, AT_DSN + 4, 4), 0x000000ff);
	assert_int_equal(pcg_get32(r.config + AT_DSN + 4), 0x001f00ff);
	assert_int_equal(guest_read(f, AT_DSN + 8, 4), 0x001fffff);
	assert_int_equal(guest_read(f, AT_DSN + 12, 4), 0x000000f1);
	recorder_close(f);
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
		cmocka_unit_test(the_error_log_grows_in_flit_mode),
		cmocka_unit_test(lengths_follow_what_the_capability_says),
		cmocka_unit_test(arbitration_tables_count_where_they_stand),
		cmocka_unit_test(hypertransport_has_a_length_for_each_type),
		cmocka_unit_test(lengths_follow_the_port_type_and_the_lanes),
		cmocka_unit_test(every_length_ends_for_every_second_dword),
		cmocka_unit_test(nothing_inside_the_root_complex_has_a_link),
		cmocka_unit_test(an_endpoint_sees_its_link_and_sets_none_of_it),
		cmocka_unit_test(power_reduction_is_the_hosts_to_clear),
		cmocka_unit_test(every_error_has_a_mask_and_a_severity),
		cmocka_unit_test(the_flit_log_is_there_to_be_read),
		cmocka_unit_test(extended_power_budgeting_is_not_offered),
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
