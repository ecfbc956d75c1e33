/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes and descriptors in and out, never past a deadline. The socket may be blocking: no call of ours is. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "vfio-user/client.h"
#include "vfio-user/fds.h"

uint64_t client_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t client_deadline(const struct pcg_client *client)
{
	return client_now() + client->timeout_ms;
}

int client_poll(struct pollfd *fds, unsigned int n, uint64_t end)
{
	for (;;) {
		uint64_t now = client_now();
		uint64_t left = end > now ? end - now : 0;
		int r = poll(fds, n, left > INT_MAX ? INT_MAX : (int)left);

		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (client_now() >= end)
			return -ETIMEDOUT;
	}
}

/* After a system call that failed: wait until it is worth another try, or its errno. */
static int client_again(const struct pcg_client *client, short events, uint64_t end)
{
	struct pollfd fd = { .fd = client->fd, .events = events };

	switch (errno) {
	case EINTR:
		return 0;
	case EAGAIN:
		return client_poll(&fd, 1, end);
	case EPIPE:
	case ECONNRESET:
		return -ENOTCONN;
	default:
		return -errno;
	}
}

/* --- out --- */

/* @n bytes of the message are on their way: what is left of it. */
static void client_advance(struct msghdr *message, size_t n)
{
	message->msg_control = NULL;
	message->msg_controllen = 0;
	while (message->msg_iovlen > 0 && n >= message->msg_iov->iov_len) {
		n -= message->msg_iov->iov_len;
		message->msg_iov++;
		message->msg_iovlen--;
	}
	if (message->msg_iovlen > 0) {
		message->msg_iov->iov_base = (uint8_t *)message->msg_iov->iov_base + n;
		message->msg_iov->iov_len -= n;
	}
}

int client_send(struct pcg_client *client, const struct wire_header *header, const struct client_call *call,
		uint64_t end)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
	} control;
	uint8_t head[WIRE_HEADER];
	struct iovec iov[3] = { { head, sizeof(head) },
				{ (void *)(uintptr_t)call->head, call->head_size },
				{ (void *)(uintptr_t)call->data, call->data_size } };
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
		ssize_t n = sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r = n < 0 ? client_again(client, POLLOUT, end) : 0;

		if (r != 0)
			return r;
		if (n >= 0)
			client_advance(&message, (size_t)n);
	}
	return 0;
}

/* --- in --- */

void client_drop_fds(struct pcg_client *client)
{
	while (client->nfds > 0)
		close(client->fds[--client->nfds]);
}

/* Reads until @size bytes of the message are in the buffer; never a byte of the next, so descriptors are this one's. */
static int client_fill(struct pcg_client *client, size_t *filled, size_t size, uint64_t end)
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
		ssize_t n = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
		int r;

		if (n == 0)
			return -ENOTCONN;
		if (n < 0 && errno == EAGAIN && end == 0)
			return -EAGAIN;
		r = n < 0 ? client_again(client, POLLIN, end) : 0;
		if (r != 0)
			return r;
		if (n > 0) {
			if (fds_take(&message, client->fds, &client->nfds, PCG_CLIENT_MAX_FDS))
				client->excess = true;
			*filled += (size_t)n;
		}
	}
	return 0;
}

int client_receive(struct pcg_client *client, struct wire_header *header, uint64_t end)
{
	size_t filled = 0;
	int r;

	client_drop_fds(client);
	client->excess = false;
	r = client_fill(client, &filled, WIRE_HEADER, end);
	if (r == -EAGAIN && filled > 0) {
		end = client_deadline(client);
		r = client_fill(client, &filled, WIRE_HEADER, end);
	}
	if (r != 0)
		return r;
	wire_header_read(header, client->buffer);
	if (header->size < WIRE_HEADER || header->size > CLIENT_MESSAGE_MAX)
		return -EPROTO;
	return client_fill(client, &filled, header->size, end != 0 ? end : client_deadline(client));
}
