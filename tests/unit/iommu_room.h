/* SPDX-License-Identifier: BSD-3-Clause */
/* An IOMMU with two requesters that do not know of each other, each with memory and an address space. */
#ifndef TESTS_IOMMU_ROOM_H
#define TESTS_IOMMU_ROOM_H

#include "host/fabric/iommu_internal.h"

#define PAGE 4096u
#define R    PCG_SPACE_READ
#define W    PCG_SPACE_WRITE
#define X    PCG_SPACE_EXECUTE
#define U    PCG_SPACE_USER

struct side {
	struct iommu_requester *r;
	struct pcg_dma *dma;
	uint32_t space;
	unsigned int told;
};

struct room {
	struct iommu *iommu;
	struct side sides[2];
	unsigned int notes;
};

extern const struct iommu_facts facts;

int side_wish(struct side *side, struct pcg_space wanted);
uint32_t side_create(struct side *side);
int side_map(struct side *side, uint32_t space, uint64_t iova, uint64_t size, uint64_t address, uint32_t flags);
int side_unmap(struct side *side, uint32_t space, uint64_t iova, uint64_t size);
int side_attach(struct side *side, uint32_t space, uint32_t pasid);
int side_detach(struct side *side, uint32_t pasid);
int side_destroy(struct side *side, uint32_t space);
void side_control(struct side *side, bool pasid, bool execute, bool privileged);

int room_setup(void **state);
int room_teardown(void **state);

/* A read of four bytes. */
struct tlp room_packet(const struct room *room, const struct side *side, uint32_t pasid);

/* The reason that it is blocked for; NONE: it is not. */
enum pcg_fault_reason room_tried(struct room *room, struct side *side, uint32_t pasid, uint64_t address);

#endif
