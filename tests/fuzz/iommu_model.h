/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an IOMMU has to answer, as slow as can be: beside each of two requesters a table of its pages, a list of its
 * page requests and a list of its records. What was answered for a cache is kept until it is invalidated, and has to be
 * true as long.
 */
#ifndef FUZZ_IOMMU_MODEL_H
#define FUZZ_IOMMU_MODEL_H

#include "host/fabric/iommu.h"

#define PAGE   UINT64_C(4096)
#define PAGES  32u /* 16 at the bottom, 16 at the top of what 64 bits can say */
#define SPACES 3u
#define PASIDS 8u
#define CACHE  32u
#define QUEUE  6u

extern const uint32_t model_pasids[PASIDS];

struct page {
	uint32_t flags; /* 0: nothing there */
	uint32_t map;
	uint64_t address;
};

struct cached {
	bool used;
	bool tagged;
	uint32_t pasid;
	uint64_t iova;
	uint64_t length;
	uint64_t address;
	uint32_t flags;
};

struct asked {
	struct pcg_page_request request;
	bool marker;
	bool taken;
};

struct side {
	struct iommu_requester *r;
	struct pcg_dma *dma;
	uint16_t bdf;
	bool attached;
	bool blocked;
	struct pcg_pasid_control control;
	uint32_t ids[SPACES]; /* 0: none */
	struct page pages[SPACES][PAGES];
	unsigned int where[PASIDS]; /* SPACES: nowhere */
	struct cached cache[CACHE];
	unsigned int next;
	struct asked asked[QUEUE];
	unsigned int nasked;
	struct pcg_fault faults[IOMMU_MAX_FAULTS];
	unsigned int nfaults;
};

struct room {
	struct iommu *iommu;
	struct iommu_facts facts;
	struct side sides[2];
	uint32_t maps;
};

uint64_t model_iova(unsigned int page);
uint64_t model_width(const struct room *room, const struct side *side);

/* What the caches are told; the argument is their struct side. */
void model_invalidate(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size);

/* Whatever a cache holds could be asked for anew. */
void model_caches_hold(const struct room *room, const struct side *side);

/* The space that stands at a PASID; SPACES: none. */
unsigned int model_place(const struct side *side, uint32_t pasid);

/* Why a packet is refused whatever it is for, and why at this page. @empty: it has no bytes. */
enum pcg_fault_reason model_gate(const struct room *room, const struct side *side, const struct tlp *tlp);
enum pcg_fault_reason model_page(const struct side *side, const struct tlp *tlp, unsigned int page, bool empty);

void model_remember(struct side *side, enum pcg_fault_reason reason, bool write, const struct tlp_pasid *p,
		    uint64_t address);

/* Page requests: what a new one comes to, and groups. */
int model_page_request(const struct room *room, struct side *side, const struct asked *new);
bool model_same_group(const struct asked *a, bool tagged, uint32_t pasid, uint16_t group);
void model_drop_group(struct side *side, bool tagged, uint32_t pasid, uint16_t group);

#endif
