/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_FEATURE_H
#define PCIGATE_FEATURE_H

/**
 * DOC: device features of our own
 *
 * VFIO's DEVICE_FEATURE has room for features that only some servers know. These are ours; a client asks with PROBE
 * whether a server has them. docs/vfio-user-extensions.md says what for. Numbers in payloads are in the byte order of
 * the machine, as everything in vfio-user is.
 */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** PCG_FEATURE_FIRST - features from here on are private to servers; VFIO counts up from 0 */
#define PCG_FEATURE_FIRST 0x8000u

/** PCG_FEATURE_REGION_MEMORY - how a region is mapped: struct pcg_feature_region_memory; GET and SET */
#define PCG_FEATURE_REGION_MEMORY 0x8000u

/** enum pcg_memory - memory attributes of a mapping */
enum pcg_memory {
	PCG_MEMORY_UNCACHED,        /* every access as it is made, in order */
	PCG_MEMORY_WRITE_COMBINING, /* writes may be put together and reordered */
	PCG_NUM_MEMORIES,
};

/** PCG_FEATURE_REASON - room for a sentence, its 0 included */
#define PCG_FEATURE_REASON 104u

/**
 * struct pcg_feature_region_memory - payload of PCG_FEATURE_REGION_MEMORY
 * @region: which one; in from the client
 * @memory: enum pcg_memory: what the region's descriptor gives now; with SET, what it is to give
 * @possible: bit n: enum pcg_memory n can be had
 * @reserved: 0
 * @reason: why not more of them can; "": all can
 *
 * SET counts for descriptors that are asked for afterwards: before the first GET_REGION_INFO of the region, that is.
 * Errors: EINVAL (no such region or attribute), EOPNOTSUPP (it cannot be had; GET has the reason), EBUSY (the region's
 * descriptor was given out already).
 */
struct pcg_feature_region_memory {
	uint32_t region;
	uint32_t memory;
	uint32_t possible;
	uint32_t reserved;
	char reason[PCG_FEATURE_REASON];
};

#ifdef __cplusplus
}
#endif
#endif
