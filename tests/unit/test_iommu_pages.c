/* SPDX-License-Identifier: BSD-3-Clause */
/* Page requests: kept for the client, bounded, answered once. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "host/fabric/iommu.h"

#define BDF   0x0400u
#define QUEUE 8u

struct room {
	struct iommu *iommu;
	struct iommu_requester *r[2];
	struct pcg_dma *dma;
	unsigned int told[2];
};

static void on_request(void *arg)
{
	(*(unsigned int *)arg)++;
}

static void control(struct room *room, unsigned int who, bool on, bool reset, uint32_t allocation)
{
	const struct pcg_pasid_control now = {
		.pasid = true, .page_requests = on, .page_reset = reset, .allocation = allocation
	};

	assert_int_equal(iommu_control(room->r[who], &now), 0);
}

static int setup(void **state)
{
	static struct room room;
	static const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = 4096 };
	static const struct iommu_facts facts = {
		.pasid_width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = QUEUE
	};
	unsigned int i;

	memset(&room, 0, sizeof(room));
	assert_int_equal(iommu_create(&room.iommu, &facts, NULL), 0);
	assert_int_equal(pcg_dma_create(&room.dma, &limits, NULL, NULL), 0);
	for (i = 0; i < 2; i++) {
		const struct iommu_events events = { .arg = &room.told[i], .page_request = on_request };

		room.r[i] = iommu_requester(room.iommu, (uint16_t)(BDF + i));
		assert_int_equal(iommu_attach(room.r[i], room.dma, &events), 0);
		control(&room, i, true, false, 4);
	}
	*state = &room;
	return 0;
}

static int teardown(void **state)
{
	struct room *room = *state;

	iommu_destroy(room->iommu);
	pcg_dma_destroy(room->dma);
	return 0;
}

static int ask(struct room *room, unsigned int who, uint16_t group, bool last)
{
	const struct pcg_page_request request = {
		.address = 0x7000, .has_pasid = true, .pasid = 5, .group = group, .read = true, .last = last
	};

	return iommu_page_request(room->iommu, (uint16_t)(BDF + who), &request);
}

static int ask_marker(struct room *room, unsigned int who)
{
	const struct pcg_page_request marker = { .has_pasid = true, .pasid = 5, .last = true };

	return iommu_page_request(room->iommu, (uint16_t)(BDF + who), &marker);
}

static unsigned int take_all(struct room *room, unsigned int who)
{
	struct pcg_page_request request;
	unsigned int n = 0;

	while (iommu_page_request_next(room->r[who], &request) == 0)
		n++;
	return n;
}

static int answer(struct room *room, unsigned int who, uint16_t group, uint8_t code)
{
	const struct pcg_page_response response = { .has_pasid = true, .pasid = 5, .group = group, .code = code };
	struct tlp message;

	return iommu_page_response(room->r[who], &response, &message);
}

static void a_request_reaches_its_client_and_the_answer_the_function(void **state)
{
	struct room *room = *state;
	const struct pcg_page_request sent = { .address = 0x12345678,
					       .pasid = 0x54321,
					       .has_pasid = true,
					       .group = 0x1ff,
					       .read = true,
					       .write = true,
					       .last = true };
	const struct pcg_page_response response = { .has_pasid = true, .pasid = 0x54321, .group = 0x1ff, .code = 1 };
	struct pcg_page_request got;
	struct tlp message;

	assert_int_equal(iommu_page_request(room->iommu, BDF, &sent), 0);
	assert_int_equal(room->told[0], 1);
	assert_int_equal(room->told[1], 0);
	assert_int_equal(iommu_page_request_next(room->r[1], &got), -ENOENT);
	assert_int_equal(iommu_page_request_next(room->r[0], &got), 0);
	assert_int_equal(got.address, 0x12345000);
	assert_int_equal(got.pasid, 0x54321);
	assert_true(got.has_pasid && got.read && got.write && got.last && !got.execute && !got.privileged);
	assert_int_equal(iommu_page_request_next(room->r[0], &got), -ENOENT);
	assert_int_equal(iommu_page_response(room->r[1], &response, &message), -ENOENT);
	assert_int_equal(iommu_page_response(room->r[0], &response, &message), 0);
	assert_int_equal(message.type, TLP_MESSAGE);
	assert_int_equal(message.message, TLP_PRG_RESPONSE);
	assert_int_equal(message.target, BDF);
	assert_int_equal(message.address, 0x11ff);
	assert_true(message.pasid.present && message.pasid.value == 0x54321);
	assert_int_equal(iommu_page_response(room->r[0], &response, &message), -ENOENT);
}

static void a_group_is_answered_once_its_last_was_taken(void **state)
{
	struct room *room = *state;
	struct pcg_page_request got;

	assert_int_equal(ask(room, 0, 3, false), 0);
	assert_int_equal(take_all(room, 0), 1);
	assert_int_equal(answer(room, 0, 3, PCG_PAGE_SUCCESS), -ENOENT);
	assert_int_equal(ask(room, 0, 4, true), 0);
	assert_int_equal(ask(room, 0, 3, true), 0);
	assert_int_equal(iommu_page_request_next(room->r[0], &got), 0);
	assert_int_equal(got.group, 4);
	assert_int_equal(answer(room, 0, 3, PCG_PAGE_SUCCESS), -ENOENT);
	assert_int_equal(take_all(room, 0), 1);
	assert_int_equal(answer(room, 0, 3, 2), -EINVAL);
	assert_int_equal(answer(room, 0, 3 + 512, PCG_PAGE_SUCCESS), -EINVAL);
	assert_int_equal(answer(room, 0, 3, PCG_PAGE_SUCCESS), 0);
	assert_int_equal(answer(room, 0, 4, PCG_PAGE_FAILURE), 0);
}

static void the_allocation_bounds_what_is_unanswered(void **state)
{
	struct room *room = *state;
	uint16_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(ask(room, 0, i, true), 0);
	assert_int_equal(ask(room, 0, 4, true), -EPROTO);
	assert_int_equal(take_all(room, 0), 4);
	assert_int_equal(ask(room, 0, 4, true), -EPROTO);
	assert_int_equal(ask(room, 1, 4, true), 0);
	assert_int_equal(answer(room, 0, 2, PCG_PAGE_SUCCESS), 0);
	assert_int_equal(ask(room, 0, 4, true), 0);
	assert_int_equal(ask(room, 0, 5, true), -EPROTO);
}

static void a_full_queue_drops_and_answers_for_the_last(void **state)
{
	struct room *room = *state;
	const struct pcg_page_request last = { .group = 1, .read = true, .last = true }, other = { .group = 2 },
				      marker = { .has_pasid = true, .last = true };
	struct tlp message = { .length = 9 };
	uint16_t i;

	control(room, 0, true, false, 100);
	assert_int_equal(ask(room, 0, 1, false), 0);
	for (i = 1; i < QUEUE; i++)
		assert_int_equal(ask(room, 0, (uint16_t)(i + 100), true), 0);
	assert_int_equal(ask(room, 0, 1, false), -ENOSPC);
	assert_int_equal(ask_marker(room, 0), -ENOSPC);
	assert_int_equal(ask(room, 1, 1, true), 0);
	assert_int_equal(ask(room, 0, 1, true), -ENOSPC);
	assert_false(iommu_page_refused(BDF, &other, &message));
	assert_false(iommu_page_refused(BDF, &marker, &message));
	assert_true(iommu_page_refused(BDF, &last, &message));
	assert_int_equal(message.message, TLP_PRG_RESPONSE);
	assert_int_equal(message.target, BDF);
	assert_int_equal(message.address, 0xf001);
	assert_false(message.pasid.present);
	/* That was the answer for all of the group. */
	assert_int_equal(take_all(room, 0), QUEUE - 1);
	assert_int_equal(answer(room, 0, 1, PCG_PAGE_SUCCESS), -ENOENT);
	assert_int_equal(answer(room, 0, 101, PCG_PAGE_SUCCESS), 0);
	assert_int_equal(ask(room, 0, 1, true), 0);
}

static void a_complete_group_takes_no_more(void **state)
{
	struct room *room = *state;

	assert_int_equal(ask(room, 0, 1, true), 0);
	assert_int_equal(ask(room, 0, 1, false), -EPROTO);
	assert_int_equal(take_all(room, 0), 1);
	assert_int_equal(ask(room, 0, 1, false), -EPROTO);
	assert_int_equal(answer(room, 0, 1, PCG_PAGE_SUCCESS), 0);
	assert_int_equal(ask(room, 0, 1, false), 0);
}

static void a_stop_marker_is_passed_on_and_not_answered(void **state)
{
	struct room *room = *state;
	struct pcg_page_request got;
	uint16_t i;

	for (i = 0; i < 4; i++)
		assert_int_equal(ask(room, 0, i, true), 0);
	assert_int_equal(ask_marker(room, 0), 0);
	assert_int_equal(room->told[0], 5);
	for (i = 0; i < 5; i++)
		assert_int_equal(iommu_page_request_next(room->r[0], &got), 0);
	assert_true(got.last && !got.read && !got.write && got.pasid == 5);
	for (i = 0; i < 4; i++)
		assert_int_equal(answer(room, 0, i, PCG_PAGE_SUCCESS), 0);
	assert_int_equal(answer(room, 0, 0, PCG_PAGE_SUCCESS), -ENOENT);
}

static void without_a_pasid_the_marker_is_a_request(void **state)
{
	struct room *room = *state;
	const struct pcg_page_request sent = { .last = true, .execute = true, .group = 6, .pasid = 77 };
	const struct pcg_page_response response = { .group = 6 };
	struct pcg_page_request got;
	struct tlp message;

	assert_int_equal(iommu_page_request(room->iommu, BDF, &sent), 0);
	assert_int_equal(iommu_page_request_next(room->r[0], &got), 0);
	assert_false(got.has_pasid || got.execute);
	assert_int_equal(got.pasid, 0);
	assert_int_equal(iommu_page_response(room->r[0], &response, &message), 0);
	assert_false(message.pasid.present);
}

static void what_is_off_is_refused(void **state)
{
	struct room *room = *state;
	struct pcg_page_request request = { .has_pasid = true, .pasid = 5, .read = true, .privileged = true };
	const struct pcg_pasid_control no_pasid = { .page_requests = true, .allocation = 4 };
	struct pcg_fault fault;

	control(room, 0, false, false, 4);
	assert_int_equal(ask(room, 0, 1, true), -EACCES);
	assert_int_equal(ask(room, 1, 1, true), 0);
	assert_int_equal(iommu_page_request(room->iommu, BDF + 2, &request), -EACCES);
	assert_int_equal(iommu_fault_next(room->r[0], &fault), -ENOENT);
	control(room, 0, true, false, 4);
	assert_int_equal(iommu_page_request(room->iommu, BDF, &request), -EACCES);
	assert_int_equal(iommu_fault_next(room->r[0], &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_PRIVILEGED_OFF);
	assert_int_equal(iommu_control(room->r[0], &no_pasid), 0);
	assert_int_equal(ask(room, 0, 1, true), -EACCES);
	assert_int_equal(iommu_fault_next(room->r[0], &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_PASID_OFF);
	iommu_block(room->r[0], true);
	assert_int_equal(ask(room, 0, 1, true), -EACCES);
	assert_int_equal(iommu_fault_next(room->r[0], &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_BLOCKED);
	assert_int_equal(take_all(room, 0), 0);
}

static void a_reset_forgets_where_the_enable_is_clear(void **state)
{
	struct room *room = *state;

	assert_int_equal(ask(room, 0, 1, true), 0);
	assert_int_equal(ask(room, 0, 2, true), 0);
	assert_int_equal(ask_marker(room, 0), 0);
	control(room, 0, false, false, 4);
	control(room, 0, true, true, 4);
	assert_int_equal(take_all(room, 0), 3);
	control(room, 0, false, true, 4);
	assert_int_equal(answer(room, 0, 1, PCG_PAGE_SUCCESS), -ENOENT);
	control(room, 0, true, false, 2);
	assert_int_equal(ask(room, 0, 1, true), 0);
	assert_int_equal(ask(room, 0, 2, true), 0);
}

static void requests_of_one_client_do_not_meet_the_next(void **state)
{
	struct room *room = *state;

	assert_int_equal(ask(room, 0, 1, true), 0);
	assert_int_equal(ask_marker(room, 0), 0);
	assert_int_equal(iommu_attach(room->r[0], room->dma, NULL), 0);
	control(room, 0, true, false, QUEUE);
	assert_int_equal(take_all(room, 0), 0);
	assert_int_equal(answer(room, 0, 1, PCG_PAGE_SUCCESS), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_request_reaches_its_client_and_the_answer_the_function, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_group_is_answered_once_its_last_was_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(the_allocation_bounds_what_is_unanswered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_queue_drops_and_answers_for_the_last, setup, teardown),
		cmocka_unit_test_setup_teardown(a_complete_group_takes_no_more, setup, teardown),
		cmocka_unit_test_setup_teardown(a_stop_marker_is_passed_on_and_not_answered, setup, teardown),
		cmocka_unit_test_setup_teardown(without_a_pasid_the_marker_is_a_request, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_off_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_reset_forgets_where_the_enable_is_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(requests_of_one_client_do_not_meet_the_next, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
