/* SPDX-License-Identifier: BSD-3-Clause */
/* What a guest reads and what its writes reach, under the profile `guarded`. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static struct recorder r;

static struct pcg_function *open_function(void)
{
	recorder_init(&r);
	return recorder_open(&r, NULL);
}

/* --- thread 000 --- */

static void mps_is_virtual_and_never_written(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int field;

	(void)state;
	for (field = 0; field < 8; field++) {
		guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, field << 5 | 0x2810);
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2), field << 5 | 0x2810);
		assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MPS, 0x20);
	}
	recorder_close(f);
}

static void mrrs_has_a_floor_at_the_physical_mps(void **state)
{
	struct pcg_function *f;
	unsigned int mps, mrrs, hardware;

	(void)state;
	for (mps = 0; mps < 6; mps++) {
		recorder_init(&r);
		pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, (uint16_t)(mps << 5 | 0x5000));
		f = recorder_open(&r, NULL);
		for (mrrs = 0; mrrs < 6; mrrs++) {
			guest_write(f, AT_EXP + PCG_EXP_DEVCTL + 1, 1, mrrs << 4);
			assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) >> 12, mrrs);
			hardware = pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL);
			assert_int_equal(hardware >> 12, mrrs > mps ? mrrs : mps);
			assert_int_equal((hardware & PCG_DEVCTL_MPS) >> 5, mps);
		}
		recorder_close(f);
	}
}

static void reserved_request_sizes_read_back_and_reach_nothing(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x7000);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) >> 12, 7);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) >> 12, 2);
	recorder_close(f);
}

static void a_request_size_beside_a_byte_write_is_left_alone(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 1, 0xff);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL), 0x283f);
	recorder_close(f);
}

static void mps_supported_can_be_capped(void **state)
{
	struct pcg_view_options options = { .profile = pcg_profile_find("guarded") };
	static const struct {
		uint16_t bytes;
		unsigned int shown;
	} cases[] = { { 0, 2 }, { 128, 0 }, { 256, 1 }, { 512, 2 }, { 4096, 2 } };
	struct pcg_view view;
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		struct pcg_function *f;

		recorder_init(&r);
		options.mps_supported = cases[i].bytes;
		f = recorder_open(&r, &options);
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCAP, 1) & 7, cases[i].shown);
		recorder_close(f);
	}
	options.mps_supported = 300;
	assert_int_equal(pcg_view_init(&view, &r.host.info, r.config, &options, NULL), -EINVAL);
}

/* --- write-one-to-clear --- */

static void neighbours_that_are_rw1c_survive_any_width(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_put16(r.config + PCG_STATUS, 0xf910);
	guest_write(f, PCG_COMMAND, 4, 6);
	assert_int_equal(pcg_get16(r.config + PCG_STATUS), 0xf910);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVSTA, 0xf);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 4, 0x2810);
	assert_null(strstr(r.calls, "w0a8/f"));
	pcg_put16(r.config + AT_PM + PCG_PM_CSR, 0x8000);
	recorder_clear(&r);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, 0x0200);
	assert_string_equal(r.calls, "r044/2 w044/2=200 ");
	recorder_close(f);
}

static void a_guest_clears_the_bits_it_wrote(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVSTA, 0xf);
	recorder_clear(&r);
	guest_write(f, AT_EXP + PCG_EXP_DEVSTA, 2, 0x4);
	assert_string_equal(r.calls, "r0a8/4 w0a8/4=40000 ");
	recorder_clear(&r);
	guest_write(f, AT_EXP + PCG_EXP_DEVSTA, 2, 0);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

/* --- hidden means unreadable and unwritable --- */

static void a_hidden_capability_is_out_of_the_chain_and_closed(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int at;

	(void)state;
	assert_int_equal(guest_read(f, AT_AER, 4), 0x16020001);
	for (at = AT_PASID; at < AT_PASID + 8; at++) {
		assert_int_equal(guest_read(f, at, 1), 0);
		guest_write(f, at, 1, 0xff);
	}
	guest_write(f, AT_PASID + 4, 4, 0xffffffff);
	assert_string_equal(r.calls + strspn(r.calls, "r150/12348 "), "");
	assert_int_equal(pcg_get32(r.config + AT_PASID + 4), 0x1406);
	recorder_close(f);
}

static void a_hidden_head_leaves_a_null_capability(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x1501001b);
	pcg_put32(r.config + AT_PASID, 0x1601001f);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0x100, 4), 0x16000000);
	assert_int_equal(guest_read(f, AT_DSN, 4), 0x00010003);
	recorder_close(f);
}

static void a_chain_with_nothing_to_show_is_zero(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x0001001b);
	r.config[PCG_CAPABILITIES] = 0xc0;
	r.config[0xc0] = PCG_CAP_EA;
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0x100, 4), 0);
	assert_int_equal(guest_read(f, PCG_CAPABILITIES, 1), 0);
	assert_int_equal(guest_read(f, PCG_STATUS, 2) & PCG_STATUS_CAPABILITIES, 0);
	recorder_close(f);
}

static void a_second_msi_capability_is_hidden(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + 1] = 0xe0;
	r.config[0xe0] = PCG_CAP_MSI;
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, AT_EXP, 2), PCG_CAP_EXP);
	assert_int_equal(guest_read(f, 0xe0, 4), 0);
	recorder_close(f);
}

/* --- the header --- */

static void bars_size_in_every_width_and_never_reach_hardware(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int i;

	(void)state;
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0);
	guest_write(f, PCG_BAR0, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xffff0000);
	guest_write(f, PCG_BAR0, 4, 0xfffffff0);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xffff0000);
	guest_write(f, PCG_BAR0, 4, 0);
	for (i = 0; i < 4; i++)
		guest_write(f, PCG_BAR0 + i, 1, 0xff);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xffff0000);
	guest_write(f, PCG_BAR0 + 4, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0 + 4, 4), 0xffffffe1);
	guest_write(f, PCG_BAR0 + 8, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0 + 8, 4), 0);
	guest_write(f, PCG_ROM, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_ROM, 4), 0);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void an_enable_bit_that_is_not_there_stays_zero(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.host.info.bars[1] = (struct pcg_bar){ .kind = PCG_BAR_NONE };
	f = recorder_open(&r, NULL);
	guest_write(f, PCG_COMMAND, 2, 0xffff);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0x0546);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND), 0x0146);
	assert_null(strstr(r.calls, "w010"));
	recorder_close(f);
}

static void a_vf_has_its_ids_no_pin_and_a_virtual_memory_bit(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config, 0xffffffff);
	r.host.info.is_vf = true;
	r.host.info.vendor = 0x8086;
	r.host.info.device = 0x10ca;
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0, 4), 0x10ca8086);
	assert_int_equal(guest_read(f, PCG_INT_PIN, 1), 0);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_INTX), 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), PCG_COMMAND_MEMORY);
	recorder_close(f);
}

/* PCIe 6.0, 7.5.1.1.3, 7.5.3.4: every function has them. One that is emulated may not, and its guest does not notice.
 */
static void error_enables_read_back_whatever_the_function_has(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.hardwired = PCG_COMMAND_PARITY;
	f = recorder_open(&r, NULL);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_PARITY | PCG_COMMAND_SERR);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), PCG_COMMAND_PARITY | PCG_COMMAND_SERR);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND), PCG_COMMAND_SERR);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x200f);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x2020);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2), 0x200f);
	recorder_close(f);
}

static void eight_bit_tags_are_enabled_where_there_are_any(void **state)
{
	struct pcg_function *f;
	unsigned int tags;

	(void)state;
	for (tags = 0; tags < 2; tags++) {
		recorder_init(&r);
		r.config[AT_EXP + PCG_EXP_DEVCAP] |= (uint8_t)(tags << 5);
		f = recorder_open(&r, NULL);
		guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x2100);
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) & 0x0100, tags << 8);
		assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & 0x0100, tags << 8);
		recorder_close(f);
	}
}

static struct pcg_function *open_vf(const char *profile)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	recorder_init(&r);
	/* The emulated hardware takes what it should not. */
	r.host.info.is_vf = true;
	r.host.info.vendor = 0x8086;
	r.host.info.device = 0x10ca;
	r.config[AT_EXP] = PCG_CAP_EXP;
	return recorder_open(&r, &options);
}

/* PCIe 6.0, 9.3.4.1.3, 9.3.5: what a VF's PF decides for it. */
static void a_vf_has_no_bits_that_are_its_pfs(void **state)
{
	static const char *const profiles[] = { "guarded", "strict" };
	static const struct {
		unsigned int at;
		uint32_t bits;
	} places[] = {
		{ PCG_COMMAND, 0x0541 },   { PCG_CACHE_LINE, 0xff },  { PCG_INT_LINE, 0xff },
		{ AT_EXP + 0x08, 0x0f1f }, { AT_EXP + 0x10, 0x01ff }, { AT_EXP + 0x28, 0xffff },
		{ AT_EXP + 0x30, 0xffbf }, { AT_AER + 0x08, 0x7030 }, { AT_AER + 0x0a, 0x7fff },
		{ AT_AER + 0x0c, 0x7030 }, { AT_AER + 0x0e, 0x7fff }, { AT_AER + 0x14, 0x71c1 },
		{ AT_AER + 0x18, 0x0140 },
	};
	struct pcg_function *f;
	unsigned int i, k;

	(void)state;
	for (k = 0; k < 2; k++) {
		f = open_vf(profiles[k]);
		for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			guest_write(f, places[i].at, 2, 0x7fff);
			assert_int_equal(guest_read(f, places[i].at, 2) & places[i].bits, 0);
			assert_int_equal(pcg_get16(r.config + places[i].at) & places[i].bits,
					 places[i].at == AT_EXP + 0x08 ? 0x0810 : 0);
			pcg_put16(r.config + places[i].at, 0x7fff);
			assert_int_equal(guest_read(f, places[i].at, 2) & places[i].bits, 0);
		}
		recorder_close(f);
	}
}

/* What reaches no function stays the guest's own. */
static void a_vf_keeps_memory_enable_and_both_sizes(void **state)
{
	struct pcg_function *f = open_vf("guarded");

	(void)state;
	guest_write(f, AT_EXP + 0x08, 2, 0x5040);
	assert_int_equal(guest_read(f, AT_EXP + 0x08, 2), 0x5040);
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 6);
	recorder_close(f);
}

static void msi_and_msix_words_never_reach_hardware(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int at;

	(void)state;
	for (at = AT_MSI; at < AT_MSI + 24; at += 4)
		guest_write(f, at, 4, 0xffffffff);
	for (at = AT_MSIX; at < AT_MSIX + 12; at += 4)
		guest_write(f, at, 4, 0xffffffff);
	assert_string_equal(r.calls, "");
	assert_int_equal(guest_read(f, AT_MSI, 4), 0x01fb7005);
	assert_int_equal(guest_read(f, AT_MSIX, 4), 0xc03fa011);
	recorder_close(f);
}

static void all_widths_read_the_same(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int at, i;

	(void)state;
	for (at = 0; at < PCG_CONFIG_EXTENDED; at += 4) {
		uint32_t bytes = 0, words;

		for (i = 0; i < 4; i++)
			bytes |= guest_read(f, at + i, 1) << 8 * i;
		words = guest_read(f, at, 2) | guest_read(f, at + 2, 2) << 16;
		assert_int_equal(bytes, guest_read(f, at, 4));
		assert_int_equal(words, bytes);
		if (at > 0)
			assert_int_equal(guest_read(f, at - 1, 3) >> 8, bytes & 0xffff);
	}
	recorder_close(f);
}

static void raw_is_the_function_itself(void **state)
{
	struct pcg_view_options options = { .profile = pcg_profile_find("raw") };
	struct pcg_function *f;
	unsigned int at;

	(void)state;
	recorder_init(&r);
	f = recorder_open(&r, &options);
	for (at = 0; at < PCG_CONFIG_EXTENDED; at += 4)
		assert_int_equal(guest_read(f, at, 4), pcg_get32(r.config + at));
	recorder_clear(&r);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0xa0);
	assert_string_equal(r.calls, "w0a8/3=a0 ");
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mps_is_virtual_and_never_written),
		cmocka_unit_test(mrrs_has_a_floor_at_the_physical_mps),
		cmocka_unit_test(reserved_request_sizes_read_back_and_reach_nothing),
		cmocka_unit_test(a_request_size_beside_a_byte_write_is_left_alone),
		cmocka_unit_test(mps_supported_can_be_capped),
		cmocka_unit_test(neighbours_that_are_rw1c_survive_any_width),
		cmocka_unit_test(a_guest_clears_the_bits_it_wrote),
		cmocka_unit_test(a_hidden_capability_is_out_of_the_chain_and_closed),
		cmocka_unit_test(a_hidden_head_leaves_a_null_capability),
		cmocka_unit_test(a_chain_with_nothing_to_show_is_zero),
		cmocka_unit_test(a_second_msi_capability_is_hidden),
		cmocka_unit_test(bars_size_in_every_width_and_never_reach_hardware),
		cmocka_unit_test(an_enable_bit_that_is_not_there_stays_zero),
		cmocka_unit_test(a_vf_has_its_ids_no_pin_and_a_virtual_memory_bit),
		cmocka_unit_test(error_enables_read_back_whatever_the_function_has),
		cmocka_unit_test(eight_bit_tags_are_enabled_where_there_are_any),
		cmocka_unit_test(a_vf_has_no_bits_that_are_its_pfs),
		cmocka_unit_test(a_vf_keeps_memory_enable_and_both_sizes),
		cmocka_unit_test(msi_and_msix_words_never_reach_hardware),
		cmocka_unit_test(all_widths_read_the_same),
		cmocka_unit_test(raw_is_the_function_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
