/* SPDX-License-Identifier: BSD-3-Clause */
#include <pcigate/host.h>

#include "host/sim/endpoint_atc.h"

#define PAGE UINT64_C(4096)

static bool same_context(const struct tlp_pasid *a, const struct tlp_pasid *b)
{
	if (a->present != b->present)
		return false;
	return !a->present || (a->value == b->value && a->privileged == b->privileged);
}

const struct endpoint_atc_entry *endpoint_atc_find(const struct endpoint_atc *atc, const struct tlp_pasid *pasid,
						   uint64_t iova, uint32_t flags)
{
	for (unsigned int i = 0; i < ENDPOINT_ATC_SIZE; i++) {
		const struct endpoint_atc_entry *entry = &atc->entries[i];

		if (entry->size != 0 && (iova & ~(entry->size - 1)) == entry->iova &&
		    same_context(&entry->pasid, pasid) && (flags & ~entry->flags) == 0)
			return entry;
	}
	return NULL;
}

static bool overlap(const struct endpoint_atc_entry *entry, uint64_t iova, uint64_t last)
{
	return entry->size != 0 && entry->iova <= last && entry->iova + (entry->size - 1) >= iova;
}

void endpoint_atc_add(struct endpoint_atc *atc, const struct endpoint_atc_entry *entry)
{
	struct endpoint_atc_entry *place = NULL;

	for (unsigned int i = 0; i < ENDPOINT_ATC_SIZE; i++) {
		struct endpoint_atc_entry *old = &atc->entries[i];

		if (overlap(old, entry->iova, entry->iova + (entry->size - 1)) &&
		    same_context(&old->pasid, &entry->pasid))
			old->size = 0;
		if (old->size == 0)
			place = old;
	}
	if (place == NULL) {
		place = &atc->entries[atc->next];
		atc->next = (atc->next + 1) % ENDPOINT_ATC_SIZE;
	}
	*place = *entry;
}

void endpoint_atc_invalidate(struct endpoint_atc *atc, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size)
{
	uint64_t last = size == 0 || iova + (size - 1) < iova ? UINT64_MAX : iova + (size - 1);

	for (unsigned int i = 0; i < ENDPOINT_ATC_SIZE; i++) {
		struct endpoint_atc_entry *entry = &atc->entries[i];

		/* Without a PASID it is said of requests without one (10.3.8). */
		if (entry->pasid.present != has_pasid || (has_pasid && entry->pasid.value != pasid))
			continue;
		if (overlap(entry, iova, last))
			entry->size = 0;
	}
}

void endpoint_atc_invalidate_all(struct endpoint_atc *atc)
{
	*atc = (struct endpoint_atc){ 0 };
}

unsigned int endpoint_atc_count(const struct endpoint_atc *atc)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < ENDPOINT_ATC_SIZE; i++)
		n += atc->entries[i].size != 0;
	return n;
}

/* The lowest address bit that is 0 says how large the range is, where S is set (10.2.3.2). */
static uint64_t completion_size(uint64_t value)
{
	uint64_t size = 2 * PAGE;

	if ((value & TLP_TRANSLATION_SIZE) == 0)
		return PAGE;
	for (uint64_t bit = PAGE; (value & bit) != 0 && bit < (UINT64_C(1) << 40); bit *= 2)
		size *= 2;
	return size;
}

void endpoint_atc_decode(struct endpoint_atc_entry *entry, const uint8_t completion[8], uint64_t iova)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < 8; i++)
		value = value << 8 | completion[i];
	*entry = (struct endpoint_atc_entry){ 0 };
	entry->flags = (value & TLP_TRANSLATION_READ ? PCG_SPACE_READ : 0) |
		       (value & TLP_TRANSLATION_WRITE ? PCG_SPACE_WRITE : 0) |
		       (value & TLP_TRANSLATION_EXECUTE ? PCG_SPACE_EXECUTE : 0);
	/* What has to be used untranslated is of no use to a translated request. */
	if ((entry->flags & (PCG_SPACE_READ | PCG_SPACE_WRITE)) == 0 || (value & TLP_TRANSLATION_UNTRANSLATED) != 0)
		return;
	entry->size = completion_size(value);
	entry->iova = iova & ~(entry->size - 1);
	entry->address = value & ~(entry->size - 1);
}
