/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads and writes: bytes, registers, configuration space. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "vfio-user/client.h"

/* The most that goes in one message; whole registers where the server takes any. */
static size_t region_piece(const struct pcg_client *client)
{
	uint64_t most = client->limits.max_data_xfer_size;

	if (most > PCG_CLIENT_MAX_DATA)
		most = PCG_CLIENT_MAX_DATA;
	return (size_t)(most >= 8 ? most & ~UINT64_C(7) : most);
}

static int region_check(struct pcg_client *client, const struct client_call *call)
{
	if (call->count == 0 || call->address + (call->count - 1) < call->address)
		return client_complain(client, call, -EINVAL, "there are no such bytes");
	return 0;
}

/* The answer repeats what it is about (vfio-user, "Region Access"). */
static int region_echo(struct pcg_client *client, const struct client_call *call, const struct wire_access *access,
		       size_t data)
{
	struct wire_access echo;

	wire_access_read(&echo, call->reply);
	if (echo.count != access->count || call->reply_size != WIRE_ACCESS_SIZE + data)
		return client_complain(client, call, -EPROTO, "the answer is about %u bytes and has %zu", echo.count,
				       call->reply_size - WIRE_ACCESS_SIZE);
	return 0;
}

int pcg_client_read(struct pcg_client *client, uint32_t region, uint64_t offset, void *data, size_t length)
{
	uint8_t head[WIRE_ACCESS_SIZE];
	struct client_call call = { .command = WIRE_REGION_READ,
				    .head = head,
				    .head_size = sizeof(head),
				    .index = region,
				    .address = offset,
				    .count = length,
				    .least = WIRE_ACCESS_SIZE };
	size_t done = 0, most = region_piece(client);
	int r = region_check(client, &call);

	while (r == 0 && done < length) {
		size_t piece = length - done < most ? length - done : most;
		struct wire_access access = { .offset = offset + done, .region = region, .count = (uint32_t)piece };

		wire_access_write(&access, head);
		r = client_call(client, &call);
		if (r == 0)
			r = region_echo(client, &call, &access, piece);
		if (r == 0)
			memcpy((uint8_t *)data + done, call.reply + WIRE_ACCESS_SIZE, piece);
		done += piece;
	}
	return r;
}

static int region_store(struct pcg_client *client, uint32_t region, uint64_t offset, const void *data, size_t length,
			uint32_t flags)
{
	uint8_t head[WIRE_ACCESS_SIZE];
	struct client_call call = { .command = WIRE_REGION_WRITE,
				    .flags = flags,
				    .head = head,
				    .head_size = sizeof(head),
				    .index = region,
				    .address = offset,
				    .count = length,
				    .least = WIRE_ACCESS_SIZE };
	size_t done = 0, most = region_piece(client);
	int r = region_check(client, &call);

	while (r == 0 && done < length) {
		size_t piece = length - done < most ? length - done : most;
		struct wire_access access = { .offset = offset + done, .region = region, .count = (uint32_t)piece };

		wire_access_write(&access, head);
		call.data = (const uint8_t *)data + done;
		call.data_size = piece;
		r = client_call(client, &call);
		if (r == 0 && flags == 0)
			r = region_echo(client, &call, &access, 0);
		done += piece;
	}
	return r;
}

int pcg_client_write(struct pcg_client *client, uint32_t region, uint64_t offset, const void *data, size_t length)
{
	return region_store(client, region, offset, data, length, 0);
}

int pcg_client_post(struct pcg_client *client, uint32_t region, uint64_t offset, const void *data, size_t length)
{
	return region_store(client, region, offset, data, length, WIRE_NO_REPLY);
}

/* --- registers --- */

static int register_fits(struct pcg_client *client, uint32_t region, uint64_t offset, size_t width)
{
	if (client->limits.max_data_xfer_size >= width)
		return 0;
	client_note(client, PCG_ERROR,
		    "region %u at 0x%" PRIx64 ": %zu bytes are one access, the server takes %" PRIu64 " at once",
		    region, offset, width, client->limits.max_data_xfer_size);
	return -E2BIG;
}

static int register_read(struct pcg_client *client, uint32_t region, uint64_t offset, size_t width, uint64_t *value)
{
	uint8_t bytes[8] = { 0 };
	int r = register_fits(client, region, offset, width);

	if (r == 0)
		r = pcg_client_read(client, region, offset, bytes, width);
	if (r == 0)
		*value = pcg_get32(bytes) | (uint64_t)pcg_get32(bytes + 4) << 32;
	return r;
}

static int register_write(struct pcg_client *client, uint32_t region, uint64_t offset, size_t width, uint64_t value,
			  uint32_t flags)
{
	uint8_t bytes[8];
	int r = register_fits(client, region, offset, width);

	pcg_put32(bytes, (uint32_t)value);
	pcg_put32(bytes + 4, (uint32_t)(value >> 32));
	return r == 0 ? region_store(client, region, offset, bytes, width, flags) : r;
}

int pcg_client_read8(struct pcg_client *client, uint32_t region, uint64_t offset, uint8_t *value)
{
	uint64_t v = 0;
	int r = register_read(client, region, offset, 1, &v);

	if (r == 0)
		*value = (uint8_t)v;
	return r;
}

int pcg_client_read16(struct pcg_client *client, uint32_t region, uint64_t offset, uint16_t *value)
{
	uint64_t v = 0;
	int r = register_read(client, region, offset, 2, &v);

	if (r == 0)
		*value = (uint16_t)v;
	return r;
}

int pcg_client_read32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t *value)
{
	uint64_t v = 0;
	int r = register_read(client, region, offset, 4, &v);

	if (r == 0)
		*value = (uint32_t)v;
	return r;
}

int pcg_client_read64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t *value)
{
	return register_read(client, region, offset, 8, value);
}

int pcg_client_write8(struct pcg_client *client, uint32_t region, uint64_t offset, uint8_t value)
{
	return register_write(client, region, offset, 1, value, 0);
}

int pcg_client_write16(struct pcg_client *client, uint32_t region, uint64_t offset, uint16_t value)
{
	return register_write(client, region, offset, 2, value, 0);
}

int pcg_client_write32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t value)
{
	return register_write(client, region, offset, 4, value, 0);
}

int pcg_client_write64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t value)
{
	return register_write(client, region, offset, 8, value, 0);
}

int pcg_client_post32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t value)
{
	return register_write(client, region, offset, 4, value, WIRE_NO_REPLY);
}

int pcg_client_post64(struct pcg_client *client, uint32_t region, uint64_t offset, uint64_t value)
{
	return register_write(client, region, offset, 8, value, WIRE_NO_REPLY);
}

int pcg_client_poll32(struct pcg_client *client, uint32_t region, uint64_t offset, uint32_t mask, uint32_t want,
		      uint32_t timeout_ms, uint32_t *value)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t end = client_now() + timeout_ms;
	uint32_t v;
	int r;

	for (;;) {
		/* Before the read: one that was late itself does not end the wait with an old value. */
		bool last = client_now() >= end;

		r = pcg_client_read32(client, region, offset, &v);
		if (r == 0 && value != NULL)
			*value = v;
		if (r != 0 || (v & mask) == want)
			return r;
		if (last)
			break;
		nanosleep(&pause, NULL);
	}
	client_note(client, PCG_ERROR, "region %u at 0x%" PRIx64 ": still 0x%x after %u ms, waited for 0x%x of 0x%x",
		    region, offset, v, timeout_ms, want, mask);
	return -ETIMEDOUT;
}

/* --- configuration space --- */

int pcg_client_config_update16(struct pcg_client *client, uint16_t offset, uint16_t clear, uint16_t set)
{
	uint16_t value = 0;
	int r = pcg_client_config_read16(client, offset, &value);

	return r == 0 ? pcg_client_config_write16(client, offset, (uint16_t)((value & ~clear) | set)) : r;
}

static int config_find(struct pcg_client *client, uint8_t *config, size_t size, uint16_t id, bool extended,
		       struct pcg_cap *cap)
{
	struct pcg_layout *layout = malloc(sizeof(*layout));
	const struct pcg_cap *found;
	int r;

	if (layout == NULL)
		return -ENOMEM;
	r = pcg_layout_parse(layout, config, size, NULL);
	if (r == 0) {
		found = extended ? pcg_layout_find_extended(layout, id) : pcg_layout_find(layout, id);
		if (found != NULL)
			*cap = *found;
		else
			r = -ENOENT;
	} else {
		client_note(client, PCG_ERROR, "configuration space: %s",
			    r == -ENODEV ? "it reads all ones" : "not of a type 0 function");
		r = r == -ENODEV ? r : -EPROTO;
	}
	free(layout);
	return r;
}

int pcg_client_find(struct pcg_client *client, uint16_t id, bool extended, struct pcg_cap *cap)
{
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct pcg_client_region region;
	int r;

	memset(cap, 0, sizeof(*cap));
	r = pcg_client_region_init(client, PCG_REGION_CONFIG, &region);
	if (r != 0)
		return r;
	pcg_client_region_finish(&region);
	if (region.size != PCG_CONFIG_CONVENTIONAL && region.size != PCG_CONFIG_EXTENDED) {
		client_note(client, PCG_ERROR, "configuration space has %" PRIu64 " bytes, not 256 or 4096",
			    region.size);
		return -EPROTO;
	}
	r = pcg_client_read(client, PCG_REGION_CONFIG, 0, config, (size_t)region.size);
	return r == 0 ? config_find(client, config, (size_t)region.size, id, extended, cap) : r;
}
