/* SPDX-License-Identifier: BSD-3-Clause */
/* Requesters, what their controls allow, and where a request may go. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "host/fabric/iommu_internal.h"

int iommu_create(struct iommu **iommu, const struct iommu_facts *facts, const struct pcg_log *log)
{
	struct iommu *new;

	*iommu = NULL;
	if (facts->pasid_width > IOMMU_PASID_WIDTH || facts->page_requests > IOMMU_MAX_PAGE_REQUESTS) {
		base_log(log, PCG_ERROR,
			 "IOMMU: pasid-width=%u page-requests=%u refused: at most %u bits, and %u page requests",
			 facts->pasid_width, (unsigned int)facts->page_requests, IOMMU_PASID_WIDTH,
			 IOMMU_MAX_PAGE_REQUESTS);
		return -EINVAL;
	}
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	new->facts = *facts;
	if (log != NULL)
		new->log = *log;
	*iommu = new;
	return 0;
}

static void requester_destroy(struct iommu_requester *r)
{
	if (r == NULL)
		return;
	/* Whom it would tell may be gone already. */
	r->events = (struct iommu_events){ 0 };
	iommu_attach(r, NULL, NULL);
	iommu_faults_end(r);
	free(r);
}

void iommu_destroy(struct iommu *iommu)
{
	unsigned int bus, devfn;

	if (iommu == NULL)
		return;
	for (bus = 0; bus < 256; bus++) {
		for (devfn = 0; devfn < 256 && iommu->buses[bus] != NULL; devfn++)
			requester_destroy(iommu->buses[bus][devfn]);
		free(iommu->buses[bus]);
	}
	free(iommu);
}

const struct iommu_facts *iommu_facts(const struct iommu *iommu)
{
	return &iommu->facts;
}

struct iommu_requester *iommu_find(const struct iommu *iommu, uint16_t bdf)
{
	struct iommu_requester **bus = iommu->buses[bdf >> 8];

	return bus != NULL ? bus[bdf & 0xff] : NULL;
}

struct iommu_requester *iommu_requester(struct iommu *iommu, uint16_t bdf)
{
	struct iommu_requester ***bus = &iommu->buses[bdf >> 8];
	struct iommu_requester *r = iommu_find(iommu, bdf);

	if (r != NULL)
		return r;
	if (*bus == NULL)
		*bus = calloc(256, sizeof(**bus));
	if (*bus == NULL)
		return NULL;
	r = calloc(1, sizeof(*r));
	if (r == NULL)
		return NULL;
	r->iommu = iommu;
	r->bdf = bdf;
	iommu_spaces_init(r);
	iommu_pages_init(r);
	(*bus)[bdf & 0xff] = r;
	return r;
}

static void requester_end(struct iommu_requester *r)
{
	r->dma = NULL;
	r->control = (struct pcg_pasid_control){ 0 };
	iommu_spaces_invalidate(r, true);
	iommu_spaces_end(r);
	iommu_pages_forget(r);
	r->events = (struct iommu_events){ 0 };
	r->told = 0;
}

int iommu_attach(struct iommu_requester *r, struct pcg_dma *dma, const struct iommu_events *events)
{
	/* Controls that were set while it had no memory are the next client's already. */
	if (r->dma != NULL || dma == NULL)
		requester_end(r);
	if (dma == NULL)
		return 0;
	iommu_faults_clear(r);
	if (events != NULL)
		r->events = *events;
	r->dma = dma;
	return 0;
}

struct pcg_dma *iommu_dma(const struct iommu_requester *r)
{
	return r->dma;
}

static uint32_t requester_pasid_end(const struct iommu_requester *r, uint8_t shown)
{
	uint8_t width = r->iommu->facts.pasid_width;

	if (shown != 0 && shown < width)
		width = shown;
	return UINT32_C(1) << width;
}

uint32_t iommu_pasid_end(const struct iommu_requester *r)
{
	return requester_pasid_end(r, r->control.width);
}

static bool requester_can(const struct iommu_facts *facts, const struct pcg_pasid_control *control)
{
	return (!control->pasid || facts->pasid_width > 0) && (!control->execute || facts->execute) &&
	       (!control->privileged || facts->privileged) && (!control->ats || facts->ats) &&
	       (!control->page_requests || facts->page_requests > 0);
}

int iommu_control(struct iommu_requester *r, const struct pcg_pasid_control *control)
{
	const struct pcg_pasid_control old = r->control;
	bool less;

	if (!requester_can(&r->iommu->facts, control)) {
		IOMMU_NOTE(r, IOMMU_NOTE_CONTROL,
			   "PASID, ATS or PRI control of %02x:%02x.%x: refused, this IOMMU cannot enforce it; show the "
			   "function's software no more than the IOMMU's facts",
			   IOMMU_WHO(r));
		return -EOPNOTSUPP;
	}
	less = (old.pasid && !control->pasid) || (old.execute && !control->execute) ||
	       (old.privileged && !control->privileged) ||
	       requester_pasid_end(r, control->width) < requester_pasid_end(r, old.width);
	r->control = *control;
	r->control.page_reset = false;
	if (control->page_reset && !control->page_requests)
		iommu_pages_forget(r);
	if (old.ats && !control->ats)
		iommu_spaces_invalidate(r, true);
	else if (less)
		iommu_spaces_invalidate(r, false);
	return 0;
}

void iommu_block(struct iommu_requester *r, bool blocked)
{
	r->blocked = blocked;
	if (blocked)
		iommu_spaces_invalidate(r, true);
}

enum pcg_fault_reason iommu_prefix_judge(const struct iommu_requester *r, const struct tlp_pasid *pasid)
{
	if (!pasid->present)
		return PCG_FAULT_NONE;
	if (!r->control.pasid)
		return PCG_FAULT_PASID_OFF;
	if (pasid->value >= iommu_pasid_end(r))
		return PCG_FAULT_PASID_WIDE;
	if (pasid->execute && !r->control.execute)
		return PCG_FAULT_EXECUTE_OFF;
	if (pasid->privileged && !r->control.privileged)
		return PCG_FAULT_PRIVILEGED_OFF;
	return PCG_FAULT_NONE;
}

/* What is asked of a requester before anything is looked up. AT has to be @at, and what is not UNTRANSLATED needs ATS.
 */
static enum pcg_fault_reason requester_judge(const struct iommu_requester *r, const struct tlp *tlp, enum tlp_at at)
{
	if (r->dma == NULL || r->blocked)
		return PCG_FAULT_BLOCKED;
	if (tlp->at != at || (at != TLP_UNTRANSLATED && !r->control.ats))
		return PCG_FAULT_TRANSLATED;
	if (at == TLP_TRANSLATION_REQUEST && tlp->type != TLP_MEMORY_READ)
		return PCG_FAULT_TRANSLATED;
	return iommu_prefix_judge(r, &tlp->pasid);
}

/* A zero-length read asks for nothing, so a page that can only be written will do (PCIe 6.0, 2.2.5, 10.2.3). */
static enum pcg_fault_reason map_judge(const struct iommu_map *map, const struct tlp *tlp, uint64_t length)
{
	if (!tlp->pasid.privileged && !(map->flags & PCG_SPACE_USER))
		return PCG_FAULT_SUPERVISOR;
	if (tlp->type == TLP_MEMORY_WRITE) {
		if (!(map->flags & PCG_SPACE_WRITE))
			return PCG_FAULT_WRITE;
	} else if (length > 0 && !(map->flags & PCG_SPACE_READ)) {
		return PCG_FAULT_READ;
	}
	if (tlp->pasid.execute && !(map->flags & PCG_SPACE_EXECUTE))
		return PCG_FAULT_EXECUTE;
	return PCG_FAULT_NONE;
}

static enum pcg_fault_reason map_look_up(struct iommu_requester *r, const struct tlp *tlp, uint64_t address,
					 struct iommu_pasid **pasid, struct iommu_map **map)
{
	*map = NULL;
	*pasid = iommu_pasid_find(r, tlp->pasid.value);
	if (*pasid == NULL)
		return PCG_FAULT_PASID_UNKNOWN;
	*map = iommu_map_find((*pasid)->space, address);
	return *map == NULL ? PCG_FAULT_NOT_MAPPED : PCG_FAULT_NONE;
}

/* As it is: without a PASID, or translated before. */
static void answer_untouched(struct iommu_answer *answer, struct pcg_dma *dma, uint64_t address, uint64_t last,
			     uint64_t length)
{
	uint64_t more = last - address; /* a byte less than there is: the sum might not fit */

	answer->dma = dma;
	answer->address = address;
	answer->length = length > more ? more + 1 : length;
	answer->flags = PCG_SPACE_READ | PCG_SPACE_WRITE | PCG_SPACE_USER;
}

static enum tlp_status requester_refuse(struct iommu_requester *r, const struct tlp *tlp, uint64_t address,
					struct iommu_answer *answer)
{
	iommu_record(r, answer->reason, tlp->type == TLP_MEMORY_WRITE, &tlp->pasid, address);
	return TLP_UNSUPPORTED;
}

enum tlp_status iommu_translate(struct iommu *iommu, const struct tlp *tlp, uint64_t address, uint64_t length,
				struct iommu_answer *answer)
{
	struct iommu_requester *r = iommu_find(iommu, tlp->requester);
	enum tlp_at at = tlp->at == TLP_TRANSLATED ? TLP_TRANSLATED : TLP_UNTRANSLATED;
	struct iommu_pasid *pasid;
	struct iommu_map *map;

	*answer = (struct iommu_answer){ .reason = PCG_FAULT_BLOCKED };
	if (r == NULL)
		return TLP_UNSUPPORTED;
	answer->reason = requester_judge(r, tlp, at);
	if (answer->reason != PCG_FAULT_NONE)
		return requester_refuse(r, tlp, address, answer);
	if (!tlp->pasid.present || at == TLP_TRANSLATED) {
		answer_untouched(answer, r->dma, address, UINT64_MAX, length);
		return TLP_SUCCESS;
	}
	answer->reason = map_look_up(r, tlp, address, &pasid, &map);
	if (answer->reason == PCG_FAULT_NONE)
		answer->reason = map_judge(map, tlp, length);
	if (answer->reason != PCG_FAULT_NONE)
		return requester_refuse(r, tlp, address, answer);
	answer_untouched(answer, r->dma, address, map->last, length);
	answer->address = map->address + (address - map->iova);
	answer->flags = map->flags;
	return TLP_SUCCESS;
}

/* The last address of the largest block around @address that a translation completion can name. */
static uint64_t map_block_last(const struct iommu_map *map, uint64_t address)
{
	uint64_t mask = IOMMU_PAGE - 1, wider;

	for (;;) {
		wider = mask << 1 | 1;
		if (wider == mask || (address & ~wider) < map->iova || (address | wider) > map->last ||
		    ((map->address ^ map->iova) & wider) != 0)
			break;
		mask = wider;
	}
	return address | mask;
}

/* PCIe 6.0, 10.2.3.2: what of the page's permissions an answer to this request grants. */
static uint32_t map_grants(const struct iommu_map *map, const struct tlp_pasid *pasid)
{
	uint32_t flags = map->flags;

	if (!pasid->execute)
		flags &= ~(uint32_t)PCG_SPACE_EXECUTE;
	if (pasid->privileged)
		flags &= ~(uint32_t)PCG_SPACE_USER;
	return flags;
}

enum tlp_status iommu_ats(struct iommu *iommu, const struct tlp *tlp, struct iommu_answer *answer)
{
	struct iommu_requester *r = iommu_find(iommu, tlp->requester);
	uint64_t address = tlp->address;
	struct iommu_pasid *pasid;
	struct iommu_map *map;

	*answer = (struct iommu_answer){ .reason = PCG_FAULT_BLOCKED };
	if (r == NULL)
		return TLP_UNSUPPORTED;
	answer->reason = requester_judge(r, tlp, TLP_TRANSLATION_REQUEST);
	if (answer->reason != PCG_FAULT_NONE)
		return requester_refuse(r, tlp, address, answer);
	if (!tlp->pasid.present) {
		answer_untouched(answer, r->dma, address, address | (IOMMU_PAGE - 1), IOMMU_PAGE);
		r->answered = true;
		return TLP_SUCCESS;
	}
	answer->reason = map_look_up(r, tlp, address, &pasid, &map);
	if (answer->reason != PCG_FAULT_NONE)
		return TLP_SUCCESS;
	if (!tlp->pasid.privileged && !(map->flags & PCG_SPACE_USER)) {
		answer->reason = PCG_FAULT_SUPERVISOR;
		return TLP_SUCCESS;
	}
	answer->dma = r->dma;
	answer->address = map->address + (address - map->iova);
	answer->length = map_block_last(map, address) - address + 1;
	answer->flags = map_grants(map, &tlp->pasid);
	map->answered = true;
	pasid->answered = true;
	return TLP_SUCCESS;
}
