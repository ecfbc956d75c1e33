/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the IOMMU share. */
#ifndef HOST_FABRIC_IOMMU_INTERNAL_H
#define HOST_FABRIC_IOMMU_INTERNAL_H

#include <sys/queue.h>
#include <bsd/sys/tree.h>

#include "host/fabric/iommu.h"

#define IOMMU_PAGE        4096u
#define IOMMU_PASID_WIDTH 20u /* PCIe 6.0, 7.8.9.2: at most */
#define IOMMU_GROUPS      64u /* chains of page request groups */

struct iommu_space;

/* One map of a space. @answered: some function's cache may have it. */
struct iommu_map {
	RB_ENTRY(iommu_map) entry;
	LIST_ENTRY(iommu_map) all;
	uint64_t iova;
	uint64_t last;
	uint64_t address;
	uint32_t flags;
	bool answered;
};

RB_HEAD(iommu_map_tree, iommu_map);
LIST_HEAD(iommu_map_list, iommu_map);

/* One PASID that leads to a space. @answered: as above, through this PASID. */
struct iommu_pasid {
	RB_ENTRY(iommu_pasid) entry;
	LIST_ENTRY(iommu_pasid) same; /* the same space */
	struct iommu_space *space;
	uint32_t value;
	bool answered;
};

RB_HEAD(iommu_pasid_tree, iommu_pasid);
LIST_HEAD(iommu_pasid_list, iommu_pasid);

struct iommu_space {
	uint32_t id;
	uint32_t nmaps;
	struct iommu_map_tree maps;
	struct iommu_map_list all;
	struct iommu_pasid_list pasids;
};

struct iommu_group;

/* A page request that the client has not taken yet; without a group: a Stop Marker. */
struct iommu_page {
	TAILQ_ENTRY(iommu_page) queue;
	LIST_ENTRY(iommu_page) same; /* the same group */
	struct iommu_group *group;
	struct pcg_page_request request;
};

TAILQ_HEAD(iommu_page_queue, iommu_page);
LIST_HEAD(iommu_page_list, iommu_page);

/*
 * A page request group that has no answer yet. @complete: its last request has arrived; @given: and the client has it,
 * so that, the queue being a queue, it has them all.
 */
struct iommu_group {
	LIST_ENTRY(iommu_group) chain;
	struct iommu_page_list waiting;
	uint32_t requests;
	uint32_t pasid;
	uint16_t index;
	bool has_pasid;
	bool complete;
	bool given;
};

LIST_HEAD(iommu_group_list, iommu_group);

/* @unanswered: requests that count against the allocation; @markers: Stop Markers that were not taken. */
struct iommu_pages {
	struct iommu_page_queue queue;
	struct iommu_group_list groups[IOMMU_GROUPS];
	uint32_t unanswered;
	uint32_t markers;
};

/* A ring, made with the first record. */
struct iommu_faults {
	struct pcg_fault *ring;
	uint32_t first;
	uint32_t count;
	uint32_t lost; /* that found no memory for the ring */
	uint64_t all;  /* since the beginning */
	struct pcg_fault newest;
	uint64_t watched; /* when the watch was told last, CLOCK_MONOTONIC in ms */
	uint64_t untold;  /* since then */
};

enum iommu_subject {
	IOMMU_NOTE_CONTROL = 1,
	IOMMU_NOTE_SPACES = 2,
	IOMMU_NOTE_MAPS = 4,
	IOMMU_NOTE_PASIDS = 8,
	IOMMU_NOTE_BAD_MAP = 16,
	IOMMU_NOTE_OVERLAP = 32,
	IOMMU_NOTE_UNMAP = 64,
	IOMMU_NOTE_WIDE = 128,
	IOMMU_NOTE_NO_PASIDS = 256,
	IOMMU_NOTE_ALLOCATION = 512,
	IOMMU_NOTE_QUEUE = 1024,
	IOMMU_NOTE_RESPONSE = 2048,
	IOMMU_NOTE_NO_SPACE = 4096,
	IOMMU_NOTE_NO_PASID = 8192,
	IOMMU_NOTE_GROUP = 16384,
	IOMMU_NOTE_NO_MEMORY = 32768,
};

struct iommu_requester {
	struct iommu *iommu;
	struct pcg_dma *dma;
	struct iommu_events events;
	struct pcg_pasid_control control;
	uint16_t bdf;
	bool blocked;
	bool answered; /* something was answered without a PASID */
	unsigned int told;
	uint32_t generation; /* of space ids */
	uint32_t nmaps;
	uint32_t npasids;
	struct iommu_space *spaces[IOMMU_MAX_SPACES];
	struct iommu_pasid_tree pasids;
	struct iommu_pages pages;
	struct iommu_faults faults;
};

/* Found for every packet: by bus, then by device and function. */
struct iommu {
	struct iommu_facts facts;
	struct pcg_log log;
	void (*watch)(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold);
	void *watch_arg;
	struct iommu_requester **buses[256];
};

/* A requester in a note, as %02x:%02x.%x. */
#define IOMMU_WHO(r) (r)->bdf >> 8, (r)->bdf >> 3 & 31, (r)->bdf & 7

/* A client can repeat a mistake as often as it likes: each kind is noted once for each client. */
#define IOMMU_NOTE(r, subject, ...)                                                                                    \
	do {                                                                                                           \
		if (((r)->told & (subject)) == 0)                                                                      \
			base_log(&(r)->iommu->log, PCG_WARN, __VA_ARGS__);                                             \
		(r)->told |= (subject);                                                                                \
	} while (0)

/* The entry of a routing id, or NULL. */
struct iommu_requester *iommu_find(const struct iommu *iommu, uint16_t bdf);

/* PASIDs from here on are too wide for this requester. */
uint32_t iommu_pasid_end(const struct iommu_requester *r);

/* What its controls say of a request with this prefix, whatever it is for. */
enum pcg_fault_reason iommu_prefix_judge(const struct iommu_requester *r, const struct tlp_pasid *pasid);

/* --- iommu_spaces.c --- */

void iommu_spaces_init(struct iommu_requester *r);
void iommu_spaces_end(struct iommu_requester *r);
struct iommu_pasid *iommu_pasid_find(struct iommu_requester *r, uint32_t value);
struct iommu_map *iommu_map_find(struct iommu_space *space, uint64_t iova);

/* Everything that was answered with a PASID, or, if @untagged, anything, is invalidated. */
void iommu_spaces_invalidate(struct iommu_requester *r, bool untagged);

/* --- iommu_pages.c --- */

void iommu_pages_init(struct iommu_requester *r);
void iommu_pages_forget(struct iommu_requester *r);

/* --- iommu_faults.c --- */

/* @pasid without @present: there was none. */
void iommu_record(struct iommu_requester *r, enum pcg_fault_reason reason, bool write, const struct tlp_pasid *pasid,
		  uint64_t address);
void iommu_faults_clear(struct iommu_requester *r);
void iommu_faults_end(struct iommu_requester *r);

#endif
