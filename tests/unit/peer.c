/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "peer.h"

/* --- bytes; a failure here shows as a message that never comes --- */

static bool peer_fill(struct peer *peer, void *data, size_t size, struct peer_message *message)
{
	for (size_t done = 0; done < size;) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
		} control;
		struct iovec iov = { (uint8_t *)data + done, size - done };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control };
		struct cmsghdr *cmsg;
		ssize_t n;

		m.msg_controllen = sizeof(control);
		n = recvmsg(peer->fd, &m, MSG_CMSG_CLOEXEC);
		if (n <= 0)
			return false;
		cmsg = CMSG_FIRSTHDR(&m);
		if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS) {
			message->nfds = (unsigned int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
			memcpy(message->fds, CMSG_DATA(cmsg), message->nfds * sizeof(int));
		}
		done += (size_t)n;
	}
	return true;
}

void peer_receive(struct peer *peer, struct peer_message *message)
{
	uint8_t head[WIRE_HEADER], rest[4096];
	size_t left, part;

	memset(message, 0, sizeof(*message));
	if (!peer_fill(peer, head, sizeof(head), message))
		return;
	wire_header_read(&message->header, head);
	message->size = message->header.size - WIRE_HEADER;
	part = message->size < PEER_BODY ? message->size : PEER_BODY;
	if (!peer_fill(peer, message->body, part, message))
		message->header.size = 0;
	for (left = message->size - part; left > 0; left -= part) {
		part = left < sizeof(rest) ? left : sizeof(rest);
		if (!peer_fill(peer, rest, part, message))
			return;
	}
}

void peer_send(struct peer *peer, struct wire_header header, const void *body, size_t size, const int *fds,
	       unsigned int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
	} control = { .bytes = { 0 } };
	uint8_t head[WIRE_HEADER];
	struct iovec iov[2] = { { head, sizeof(head) }, { (void *)(uintptr_t)body, size } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = size > 0 ? 2 : 1 };
	ssize_t n;

	if (header.size == 0)
		header.size = (uint32_t)(WIRE_HEADER + size);
	wire_header_write(&header, head);
	if (nfds > 0) {
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(&control.align), fds, nfds * sizeof(int));
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}
	/* A blocking socket takes it whole or fails; a client that is gone is seen by the next receive. */
	n = sendmsg(peer->fd, &m, MSG_NOSIGNAL);
	(void)n;
}

void peer_reply(struct peer *peer, const struct peer_message *message, const void *body, size_t size)
{
	const struct wire_header header = { .id = message->header.id,
					    .command = message->header.command,
					    .flags = WIRE_REPLY };

	if ((message->header.flags & WIRE_NO_REPLY) == 0)
		peer_send(peer, header, body, size, NULL, 0);
}

void peer_refuse(struct peer *peer, const struct peer_message *message, uint32_t error)
{
	const struct wire_header header = { .id = message->header.id,
					    .command = message->header.command,
					    .flags = WIRE_REPLY | WIRE_ERROR,
					    .error = error };

	peer_send(peer, header, NULL, 0, NULL, 0);
}

/* --- what a server does that has no script --- */

void peer_silent(struct peer *peer, const struct peer_message *message)
{
	(void)peer;
	(void)message;
}

static void peer_access(struct peer *peer, const struct peer_message *message)
{
	uint8_t body[WIRE_ACCESS_SIZE + PCG_CONFIG_EXTENDED];
	struct wire_access access;
	uint8_t *memory;

	wire_access_read(&access, message->body);
	memory = access.region == PCG_REGION_CONFIG ? peer->config : peer->bar0;
	if (access.count > PCG_CONFIG_EXTENDED || access.offset > PCG_CONFIG_EXTENDED - access.count) {
		peer_refuse(peer, message, EINVAL);
		return;
	}
	memcpy(body, message->body, WIRE_ACCESS_SIZE);
	if (message->header.command == WIRE_REGION_READ) {
		memcpy(body + WIRE_ACCESS_SIZE, memory + access.offset, access.count);
		peer_reply(peer, message, body, WIRE_ACCESS_SIZE + access.count);
	} else {
		memcpy(memory + access.offset, message->body + WIRE_ACCESS_SIZE, access.count);
		peer_reply(peer, message, body, WIRE_ACCESS_SIZE);
	}
}

void peer_device(struct peer *peer, const struct peer_message *message)
{
	uint8_t body[WIRE_REGION_INFO_SIZE];

	memcpy(body, message->body, sizeof(body));
	switch (message->header.command) {
	case WIRE_REGION_READ:
	case WIRE_REGION_WRITE:
		peer_access(peer, message);
		break;
	case WIRE_GET_REGION_INFO:
		wire_put32(body + 4, PCG_REGION_READ | PCG_REGION_WRITE);
		wire_put64(body + 16, PCG_CONFIG_EXTENDED);
		peer_reply(peer, message, body, WIRE_REGION_INFO_SIZE);
		break;
	case WIRE_GET_IRQ_INFO:
		wire_put32(body + 4, PCG_CLIENT_IRQ_EVENTFD);
		wire_put32(body + 12, 8);
		peer_reply(peer, message, body, WIRE_IRQ_INFO_SIZE);
		break;
	case WIRE_DMA_UNMAP:
		peer_reply(peer, message, body, WIRE_DMA_UNMAP_SIZE);
		break;
	default:
		peer_reply(peer, message, NULL, 0);
	}
}

/* --- the thread --- */

static void *peer_run(void *arg)
{
	static struct peer_message beyond;
	struct peer *peer = arg;
	unsigned int step = 0;

	for (;;) {
		struct peer_message *message = peer->nseen < PEER_SEEN ? &peer->seen[peer->nseen] : &beyond;

		peer_receive(peer, message);
		if (message->header.size == 0)
			break;
		if (message->header.command == WIRE_VERSION && peer->json != NULL) {
			uint8_t body[512] = { 0 };

			memcpy(body + WIRE_VERSION_FIXED, peer->json, strlen(peer->json));
			peer_reply(peer, message, body, WIRE_VERSION_FIXED + strlen(peer->json) + 1);
			continue;
		}
		peer->nseen += peer->nseen < PEER_SEEN;
		if (step >= peer->nsteps)
			peer_device(peer, message);
		else if (peer->steps[step] == NULL)
			break;
		else
			peer->steps[step++](peer, message);
	}
	shutdown(peer->fd, SHUT_RDWR);
	return NULL;
}

static void peer_note(void *arg, const struct pcg_note *note)
{
	struct peer *peer = arg;

	peer->notes++;
	snprintf(peer->note, sizeof(peer->note), "%s", note->text);
}

int peer_start(struct peer *peer, struct pcg_client **client, uint32_t timeout_ms)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	peer->fd = pair[1];
	peer->client_fd = pair[0];
	peer->log = (struct pcg_log){ peer_note, peer };
	assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
	return pcg_client_create_fd(client, pair[0], timeout_ms, &peer->log);
}

void peer_stop(struct peer *peer, struct pcg_client *client)
{
	pcg_client_destroy(client);
	shutdown(peer->fd, SHUT_RDWR);
	pthread_join(peer->thread, NULL);
	close(peer->fd);
	for (unsigned int i = 0; i < peer->nseen; i++)
		for (unsigned int f = 0; f < peer->seen[i].nfds; f++)
			close(peer->seen[i].fds[f]);
}

int peer_lowest_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}
