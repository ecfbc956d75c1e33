/* SPDX-License-Identifier: BSD-3-Clause */
/* A leaf and its IOMMU: its client's memory, PASIDs, page requests. */
#include <errno.h>
#include <string.h>

#include "host/sim/leaf.h"

/* Registers of capabilities (PCIe 6.0, 7.8.9.2, 10.5.2.4). */
enum {
	PASID_CAP = 4,
	PASID_EXECUTE = 0x0002,
	PASID_PRIVILEGED = 0x0004,
	PASID_WIDTH = 0x1f00,
	PRI_MAX = 8,
};

/* --- what it is told --- */

void leaf_recorded(void *arg)
{
	const struct pcg_host_events *events = &((struct leaf *)arg)->host.events;

	if (events->recorded != NULL)
		events->recorded(events->arg);
}

void leaf_page_status(void *arg, uint16_t raised)
{
	const struct pcg_host_events *events = &((struct leaf *)arg)->host.events;

	if (events->page_status != NULL)
		events->page_status(events->arg, raised);
}

static void leaf_invalidate(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	struct leaf *leaf = arg;

	if (leaf->endpoint != NULL)
		endpoint_invalidate(leaf->endpoint, has_pasid, pasid, iova, size);
}

/* --- operations --- */

/* As its client has it, without what its PF's client has turned off. */
static int leaf_control(struct leaf *leaf, const struct pcg_pasid_control *asked)
{
	struct pcg_pasid_control control = *asked;
	struct endpoint *endpoint = leaf->endpoint;
	int r;

	control.pasid = asked->pasid && !(leaf->host.info.lost & PCG_FEATURE_LOST_PASID);
	control.page_requests = asked->page_requests && !(leaf->host.info.lost & PCG_FEATURE_LOST_PAGE_REQUESTS);
	r = iommu_control(leaf->requester, &control);
	if (r != 0)
		return r;
	leaf->asked = *asked;
	leaf->asked.page_reset = false;
	if (endpoint == NULL)
		return PCG_DONE;
	endpoint->controlled = true;
	endpoint->control = control;
	if (control.page_reset)
		endpoint_pages_reset(endpoint);
	/* PCIe 6.0, 10.5.1.3: its cache is empty when ATS is enabled next. */
	if (!control.ats)
		endpoint_atc_invalidate_all(&endpoint->atc);
	return PCG_DONE;
}

/* A PF's client has ended something, or has it again: its VFs follow. */
void leaf_ended(struct leaf *pf, uint32_t ended)
{
	const uint32_t both = PCG_FEATURE_LOST_PASID | PCG_FEATURE_LOST_PAGE_REQUESTS;
	struct sim_seat *seat;

	pf->ended = ended;
	for (seat = pf->shared->seats; seat != NULL; seat = seat->next) {
		struct leaf *vf = seat->host != NULL && seat->host->ops == &leaf_ops ? leaf_of(seat->host) : NULL;
		uint32_t lost;

		if (vf == NULL || vf == pf || vf->endpoint == NULL || pf->endpoint == NULL ||
		    vf->endpoint->function.physical != &pf->endpoint->function)
			continue;
		lost = (vf->host.info.lost & ~both) | ended;
		if (lost == vf->host.info.lost)
			continue;
		/* Blocked first, told then. */
		vf->host.info.lost = lost;
		if (iommu_dma(vf->requester) != NULL)
			leaf_control(vf, &vf->asked);
		leaf_recorded(vf);
	}
}

static uint32_t ended_by(uint32_t ended, bool before, bool now, uint32_t what)
{
	if (before && !now)
		return ended | what;
	return now ? ended & ~what : ended;
}

/* Others may have asked in its name: a VF that its PF moved here, where no port looks at names (ACS off). */
void leaf_forget(struct leaf *leaf, struct pcg_dma *dma)
{
	if (dma != NULL)
		sim_root_forget(leaf->shared, dma);
}

int leaf_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	const struct iommu_events events = { leaf, leaf_recorded, leaf_recorded, leaf_invalidate };
	struct pcg_dma *before = iommu_dma(leaf->requester);
	int r;

	/* Without an answer it is given up for good. */
	leaf->taken = dma != NULL || (leaf->taken && op != NULL);
	if (dma == before)
		return PCG_DONE;
	if (leaf->endpoint != NULL) {
		endpoint_command_drop(leaf->endpoint);
		sim_transfers_drop(&leaf->shared->transfers, leaf_function(leaf));
		endpoint_atc_invalidate_all(&leaf->endpoint->atc);
	}
	/* Nobody drives it now: its VFs do as they like. */
	memset(&leaf->asked, 0, sizeof(leaf->asked));
	leaf->stopping = false;
	if (dma == NULL)
		leaf_ended(leaf, 0);
	r = iommu_attach(leaf->requester, dma, dma != NULL ? &events : NULL);
	leaf_forget(leaf, before);
	return r;
}

/* PCIe 6.0, 10.5.2.3: off, and no response is to come any more. */
void leaf_stopped(struct leaf *leaf)
{
	if (!leaf->stopping)
		return;
	if (leaf->endpoint != NULL && leaf->endpoint->transfer.stage == ENDPOINT_ASKING)
		return;
	leaf->stopping = false;
	leaf_page_status(leaf, PCG_PRI_STOPPED);
}

int leaf_pasid(struct pcg_host *host, const struct pcg_pasid_control *control, struct pcg_op *op)
{
	struct leaf *leaf = leaf_of(host);
	const struct pcg_pasid_control before = leaf->asked;
	int r = leaf_control(leaf, control);
	uint32_t ended;

	(void)op;
	if (r != PCG_DONE)
		return r;
	ended = ended_by(leaf->ended, before.pasid, control->pasid, PCG_FEATURE_LOST_PASID);
	ended = ended_by(ended, before.page_requests, control->page_requests, PCG_FEATURE_LOST_PAGE_REQUESTS);
	if (ended != leaf->ended)
		leaf_ended(leaf, ended);
	leaf->stopping = !control->page_requests && (leaf->stopping || before.page_requests);
	leaf_stopped(leaf);
	return r;
}

int leaf_space(struct pcg_host *host, struct pcg_space *space, struct pcg_op *op)
{
	(void)op;
	return iommu_space(leaf_of(host)->requester, space);
}

int leaf_fault(struct pcg_host *host, struct pcg_fault *fault)
{
	return iommu_fault_next(leaf_of(host)->requester, fault);
}

int leaf_page_request(struct pcg_host *host, struct pcg_page_request *request)
{
	return iommu_page_request_next(leaf_of(host)->requester, request);
}

int leaf_page_response(struct pcg_host *host, const struct pcg_page_response *response)
{
	struct leaf *leaf = leaf_of(host);
	struct tlp message;
	int r = iommu_page_response(leaf->requester, response, &message);

	if (r == 0 && leaf->endpoint != NULL)
		endpoint_message(leaf->endpoint, &message);
	return r;
}

/* --- what there is --- */

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Never more than the IOMMU enforces, nor than the function has. A VF has what its PF has (9.3.7.14, 10.5.1, 10.5.2).
 */
void leaf_describe_pasid(struct leaf *leaf)
{
	const struct iommu_facts *facts = iommu_facts(leaf->shared->iommu);
	const struct fabric_function *f = &leaf->endpoint->function, *pf = f->physical != NULL ? f->physical : f;
	struct pcg_pasid_facts *pasid = &leaf->host.info.pasid;
	uint32_t cap = pf->at.pasid != 0 ? model_get(&pf->model, pf->at.pasid + PASID_CAP, 2) : 0;

	pasid->width = (uint8_t)least(facts->pasid_width, (cap & PASID_WIDTH) >> 8);
	if (pasid->width == 0) {
		pasid->why = facts->pasid_width == 0
				     ? "the fabric's IOMMU knows no PASIDs"
				     : "the function has no PASID capability (pasid=WIDTH gives it one)";
		return;
	}
	pasid->execute = facts->execute && (cap & PASID_EXECUTE) != 0;
	pasid->privileged = facts->privileged && (cap & PASID_PRIVILEGED) != 0;
	pasid->ats = facts->ats && f->at.ats != 0;
	pasid->pasid_at = pf->at.pasid;
	pasid->ats_at = pf->at.ats;
	pasid->pri_at = pf->at.pri;
	if (pf->at.pri != 0 && pasid->ats)
		pasid->page_requests = least(facts->page_requests, model_get(&pf->model, pf->at.pri + PRI_MAX, 4));
}
