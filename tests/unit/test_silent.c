/* SPDX-License-Identifier: BSD-3-Clause */
/* A function that does not answer any more: all ones, power that does not come back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/dma.h>

#include "recorder.h"

static struct recorder r;
static uint8_t kept[PCG_CONFIG_EXTENDED];

static struct pcg_function *open_guarded(void)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find("guarded") };
	struct pcg_function *f;

	recorder_init(&r);
	f = recorder_open(&r, &options);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_REQ, 0, true), 0);
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	return f;
}

static void fall_silent(void)
{
	memcpy(kept, r.config, sizeof(kept));
	memset(r.config, 0xff, sizeof(r.config));
	recorder_clear(&r);
}

static int reset(struct pcg_function *f)
{
	struct pcg_request request = { .kind = PCG_REQUEST_RESET };

	return pcg_function_submit(f, &request);
}

static void a_write_of_command_finds_it_and_asks_for_it_back(void **state)
{
	const uint16_t command = PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER | PCG_COMMAND_SERR;
	struct pcg_function *f = open_guarded();

	(void)state;
	fall_silent();
	assert_int_equal(guest_write(f, PCG_COMMAND, 2, command), 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), command);
	assert_int_equal(r.triggers[PCG_IRQ_REQ][0], 1);
	/* Ones are not mixed into what is written, for it may be back by then. */
	assert_null(strstr(r.calls, "w004"));
	guest_write(f, PCG_COMMAND, 2, command);
	assert_int_equal(r.triggers[PCG_IRQ_REQ][0], 1);
	recorder_close(f);
}

static void what_is_back_is_put_right_by_the_next_write(void **state)
{
	const uint16_t command = PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER;
	struct pcg_function *f = open_guarded();

	(void)state;
	fall_silent();
	guest_write(f, PCG_COMMAND, 2, command);
	memcpy(r.config, kept, sizeof(kept));
	pcg_put32(r.config + PCG_BAR0, 0);
	recorder_clear(&r);
	guest_write(f, PCG_COMMAND, 2, command);
	assert_memory_equal(r.config + PCG_BAR0, kept + PCG_BAR0, 4);
	assert_non_null(strstr(r.calls, "allow"));
	recorder_close(f);
}

static void a_reset_that_wakes_nobody_fails(void **state)
{
	struct pcg_function *f = open_guarded();

	(void)state;
	fall_silent();
	r.host.info.restores = true;
	assert_int_equal(reset(f), -ENODEV);
	assert_null(strstr(r.calls, "w004"));
	assert_non_null(strstr(r.calls, "dma-"));
	/* It can be tried again. */
	memcpy(r.config, kept, sizeof(kept));
	assert_int_equal(reset(f), 0);
	assert_int_equal(guest_read(f, PCG_COMMAND, 2), 0);
	recorder_close(f);
}

static void a_reset_that_wakes_it_is_one(void **state)
{
	struct pcg_function *f = open_guarded();

	(void)state;
	fall_silent();
	assert_int_equal(reset(f), 0);
	recorder_close(f);
}

static void power_that_does_not_come_back_is_quarantine(void **state)
{
	struct pcg_function *f = open_guarded();

	(void)state;
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	r.power_fails = -EIO;
	assert_int_equal(guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0), -EIO);
	assert_true(pcg_function_quarantined(f));
	recorder_close(f);
}

/* A VF's table whose size is read for each client anew. */
static void no_client_gets_what_does_not_answer(void **state)
{
	struct pcg_function *f = open_guarded();
	struct pcg_request request = { .kind = PCG_REQUEST_CLOSE };
	struct pcg_dma *dma;
	const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = 4096 };

	(void)state;
	r.host.info.resizes = true;
	assert_int_equal(pcg_function_submit(f, &request), 0);
	assert_int_equal(pcg_dma_create(&dma, &limits, NULL, NULL), 0);
	fall_silent();
	assert_int_equal(pcg_function_dma(f, dma, &request), -ENODEV);
	memcpy(r.config, kept, sizeof(kept));
	assert_int_equal(pcg_function_irqs(f, PCG_IRQ_MSIX), 64);
	pcg_function_dma(f, NULL, NULL);
	pcg_dma_destroy(dma);
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_of_command_finds_it_and_asks_for_it_back),
		cmocka_unit_test(what_is_back_is_put_right_by_the_next_write),
		cmocka_unit_test(a_reset_that_wakes_nobody_fails),
		cmocka_unit_test(a_reset_that_wakes_it_is_one),
		cmocka_unit_test(power_that_does_not_come_back_is_quarantine),
		cmocka_unit_test(no_client_gets_what_does_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
