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

/** IOMMU_MAX_PAGE_REQUESTS - the most that struct iommu_facts may name */
#define IOMMU_MAX_PAGE_REQUESTS 65536u

/** IOMMU_WATCH_MS - a requester's blocked requests are told to the watch no more often than that */
#define IOMMU_WATCH_MS 10000u

struct iommu;
struct iommu_requester;

/**
 * struct iommu_facts - what this IOMMU can do
 * @pasid_width: bits, 0 to 20; 0: it refuses every PASID
 * @execute, @privileged: it tells these requests apart and can turn them off
 * @ats: it answers translation requests
 * @page_requests: how many it holds for the software of one requester; 0: it takes none. Each requester has a queue of
 *                 its own: a client that never answers must not cost another one its requests
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
 *
 * An invalidation is called for what iommu_ats() has answered, before the call that took it away returns: a translated
 * request is believed, so whoever caches must have forgotten when the event returns. All of a PASID comes as two halves
 * of 2^63 bytes, since one size cannot say it.
 *
 * All are called with everything in its new state. They may take records and page requests and have requests judged;
 * what changes the requester (attach, control, block, space) waits until they have returned.
 */
struct iommu_events {
	void *arg;
	void (*page_request)(void *arg);
	void (*fault)(void *arg);
	void (*invalidate)(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size);
};

/** iommu_create() - 0; -EINVAL: facts past their bounds; -ENOMEM */
int iommu_create(struct iommu **iommu, const struct iommu_facts *facts, const struct pcg_log *log);
void iommu_destroy(struct iommu *iommu);
const struct iommu_facts *iommu_facts(const struct iommu *iommu);

/**
 * iommu_watch() - who is told of blocked requests, whosever they are: the operator's side
 * @blocked: a requester's first one, and then one each IOMMU_WATCH_MS. @untold: how many it was not told of since then.
 *           Called before the client's software is told; it may look, and changes nothing
 */
void iommu_watch(struct iommu *iommu,
		 void (*blocked)(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold), void *arg);

/** iommu_requester() - the entry of a routing id; made if there is none. NULL: no memory */
struct iommu_requester *iommu_requester(struct iommu *iommu, uint16_t bdf);

/**
 * iommu_attach() - give a requester memory, or NULL: take it away
 *
 * Without, everything that it asks is blocked. Taking it away also ends its spaces, its PASIDs, its page requests and
 * its controls: nothing of one client meets the next. Records of faults stay until read, or until the next attach.
 * Memory given over other memory counts as both, one after the other. iommu_block() is no client's and stays.
 */
int iommu_attach(struct iommu_requester *r, struct pcg_dma *dma, const struct iommu_events *events);

/** iommu_dma() - what it was given, or NULL */
struct pcg_dma *iommu_dma(const struct iommu_requester *r);

/**
 * iommu_control() - what its client's configuration space says: struct pcg_pasid_control of <pcigate/host.h>
 *
 * What the function may not do any more is blocked when this returns, and what was answered to it for its caches is
 * invalidated. Execute and privileged mean nothing without PASID Enable. Page Request Reset acts while Page Request
 * Enable is clear, or cleared along with it (PCIe 6.0, 10.5.2.2).
 *
 * Return: 0; -EOPNOTSUPP for what this IOMMU cannot enforce, and nothing has changed.
 */
int iommu_control(struct iommu_requester *r, const struct pcg_pasid_control *control);

/**
 * iommu_block() - from now on everything of this requester is blocked, whatever it has; or no longer. For a PF that was
 * withdrawn or reset below its VFs
 */
void iommu_block(struct iommu_requester *r, bool blocked);

/**
 * iommu_space() - create, destroy, map, unmap, attach, detach: see struct pcg_space. As the host op of that name
 *
 * A space may stand at several PASIDs at once, and may be filled before and after. Attaching another one at a PASID
 * replaces in one step: a request meets the old or the new, never nothing. Attaching does not need PASID Enable, only
 * requests do. A piece of a map cannot be unmapped (-ENOENT, nothing has changed). A map allows at least READ or
 * WRITE; EXECUTE goes with READ alone, as a translation completion has it (PCIe 6.0, 10.2.3.2). Whether there is
 * memory where a map leads is judged when it is used. Ids of spaces are not used again soon.
 *
 * Return: 0; what struct pcg_space says; -EOPNOTSUPP: this IOMMU knows no PASIDs; -ENOTCONN: without memory there is
 * nowhere for a map to lead.
 */
int iommu_space(struct iommu_requester *r, struct pcg_space *space);

/**
 * struct iommu_answer - where a request may go
 * @dma: the memory
 * @address: in it
 * @length: bytes from there that one translation covers, at most what was asked
 * @flags: enum pcg_space_flags that the page allows; without PASID, or translated before, that is for the memory to
 *         say (see iommu_failed()), and all but EXECUTE is set
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
 * Any request with Execute Requested needs the control bit and a page that can be executed; any with Privileged Mode
 * Requested needs the control bit. A page for all is for privileged requests, too. What a requester that
 * iommu_requester() never heard of asks is blocked, and nobody is there to record it for.
 *
 * Return: TLP_SUCCESS; TLP_UNSUPPORTED, recorded. Nothing is moved: that is the caller's.
 */
enum tlp_status iommu_translate(struct iommu *iommu, const struct tlp *tlp, uint64_t address, uint64_t length,
				struct iommu_answer *answer);

/**
 * iommu_failed() - a request that was let through did not get its memory: there is none (-EFAULT), it does not allow
 * this (-EPERM), or it failed. Recorded as if it had been blocked here
 */
void iommu_failed(struct iommu *iommu, const struct tlp *tlp, uint64_t address, int error);

/**
 * iommu_ats() - a translation request (PCIe 6.0, 10.2.2): what is allowed at @tlp->address, without a fault record when
 * nothing is: the function may ask for the page
 *
 * @answer->flags is 0 when nothing is allowed, and @reason says why. Else R and W are READ and WRITE; Exe is EXECUTE,
 * set where Execute Requested was; Priv is clear where USER is set: an answer to a privileged request is for
 * privileged use alone. @address is the place of @tlp->address, in a block of the largest power of two, aligned at
 * both ends, that one map holds, and @length the rest of that block; @tlp->length is not looked at. Without a PASID it
 * is the page of 4 KiB, and allowed is what its memory will allow when it is used.
 *
 * Return: TLP_SUCCESS; TLP_UNSUPPORTED, recorded, where ATS is off for the requester, or the controls forbid to ask so.
 */
enum tlp_status iommu_ats(struct iommu *iommu, const struct tlp *tlp, struct iommu_answer *answer);

/** iommu_deny() - a request is refused and recorded as PCG_FAULT_BLOCKED, whatever is allowed: a fault on demand */
void iommu_deny(struct iommu *iommu, const struct tlp *tlp, uint64_t address);

/** iommu_fault_next() - the oldest record, and how many were lost before it. -ENOENT: none */
int iommu_fault_next(struct iommu_requester *r, struct pcg_fault *fault);

/** iommu_fault_count() - how many requests of a routing id were ever blocked */
uint64_t iommu_fault_count(const struct iommu *iommu, uint16_t bdf);

/** iommu_fault_newest() - the last of them, whether its client has read it or not; NULL: there was none */
const struct pcg_fault *iommu_fault_newest(const struct iommu *iommu, uint16_t bdf);

/**
 * iommu_page_request() - a page request message arrived (PCIe 6.0, 10.4.1)
 *
 * Kept for the client until it answers the group. Those that are unanswered are bounded by the requester's allocation
 * (struct pcg_pasid_control) and by the queue. What cannot be kept is dropped; if it was the last of its group, the
 * IOMMU answers in the client's stead (see iommu_page_refused()), and what it had of that group is forgotten: the
 * client's own answer would be one too many. A group is told from others by its index and its PASID.
 *
 * A Stop Marker (10.4.1.2.1: a PASID, last, neither read nor write) is never answered, nor counted as unanswered; it
 * has its place in the queue until the client takes it.
 *
 * Return: 0; -ENOSPC: no room; -EACCES: page requests are off for this requester, or its PASID controls forbid this
 * one, which is recorded; -EPROTO: more than it was allowed, or one for a group that is complete; -ENOMEM.
 */
int iommu_page_request(struct iommu *iommu, uint16_t requester, const struct pcg_page_request *request);

/**
 * iommu_page_refused() - whether a request that was not kept is answered all the same: with Response Failure (PCIe 6.0,
 * 10.4.2.1), set in *message, where it was the last of its group and no Stop Marker
 */
bool iommu_page_refused(uint16_t requester, const struct pcg_page_request *request, struct tlp *message);

/** iommu_page_request_next() - the oldest that its client has not seen. -ENOENT: none */
int iommu_page_request_next(struct iommu_requester *r, struct pcg_page_request *request);

/**
 * iommu_page_response() - the client answers a group that it was given, its last request included
 *
 * The message is a TLP_PRG_RESPONSE: target is the function, address = group | code << 12, with the PASID of the
 * request where it had one.
 *
 * Return: 0, and *message is the PRG Response for the function; -ENOENT: no such group is outstanding; -EINVAL: no such
 * code or index.
 */
int iommu_page_response(struct iommu_requester *r, const struct pcg_page_response *response, struct tlp *message);

#endif
