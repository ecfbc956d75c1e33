/* SPDX-License-Identifier: BSD-3-Clause */
/* DEVICE_FEATURE: argsz, flags, payload. Features of VFIO there are none; ours are in <pcigate/feature.h>. */
#include <errno.h>
#include <string.h>

#include <pcigate/feature.h>

#include "serve/connection.h"

#define FEATURE_HEAD  ((size_t)WIRE_FEATURE_HEAD)
#define FEATURE_INDEX 0xffffu
#define FEATURE_GET   (1u << 16)
#define FEATURE_SET   (1u << 17)
#define FEATURE_PROBE (1u << 18)

struct feature {
	uint32_t index;
	uint32_t can; /* FEATURE_GET, FEATURE_SET */
	size_t size;  /* of the payload */
	/* Both work on the payload in place. Return: 0 or a negative errno. */
	int (*get)(struct serve_connection *c, uint8_t *payload);
	int (*set)(struct serve_connection *c, const uint8_t *payload);
};

/* --- PCG_FEATURE_REGION_MEMORY --- */

static int region_memory_get(struct serve_connection *c, uint8_t *payload)
{
	struct pcg_feature_region_memory m;
	uint32_t region;

	memcpy(&m, payload, sizeof(m));
	region = m.region;
	if (region >= PCG_NUM_REGIONS)
		return -EINVAL;
	memset(&m, 0, sizeof(m));
	m.region = region;
	m.memory = (uint32_t)pcg_function_region(c->slot->function, region)->memory;
	for (unsigned int i = 0; i < PCG_NUM_MEMORIES; i++) {
		const char *why;
		int r = pcg_function_memory(c->slot->function, region, (enum pcg_memory)i, &why);

		if (r == -EINVAL)
			return r;
		if (r == 0)
			m.possible |= 1u << i;
		else
			strncpy(m.reason, why, sizeof(m.reason) - 1);
	}
	memcpy(payload, &m, sizeof(m));
	return 0;
}

static void region_memory_done(struct pcg_request *request)
{
	struct serve_connection *c = serve_container(request, struct serve_connection, request);

	serve_connection_finish(c, request->result);
}

static int region_memory_set(struct serve_connection *c, const uint8_t *payload)
{
	struct pcg_feature_region_memory m;

	memcpy(&m, payload, sizeof(m));
	if (m.region >= PCG_NUM_REGIONS || m.memory >= PCG_NUM_MEMORIES)
		return -EINVAL;
	c->request = (struct pcg_request){ .kind = PCG_REQUEST_MEMORY,
					   .region = m.region,
					   .memory = (enum pcg_memory)m.memory,
					   .done = region_memory_done };
	return pcg_function_submit(c->slot->function, &c->request);
}

static const struct feature features[] = {
	{ PCG_FEATURE_REGION_MEMORY, FEATURE_GET | FEATURE_SET, sizeof(struct pcg_feature_region_memory),
	  region_memory_get, region_memory_set },
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

int serve_feature(struct serve_connection *c, struct stream_message *message)
{
	uint8_t body[FEATURE_HEAD + sizeof(struct pcg_feature_region_memory)] = { 0 };
	const struct feature *feature = NULL;
	uint32_t argsz = wire_get32(message->body), flags = wire_get32(message->body + 4);
	size_t sent = message->size - FEATURE_HEAD;
	int r = feature_find(flags, &feature);

	if (r == 0)
		r = feature_check(flags, feature);
	if (r != 0)
		return r;
	if ((flags & FEATURE_PROBE) != 0) {
		serve_connection_reply(c, &message->header, message->body, FEATURE_HEAD, -1);
		return 0;
	}
	if (sent < feature->size || argsz < FEATURE_HEAD + feature->size)
		return -EINVAL;
	memcpy(body, message->body, FEATURE_HEAD + feature->size);
	wire_put32(body, (uint32_t)(FEATURE_HEAD + feature->size));
	/* A SET may be answered later, with what it came with. */
	c->header = message->header;
	memcpy(c->feature, body, FEATURE_HEAD + feature->size);
	c->feature_size = (uint32_t)(FEATURE_HEAD + feature->size);
	if ((flags & FEATURE_GET) == 0) {
		r = feature->set(c, body + FEATURE_HEAD);
		return r == PCG_PENDING ? r : serve_feature_finish(c, r);
	}
	r = feature->get(c, body + FEATURE_HEAD);
	if (r == 0)
		serve_connection_reply(c, &message->header, body, FEATURE_HEAD + feature->size, -1);
	return r;
}

int serve_feature_finish(struct serve_connection *c, int result)
{
	if (result == 0)
		serve_connection_reply(c, &c->header, c->feature, c->feature_size, -1);
	return result;
}
