/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "iommu_room.h"

#define FIRST UINT64_C(0x10000) /* where pages with flags 0, 1, 2 … stand, a gap after each */

/* --- every combination --- */

/* One request in one state of one requester. @flags: of the page; those that no map can have: nothing is there. */
struct situation {
	bool enable, execute, privileged;
	uint32_t flags;
	bool tagged, write, zero, ask_execute, ask_privileged;
};

/* What decides, in this order; the first that does not hold is the reason. */
static enum pcg_fault_reason expected(const struct situation *s)
{
	const struct {
		bool holds;
		enum pcg_fault_reason otherwise;
	} rows[] = {
		{ s->enable, PCG_FAULT_PASID_OFF },
		{ !s->ask_execute || s->execute, PCG_FAULT_EXECUTE_OFF },
		{ !s->ask_privileged || s->privileged, PCG_FAULT_PRIVILEGED_OFF },
		{ s->flags != 0, PCG_FAULT_NOT_MAPPED },
		{ s->ask_privileged || (s->flags & U) != 0, PCG_FAULT_SUPERVISOR },
		{ !s->write || (s->flags & W) != 0, PCG_FAULT_WRITE },
		{ s->write || s->zero || (s->flags & R) != 0, PCG_FAULT_READ },
		{ !s->ask_execute || (s->flags & X) != 0, PCG_FAULT_EXECUTE },
	};
	size_t i;

	for (i = 0; s->tagged && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!rows[i].holds)
			return rows[i].otherwise;
	return PCG_FAULT_NONE;
}

/* What page @number of requester @who has: the same place never allows both requesters the same. */
static uint32_t flags_of(unsigned int who, unsigned int number)
{
	uint32_t flags = who == 0 ? number : number ^ 15u;

	return (flags & (R | W)) == 0 || (flags & (R | X)) == X ? 0 : flags;
}

static uint64_t place_of(unsigned int who, unsigned int number)
{
	return (UINT64_C(0x100000) << who * 8) + (uint64_t)number * PAGE;
}

static void judge(struct room *room, unsigned int who, const struct situation *s, unsigned int number)
{
	struct side *side = &room->sides[who];
	uint64_t address = FIRST + number * 2 * PAGE + 8;
	const struct tlp tlp = {
		.type = s->write ? TLP_MEMORY_WRITE : TLP_MEMORY_READ,
		.requester = (uint16_t)(0x0310 + who),
		.pasid = { s->tagged, s->ask_execute, s->ask_privileged, 7 },
	};
	struct iommu_answer answer;
	struct pcg_fault fault;
	enum pcg_fault_reason reason = expected(s);
	enum tlp_status status = iommu_translate(room->iommu, &tlp, address, s->zero ? 0 : 16, &answer);

	assert_int_equal(answer.reason, reason);
	if (reason == PCG_FAULT_NONE) {
		assert_int_equal(status, TLP_SUCCESS);
		assert_ptr_equal(answer.dma, side->dma);
		assert_int_equal(answer.address, s->tagged ? place_of(who, number) + 8 : address);
		assert_int_equal(answer.length, s->zero ? 0 : 16);
	} else {
		assert_int_equal(status, TLP_UNSUPPORTED);
		assert_int_equal(iommu_fault_next(side->r, &fault), 0);
		assert_int_equal(fault.reason, reason);
		assert_int_equal(fault.address, address);
		assert_int_equal(fault.pasid, 7);
		assert_true(fault.has_pasid && fault.write == s->write && fault.execute == s->ask_execute &&
			    fault.privileged == s->ask_privileged && fault.lost == 0);
	}
	assert_int_equal(iommu_fault_next(side->r, &fault), -ENOENT);
}

static void judge_all(struct room *room, const unsigned int settings[2])
{
	unsigned int number, kind, who;

	for (number = 0; number < 16; number++)
		for (kind = 0; kind < 32; kind++)
			for (who = 0; who < 2; who++) {
				/* The two ask different things at a time, of the same place. */
				unsigned int asked = who == 0 ? kind : kind * 5 % 32;
				const struct situation s = {
					.enable = settings[who] & 1,
					.execute = settings[who] & 2,
					.privileged = settings[who] & 4,
					.flags = flags_of(who, number),
					.tagged = asked & 1,
					.write = asked & 2,
					.zero = asked & 4,
					.ask_execute = asked & 8,
					.ask_privileged = asked & 16,
				};

				judge(room, who, &s, number);
			}
}

static void every_combination_for_two_at_once(void **state)
{
	struct room *room = *state;
	unsigned int number, who, settings[2];

	for (who = 0; who < 2; who++) {
		struct side *side = &room->sides[who];

		for (number = 0; number < 16; number++)
			assert_int_equal(side_map(side, side->space, FIRST + number * 2 * PAGE, PAGE,
						  place_of(who, number), flags_of(who, number)),
					 flags_of(who, number) != 0 ? 0 : -EINVAL);
		assert_int_equal(side_attach(side, side->space, 7), 0);
	}
	for (settings[0] = 0; settings[0] < 8; settings[0]++)
		for (settings[1] = 0; settings[1] < 8; settings[1]++) {
			for (who = 0; who < 2; who++)
				side_control(&room->sides[who], settings[who] & 1, settings[who] & 2,
					     settings[who] & 4);
			judge_all(room, settings);
		}
}

/* --- PASIDs --- */

static void pasid_0_is_one_like_any_other(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct tlp untagged = room_packet(room, side, 0);
	struct iommu_answer answer;

	side_control(side, true, false, false);
	assert_int_equal(room_tried(room, side, 0, FIRST), PCG_FAULT_PASID_UNKNOWN);
	assert_int_equal(side_map(side, side->space, FIRST, PAGE, 0x5000, R | U), 0);
	assert_int_equal(side_attach(side, side->space, 0), 0);
	assert_int_equal(room_tried(room, side, 0, FIRST), PCG_FAULT_NONE);
	assert_int_equal(room_tried(room, side, 0, 0x5000), PCG_FAULT_NOT_MAPPED);
	untagged.pasid.present = false;
	assert_int_equal(iommu_translate(room->iommu, &untagged, FIRST, 4, &answer), TLP_SUCCESS);
	assert_int_equal(answer.address, FIRST);
}

static void pasids_are_as_wide_as_shown(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct pcg_pasid_control narrow = { .pasid = true, .width = 8 };

	assert_int_equal(side_attach(side, side->space, 0xfffff), 0);
	assert_int_equal(side_attach(side, side->space, 0x100000), -ERANGE);
	assert_int_equal(iommu_control(side->r, &narrow), 0);
	assert_int_equal(side_attach(side, side->space, 255), 0);
	assert_int_equal(side_attach(side, side->space, 256), -ERANGE);
	assert_int_equal(room_tried(room, side, 255, FIRST), PCG_FAULT_NOT_MAPPED);
	assert_int_equal(room_tried(room, side, 256, FIRST), PCG_FAULT_PASID_WIDE);
	assert_int_equal(room_tried(room, side, 0xfffff, FIRST), PCG_FAULT_PASID_WIDE);
	assert_int_equal(side_detach(side, 0xfffff), 0);
	assert_int_equal(side_detach(side, 0xfffff), -ENOENT);
}

static void one_space_stands_at_several_pasids(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];

	side_control(side, true, false, false);
	assert_int_equal(side_attach(side, side->space, 1), 0);
	assert_int_equal(side_attach(side, side->space, 2), 0);
	assert_int_equal(side_map(side, side->space, FIRST, PAGE, 0, R | U), 0);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_NONE);
	assert_int_equal(room_tried(room, side, 2, FIRST), PCG_FAULT_NONE);
	assert_int_equal(side_detach(side, 1), 0);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_PASID_UNKNOWN);
	assert_int_equal(room_tried(room, side, 2, FIRST), PCG_FAULT_NONE);
	assert_int_equal(side_destroy(side, side->space), 0);
	assert_int_equal(room_tried(room, side, 2, FIRST), PCG_FAULT_PASID_UNKNOWN);
}

static void another_space_replaces_the_first(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	uint32_t other = side_create(side);

	side_control(side, true, false, false);
	assert_int_equal(side_map(side, side->space, 0, PAGE, 0, R | U), 0);
	assert_int_equal(side_map(side, other, PAGE, PAGE, 0, R | U), 0);
	assert_int_equal(side_attach(side, side->space, 3), 0);
	assert_int_equal(room_tried(room, side, 3, 0), PCG_FAULT_NONE);
	assert_int_equal(side_attach(side, other, 3), 0);
	assert_int_equal(room_tried(room, side, 3, 0), PCG_FAULT_NOT_MAPPED);
	assert_int_equal(room_tried(room, side, 3, PAGE), PCG_FAULT_NONE);
	assert_int_equal(side_destroy(side, side->space), 0);
	assert_int_equal(room_tried(room, side, 3, PAGE), PCG_FAULT_NONE);
}

/* --- maps --- */

static void maps_are_whole_aligned_and_apart(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	uint64_t top = 0 - (uint64_t)PAGE;

	assert_int_equal(side_map(side, side->space, 0x10000, 0x4000, 0x8000, R | W), 0);
	assert_int_equal(side_map(side, side->space, 0x13000, 0x1000, 0, R), -EEXIST);
	assert_int_equal(side_map(side, side->space, 0xf000, 0x2000, 0, R), -EEXIST);
	assert_int_equal(side_map(side, side->space, 0x14000, 0x1000, 0, R), 0);
	assert_int_equal(side_unmap(side, side->space, 0x11000, 0x1000), -ENOENT);
	assert_int_equal(side_unmap(side, side->space, 0x10000, 0x1000), -ENOENT);
	assert_int_equal(side_unmap(side, side->space, 0x10000, 0x5000), -ENOENT);
	assert_int_equal(side_unmap(side, side->space, 0x10000, 0x4000), 0);
	assert_int_equal(side_unmap(side, side->space, 0x10000, 0x4000), -ENOENT);
	assert_int_equal(side_map(side, side->space, 0x10800, PAGE, 0, R), -EINVAL);
	assert_int_equal(side_map(side, side->space, 0x10000, 0, 0, R), -EINVAL);
	assert_int_equal(side_map(side, side->space, 0x10000, PAGE, 8, R), -EINVAL);
	assert_int_equal(side_map(side, side->space, 0x10000, PAGE, 0, R | 16), -EINVAL);
	assert_int_equal(side_map(side, side->space, top, 2 * PAGE, 0, R), -EINVAL);
	assert_int_equal(side_map(side, side->space, 0x10000, 2 * PAGE, top, R), -EINVAL);
	assert_int_equal(side_map(side, side->space, top, PAGE, top, R), 0);
	assert_int_equal(side_unmap(side, side->space, 0, 0), 0);
	assert_int_equal(side_unmap(side, side->space, top, PAGE), -ENOENT);
	assert_int_equal(side_map(side, side->space + 1, 0, PAGE, 0, R), -ENOENT);
}

static void a_translation_ends_with_its_map(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct tlp tlp = room_packet(room, side, 1);
	struct iommu_answer answer;
	uint64_t top = 0 - (uint64_t)PAGE;

	side_control(side, true, false, false);
	assert_int_equal(side_attach(side, side->space, 1), 0);
	assert_int_equal(side_map(side, side->space, 0x1000, PAGE, 0x7000, R | U), 0);
	assert_int_equal(side_map(side, side->space, 0x2000, PAGE, 0x5000, R | U), 0);
	assert_int_equal(side_map(side, side->space, top, PAGE, 0x3000, R | U), 0);
	assert_int_equal(iommu_translate(room->iommu, &tlp, 0x1ff0, 64, &answer), TLP_SUCCESS);
	assert_int_equal(answer.address, 0x7ff0);
	assert_int_equal(answer.length, 16);
	assert_int_equal(answer.flags, R | U);
	assert_int_equal(iommu_translate(room->iommu, &tlp, UINT64_MAX, 64, &answer), TLP_SUCCESS);
	assert_int_equal(answer.address, 0x3fff);
	assert_int_equal(answer.length, 1);
}

static void bounds_are_kept(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	uint32_t i, second = side_create(side), notes;

	for (i = 2; i < IOMMU_MAX_SPACES; i++)
		side_create(side);
	assert_int_equal(side_wish(side, (struct pcg_space){ .verb = PCG_SPACE_CREATE }), -ENOSPC);
	for (i = 0; i < IOMMU_MAX_MAPS; i++)
		assert_int_equal(side_map(side, i % 2 ? second : side->space, (uint64_t)i * PAGE, PAGE, 0, R), 0);
	assert_int_equal(side_map(side, second, 0, PAGE, 0, R), -ENOSPC);
	for (i = 0; i < IOMMU_MAX_PASIDS; i++)
		assert_int_equal(side_attach(side, second, i), 0);
	assert_int_equal(side_attach(side, second, i), -ENOSPC);
	assert_int_equal(side_attach(side, side->space, 0), 0);
	/* The other one has all of its own, and a mistake is not noted twice. */
	assert_int_equal(side_map(&room->sides[1], room->sides[1].space, 0, PAGE, 0, R), 0);
	notes = room->notes;
	assert_int_equal(side_attach(side, second, i), -ENOSPC);
	assert_int_equal(room->notes, notes);
	assert_int_equal(side_destroy(side, second), 0);
	assert_int_equal(side_map(side, side_create(side), 0, PAGE, 0, R), 0);
}

static void an_old_id_is_not_a_new_space(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	uint32_t old = side->space;

	assert_int_equal(side_destroy(side, old), 0);
	side_create(side);
	assert_int_equal(side_map(side, old, 0, PAGE, 0, R), -ENOENT);
	assert_int_equal(side_wish(side, (struct pcg_space){ .verb = 77, .space = old }), -ENOENT);
}

/* --- requesters --- */

static void nothing_of_one_client_meets_the_next(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct pcg_fault fault;

	side_control(side, true, false, false);
	assert_int_equal(side_map(side, side->space, FIRST, PAGE, 0, R | U), 0);
	assert_int_equal(side_attach(side, side->space, 1), 0);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_NONE);
	assert_int_equal(iommu_attach(side->r, NULL, NULL), 0);
	assert_null(iommu_dma(side->r));
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_BLOCKED);
	assert_int_equal(side_wish(side, (struct pcg_space){ .verb = PCG_SPACE_CREATE }), -ENOTCONN);
	iommu_failed(room->iommu, &(struct tlp){ .requester = 0x0310 }, 0, -EFAULT);
	assert_int_equal(iommu_attach(side->r, side->dma, NULL), 0);
	assert_ptr_equal(iommu_dma(side->r), side->dma);
	assert_int_equal(iommu_fault_next(side->r, &fault), -ENOENT);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_PASID_OFF);
	side_control(side, true, false, false);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_PASID_UNKNOWN);
	assert_int_equal(side_attach(side, side->space, 1), -ENOENT);
}

static void a_blocked_one_reaches_nothing_until_it_is_let_go(void **state)
{
	struct room *room = *state;
	struct side *side = &room->sides[0];
	struct tlp untagged = room_packet(room, side, 0);
	struct iommu_answer answer;
	struct pcg_fault fault;

	side_control(side, true, false, false);
	assert_int_equal(side_map(side, side->space, FIRST, PAGE, 0, R | U), 0);
	assert_int_equal(side_attach(side, side->space, 1), 0);
	iommu_block(side->r, true);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_BLOCKED);
	untagged.pasid.present = false;
	assert_int_equal(iommu_translate(room->iommu, &untagged, 0, 4, &answer), TLP_UNSUPPORTED);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_false(fault.has_pasid);
	iommu_block(side->r, false);
	assert_int_equal(room_tried(room, side, 1, FIRST), PCG_FAULT_NONE);
}

static void nobody_is_let_through_unknown(void **state)
{
	struct room *room = *state;
	const struct tlp tlp = { .type = TLP_MEMORY_WRITE, .requester = 0x0500 };
	struct iommu_answer answer;

	assert_int_equal(iommu_translate(room->iommu, &tlp, 0, 4, &answer), TLP_UNSUPPORTED);
	assert_null(answer.dma);
	assert_ptr_equal(iommu_requester(room->iommu, 0x0310), room->sides[0].r);
}

static void controls_are_no_more_than_the_facts(void **state)
{
	static const struct iommu_facts little = { .pasid_width = 8 };
	static const struct pcg_pasid_control wanted[] = {
		{ .execute = true }, { .privileged = true }, { .ats = true }, { .page_requests = true }
	};
	struct iommu *iommu;
	struct iommu_requester *r;
	struct iommu_facts none = { .pasid_width = 0 }, wide = { .pasid_width = 21 };
	size_t i;

	(void)state;
	assert_int_equal(iommu_create(&iommu, &wide, NULL), -EINVAL);
	assert_int_equal(iommu_create(&iommu, &little, NULL), 0);
	r = iommu_requester(iommu, 1);
	assert_int_equal(iommu_control(r, &(struct pcg_pasid_control){ .pasid = true }), 0);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		assert_int_equal(iommu_control(r, &wanted[i]), -EOPNOTSUPP);
	iommu_destroy(iommu);
	assert_int_equal(iommu_create(&iommu, &none, NULL), 0);
	r = iommu_requester(iommu, 1);
	assert_int_equal(iommu_control(r, &(struct pcg_pasid_control){ .pasid = true }), -EOPNOTSUPP);
	assert_int_equal(iommu_space(r, &(struct pcg_space){ .verb = PCG_SPACE_CREATE }), -EOPNOTSUPP);
	iommu_destroy(iommu);
	iommu_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_combination_for_two_at_once, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(pasid_0_is_one_like_any_other, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(pasids_are_as_wide_as_shown, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(one_space_stands_at_several_pasids, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(another_space_replaces_the_first, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(maps_are_whole_aligned_and_apart, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(a_translation_ends_with_its_map, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(bounds_are_kept, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(an_old_id_is_not_a_new_space, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(nothing_of_one_client_meets_the_next, room_setup, room_teardown),
		cmocka_unit_test_setup_teardown(a_blocked_one_reaches_nothing_until_it_is_let_go, room_setup,
						room_teardown),
		cmocka_unit_test_setup_teardown(nobody_is_let_through_unknown, room_setup, room_teardown),
		cmocka_unit_test(controls_are_no_more_than_the_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
