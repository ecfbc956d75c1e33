/* SPDX-License-Identifier: BSD-3-Clause */
/* A function whose backend translates memory and signals interrupts itself: what it is told, and in which order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static struct recorder r;
static int ended;

static void done(struct pcg_request *request)
{
	ended = request->result == 0 ? 1 : request->result;
}

static struct pcg_function *open_direct(void)
{
	recorder_init(&r);
	recorder_direct(&r);
	ended = 0;
	return recorder_open(&r, NULL);
}

static const struct pcg_dma_range range = { .iova = 0x1000, .size = 0x2000, .flags = 3, .fd = 0 };

static void maps_and_unmaps_reach_the_backend(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request map = { .kind = PCG_REQUEST_DMA_MAP, .range = &range, .done = done };
	struct pcg_request unmap = { .kind = PCG_REQUEST_DMA_UNMAP, .range = &range, .done = done };
	struct pcg_request all = { .kind = PCG_REQUEST_DMA_UNMAP, .done = done };

	(void)state;
	assert_int_equal(pcg_function_submit(f, &map), PCG_DONE);
	assert_int_equal(pcg_function_submit(f, &unmap), PCG_DONE);
	assert_int_equal(pcg_function_submit(f, &all), PCG_DONE);
	assert_string_equal(r.calls, "map1000+2000 unmap1000+2000 unmap* ");
	recorder_close(f);
}

static void an_unmap_ends_when_the_backend_says_so(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request unmap = { .kind = PCG_REQUEST_DMA_UNMAP, .range = &range, .done = done };

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &unmap), PCG_PENDING);
	assert_int_equal(ended, 0);
	recorder_finish(&r, 0);
	assert_int_equal(ended, 1);
	recorder_close(f);
}

static void a_map_that_fails_says_why(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request map = { .kind = PCG_REQUEST_DMA_MAP, .range = &range, .done = done };

	(void)state;
	r.fail = -ENOMEM;
	assert_int_equal(pcg_function_submit(f, &map), -ENOMEM);
	recorder_close(f);
}

/* Nor does it go on reaching what it had: its client may take that memory for free. */
static void a_function_in_quarantine_maps_nothing(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request map = { .kind = PCG_REQUEST_DMA_MAP, .range = &range, .done = done };

	(void)state;
	pcg_function_quarantine(f);
	assert_int_equal(pcg_function_submit(f, &map), -EIO);
	assert_string_equal(r.calls, "dma- ");
	recorder_close(f);
}

/* What its client takes back it gets back, and is told when it has it. */
static void a_function_in_quarantine_gives_memory_back(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request unmap = { .kind = PCG_REQUEST_DMA_UNMAP, .range = &range, .done = done };

	(void)state;
	pcg_function_quarantine(f);
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &unmap), PCG_PENDING);
	recorder_finish(&r, 0);
	assert_int_equal(ended, 1);
	assert_string_equal(r.calls, "dma- unmap1000+2000 ");
	recorder_close(f);
}

/* Any address will do: nobody looks into it here. */
static struct pcg_dma *const memory = (struct pcg_dma *)(void *)&r;

static void memory_is_there_when_the_backend_says_so(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request attach = { .done = done };
	struct pcg_request map = { .kind = PCG_REQUEST_DMA_MAP, .range = &range, .done = done };

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_dma(f, memory, &attach), PCG_PENDING);
	assert_int_equal(pcg_function_submit(f, &map), -EBUSY);
	assert_int_equal(ended, 0);
	recorder_finish(&r, 0);
	assert_int_equal(ended, 1);
	recorder_close(f);
}

static void memory_that_cannot_be_reached_is_not_given(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request attach = { .done = done };
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };

	(void)state;
	r.fail = -EPERM;
	assert_int_equal(pcg_function_dma(f, memory, &attach), -EPERM);
	r.pend = true;
	assert_int_equal(pcg_function_dma(f, memory, &attach), PCG_PENDING);
	recorder_finish(&r, -EPERM);
	assert_int_equal(ended, -EPERM);
	assert_int_equal(pcg_function_dma(f, NULL, NULL), PCG_DONE);
	r.pend = false;
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &reset), PCG_DONE);
	assert_null(strstr(r.calls, "dma+ "));
	recorder_close(f);
}

/* Or the guest would go on with a function that reaches nothing. */
static void a_reset_after_which_it_reaches_nothing_has_failed(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request attach = { .done = done };
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };

	(void)state;
	assert_int_equal(pcg_function_dma(f, memory, &attach), PCG_DONE);
	recorder_clear(&r);
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &reset), PCG_PENDING);
	for (int i = 0; i < 100 && strstr(r.calls, "dma+ ") == NULL; i++)
		recorder_finish(&r, 0);
	recorder_finish(&r, -EBUSY);
	assert_int_equal(ended, -EBUSY);
	recorder_close(f);
}

/* A reset that fails must not keep the memory of a client that is gone. */
static void a_client_that_is_gone_loses_its_memory_before_the_reset(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };
	const char *unmap, *reset, *detach;

	(void)state;
	pcg_put16(r.config + PCG_COMMAND, PCG_COMMAND_MASTER);
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	assert_memory_equal(r.calls, "r004/3 w004/3=0 dma- unmap* ", 28);
	unmap = strstr(r.calls, "unmap* ");
	reset = strstr(r.calls, "reset ");
	detach = strstr(r.calls, "dma- ");
	assert_true(detach < unmap && unmap < reset);
	recorder_close(f);
}

static void registers_that_do_not_answer_keep_it_neither(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &close), PCG_PENDING);
	recorder_finish(&r, -EIO);
	assert_string_equal(r.calls, "r004/3 dma- ");
	recorder_finish(&r, 0);
	assert_string_equal(r.calls, "r004/3 dma- unmap* ");
	recorder_finish(&r, 0);
	/* The reset asks them again. */
	recorder_finish(&r, -EIO);
	assert_int_equal(ended, -EIO);
	recorder_close(f);
}

/* What was given up forgives nothing that comes after it. */
static void one_given_up_has_no_part_in_the_next(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };
	struct pcg_request unmap = { .kind = PCG_REQUEST_DMA_UNMAP, .range = &range, .done = done };

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &close), PCG_PENDING);
	pcg_function_quarantine(f);
	r.pend = false;
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &unmap), PCG_PENDING);
	recorder_finish(&r, -EIO);
	assert_int_equal(ended, -EIO);
	recorder_close(f);
}

static void a_reset_keeps_the_maps(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };

	(void)state;
	pcg_function_submit(f, &reset);
	assert_null(strstr(r.calls, "unmap"));
	assert_non_null(strstr(r.calls, "dma- "));
	recorder_close(f);
}

static void eventfds_are_handed_on(void **state)
{
	struct pcg_function *f = open_direct();
	const int fds[3] = { 5, -1, 6 };

	(void)state;
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 2, 3, fds), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, 2, true), 0);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 2, 3, NULL), 0);
	pcg_function_irq_off(f, PCG_IRQ_MSIX);
	assert_string_equal(r.calls, "route2:2+3 route2:2+3- route2:0+0- ");
	recorder_close(f);
}

static void vectors_that_are_not_there_are_not_routed(void **state)
{
	struct pcg_function *f = open_direct();
	const int fd = 5;

	(void)state;
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 64, 1, &fd), -EINVAL);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 63, 2, &fd), -EINVAL);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

static void only_one_index_is_routed_at_a_time(void **state)
{
	struct pcg_function *f = open_direct();
	const int fd = 5;

	(void)state;
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSI, 0, 1, &fd), 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSI, 0, true), 0);
	assert_int_equal(pcg_function_route(f, PCG_IRQ_MSIX, 0, 1, &fd), -EINVAL);
	recorder_close(f);
}

static void msi_mask_bits_are_told(void **state)
{
	struct pcg_function *f = open_direct();
	const int fd = 5;

	(void)state;
	pcg_function_route(f, PCG_IRQ_MSI, 0, 1, &fd);
	pcg_function_attach(f, PCG_IRQ_MSI, 0, true);
	recorder_clear(&r);
	guest_write(f, AT_MSI + 16, 4, 1);
	guest_write(f, AT_MSI + 16, 4, 3);
	guest_write(f, AT_MSI + 16, 4, 2);
	assert_string_equal(r.calls, "mask1:0 unmask1:0 ");
	recorder_close(f);
}

static void masked_entries_of_our_table_are_told(void **state)
{
	struct pcg_function *f = open_direct();
	const int fds[2] = { 5, 6 };
	uint8_t control[4] = { 1 };
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE, .region = 0, .offset = 0x2000 + 16 + 12, .length = 4, .data = control
	};

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	pcg_function_route(f, PCG_IRQ_MSIX, 0, 2, fds);
	pcg_function_attach(f, PCG_IRQ_MSIX, 0, true);
	pcg_function_attach(f, PCG_IRQ_MSIX, 1, true);
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	assert_string_equal(r.calls, "mask2:1 ");
	control[0] = 0;
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	assert_string_equal(r.calls, "unmask2:1 ");
	recorder_close(f);
}

static void a_reset_unmasks_what_the_client_still_holds(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };
	const int fd = 5;

	(void)state;
	pcg_function_route(f, PCG_IRQ_MSI, 0, 1, &fd);
	pcg_function_attach(f, PCG_IRQ_MSI, 0, true);
	guest_write(f, AT_MSI + 16, 4, 1);
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &reset), PCG_DONE);
	assert_non_null(strstr(r.calls, "unmask1:0 "));
	recorder_close(f);
}

static void intx_disable_masks_the_line(void **state)
{
	struct pcg_function *f = open_direct();
	const int fd = 5;

	(void)state;
	pcg_function_route(f, PCG_IRQ_INTX, 0, 1, &fd);
	pcg_function_attach(f, PCG_IRQ_INTX, 0, true);
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_INTX_OFF);
	assert_non_null(strstr(r.calls, " mask0:0 "));
	/* The client says that it has looked: the guest's own bit counts still. */
	recorder_clear(&r);
	assert_int_equal(pcg_function_intx_mask(f, false), 0);
	assert_string_equal(r.calls, "mask0:0 ");
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_non_null(strstr(r.calls, "unmask0:0 "));
	recorder_close(f);
}

static void a_resample_eventfd_is_handed_on(void **state)
{
	struct pcg_function *f = open_direct();

	(void)state;
	assert_int_equal(pcg_function_resample(f, 7), 0);
	assert_string_equal(r.calls, "resample7 ");
	recorder_close(f);
	recorder_init(&r);
	f = recorder_open(&r, NULL);
	assert_int_equal(pcg_function_resample(f, 7), -ENOSYS);
	recorder_close(f);
}

/* Nobody tells us of the line, so the register must. */
static void interrupt_status_is_the_functions_own(void **state)
{
	struct pcg_function *f = open_direct();

	(void)state;
	pcg_put16(r.config + PCG_STATUS, pcg_get16(r.config + PCG_STATUS) | PCG_STATUS_INTX);
	assert_true(guest_read(f, PCG_STATUS, 2) & PCG_STATUS_INTX);
	recorder_close(f);
}

/* --- a backend that puts registers back around a reset: Linux' PCI core does --- */

#define DEVCTL  (AT_EXP + PCG_EXP_DEVCTL)
#define DEVCTL2 (AT_EXP + PCG_EXP_DEVCTL2)

static void init_restoring(void)
{
	recorder_init(&r);
	recorder_direct(&r);
	r.config[AT_EXP + PCG_EXP_DEVCAP2] = 0x10;
	r.host.info.restores = true;
	ended = 0;
}

static struct pcg_function *open_restoring(void)
{
	init_restoring();
	return recorder_open(&r, NULL);
}

/* Everything of the guest's that reaches the function: COMMAND, DEVCTL, DEVCTL2. */
static void write_all(struct pcg_function *f)
{
	assert_int_equal(guest_write(f, PCG_CACHE_LINE, 1, 0x10), 0);
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, 0x0147), 0);
	assert_int_equal(guest_write(f, DEVCTL, 2, 0x550f), 0);
	assert_int_equal(guest_write(f, DEVCTL2, 2, 0x0355), 0);
}

static void assert_power_on(struct pcg_function *f)
{
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND), 0);
	assert_int_equal(r.config[PCG_CACHE_LINE], 0);
	assert_int_equal(pcg_get16(r.config + DEVCTL2), 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0);
	assert_int_equal(guest_read(f, PCG_CACHE_LINE, 1), 0);
	assert_int_equal(guest_read(f, DEVCTL, 2) & ~0x0400u, 0x2810);
	assert_int_equal(guest_read(f, DEVCTL2, 2), 0);
}

static void what_a_reset_leaves_as_it_was_is_cleared(void **state)
{
	struct pcg_function *f = open_restoring();

	(void)state;
	write_all(f);
	assert_int_equal(pcg_get16(r.config + PCG_COMMAND) & 0x0140, 0x0140);
	assert_int_equal(pcg_get16(r.config + DEVCTL2), 0x0355);
	recorder_clear(&r);
	guest_write(f, DEVCTL + 1, 1, 0x80);
	assert_non_null(strstr(r.calls, "reset "));
	assert_power_on(f);
	recorder_close(f);
}

/* PCIe 6.0, 6.6.2 excepts auxiliary power; the payload size is the host's anyway. */
static void what_a_reset_keeps_stays(void **state)
{
	struct pcg_function *f = open_restoring();

	(void)state;
	guest_write(f, DEVCTL, 2, 0x0400);
	guest_write(f, DEVCTL, 2, 0x8000 | guest_read(f, DEVCTL, 2));
	assert_int_equal(guest_read(f, DEVCTL, 2), 0x2c10);
	assert_int_equal(pcg_get16(r.config + DEVCTL) & PCG_DEVCTL_MPS, 0x0020);
	recorder_close(f);
}

/* Clearing what the guest wrote clears no status bit beside it. */
static void pending_status_survives_that(void **state)
{
	struct pcg_function *f = open_restoring();

	(void)state;
	write_all(f);
	pcg_put16(r.config + PCG_STATUS, pcg_get16(r.config + PCG_STATUS) | 0xf900);
	pcg_put16(r.config + AT_EXP + PCG_EXP_DEVSTA, 0x000f);
	recorder_clear(&r);
	guest_write(f, DEVCTL + 1, 1, 0x80);
	assert_null(strstr(r.calls, "w004/f"));
	assert_null(strstr(r.calls, "w004/c"));
	assert_int_equal(pcg_get16(r.config + PCG_STATUS) & 0xf900, 0xf900);
	assert_int_equal(pcg_get16(r.config + AT_EXP + PCG_EXP_DEVSTA), 0x000f);
	recorder_close(f);
}

/* Registers first, then what the client still holds is given back. */
static void they_are_cleared_before_memory_is_reached_again(void **state)
{
	struct pcg_function *f = open_restoring();
	const char *reset, *clear, *attach;

	(void)state;
	write_all(f);
	recorder_clear(&r);
	guest_write(f, DEVCTL + 1, 1, 0x80);
	reset = strstr(r.calls, "reset ");
	assert_non_null(reset);
	clear = strstr(reset, "w004/3=0 ");
	attach = strstr(reset, "w010/f=fe000000 ");
	assert_true(clear != NULL && attach != NULL && clear < attach);
	recorder_close(f);
}

static void clearing_them_may_wait_at_every_step(void **state)
{
	struct pcg_function *f = open_restoring();
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };
	unsigned int steps;

	(void)state;
	write_all(f);
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &reset), PCG_PENDING);
	for (steps = 0; ended == 0 && steps < 200; steps++)
		recorder_finish(&r, 0);
	r.pend = false;
	assert_int_equal(ended, 1);
	assert_power_on(f);
	recorder_close(f);
}

static void a_function_that_cannot_be_reset_is_cleared_too(void **state)
{
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };
	struct pcg_function *f;

	(void)state;
	init_restoring();
	r.host.info.restores = false;
	r.host.info.can_reset = false;
	f = recorder_open(&r, NULL);
	write_all(f);
	assert_int_equal(pcg_function_submit(f, &reset), PCG_DONE);
	assert_null(strstr(r.calls, "reset "));
	assert_power_on(f);
	recorder_close(f);
}

/* What a reset keeps was the last client's, and is not the next one's. */
static void nothing_of_a_client_is_there_for_the_next(void **state)
{
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };
	struct pcg_function *f;
	unsigned int restores;

	(void)state;
	for (restores = 0; restores < 2; restores++) {
		init_restoring();
		r.host.info.restores = restores != 0;
		f = recorder_open(&r, NULL);
		write_all(f);
		guest_write(f, DEVCTL, 2, 0x0400);
		assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
		assert_int_equal(guest_read(f, DEVCTL, 2), 0x2810);
		if (restores)
			assert_power_on(f);
		recorder_close(f);
	}
}

/* The host's firmware and kernel have set up error reporting: that is not what a guest finds after power-on. */
static void the_first_client_reads_power_on_values(void **state)
{
	struct pcg_function *f;

	(void)state;
	init_restoring();
	pcg_put16(r.config + PCG_COMMAND, 0x0147);
	pcg_put16(r.config + DEVCTL, 0x292f);
	pcg_put16(r.config + DEVCTL2, 0x0010);
	r.config[PCG_CACHE_LINE] = 0x10;
	f = recorder_open(&r, NULL);
	assert_power_on(f);
	assert_int_equal(pcg_get16(r.config + DEVCTL) & PCG_DEVCTL_MPS, 0x0020);
	recorder_close(f);
}

/* Linux shows what the function holds, at first and after a reset. */
static void linux_leaves_them_alone(void **state)
{
	struct pcg_view_options options = { .profile = pcg_profile_find("linux") };
	struct pcg_request reset = { .kind = PCG_REQUEST_RESET, .done = done };
	struct pcg_function *f;

	(void)state;
	init_restoring();
	pcg_put16(r.config + PCG_COMMAND, 0x0140);
	f = recorder_open(&r, &options);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0x0140);
	assert_int_equal(pcg_function_submit(f, &reset), PCG_DONE);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0x0140);
	recorder_close(f);
}

static void a_quirk_says_how_a_region_maps(void **state)
{
	static const struct pcg_quirk quirk = { .vendor = PCG_QUIRK_ANY,
						.device = PCG_QUIRK_ANY,
						.subvendor = PCG_QUIRK_ANY,
						.subsystem = PCG_QUIRK_ANY,
						.revision_last = 0xff,
						.kind = PCG_QUIRK_COMBINE,
						.value = 0 };
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded"),
						  .quirks = &quirk,
						  .nquirks = 1 };
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_direct(&r);
	f = recorder_open(&r, &options);
	assert_int_equal(pcg_function_region(f, 0)->memory, PCG_MEMORY_WRITE_COMBINING);
	/* And for the next client, whatever became of it meanwhile. */
	pcg_function_lend(f, 0);
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	assert_non_null(strstr(r.calls, "release memory0=1 "));
	assert_int_equal(pcg_function_region(f, 0)->memory, PCG_MEMORY_WRITE_COMBINING);
	recorder_close(f);
}

static void a_client_chooses_before_it_has_a_descriptor(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request combine = {
		.kind = PCG_REQUEST_MEMORY, .region = 0, .memory = PCG_MEMORY_WRITE_COMBINING, .done = done
	};

	(void)state;
	assert_int_equal(pcg_function_submit(f, &combine), PCG_DONE);
	assert_memory_equal(r.calls, "memory0=1 ", 10);
	assert_int_equal(pcg_function_region(f, 0)->memory, PCG_MEMORY_WRITE_COMBINING);
	pcg_function_lend(f, 0);
	combine.memory = PCG_MEMORY_UNCACHED;
	assert_int_equal(pcg_function_submit(f, &combine), -EBUSY);
	combine.region = 1;
	assert_int_equal(pcg_function_submit(f, &combine), -EOPNOTSUPP);
	recorder_close(f);
}

/* Its reset could come with the change. */
static void a_function_in_use_is_not_mapped_otherwise(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request combine = {
		.kind = PCG_REQUEST_MEMORY, .region = 0, .memory = PCG_MEMORY_WRITE_COMBINING, .done = done
	};

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(pcg_function_submit(f, &combine), -EBUSY);
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_int_equal(pcg_function_submit(f, &combine), PCG_DONE);
	recorder_close(f);
}

static void a_client_that_leaves_its_mappings_is_not_released(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request leave = { .kind = PCG_REQUEST_LEAVE, .done = done };
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };

	(void)state;
	pcg_function_lend(f, 0);
	assert_int_equal(pcg_function_submit(f, &leave), PCG_DONE);
	assert_null(strstr(r.calls, "release "));
	assert_non_null(strstr(r.calls, "reset "));
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	assert_non_null(strstr(r.calls, "release "));
	recorder_close(f);
}

/* The backend must know that nobody has any of it, whether somebody did or only could have. */
static void what_lends_itself_is_released_after_each_client(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request leave = { .kind = PCG_REQUEST_LEAVE, .done = done };
	struct pcg_request close = { .kind = PCG_REQUEST_CLOSE, .done = done };

	(void)state;
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	assert_null(strstr(r.calls, "release "));
	r.host.info.lends_function = true;
	assert_int_equal(pcg_function_submit(f, &leave), PCG_DONE);
	assert_null(strstr(r.calls, "release "));
	assert_int_equal(pcg_function_submit(f, &close), PCG_DONE);
	assert_non_null(strstr(r.calls, "release "));
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_unmaps_reach_the_backend),
		cmocka_unit_test(an_unmap_ends_when_the_backend_says_so),
		cmocka_unit_test(a_map_that_fails_says_why),
		cmocka_unit_test(a_function_in_quarantine_maps_nothing),
		cmocka_unit_test(a_function_in_quarantine_gives_memory_back),
		cmocka_unit_test(memory_is_there_when_the_backend_says_so),
		cmocka_unit_test(memory_that_cannot_be_reached_is_not_given),
		cmocka_unit_test(a_reset_after_which_it_reaches_nothing_has_failed),
		cmocka_unit_test(a_client_that_is_gone_loses_its_memory_before_the_reset),
		cmocka_unit_test(registers_that_do_not_answer_keep_it_neither),
		cmocka_unit_test(one_given_up_has_no_part_in_the_next),
		cmocka_unit_test(a_reset_keeps_the_maps),
		cmocka_unit_test(eventfds_are_handed_on),
		cmocka_unit_test(vectors_that_are_not_there_are_not_routed),
		cmocka_unit_test(only_one_index_is_routed_at_a_time),
		cmocka_unit_test(msi_mask_bits_are_told),
		cmocka_unit_test(masked_entries_of_our_table_are_told),
		cmocka_unit_test(a_reset_unmasks_what_the_client_still_holds),
		cmocka_unit_test(intx_disable_masks_the_line),
		cmocka_unit_test(a_resample_eventfd_is_handed_on),
		cmocka_unit_test(interrupt_status_is_the_functions_own),
		cmocka_unit_test(a_quirk_says_how_a_region_maps),
		cmocka_unit_test(a_client_chooses_before_it_has_a_descriptor),
		cmocka_unit_test(a_function_in_use_is_not_mapped_otherwise),
		cmocka_unit_test(a_client_that_leaves_its_mappings_is_not_released),
		cmocka_unit_test(what_lends_itself_is_released_after_each_client),
		cmocka_unit_test(what_a_reset_leaves_as_it_was_is_cleared),
		cmocka_unit_test(what_a_reset_keeps_stays),
		cmocka_unit_test(pending_status_survives_that),
		cmocka_unit_test(they_are_cleared_before_memory_is_reached_again),
		cmocka_unit_test(clearing_them_may_wait_at_every_step),
		cmocka_unit_test(a_function_that_cannot_be_reset_is_cleared_too),
		cmocka_unit_test(nothing_of_a_client_is_there_for_the_next),
		cmocka_unit_test(the_first_client_reads_power_on_values),
		cmocka_unit_test(linux_leaves_them_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
