/* SPDX-License-Identifier: BSD-3-Clause */
/* DEVICE_FEATURE: argsz, flags, payload. Features of VFIO there are none; ours are in <pcigate/feature.h>. */
#include <errno.h>
#include <string.h>

#include "serve/feature.h"

_Static_assert(sizeof(struct pcg_feature_region_memory) + WIRE_FEATURE_HEAD <= CONNECTION_FEATURE,
	       "c->feature holds it");
_Static_assert(sizeof(struct pcg_feature_pasid) + WIRE_FEATURE_HEAD <= CONNECTION_FEATURE, "c->feature holds it");
_Static_assert(sizeof(struct pcg_feature_pasid) <= FEATURE_MOST, "any answer fits");

#define FEATURE_HEAD  ((size_t)WIRE_FEATURE_HEAD)
#define FEATURE_INDEX 0xffffu
#define FEATURE_GET   (1u << 16)
#define FEATURE_SET   (1u << 17)
#define FEATURE_PROBE (1u << 18)

struct feature {
	uint32_t index;
	uint32_t can; /* FEATURE_GET, FEATURE_SET */
	size_t size;  /* of the payload, or what it has at least */
	feature_handler *get;
	feature_handler *set;
};

/* --- PCG_FEATURE_REGION_MEMORY --- */

static int region_memory_get(struct feature_call *call)
{
	struct pcg_feature_region_memory m;
	uint32_t region;

	memcpy(&m, call->payload, sizeof(m));
	region = m.region;
	if (region >= PCG_NUM_REGIONS)
		return -EINVAL;
	memset(&m, 0, sizeof(m));
	m.region = region;
	m.memory = (uint32_t)pcg_function_region(call->c->slot->function, region)->memory;
	for (unsigned int i = 0; i < PCG_NUM_MEMORIES; i++) {
		const char *why;
		int r = pcg_function_memory(call->c->slot->function, region, (enum pcg_memory)i, &why);

		if (r == -EINVAL)
			return r;
		if (r == 0)
			m.possible |= 1u << i;
		else
			strncpy(m.reason, why, sizeof(m.reason) - 1);
	}
	memcpy(call->payload, &m, sizeof(m));
	return 0;
}

static void region_memory_done(struct pcg_request *request)
{
	struct serve_connection *c = serve_container(request, struct serve_connection, request);

	serve_connection_finish(c, request->result);
}

static int region_memory_set(struct feature_call *call)
{
	struct serve_connection *c = call->c;
	struct pcg_feature_region_memory m;

	memcpy(&m, call->payload, sizeof(m));
	if (m.region >= PCG_NUM_REGIONS || m.memory >= PCG_NUM_MEMORIES)
		return -EINVAL;
	c->request = (struct pcg_request){ .kind = PCG_REQUEST_MEMORY,
					   .region = m.region,
					   .memory = (enum pcg_memory)m.memory,
					   .done = region_memory_done };
	return pcg_function_submit(c->slot->function, &c->request);
}

/* --- PCG_FEATURE_MSIX_VECTORS --- */

static int msix_vectors_get(struct feature_call *call)
{
	struct pcg_feature_msix_vectors m = { 0 };
	unsigned int table, ceiling;
	const char *why;

	m.vectors = pcg_function_msix(call->c->slot->function, &table, &ceiling, &why);
	m.table = table;
	m.ceiling = ceiling;
	strncpy(m.reason, why, sizeof(m.reason) - 1);
	memcpy(call->payload, &m, sizeof(m));
	return 0;
}

static int msix_vectors_set(struct feature_call *call)
{
	struct pcg_feature_msix_vectors m;

	memcpy(&m, call->payload, sizeof(m));
	return pcg_function_msix_set(call->c->slot->function, m.vectors);
}

static const struct feature features[] = {
	{ PCG_FEATURE_REGION_MEMORY, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_region_memory),
	  region_memory_get, region_memory_set },
	{ PCG_FEATURE_MSIX_VECTORS, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_msix_vectors),
	  msix_vectors_get, msix_vectors_set },
	{ PCG_FEATURE_PASID, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_pasid), feature_pasid_get,
	  feature_pasid_set },
	{ PCG_FEATURE_SPACE, FEATURE_SET, sizeof(struct pcg_feature_space), NULL, feature_space_set },
	{ PCG_FEATURE_PAGE_REQUEST, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_batch),
	  feature_page_request_get, feature_page_request_set },
	{ PCG_FEATURE_FAULT, FEATURE_GET, sizeof(struct pcg_feature_batch), feature_fault_get, NULL },
	{ PCG_FEATURE_EVENT, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_event), feature_event_get,
	  feature_event_set },
};

/* What VFIO says of a feature that it does not know, so do we. */
static int feature_find(uint32_t flags, const struct feature **feature)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (features[i].index != (flags & FEATURE_INDEX))
			continue;
		*feature = &features[i];
		return 0;
	}
	return -ENOTTY;
}

static int feature_check(uint32_t flags, const struct feature *feature)
{
	const uint32_t both = FEATURE_GET | FEATURE_SET;

	if ((flags & ~(FEATURE_INDEX | both | FEATURE_PROBE)) != 0)
		return -EINVAL;
	if ((flags & FEATURE_PROBE) == 0 && ((flags & both) == both || (flags & both) == 0))
		return -EINVAL;
	return (flags & both & ~feature->can) == 0 ? 0 : -ENOTTY;
}

/* A SET may be answered later, with what it came with, as c->feature holds it. */
static int feature_set(struct feature_call *call, const struct feature *feature)
{
	struct serve_connection *c = call->c;
	int r;

	c->header = call->message->header;
	memcpy(c->feature, call->message->body, FEATURE_HEAD + feature->size);
	c->feature_size = (uint32_t)(FEATURE_HEAD + feature->size);
	wire_put32(c->feature, c->feature_size);
	call->payload = c->feature + FEATURE_HEAD;
	r = feature->set(call);
	return r == PCG_PENDING ? r : serve_feature_finish(c, r);
}

static int feature_get(struct feature_call *call, const struct feature *feature)
{
	uint8_t body[FEATURE_HEAD + FEATURE_MOST] = { 0 };
	int r;

	memcpy(body, call->message->body, FEATURE_HEAD + feature->size);
	call->payload = body + FEATURE_HEAD;
	r = feature->get(call);
	if (r != 0)
		return r;
	wire_put32(body, (uint32_t)(FEATURE_HEAD + call->size));
	serve_connection_reply(call->c, &call->message->header, body, FEATURE_HEAD + call->size, -1);
	return 0;
}

int serve_feature(struct serve_connection *c, struct stream_message *message)
{
	const struct feature *feature = NULL;
	uint32_t argsz = wire_get32(message->body), flags = wire_get32(message->body + 4);
	struct feature_call call = { .c = c, .message = message };
	int r = feature_find(flags, &feature);

	if (r == 0)
		r = feature_check(flags, feature);
	if (r != 0)
		return r;
	if ((flags & FEATURE_PROBE) != 0) {
		serve_connection_reply(c, &message->header, message->body, FEATURE_HEAD, -1);
		return 0;
	}
	if (message->size - FEATURE_HEAD < feature->size || argsz < FEATURE_HEAD + feature->size)
		return -EINVAL;
	call.size = feature->size;
	call.room = argsz - FEATURE_HEAD;
	call.more = message->body + FEATURE_HEAD + feature->size;
	call.nmore = message->size - FEATURE_HEAD - feature->size;
	return (flags & FEATURE_GET) != 0 ? feature_get(&call, feature) : feature_set(&call, feature);
}

int serve_feature_finish(struct serve_connection *c, int result)
{
	if (result == 0)
		serve_connection_reply(c, &c->header, c->feature, c->feature_size, -1);
	return result;
}
