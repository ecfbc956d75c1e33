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

static void a_function_in_quarantine_maps_nothing(void **state)
{
	struct pcg_function *f = open_direct();
	struct pcg_request map = { .kind = PCG_REQUEST_DMA_MAP, .range = &range, .done = done };

	(void)state;
	pcg_function_quarantine(f);
	assert_int_equal(pcg_function_submit(f, &map), -EIO);
	assert_string_equal(r.calls, "");
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
	uint32_t control = 1;
	struct pcg_request rq = {
		.kind = PCG_REQUEST_WRITE, .region = 0, .offset = 0x2000 + 16 + 12, .length = 4, .data = &control
	};

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	pcg_function_route(f, PCG_IRQ_MSIX, 0, 2, fds);
	pcg_function_attach(f, PCG_IRQ_MSIX, 0, true);
	pcg_function_attach(f, PCG_IRQ_MSIX, 1, true);
	recorder_clear(&r);
	assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
	assert_string_equal(r.calls, "mask2:1 ");
	control = 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_and_unmaps_reach_the_backend),
		cmocka_unit_test(an_unmap_ends_when_the_backend_says_so),
		cmocka_unit_test(a_map_that_fails_says_why),
		cmocka_unit_test(a_function_in_quarantine_maps_nothing),
		cmocka_unit_test(a_client_that_is_gone_loses_its_memory_before_the_reset),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
