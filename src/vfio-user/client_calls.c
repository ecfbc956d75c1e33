/* SPDX-License-Identifier: BSD-3-Clause */
/* What a client asks, one function a command. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vfio-user/client.h"

/* For commands whose answer carries no descriptor. */
static int client_plain(struct client *client, struct client_call *call, size_t least)
{
	int r = client_call(client, call);

	if (r == 0 && call->reply_fd >= 0) {
		close(call->reply_fd);
		call->reply_fd = -1;
	}
	if (r == 0 && call->reply_size < least)
		r = -EPROTO;
	return r;
}

int client_version(struct client *client, const char *json, struct version *server)
{
	uint8_t head[WIRE_VERSION_FIXED];
	struct client_call call = { .command = WIRE_VERSION, .head = head, .head_size = sizeof(head) };
	const char *why;
	int r;

	memset(head, 0, sizeof(head));
	if (json != NULL) {
		call.data = json;
		call.data_size = strlen(json) + 1;
	}
	r = client_plain(client, &call, WIRE_VERSION_FIXED);
	return r == 0 ? version_read(server, call.reply, call.reply_size, &why) : r;
}

int client_info(struct client *client, struct wire_info *info)
{
	uint8_t head[WIRE_INFO_SIZE];
	struct client_call call = { .command = WIRE_GET_INFO, .head = head, .head_size = sizeof(head) };
	int r;

	memset(info, 0, sizeof(*info));
	info->argsz = WIRE_INFO_SIZE;
	wire_info_write(info, head);
	r = client_plain(client, &call, WIRE_INFO_SIZE);
	if (r == 0)
		wire_info_read(info, call.reply);
	return r;
}

int client_region_info(struct client *client, uint32_t index, struct wire_region_info *info, int *fd)
{
	uint8_t head[WIRE_REGION_INFO_SIZE];
	struct client_call call = { .command = WIRE_GET_REGION_INFO, .head = head, .head_size = sizeof(head) };
	int r;

	*fd = -1;
	memset(info, 0, sizeof(*info));
	info->argsz = WIRE_REGION_INFO_SIZE;
	info->index = index;
	/* Once more when there is more to say than fits. */
	for (int i = 0; i < 2; i++) {
		uint32_t argsz = info->argsz;

		wire_region_info_write(info, head);
		r = client_call(client, &call);
		if (r != 0)
			return r;
		*fd = call.reply_fd;
		if (call.reply_size < WIRE_REGION_INFO_SIZE) {
			r = -EPROTO;
			break;
		}
		wire_region_info_read(info, call.reply);
		if (info->argsz <= argsz)
			break;
		if (i == 0 && *fd >= 0) {
			close(*fd);
			*fd = -1;
		}
	}
	if (r != 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return r;
}

int client_irq_info(struct client *client, uint32_t index, struct wire_irq_info *info)
{
	uint8_t head[WIRE_IRQ_INFO_SIZE];
	struct client_call call = { .command = WIRE_GET_IRQ_INFO, .head = head, .head_size = sizeof(head) };
	int r;

	memset(info, 0, sizeof(*info));
	info->argsz = WIRE_IRQ_INFO_SIZE;
	info->index = index;
	wire_irq_info_write(info, head);
	r = client_plain(client, &call, WIRE_IRQ_INFO_SIZE);
	if (r == 0)
		wire_irq_info_read(info, call.reply);
	return r;
}

int client_map(struct client *client, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	struct wire_dma_map map = {
		.argsz = WIRE_DMA_MAP_SIZE, .flags = flags, .offset = offset, .iova = iova, .size = size
	};
	uint8_t head[WIRE_DMA_MAP_SIZE];
	struct client_call call = {
		.command = WIRE_DMA_MAP, .head = head, .head_size = sizeof(head), .fds = &fd, .nfds = fd >= 0 ? 1 : 0
	};

	wire_dma_map_write(&map, head);
	return client_plain(client, &call, 0);
}

int client_unmap(struct client *client, uint64_t iova, uint64_t size)
{
	struct wire_dma_unmap unmap = { .argsz = WIRE_DMA_UNMAP_SIZE, .iova = iova, .size = size };
	uint8_t head[WIRE_DMA_UNMAP_SIZE];
	struct client_call call = { .command = WIRE_DMA_UNMAP, .head = head, .head_size = sizeof(head) };

	wire_dma_unmap_write(&unmap, head);
	return client_plain(client, &call, WIRE_DMA_UNMAP_SIZE);
}

int client_read(struct client *client, uint32_t region, uint64_t offset, void *data, uint32_t count)
{
	struct wire_access access = { .offset = offset, .region = region, .count = count };
	uint8_t head[WIRE_ACCESS_SIZE];
	struct client_call call = { .command = WIRE_REGION_READ, .head = head, .head_size = sizeof(head) };
	int r;

	wire_access_write(&access, head);
	r = client_plain(client, &call, WIRE_ACCESS_SIZE + (size_t)count);
	if (r == 0)
		memcpy(data, call.reply + WIRE_ACCESS_SIZE, count);
	return r;
}

static int client_store(struct client *client, uint32_t region, uint64_t offset, const void *data, uint32_t count,
			uint32_t flags)
{
	struct wire_access access = { .offset = offset, .region = region, .count = count };
	uint8_t head[WIRE_ACCESS_SIZE];
	struct client_call call = {
		.command = WIRE_REGION_WRITE,
		.flags = flags,
		.head = head,
		.head_size = sizeof(head),
		.data = data,
		.data_size = count,
	};

	wire_access_write(&access, head);
	return client_plain(client, &call, flags == 0 ? WIRE_ACCESS_SIZE : 0);
}

int client_write(struct client *client, uint32_t region, uint64_t offset, const void *data, uint32_t count)
{
	return client_store(client, region, offset, data, count, 0);
}

int client_post(struct client *client, uint32_t region, uint64_t offset, const void *data, uint32_t count)
{
	return client_store(client, region, offset, data, count, WIRE_NO_REPLY);
}

int client_set_irqs(struct client *client, const struct wire_irq_set *set, const int *fds, unsigned int nfds)
{
	uint8_t head[WIRE_IRQ_SET_SIZE];
	struct client_call call = {
		.command = WIRE_SET_IRQS, .head = head, .head_size = sizeof(head), .fds = fds, .nfds = nfds
	};

	wire_irq_set_write(set, head);
	return client_plain(client, &call, 0);
}

int client_reset(struct client *client)
{
	struct client_call call = { .command = WIRE_RESET };

	return client_plain(client, &call, 0);
}
