/* SPDX-License-Identifier: BSD-3-Clause */
/* DEVICE_FEATURE (vfio-user, "Device Feature"; linux/vfio.h, struct vfio_device_feature). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio-user/client.h"

#define FEATURE_HEAD 8u /* argsz, flags */
#define FEATURE_BITS                                                                                                   \
	(PCG_CLIENT_FEATURE_INDEX | PCG_CLIENT_FEATURE_GET | PCG_CLIENT_FEATURE_SET | PCG_CLIENT_FEATURE_PROBE)

static int feature_check(struct pcg_client *client, const struct client_call *call,
			 const struct pcg_client_feature *feature)
{
	const uint32_t both = PCG_CLIENT_FEATURE_GET | PCG_CLIENT_FEATURE_SET;
	bool probe = (feature->flags & PCG_CLIENT_FEATURE_PROBE) != 0;

	if ((feature->flags & ~(uint32_t)FEATURE_BITS) != 0 ||
	    (!probe && ((feature->flags & both) == 0 || (feature->flags & both) == both)))
		return client_complain(client, call, -EINVAL, "flags 0x%x: one of GET and SET, or PROBE",
				       feature->flags);
	if (feature->size > PCG_CLIENT_MAX_DATA || feature->room > PCG_CLIENT_MAX_DATA)
		return client_complain(client, call, -EINVAL, "more than %u bytes", PCG_CLIENT_MAX_DATA);
	return 0;
}

/* The answer repeats the head, then come the data. */
static int feature_read(struct pcg_client *client, const struct client_call *call, struct pcg_client_feature *feature)
{
	if (wire_get32(call->reply + 4) != feature->flags)
		return client_complain(client, call, -EPROTO, "the answer has flags 0x%x, 0x%x were sent",
				       wire_get32(call->reply + 4), feature->flags);
	feature->length = call->reply_size - FEATURE_HEAD;
	if (feature->room > 0 && feature->length > feature->room)
		return client_complain(client, call, -E2BIG, "the answer has %zu bytes, there is room for %zu",
				       feature->length, feature->room);
	if (feature->room > 0)
		memcpy(feature->answer, call->reply + FEATURE_HEAD, feature->length);
	if (client->nfds > 0) {
		feature->fd = client->fds[0];
		client->nfds = 0;
	}
	return 0;
}

int client_feature(struct pcg_client *client, struct pcg_client_feature *feature, const int *fds, unsigned int nfds)
{
	size_t most = feature->room > feature->size ? feature->room : feature->size;
	uint8_t head[FEATURE_HEAD];
	struct client_call call = { .command = WIRE_FEATURE,
				    .head = head,
				    .head_size = sizeof(head),
				    .data = feature->data,
				    .data_size = feature->size,
				    .fds = fds,
				    .nfds = nfds,
				    .index = feature->flags & PCG_CLIENT_FEATURE_INDEX,
				    .answer = (feature->flags & PCG_CLIENT_FEATURE_PROBE) != 0 ? ENOTTY : 0,
				    .least = FEATURE_HEAD,
				    .room = 1 };
	int r;

	feature->length = 0;
	feature->fd = -1;
	r = feature_check(client, &call, feature);
	if (r != 0)
		return r;
	if (nfds > client->limits.max_msg_fds)
		return client_complain(client, &call, -E2BIG, "the server takes %u descriptors",
				       client->limits.max_msg_fds);
	/* What the answer may have at most, and what is sent now at least. */
	wire_put32(head, (uint32_t)(FEATURE_HEAD + most));
	wire_put32(head + 4, feature->flags);
	r = client_call(client, &call);
	return r == 0 ? feature_read(client, &call, feature) : r;
}

int pcg_client_feature(struct pcg_client *client, struct pcg_client_feature *feature)
{
	return client_feature(client, feature, NULL, 0);
}

/* Where nobody takes a descriptor, none is left behind. */
static int feature_plain(struct pcg_client *client, struct pcg_client_feature *feature)
{
	int r = pcg_client_feature(client, feature);

	if (feature->fd >= 0)
		close(feature->fd);
	return r;
}

int pcg_client_feature_probe(struct pcg_client *client, uint16_t index, uint32_t flags)
{
	struct pcg_client_feature feature = { .flags = index | flags | PCG_CLIENT_FEATURE_PROBE };

	return feature_plain(client, &feature);
}

int pcg_client_feature_get(struct pcg_client *client, uint16_t index, void *data, size_t size)
{
	struct pcg_client_feature feature = {
		.flags = index | PCG_CLIENT_FEATURE_GET, .data = data, .size = size, .room = size
	};
	int r;

	/* Apart, so that an answer of another length changes nothing. */
	feature.answer = malloc(size > 0 ? size : 1);
	if (feature.answer == NULL) {
		client_note(client, PCG_ERROR, "no memory for %zu bytes of feature %u", size, index);
		return -ENOMEM;
	}
	r = feature_plain(client, &feature);
	if (r == 0 && feature.length != size) {
		client_note(client, PCG_ERROR, "feature %u has %zu bytes, not %zu", index, feature.length, size);
		r = -EPROTO;
	}
	if (r == 0)
		memcpy(data, feature.answer, size);
	free(feature.answer);
	return r == -E2BIG ? -EPROTO : r;
}

int pcg_client_feature_set(struct pcg_client *client, uint16_t index, const void *data, size_t size)
{
	struct pcg_client_feature feature = { .flags = index | PCG_CLIENT_FEATURE_SET, .data = data, .size = size };

	return feature_plain(client, &feature);
}
