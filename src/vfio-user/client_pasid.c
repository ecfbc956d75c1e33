/* SPDX-License-Identifier: BSD-3-Clause */
/* PASIDs, address spaces, page requests and records: features of <pcigate/feature.h>. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <pcigate/client_pasid.h>

#include "vfio-user/client.h"

int pcg_client_pasid_offer(struct pcg_client *client, struct pcg_feature_pasid *offer)
{
	int r;

	memset(offer, 0, sizeof(*offer));
	r = pcg_client_feature_get(client, PCG_FEATURE_PASID, offer, sizeof(*offer));
	/* It is for people to read: whoever sent it. */
	offer->reason[sizeof(offer->reason) - 1] = '\0';
	return r;
}

int pcg_client_pasid(struct pcg_client *client, uint32_t width, uint32_t flags)
{
	const struct pcg_feature_pasid wish = { .shown = flags, .shown_width = width };

	return pcg_client_feature_set(client, PCG_FEATURE_PASID, &wish, sizeof(wish));
}

/* --- address spaces --- */

static int space_set(struct pcg_client *client, const struct pcg_feature_space *space)
{
	return pcg_client_feature_set(client, PCG_FEATURE_SPACE, space, sizeof(*space));
}

int pcg_client_space_create(struct pcg_client *client, uint32_t *space)
{
	struct pcg_feature_space wish = { .verb = PCG_SPACE_CREATE }, made;
	struct pcg_client_feature feature = { .flags = PCG_FEATURE_SPACE | PCG_CLIENT_FEATURE_SET,
					      .data = &wish,
					      .size = sizeof(wish),
					      .answer = &made,
					      .room = sizeof(made) };
	int r = pcg_client_feature(client, &feature);

	if (feature.fd >= 0)
		close(feature.fd);
	if (r == -E2BIG || (r == 0 && feature.length != sizeof(made))) {
		client_note(client, PCG_ERROR, "the answer to a new address space has %zu bytes, not %zu",
			    feature.length, sizeof(made));
		return -EPROTO;
	}
	if (r == 0)
		*space = made.space;
	return r;
}

int pcg_client_space_destroy(struct pcg_client *client, uint32_t space)
{
	const struct pcg_feature_space wish = { .verb = PCG_SPACE_DESTROY, .space = space };

	return space_set(client, &wish);
}

int pcg_client_space_map(struct pcg_client *client, uint32_t space, uint64_t iova, uint64_t size, uint64_t address,
			 uint32_t flags)
{
	const struct pcg_feature_space wish = {
		.verb = PCG_SPACE_MAP, .space = space, .flags = flags, .iova = iova, .size = size, .address = address
	};

	return space_set(client, &wish);
}

int pcg_client_space_unmap(struct pcg_client *client, uint32_t space, uint64_t iova, uint64_t size)
{
	const struct pcg_feature_space wish = { .verb = PCG_SPACE_UNMAP, .space = space, .iova = iova, .size = size };

	return space_set(client, &wish);
}

int pcg_client_pasid_attach(struct pcg_client *client, uint32_t pasid, uint32_t space)
{
	const struct pcg_feature_space wish = { .verb = PCG_SPACE_ATTACH, .space = space, .pasid = pasid };

	return space_set(client, &wish);
}

int pcg_client_pasid_detach(struct pcg_client *client, uint32_t pasid)
{
	const struct pcg_feature_space wish = { .verb = PCG_SPACE_DETACH, .pasid = pasid };

	return space_set(client, &wish);
}

/* --- batches --- */

/* An answer of whole entries, no more than were asked for, and as many as it says. */
static int batch_get(struct pcg_client *client, uint16_t index, void *entries, size_t entry, uint32_t room,
		     uint32_t *count)
{
	struct pcg_feature_batch batch = { .count = room < PCG_FEATURE_BATCH ? room : PCG_FEATURE_BATCH };
	uint8_t answer[sizeof(batch) + PCG_FEATURE_BATCH * sizeof(struct pcg_feature_fault)];
	struct pcg_client_feature feature = { .flags = index | PCG_CLIENT_FEATURE_GET,
					      .data = &batch,
					      .size = sizeof(batch),
					      .answer = answer,
					      .room = sizeof(batch) + batch.count * entry };
	uint32_t most = batch.count;
	int r;

	*count = 0;
	r = pcg_client_feature(client, &feature);
	if (feature.fd >= 0)
		close(feature.fd);
	if (r != 0)
		return r == -E2BIG ? -EPROTO : r;
	batch.count = UINT32_MAX;
	if (feature.length >= sizeof(batch))
		memcpy(&batch, answer, sizeof(batch));
	if (batch.count > most || feature.length != sizeof(batch) + batch.count * entry) {
		client_note(client, PCG_ERROR, "feature %u: %zu bytes are no batch of at most %u", index,
			    feature.length, most);
		return -EPROTO;
	}
	memcpy(entries, answer + sizeof(batch), batch.count * entry);
	*count = batch.count;
	return 0;
}

int pcg_client_page_requests(struct pcg_client *client, struct pcg_feature_page_request *requests, uint32_t room,
			     uint32_t *count)
{
	return batch_get(client, PCG_FEATURE_PAGE_REQUEST, requests, sizeof(*requests), room, count);
}

int pcg_client_faults(struct pcg_client *client, struct pcg_feature_fault *faults, uint32_t room, uint32_t *count)
{
	return batch_get(client, PCG_FEATURE_FAULT, faults, sizeof(*faults), room, count);
}

int pcg_client_page_respond(struct pcg_client *client, const struct pcg_feature_page_response *responses,
			    uint32_t count, uint32_t *done)
{
	struct pcg_feature_batch batch = { .count = count };
	uint8_t data[sizeof(batch) + PCG_FEATURE_BATCH * sizeof(*responses)];
	struct pcg_client_feature feature = { .flags = PCG_FEATURE_PAGE_REQUEST | PCG_CLIENT_FEATURE_SET,
					      .data = data,
					      .size = sizeof(batch) + count * sizeof(*responses),
					      .answer = &batch,
					      .room = sizeof(batch) };
	int r;

	if (done != NULL)
		*done = 0;
	if (count == 0 || count > PCG_FEATURE_BATCH) {
		client_note(client, PCG_ERROR, "%u page responses: 1 to %u at a time", count, PCG_FEATURE_BATCH);
		return -EINVAL;
	}
	memcpy(data, &batch, sizeof(batch));
	memcpy(data + sizeof(batch), responses, count * sizeof(*responses));
	r = pcg_client_feature(client, &feature);
	if (feature.fd >= 0)
		close(feature.fd);
	if (r == -E2BIG || (r == 0 && (feature.length != sizeof(batch) || batch.count > count))) {
		client_note(client, PCG_ERROR, "the answer to %u page responses does not say how many were done",
			    count);
		return -EPROTO;
	}
	if (r == 0 && done != NULL)
		*done = batch.count;
	return r;
}

/* --- the eventfd --- */

static int event_set(struct pcg_client *client, int fd)
{
	const struct pcg_feature_event none = { 0 };
	struct pcg_client_feature feature = { .flags = PCG_FEATURE_EVENT | PCG_CLIENT_FEATURE_SET,
					      .data = &none,
					      .size = sizeof(none) };
	int r = client_feature(client, &feature, &fd, fd >= 0 ? 1 : 0);

	if (feature.fd >= 0)
		close(feature.fd);
	return r;
}

void client_event_close(struct pcg_client *client)
{
	if (client->event >= 0)
		close(client->event);
	client->event = -1;
}

int pcg_client_event_enable(struct pcg_client *client, int fd)
{
	bool ours = fd < 0;
	int r;

	if (ours)
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (fd < 0) {
		r = -errno;
		client_note(client, PCG_ERROR, "an eventfd for page requests and records: %s", strerror(-r));
		return r;
	}
	r = event_set(client, fd);
	if (r == 0) {
		client_event_close(client);
		client->event = ours ? fd : -1;
	} else if (ours) {
		close(fd);
	}
	return r;
}

int pcg_client_event_disable(struct pcg_client *client)
{
	int r = event_set(client, -1);

	client_event_close(client);
	return r;
}

int pcg_client_event_fd(const struct pcg_client *client)
{
	return client->event;
}

int pcg_client_event_wait(struct pcg_client *client, uint32_t timeout_ms)
{
	uint64_t n;
	int r;

	if (client->event < 0) {
		client_note(client, PCG_ERROR, "there is no eventfd of ours to wait for: enable it first");
		return -EINVAL;
	}
	r = pcg_client_wait(client, client->event, timeout_ms);
	if (r == 0 && read(client->event, &n, sizeof(n)) != (ssize_t)sizeof(n)) {
		r = -errno;
		client_note(client, PCG_ERROR, "the eventfd of page requests and records: %s", strerror(-r));
	}
	return r;
}

int pcg_client_event_lost(struct pcg_client *client, uint32_t *lost)
{
	struct pcg_feature_event event = { 0 };
	int r = pcg_client_feature_get(client, PCG_FEATURE_EVENT, &event, sizeof(event));

	*lost = r == 0 ? event.lost : 0;
	return r;
}
