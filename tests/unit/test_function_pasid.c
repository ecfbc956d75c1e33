/* SPDX-License-Identifier: BSD-3-Clause */
/* PASID, ATS and page requests of an assigned function: what the backend is told, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pasid_room.h"

/* --- what the backend is told --- */

static void a_control_is_carried_out_before_the_write_is_done(void **state)
{
	static const struct {
		unsigned int at;
		uint32_t value;
		const char *told;
	} writes[] = {
		{ AT_PASID + 6, 1, "pasid:p " },
		{ AT_PASID + 6, 3, "pasid:px " },
		{ AT_PASID + 6, 5, "pasid:pv " },
		{ AT_PASID + 6, 7, "pasid:pxv " },
		{ AT_PASID + 6, 7, "" },
		{ AT_ATS + 6, 0x8000, "pasid:pxva " },
		{ AT_ATS + 6, 0x8001, "pasid:pxva " },
		{ AT_PRI + 4, 1, "pasid:pxvar " },
		{ AT_PRI + 4, 3, "" },
		{ AT_PRI + 4, 2, "pasid:pxva! " },
		{ AT_PASID + 6, 0, "pasid:a " },
		{ AT_PASID + 6, 6, "pasid:xva " },
	};
	struct pcg_function *f = open_spoken();
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++) {
		recorder_clear(&r);
		assert_int_equal(guest_write(f, writes[i].at, 2, writes[i].value), PCG_DONE);
		assert_string_equal(r.calls, writes[i].told);
	}
	recorder_close(f);
}

static void the_backend_may_take_its_time(void **state)
{
	struct pcg_function *f = open_spoken();
	uint8_t data[2] = { 1, 0 };
	struct pcg_request rq = { .kind = PCG_REQUEST_WRITE,
				  .region = PCG_REGION_CONFIG,
				  .offset = AT_PASID + 6,
				  .length = 2,
				  .data = data,
				  .result = PCG_PENDING,
				  .done = done };

	(void)state;
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	assert_string_equal(r.calls, "pasid:p ");
	assert_int_equal(rq.result, PCG_PENDING);
	recorder_finish(&r, 0);
	assert_int_equal(rq.result, 0);
	r.pend = false;
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 1);
	recorder_close(f);
}

static void what_could_not_be_done_reads_as_before(void **state)
{
	struct pcg_function *f = open_spoken();

	(void)state;
	guest_write(f, AT_PASID + 6, 2, 3);
	r.fail = -EIO;
	assert_int_equal(guest_write(f, AT_PASID + 6, 2, 0), PCG_DONE);
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 3);
	r.fail = -EIO;
	guest_write(f, AT_PRI + 12, 4, 9);
	assert_int_equal(guest_read(f, AT_PRI + 12, 4), 0);
	recorder_close(f);
}

static void no_more_requests_are_allowed_than_there_is_room_for(void **state)
{
	struct pcg_function *f = open_spoken();

	(void)state;
	guest_write(f, AT_PRI + 12, 4, 5);
	assert_int_equal(r.control.allocation, 5);
	guest_write(f, AT_PRI + 12, 4, 0xffffffff);
	assert_int_equal(r.control.allocation, 32);
	assert_int_equal(r.control.width, 16);
	recorder_close(f);
}

/* --- resets --- */

static void off_comes_before_memory_is_taken_away(void **state)
{
	static const char order[] = "pasid:! dma- revoke reset ";
	struct pcg_function *f;

	(void)state;
	f = open_spoken();
	guest_write(f, AT_PASID + 6, 2, 1);
	recorder_clear(&r);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 2, PCG_DEVCTL_FLR);
	assert_non_null(strstr(r.calls, order));
	assert_false(r.control.pasid);
	assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 0);
	recorder_close(f);

	f = open_spoken();
	guest_write(f, AT_ATS + 6, 2, 0x8000);
	recorder_clear(&r);
	assert_int_equal(ask(f, PCG_REQUEST_CLOSE, NULL), PCG_DONE);
	assert_non_null(strstr(r.calls, order));
	recorder_close(f);
}

static void a_client_behind_an_iommu_is_turned_off_before_it_is_unmapped(void **state)
{
	struct pcg_view_options options = wanting(PCG_SHOWN_SPOKEN);
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_direct(&r);
	recorder_pasid(&r);
	f = recorder_open(&r, &options);
	assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	guest_write(f, AT_PASID + 6, 2, 1);
	recorder_clear(&r);
	assert_int_equal(ask(f, PCG_REQUEST_CLOSE, NULL), PCG_DONE);
	assert_non_null(strstr(r.calls, "pasid:! dma- unmap* "));
	recorder_close(f);
}

static void a_backend_that_will_not_turn_off_stops_no_reset(void **state)
{
	struct pcg_function *f = open_spoken();
	struct pcg_request rq = { .kind = PCG_REQUEST_RESET, .result = PCG_PENDING, .done = done };

	(void)state;
	guest_write(f, AT_PASID + 6, 2, 1);
	recorder_clear(&r);
	r.pend = true;
	assert_int_equal(pcg_function_submit(f, &rq), PCG_PENDING);
	while (r.pending != NULL) {
		bool off = strstr(r.calls, "pasid:! ") != NULL && strstr(r.calls, "dma- ") == NULL;

		recorder_finish(&r, off ? -EIO : 0);
	}
	assert_int_equal(rq.result, 0);
	assert_non_null(strstr(r.calls, "pasid:! "));
	assert_non_null(strstr(r.calls, "reset "));
	r.pend = false;
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 0);
	recorder_close(f);
}

/* It may have done what nobody waited for the end of, and what it says that it could not. */
static void what_may_be_on_is_turned_off_for_the_next_client(void **state)
{
	struct pcg_request rq = { .kind = PCG_REQUEST_CLOSE, .done = done };
	struct pcg_function *f = open_spoken();
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		r.pend = i == 0;
		r.fail = i == 0 ? 0 : -EIO;
		guest_write(f, AT_PASID + 6, 2, 1);
		if (i == 0)
			pcg_function_quarantine(f);
		r.pend = false;
		recorder_clear(&r);
		assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
		assert_non_null(strstr(r.calls, "pasid:! "));
		recorder_clear(&r);
		assert_int_equal(pcg_function_submit(f, &rq), PCG_DONE);
		assert_null(strstr(r.calls, "pasid:"));
		assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	}
	recorder_close(f);
}

static void what_a_function_forgets_is_told_it_again(void **state)
{
	struct pcg_function *f = open_spoken();

	(void)state;
	guest_write(f, AT_PASID + 6, 2, 5);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	recorder_clear(&r);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D0);
	assert_non_null(strstr(r.calls, "pasid:pv "));
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 5);
	recorder_close(f);
}

/* --- what the function raises --- */

static void status_bits_are_raised_and_cleared(void **state)
{
	struct pcg_function *f = open_spoken();

	(void)state;
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8100);
	guest_write(f, AT_PRI + 4, 2, 1);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8000);
	r.host.events.page_status(r.host.events.arg, 0x0003);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8003);
	guest_write(f, AT_PRI + 6, 2, 1);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8002);
	/* Still on: it has not stopped, whatever is said. */
	r.host.events.page_status(r.host.events.arg, PCG_PRI_STOPPED);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8002);
	guest_write(f, AT_PRI + 4, 2, 0);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8002);
	r.host.events.page_status(r.host.events.arg, PCG_PRI_STOPPED);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8102);
	recorder_close(f);
}

static void a_reset_of_page_requests_has_nothing_outstanding(void **state)
{
	struct pcg_function *f = open_spoken();

	(void)state;
	guest_write(f, AT_PRI + 4, 2, 1);
	guest_write(f, AT_PRI + 4, 2, 0);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2) & PCG_PRI_STOPPED, 0);
	guest_write(f, AT_PRI + 4, 2, PCG_PRI_RESET);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2) & PCG_PRI_STOPPED, PCG_PRI_STOPPED);
	assert_int_equal(guest_read(f, AT_PRI + 4, 2), 0);
	recorder_close(f);
}

static void records_are_announced_and_handed_out(void **state)
{
	struct pcg_function *f = open_spoken();
	struct pcg_fault fault;

	(void)state;
	r.host.events.recorded(r.host.events.arg);
	assert_int_equal(r.recorded, 1);
	assert_int_equal(pcg_function_fault(f, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_PASID_OFF);
	assert_int_equal(pcg_function_page_request(f, &(struct pcg_page_request){ 0 }), -ENOENT);
	recorder_close(f);
}

static void answers_are_of_three_kinds(void **state)
{
	struct pcg_page_response response = { .group = 9, .code = PCG_PAGE_INVALID };
	struct pcg_function *f = open_spoken();

	(void)state;
	assert_int_equal(pcg_function_page_response(f, &response), 0);
	assert_non_null(strstr(r.calls, "answer9=1 "));
	response.code = 2;
	assert_int_equal(pcg_function_page_response(f, &response), -EINVAL);
	recorder_close(f);
}

/* --- address spaces --- */

static void spaces_are_for_clients_that_have_spoken(void **state)
{
	struct pcg_space space = { .verb = PCG_SPACE_CREATE };
	struct pcg_function *f = open_silent();

	(void)state;
	assert_int_equal(ask(f, PCG_REQUEST_SPACE, &space), -EOPNOTSUPP);
	assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	assert_int_equal(ask(f, PCG_REQUEST_SPACE, &space), PCG_DONE);
	assert_int_equal(space.space, 7);
	recorder_close(f);
}

static void a_pasid_wider_than_is_shown_stands_nowhere(void **state)
{
	const struct pcg_pasid_wish narrow = { .width = 4 };
	struct pcg_space space = { .verb = PCG_SPACE_ATTACH, .pasid = 16 };
	struct pcg_function *f = open_silent();

	(void)state;
	assert_int_equal(pcg_function_pasid(f, &narrow, NULL), 0);
	assert_int_equal(ask(f, PCG_REQUEST_SPACE, &space), -ERANGE);
	space.pasid = 15;
	assert_int_equal(ask(f, PCG_REQUEST_SPACE, &space), PCG_DONE);
	assert_non_null(strstr(r.calls, "space4:f "));
	recorder_close(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_control_is_carried_out_before_the_write_is_done),
		cmocka_unit_test(the_backend_may_take_its_time),
		cmocka_unit_test(what_could_not_be_done_reads_as_before),
		cmocka_unit_test(no_more_requests_are_allowed_than_there_is_room_for),
		cmocka_unit_test(off_comes_before_memory_is_taken_away),
		cmocka_unit_test(a_client_behind_an_iommu_is_turned_off_before_it_is_unmapped),
		cmocka_unit_test(a_backend_that_will_not_turn_off_stops_no_reset),
		cmocka_unit_test(what_may_be_on_is_turned_off_for_the_next_client),
		cmocka_unit_test(what_a_function_forgets_is_told_it_again),
		cmocka_unit_test(status_bits_are_raised_and_cleared),
		cmocka_unit_test(a_reset_of_page_requests_has_nothing_outstanding),
		cmocka_unit_test(records_are_announced_and_handed_out),
		cmocka_unit_test(answers_are_of_three_kinds),
		cmocka_unit_test(spaces_are_for_clients_that_have_spoken),
		cmocka_unit_test(a_pasid_wider_than_is_shown_stands_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
