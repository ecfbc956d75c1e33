/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_CLIENT_PASID_H
#define PCIGATE_CLIENT_PASID_H

/**
 * DOC: drive PASIDs, page requests and fault records of a function
 *
 * Calls over <pcigate/client.h> for the device features that servers of pcigate have; docs/vfio-user-extensions.md says
 * in which order they are used. Another server answers -ENOTTY to all of them. Waiting, errors and threads are as
 * there.
 */

#include <pcigate/client.h>
#include <pcigate/feature.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * pcg_client_pasid_offer() - what of PASID, address translation and page requests can be had, and what is shown
 *
 * Return: 0; -ENOTTY: the server knows no such feature; or as any call.
 */
int pcg_client_pasid_offer(struct pcg_client *client, struct pcg_feature_pasid *offer);

/**
 * pcg_client_pasid() - say what this program drives; the function shows as much of it as can be had
 * @client: the client
 * @width: the widest PASID; 0: none
 * @flags: enum pcg_feature_pasid_flags
 *
 * Before anything is set up: COMMAND, interrupts, mappings. The function's own enable bits in the capabilities that are
 * then there (see pcg_client_find()) still have to be set.
 *
 * Return: 0; -EOPNOTSUPP: nothing of it can be had; -EBUSY: too late; -EINVAL; or as any call.
 */
int pcg_client_pasid(struct pcg_client *client, uint32_t width, uint32_t flags);

/**
 * pcg_client_space_create() - an empty address space of this function
 * @client: the client
 * @space: set to its number
 *
 * Spaces go with a reset of the function, pcg_client_reset() or an FLR, and with the connection.
 *
 * Return: 0; -ENOSPC: there are too many; -EOPNOTSUPP: pcg_client_pasid() comes first; or as any call.
 */
int pcg_client_space_create(struct pcg_client *client, uint32_t *space);

/** pcg_client_space_destroy() - end one; PASIDs that lead to it lead nowhere. -ENOENT: there is none */
int pcg_client_space_destroy(struct pcg_client *client, uint32_t space);

/**
 * pcg_client_space_map() - let requests with a PASID of this space reach memory
 * @client: the client
 * @space: which
 * @iova: where they look; a multiple of 4096, as the others
 * @size: bytes, not 0
 * @address: where that leads: an IOVA of pcg_client_dma_map(). It may be mapped later, or be gone: judged when it is
 * used
 * @flags: enum pcg_space_flags
 *
 * Return: 0; -EINVAL; -ENOENT: no such space; -EEXIST: it overlaps another map; -ENOSPC; or as any call.
 */
int pcg_client_space_map(struct pcg_client *client, uint32_t space, uint64_t iova, uint64_t size, uint64_t address,
			 uint32_t flags);

/**
 * pcg_client_space_unmap() - exactly one earlier map, or with @size 0 all of them
 *
 * Guarantees: at 0 no request that comes later is let through, and what the function had cached is forgotten.
 */
int pcg_client_space_unmap(struct pcg_client *client, uint32_t space, uint64_t iova, uint64_t size);

/**
 * pcg_client_pasid_attach() - requests with this PASID go through this space from now on, instead of another
 *
 * Return: 0; -ENOENT: no such space; -ERANGE: wider than is shown; -ENOSPC; or as any call.
 */
int pcg_client_pasid_attach(struct pcg_client *client, uint32_t pasid, uint32_t space);

/** pcg_client_pasid_detach() - they go nowhere. -ENOENT: they did already */
int pcg_client_pasid_detach(struct pcg_client *client, uint32_t pasid);

/**
 * pcg_client_page_requests() - take the oldest page requests
 * @client: the client
 * @requests: room for @room of them
 * @room: at least 1; no more than PCG_FEATURE_BATCH are taken at a time
 * @count: set to how many there were: 0: none
 *
 * Return: 0; -EOPNOTSUPP: pcg_client_pasid() with page requests comes first; or as any call.
 */
int pcg_client_page_requests(struct pcg_client *client, struct pcg_feature_page_request *requests, uint32_t room,
			     uint32_t *count);

/**
 * pcg_client_page_respond() - answer groups, in order
 * @client: the client
 * @responses: what to say
 * @count: how many, 1 to PCG_FEATURE_BATCH
 * @done: set to how many were answered; fewer than @count where the next one could not be. May be NULL
 *
 * Map what was asked for first: the function looks again when it has the answer.
 *
 * Return: 0; -ENOENT (the first group is not outstanding), -EINVAL; or as any call.
 */
int pcg_client_page_respond(struct pcg_client *client, const struct pcg_feature_page_response *responses,
			    uint32_t count, uint32_t *done);

/** pcg_client_faults() - take the oldest records of blocked requests; as pcg_client_page_requests() */
int pcg_client_faults(struct pcg_client *client, struct pcg_feature_fault *faults, uint32_t room, uint32_t *count);

/**
 * pcg_client_event_enable() - be told of page requests, of records, and of what others take from the function
 * @client: the client
 * @fd: an eventfd, which stays the caller's, who may close it; -1: the library makes one, for pcg_client_event_wait()
 *
 * It is signalled at once, for what there was before. When it is, look at all: pcg_client_page_requests(),
 * pcg_client_faults(), pcg_client_event_lost().
 *
 * Return: 0; -E2BIG (the server takes no descriptors); -EMFILE; or as any call.
 */
int pcg_client_event_enable(struct pcg_client *client, int fd);

/** pcg_client_event_disable() - no longer; the library's eventfd is closed */
int pcg_client_event_disable(struct pcg_client *client);

/** pcg_client_event_fd() - the library's eventfd, non-blocking, not to be closed; -1: there is none */
int pcg_client_event_fd(const struct pcg_client *client);

/**
 * pcg_client_event_wait() - wait for it, and serve meanwhile
 *
 * Return: 0; -ETIMEDOUT, without a note and with the client alive; -EINVAL (no eventfd of ours); or as
 * pcg_client_serve().
 */
int pcg_client_event_wait(struct pcg_client *client, uint32_t timeout_ms);

/** pcg_client_event_lost() - set @lost to enum pcg_feature_lost: what others took, with all its requests blocked */
int pcg_client_event_lost(struct pcg_client *client, uint32_t *lost);

#ifdef __cplusplus
}
#endif
#endif
