/* SPDX-License-Identifier: BSD-3-Clause */
/* PASID, ATS and page requests of an assigned function: who is shown them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pasid_room.h"

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

/* Only when it is shown does it show that a quirk speaks of bytes that are decided. */
static void what_the_guest_wrote_stays_where_nothing_can_be_shown(void **state)
{
	static const struct pcg_quirk quirk = { .vendor = PCG_QUIRK_ANY,
						.device = PCG_QUIRK_ANY,
						.subvendor = PCG_QUIRK_ANY,
						.subsystem = PCG_QUIRK_ANY,
						.revision_last = 0xff,
						.kind = PCG_QUIRK_CLOSE,
						.in_cap = true,
						.extended = true,
						.id = PCG_ECAP_PASID,
						.start = 4,
						.end = 8 };
	struct pcg_view_options options = wanting(PCG_SHOWN_SPOKEN);
	struct pcg_function *f;
	const char *why;

	(void)state;
	options.quirks = &quirk;
	options.nquirks = 1;
	recorder_init(&r);
	recorder_pasid(&r);
	f = recorder_open(&r, &options);
	guest_write(f, PCG_BAR0, 4, 0xd0000000);
	guest_write(f, AT_PM + PCG_PM_CSR, 2, PCG_D3HOT);
	assert_int_equal(pcg_function_msix_set(f, 3), 0);
	assert_int_equal(pcg_function_pasid(f, &all, &why), -EINVAL);
	assert_string_not_equal(why, "");
	assert_false(shows(f, AT_PASID, PCG_ECAP_PASID));
	assert_int_equal(guest_read(f, PCG_BAR0, 4), 0xd0000000);
	assert_int_equal(guest_read(f, AT_PM + PCG_PM_CSR, 2) & 3, PCG_D3HOT);
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

/* The capability would go, or grow narrow, and what the backend was told would stay. */
static void what_is_shown_stays_while_any_of_it_is_on(void **state)
{
	static const struct pcg_pasid_wish nothing = { 0 }, narrow = { .width = 4 };
	static const struct {
		unsigned int at, width;
	} controls[] = { { AT_PASID + 6, 2 }, { AT_ATS + 7, 1 }, { AT_PRI + 4, 1 } };
	unsigned int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct pcg_function *f = open_spoken();
		uint32_t on = controls[i].at == AT_ATS + 7 ? PCG_ATS_ENABLE >> 8 : 1;
		struct pcg_pasid_offer offer;
		const char *why;

		guest_write(f, controls[i].at, controls[i].width, on);
		assert_int_equal(pcg_function_pasid(f, &nothing, &why), -EBUSY);
		assert_non_null(strstr(why, "turn"));
		assert_int_equal(pcg_function_pasid(f, &narrow, &why), -EBUSY);
		pcg_function_pasid_offer(f, &offer);
		assert_string_equal(offer.why, why);
		assert_int_equal(offer.shown.width, 16);
		assert_true(shows(f, AT_PASID, PCG_ECAP_PASID));
		assert_int_equal(pcg_function_pasid(f, &all, &why), 0);
		guest_write(f, controls[i].at, controls[i].width, 0);
		assert_int_equal(pcg_function_pasid(f, &nothing, &why), 0);
		assert_false(shows(f, AT_PASID, PCG_ECAP_PASID));
		recorder_close(f);
	}
}

/* A function that has no memory enable bit, of which nobody can tell that it is a VF. */
static void what_was_found_out_of_the_function_is_known_to_the_next_client(void **state)
{
	struct pcg_function *f = open_spoken();
	unsigned int i;

	(void)state;
	r.hardwired = PCG_COMMAND_MEMORY;
	for (i = 0; i < 3; i++) {
		recorder_clear(&r);
		guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY);
		guest_write(f, PCG_COMMAND, 2, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
		assert_null(strstr(r.calls, "revoke"));
		assert_int_equal(ask(f, PCG_REQUEST_CLOSE, NULL), PCG_DONE);
		assert_int_equal(pcg_function_pasid(f, &all, NULL), 0);
	}
	recorder_close(f);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_shown_before_the_client_has_spoken),
		cmocka_unit_test(one_that_has_spoken_is_shown_it),
		cmocka_unit_test(a_client_is_shown_no_more_than_it_drives),
		cmocka_unit_test(what_nobody_offers_cannot_be_had),
		cmocka_unit_test(it_is_too_late_once_something_is_set_up),
		cmocka_unit_test(what_the_guest_wrote_before_stays),
		cmocka_unit_test(what_the_guest_wrote_stays_where_nothing_can_be_shown),
		cmocka_unit_test(the_next_client_has_to_speak_for_itself),
		cmocka_unit_test(what_is_shown_stays_while_any_of_it_is_on),
		cmocka_unit_test(what_was_found_out_of_the_function_is_known_to_the_next_client),
		cmocka_unit_test(what_is_forced_stays_whoever_comes),
		cmocka_unit_test(what_is_forced_and_not_enforced_nobody_drives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
