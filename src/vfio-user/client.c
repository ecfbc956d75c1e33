/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vfio-user/client.h"

#define CLIENT_MESSAGE_MAX (WIRE_HEADER + 4096 + WIRE_MAX_DATA)

int client_attach(struct client *client, int fd)
{
	memset(client, 0, sizeof(*client));
	client->fd = fd;
	client->buffer = malloc(CLIENT_MESSAGE_MAX);
	return client->buffer == NULL ? -ENOMEM : 0;
}

int client_connect(struct client *client, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, r;

	memset(client, 0, sizeof(*client));
	client->fd = -1;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		r = -errno;
		close(fd);
		return r;
	}
	return client_attach(client, fd);
}

void client_close(struct client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	free(client->buffer);
	client->fd = -1;
	client->buffer = NULL;
}

static int client_send(struct client *client, const struct wire_header *header, const struct client_call *call)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
	} control;
	uint8_t head[WIRE_HEADER];
	struct iovec iov[3] = { { head, sizeof(head) },
				{ (void *)call->head, call->head_size },
				{ (void *)call->data, call->data_size } };
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = 3 };

	if (call->nfds > WIRE_FDS_LIMIT)
		return -EINVAL;
	wire_header_write(header, head);
	if (call->nfds > 0) {
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(call->nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), call->fds, call->nfds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(call->nfds * sizeof(int));
	}
	while (message.msg_iovlen > 0) {
		ssize_t n = sendmsg(client->fd, &message, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		message.msg_control = NULL;
		message.msg_controllen = 0;
		while (message.msg_iovlen > 0 && (size_t)n >= message.msg_iov->iov_len) {
			n -= (ssize_t)message.msg_iov->iov_len;
			message.msg_iov++;
			message.msg_iovlen--;
		}
		if (message.msg_iovlen > 0) {
			message.msg_iov->iov_base = (uint8_t *)message.msg_iov->iov_base + n;
			message.msg_iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* Keeps the first descriptor in *@fd, which may be NULL, and closes the others. */
static void client_take_fds(struct msghdr *message, int *fd)
{
	struct cmsghdr *cmsg;

	for (cmsg = CMSG_FIRSTHDR(message); cmsg != NULL; cmsg = CMSG_NXTHDR(message, cmsg)) {
		size_t i, n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(one));
			if (fd != NULL && *fd < 0)
				*fd = one;
			else
				close(one);
		}
	}
}

/* Reads until @size bytes of the message are in the buffer; *@filled says how many are. */
static int client_fill(struct client *client, size_t size, size_t *filled, int *fd)
{
	while (*filled < size) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
		} control;
		struct iovec iov = { client->buffer + *filled, size - *filled };
		struct msghdr message = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
		};
		ssize_t n = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -ENOTCONN;
		client_take_fds(&message, fd);
		*filled += (size_t)n;
	}
	return 0;
}

static int client_receive(struct client *client, struct wire_header *header, int *fd)
{
	size_t filled = 0;
	int r = client_fill(client, WIRE_HEADER, &filled, fd);

	if (r != 0)
		return r;
	wire_header_read(header, client->buffer);
	if (header->size < WIRE_HEADER || header->size > CLIENT_MESSAGE_MAX)
		return -EPROTO;
	return client_fill(client, header->size, &filled, fd);
}

/* The server asks of memory: the message in the buffer becomes its answer. */
static int client_serve(struct client *client, struct wire_header *header)
{
	struct client_call answer = { 0 };
	struct wire_dma_access access;
	uint8_t head[WIRE_ACCESS_SIZE];
	uint8_t *data = client->buffer + WIRE_HEADER + WIRE_ACCESS_SIZE;
	bool write = header->command == WIRE_DMA_WRITE;
	int r = -EINVAL;

	memset(&access, 0, sizeof(access));
	if ((write || header->command == WIRE_DMA_READ) && header->size >= WIRE_HEADER + WIRE_ACCESS_SIZE) {
		wire_dma_access_read(&access, client->buffer + WIRE_HEADER);
		if (access.count <= WIRE_MAX_DATA &&
		    header->size == WIRE_HEADER + WIRE_ACCESS_SIZE + (write ? access.count : 0))
			r = client->memory == NULL
				    ? -ENODEV
				    : client->memory(client->arg, write, access.address, data, (size_t)access.count);
	}
	header->flags = WIRE_REPLY;
	header->error = 0;
	header->size = WIRE_HEADER;
	if (r != 0) {
		header->flags |= WIRE_ERROR;
		header->error = (uint32_t)-r;
		return client_send(client, header, &answer);
	}
	wire_dma_access_write(&access, head);
	answer.head = head;
	answer.head_size = sizeof(head);
	answer.data = data;
	answer.data_size = write ? 0 : (size_t)access.count;
	header->size += (uint32_t)(answer.head_size + answer.data_size);
	return client_send(client, header, &answer);
}

int client_call(struct client *client, struct client_call *call)
{
	struct wire_header header = { .id = client->id++, .command = call->command, .flags = call->flags };
	struct wire_header answer;
	int r;

	call->reply = NULL;
	call->reply_size = 0;
	call->reply_fd = -1;
	header.size = (uint32_t)(WIRE_HEADER + call->head_size + call->data_size);
	r = client_send(client, &header, call);
	if (r != 0 || (call->flags & WIRE_NO_REPLY) != 0)
		return r;

	for (;;) {
		r = client_receive(client, &answer, &call->reply_fd);
		if (r == 0 && (answer.flags & WIRE_TYPE) == WIRE_REPLY)
			break;
		if (r == 0)
			r = client_serve(client, &answer);
		if (r != 0)
			goto fail;
	}
	r = -EPROTO;
	if (answer.id != header.id || answer.command != header.command)
		goto fail;
	if ((answer.flags & WIRE_ERROR) != 0) {
		r = answer.error == 0 || answer.error > 4095 ? -EIO : -(int)answer.error;
		goto fail;
	}
	call->reply = client->buffer + WIRE_HEADER;
	call->reply_size = answer.size - WIRE_HEADER;
	return 0;

fail:
	if (call->reply_fd >= 0)
		close(call->reply_fd);
	call->reply_fd = -1;
	return r;
}
