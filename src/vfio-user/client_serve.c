/* SPDX-License-Identifier: BSD-3-Clause */
/* What the server asks of us: memory that was mapped without a descriptor. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "vfio-user/client.h"

/* Answered in one call of pcg_client_serve(). */
#define CLIENT_SERVE_MAX 64

/* 0 or a negative errno for the server. @data holds what is written, or takes what is read. */
static int client_reach(const struct pcg_client *client, const struct wire_header *header,
			const struct wire_dma_access *access, uint8_t *data)
{
	const struct pcg_client_memory *memory = &client->memory;
	bool write = header->command == WIRE_DMA_WRITE;
	size_t body = header->size - WIRE_HEADER;

	if (access->count == 0 || access->count > PCG_CLIENT_MAX_DATA ||
	    access->address + (access->count - 1) < access->address ||
	    body != WIRE_ACCESS_SIZE + (write ? access->count : 0))
		return -EINVAL;
	if (write)
		return memory->write == NULL ? -ENODEV
					     : memory->write(memory->arg, access->address, data, (size_t)access->count);
	if (memory->read == NULL)
		return -ENODEV;
	/* What the hook leaves out is not what the server sent before. */
	memset(data, 0, (size_t)access->count);
	return memory->read(memory->arg, access->address, data, (size_t)access->count);
}

int client_answer(struct pcg_client *client, struct wire_header *header, uint64_t end)
{
	struct wire_dma_access access = { 0 };
	struct client_call answer = { 0 };
	uint8_t head[WIRE_ACCESS_SIZE];
	uint8_t *data = client->buffer + WIRE_HEADER + WIRE_ACCESS_SIZE;
	bool silent = (header->flags & WIRE_NO_REPLY) != 0;
	int r = -EINVAL;

	client_drop_fds(client);
	if ((header->flags & WIRE_TYPE) != 0)
		return client_die(client, -EPROTO, "a message that is neither command nor reply");
	if (header->command != WIRE_DMA_READ && header->command != WIRE_DMA_WRITE) {
		r = -ENOTSUP;
	} else if (header->size >= WIRE_HEADER + WIRE_ACCESS_SIZE) {
		wire_dma_access_read(&access, client->buffer + WIRE_HEADER);
		r = client_reach(client, header, &access, data);
	}
	if (silent)
		return 0;
	header->flags = WIRE_REPLY;
	header->error = 0;
	header->size = WIRE_HEADER;
	if (r != 0) {
		header->flags |= WIRE_ERROR;
		header->error = r < 0 && r >= -4095 ? (uint32_t)-r : EIO;
	} else {
		wire_dma_access_write(&access, head);
		answer.head = head;
		answer.head_size = sizeof(head);
		answer.data = data;
		answer.data_size = header->command == WIRE_DMA_READ ? (size_t)access.count : 0;
		header->size += (uint32_t)(answer.head_size + answer.data_size);
	}
	r = client_send(client, header, &answer, end);
	return r == 0 ? 0 : client_die(client, r, "an answer about memory could not be sent");
}

int pcg_client_serve(struct pcg_client *client)
{
	int r = client_ready(client), n = 0;

	if (r != 0)
		return r;
	client->busy = true;
	while (r == 0 && n < CLIENT_SERVE_MAX) {
		struct wire_header header;

		r = client_receive(client, &header, 0);
		if (r == -EAGAIN)
			break;
		if (r != 0)
			client_die(client, r, "while the server asked for something");
		else if ((header.flags & WIRE_TYPE) == WIRE_REPLY)
			r = client_die(client, -EPROTO, "an answer to nothing");
		else
			r = client_answer(client, &header, client_deadline(client));
		n += r == 0;
	}
	client->busy = false;
	return r == 0 || r == -EAGAIN ? n : r;
}

int pcg_client_wait(struct pcg_client *client, int fd, uint32_t timeout_ms)
{
	uint64_t end = client_now() + timeout_ms;
	int r = client_ready(client);

	while (r == 0) {
		struct pollfd fds[2] = { { .fd = fd, .events = POLLIN }, { .fd = client->fd, .events = POLLIN } };

		r = client_poll(fds, 2, end);
		if (r != 0)
			return r;
		if ((fds[0].revents & POLLNVAL) != 0) {
			client_note(client, PCG_ERROR, "descriptor %d, to be waited for, is not open", fd);
			return -EBADF;
		}
		if (fds[0].revents != 0)
			return 0;
		r = pcg_client_serve(client);
		r = r > 0 ? 0 : r;
		if (r == 0 && client_now() >= end)
			return -ETIMEDOUT;
	}
	return r;
}
