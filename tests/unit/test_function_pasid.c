/* SPDX-License-Identifier: BSD-3-Clause */
/* PASID, ATS and page requests of an assigned function: who is shown them, what the backend is told, and when. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "recorder.h"

#define AT_ATS 0x400u
#define AT_PRI 0x500u

static struct recorder r;

static const struct pcg_pasid_wish all = {
	.width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = true
};

static struct pcg_view_options wanting(enum pcg_shown shown)
{
	return (struct pcg_view_options){
		.profile = pcg_profile_find("guarded"),
		.pasid = { .pasid = { (uint8_t)shown, PCG_PLACE_OWN },
			   .ats = { (uint8_t)shown, AT_ATS },
			   .pri = { (uint8_t)shown, AT_PRI } },
	};
}

static struct pcg_function *open_silent(void)
{
	struct pcg_view_options options = wanting(PCG_SHOWN_SPOKEN);

	recorder_init(&r);
	recorder_pasid(&r);
	return recorder_open(&r, &options);
}

static struct pcg_function *open_spoken(void)
{
	struct pcg_function *f = open_silent();

	assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	return f;
}

static bool shows(struct pcg_function *f, unsigned int at, unsigned int id)
{
	return guest_read(f, at, 2) == id;
}

static void done(struct pcg_request *request)
{
	(void)request;
}

static int ask(struct pcg_function *f, enum pcg_request_kind kind, struct pcg_space *space)
{
	struct pcg_request rq = { .kind = kind, .region = PCG_REGION_BAR0, .space = space, .done = done };

	return pcg_function_submit(f, &rq);
}

/* --- who is shown it --- */

static void nothing_is_shown_before_the_client_has_spoken(void **state)
{
	struct pcg_function *f = open_silent();
	struct pcg_pasid_offer offer;

	(void)state;
	assert_false(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_int_equal(guest_read(f, AT_ATS, 4), 0);
	pcg_function_pasid_offer(f, &offer);
	assert_int_equal(offer.can.width, 16);
	assert_true(offer.can.execute && offer.can.privileged && offer.can.ats && offer.can.page_requests);
	assert_int_equal(offer.shown.width, 0);
	assert_int_equal(offer.page_requests, 32);
	assert_int_equal(offer.pasid_at, AT_PASID);
	assert_int_equal(offer.pri_at, AT_PRI);
	assert_false(offer.spoken);
	assert_string_equal(offer.why, "");
	recorder_close(f);
}

static void one_that_has_spoken_is_shown_it(void **state)
{
	struct pcg_function *f = open_spoken();
	struct pcg_pasid_offer offer;

	(void)state;
	assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_true(shows(f, AT_ATS, PCG_ECAP_ATS));
	assert_true(shows(f, AT_PRI, PCG_ECAP_PRI));
	assert_int_equal(guest_read(f, AT_PASID + 4, 2), 0x1006);
	assert_int_equal(guest_read(f, AT_PRI + 8, 4), 32);
	pcg_function_pasid_offer(f, &offer);
	assert_true(offer.spoken);
	assert_int_equal(offer.shown.width, 16);
	recorder_close(f);
}

static void a_client_is_shown_no_more_than_it_drives(void **state)
{
	const struct pcg_pasid_wish some = { .width = 8, .privileged = true, .page_requests = true };
	struct pcg_function *f = open_silent();

	(void)state;
	assert_int_equal(pcg_function_pasid(f, &some, NULL), 0);
	assert_int_equal(guest_read(f, AT_PASID + 4, 2), 0x0804);
	assert_int_equal(guest_read(f, AT_ATS, 4), 0);
	/* Page requests follow translation requests. */
	assert_int_equal(guest_read(f, AT_PRI, 4), 0);
	recorder_close(f);
}

static void what_nobody_offers_cannot_be_had(void **state)
{
	struct pcg_function *f;
	const char *why;

	(void)state;
	recorder_init(&r);
	recorder_pasid(&r);
	f = recorder_open(&r, NULL);
	assert_int_equal(pcg_function_pasid(f, &all, &why), -EOPNOTSUPP);
	assert_non_null(strstr(why, "--policy pasid=on"));
	recorder_close(f);
}

static void it_is_too_late_once_something_is_set_up(void **state)
{
	struct pcg_function *f = open_silent();
	const char *why;

	(void)state;
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(pcg_function_pasid(f, &all, &why), -EBUSY);
	assert_true(why[0] != '\0');
	assert_false(shows(f, AT_PASID, PCG_ECAP_PASID));
	guest_write(f, PCG_COMMAND, 2, 0);
	assert_int_equal(pcg_function_attach(f, PCG_IRQ_MSIX, 0, true), 0);
	assert_int_equal(pcg_function_pasid(f, &all, &why), -EBUSY);
	pcg_function_irq_off(f, PCG_IRQ_MSIX);
	assert_int_equal(pcg_function_pasid(f, &all, &why), 0);
	/* Saying it again changes nothing, so it may be said. */
	guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
	assert_int_equal(pcg_function_pasid(f, &all, &why), 0);
	recorder_close(f);
}

static void what_the_guest_wrote_before_stays(void **state)
{
	struct pcg_function *f = open_silent();

	(void)state;
	guest_write(f, PCG_BAR0, 4, 0xd0000000);
	guest_write(f, AT_EXP + PCG_EXP_DEVCTL, 1, 0x40);
	assert_int_equal(pcg_function_msix_set(f, 3), 0);
	assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xd0000000);
	assert_int_equal(guest_read(f, AT_EXP + PCG_EXP_DEVCTL, 1) & 0xe0, 0x40);
	assert_int_equal(guest_read(f, AT_MSIX + PCG_MSIX_CONTROL, 2) & PCG_MSIX_SIZE, 2);
	recorder_close(f);
}

static void the_next_client_has_to_speak_for_itself(void **state)
{
	static const enum pcg_request_kind ends[] = { PCG_REQUEST_CLOSE, PCG_REQUEST_LEAVE };
	unsigned int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct pcg_function *f = open_spoken();

		guest_write(f, AT_PASID + 6, 2, 7);
		assert_int_equal(ask(f, ends[i], NULL), PCG_DONE);
		assert_false(shows(f, AT_PASID, PCG_ECAP_PASID));
		assert_int_equal(guest_read(f, AT_PASID + 4, 4), 0);
		assert_int_equal(pcg_function_fault(f, &(struct pcg_fault){ 0 }), -EOPNOTSUPP);
		assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
		assert_int_equal(guest_read(f, AT_PASID + 6, 2), 0);
		recorder_close(f);
	}
}

static void what_is_forced_stays_whoever_comes(void **state)
{
	struct pcg_view_options options = wanting(PCG_SHOWN_FORCED);
	struct pcg_function *f;

	(void)state;
	recorder_init(&r);
	recorder_pasid(&r);
	f = recorder_open(&r, &options);
	assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
	guest_write(f, AT_PASID + 6, 2, 1);
	assert_true(r.control.pasid);
	assert_int_equal(ask(f, PCG_REQUEST_CLOSE, NULL), PCG_DONE);
	assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_int_equal(guest_read(f, AT_PASID + 6, 2), 0);
	recorder_close(f);
}

static void what_is_forced_and_not_enforced_nobody_drives(void **state)
{
	struct pcg_view_options options = wanting(PCG_SHOWN_FORCED);
	struct pcg_pasid_offer offer;
	struct pcg_function *f;
	const char *why;

	(void)state;
	recorder_init(&r);
	r.host.info.pasid.why = "it is a record";
	f = recorder_open(&r, &options);
	assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_int_equal(pcg_function_pasid(f, &all, &why), -EOPNOTSUPP);
	assert_string_equal(why, "it is a record");
	pcg_function_pasid_offer(f, &offer);
	assert_int_equal(offer.can.width, 0);
	assert_int_equal(offer.shown.width, 20);
	assert_true(offer.forced);
	/* Configuration space behaves all the same. */
	guest_write(f, AT_PRI + 4, 2, 1);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8000);
	guest_write(f, AT_PRI + 4, 2, 0);
	assert_int_equal(guest_read(f, AT_PRI + 6, 2), 0x8100);
	assert_string_equal(r.calls, "");
	recorder_close(f);
}

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
		cmocka_unit_test(nothing_is_shown_before_the_client_has_spoken),
		cmocka_unit_test(one_that_has_spoken_is_shown_it),
		cmocka_unit_test(a_client_is_shown_no_more_than_it_drives),
		cmocka_unit_test(what_nobody_offers_cannot_be_had),
		cmocka_unit_test(it_is_too_late_once_something_is_set_up),
		cmocka_unit_test(what_the_guest_wrote_before_stays),
		cmocka_unit_test(the_next_client_has_to_speak_for_itself),
		cmocka_unit_test(what_is_forced_stays_whoever_comes),
		cmocka_unit_test(what_is_forced_and_not_enforced_nobody_drives),
		cmocka_unit_test(a_control_is_carried_out_before_the_write_is_done),
		cmocka_unit_test(the_backend_may_take_its_time),
		cmocka_unit_test(what_could_not_be_done_reads_as_before),
		cmocka_unit_test(no_more_requests_are_allowed_than_there_is_room_for),
		cmocka_unit_test(off_comes_before_memory_is_taken_away),
		cmocka_unit_test(a_client_behind_an_iommu_is_turned_off_before_it_is_unmapped),
		cmocka_unit_test(a_backend_that_will_not_turn_off_stops_no_reset),
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
