/* SPDX-License-Identifier: BSD-3-Clause */
/* Translations that are answered to a function's cache, and how they are taken back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "host/fabric/iommu.h"

#define PAGE 4096u
#define R    PCG_SPACE_READ
#define W    PCG_SPACE_WRITE
#define X    PCG_SPACE_EXECUTE
#define U    PCG_SPACE_USER
#define BDF  0x0108u

struct seen {
	bool has_pasid;
	uint32_t pasid;
	uint64_t iova;
	uint64_t size;
};

struct room {
	struct iommu *iommu;
	struct iommu_requester *r;
	struct pcg_dma *dma;
	uint32_t space;
	struct seen seen[8];
	unsigned int nseen;
	enum tlp_status meanwhile; /* what a request meets that is made while an invalidation is under way */
	struct tlp probe;
};

static const struct pcg_pasid_control all_on = {
	.pasid = true, .execute = true, .privileged = true, .ats = true, .page_requests = true, .allocation = 4
};

static void on_invalidate(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	struct room *room = arg;
	struct iommu_answer answer;
	struct pcg_fault fault;

	assert_true(room->nseen < 8);
	room->seen[room->nseen++] = (struct seen){ has_pasid, pasid, iova, size };
	room->meanwhile = iommu_translate(room->iommu, &room->probe, room->probe.address, 4, &answer);
	if (room->meanwhile != TLP_SUCCESS)
		assert_int_equal(iommu_fault_next(room->r, &fault), 0);
}

static int wish(struct room *room, struct pcg_space wanted)
{
	return iommu_space(room->r, &wanted);
}

static void attach(struct room *room, uint32_t space, uint32_t pasid)
{
	assert_int_equal(wish(room, (struct pcg_space){ .verb = PCG_SPACE_ATTACH, .space = space, .pasid = pasid }), 0);
}

static void map(struct room *room, uint64_t iova, uint64_t size, uint64_t address, uint32_t flags)
{
	assert_int_equal(wish(room, (struct pcg_space){ PCG_SPACE_MAP, room->space, 0, flags, iova, size, address }),
			 0);
}

static int setup(void **state)
{
	static struct room room;
	static const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = PAGE };
	static const struct iommu_facts facts = {
		.pasid_width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = 8
	};
	const struct iommu_events events = { .arg = &room, .invalidate = on_invalidate };
	struct pcg_space create = { .verb = PCG_SPACE_CREATE };

	memset(&room, 0, sizeof(room));
	assert_int_equal(iommu_create(&room.iommu, &facts, NULL), 0);
	room.r = iommu_requester(room.iommu, BDF);
	assert_int_equal(pcg_dma_create(&room.dma, &limits, NULL, NULL), 0);
	assert_int_equal(iommu_attach(room.r, room.dma, &events), 0);
	assert_int_equal(iommu_control(room.r, &all_on), 0);
	assert_int_equal(iommu_space(room.r, &create), 0);
	room.space = create.space;
	attach(&room, room.space, 9);
	room.probe = (struct tlp){
		.type = TLP_MEMORY_READ, .requester = BDF, .pasid = { .present = true, .value = 9 }, .address = 0x4000
	};
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

static struct iommu_answer ask(struct room *room, uint32_t pasid, uint64_t address, bool execute, bool privileged)
{
	const struct tlp tlp = {
		.type = TLP_MEMORY_READ,
		.at = TLP_TRANSLATION_REQUEST,
		.requester = BDF,
		.pasid = { true, execute, privileged, pasid },
		.address = address,
	};
	struct iommu_answer answer;
	struct pcg_fault fault;

	assert_int_equal(iommu_ats(room->iommu, &tlp, &answer), TLP_SUCCESS);
	assert_int_equal(iommu_fault_next(room->r, &fault), -ENOENT);
	return answer;
}

static enum pcg_fault_reason refused(struct room *room, const struct tlp *tlp)
{
	struct iommu_answer answer;
	struct pcg_fault fault;

	assert_int_equal(iommu_ats(room->iommu, tlp, &answer), TLP_UNSUPPORTED);
	assert_int_equal(iommu_fault_next(room->r, &fault), 0);
	assert_int_equal(answer.flags, 0);
	return fault.reason;
}

static void answers_grant_what_was_asked_for_and_the_page_allows(void **state)
{
	static const struct {
		uint32_t page;
		bool execute, privileged;
		uint32_t granted;
		enum pcg_fault_reason reason;
	} rows[] = {
		{ R | U, false, false, R | U, PCG_FAULT_NONE },
		{ W | U, false, false, W | U, PCG_FAULT_NONE },
		{ R | W | X | U, false, false, R | W | U, PCG_FAULT_NONE },
		{ R | W | X | U, true, false, R | W | X | U, PCG_FAULT_NONE },
		{ R | U, true, false, R | U, PCG_FAULT_NONE },
		{ R | X, false, false, 0, PCG_FAULT_SUPERVISOR },
		{ R | X, true, true, R | X, PCG_FAULT_NONE },
		{ R | X, false, true, R, PCG_FAULT_NONE },
		{ R | W | U, false, true, R | W, PCG_FAULT_NONE },
	};
	struct room *room = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t iova = (i + 16) * PAGE;
		struct iommu_answer answer;

		map(room, iova, PAGE, 0x80000 + i * 3 * PAGE, rows[i].page);
		answer = ask(room, 9, iova + 4, rows[i].execute, rows[i].privileged);
		assert_int_equal(answer.flags, rows[i].granted);
		assert_int_equal(answer.reason, rows[i].reason);
		if (rows[i].granted == 0)
			continue;
		assert_ptr_equal(answer.dma, room->dma);
		assert_int_equal(answer.address, 0x80000 + i * 3 * PAGE + 4);
		assert_int_equal(answer.length, PAGE - 4);
	}
	assert_int_equal(ask(room, 9, 0, false, false).reason, PCG_FAULT_NOT_MAPPED);
	assert_int_equal(ask(room, 8, 0, false, false).reason, PCG_FAULT_PASID_UNKNOWN);
}

static void an_answer_is_a_block_aligned_at_both_ends(void **state)
{
	struct room *room = *state;

	map(room, 0x10000, 0x10000, 0x50000, R | U);
	assert_int_equal(ask(room, 9, 0x13008, false, false).length, 0xcff8);
	map(room, 0x20000, 0x10000, 0x82000, R | U);
	assert_int_equal(ask(room, 9, 0x23008, false, false).length, 0xff8);
	assert_int_equal(ask(room, 9, 0x23008, false, false).address, 0x85008);
	map(room, 0x31000, 0x7000, 0x91000, R | U);
	assert_int_equal(ask(room, 9, 0x31000, false, false).length, 0x1000);
	assert_int_equal(ask(room, 9, 0x35000, false, false).length, 0x3000);
	map(room, 0x8000000000000000, 0x8000000000000000, 0, R | U);
	assert_int_equal(ask(room, 9, 0x8000000000000000, false, false).length, 0x8000000000000000);
}

static void asking_is_refused_where_the_controls_forbid_it(void **state)
{
	struct room *room = *state;
	struct tlp tlp = room->probe;
	struct pcg_pasid_control now = all_on;

	tlp.at = TLP_TRANSLATION_REQUEST;
	now.execute = false;
	assert_int_equal(iommu_control(room->r, &now), 0);
	tlp.pasid.execute = true;
	assert_int_equal(refused(room, &tlp), PCG_FAULT_EXECUTE_OFF);
	tlp.pasid.execute = false;
	now.pasid = false;
	assert_int_equal(iommu_control(room->r, &now), 0);
	assert_int_equal(refused(room, &tlp), PCG_FAULT_PASID_OFF);
	now = all_on;
	now.ats = false;
	assert_int_equal(iommu_control(room->r, &now), 0);
	assert_int_equal(refused(room, &tlp), PCG_FAULT_TRANSLATED);
	assert_int_equal(iommu_control(room->r, &all_on), 0);
	tlp.type = TLP_MEMORY_WRITE;
	assert_int_equal(refused(room, &tlp), PCG_FAULT_TRANSLATED);
	iommu_block(room->r, true);
	assert_int_equal(refused(room, &tlp), PCG_FAULT_BLOCKED);
}

static void translated_is_believed_with_ats_alone(void **state)
{
	struct room *room = *state;
	struct tlp tlp = { .type = TLP_MEMORY_WRITE, .requester = BDF, .at = TLP_TRANSLATED };
	struct pcg_pasid_control now = all_on;
	struct iommu_answer answer;
	struct pcg_fault fault;

	assert_int_equal(iommu_translate(room->iommu, &tlp, 0x7008, 16, &answer), TLP_SUCCESS);
	assert_int_equal(answer.address, 0x7008);
	assert_ptr_equal(answer.dma, room->dma);
	tlp.at = TLP_TRANSLATION_REQUEST;
	assert_int_equal(iommu_translate(room->iommu, &tlp, 0x7008, 16, &answer), TLP_UNSUPPORTED);
	tlp.at = (enum tlp_at)3; /* reserved */
	assert_int_equal(iommu_translate(room->iommu, &tlp, 0x7008, 16, &answer), TLP_UNSUPPORTED);
	tlp.at = TLP_TRANSLATED;
	now.ats = false;
	assert_int_equal(iommu_control(room->r, &now), 0);
	assert_int_equal(iommu_translate(room->iommu, &tlp, 0x7008, 16, &answer), TLP_UNSUPPORTED);
	assert_int_equal(answer.reason, PCG_FAULT_TRANSLATED);
	while (iommu_fault_next(room->r, &fault) == 0)
		assert_int_equal(fault.reason, PCG_FAULT_TRANSLATED);
}

static void saw(struct room *room, unsigned int n, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	assert_true(n < room->nseen);
	assert_int_equal(room->seen[n].has_pasid, has_pasid);
	assert_int_equal(room->seen[n].pasid, pasid);
	assert_int_equal(room->seen[n].iova, iova);
	assert_int_equal(room->seen[n].size, size);
}

/* Everything of one PASID, said in two halves, and nothing else since the last time. */
static void saw_all(struct room *room, bool has_pasid, uint32_t pasid)
{
	saw(room, 0, has_pasid, pasid, 0, UINT64_C(1) << 63);
	saw(room, 1, has_pasid, pasid, UINT64_C(1) << 63, UINT64_C(1) << 63);
	assert_int_equal(room->nseen, 2);
	room->nseen = 0;
}

static void unmap(struct room *room, uint64_t iova, uint64_t size)
{
	assert_int_equal(
		wish(room,
		     (struct pcg_space){ .verb = PCG_SPACE_UNMAP, .space = room->space, .iova = iova, .size = size }),
		0);
}

static void an_unmap_invalidates_what_was_answered_of_it(void **state)
{
	struct room *room = *state;

	map(room, 0x4000, PAGE, 0, R | U);
	map(room, 0x6000, 2 * PAGE, 0, R | U);
	attach(room, room->space, 10);
	attach(room, room->space, 11);
	ask(room, 9, 0x4000, false, false);
	ask(room, 10, 0x6000, false, false);
	unmap(room, 0x4000, PAGE);
	/* Who had it, and who may: 10 asked for something of this space, 11 never did. */
	assert_int_equal(room->nseen, 2);
	assert_true(room->seen[0].pasid + room->seen[1].pasid == 19);
	saw(room, 0, true, room->seen[0].pasid, 0x4000, PAGE);
	assert_int_equal(room->meanwhile, TLP_UNSUPPORTED);
	room->nseen = 0;
	map(room, 0x4000, PAGE, 0, R | U);
	unmap(room, 0x4000, PAGE);
	assert_int_equal(room->nseen, 0);
}

static void whatever_takes_a_translation_away_invalidates_it(void **state)
{
	struct room *room = *state;
	struct pcg_space create = { .verb = PCG_SPACE_CREATE };

	assert_int_equal(iommu_space(room->r, &create), 0);
	map(room, 0x4000, PAGE, 0, R | U);
	ask(room, 9, 0x4000, false, false);
	attach(room, create.space, 9);
	saw_all(room, true, 9);
	assert_int_equal(room->meanwhile, TLP_UNSUPPORTED);
	attach(room, room->space, 9);
	ask(room, 9, 0x4000, false, false);
	assert_int_equal(wish(room, (struct pcg_space){ .verb = PCG_SPACE_DETACH, .pasid = 9 }), 0);
	saw_all(room, true, 9);
	attach(room, room->space, 9);
	ask(room, 9, 0x4000, false, false);
	unmap(room, 0, 0);
	saw_all(room, true, 9);
	map(room, 0x4000, PAGE, 0, R | U);
	ask(room, 9, 0x4000, false, false);
	assert_int_equal(wish(room, (struct pcg_space){ .verb = PCG_SPACE_DESTROY, .space = room->space }), 0);
	saw_all(room, true, 9);
	assert_int_equal(room->meanwhile, TLP_UNSUPPORTED);
}

static void controls_that_take_something_away_invalidate(void **state)
{
	struct room *room = *state;
	struct pcg_pasid_control less[] = { all_on, all_on, all_on, all_on };
	size_t i;

	less[0].pasid = false;
	less[1].execute = false;
	less[2].privileged = false;
	less[3].width = 3;
	map(room, 0x4000, PAGE, 0, R | U);
	for (i = 0; i < sizeof(less) / sizeof(less[0]); i++) {
		ask(room, 9, 0x4000, false, false);
		assert_int_equal(iommu_control(room->r, &less[i]), 0);
		saw_all(room, true, 9);
		assert_int_equal(iommu_control(room->r, &all_on), 0);
		assert_int_equal(room->nseen, 0);
	}
}

static void translations_without_a_pasid_are_taken_back_too(void **state)
{
	struct room *room = *state;
	struct tlp tlp = {
		.type = TLP_MEMORY_READ, .at = TLP_TRANSLATION_REQUEST, .requester = BDF, .address = UINT64_MAX - 7
	};
	struct pcg_pasid_control off = all_on;
	struct iommu_answer answer;

	off.ats = false;
	assert_int_equal(iommu_ats(room->iommu, &tlp, &answer), TLP_SUCCESS);
	assert_int_equal(answer.address, UINT64_MAX - 7);
	assert_int_equal(answer.length, 8);
	assert_int_equal(answer.flags, R | W | U);
	assert_int_equal(iommu_control(room->r, &off), 0);
	saw_all(room, false, 0);
	assert_int_equal(iommu_control(room->r, &all_on), 0);
	assert_int_equal(iommu_ats(room->iommu, &tlp, &answer), TLP_SUCCESS);
	iommu_block(room->r, true);
	saw_all(room, false, 0);
	iommu_block(room->r, false);
	assert_int_equal(iommu_ats(room->iommu, &tlp, &answer), TLP_SUCCESS);
	assert_int_equal(iommu_attach(room->r, NULL, NULL), 0);
	saw_all(room, false, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_grant_what_was_asked_for_and_the_page_allows, setup, teardown),
		cmocka_unit_test_setup_teardown(an_answer_is_a_block_aligned_at_both_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(asking_is_refused_where_the_controls_forbid_it, setup, teardown),
		cmocka_unit_test_setup_teardown(translated_is_believed_with_ats_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unmap_invalidates_what_was_answered_of_it, setup, teardown),
		cmocka_unit_test_setup_teardown(whatever_takes_a_translation_away_invalidates_it, setup, teardown),
		cmocka_unit_test_setup_teardown(controls_that_take_something_away_invalidate, setup, teardown),
		cmocka_unit_test_setup_teardown(translations_without_a_pasid_are_taken_back_too, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
