/* SPDX-License-Identifier: BSD-3-Clause */
/* One assigned function: the safety contract's orders, the memory gate, waiting, interrupts. */
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

static int read_bar(struct pcg_function *f, unsigned int bar, uint64_t offset, void *data, size_t length)
{
	struct pcg_request rq = {
		.kind = PCG_REQUEST_READ, .region = bar, .offset = offset, .length = length, .data = data
	};

	return pcg_function_submit(f, &rq);
}

static int write_bar(struct pcg_function *f, unsigned int bar, uint64_t offset, void *data, size_t length)
{
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE, .region = bar, .offset = offset, .length = length, .data = data
	};

	return pcg_function_submit(f, &rq);
}

static void memory_on_is_hardware_first_then_mappings(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY), 0);
	assert_string_equal(r.calls, "r004/3 r010/f r014/f w004/3=2 r004/1 allow ");
	recorder_close(f);
}

static void memory_off_is_mappings_first_then_hardware(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	recorder_clear(&r);
	assert_int_equal(guest_write(f, PCG_COMMAND, 1, 0), 0);
	assert_string_equal(r.calls, "r004/1 revoke w004/1=0 ");
	recorder_close(f);
}

static void d3hot_revokes_first_and_d0_allows_last(void **state)
{
	struct pcg_function *f = open_function();
	const char *power, *restored;

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	recorder_clear(&r);
	assert_int_equal(guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT), 0);
	assert_memory_equal(r.calls, "r044/2 revoke ", 14);
	assert_non_null(strstr(r.calls, "power3 "));
	pcg_put16(r.config + PCG_COMMAND, 0); /* what a function without No_Soft_Reset does */
	recorder_clear(&r);
	assert_int_equal(guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0), 0);
	power = strstr(r.calls, "power0 ");
	restored = strstr(r.calls, "w004/f=100006 ");
	assert_non_null(power);
	assert_non_null(restored);
	assert_true(power < restored);
	assert_string_equal(r.calls + strlen(r.calls) - 6, "allow ");
	recorder_close(f);
}

/* What the guest reads of COMMAND after D3hot is what the function has, whenever it was written. */
static void command_written_in_d3hot_counts_after_it(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	pcg_put16(r.config + PCG_COMMAND, 0);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND) & 7, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);

	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	guest_write(f, PCG_COMMAND, 2, 0);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND) & 7, 0);
	recorder_close(f);
}

static void read_request_size_written_in_d3hot_counts_after_it(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int mps = pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MPS;

	(void)state;
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x2000);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x5000);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x2810);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) & PCG_DEVCTL_MRRS, 0x5000);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MRRS, 0x5000);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & PCG_DEVCTL_MPS, mps);
	recorder_close(f);
}

/* Nothing is lost on the way back from D1: nothing is put back, least of all what the guest has changed since. */
static void what_is_written_in_d1_stays(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_PM + PCG_PM_PMC, pcg_get16(r.config + AT_PM + PCG_PM_PMC) | 0x0200);
	f = recorder_open(&r, NULL);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D1);
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & 3, PCG_D1);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 1, 0x0f);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 1) & 0x0f, 0x0f);
	recorder_close(f);
}

static void d3hot_closes_memory(void **state)
{
	struct pcg_function *f = open_function();
	uint32_t data;

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(read_bar(f, 0, 0, &data, 4), 0);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	assert_int_equal(read_bar(f, 0, 0, &data, 4), -EIO);
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & 3, PCG_D3HOT);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(read_bar(f, 0, 0, &data, 4), 0);
	recorder_close(f);
}

static void an_unsupported_power_state_is_discarded(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_PM + 3] = 0; /* neither D1 nor D2 */
	f = recorder_open(&r, NULL);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D1);
	assert_null(strstr(r.calls, "power"));
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & 3, PCG_D0);
	recorder_close(f);
}

/* Whatever the function has, the guest is offered what it can use. */
static void device_capabilities_that_cannot_be_made_true_are_not_offered(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put32(r.config + AT_EXP + PCG_EXP_DEVCAP2, 0xffffffff);
	r.config[AT_EXP + PCG_EXP_DEVCAP + 3] |= 0x40;
	f = recorder_open(&r, NULL);
	/* ARI, atomic routing, LTR, 10-bit tag requester, OBFF; power reduction, FRS. The format field stays. */
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCAP2, 4), 0x78f1f79f);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCAP + 3, 1) & 0x40, 0);
	recorder_close(f);
}

static void flr_follows_the_order_and_the_view_returns_to_power_on(void **state)
{
	struct pcg_function *f = open_function();
	unsigned int width;

	(void)state;
	for (width = 1; width <= 4; width *= 2) {
		unsigned int at = AT_EXP + PCG_EXP_DEVCTL + (width == 1 ? 1 : 0);
		uint32_t flr = width == 1 ? 0x80 : 0xd0a0;

		guest_write(f, PCG_COMMAND, 2, 6);
		guest_write(f, PCG_BAR0, 4, 0xc0000000);
		guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x50a0);
		recorder_clear(&r);
		assert_int_equal(guest_write(f, at, width, flr), 0);
		assert_non_null(strstr(r.calls, "r004/3 w004/3=2 dma- revoke reset "));
		assert_null(strstr(r.calls, "d0a0"));
		assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0);
		assert_int_equal(guest_read(f, PCG_BAR0, 4), 0);
		/* the payload size is one of the fields that a function level reset leaves alone (PCIe 6.0, 6.6.2) */
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2) & 0xf0e0, 0x20a0);
	}
	recorder_close(f);
}

static void after_a_reset_the_hosts_registers_are_back(void **state)
{
	struct pcg_function *f = open_function();
	struct pcg_request rq = { .kind = PCG_REQUEST_RESET };

	(void)state;
	memset(r.config + PCG_BAR0, 0, 24);
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_int_equal(pcg_get32(r.config + PCG_BAR0), 0xfe000000);
	/* the payload size of the path (256), and a request size not below it */
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & 0x70e0, 0x2020);
	recorder_close(f);
}

static void opened_later(struct pcg_request *request)
{
	(void)request;
}

static void every_operation_may_finish_later(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t data[4] = { 6, 0, 0, 0 };
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE, .region = PCG_REGION_CONFIG, .offset = PCG_COMMAND, .length = 2, .data = data
	};
	unsigned int steps = 0;

	(void)state;
	r.pend = true;
	rq.done = opened_later;
	rq.result = 1;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (rq.result == 1 && steps++ < 10) {
		struct pcg_request other = { .kind = PCG_REQUEST_RESET };

		assert_int_equal(pcg_function_submit(f, &other), -EBUSY);
		recorder_finish(&r, 0);
	}
	assert_int_equal(rq.result, 0);
	assert_string_equal(r.calls, "r004/3 r010/f r014/f w004/3=6 r004/1 allow ");
	recorder_close(f);
}

/* DEVCTL has a way of its own through the function room; it comes to the same, at once and later. */
static void device_control_may_finish_later(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t data[4] = { 0x1f, 0x0d, 0, 0 };
	struct pcg_request rq = { .kind = PCG_REQUEST_WRITE,
				  .region = PCG_REGION_CONFIG,
				  .offset = AT_EXP + PCG_EXP_DEVCTL,
				  .length = 2,
				  .data = data };
	unsigned int steps = 0;

	(void)state;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	/* The function has no 8-bit tags to enable. */
	assert_string_equal(r.calls, "r0a8/3 w0a8/3=1c3f ");
	pcg_put16(data, 0x5810);
	recorder_clear(&r);
	r.pend = true;
	rq.done = opened_later;
	rq.result = 1;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (rq.result == 1 && steps++ < 4)
		recorder_finish(&r, 0);
	assert_int_equal(rq.result, 0);
	assert_string_equal(r.calls, "r0a8/3 w0a8/3=5830 ");
	r.pend = false;
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 2), 0x5810);
	recorder_close(f);
}

static void a_backend_that_never_answers_is_given_up(void **state)
{
	struct pcg_function *f = open_function();
	struct pcg_request rq = { .kind = PCG_REQUEST_RESET, .done = opened_later };
	uint8_t data[4];

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	pcg_function_quarantine(f);
	assert_int_equal(r.cancelled, 1);
	assert_true(pcg_function_quarantined(f));
	assert_int_equal(read_bar(f, 0, 0, data, 4), -EIO);
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 2), -EIO);
	r.pend = false;
	rq.kind = PCG_REQUEST_CLOSE;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	assert_false(pcg_function_quarantined(f));
	recorder_close(f);
}

static void a_failing_operation_fails_the_request_alone(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	r.fail = -ENODEV;
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 2), -ENODEV);
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 2), 0);
	recorder_close(f);
}

static void memory_is_gated(void **state)
{
	struct pcg_function *f = open_function();
	uint32_t data = 0x11223344;

	(void)state;
	assert_int_equal(read_bar(f, 0, 0, &data, 4), -EIO);
	assert_int_equal(write_bar(f, 0, 0, &data, 4), -EIO);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(write_bar(f, 0, 0, &data, 4), 0);
	assert_int_equal(read_bar(f, 1, 0, &data, 4), -EIO);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_IO);
	assert_int_equal(read_bar(f, 1, 0, &data, 4), 0);
	assert_int_equal(read_bar(f, 0, 0, &data, 4), -EIO);
	recorder_close(f);
}

static void accesses_outside_a_region_are_refused_whole(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t data[64];

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 3);
	recorder_clear(&r);
	assert_int_equal(read_bar(f, 0, 65536 - 4, data, 8), -EINVAL);
	assert_int_equal(read_bar(f, 0, UINT64_MAX, data, 8), -EINVAL);
	assert_int_equal(read_bar(f, 3, 0, data, 1), -EINVAL);
	assert_int_equal(read_bar(f, 77, 0, data, 1), -EINVAL);
	assert_int_equal(read_bar(f, PCG_REGION_CONFIG, 4094, data, 4), -EINVAL);
	assert_int_equal(write_bar(f, PCG_REGION_CONFIG, 4094, data, 4), -EINVAL);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void no_memory_bit_is_preset_can_be_cleared_and_restores_nothing(void **state)
{
	struct pcg_view_options options = { .profile = pcg_profile_find("guarded"), .no_command_memory = true };
	struct pcg_function *f;
	uint8_t data[4];

	(void)state;
	recorder_init(&r);
	f = recorder_open(&r, &options);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2) & PCG_COMMAND_MEMORY, PCG_COMMAND_MEMORY);
	assert_int_equal(read_bar(f, 0, 0, data, 4), 0);
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_int_equal(read_bar(f, 0, 0, data, 4), -EIO);
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_null(strstr(r.calls, "w010"));
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND) & PCG_COMMAND_MEMORY, 0);
	assert_int_equal(read_bar(f, 0, 0, data, 4), 0);
	recorder_close(f);
}

static void the_msix_table_is_kept_here_and_cut_out_of_mappings(void **state)
{
	struct pcg_function *f = open_function();
	const struct pcg_region *region = pcg_function_region(f, 0);
	uint8_t around[24] = { 0 };

	(void)state;
	assert_int_equal(region->nareas, 1);
	assert_int_equal(region->areas[0].offset, 0x5000);
	assert_int_equal(region->areas[0].size, 0x10000 - 0x5000);
	guest_write(f, PCG_COMMAND, 2, 2);
	recorder_clear(&r);
	memset(around, 0xff, sizeof(around));
	assert_int_equal(write_bar(f, 0, 0x2000 - 4, around, 24), 0);
	assert_string_equal(r.calls, "bw0:1ffc+4 ");
	assert_int_equal(read_bar(f, 0, 0x2000, around, 20), 0);
	assert_int_equal(pcg_get32(around), 0xfffffffc);
	assert_int_equal(pcg_get32(around + 12), 1); /* all but the mask bit is reserved */
	recorder_close(f);
}

static void what_a_client_was_lent_is_not_the_next_ones(void **state)
{
	struct pcg_function *f = open_function();
	struct pcg_request rq = { .kind = PCG_REQUEST_CLOSE };

	(void)state;
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_null(strstr(r.calls, "release"));
	assert_int_equal(pcg_function_lend(f, 0), 0);
	assert_int_equal(pcg_function_lend(f, 1), -1);
	rq.kind = PCG_REQUEST_RESET;
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_null(strstr(r.calls, "release"));
	rq.kind = PCG_REQUEST_CLOSE;
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_non_null(strstr(r.calls, "release"));
	assert_int_equal(pcg_function_region(f, 0)->fd, 1);
	assert_int_equal(pcg_function_region(f, 0)->areas[0].offset, 0x5000);
	/* and the next client's vectors are its own, too */
	pcg_function_attach(f, PCG_IRQ_MSIX, 7, true);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_MSIX, 7, true);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][7], 1);
	recorder_close(f);
}

static void a_vector_nobody_hears_pends_and_comes_later(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t pba[8];

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 2);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, 0, true), 0);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_MSIX, 5, true);
	assert_int_equal(read_bar(f, 0, 0x4000, pba, 8), 0);
	assert_int_equal(pba[0], 0x20);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, 5, true), 0);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][5], 1);
	assert_int_equal(read_bar(f, 0, 0x4000, pba, 8), 0);
	assert_int_equal(pba[0], 0);
	recorder_close(f);
}

static void the_function_mask_holds_vectors_back(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_function_attach(f, PCG_IRQ_MSIX, 3, true);
	guest_write(f, AT_MSIX + PCG_MSIX_CONTROL, 2, 0xc000);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_MSIX, 3, true);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][3], 0);
	guest_write(f, AT_MSIX + PCG_MSIX_CONTROL + 1, 1, 0x80);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][3], 1);
	assert_null(strstr(r.calls, "w070"));
	recorder_close(f);
}

static void an_entry_masked_in_our_table_pends(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t control[4] = { 1 };

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 2);
	pcg_function_attach(f, PCG_IRQ_MSIX, 1, true);
	write_bar(f, 0, 0x2000 + 16 + 12, control, 4);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_MSIX, 1, true);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][1], 0);
	control[0] = 0;
	write_bar(f, 0, 0x2000 + 16 + 12, control, 4);
	assert_int_equal(r.triggers[PCG_IRQ_MSIX][1], 1);
	recorder_close(f);
}

static void a_masked_msi_shows_in_the_pending_bits(void **state)
{
	static const unsigned int vectors[] = { 4, 31 };
	struct pcg_function *f = open_function();
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		unsigned int v = vectors[i];

		pcg_function_attach(f, PCG_IRQ_MSI, v, true);
		guest_write(f, AT_MSI + 16, 4, 1u << v);
		r.host.events.irq(r.host.events.arg, PCG_IRQ_MSI, v, true);
		assert_int_equal(r.triggers[PCG_IRQ_MSI][v], 0);
		assert_int_equal(guest_read(f, AT_MSI + 20, 4), 1u << v);
		guest_write(f, AT_MSI + 16, 4, 0);
		assert_int_equal(r.triggers[PCG_IRQ_MSI][v], 1);
		assert_int_equal(guest_read(f, AT_MSI + 20, 4), 0);
	}
	recorder_close(f);
}

static void intx_is_told_once_until_it_is_unmasked(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_INTX, 0, true), 0);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_INTX, 0, true);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_INTX, 0, true);
	assert_int_equal(r.triggers[PCG_IRQ_INTX][0], 1);
	assert_int_equal(guest_read(f, PCG_STATUS, 2) & PCG_STATUS_INTX, PCG_STATUS_INTX);
	pcg_function_intx_mask(f, false); /* still asserted */
	assert_int_equal(r.triggers[PCG_IRQ_INTX][0], 2);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_INTX, 0, false);
	pcg_function_intx_mask(f, false);
	assert_int_equal(r.triggers[PCG_IRQ_INTX][0], 2);
	assert_int_equal(guest_read(f, PCG_STATUS, 2) & PCG_STATUS_INTX, 0);
	recorder_close(f);
}

static void commands_intx_disable_is_obeyed(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_function_attach(f, PCG_IRQ_INTX, 0, true);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_INTX_OFF);
	r.host.events.irq(r.host.events.arg, PCG_IRQ_INTX, 0, true);
	assert_int_equal(r.triggers[PCG_IRQ_INTX][0], 0);
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_int_equal(r.triggers[PCG_IRQ_INTX][0], 1);
	assert_null(strstr(r.calls, "=400 "));
	recorder_close(f);
}

static void one_kind_of_interrupt_at_a_time(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_INTX, 0, true), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 0, true), -EINVAL);
	pcg_function_irq_off(f, PCG_IRQ_INTX);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 0, true), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_ERR, 0, true), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 32, true), -EINVAL);
	recorder_close(f);
}

static void msix_that_cannot_be_is_hidden(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_MSIX + 4] = 5; /* BAR 5 is not there */
	f = recorder_open(&r, NULL);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 0);
	assert_int_equal(guest_read(f, AT_MSI + 1, 1), AT_EXP);
	assert_int_equal(guest_read(f, AT_MSIX, 4), 0);
	recorder_close(f);

	recorder_init(&r);
	r.config[AT_MSIX + 9] = 0x20; /* the pending bits lie in the table */
	f = recorder_open(&r, NULL);
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 0);
	recorder_close(f);
}

/* --- thread 001: resets from elsewhere --- */

static void forget_addresses(void)
{
	pcg_put16(r.config + PCG_COMMAND, 0);
	memset(r.config + PCG_BAR0, 0, 24);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x2810);
	recorder_clear(&r);
}

static void a_backdoor_reset_is_mended_before_the_write_that_finds_it(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 6);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x5810);
	forget_addresses();
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 6), 0);
	assert_string_equal(r.calls, "r004/3 revoke w010/f=fe000000 w014/f=e001 w018/f=0 w01c/f=0 w020/f=0 w024/f=0 "
				     "w030/f=0 r0a8/3 w0a8/3=5830 w004/3=6 allow ");
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_string_equal(r.calls, "r004/3 r010/f r014/f w004/3=6 ");
	recorder_close(f);
}

/* What the guest reads as it wrote it must be in the function again, too. */
static void error_reporting_survives_a_backdoor_reset(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 6);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x581f);
	forget_addresses();
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVCTL, 0x2810);
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVCTL) & 0xf, 0xf);
	recorder_close(f);
}

/* A write of the byte with the enable bits may be the last one for long. */
static void a_byte_that_finds_it_brings_back_the_other(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 0x0106);
	forget_addresses();
	/* Not the guest's: it stays as the function has it. */
	pcg_put16(r.config + PCG_COMMAND, PCG_COMMAND_INTX_OFF);
	assert_int_equal(guest_write(f, PCG_COMMAND, 1, 6), 0);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND), 0x0106 | PCG_COMMAND_INTX_OFF);
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 1, 6);
	assert_string_equal(r.calls, "r004/1 r010/f r014/f w004/1=6 ");
	recorder_close(f);
}

static void a_bar_that_is_not_what_it_was_is_enough(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	pcg_put32(r.config + PCG_BAR0, 0);
	assert_int_equal(guest_write(f, PCG_COMMAND, 1, PCG_COMMAND_MEMORY), 0);
	assert_int_equal(pcg_get32(r.config + PCG_BAR0), 0xfe000000);
	assert_non_null(strstr(r.calls, "revoke "));
	assert_string_equal(r.calls + strlen(r.calls) - 6, "allow ");
	recorder_close(f);
}

static void a_lost_io_enable_is_enough(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_IO);
	pcg_put16(r.config + PCG_COMMAND, 0);
	recorder_clear(&r);
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_IO), 0);
	assert_non_null(strstr(r.calls, "w010/f=fe000000 "));
	recorder_close(f);
}

/* The latent fault that thread 001 names: "enabled but not implemented" is no reset. */
static void an_enable_bit_that_is_not_there_is_no_reset(void **state)
{
	struct pcg_function *f;
	unsigned int i;

	(void)state;
	recorder_init(&r);
	r.host.info.bars[1] = (struct pcg_bar){ .kind = PCG_BAR_NONE };
	f = recorder_open(&r, NULL);
	for (i = 0; i < 4; i++)
		assert_int_equal(guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_IO), 0);
	assert_null(strstr(r.calls, "w010"));
	recorder_close(f);
}

/* A VF from a lower hypervisor: nobody says so, its memory enable is hardwired to 0 all the same. */
static void an_enable_bit_nobody_knew_to_be_missing_is_no_reset(void **state)
{
	struct pcg_function *f;
	unsigned int i;

	(void)state;
	recorder_init(&r);
	r.hardwired = PCG_COMMAND_MEMORY | PCG_COMMAND_IO;
	f = recorder_open(&r, NULL);
	for (i = 0; i < 4; i++) {
		uint32_t data;

		assert_int_equal(guest_write(f, PCG_COMMAND, 2, 7), 0);
		assert_int_equal(guest_read(f, PCG_COMMAND, 2) & 7, 7);
		assert_int_equal(read_bar(f, 0, 0, &data, 4), 0);
	}
	assert_null(strstr(r.calls, "w010"));
	recorder_close(f);
}

static void a_vf_is_never_mended(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.host.info.is_vf = true;
	f = recorder_open(&r, NULL);
	pcg_put32(r.config + PCG_BAR0, 0);
	guest_write(f, PCG_COMMAND, 2, 0);
	guest_write(f, PCG_COMMAND, 2, 6);
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_null(strstr(r.calls, "w010"));
	assert_null(strstr(r.calls, "r010"));
	recorder_close(f);
}

static void a_function_that_is_gone_is_not_mended(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	memset(r.config, 0xff, sizeof(r.config));
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_null(strstr(r.calls, "w010"));
	recorder_close(f);
}

static void turning_everything_off_looks_for_nothing(void **state)
{
	struct pcg_function *f = open_function();

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 6);
	forget_addresses();
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_string_equal(r.calls, "r004/3 revoke w004/3=0 ");
	/* and it is found when memory comes back */
	guest_write(f, PCG_COMMAND, 2, 6);
	assert_int_equal(pcg_get32(r.config + PCG_BAR0), 0xfe000000);
	recorder_close(f);
}

static void a_mend_may_wait_at_every_step(void **state)
{
	struct pcg_function *f = open_function();
	uint8_t data[4] = { 6, 0, 0, 0 };
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE, .region = PCG_REGION_CONFIG, .offset = PCG_COMMAND, .length = 2, .data = data
	};
	unsigned int steps = 0;

	(void)state;
	guest_write(f, PCG_COMMAND, 2, 6);
	forget_addresses();
	r.pend = true;
	rq.done = opened_later;
	rq.result = 1;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (rq.result == 1 && steps++ < 20)
		recorder_finish(&r, 0);
	assert_int_equal(rq.result, 0);
	assert_int_equal(pcg_get32(r.config + PCG_BAR0), 0xfe000000);
	assert_string_equal(r.calls + strlen(r.calls) - 15, "w004/3=6 allow ");
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_on_is_hardware_first_then_mappings),
		cmocka_unit_test(memory_off_is_mappings_first_then_hardware),
		cmocka_unit_test(d3hot_revokes_first_and_d0_allows_last),
		cmocka_unit_test(d3hot_closes_memory),
		cmocka_unit_test(command_written_in_d3hot_counts_after_it),
		cmocka_unit_test(read_request_size_written_in_d3hot_counts_after_it),
		cmocka_unit_test(what_is_written_in_d1_stays),
		cmocka_unit_test(an_unsupported_power_state_is_discarded),
		cmocka_unit_test(device_capabilities_that_cannot_be_made_true_are_not_offered),
		cmocka_unit_test(flr_follows_the_order_and_the_view_returns_to_power_on),
		cmocka_unit_test(after_a_reset_the_hosts_registers_are_back),
		cmocka_unit_test(every_operation_may_finish_later),
		cmocka_unit_test(device_control_may_finish_later),
		cmocka_unit_test(a_backend_that_never_answers_is_given_up),
		cmocka_unit_test(a_failing_operation_fails_the_request_alone),
		cmocka_unit_test(memory_is_gated),
		cmocka_unit_test(accesses_outside_a_region_are_refused_whole),
		cmocka_unit_test(no_memory_bit_is_preset_can_be_cleared_and_restores_nothing),
		cmocka_unit_test(the_msix_table_is_kept_here_and_cut_out_of_mappings),
		cmocka_unit_test(what_a_client_was_lent_is_not_the_next_ones),
		cmocka_unit_test(a_vector_nobody_hears_pends_and_comes_later),
		cmocka_unit_test(the_function_mask_holds_vectors_back),
		cmocka_unit_test(an_entry_masked_in_our_table_pends),
		cmocka_unit_test(a_masked_msi_shows_in_the_pending_bits),
		cmocka_unit_test(intx_is_told_once_until_it_is_unmasked),
		cmocka_unit_test(commands_intx_disable_is_obeyed),
		cmocka_unit_test(one_kind_of_interrupt_at_a_time),
		cmocka_unit_test(msix_that_cannot_be_is_hidden),
		cmocka_unit_test(a_backdoor_reset_is_mended_before_the_write_that_finds_it),
		cmocka_unit_test(error_reporting_survives_a_backdoor_reset),
		cmocka_unit_test(a_byte_that_finds_it_brings_back_the_other),
		cmocka_unit_test(a_bar_that_is_not_what_it_was_is_enough),
		cmocka_unit_test(a_lost_io_enable_is_enough),
		cmocka_unit_test(an_enable_bit_that_is_not_there_is_no_reset),
		cmocka_unit_test(an_enable_bit_nobody_knew_to_be_missing_is_no_reset),
		cmocka_unit_test(a_vf_is_never_mended),
		cmocka_unit_test(a_function_that_is_gone_is_not_mended),
		cmocka_unit_test(turning_everything_off_looks_for_nothing),
		cmocka_unit_test(a_mend_may_wait_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
