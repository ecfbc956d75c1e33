/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The profile `linux`: each fault that it repeats on purpose, shown there and shown absent under `guarded`. The
 * traces observed from Linux itself are run by test_golden.c.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static struct recorder r;

enum {
	AT_GAP = 0xe0
};

static struct pcg_function *open_as(const char *profile)
{
	struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	assert_non_null(options.profile);
	return recorder_open(&r, &options);
}

/* Whether the calls since they were last cleared hold this word. */
static bool called(const char *word)
{
	return strstr(r.calls, word) != NULL;
}

static bool writes_after(struct pcg_function *f, unsigned int offset, unsigned int width, uint32_t value,
			 const char *word)
{
	recorder_clear(&r);
	assert_int_equal(guest_write(f, offset, width, value), 0);
	return called(word);
}

static uint32_t hardware(unsigned int offset)
{
	return pcg_get32(r.config + offset);
}

static int read_bar(struct pcg_function *f, unsigned int bar)
{
	uint32_t data;
	struct pcg_request rq = {
		.kind = PCG_REQUEST_READ,
		.region = bar,
		.length = 4,
		.data = &data,
	};

	return pcg_function_submit(f, &rq);
}

/* --- how accesses are cut (1.2) --- */

static void an_access_is_cut_into_natural_chunks(void **state)
{
	uint8_t data[8] = { 0 };
	struct pcg_request rq = {
		.kind = PCG_REQUEST_READ,
		.region = PCG_REGION_CONFIG,
		.offset = AT_GAP + 5,
		.length = 4,
		.data = data,
	};
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_string_equal(r.calls, "r0e4/2 r0e4/c r0e8/1 ");
	recorder_close(f);
}

static void an_access_is_cut_where_ownership_changes(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	/* A vendor capability of 6 bytes: its last two share a dword with a gap. */
	r.config[AT_EXP + 1] = AT_GAP;
	r.config[AT_GAP] = PCG_CAP_VNDR;
	r.config[AT_GAP + 2] = 6;
	f = open_as("linux");
	guest_write(f, AT_GAP + 4, 4, 0x11223344);
	assert_string_equal(r.calls, "w0e4/3=3344 w0e4/c=11220000 ");
	recorder_close(f);
}

static void running_off_the_end_is_judged_on_the_whole(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(guest_write(f, 0xffe, 4, 0), -EFAULT);
	assert_int_equal(guest_write(f, 0x1000, 1, 0), -EFAULT);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

/* --- section 7.1 --- */

static void fault_7_1_1_status_errors_are_cleared_by_a_command_write(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + PCG_STATUS, 0xf910);
	f = open_as("linux");
	assert_true(writes_after(f, PCG_COMMAND, 4, 0x00000006, "w004/f=f9100006"));
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, PCG_COMMAND, 4, 0x00000006);
	assert_false(called("=f9"));
	recorder_close(f);
}

static void fault_7_1_1_device_status_is_cleared_by_a_dword_write(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVSTA, 0x000f);
	f = open_as("linux");
	assert_true(writes_after(f, AT_EXP + PCG_EXP_DEVCTL, 4, 0x00002810, "/f=f"));
	recorder_close(f);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_EXP + PCG_EXP_DEVCTL, 4, 0x00002810, "=f"));
	recorder_close(f);
}

static void fault_7_1_1_pme_status_is_cleared_by_a_pmcsr_write(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_PM + PCG_PM_CSR, 0x8100);
	f = open_as("linux");
	assert_true(writes_after(f, AT_PM + PCG_PM_CSR, 2, 0, "w044/3=8100"));
	recorder_close(f);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_PM + PCG_PM_CSR, 2, 0, "=8100"));
	recorder_close(f);
}

static void fault_7_1_1_a_zero_clears_uncorrectable_errors(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER + 4, 0x84100000);
	f = open_as("linux");
	assert_true(writes_after(f, AT_AER + 4, 4, 0, "w104/f=84000000"));
	recorder_close(f);
	recorder_init(&r);
	pcg_put32(r.config + AT_AER + 4, 0x84100000);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_AER + 4, 4, 0, "w104"));
	recorder_close(f);
}

static void fault_7_1_2_msi_shows_the_functions_count_whatever_is_set_up(void **state)
{
	struct pcg_function *f;
	unsigned int i;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	for (i = 0; i < 4; i++)
		assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, i, true), 0);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & PCG_MSI_MMC, 0x0a);
	/* What the guest writes there it reads. */
	guest_write(f, AT_MSI + 2, 1, 0x86);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & PCG_MSI_MMC, 0x06);
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	guest_write(f, AT_MSI + 2, 1, 0x86);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & PCG_MSI_MMC, 0x0a);
	recorder_close(f);
}

static void fault_7_1_2_vectors_wanted_before_they_are_set_up_read_one(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	guest_write(f, AT_MSI + 2, 2, 0x0051);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & 0x71, 0);
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	guest_write(f, AT_MSI + 2, 2, 0x0051);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & 0x71, 0x51);
	recorder_close(f);
}

static void fault_7_1_3_power_budgeting_writes_the_wrong_register(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_DSN, 0x00010004);
	f = open_as("linux");
	assert_false(writes_after(f, AT_DSN + 4, 1, 0x05, "w164"));
	assert_true(writes_after(f, AT_DSN + 8, 1, 0x05, "w168/1=5"));
	recorder_close(f);
	f = open_as("guarded");
	assert_true(writes_after(f, AT_DSN + 4, 1, 0x05, "w164/1=5"));
	assert_false(writes_after(f, AT_DSN + 8, 1, 0x06, "w168"));
	recorder_close(f);
}

static void fault_7_1_4_a_hidden_body_is_written(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(guest_read(f, AT_AER, 4) >> 20, AT_DSN);
	assert_true(writes_after(f, AT_PASID + 6, 2, 1, "w154/c"));
	assert_int_equal(hardware(AT_PASID + 4) >> 16, 1);
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_AER, 4) >> 20, AT_DSN);
	assert_false(writes_after(f, AT_PASID + 6, 2, 1, "w154"));
	assert_int_equal(guest_read(f, AT_PASID + 4, 4), 0);
	recorder_close(f);
}

static void fault_7_1_5_lengths_that_lie_stay_inside(void **state)
{
	static const char *const profiles[] = { "linux", "guarded" };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct pcg_function *f;

		recorder_init(&r);
		pcg_put32(r.config + AT_AER, 0xff020001);
		pcg_put32(r.config + 0xff0, 0x0001000b);
		pcg_put32(r.config + 0xff4, 0xfff00000);
		f = open_as(profiles[i]);
		assert_int_equal(guest_read(f, 0xff0, 4) & 0xffff, 0x000b);
		assert_int_equal(guest_write(f, 0xffc, 4, 0xffffffff), 0);
		recorder_close(f);
	}
}

static void fault_7_1_6_touching_capabilities_of_one_id_are_one(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x2001000b);
	pcg_put32(r.config + AT_AER + 4, 0x10000000);
	/* Two of them at 200h and 210h, then PTM, which is hidden, then a serial number. */
	pcg_put32(r.config + 0x200, 0x2101000b);
	pcg_put32(r.config + 0x204, 0x01000000);
	pcg_put32(r.config + 0x210, 0x3001000b);
	pcg_put32(r.config + 0x214, 0x01000000);
	pcg_put32(r.config + 0x300, 0x3101001f);
	pcg_put32(r.config + 0x310, 0x00010003);
	f = open_as("linux");
	assert_int_equal(guest_read(f, 0x210, 4) >> 20, 0x300);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_not_equal(guest_read(f, 0x210, 4) >> 20, 0x300);
	recorder_close(f);
}

static void fault_7_1_7_a_hidden_head_goes_by_the_low_byte_of_its_id(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x160101ff);
	f = open_as("linux");
	assert_true(writes_after(f, AT_AER, 4, 0x12345678, "w100/f=12345678"));
	recorder_close(f);
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x160101ff);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_AER, 4, 0x12345678, "w100"));
	recorder_close(f);
}

static void fault_7_1_8_bars_show_host_addresses(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xfe000000);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0);
	recorder_close(f);
}

static void fault_7_1_9_error_masks_are_the_hosts_own(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_true(writes_after(f, AT_AER + 8, 4, 0x00100000, "w108/f=100000"));
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_AER + 8, 4, 0x00100000, "w108"));
	assert_int_equal(guest_read(f, AT_AER + 8, 4), 0x00100000);
	recorder_close(f);
}

static void fault_7_1_10_a_reset_leaves_the_virtual_view(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	guest_write(f, PCG_INT_LINE, 1, 5);
	assert_true(writes_after(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x8000, "reset "));
	assert_int_equal(guest_read(f, PCG_INT_LINE, 1), 5);
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	guest_write(f, PCG_INT_LINE, 1, 5);
	assert_true(writes_after(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x8000, "reset "));
	assert_int_equal(guest_read(f, PCG_INT_LINE, 1), 0);
	recorder_close(f);
}

static void fault_7_1_11_what_cannot_work_is_shown(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	/* Address translation, with the host's enable bit. */
	pcg_put32(r.config + AT_AER, 0x1600000f | 1u << 16);
	pcg_put32(r.config + AT_AER + 4, 0x80000000);
	f = open_as("linux");
	assert_int_equal(guest_read(f, AT_AER, 4) & 0xffff, PCG_ECAP_ATS);
	assert_int_equal(guest_read(f, AT_AER + 4, 4), 0x80000000);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_not_equal(guest_read(f, AT_AER, 4) & 0xffff, PCG_ECAP_ATS);
	assert_int_equal(guest_read(f, AT_AER + 4, 4), 0);
	recorder_close(f);
}

static void fault_7_1_12_link_control_is_swallowed(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	guest_write(f, AT_EXP + 0x10, 2, 0x0040);
	assert_int_equal(guest_read(f, AT_EXP + 0x10, 2), 0);
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, AT_EXP + 0x10, 2, 0x0040);
	assert_int_equal(guest_read(f, AT_EXP + 0x10, 2), 0x0040);
	recorder_close(f);
}

static void fault_7_1_13_express_of_version_0_is_as_long_as_2(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + 2, 0x0000);
	f = open_as("linux");
	/* What stands behind version 1's registers is swallowed as if it were link control 2. */
	assert_false(writes_after(f, AT_EXP + 0x30, 2, 0x1234, "w0d0"));
	recorder_close(f);
	f = open_as("guarded");
	assert_true(writes_after(f, AT_EXP + 0x30, 2, 0x1234, "w0d0/3=1234"));
	recorder_close(f);
}

static void fault_7_1_14_self_test_and_ltr_are_the_guests(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_true(writes_after(f, PCG_BIST, 1, 0x40, "w00c/8"));
	assert_true(writes_after(f, AT_EXP + PCG_EXP_DEVCTL2, 2, 0x0400, "w0c8/3=400"));
	recorder_close(f);
	recorder_init(&r);
	f = open_as("guarded");
	assert_false(writes_after(f, PCG_BIST, 1, 0x40, "w00c"));
	assert_false(writes_after(f, AT_EXP + PCG_EXP_DEVCTL2, 2, 0x0400, "=400"));
	recorder_close(f);
}

/* --- section 7.1b --- */

static void fault_7_1b_1_an_io_bar_is_taken_for_a_64_bit_one(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.host.info.bars[1].size = 4;
	r.host.info.bars[2] = (struct pcg_bar){ .size = 4096, .kind = PCG_BAR_MEM32 };
	pcg_put32(r.config + PCG_BAR0 + 4, 0x0000e005);
	pcg_put32(r.config + PCG_BAR0 + 8, 0xfd000000);
	f = open_as("linux");
	guest_write(f, PCG_BAR0 + 8, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0 + 8, 4), 0xffffffff);
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, PCG_BAR0 + 4, 4, 0x0000e005);
	guest_write(f, PCG_BAR0 + 8, 4, 0xffffffff);
	assert_int_equal(guest_read(f, PCG_BAR0 + 8, 4), 0xfffff000);
	recorder_close(f);
}

static void fault_7_1b_2_a_write_before_the_msi_flags_writes_them(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_MSI + 2, 0x01bb);
	f = open_as("linux");
	assert_true(writes_after(f, AT_MSI + 1, 1, 0, "w050/c=18a0000"));
	assert_false(writes_after(f, AT_MSI, 1, 0, "w050"));
	recorder_close(f);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_MSI + 1, 1, 0, "w050"));
	recorder_close(f);
}

static void fault_7_1b_3_a_hidden_head_of_fe_is_a_notebook(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x160100fe);
	f = open_as("linux");
	assert_false(writes_after(f, AT_AER, 4, 0x12345678, "w100"));
	assert_int_equal(guest_read(f, AT_AER, 4), 0x12345678);
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, AT_AER, 4, 0x12345678);
	assert_int_equal(guest_read(f, AT_AER, 4), 0x16000000);
	recorder_close(f);
}

static void fault_7_1b_3_a_hidden_null_head_exposes_what_follows(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x15010000);
	f = open_as("linux");
	assert_int_equal(guest_read(f, AT_AER, 4) >> 20, AT_PASID);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_AER, 4) >> 20, AT_DSN);
	recorder_close(f);
}

static void fault_7_1b_4_the_physical_intx_bit_follows(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.host.info.intx_follows = true;
	f = open_as("linux");
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_INTX_OFF);
	assert_int_equal(hardware(PCG_COMMAND) & PCG_COMMAND_INTX_OFF, PCG_COMMAND_INTX_OFF);
	guest_write(f, PCG_COMMAND + 1, 1, 0);
	assert_int_equal(hardware(PCG_COMMAND) & PCG_COMMAND_INTX_OFF, 0);
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_INTX_OFF);
	assert_int_equal(hardware(PCG_COMMAND) & PCG_COMMAND_INTX_OFF, 0);
	recorder_close(f);
}

static int vpd(struct pcg_host *host, bool write, uint16_t address, uint32_t *value, struct pcg_op *op)
{
	(void)host;
	(void)op;
	if (write)
		return address < 0x80 ? PCG_DONE : -EINVAL;
	*value = address < 0x80 ? 0x01020304 : 0;
	return PCG_DONE;
}

static void fault_7_1b_5_vpd_past_its_end_completes(void **state)
{
	struct pcg_host_ops ops;
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	ops = *r.host.ops;
	ops.vpd = vpd;
	r.host.ops = &ops;
	r.config[AT_EXP + 1] = AT_GAP;
	r.config[AT_GAP] = PCG_CAP_VPD;
	f = open_as("linux");
	guest_write(f, AT_GAP + 2, 2, 0x0010);
	assert_int_equal(guest_read(f, AT_GAP + 2, 2), 0x8010);
	assert_int_equal(guest_read(f, AT_GAP + 4, 4), 0x01020304);
	guest_write(f, AT_GAP + 2, 2, 0x0100);
	assert_int_equal(guest_read(f, AT_GAP + 2, 2), 0x8100);
	assert_int_equal(guest_read(f, AT_GAP + 4, 4), 0);
	/* Only a failure leaves the flag. */
	guest_write(f, AT_GAP + 2, 2, 0x8100);
	assert_int_equal(guest_read(f, AT_GAP + 2, 2), 0x8100);
	recorder_close(f);
	/* There the function answers by itself, as far as it goes. */
	f = open_as("guarded");
	assert_true(writes_after(f, AT_GAP + 2, 2, 0x0100, "w0e0/c=1000000"));
	assert_int_equal(guest_read(f, AT_GAP + 2, 2), 0x0100);
	recorder_close(f);
}

static void fault_7_1b_6_any_express_write_resets_what_opened_with_the_bit(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0xa830);
	f = open_as("linux");
	assert_true(writes_after(f, AT_EXP + 0x10, 1, 0, "reset "));
	assert_false(writes_after(f, AT_EXP + 0x10, 1, 0, "reset "));
	recorder_close(f);
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0xa830);
	f = open_as("guarded");
	assert_false(writes_after(f, AT_EXP + 0x10, 1, 0, "reset "));
	recorder_close(f);
}

static void fault_7_1b_7_a_reserved_payload_size_refuses_request_sizes(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x28f0);
	f = open_as("linux");
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x3810);
	assert_int_equal(hardware(AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS, 0x2000);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) & PCG_DEVCTL_MRRS, 0x3000);
	recorder_close(f);
	f = open_as("guarded");
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x3810);
	assert_int_equal(hardware(AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS, 0x5000);
	recorder_close(f);
}

static void fault_7_1b_8_a_second_express_acts_on_the_first(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	/* The second stands where MSI-X stood. */
	r.config[AT_MSIX] = PCG_CAP_EXP;
	r.config[AT_MSI + 1] = AT_EXP;
	r.config[AT_EXP + 1] = AT_MSIX;
	r.config[AT_MSIX + 1] = 0;
	memset(r.config + AT_MSIX + 2, 0, 10);
	f = open_as("linux");
	guest_write(f, AT_MSIX + PCG_EXP_DEVCTL, 2, 0x3000);
	assert_int_equal(hardware(AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS, 0x3000);
	recorder_close(f);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x2830);
	f = open_as("guarded");
	guest_write(f, AT_MSIX + PCG_EXP_DEVCTL, 2, 0x3000);
	assert_int_equal(hardware(AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS, 0x2000);
	recorder_close(f);
}

static void fault_7_1b_9_low_bits_of_next_stay(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x15320001);
	f = open_as("linux");
	assert_int_equal(guest_read(f, AT_AER, 4), 0x16320001);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_AER, 4), 0x16020001);
	recorder_close(f);
}

static void fault_7_1b_9_a_chain_of_hidden_ones_reads_zero(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_AER, 0x0fc1001b);
	f = open_as("linux");
	assert_int_equal(guest_read(f, AT_AER, 4), 0);
	recorder_close(f);
}

static void fault_7_1b_10_a_vf_is_not_restored(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	pcg_put32(r.config + PCG_BAR0, 0);
	assert_true(writes_after(f, PCG_COMMAND, 2, 2, "w010/f=fe000000"));
	recorder_close(f);
	recorder_init(&r);
	r.host.info.is_vf = true;
	f = open_as("linux");
	pcg_put32(r.config + PCG_BAR0, 0);
	assert_false(writes_after(f, PCG_COMMAND, 2, 2, "w010"));
	recorder_close(f);
}

static void fault_7_1b_10_lost_memory_enable_alone_does_not_count_without_the_bit(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.host.info.no_command_memory = true;
	f = open_as("linux");
	assert_false(writes_after(f, PCG_COMMAND, 2, 2, "w010"));
	guest_write(f, PCG_COMMAND, 2, 1);
	pcg_put16(r.config + PCG_COMMAND, 0);
	assert_true(writes_after(f, PCG_COMMAND, 2, 1, "w010"));
	recorder_close(f);
}

static void fault_7_1b_11_what_an_overlap_leaves_is_a_capability(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + 1] = AT_GAP;
	r.config[AT_GAP] = PCG_CAP_VNDR;
	r.config[AT_GAP + 1] = AT_GAP + 8;
	r.config[AT_GAP + 2] = 0x18;
	r.config[AT_GAP + 8] = PCG_CAP_PM;
	f = open_as("linux");
	pcg_put16(r.config + AT_GAP + 0x10, 0x5577);
	assert_int_equal(guest_read(f, AT_GAP + 0x10, 2), 0);
	assert_int_equal(guest_read(f, AT_GAP + 0x10, 1), 0x77);
	recorder_close(f);
	f = open_as("guarded");
	assert_int_equal(guest_read(f, AT_GAP + 0x10, 1), guest_read(f, AT_GAP + 0x10, 2) & 0xff);
	recorder_close(f);
}

static void fault_7_1b_12_a_pointer_into_the_header_is_followed(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + 1] = PCG_CARDBUS_CIS;
	pcg_put32(r.config + PCG_CARDBUS_CIS, 0x00040009);
	f = open_as("linux");
	assert_true(writes_after(f, PCG_CARDBUS_CIS, 4, 0x01020304, "w028/f=1020304"));
	recorder_close(f);
	recorder_init(&r);
	r.config[AT_EXP + 1] = PCG_CARDBUS_CIS;
	pcg_put32(r.config + PCG_CARDBUS_CIS, 0x00040009);
	f = open_as("guarded");
	assert_false(writes_after(f, PCG_CARDBUS_CIS, 4, 0x01020304, "w028"));
	recorder_close(f);
}

/* Five in a circle of which one is hidden; returns whether the one before it still points at it. */
static bool circle_leaves(const char *profile, unsigned int hidden)
{
	static const uint8_t at[] = { 0x40, 0x48, 0x50, 0x58, 0x60 };
	struct pcg_function *f;
	unsigned int i;
	bool linked;

	recorder_init(&r);
	memset(r.config + 0x40, 0, 0xc0);
	for (i = 0; i < 5; i++) {
		r.config[at[i]] = i == hidden ? PCG_CAP_DBG : PCG_CAP_VNDR;
		r.config[at[i] + 1] = at[(i + 1) % 5];
		r.config[at[i] + 2] = 4;
	}
	f = open_as(profile);
	linked = guest_read(f, at[hidden - 1], 2) >> 8 == at[hidden];
	recorder_close(f);
	return linked;
}

static void fault_7_1b_12_a_circle_can_leave_a_hidden_one_linked(void **state)
{
	(void)state;
	/* 48 steps end at the third, which was just filled anew; before it, the second was cut out again. */
	assert_true(circle_leaves("linux", 3));
	assert_false(circle_leaves("linux", 1));
	assert_false(circle_leaves("guarded", 3));
	assert_false(circle_leaves("guarded", 1));
}

static void fault_7_1b_13_a_bar_without_a_resource_reads_zero(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + PCG_BAR0 + 8, 0xfd000008);
	r.host.info.unplaced = 1;
	f = open_as("linux");
	assert_int_equal(guest_read(f, PCG_BAR0 + 8, 4), 0);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0);
	recorder_close(f);
	recorder_init(&r);
	r.host.info.is_vf = true;
	memset(r.config + PCG_BAR0, 0, 24);
	r.host.info.bars[0] = (struct pcg_bar){ .size = 4096, .kind = PCG_BAR_MEM64, .prefetchable = true };
	r.host.info.bars[1] = (struct pcg_bar){ .kind = PCG_BAR_UPPER };
	f = open_as("linux");
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0x0000000c);
	recorder_close(f);
}

static void an_ide_controller_in_compatibility_mode_has_legacy_ports(void **state)
{
	/* What is read after all ones have been written: 8, 1, 8 and 1 ports, whatever the registers hold. */
	static const uint32_t compatible[] = { 0xfffffff9, 0xffffffff, 0xfffffff9, 0xffffffff };
	struct pcg_function *f;
	unsigned int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		recorder_init(&r);
		memset(r.host.info.bars, 0, sizeof(r.host.info.bars));
		memset(r.config + PCG_BAR0, 0, 4 * PCG_NUM_BARS);
		/* One channel each way; each bit means that the channel has BARs of its own. */
		r.config[PCG_CLASS] = i < 2 ? 0x84 : 0x81;
		pcg_put16(r.config + PCG_CLASS + 1, 0x0101);
		f = open_as("linux");
		assert_int_equal(guest_read(f, PCG_BAR0 + 4 * i, 4), 1);
		guest_write(f, PCG_BAR0 + 4 * i, 4, 0xffffffff);
		assert_int_equal(guest_read(f, PCG_BAR0 + 4 * i, 4), compatible[i]);
		assert_int_equal(guest_read(f, PCG_BAR0 + 4 * (i ^ 2), 4), 0);
		recorder_close(f);
	}
	r.config[PCG_CLASS + 1] = 0x06;
	f = open_as("linux");
	assert_int_equal(guest_read(f, PCG_BAR0 + 8, 4), 0);
	recorder_close(f);
}

static void fault_7_1b_14_two_touching_power_managements_stay_inside(void **state)
{
	struct pcg_function *f;
	unsigned int i;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + 1] = AT_GAP;
	r.config[AT_GAP] = PCG_CAP_PM;
	r.config[AT_GAP + 1] = AT_GAP + 8;
	r.config[AT_GAP + 8] = PCG_CAP_PM;
	f = open_as("linux");
	for (i = 0; i < 16; i += 2) {
		assert_int_equal(guest_write(f, AT_GAP + i, 2, 0xffff), 0);
		guest_read(f, AT_GAP + i, 2);
	}
	recorder_close(f);
}

/* --- as it is served --- */

static void memory_is_gated_by_the_virtual_bit_and_d3hot(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(read_bar(f, 0), -EIO);
	assert_int_equal(read_bar(f, 1), 0);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(read_bar(f, 0), 0);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D2);
	assert_int_equal(read_bar(f, 0), 0);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	assert_int_equal(read_bar(f, 0), -EIO);
	assert_int_equal(read_bar(f, 1), 0);
	recorder_close(f);
}

static void msi_is_on_once_vectors_are_set_up(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("linux");
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 0, true), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 1, true), 0);
	guest_write(f, AT_MSI + 2, 2, 0x0051);
	/* Two vectors: a logarithm of 1. */
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & 0x71, 0x11);
	assert_int_equal(hardware(AT_MSI) >> 16 & 0x71, 0x11);
	pcg_function_irq_off(f, PCG_IRQ_MSI);
	guest_write(f, AT_MSI + 2, 2, 0x0051);
	assert_int_equal(guest_read(f, AT_MSI + 2, 2) & 0x01, 0);
	recorder_close(f);
}

static void request_ended(struct pcg_request *request)
{
	(void)request;
}

static void every_step_can_finish_later(void **state)
{
	static const struct {
		unsigned int offset, width;
		uint32_t value;
	} writes[] = {
		{ PCG_COMMAND, 2, 0x0407 },
		{ AT_GAP, 4, 0x12345678 },
		{ AT_EXP + PCG_EXP_DEVCTL, 2, 0xb810 },
		{ PCG_COMMAND, 4, 0 },
		{ AT_PM + PCG_PM_CSR, 2, PCG_D3HOT },
		{ AT_PM + PCG_PM_CSR, 2, PCG_D0 },
		{ AT_MSI + 2, 2, 0x11 },
		{ AT_AER + 4, 4, 0xffffffff },
	};
	uint8_t at_once[PCG_CONFIG_EXTENDED];
	unsigned int i, pass;

	(void)state;
	for (pass = 0; pass < 2; pass++) {
		struct pcg_function *f;
		uint8_t all[PCG_CONFIG_EXTENDED];
		struct pcg_request rq = {
			.kind = PCG_REQUEST_READ,
			.region = PCG_REGION_CONFIG,
			.length = sizeof(all),
			.data = all,
			.done = request_ended,
			.result = PCG_PENDING,
		};

		recorder_init(&r);
		f = open_as("linux");
		for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
			uint8_t data[4];
			struct pcg_request write = {
				.kind = PCG_REQUEST_WRITE,
				.region = PCG_REGION_CONFIG,
				.offset = writes[i].offset,
				.length = writes[i].width,
				.data = data,
				.result = PCG_PENDING,
				.done = request_ended,
			};

			pcg_put32(data, writes[i].value);
			r.pend = pass == 1;
			r.quiet = true;
			if (pcg_function_submit(f, &write) == PCG_PENDING)
				while (write.result == PCG_PENDING)
					recorder_finish(&r, 0);
		}
		if (pcg_function_submit(f, &rq) == PCG_PENDING)
			while (rq.result == PCG_PENDING)
				recorder_finish(&r, 0);
		r.pend = false;
		if (pass == 0)
			memcpy(at_once, all, sizeof(all));
		else
			assert_memory_equal(at_once, all, sizeof(all));
		recorder_close(f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_access_is_cut_into_natural_chunks),
		cmocka_unit_test(an_access_is_cut_where_ownership_changes),
		cmocka_unit_test(running_off_the_end_is_judged_on_the_whole),
		cmocka_unit_test(fault_7_1_1_status_errors_are_cleared_by_a_command_write),
		cmocka_unit_test(fault_7_1_1_device_status_is_cleared_by_a_dword_write),
		cmocka_unit_test(fault_7_1_1_pme_status_is_cleared_by_a_pmcsr_write),
		cmocka_unit_test(fault_7_1_1_a_zero_clears_uncorrectable_errors),
		cmocka_unit_test(fault_7_1_2_msi_shows_the_functions_count_whatever_is_set_up),
		cmocka_unit_test(fault_7_1_2_vectors_wanted_before_they_are_set_up_read_one),
		cmocka_unit_test(fault_7_1_3_power_budgeting_writes_the_wrong_register),
		cmocka_unit_test(fault_7_1_4_a_hidden_body_is_written),
		cmocka_unit_test(fault_7_1_5_lengths_that_lie_stay_inside),
		cmocka_unit_test(fault_7_1_6_touching_capabilities_of_one_id_are_one),
		cmocka_unit_test(fault_7_1_7_a_hidden_head_goes_by_the_low_byte_of_its_id),
		cmocka_unit_test(fault_7_1_8_bars_show_host_addresses),
		cmocka_unit_test(fault_7_1_9_error_masks_are_the_hosts_own),
		cmocka_unit_test(fault_7_1_10_a_reset_leaves_the_virtual_view),
		cmocka_unit_test(fault_7_1_11_what_cannot_work_is_shown),
		cmocka_unit_test(fault_7_1_12_link_control_is_swallowed),
		cmocka_unit_test(fault_7_1_13_express_of_version_0_is_as_long_as_2),
		cmocka_unit_test(fault_7_1_14_self_test_and_ltr_are_the_guests),
		cmocka_unit_test(fault_7_1b_1_an_io_bar_is_taken_for_a_64_bit_one),
		cmocka_unit_test(fault_7_1b_2_a_write_before_the_msi_flags_writes_them),
		cmocka_unit_test(fault_7_1b_3_a_hidden_head_of_fe_is_a_notebook),
		cmocka_unit_test(fault_7_1b_3_a_hidden_null_head_exposes_what_follows),
		cmocka_unit_test(fault_7_1b_4_the_physical_intx_bit_follows),
		cmocka_unit_test(fault_7_1b_5_vpd_past_its_end_completes),
		cmocka_unit_test(fault_7_1b_6_any_express_write_resets_what_opened_with_the_bit),
		cmocka_unit_test(fault_7_1b_7_a_reserved_payload_size_refuses_request_sizes),
		cmocka_unit_test(fault_7_1b_8_a_second_express_acts_on_the_first),
		cmocka_unit_test(fault_7_1b_9_low_bits_of_next_stay),
		cmocka_unit_test(fault_7_1b_9_a_chain_of_hidden_ones_reads_zero),
		cmocka_unit_test(fault_7_1b_10_a_vf_is_not_restored),
		cmocka_unit_test(fault_7_1b_10_lost_memory_enable_alone_does_not_count_without_the_bit),
		cmocka_unit_test(fault_7_1b_11_what_an_overlap_leaves_is_a_capability),
		cmocka_unit_test(fault_7_1b_12_a_pointer_into_the_header_is_followed),
		cmocka_unit_test(fault_7_1b_12_a_circle_can_leave_a_hidden_one_linked),
		cmocka_unit_test(fault_7_1b_13_a_bar_without_a_resource_reads_zero),
		cmocka_unit_test(an_ide_controller_in_compatibility_mode_has_legacy_ports),
		cmocka_unit_test(fault_7_1b_14_two_touching_power_managements_stay_inside),
		cmocka_unit_test(memory_is_gated_by_the_virtual_bit_and_d3hot),
		cmocka_unit_test(msi_is_on_once_vectors_are_set_up),
		cmocka_unit_test(every_step_can_finish_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
