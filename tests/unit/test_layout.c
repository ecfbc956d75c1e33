/* SPDX-License-Identifier: BSD-3-Clause */
/* Capability chains that loop, lie, lead nowhere or run backwards. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/pci.h>

#include "pci/registers.h"

static uint8_t config[PCG_CONFIG_EXTENDED];
static struct pcg_layout layout;
static unsigned int notes;

static void count(void *arg, const struct pcg_note *note)
{
	(void)arg;
	(void)note;
	notes++;
}

static const struct pcg_log counting = { .write = count };

static int setup(void **state)
{
	(void)state;
	memset(config, 0, sizeof(config));
	pcg_put32(config, 0x12348086);
	pcg_put16(config + PCG_STATUS, PCG_STATUS_CAPABILITIES);
	config[PCG_CAPABILITIES] = 0x40;
	notes = 0;
	return 0;
}

static void cap(unsigned int at, uint8_t id, uint8_t next)
{
	config[at] = id;
	config[at + 1] = next;
}

static void ecap(unsigned int at, uint16_t id, unsigned int next)
{
	pcg_put32(config + at, id | 1u << 16 | next << 20);
}

static int parse(void)
{
	return pcg_layout_parse(&layout, config, sizeof(config), &counting);
}

static void a_plain_chain_is_read_in_order(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_PM, 0x50);
	cap(0x50, PCG_CAP_EXP, 0);
	config[0x52] = 2;
	ecap(0x100, PCG_ECAP_AER, 0x148);
	ecap(0x148, PCG_ECAP_DSN, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 2);
	assert_int_equal(layout.caps[0].length, 8);
	assert_int_equal(layout.caps[1].length, 0x3c);
	assert_int_equal(layout.caps[1].version, 2);
	assert_int_equal(layout.necaps, 2);
	assert_int_equal(layout.ecaps[0].length, 0x2c);
	assert_int_equal(layout.ecaps[1].length, 12);
	assert_int_equal(notes, 0);
	assert_ptr_equal(pcg_layout_at(&layout, 0x8b), &layout.caps[1]);
	assert_null(pcg_layout_at(&layout, 0x8c));
	assert_null(pcg_layout_at(&layout, 0x48));
}

static void a_loop_ends(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_PM, 0x50);
	cap(0x50, PCG_CAP_MSI, 0x40);
	ecap(0x100, PCG_ECAP_AER, 0x100);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 2);
	assert_int_equal(layout.necaps, 1);
	assert_int_equal(notes, 2);
}

static void an_unaligned_pointer_is_rounded_down(void **state)
{
	(void)state;
	config[PCG_CAPABILITIES] = 0x43;
	cap(0x40, PCG_CAP_PM, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 1);
	assert_int_equal(layout.caps[0].offset, 0x40);
	assert_int_equal(notes, 1);
}

static void a_pointer_into_the_header_ends_the_chain(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_PM, 0x10);
	ecap(0x100, PCG_ECAP_DSN, 0x0fc);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 1);
	assert_int_equal(layout.necaps, 1);
	assert_int_equal(notes, 2);
}

static void a_chain_may_run_backwards(void **state)
{
	(void)state;
	config[PCG_CAPABILITIES] = 0xe0;
	cap(0xe0, PCG_CAP_PM, 0x60);
	cap(0x60, PCG_CAP_MSI, 0);
	ecap(0x100, PCG_ECAP_DSN, 0x300);
	ecap(0x300, PCG_ECAP_AER, 0x200);
	ecap(0x200, PCG_ECAP_LTR, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.caps[1].offset, 0x60);
	assert_int_equal(layout.ecaps[1].offset, 0x300);
	assert_int_equal(layout.ecaps[2].offset, 0x200);
}

static void lengths_that_lie_are_cut_at_the_next_capability(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_VNDR, 0x50);
	config[0x42] = 0xff;
	cap(0x50, PCG_CAP_VNDR, 0xf8);
	config[0x52] = 0x00;
	cap(0xf8, PCG_CAP_EXP, 0);
	ecap(0x100, PCG_ECAP_VSEC, 0xffc);
	pcg_put32(config + 0x104, 0xfff00000);
	ecap(0xffc, PCG_ECAP_DVSEC, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.caps[0].length, 0x10);
	assert_int_equal(layout.caps[1].length, 3);
	assert_int_equal(layout.caps[2].length, 8);
	assert_int_equal(layout.ecaps[0].length, 0xffc - 0x100);
	assert_int_equal(layout.ecaps[1].length, 4);
}

static void repeated_ids_are_instances_of_their_own(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_VNDR, 0x44);
	config[0x42] = 4;
	cap(0x44, PCG_CAP_VNDR, 0);
	config[0x46] = 8;
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 2);
	assert_ptr_equal(pcg_layout_at(&layout, 0x43), &layout.caps[0]);
	assert_ptr_equal(pcg_layout_at(&layout, 0x44), &layout.caps[1]);
}

static void all_ones_is_no_function(void **state)
{
	(void)state;
	memset(config, 0xff, sizeof(config));
	assert_int_equal(parse(), -ENODEV);
}

static void a_vf_reads_ffff_and_is_a_function(void **state)
{
	(void)state;
	memset(config, 0xff, 4);
	assert_int_equal(parse(), 0);
}

static void a_capability_of_all_ones_ends_the_chain(void **state)
{
	(void)state;
	cap(0x40, PCG_CAP_PM, 0x80);
	memset(config + 0x80, 0xff, 16);
	memset(config + 0x100, 0xff, 0xf00);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 1);
	assert_int_equal(layout.necaps, 0);
	assert_int_equal(notes, 1);
}

static void bridges_are_refused(void **state)
{
	(void)state;
	config[PCG_HEADER_TYPE] = 0x81;
	assert_int_equal(parse(), -ENOTSUP);
	config[PCG_HEADER_TYPE] = 0x02;
	assert_int_equal(parse(), -ENOTSUP);
}

static void no_capabilities_bit_no_chain(void **state)
{
	(void)state;
	pcg_put16(config + PCG_STATUS, 0);
	cap(0x40, PCG_CAP_PM, 0);
	assert_int_equal(parse(), 0);
	assert_int_equal(layout.ncaps, 0);
}

static void conventional_space_has_no_extended_chain(void **state)
{
	(void)state;
	ecap(0x100, PCG_ECAP_AER, 0);
	assert_int_equal(pcg_layout_parse(&layout, config, 256, NULL), 0);
	assert_int_equal(layout.necaps, 0);
	assert_int_equal(pcg_layout_parse(&layout, config, 512, NULL), -EINVAL);
}

static void a_bridge_is_read_where_asked(void **state)
{
	(void)state;
	config[PCG_HEADER_TYPE] = 1;
	config[PCG_CAPABILITIES] = 0x40;
	cap(0x40, PCG_CAP_PM, 0);
	assert_int_equal(parse(), -ENOTSUP);
	assert_int_equal(layout.size, 0);
	assert_int_equal(pci_layout_parse_any(&layout, config, sizeof(config), NULL), 0);
	assert_int_equal(layout.ncaps, 1);
}

static bool disjoint(const struct pcg_cap *caps, unsigned int n)
{
	static uint8_t owned[PCG_CONFIG_EXTENDED];
	unsigned int i, b;

	memset(owned, 0, sizeof(owned));
	for (i = 0; i < n; i++) {
		if (caps[i].length == 0 || caps[i].offset + caps[i].length > PCG_CONFIG_EXTENDED)
			return false;
		for (b = 0; b < caps[i].length; b++)
			if (owned[caps[i].offset + b]++)
				return false;
	}
	return true;
}

static void any_bytes_end_in_disjoint_instances_inside_the_space(void **state)
{
	unsigned int round, i;

	(void)state;
	srandom(1);
	for (round = 0; round < 2000; round++) {
		for (i = 0x10; i < sizeof(config); i++)
			config[i] = (uint8_t)(random() >> 7);
		config[PCG_HEADER_TYPE] = 0;
		assert_int_equal(pcg_layout_parse(&layout, config, sizeof(config), NULL), 0);
		assert_true(layout.ncaps <= PCG_MAX_CAPS);
		assert_true(disjoint(layout.caps, layout.ncaps));
		assert_true(disjoint(layout.ecaps, layout.necaps));
	}
}

static void bars_that_cannot_be_are_refused(void **state)
{
	struct pcg_bar bars[PCG_NUM_BARS] = { { .size = 4096, .kind = PCG_BAR_MEM64 }, { .kind = PCG_BAR_UPPER } };

	(void)state;
	assert_int_equal(pcg_bars_check(bars), 0);
	assert_int_equal(pcg_bar_low(&bars[0]), 4);
	assert_true(pcg_bar_mask(&bars[0]) == UINT64_C(0xfffffffffffff000));
	bars[0].size = 4095;
	assert_int_equal(pcg_bars_check(bars), -EINVAL);
	bars[0].size = 8;
	assert_int_equal(pcg_bars_check(bars), -EINVAL);
	bars[0].size = 16;
	bars[1].kind = PCG_BAR_NONE;
	assert_int_equal(pcg_bars_check(bars), -EINVAL);
	bars[1].kind = PCG_BAR_UPPER;
	bars[5] = (struct pcg_bar){ .size = 4096, .kind = PCG_BAR_MEM64 };
	assert_int_equal(pcg_bars_check(bars), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_plain_chain_is_read_in_order, setup),
		cmocka_unit_test_setup(a_loop_ends, setup),
		cmocka_unit_test_setup(an_unaligned_pointer_is_rounded_down, setup),
		cmocka_unit_test_setup(a_pointer_into_the_header_ends_the_chain, setup),
		cmocka_unit_test_setup(a_chain_may_run_backwards, setup),
		cmocka_unit_test_setup(lengths_that_lie_are_cut_at_the_next_capability, setup),
		cmocka_unit_test_setup(repeated_ids_are_instances_of_their_own, setup),
		cmocka_unit_test_setup(all_ones_is_no_function, setup),
		cmocka_unit_test_setup(a_vf_reads_ffff_and_is_a_function, setup),
		cmocka_unit_test_setup(a_capability_of_all_ones_ends_the_chain, setup),
		cmocka_unit_test_setup(bridges_are_refused, setup),
		cmocka_unit_test_setup(no_capabilities_bit_no_chain, setup),
		cmocka_unit_test_setup(conventional_space_has_no_extended_chain, setup),
		cmocka_unit_test_setup(a_bridge_is_read_where_asked, setup),
		cmocka_unit_test_setup(any_bytes_end_in_disjoint_instances_inside_the_space, setup),
		cmocka_unit_test(bars_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
