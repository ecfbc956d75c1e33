/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small blocking client: one call, one answer. While it waits it serves what the server asks of memory. It trusts
 * the server as little as the server trusts it: every length is checked, descriptors that nobody asked for are closed.
 */
#ifndef VFIO_USER_CLIENT_H
#define VFIO_USER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio-user/version.h"
#include "vfio-user/wire.h"

/*
 * struct client - one connection
 * @memory: asked for DMA_READ (@write false: fill in @data) and DMA_WRITE; returns 0 or a negative errno.
 *          NULL: no memory, every request is refused with ENODEV.
 */
struct client {
	int fd;
	uint16_t id;
	uint8_t *buffer; /* one incoming message */
	int (*memory)(void *arg, bool write, uint64_t address, void *data, size_t count);
	void *arg;
};

/* One message with what goes along; @fds are sent, not consumed. */
struct client_call {
	uint16_t command;
	uint32_t flags; /* WIRE_NO_REPLY or 0 */
	const void *head;
	size_t head_size;
	const void *data;
	size_t data_size;
	const int *fds;
	unsigned int nfds;
	/* the answer, its header left out: valid until the next call */
	const uint8_t *reply;
	size_t reply_size;
	int reply_fd; /* the caller's to close; -1: none */
};

/* Every function returns 0 or a negative errno: the server's own, or -EPROTO, -ENOTCONN, what a syscall said. */
int client_connect(struct client *client, const char *path);
int client_attach(struct client *client, int fd); /* takes a connected socket over */
void client_close(struct client *client);

int client_call(struct client *client, struct client_call *call);
int client_version(struct client *client, const char *json, struct version *server); /* NULL: no JSON text */
int client_info(struct client *client, struct wire_info *info);
int client_region_info(struct client *client, uint32_t index, struct wire_region_info *info, int *fd);
int client_irq_info(struct client *client, uint32_t index, struct wire_irq_info *info);
int client_map(struct client *client, uint64_t iova, uint64_t size, uint32_t flags, int fd, uint64_t offset);
int client_unmap(struct client *client, uint64_t iova, uint64_t size);
int client_read(struct client *client, uint32_t region, uint64_t offset, void *data, uint32_t count);
int client_write(struct client *client, uint32_t region, uint64_t offset, const void *data, uint32_t count);
int client_post(struct client *client, uint32_t region, uint64_t offset, const void *data, uint32_t count);
int client_set_irqs(struct client *client, const struct wire_irq_set *set, const int *fds, unsigned int nfds);
int client_reset(struct client *client);

#endif
