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

/** PCG_FEATURE_MSIX_VECTORS - how many MSI-X vectors: struct pcg_feature_msix_vectors; GET and SET */
#define PCG_FEATURE_MSIX_VECTORS 0x8001u

/**
 * struct pcg_feature_msix_vectors - payload of PCG_FEATURE_MSIX_VECTORS
 * @vectors: how many this client has now; with SET, how many it is to have; 0: the function shows no MSI-X
 * @table: how many entries the function's own table has
 * @ceiling: how many the operator allows, never more than @table
 * @reserved: 0
 * @reason: why @vectors cannot be changed, now or ever; "": it can
 *
 * Table Size, the count of the interrupt index and what SET_IRQS takes agree on @vectors. SET counts until the client
 * is gone, and only before it has seen any of that: a read of Message Control and IRQ_INFO of MSI-X end it.
 * Errors: EINVAL (0, or more than @ceiling), EOPNOTSUPP (no MSI-X, or a server that does not mediate), EBUSY (the
 * client has seen the number, or has something set up; GET has the reason).
 */
struct pcg_feature_msix_vectors {
	uint32_t vectors;
	uint32_t table;
	uint32_t ceiling;
	uint32_t reserved;
	char reason[PCG_FEATURE_REASON];
};

/** PCG_FEATURE_PASID - PASID, address translation and page requests: struct pcg_feature_pasid; GET and SET */
#define PCG_FEATURE_PASID 0x8002u

/** enum pcg_feature_pasid_flags - what of it is shown, or can be driven */
enum pcg_feature_pasid_flags {
	PCG_FEATURE_PASID_EXECUTE = 1,
	PCG_FEATURE_PASID_PRIVILEGED = 2,
	PCG_FEATURE_PASID_ATS = 4,
	PCG_FEATURE_PASID_PAGE_REQUESTS = 8,
	PCG_FEATURE_PASID_ALL = 15,
};

/** enum pcg_feature_pasid_state */
enum pcg_feature_pasid_state {
	PCG_FEATURE_PASID_SPOKEN = 1, /* this client has said what it drives */
	PCG_FEATURE_PASID_FORCED = 2, /* some of it is shown whatever a client says: it may be configuration alone */
};

/**
 * struct pcg_feature_pasid - payload of PCG_FEATURE_PASID
 * @shown: enum pcg_feature_pasid_flags: what configuration space shows now; with SET, what the client drives
 * @shown_width: Max PASID Width, 0: no PASID capability is shown; with SET, the widest PASID that the client drives
 * @can: enum pcg_feature_pasid_flags: what can be had
 * @can_width: the same of the width; 0: no PASIDs
 * @page_requests: how many may be outstanding
 * @state: enum pcg_feature_pasid_state
 * @pasid_at, @ats_at, @pri_at: where these capabilities stand, or will when they are shown; 0: nowhere
 * @reserved: 0
 * @reason: why nothing can be had, or why what is shown cannot be changed now; "": it can
 *
 * SET looks at @shown and @shown_width alone. What cannot be had is left out; nothing at all takes it back. The
 * features below work from then on. It holds until the client is gone. Errors: EINVAL (a width above 20, unknown
 * flags), EOPNOTSUPP (none of it can be had; GET has the reason), EBUSY (something is set up already: an interrupt, a
 * mapping, COMMAND, or one of these capabilities is enabled).
 */
struct pcg_feature_pasid {
	uint32_t shown;
	uint32_t shown_width;
	uint32_t can;
	uint32_t can_width;
	uint32_t page_requests;
	uint32_t state;
	uint16_t pasid_at;
	uint16_t ats_at;
	uint16_t pri_at;
	uint16_t reserved;
	char reason[PCG_FEATURE_REASON];
};

/** PCG_FEATURE_SPACE - address spaces, by PASID: struct pcg_feature_space; SET */
#define PCG_FEATURE_SPACE 0x8003u

/**
 * struct pcg_feature_space - payload of PCG_FEATURE_SPACE
 * @verb: enum pcg_space_verb of <pcigate/host.h>: 0 create, 1 destroy, 2 map, 3 unmap, 4 attach, 5 detach
 * @space: which; the answer to a create says which it became
 * @pasid: for attach and detach
 * @flags: for map: enum pcg_space_flags: 1 read, 2 write, 4 execute, 8 user
 * @iova: for map and unmap: where requests with the PASID look
 * @size: likewise, in bytes; unmap: 0 means all maps of the space
 * @address: for map: where that leads, in the memory that this client has mapped (DMA_MAP)
 *
 * Fields that a verb does not name are 0. Spaces belong to the client and to this function; they go with the client,
 * and with a reset of the function. Errors: EINVAL, ENOENT, EEXIST, ERANGE, ENOSPC as struct pcg_space has them;
 * EOPNOTSUPP (PCG_FEATURE_PASID was not set with a width).
 */
struct pcg_feature_space {
	uint32_t verb;
	uint32_t space;
	uint32_t pasid;
	uint32_t flags;
	uint64_t iova;
	uint64_t size;
	uint64_t address;
};

/** PCG_FEATURE_BATCH - the most entries of one message below */
#define PCG_FEATURE_BATCH 64u

/**
 * struct pcg_feature_batch - what payloads of several entries begin with
 * @count: GET: how many are wanted, 1 to PCG_FEATURE_BATCH, with room for so many in argsz; its answer: how many
 *         follow. SET: how many follow; its answer: how many of them were done
 * @reserved: 0
 */
struct pcg_feature_batch {
	uint32_t count;
	uint32_t reserved[3];
};

/** enum pcg_feature_request - what a request of the function was */
enum pcg_feature_request {
	PCG_FEATURE_REQUEST_READ = 1,
	PCG_FEATURE_REQUEST_WRITE = 2,
	PCG_FEATURE_REQUEST_EXECUTE = 4,
	PCG_FEATURE_REQUEST_PRIVILEGED = 8,
	PCG_FEATURE_REQUEST_PASID = 16, /* it carried one */
	PCG_FEATURE_REQUEST_LAST = 32,  /* the last page request of its group */
};

/**
 * PCG_FEATURE_PAGE_REQUEST - page requests: struct pcg_feature_batch and then, with GET, struct
 * pcg_feature_page_request each: the oldest ones, which are taken from the queue; with SET, struct
 * pcg_feature_page_response each: groups are answered
 */
#define PCG_FEATURE_PAGE_REQUEST 0x8004u

/**
 * struct pcg_feature_page_request - the function asks for a page (PCIe 6.0, 10.4.1)
 * @address: of the page, where the PASID looks
 * @pasid: 0 without PCG_FEATURE_REQUEST_PASID
 * @group: Page Request Group Index. A PASID with LAST that neither reads nor writes is a Stop Marker: it has no answer
 * @flags: enum pcg_feature_request
 */
struct pcg_feature_page_request {
	uint64_t address;
	uint32_t pasid;
	uint16_t group;
	uint16_t flags;
};

/**
 * struct pcg_feature_page_response - the answer to a group
 * @pasid, @group: of the requests
 * @code: enum pcg_page_code of <pcigate/host.h>: 0 success, 1 invalid request, 15 failure
 * @flags: PCG_FEATURE_REQUEST_PASID or 0
 *
 * Several are answered in order, up to the first that cannot be: the answer's count says how many were. Errors, of the
 * first one: ENOENT (the group is not outstanding), EINVAL (code, flags).
 */
struct pcg_feature_page_response {
	uint32_t pasid;
	uint16_t group;
	uint8_t code;
	uint8_t flags;
};

/**
 * PCG_FEATURE_FAULT - records of blocked requests: struct pcg_feature_batch, and in the answer struct pcg_feature_fault
 * each: the oldest ones, which are taken; GET
 */
#define PCG_FEATURE_FAULT 0x8005u

/**
 * struct pcg_feature_fault - a request that was blocked
 * @address: what it was for
 * @pasid: 0 without PCG_FEATURE_REQUEST_PASID
 * @lost: how many records before this one there was no room for
 * @reason: enum pcg_fault_reason of <pcigate/host.h>
 * @flags: enum pcg_feature_request
 * @reserved: 0
 */
struct pcg_feature_fault {
	uint64_t address;
	uint32_t pasid;
	uint32_t lost;
	uint16_t reason;
	uint16_t flags;
	uint32_t reserved;
};

/** PCG_FEATURE_EVENT - an eventfd for all of the above: struct pcg_feature_event; GET and SET */
#define PCG_FEATURE_EVENT 0x8006u

/** enum pcg_feature_lost - what others took from the function; its requests are blocked meanwhile */
enum pcg_feature_lost {
	PCG_FEATURE_LOST_FUNCTION = 1, /* it went away: its PF was reset or has disabled it. Reset it, or let it go */
	PCG_FEATURE_LOST_PASID = 2,    /* its PF's client has turned PASID off */
	PCG_FEATURE_LOST_PAGE_REQUESTS = 4, /* or page requests */
};

/**
 * struct pcg_feature_event - payload of PCG_FEATURE_EVENT
 * @lost: enum pcg_feature_lost; not looked at with SET
 * @reserved: 0
 *
 * SET takes one eventfd along as ancillary data, or none: nobody is to be told any more. It is signalled at once, so
 * that nothing of before is missed, and whenever there may be a page request or a record to be taken, or @lost changed.
 * Errors: EINVAL (several descriptors, or no eventfd).
 */
struct pcg_feature_event {
	uint32_t lost;
	uint32_t reserved;
};

#ifdef __cplusplus
}
#endif
#endif
