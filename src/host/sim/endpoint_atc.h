/* SPDX-License-Identifier: BSD-3-Clause */
/* An address translation cache: what an IOMMU allowed an endpoint, until it says otherwise (PCIe 6.0, 10.3). */
#ifndef HOST_SIM_ENDPOINT_ATC_H
#define HOST_SIM_ENDPOINT_ATC_H

#include <stdbool.h>
#include <stdint.h>

#include "host/fabric/tlp.h"

#define ENDPOINT_ATC_SIZE 16u

/**
 * struct endpoint_atc_entry - one translation
 * @size: bytes, a power of two of at least 4 KiB; 0: the entry is free
 * @pasid: whose, with its privileged bit
 * @iova, @address: aligned to @size
 * @flags: enum pcg_space_flags
 */
struct endpoint_atc_entry {
	uint64_t size;
	uint64_t iova;
	uint64_t address;
	uint32_t flags;
	struct tlp_pasid pasid;
};

/** struct endpoint_atc - all of them; @next: which one goes when there is no room */
struct endpoint_atc {
	struct endpoint_atc_entry entries[ENDPOINT_ATC_SIZE];
	unsigned int next;
};

/** endpoint_atc_find() - a translation for @iova that allows @flags, or NULL */
const struct endpoint_atc_entry *endpoint_atc_find(const struct endpoint_atc *atc, const struct tlp_pasid *pasid,
						   uint64_t iova, uint32_t flags);

/** endpoint_atc_add() - keep one, in place of what is known of these addresses */
void endpoint_atc_add(struct endpoint_atc *atc, const struct endpoint_atc_entry *entry);

/** endpoint_atc_invalidate() - forget what touches a range; @pasid only where @has_pasid. @size 0: 2^64 */
void endpoint_atc_invalidate(struct endpoint_atc *atc, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size);

/** endpoint_atc_invalidate_all() - forget everything */
void endpoint_atc_invalidate_all(struct endpoint_atc *atc);

/** endpoint_atc_count() - how many are there */
unsigned int endpoint_atc_count(const struct endpoint_atc *atc);

/** endpoint_atc_decode() - a translation completion of 8 bytes (10.2.3.2) for @iova; size 0: nothing is allowed */
void endpoint_atc_decode(struct endpoint_atc_entry *entry, const uint8_t completion[8], uint64_t iova);

#endif
