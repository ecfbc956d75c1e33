/* SPDX-License-Identifier: BSD-3-Clause */
/* What no other test here would notice, as faults put in by hand have shown. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

static struct recorder r;

static struct pcg_function *open_as(const char *profile)
{
	const struct pcg_view_options options = { .profile = pcg_profile_find(profile) };

	return recorder_open(&r, &options);
}

/* PCIe 6.0, 7.5.3.2: of a type 0 function only endpoints, legacy ones, and those inside the root complex. */
static void a_ports_type_is_shown_as_an_endpoint(void **state)
{
	unsigned int type;

	(void)state;
	for (type = 0; type < 16; type++) {
		bool can_be = type == 0 || type == 1 || type == 9 || type == 10;
		struct pcg_function *f;

		recorder_init(&r);
		r.config[AT_EXP + PCG_EXP_FLAGS] = (uint8_t)(type << 4 | 2);
		f = open_as("guarded");
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_FLAGS, 1) >> 4, can_be ? type : 0);
		recorder_close(f);
	}
}

static void bars_are_as_large_as_their_kind_can_be(void **state)
{
	static const struct {
		struct pcg_bar bar;
		int ret;
	} cases[] = {
		{ { .kind = PCG_BAR_IO, .size = 4 }, 0 },
		{ { .kind = PCG_BAR_IO, .size = 2 }, -EINVAL },
		{ { .kind = PCG_BAR_IO, .size = UINT64_C(1) << 32 }, -EINVAL },
		{ { .kind = PCG_BAR_MEM32, .size = 16 }, 0 },
		{ { .kind = PCG_BAR_MEM32, .size = 8 }, -EINVAL },
		{ { .kind = PCG_BAR_MEM32, .size = UINT64_C(1) << 31 }, 0 },
		{ { .kind = PCG_BAR_MEM32, .size = UINT64_C(1) << 32 }, -EINVAL },
		{ { .kind = PCG_BAR_MEM32, .size = 24 }, -EINVAL },
	};
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pcg_bar bars[PCG_NUM_BARS] = { cases[i].bar };

		assert_int_equal(pcg_bars_check(bars), cases[i].ret);
	}
}

static void the_cache_line_size_outlives_d3hot(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("guarded");
	guest_write(f, PCG_CACHE_LINE, 1, 0x10);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	r.config[PCG_CACHE_LINE] = 0;
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(r.config[PCG_CACHE_LINE], 0x10);
	recorder_close(f);
}

static void no_completion_timeouts_outlives_d3hot(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	r.config[AT_EXP + PCG_EXP_DEVCAP2] = 0x10;
	f = open_as("guarded");
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL2, 2, 0x0010);
	assert_int_equal(r.config[AT_EXP + PCG_EXP_DEVCTL2], 0x10);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	r.config[AT_EXP + PCG_EXP_DEVCTL2] = 0;
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(r.config[AT_EXP + PCG_EXP_DEVCTL2], 0x10);
	recorder_close(f);
}

/* PCIe 6.0, 7.5.3.16: a VF that does not show that it is one has the bit hardwired; what DEVCAP2 offers acts. */
static void no_completion_timeouts_read_as_devcap2_has_it(void **state)
{
	struct pcg_function *f;
	unsigned int can;

	(void)state;
	for (can = 0; can <= 0x10; can += 0x10) {
		recorder_init(&r);
		r.config[AT_EXP + PCG_EXP_DEVCAP2] = (uint8_t)can;
		f = open_as("guarded");
		guest_write(f, AT_EXP + PCG_EXP_DEVCTL2, 2, 0x0010);
		r.config[AT_EXP + PCG_EXP_DEVCTL2] = 0;
		assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL2, 2), can);
		recorder_close(f);
	}
}

/* Each access of a write that sets nothing off, under each profile. */
static void what_the_backend_cannot_do_is_told(void **state)
{
	static const char *const profiles[] = { "guarded", "strict", "raw", "linux" };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		struct pcg_function *f;
		uint32_t data;
		struct pcg_request rq = {
			.kind = PCG_REQUEST_READ, .offset = PCG_VENDOR + 8, .length = 4, .data = &data
		};

		recorder_init(&r);
		f = open_as(profiles[i]);
		rq.region = PCG_REGION_CONFIG;
		r.fail = -ENXIO;
		assert_int_equal(guest_write(f, PCG_CACHE_LINE, 1, 0x10), -ENXIO);
		r.fail = -ENXIO;
		assert_int_equal(guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, 0x2010), -ENXIO);
		r.fail = -ENXIO;
		assert_int_equal(pcg_function_submit(f, &rq), -ENXIO);
		assert_int_equal(guest_write(f, PCG_CACHE_LINE, 1, 0x10), 0);
		assert_int_equal(pcg_function_submit(f, &rq), 0);
		recorder_close(f);
	}
}

/* 7.1b.4: hardware's bit follows; what one client has masked is not masked for the next. */
static void intx_is_masked_for_the_next_client_as_for_the_first(void **state)
{
	struct pcg_request rq = { .kind = PCG_REQUEST_CLOSE };
	struct pcg_function *f;
	unsigned int client;

	(void)state;
	recorder_init(&r);
	r.host.info.intx_follows = true;
	f = open_as("linux");
	for (client = 0; client < 2; client++) {
		assert_int_equal(guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_INTX_OFF), 0);
		assert_int_equal(pcg_get16(r.config + PCG_COMMAND) & PCG_COMMAND_INTX_OFF, PCG_COMMAND_INTX_OFF);
		assert_int_equal(pcg_function_submit(f, &rq), 0);
		pcg_put16(r.config + PCG_COMMAND, 0);
	}
	recorder_close(f);
}

/* AF ECN: Function Level Reset and Transactions Pending are offered together, or not to be relied on. */
static void an_advanced_feature_reset_wants_both_bits(void **state)
{
	enum {
		AT_AF = 0xe0
	};
	unsigned int has;

	(void)state;
	for (has = 0; has < 4; has++) {
		struct pcg_function *f;

		recorder_init(&r);
		r.config[AT_EXP + 1] = AT_AF;
		pcg_put32(r.config + AT_AF, PCG_CAP_AF | 6u << 16 | has << 24);
		pcg_put16(r.config + AT_AF + PCG_AF_CTRL, 0);
		f = open_as("guarded");
		recorder_clear(&r);
		assert_int_equal(guest_write(f, AT_AF + PCG_AF_CTRL, 1, PCG_AF_CTRL_FLR), 0);
		assert_int_equal(strstr(r.calls, "reset ") != NULL, has == 3);
		recorder_close(f);
	}
}

/* PCI PM 1.2, 5.4. */
static void from_any_power_state_up_only_to_d0(void **state)
{
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	pcg_put16(r.config + AT_PM + PCG_PM_PMC, pcg_get16(r.config + AT_PM + PCG_PM_PMC) | 0x0600);
	f = open_as("guarded");
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D2);
	recorder_clear(&r);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D1);
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & PCG_PM_STATE, PCG_D2);
	assert_null(strstr(r.calls, "power"));
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & PCG_PM_STATE, PCG_D0);
	recorder_close(f);
}

static void after_a_quarantine_configuration_space_answers_again(void **state)
{
	struct pcg_request rq = { .kind = PCG_REQUEST_CLOSE };
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	f = open_as("guarded");
	pcg_function_quarantine(f);
	assert_int_equal(guest_write(f, PCG_CACHE_LINE, 1, 0x10), -EIO);
	assert_int_equal(pcg_function_submit(f, &rq), 0);
	assert_int_equal(guest_write(f, PCG_CACHE_LINE, 1, 0x10), 0);
	assert_int_equal(guest_read(f, PCG_CACHE_LINE, 1), 0x10);
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ports_type_is_shown_as_an_endpoint),
		cmocka_unit_test(bars_are_as_large_as_their_kind_can_be),
		cmocka_unit_test(the_cache_line_size_outlives_d3hot),
		cmocka_unit_test(no_completion_timeouts_outlives_d3hot),
		cmocka_unit_test(no_completion_timeouts_read_as_devcap2_has_it),
		cmocka_unit_test(what_the_backend_cannot_do_is_told),
		cmocka_unit_test(intx_is_masked_for_the_next_client_as_for_the_first),
		cmocka_unit_test(an_advanced_feature_reset_wants_both_bits),
		cmocka_unit_test(from_any_power_state_up_only_to_d0),
		cmocka_unit_test(after_a_quarantine_configuration_space_answers_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
