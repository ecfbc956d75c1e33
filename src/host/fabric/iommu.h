/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IOMMU of a simulated root complex: who may reach what, by requester and by PASID.
 *
 * A request without PASID goes into the memory that its requester was given. One with a PASID is translated first by
 * the address space that stands in the requester's table for that PASID: its maps lead into the same memory, so a
 * client can never reach more by a PASID than without one. What is not allowed is blocked and recorded.
 */
#ifndef HOST_FABRIC_IOMMU_H
#define HOST_FABRIC_IOMMU_H

#include <pcigate/dma.h>
#include <pcigate/host.h>
#include <pcigate/log.h>

#include "host/fabric/tlp.h"

/** Bounds of one requester. */
#define IOMMU_MAX_SPACES 64u
#define IOMMU_MAX_MAPS   65536u /* of all its spaces */
#define IOMMU_MAX_PASIDS 4096u
#define IOMMU_MAX_FAULTS 256u /* kept; more are counted */

struct iommu;
struct iommu_requester;

/**
 * struct iommu_facts - what this IOMMU can do
 * @pasid_width: bits, 0 to 20; 0: it refuses every PASID
 * @execute, @privileged: it tells these requests apart and can turn them off
 * @ats: it answers translation requests
 * @page_requests: how many it holds for its software; 0: it takes none
 */
struct iommu_facts {
	uint8_t pasid_width;
	bool execute;
	bool privileged;
	bool ats;
	uint32_t page_requests;
};

/**
 * struct iommu_events - what it tells the software of a requester, set with iommu_attach()
 * @page_request: one more can be had by iommu_page_request_next()
 * @fault: one more can be had by iommu_fault_next()
 * @invalidate: translations in this range of this space's PASID are not to be used any more (an ATS Invalidate Request)
 */
struct iommu_events {
	void *arg;
	void (*page_request)(void *arg);
	void (*fault)(void *arg);
	void (*invalidate)(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size);
};

int iommu_create(struct iommu **iommu, const struct iommu_facts *facts, const struct pcg_log *log);
void iommu_destroy(struct iommu *iommu);
const struct iommu_facts *iommu_facts(const struct iommu *iommu);

/** iommu_requester() - the entry of a routing id; made if there is none. NULL: no memory */
struct iommu_requester *iommu_requester(struct iommu *iommu, uint16_t bdf);

/**
 * iommu_attach() - give a requester memory, or NULL: take it away
 *
 * Without, everything that it asks is blocked. Taking it away also ends its spaces, its PASIDs, its page requests and
 * its controls: nothing of one client meets the next. Records of faults stay until read, or until the next attach.
 */
int iommu_attach(struct iommu_requester *r, struct pcg_dma *dma, const struct iommu_events *events);

/** iommu_dma() - what it was given, or NULL */
struct pcg_dma *iommu_dma(const struct iommu_requester *r);

/**
 * iommu_control() - what its client's configuration space says: struct pcg_pasid_control of <pcigate/host.h>
 *
 * Return: 0; -EOPNOTSUPP for what this IOMMU cannot enforce.
 */
int iommu_control(struct iommu_requester *r, const struct pcg_pasid_control *control);

/**
 * iommu_block() - from now on everything of this requester is blocked, whatever it has; or no longer. For a PF that was
 * withdrawn or reset below its VFs
 */
void iommu_block(struct iommu_requester *r, bool blocked);

/** iommu_space() - create, destroy, map, unmap, attach, detach: see struct pcg_space. As the host op of that name */
int iommu_space(struct iommu_requester *r, struct pcg_space *space);

/**
 * struct iommu_answer - where a request may go
 * @dma: the memory
 * @address: in it
 * @length: bytes from there that one translation covers, at most what was asked
 * @flags: enum pcg_space_flags that the page allows
 * @reason: why not, when refused: enum pcg_fault_reason
 */
struct iommu_answer {
	struct pcg_dma *dma;
	uint64_t address;
	uint64_t length;
	uint32_t flags;
	enum pcg_fault_reason reason;
};

/**
 * iommu_translate() - judge one request and find its place
 * @tlp: requester, at, pasid and type are looked at. A TRANSLATED request is taken at its word only where ATS is on for
 *       this requester, and then its address is what iommu_ats() answered: an address in the requester's own memory
 * @address: first byte
 * @length: 0: a zero-length read, which a page that can only be written allows, too
 *
 * Return: TLP_SUCCESS; TLP_UNSUPPORTED, recorded. Nothing is moved: that is the caller's.
 */
enum tlp_status iommu_translate(struct iommu *iommu, const struct tlp *tlp, uint64_t address, uint64_t length,
				struct iommu_answer *answer);

/**
 * iommu_ats() - a translation request (PCIe 6.0, 10.2.2): what is allowed at @tlp->address, without a fault record when
 * nothing is: the function may ask for the page. UNSUPPORTED where ATS is off for the requester
 */
enum tlp_status iommu_ats(struct iommu *iommu, const struct tlp *tlp, struct iommu_answer *answer);

/** iommu_fault_next() - the oldest record, and how many were lost before it. -ENOENT: none */
int iommu_fault_next(struct iommu_requester *r, struct pcg_fault *fault);

/**
 * iommu_page_request() - a page request message arrived (PCIe 6.0, 10.4.1)
 *
 * Kept for the client until it answers. Outstanding ones of a requester are bounded by its allocation
 * (struct pcg_pasid_control) and all of them by the queue. Where there is no room for one that is the last of its group
 * the IOMMU answers itself with Response Failure (10.4.2.1), others are dropped.
 *
 * Return: 0; -ENOSPC: no room; -EACCES: page requests are off for this requester; -EPROTO: more than it was allowed.
 */
int iommu_page_request(struct iommu *iommu, uint16_t requester, const struct pcg_page_request *request);

/** iommu_page_request_next() - the oldest that its client has not seen. -ENOENT: none */
int iommu_page_request_next(struct iommu_requester *r, struct pcg_page_request *request);

/**
 * iommu_page_response() - the client answers a group that it was given
 *
 * Return: 0, and *message is the PRG Response for the function; -ENOENT: no such group is outstanding; -EINVAL.
 */
int iommu_page_response(struct iommu_requester *r, const struct pcg_page_response *response, struct tlp *message);

#endif
