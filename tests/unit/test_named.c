/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Faults that other mediators have had or have, one test each, by the number of the list they come from. Some happen
 * only where a VMM maps BARs into its guest, which is not done here:
 *
 *   3  a BAR that cannot be moved must roll back: addresses are the VMM's to map; ours are a register (see 4)
 *   5  BARs below the page size on hosts of larger pages: who maps them rounds them
 *   8  peer-to-peer through a BAR of two mappings: the range is looked up where the VMM maps DMA
 *
 * 23 (requests without a reply) is the protocol's: test_row_23 of tests/protocol/test_named.py.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "quirks/quirks.h"
#include "recorder.h"

#define AT_AF 0xe0u

static struct recorder r;

static struct pcg_function *open_function(void)
{
	recorder_init(&r);
	return recorder_open(&r, NULL);
}

static int access_bar(struct pcg_function *f, enum pcg_request_kind kind, uint64_t offset, void *data, size_t length)
{
	struct pcg_request rq = { .kind = kind, .region = 0, .offset = offset, .length = length, .data = data };

	return pcg_function_submit(f, &rq);
}

/* Parse what the recorder holds. */
static int parse(struct pcg_layout *layout)
{
	return pcg_layout_parse(layout, r.config, sizeof(r.config), NULL);
}

static void header(unsigned int at, unsigned int id, unsigned int next)
{
	pcg_put32(r.config + at, id | 1u << 16 | next << 20);
}

/* How many extended capabilities a guest finds, @last: where the last one stands. The chain must end. */
static unsigned int guest_chain(struct pcg_function *f, unsigned int *last)
{
	unsigned int at = 0x100, n = 0, steps;

	*last = 0;
	for (steps = 0; at != 0; steps++) {
		uint32_t value = guest_read(f, at, 4);

		assert_in_range(steps, 0, PCG_MAX_ECAPS);
		if ((value & 0xffff) != 0) {
			n++;
			*last = at;
		}
		at = value >> 20;
	}
	return n;
}

static void row_01_msix_is_enabled_by_a_dword_at_its_start(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, AT_MSIX, 4, 0x80000000);
	assert_int_equal(guest_read(f, AT_MSIX + 2, 2), 0x8000 | 63);
	guest_write(f, AT_MSIX, 4, 0x40000000);
	assert_int_equal(guest_read(f, AT_MSIX + 2, 2), 0x4000 | 63);
	assert_int_equal(guest_read(f, AT_MSIX, 2), PCG_CAP_MSIX | AT_EXP << 8);
	recorder_close(f);
}

static void row_02_bars_are_sized_by_every_pattern_and_width(void **state)
{
	static const uint32_t patterns[] = { 0xffffffff, 0xfffffff0, 0xfffff800, 0xffff0001 };
	struct pcg_function *f;
	unsigned int i, at;

	(void)state;
	recorder_init(&r);
	r.host.info.rom = (struct pcg_bar){ .size = 65536, .kind = PCG_BAR_MEM32 };
	f = recorder_open(&r, NULL);
	for (i = 0; i < 4; i++) {
		guest_write(f, PCG_BAR0, 4, patterns[i]);
		assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xffff0000);
		guest_write(f, PCG_ROM, 4, patterns[i]);
		assert_int_equal(guest_read(f, PCG_ROM, 4), 0xffff0000 | (patterns[i] & 1));
		guest_write(f, PCG_BAR0, 4, 0);
		guest_write(f, PCG_ROM, 4, 0);
	}
	for (at = 0; at < 4; at++)
		guest_write(f, PCG_BAR0 + at, 1, 0xff);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xffff0000);
	guest_write(f, PCG_BAR0, 4, 0);
	guest_write(f, PCG_BAR0 + 2, 2, 0xffff);
	assert_int_equal(guest_read(f, PCG_BAR0 + 2, 2), 0xffff);
	assert_int_equal(guest_read(f, PCG_BAR0, 2), 0);
	recorder_close(f);
}

static void row_04_a_bar_written_while_memory_is_off_holds_and_can_be_undone(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_BAR0, 4, 0xc0000000);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xc0000000);
	guest_write(f, PCG_COMMAND, 2, 0);
	guest_write(f, PCG_BAR0, 4, 0xffffffff);
	guest_write(f, PCG_BAR0, 4, 0xc0000000);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xc0000000);
	assert_int_equal(pcg_get32(r.config + PCG_BAR0), 0xfe000000);
	recorder_close(f);
}

/* Table and pending bits at the very end: what is left to map ends before them, and never behind the BAR. */
static void row_06_holes_lie_inside_the_bar(void **state)
{
	const struct pcg_region *region;
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_MSIX + 4, 0xf000);
	pcg_put32(r.config + AT_MSIX + 8, 0xfff8);
	f = recorder_open(&r, NULL);
	region = pcg_function_region(f, 0);
	assert_int_equal(region->nareas, 1);
	assert_int_equal(region->areas[0].offset, 0);
	assert_int_equal(region->areas[0].size, 0xf000);
	recorder_close(f);
}

/* One piece is offered (more, not all clients understand), and it is one that the backend stated. */
static void row_07_what_can_be_mapped_is_what_the_backend_said(void **state)
{
	const struct pcg_region *region;
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_MSIX, 0);
	r.config[AT_MSI + 1] = AT_EXP;
	r.host.info.regions[0].nareas = 2;
	r.host.info.regions[0].areas[0].offset = 0x1000;
	r.host.info.regions[0].areas[0].size = 0x2000;
	r.host.info.regions[0].areas[1].offset = 0x8000;
	r.host.info.regions[0].areas[1].size = 0x4000;
	f = recorder_open(&r, NULL);
	region = pcg_function_region(f, 0);
	assert_int_equal(region->nareas, 1);
	assert_int_equal(region->areas[0].offset, 0x8000);
	assert_int_equal(region->areas[0].size, 0x4000);
	recorder_close(f);
}

static void row_09_d3hot_revokes_before_hardware_and_d0_allows_after(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	recorder_clear(&r);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	assert_non_null(strstr(r.calls, "revoke "));
	assert_true(strstr(r.calls, "revoke ") < strstr(r.calls, "power3 "));
	recorder_clear(&r);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_non_null(strstr(r.calls, "power0 "));
	assert_true(strstr(r.calls, "allow ") > strstr(r.calls, "power0 "));
	recorder_close(f);
}

static void row_10_a_function_level_reset_by_byte_enable_and_by_af(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + 1] = AT_AF;
	memcpy(r.config + AT_AF, "\x13\x00\x06\x03\x00\x00", 6);
	f = recorder_open(&r, NULL);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 1, 0xff);
	assert_null(strstr(r.calls, "reset "));
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL + 1, 1, 0x80);
	assert_non_null(strstr(r.calls, "reset "));
	recorder_clear(&r);
	guest_write(f, AT_AF + PCG_AF_CTRL + 1, 1, 1);
	assert_null(strstr(r.calls, "reset "));
	guest_write(f, AT_AF + PCG_AF_CTRL, 1, 1);
	assert_non_null(strstr(r.calls, "reset "));
	assert_int_equal(guest_read(f, AT_AF + PCG_AF_CTRL, 1), 0);
	recorder_close(f);
}

static void row_11_msix_in_a_bar_that_cannot_hold_it(void **state)
{
	/* an empty BAR, I/O, the upper half of another, no BAR at all, past the end, across it */
	static const uint32_t tables[] = { 5, 1, 3, 6, 0x10000, 0xfc08 };
	unsigned int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		struct pcg_function *f;

		recorder_init(&r);
		r.host.info.bars[2] = (struct pcg_bar){ .size = 65536, .kind = PCG_BAR_MEM64 };
		r.host.info.bars[3] = (struct pcg_bar){ .kind = PCG_BAR_UPPER };
		pcg_put32(r.config + AT_MSIX + 4, tables[i]);
		f = recorder_open(&r, NULL);
		assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 0);
		assert_int_equal(guest_read(f, AT_MSI + 1, 1), AT_EXP);
		assert_int_equal(guest_read(f, AT_MSIX + 4, 4), 0);
		recorder_close(f);
	}
}

static void row_12_registers_beside_the_msix_table_are_the_functions(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t data[16];

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 2);
	pcg_put32(r.bar + 0x1ffc, 0x11223344);
	pcg_put32(r.bar + 0x2400, 0x55667788);
	recorder_clear(&r);
	assert_int_equal(access_bar(f, PCG_REQUEST_READ, 0x1ffd, data, 7), 0);
	assert_string_equal(r.calls, "br0:1ffd+3 ");
	assert_int_equal(data[0], 0x33);
	recorder_clear(&r);
	assert_int_equal(access_bar(f, PCG_REQUEST_READ, 0x23fe, data, 5), 0);
	assert_string_equal(r.calls, "br0:2400+3 ");
	assert_int_equal(data[2], 0x88);
	recorder_clear(&r);
	assert_int_equal(access_bar(f, PCG_REQUEST_WRITE, 0x23fc, data, 8), 0);
	assert_string_equal(r.calls, "bw0:2400+4 ");
	recorder_close(f);
}

static void row_13_a_hidden_capability_reads_zero_at_every_width_and_offset(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int at, width;

	(void)state;
	for (width = 1; width <= 4; width++)
		for (at = AT_PASID; at + width <= AT_PASID + 8; at++)
			assert_int_equal(guest_read(f, at, width), 0);
	/* the pointer before it, by all the bytes that it stands in */
	assert_int_equal(guest_read(f, AT_AER + 2, 2), 0x1602);
	assert_int_equal(guest_read(f, AT_AER + 3, 1), 0x16);
	assert_int_equal(guest_read(f, AT_AER + 2, 1), 0x02);
	recorder_close(f);
}

static void row_14_hidden_at_the_head_alone_last_and_adjacent(void **state)
{
	struct pcg_function *f;
	unsigned int last;

	(void)state;
	recorder_init(&r); /* the head */
	header(0x100, PCG_ECAP_LTR, 0x150);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0x100, 4), 0x16000000);
	assert_int_equal(guest_chain(f, &last), 1);
	recorder_close(f);

	recorder_init(&r); /* all there is */
	header(0x100, PCG_ECAP_LTR, 0);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0x100, 4), 0);
	recorder_close(f);

	recorder_init(&r); /* the last */
	header(AT_DSN, PCG_ECAP_LTR, 0);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_chain(f, &last), 1);
	assert_int_equal(last, AT_AER);
	recorder_close(f);

	recorder_init(&r); /* two, touching */
	header(AT_PASID, PCG_ECAP_PASID, 0x158);
	header(0x158, PCG_ECAP_LTR, AT_DSN);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_chain(f, &last), 2);
	assert_int_equal(last, AT_DSN);
	assert_int_equal(guest_read(f, 0x158, 4) | guest_read(f, 0x15c, 4), 0);
	recorder_close(f);
}

/* The capability is hidden, so that no count, large or while VFs are on, reaches the function. */
static void row_15_no_guest_sets_a_number_of_vfs(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	header(AT_DSN, PCG_ECAP_SRIOV, 0);
	pcg_put32(r.config + AT_DSN + 0xc, 0x00080008);
	f = recorder_open(&r, NULL);
	guest_write(f, AT_DSN + 0x10, 2, 9);
	guest_write(f, AT_DSN + 0x10, 2, 256);
	guest_write(f, AT_DSN + 0x08, 2, 1);
	guest_write(f, AT_DSN + 0x10, 2, 1);
	assert_string_equal(r.calls, "");
	assert_int_equal(guest_read(f, AT_DSN + 0xc, 4), 0);
	recorder_close(f);
}

static void row_16_extended_space_of_all_ones_is_no_loop(void **state)
{
	struct pcg_function *f;
	struct pcg_layout layout;

	(void)state;
	recorder_init(&r);
	memset(r.config + 0x100, 0xff, sizeof(r.config) - 0x100);
	assert_int_equal(parse(&layout), 0);
	assert_int_equal(layout.necaps, 0);
	assert_int_equal(layout.ncaps, 4);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, AT_PM, 1), PCG_CAP_PM);
	recorder_close(f);
}

static void row_17_chains_that_lead_nowhere_end(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t value; /* of the pointer of MSI-X, or of the extended header at 160h */
		unsigned int ncaps;
		unsigned int necaps;
	} cases[] = {
		{ AT_MSIX, AT_PM, 3, 3 },      /* a loop */
		{ AT_MSIX, AT_MSIX, 3, 3 },    /* to itself */
		{ AT_MSIX, 0x3c, 3, 3 },       /* into the header */
		{ AT_MSIX, AT_EXP | 3, 4, 3 }, /* unaligned: the low bits do not count */
		{ AT_MSIX, 0xf0, 3, 3 },       /* id FFh */
		{ AT_DSN, 0x10010003, 4, 3 },  /* a loop */
		{ AT_DSN, 0x16010003, 4, 3 },  /* to itself */
		{ AT_DSN, 0x03c10003, 4, 3 },  /* out of extended space */
		{ AT_DSN, 0x20110003, 4, 3 },  /* to FFFFFFFFh */
		{ AT_DSN, 0xffffffff, 4, 2 },  /* nothing there */
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pcg_layout layout;
		struct pcg_function *f;
		unsigned int last;

		recorder_init(&r);
		r.config[0xf0] = 0xff;
		memset(r.config + 0x200, 0xff, 0x20);
		if (cases[i].at == AT_MSIX)
			r.config[AT_MSIX + 1] = (uint8_t)cases[i].value;
		else
			pcg_put32(r.config + AT_DSN, cases[i].value);
		assert_int_equal(parse(&layout), 0);
		assert_int_equal(layout.ncaps, cases[i].ncaps);
		assert_int_equal(layout.necaps, cases[i].necaps);
		f = recorder_open(&r, NULL);
		assert_int_equal(guest_chain(f, &last), cases[i].necaps - 1);
		recorder_close(f);
	}
}

/* A type 2 header has its pointer at 14h; it is no endpoint's and refused, never read as one. */
static void row_18_a_cardbus_header_is_refused(void **state)
{
	struct pcg_layout layout;

	(void)state;
	recorder_init(&r);
	r.config[PCG_HEADER_TYPE] = 0x02;
	assert_int_equal(parse(&layout), -ENOTSUP);
	assert_int_equal(layout.ncaps, 0);
	r.config[PCG_HEADER_TYPE] = 0x82;
	assert_int_equal(parse(&layout), -ENOTSUP);
}

static void row_19_version_1_express_ends_by_its_port_type(void **state)
{
	static const struct {
		uint16_t flags;
		unsigned int length;
	} cases[] = { { 0x0001, 0x14 }, { 0x0011, 0x14 }, { 0x0091, 0x0c }, { 0x0002, 0x3c } };
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		struct pcg_layout layout;

		recorder_init(&r);
		pcg_put16(r.config + AT_EXP + PCG_EXP_FLAGS, cases[i].flags);
		assert_int_equal(parse(&layout), 0);
		assert_int_equal(pcg_layout_find(&layout, PCG_CAP_EXP)->length, cases[i].length);
	}
}

static void row_20_a_chain_that_runs_backwards_stays_so(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	header(0x100, PCG_ECAP_AER, 0x300);
	header(0x300, PCG_ECAP_DSN, 0x200);
	header(0x200, PCG_ECAP_PB, 0);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0x100, 4) >> 20, 0x300);
	assert_int_equal(guest_read(f, 0x300, 4) >> 20, 0x200);
	assert_int_equal(guest_read(f, 0x200, 4), 0x00010004);
	recorder_close(f);
}

static void init_vf(void)
{
	recorder_init(&r);
	pcg_put32(r.config, 0xffffffff);
	r.host.info.is_vf = true;
	r.host.info.vendor = 0x8086;
	r.host.info.device = 0x10ca;
	r.hardwired = PCG_COMMAND_MEMORY | PCG_COMMAND_IO;
}

static void row_21_a_vf_has_the_ids_of_its_kind(void **state)
{
	struct pcg_function *f;
	unsigned int width;

	(void)state;
	init_vf();
	f = recorder_open(&r, NULL);
	for (width = 1; width <= 4; width++)
		assert_int_equal(guest_read(f, 0, width), 0x10ca8086u & (0xffffffffu >> (32 - 8 * width)));
	assert_int_equal(guest_read(f, PCG_INT_PIN, 1), 0);
	recorder_close(f);
}

static void row_22_memory_enable_of_a_vf_is_virtual(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_vf();
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), PCG_COMMAND_MEMORY);
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), PCG_COMMAND_MEMORY);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND), 0);
	recorder_close(f);
}

static void row_24_the_msix_table_is_read_by_any_size(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t table[64 * 16], part[64];
	unsigned int offset, length;

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 2);
	memset(table, 0x5a, sizeof(table));
	assert_int_equal(access_bar(f, PCG_REQUEST_WRITE, 0x2000, table, sizeof(table)), 0);
	assert_int_equal(access_bar(f, PCG_REQUEST_READ, 0x2000, table, sizeof(table)), 0);
	for (offset = 0; offset < 33; offset++)
		for (length = 1; length < 18; length++) {
			assert_int_equal(access_bar(f, PCG_REQUEST_READ, 0x2000 + offset, part, length), 0);
			assert_memory_equal(part, table + offset, length);
		}
	assert_int_equal(pcg_get32(table + 12), 0); /* 7.7.2.9: bit 0 alone, and 5Ah has it clear */
	recorder_close(f);
}

/* For the life of an assignment the size is what it was; the next one sees the change. */
static void row_25_the_table_size_changes_between_assignments_alone(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	r.config[AT_MSIX + 2] = 15;
	assert_int_equal(guest_read(f, AT_MSIX + 2, 2), 63);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 64);
	recorder_close(f);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, AT_MSIX + 2, 2), 15);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 16);
	recorder_close(f);
}

static void row_26_an_access_across_a_register_keeps_its_residue(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int at;

	(void)state;
	guest_write(f, PCG_BAR0, 4, 0xc0de0000);
	for (at = 0x0c; at < 0x18; at++) {
		uint32_t bytes = 0;
		unsigned int i;

		for (i = 0; i < 4; i++)
			bytes |= guest_read(f, at + i, 1) << 8 * i;
		assert_int_equal(guest_read(f, at, 4), bytes);
	}
	guest_write(f, PCG_BAR0, 4, 0);
	guest_write(f, PCG_BAR0 - 1, 4, 0xaabbccdd); /* three bytes of it are BAR0's */
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0x00aa0000);
	guest_write(f, PCG_BAR0 + 1, 4, 0x11223344); /* and one is BAR1's */
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0x22330000);
	assert_int_equal(guest_read(f, PCG_BAR0 + 4, 4), 0x00000001);
	recorder_close(f);
}

static void row_27_clearing_one_status_bit_leaves_the_others(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_put16(r.config + PCG_STATUS, 0xf910);
	recorder_clear(&r);
	guest_write(f, PCG_STATUS + 1, 1, 0x10);
	assert_string_equal(r.calls, "r004/8 w004/8=10000000 ");
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 4, 0x80000006);
	assert_non_null(strstr(r.calls, "=80000006 "));
	recorder_close(f);
}

/* Two DVSECs that touch, then a hidden capability: each is itself, and the second does not show what it hides. */
static void init_touching(void)
{
	recorder_init(&r);
	header(AT_DSN, PCG_ECAP_DVSEC, 0x170);
	pcg_put32(r.config + AT_DSN + 4, 0x01018086);
	pcg_put32(r.config + AT_DSN + 8, 0xaaaa0001);
	header(0x170, PCG_ECAP_DVSEC, 0x180);
	pcg_put32(r.config + 0x174, 0x01018086);
	pcg_put32(r.config + 0x178, 0xbbbb0002);
	header(0x180, PCG_ECAP_PTM, 0x1a0);
	header(0x1a0, PCG_ECAP_DSN, 0);
}

static void row_28_touching_capabilities_of_one_id_are_two(void **state)
{
	struct pcg_layout layout;
	struct pcg_function *f;

	(void)state;
	init_touching();
	assert_int_equal(parse(&layout), 0);
	assert_int_equal(pcg_layout_at(&layout, 0x16f)->offset, AT_DSN);
	assert_int_equal(pcg_layout_at(&layout, 0x170)->offset, 0x170);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, AT_DSN, 4), 0x17010023);
	assert_int_equal(guest_read(f, 0x170, 4), 0x1a010023);
	assert_int_equal(guest_read(f, 0x180, 4), 0);
	recorder_close(f);
}

static void row_29_a_vendors_extended_registers_are_written_where_that_is_allowed(void **state)
{
	static const char text[] = "[a]\nmatch = 8086:1234\nwhy = x\nopen = ECAP_DVSEC#2 a-b read-write\n";
	struct pcg_view_options options = { .profile = pcg_profile_find("guarded") };
	struct quirks quirks = { 0 };
	struct pcg_function *f;

	(void)state;
	init_touching();
	f = recorder_open(&r, NULL);
	guest_write(f, 0x178, 4, 0);
	guest_write(f, AT_DSN + 8, 4, 0);
	assert_string_equal(r.calls, "");
	recorder_close(f);

	assert_int_equal(quirks_parse(&quirks, text, sizeof(text) - 1, "x", NULL), 0);
	options.quirks = quirks.list;
	options.nquirks = quirks.count;
	f = recorder_open(&r, &options);
	guest_write(f, 0x178, 4, 0);
	guest_write(f, AT_DSN + 8, 4, 0);
	assert_int_equal(pcg_get32(r.config + 0x178), 0x00000002);
	assert_int_equal(pcg_get32(r.config + AT_DSN + 8), 0xaaaa0001);
	recorder_close(f);
	quirks_finish(&quirks);
}

/* FF8h is where others put a PASID capability of their own; here registers of the function stand there. */
static void row_30_nothing_is_put_where_registers_stand(void **state)
{
	struct pcg_function *f;
	struct pcg_layout layout;
	unsigned int at;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + 0xff8, 0x12345678);
	pcg_put32(r.config + 0xffc, 0x9abcdef0);
	assert_int_equal(parse(&layout), 0);
	f = recorder_open(&r, NULL);
	assert_int_equal(guest_read(f, 0xff8, 4), 0x12345678);
	assert_int_equal(guest_read(f, 0xffc, 4), 0x9abcdef0);
	for (at = 0x100; at != 0; at = guest_read(f, at, 4) >> 20)
		assert_int_equal(pcg_layout_at(&layout, (uint16_t)at)->offset, at);
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(row_01_msix_is_enabled_by_a_dword_at_its_start),
		cmocka_unit_test(row_02_bars_are_sized_by_every_pattern_and_width),
		cmocka_unit_test(row_04_a_bar_written_while_memory_is_off_holds_and_can_be_undone),
		cmocka_unit_test(row_06_holes_lie_inside_the_bar),
		cmocka_unit_test(row_07_what_can_be_mapped_is_what_the_backend_said),
		cmocka_unit_test(row_09_d3hot_revokes_before_hardware_and_d0_allows_after),
		cmocka_unit_test(row_10_a_function_level_reset_by_byte_enable_and_by_af),
		cmocka_unit_test(row_11_msix_in_a_bar_that_cannot_hold_it),
		cmocka_unit_test(row_12_registers_beside_the_msix_table_are_the_functions),
		cmocka_unit_test(row_13_a_hidden_capability_reads_zero_at_every_width_and_offset),
		cmocka_unit_test(row_14_hidden_at_the_head_alone_last_and_adjacent),
		cmocka_unit_test(row_15_no_guest_sets_a_number_of_vfs),
		cmocka_unit_test(row_16_extended_space_of_all_ones_is_no_loop),
		cmocka_unit_test(row_17_chains_that_lead_nowhere_end),
		cmocka_unit_test(row_18_a_cardbus_header_is_refused),
		cmocka_unit_test(row_19_version_1_express_ends_by_its_port_type),
		cmocka_unit_test(row_20_a_chain_that_runs_backwards_stays_so),
		cmocka_unit_test(row_21_a_vf_has_the_ids_of_its_kind),
		cmocka_unit_test(row_22_memory_enable_of_a_vf_is_virtual),
		cmocka_unit_test(row_24_the_msix_table_is_read_by_any_size),
		cmocka_unit_test(row_25_the_table_size_changes_between_assignments_alone),
		cmocka_unit_test(row_26_an_access_across_a_register_keeps_its_residue),
		cmocka_unit_test(row_27_clearing_one_status_bit_leaves_the_others),
		cmocka_unit_test(row_28_touching_capabilities_of_one_id_are_two),
		cmocka_unit_test(row_29_a_vendors_extended_registers_are_written_where_that_is_allowed),
		cmocka_unit_test(row_30_nothing_is_put_where_registers_stand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
