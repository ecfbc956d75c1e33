/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "iommu_room.h"

const struct iommu_facts facts = {
	.pasid_width = 20, .execute = true, .privileged = true, .ats = true, .page_requests = 8
};

static void on_note(void *arg, const struct pcg_note *note)
{
	(void)note;
	(*(unsigned int *)arg)++;
}

static void on_fault(void *arg)
{
	((struct side *)arg)->told++;
}

int side_wish(struct side *side, struct pcg_space wanted)
{
	return iommu_space(side->r, &wanted);
}

uint32_t side_create(struct side *side)
{
	struct pcg_space wanted = { .verb = PCG_SPACE_CREATE };

	assert_int_equal(iommu_space(side->r, &wanted), 0);
	return wanted.space;
}

int side_map(struct side *side, uint32_t space, uint64_t iova, uint64_t size, uint64_t address, uint32_t flags)
{
	return side_wish(side, (struct pcg_space){ PCG_SPACE_MAP, space, 0, flags, iova, size, address });
}

int side_unmap(struct side *side, uint32_t space, uint64_t iova, uint64_t size)
{
	return side_wish(side,
			 (struct pcg_space){ .verb = PCG_SPACE_UNMAP, .space = space, .iova = iova, .size = size });
}

int side_attach(struct side *side, uint32_t space, uint32_t pasid)
{
	return side_wish(side, (struct pcg_space){ .verb = PCG_SPACE_ATTACH, .space = space, .pasid = pasid });
}

int side_detach(struct side *side, uint32_t pasid)
{
	return side_wish(side, (struct pcg_space){ .verb = PCG_SPACE_DETACH, .pasid = pasid });
}

int side_destroy(struct side *side, uint32_t space)
{
	return side_wish(side, (struct pcg_space){ .verb = PCG_SPACE_DESTROY, .space = space });
}

void side_control(struct side *side, bool pasid, bool execute, bool privileged)
{
	const struct pcg_pasid_control now = { .pasid = pasid, .execute = execute, .privileged = privileged };

	assert_int_equal(iommu_control(side->r, &now), 0);
}

int room_setup(void **state)
{
	static struct room room;
	static const struct pcg_dma_limits limits = { .max_maps = 1, .page_size = PAGE };
	const struct pcg_log log = { on_note, &room.notes };
	unsigned int i;

	memset(&room, 0, sizeof(room));
	assert_int_equal(iommu_create(&room.iommu, &facts, &log), 0);
	for (i = 0; i < 2; i++) {
		struct side *side = &room.sides[i];
		const struct iommu_events events = { .arg = side, .fault = on_fault };

		side->r = iommu_requester(room.iommu, (uint16_t)(0x0310 + i));
		assert_non_null(side->r);
		assert_int_equal(pcg_dma_create(&side->dma, &limits, NULL, NULL), 0);
		assert_int_equal(iommu_attach(side->r, side->dma, &events), 0);
		side->space = side_create(side);
	}
	*state = &room;
	return 0;
}

int room_teardown(void **state)
{
	struct room *room = *state;

	iommu_destroy(room->iommu);
	pcg_dma_destroy(room->sides[0].dma);
	pcg_dma_destroy(room->sides[1].dma);
	return 0;
}

struct tlp room_packet(const struct room *room, const struct side *side, uint32_t pasid)
{
	return (struct tlp){
		.type = TLP_MEMORY_READ,
		.requester = (uint16_t)(0x0310 + (side - room->sides)),
		.pasid = { .present = true, .value = pasid },
	};
}

enum pcg_fault_reason room_tried(struct room *room, struct side *side, uint32_t pasid, uint64_t address)
{
	const struct tlp tlp = room_packet(room, side, pasid);
	struct iommu_answer answer;
	struct pcg_fault fault;
	enum tlp_status status = iommu_translate(room->iommu, &tlp, address, 4, &answer);

	if (status == TLP_SUCCESS) {
		assert_int_equal(iommu_fault_next(side->r, &fault), -ENOENT);
		return PCG_FAULT_NONE;
	}
	assert_int_equal(status, TLP_UNSUPPORTED);
	assert_int_equal(iommu_fault_next(side->r, &fault), 0);
	assert_int_equal(fault.reason, answer.reason);
	return fault.reason;
}
