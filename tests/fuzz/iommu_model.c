/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "fuzz.h"
#include "iommu_model.h"

const uint32_t model_pasids[PASIDS] = { 0, 1, 2, 255, 256, 0xfffff, 0x100000, UINT32_MAX };

uint64_t model_iova(unsigned int page)
{
	return page < PAGES / 2 ? page * PAGE : 0 - (PAGES - page) * PAGE;
}

uint64_t model_width(const struct room *room, const struct side *side)
{
	uint8_t width = room->facts.pasid_width;

	return UINT64_C(1) << (side->control.width != 0 && side->control.width < width ? side->control.width : width);
}

void model_invalidate(void *arg, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	struct side *side = arg;
	unsigned int i;

	for (i = 0; i < CACHE; i++) {
		struct cached *c = &side->cache[i];

		if (c->used && c->tagged == has_pasid && (!has_pasid || c->pasid == pasid) &&
		    c->iova <= iova + (size - 1) && iova <= c->iova + (c->length - 1))
			c->used = false;
	}
}

/* --- what is so --- */

unsigned int model_place(const struct side *side, uint32_t pasid)
{
	unsigned int i = 0;

	while (i < PASIDS && model_pasids[i] != pasid)
		i++;
	return i < PASIDS ? side->where[i] : SPACES;
}

static enum pcg_fault_reason prefix_reason(const struct room *room, const struct side *side, const struct tlp_pasid *p)
{
	if (!p->present)
		return PCG_FAULT_NONE;
	if (!side->control.pasid)
		return PCG_FAULT_PASID_OFF;
	if (p->value >= model_width(room, side))
		return PCG_FAULT_PASID_WIDE;
	if (p->execute && !side->control.execute)
		return PCG_FAULT_EXECUTE_OFF;
	return p->privileged && !side->control.privileged ? PCG_FAULT_PRIVILEGED_OFF : PCG_FAULT_NONE;
}

enum pcg_fault_reason model_gate(const struct room *room, const struct side *side, const struct tlp *tlp)
{
	if (!side->attached || side->blocked)
		return PCG_FAULT_BLOCKED;
	if (tlp->at != TLP_UNTRANSLATED && !side->control.ats)
		return PCG_FAULT_TRANSLATED;
	return prefix_reason(room, side, &tlp->pasid);
}

enum pcg_fault_reason model_page(const struct side *side, const struct tlp *tlp, unsigned int page, bool empty)
{
	unsigned int place = model_place(side, tlp->pasid.value);
	uint32_t flags;

	if (place == SPACES)
		return PCG_FAULT_PASID_UNKNOWN;
	flags = side->pages[place][page].flags;
	if (flags == 0)
		return PCG_FAULT_NOT_MAPPED;
	if (!tlp->pasid.privileged && !(flags & PCG_SPACE_USER))
		return PCG_FAULT_SUPERVISOR;
	if (tlp->at == TLP_TRANSLATION_REQUEST)
		return PCG_FAULT_NONE;
	if (tlp->type == TLP_MEMORY_WRITE && !(flags & PCG_SPACE_WRITE))
		return PCG_FAULT_WRITE;
	if (tlp->type == TLP_MEMORY_READ && !empty && !(flags & PCG_SPACE_READ))
		return PCG_FAULT_READ;
	return tlp->pasid.execute && !(flags & PCG_SPACE_EXECUTE) ? PCG_FAULT_EXECUTE : PCG_FAULT_NONE;
}

void model_remember(struct side *side, enum pcg_fault_reason reason, bool write, const struct tlp_pasid *p,
		    uint64_t address)
{
	struct pcg_fault fault = { .reason = reason, .write = write, .has_pasid = p->present, .address = address };

	if (p->present) {
		fault.pasid = p->value;
		fault.execute = p->execute;
		fault.privileged = p->privileged;
	}
	if (side->nfaults == IOMMU_MAX_FAULTS)
		fault.lost = side->faults[--side->nfaults].lost + 1;
	side->faults[side->nfaults++] = fault;
}

void model_caches_hold(const struct room *room, const struct side *side)
{
	unsigned int i, page, place;

	for (i = 0; i < CACHE; i++) {
		const struct cached *c = &side->cache[i];

		if (!c->used)
			continue;
		HOLDS(side->attached && !side->blocked && side->control.ats);
		if (!c->tagged)
			continue;
		place = model_place(side, c->pasid);
		HOLDS(side->control.pasid && c->pasid < model_width(room, side) && place < SPACES);
		HOLDS(!(c->flags & PCG_SPACE_EXECUTE) || side->control.execute);
		HOLDS((c->flags & PCG_SPACE_USER) || side->control.privileged);
		for (page = 0; page < PAGES; page++) {
			const struct page *now = &side->pages[place][page];

			if (model_iova(page) + PAGE - 1 < c->iova || model_iova(page) > c->iova + (c->length - 1))
				continue;
			HOLDS((now->flags & c->flags) == c->flags);
			HOLDS(now->address - model_iova(page) == c->address - c->iova);
		}
	}
}

/* --- page requests --- */

bool model_same_group(const struct asked *a, bool tagged, uint32_t pasid, uint16_t group)
{
	return !a->marker && a->request.has_pasid == tagged && (!tagged || a->request.pasid == pasid) &&
	       a->request.group == group;
}

void model_drop_group(struct side *side, bool tagged, uint32_t pasid, uint16_t group)
{
	unsigned int i, kept = 0;

	for (i = 0; i < side->nasked; i++)
		if (!model_same_group(&side->asked[i], tagged, pasid, group))
			side->asked[kept++] = side->asked[i];
	side->nasked = kept;
}

int model_page_request(const struct room *room, struct side *side, const struct asked *new)
{
	const struct pcg_page_request *q = &new->request;
	struct tlp_pasid prefix = { q->has_pasid, q->execute, q->privileged, q->pasid };
	enum pcg_fault_reason reason = PCG_FAULT_BLOCKED;
	unsigned int i, counted = 0;

	if (side->attached && !side->blocked) {
		if (!side->control.page_requests)
			return -EACCES;
		reason = prefix_reason(room, side, &prefix);
	}
	if (reason != PCG_FAULT_NONE) {
		model_remember(side, reason, q->write, &prefix, q->address);
		return -EACCES;
	}
	for (i = 0; i < side->nasked; i++) {
		if (!new->marker && model_same_group(&side->asked[i], q->has_pasid, q->pasid, q->group) &&
		    side->asked[i].request.last)
			return -EPROTO;
		counted += !side->asked[i].marker;
	}
	if (!new->marker && counted >= side->control.allocation)
		return -EPROTO;
	return side->nasked >= room->facts.page_requests ? -ENOSPC : 0;
}
