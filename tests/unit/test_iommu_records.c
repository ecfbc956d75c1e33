/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of what an IOMMU blocked, and who is told of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "iommu_room.h"

static void records_are_bounded_and_the_lost_counted(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	const struct tlp tlp = room_packet(room, side, 1);
	struct iommu_answer answer;
	struct pcg_fault fault;
	uint64_t i;

	for (i = 0; i < IOMMU_MAX_FAULTS + 10; i++)
		iommu_translate(room->iommu, &tlp, i, 4, &answer);
	assert_int_equal(side->told, IOMMU_MAX_FAULTS);
	assert_int_equal(room->sides[1].told, 0);
	for (i = 0; i < IOMMU_MAX_FAULTS - 1; i++) {
		assert_int_equal(iommu_fault_next(side->r, &fault), 0);
		assert_int_equal(fault.address, i);
		assert_int_equal(fault.lost, 0);
	}
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.address, IOMMU_MAX_FAULTS + 9);
	assert_int_equal(fault.lost, 10);
	assert_int_equal(iommu_fault_next(side->r, &fault), -ENOENT);
	iommu_translate(room->iommu, &tlp, 1, 4, &answer);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.lost, 0);
}

static void what_memory_refused_is_recorded_too(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[1];
	struct tlp tlp = room_packet(room, side, 5);
	struct pcg_fault fault;

	iommu_failed(room->iommu, &tlp, 0x123, -EFAULT);
	iommu_failed(room->iommu, &tlp, 0x123, -EPERM);
	tlp.type = TLP_MEMORY_WRITE;
	iommu_failed(room->iommu, &tlp, 0x456, -EPERM);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_NOT_MAPPED);
	assert_int_equal(fault.address, 0x123);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_READ);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_WRITE);
	assert_int_equal(fault.pasid, 5);
}

static void what_is_denied_is_recorded_as_blocked(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct tlp tlp = room_packet(room, side, 5);
	struct pcg_fault fault;

	tlp.type = TLP_MEMORY_WRITE;
	iommu_deny(room->iommu, &tlp, 0x789);
	tlp.requester = 0x0500;
	iommu_deny(room->iommu, &tlp, 0x789);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.reason, PCG_FAULT_BLOCKED);
	assert_int_equal(fault.address, 0x789);
	assert_true(fault.write && fault.has_pasid && fault.pasid == 5);
	assert_int_equal(room->sides[1].told, 0);
}

struct watch {
	unsigned int calls;
	uint16_t bdf;
	uint64_t address;
	uint64_t untold;
};

static void on_blocked(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold)
{
	struct watch *watch = arg;

	watch->calls++;
	watch->untold = untold;
	watch->bdf = bdf;
	watch->address = fault->address;
}

static void the_watch_hears_each_requester_once_in_a_while(void **state)
{
	struct room *room = *state;
	struct watch watch = { .calls = 0 };
	struct tlp tlp;

	iommu_watch(room->iommu, on_blocked, &watch);
	assert_null(iommu_fault_newest(room->iommu, 0x0310));
	for (unsigned int i = 0; i < 2; i++) {
		tlp = room_packet(room, &room->sides[i], 5);
		for (uint64_t at = 0; at < 100; at++)
			iommu_deny(room->iommu, &tlp, at + 1);
		assert_int_equal(watch.calls, i + 1);
		assert_int_equal(watch.bdf, tlp.requester);
		assert_int_equal(watch.address, 1);
		assert_int_equal(watch.untold, 0);
		assert_int_equal(iommu_fault_newest(room->iommu, tlp.requester)->address, 100);
	}
	/* The next client's coming changes nothing of that. */
	assert_int_equal(iommu_attach(room->sides[0].r, NULL, NULL), 0);
	assert_int_equal(iommu_fault_newest(room->iommu, 0x0310)->address, 100);
	room->sides[1].r->faults.watched -= IOMMU_WATCH_MS;
	iommu_deny(room->iommu, &tlp, 500);
	assert_int_equal(watch.calls, 3);
	assert_int_equal(watch.address, 500);
	assert_int_equal(watch.untold, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(records_are_bounded_and_the_lost_counted, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(what_memory_refused_is_recorded_too, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(what_is_denied_is_recorded_as_blocked, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(the_watch_hears_each_requester_once_in_a_while, room_setup,
						room_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
