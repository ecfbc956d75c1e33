/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands that reach the function. A read that the function refuses gives all ones, a write that it refuses is
 * dropped and answered, as a bus would do it, and as some clients, which wait for ever on an error, need it. Errors
 * are for requests that make no sense, and for a function that does not end them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "serve/connection.h"

static void access_done(struct pcg_request *request)
{
	struct serve_connection *c = serve_container(request, struct serve_connection, request);

	serve_connection_finish(c, request->result);
}

static bool access_inside(struct serve_connection *c, const struct wire_access *access)
{
	const struct pcg_region *region;

	if (access->region >= PCG_NUM_REGIONS || access->count > WIRE_MAX_DATA)
		return false;
	region = pcg_function_region(c->slot->function, access->region);
	return region->size > 0 && access->offset <= region->size && access->count <= region->size - access->offset;
}

static int access_submit(struct serve_connection *c, enum pcg_request_kind kind, uint8_t *data)
{
	c->request.kind = kind;
	c->request.region = c->access.region;
	c->request.offset = c->access.offset;
	c->request.length = c->access.count;
	c->request.data = data;
	c->request.done = access_done;
	return pcg_function_submit(c->slot->function, &c->request);
}

/* Memory for a reply with @c->access.count bytes of data. */
static uint8_t *access_buffer(struct serve_connection *c)
{
	if (c->access.count <= CONNECTION_DATA)
		return c->reply;
	free(c->large);
	c->large = malloc(CONNECTION_HEAD + (size_t)c->access.count);
	return c->large;
}

static uint8_t *access_current(struct serve_connection *c)
{
	return c->large != NULL ? c->large : c->reply;
}

static void access_release(struct serve_connection *c)
{
	free(c->large);
	c->large = NULL;
	free(c->multi);
	c->multi = NULL;
}

static int access_read_finish(struct serve_connection *c, int result)
{
	uint8_t *reply = access_current(c);
	struct wire_header header = c->header;

	if (c->slot->trace != NULL && c->access.region == PCG_REGION_CONFIG)
		trace_read(c->slot->trace, c->access.offset, reply + CONNECTION_HEAD, c->access.count, result);
	if (result == -EINVAL)
		return result;
	/*
	 * All of configuration space as ones has capabilities that lead back to themselves: QEMU, which reads it at its
	 * start, would follow them for ever. An error ends that start.
	 */
	if (result != 0 && c->access.region == PCG_REGION_CONFIG && c->access.count >= PCG_CONFIG_CONVENTIONAL)
		return result;
	if (result != 0)
		memset(reply + CONNECTION_HEAD, 0xff, c->access.count);
	header.size = CONNECTION_HEAD + c->access.count;
	header.flags = WIRE_REPLY;
	header.error = 0;
	wire_header_write(&header, reply);
	wire_access_write(&c->access, reply + WIRE_HEADER);
	if (output_put(&c->output, reply, header.size, NULL, 0, -1) != 0)
		serve_connection_drop(c);
	return 0;
}

/* From now on the client knows how many MSI-X vectors there are. */
static void access_tells(const struct serve_connection *c)
{
	unsigned int at = pcg_function_view(c->slot->function)->msix + PCG_MSIX_CONTROL;

	if (c->access.region == PCG_REGION_CONFIG && c->access.offset < at + 2 &&
	    c->access.offset + c->access.count > at)
		pcg_function_msix_told(c->slot->function);
}

int serve_region_read(struct serve_connection *c, struct stream_message *message)
{
	uint8_t *reply;
	int r = 0;

	wire_access_read(&c->access, message->body);
	if (!access_inside(c, &c->access)) {
		if (c->access.region == PCG_REGION_CONFIG)
			trace_read(c->slot->trace, c->access.offset, NULL, c->access.count, -EFAULT);
		return -EINVAL;
	}
	reply = access_buffer(c);
	if (reply == NULL)
		return -ENOMEM;
	c->header = message->header;
	access_tells(c);
	if (c->access.count > 0)
		r = access_submit(c, PCG_REQUEST_READ, reply + CONNECTION_HEAD);
	if (r != PCG_PENDING) {
		r = access_read_finish(c, r);
		if (c->large != NULL)
			access_release(c);
	}
	return r;
}

static void access_dropped(struct serve_connection *c, int result)
{
	if (c->dropped_writes++ > 0)
		return;
	/* Configuration space answers in every state: what it refuses, the function itself has not done. */
	base_log(
		&c->slot->log, PCG_INFO,
		"write of %u bytes at %llx of region %u refused (%s) and dropped; %s. Others of this client's are only "
		"counted",
		c->access.count, (unsigned long long)c->access.offset, c->access.region, strerror(-result),
		c->access.region == PCG_REGION_CONFIG
			? "the host's own note says why"
			: "memory enable in COMMAND and the power state in PMCSR must allow it");
}

/* Return: 0 when the client need not know, else the error to answer with. */
static int access_written(struct serve_connection *c, const uint8_t *data, int result)
{
	if (c->slot->trace != NULL && c->access.region == PCG_REGION_CONFIG)
		trace_write(c->slot->trace, c->access.offset, data, c->access.count, result);
	if (result == 0 || result == -EINVAL || result == -ETIMEDOUT)
		return result;
	access_dropped(c, result);
	return 0;
}

static int access_write_finish(struct serve_connection *c, int result)
{
	uint8_t body[WIRE_ACCESS_SIZE];
	int r = access_written(c, access_current(c) + CONNECTION_HEAD, result);

	if (r != 0)
		return r;
	wire_access_write(&c->access, body);
	serve_connection_reply(c, &c->header, body, sizeof(body), -1);
	return 0;
}

int serve_region_write(struct serve_connection *c, struct stream_message *message)
{
	uint8_t *data;
	int r = 0;

	wire_access_read(&c->access, message->body);
	if (message->size - WIRE_ACCESS_SIZE != c->access.count)
		return -EINVAL;
	if (!access_inside(c, &c->access)) {
		if (c->access.region == PCG_REGION_CONFIG)
			trace_write(c->slot->trace, c->access.offset, message->body + WIRE_ACCESS_SIZE, c->access.count,
				    -EFAULT);
		return -EINVAL;
	}
	/* A copy: the message is gone before a pending write is done. */
	data = access_buffer(c);
	if (data == NULL)
		return -ENOMEM;
	data += CONNECTION_HEAD;
	memcpy(data, message->body + WIRE_ACCESS_SIZE, c->access.count);
	c->header = message->header;
	if (c->access.count > 0)
		r = access_submit(c, PCG_REQUEST_WRITE, data);
	if (r != PCG_PENDING) {
		r = access_write_finish(c, r);
		if (c->large != NULL)
			access_release(c);
	}
	return r;
}

/* Goes on with the entries at @entries until one pends or others have their turn. Return: as a handler. */
static int access_multi(struct serve_connection *c, const uint8_t *entries)
{
	uint8_t body[WIRE_MULTI_HEADER];

	for (unsigned int n = 0; c->multi_at < c->multi_count; n++) {
		const uint8_t *p = entries + c->multi_at * WIRE_MULTI_ENTRY;
		struct wire_multi_entry entry;
		uint8_t *data = c->reply + CONNECTION_HEAD;
		int r = 0;

		if (n == CONNECTION_ENTRIES) {
			c->yielded = true;
			return PCG_PENDING;
		}
		wire_multi_entry_read(&entry, p);
		c->access =
			(struct wire_access){ .offset = entry.offset, .region = entry.region, .count = entry.count };
		memcpy(data, p + WIRE_ACCESS_SIZE, entry.count);
		c->multi_at++;
		if (entry.count > 0)
			r = access_submit(c, PCG_REQUEST_WRITE, data);
		if (r == PCG_PENDING)
			return r;
		r = access_written(c, data, r);
		if (r != 0)
			return r;
	}
	wire_put64(body, c->multi_count);
	serve_connection_reply(c, &c->header, body, sizeof(body), -1);
	return 0;
}

int serve_write_multi(struct serve_connection *c, struct stream_message *message)
{
	const uint8_t *entries = message->body + WIRE_MULTI_HEADER;
	size_t size = message->size - WIRE_MULTI_HEADER;
	int r;

	c->multi_count = wire_get64(message->body);
	c->multi_at = 0;
	if (c->multi_count != size / WIRE_MULTI_ENTRY || size % WIRE_MULTI_ENTRY != 0)
		return -EINVAL;
	/* All or nothing: a wrong entry refuses the message before anything is written. */
	for (size_t at = 0; at < size; at += WIRE_MULTI_ENTRY) {
		struct wire_multi_entry entry;

		wire_multi_entry_read(&entry, entries + at);
		c->access =
			(struct wire_access){ .offset = entry.offset, .region = entry.region, .count = entry.count };
		if (entry.count > WIRE_MULTI_DATA || !access_inside(c, &c->access))
			return -EINVAL;
	}
	c->header = message->header;
	r = access_multi(c, entries);
	if (r != PCG_PENDING)
		return r;
	c->multi = malloc(size);
	if (c->multi == NULL)
		serve_connection_drop(c); /* rather than losing writes in silence */
	else
		memcpy(c->multi, entries, size);
	return r;
}

static int access_multi_finish(struct serve_connection *c, int result)
{
	int r = access_written(c, c->reply + CONNECTION_HEAD, result);

	return r == 0 ? access_multi(c, c->multi) : r;
}

static int access_reset_finish(struct serve_connection *c, int result)
{
	trace_reset(c->slot->trace, result);
	if (result == 0)
		serve_connection_reply(c, &c->header, NULL, 0, -1);
	return result;
}

int serve_reset(struct serve_connection *c, struct stream_message *message)
{
	int r;

	c->header = message->header;
	c->access = (struct wire_access){ 0 };
	r = access_submit(c, PCG_REQUEST_RESET, NULL);
	return r == PCG_PENDING ? r : access_reset_finish(c, r);
}

int serve_access_resume(struct serve_connection *c)
{
	int r;

	c->yielded = false;
	r = access_multi(c, c->multi);
	if (r != PCG_PENDING)
		access_release(c);
	return r;
}

int serve_access_finish(struct serve_connection *c, int result)
{
	int r;

	switch (c->header.command) {
	case WIRE_REGION_READ:
		r = access_read_finish(c, result);
		break;
	case WIRE_REGION_WRITE:
		r = access_write_finish(c, result);
		break;
	case WIRE_REGION_WRITE_MULTI:
		r = access_multi_finish(c, result);
		break;
	case WIRE_DMA_MAP:
		return serve_dma_map_finish(c, result);
	case WIRE_FEATURE:
		return serve_feature_finish(c, result);
	case WIRE_DMA_UNMAP:
		return serve_dma_unmap_finish(c, result);
	default:
		r = access_reset_finish(c, result);
		break;
	}
	if (r != PCG_PENDING)
		access_release(c);
	return r;
}
