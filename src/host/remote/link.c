/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/remote/link.h"
#include "vfio-user/fds.h"

/* What the kernel has not taken of a message; its descriptors go with the first byte. */
struct link_piece {
	struct link_piece *next;
	size_t size;
	unsigned int nfds;
	int fds[LINK_FDS]; /* ours */
	size_t sent;
	uint8_t bytes[];
};

int link_init(struct remote_link *link)
{
	memset(link, 0, sizeof(*link));
	link->fd = -1;
	link->last = &link->first;
	link->buffer = malloc(LINK_BUFFER);
	return link->buffer != NULL ? 0 : -ENOMEM;
}

void link_finish(struct remote_link *link)
{
	link_close(link);
	free(link->buffer);
	link->buffer = NULL;
}

int link_connect(struct remote_link *link, const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0)
		r = -errno;
	if (r != 0) {
		close(fd);
		return r;
	}
	link->fd = fd;
	link->error = 0;
	return 0;
}

void link_fail(struct remote_link *link, int error, const char *why)
{
	if (link->error != 0)
		return;
	link->error = error;
	link->why = why;
}

/* --- out --- */

static void piece_free(struct link_piece *piece)
{
	for (unsigned int i = 0; i < piece->nfds; i++)
		close(piece->fds[i]);
	free(piece);
}

static void link_forget(struct remote_link *link)
{
	while (link->first != NULL) {
		struct link_piece *piece = link->first;

		link->first = piece->next;
		piece_free(piece);
	}
	link->last = &link->first;
	link->waiting = 0;
}

void link_close(struct remote_link *link)
{
	link_forget(link);
	link_drop_fds(link);
	link->head = link->fill = 0;
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

/* Return: bytes taken, 0 where it has to wait. */
static size_t link_write(struct remote_link *link, struct iovec *iov, size_t n, const int *fds, unsigned int nfds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(LINK_FDS * sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = n };
	ssize_t sent;

	if (nfds > 0) {
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, nfds * sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
	}
	do {
		sent = sendmsg(link->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (size_t)sent;
	if (errno == EPIPE || errno == ECONNRESET)
		link_fail(link, -ENOTCONN, "it hung up");
	else if (errno != EAGAIN)
		link_fail(link, -errno, "a message could not be sent");
	return 0;
}

/* Keep what is left of a message, @sent bytes of which are gone, and its descriptors as long as none are. */
static void link_keep(struct remote_link *link, const struct iovec *iov, size_t sent, const int *fds, unsigned int nfds)
{
	size_t size = iov[0].iov_len + iov[1].iov_len + iov[2].iov_len;
	struct link_piece *piece;
	uint8_t *p;

	if (link->waiting + size > LINK_WAITING) {
		link_fail(link, -ENOBUFS, "it does not read what it is sent");
		return;
	}
	piece = calloc(1, sizeof(*piece) + size);
	if (piece == NULL) {
		link_fail(link, -ENOMEM, "there is no memory for a message to it");
		return;
	}
	p = piece->bytes;
	for (unsigned int i = 0; i < 3; i++) {
		if (iov[i].iov_len > 0)
			memcpy(p, iov[i].iov_base, iov[i].iov_len);
		p += iov[i].iov_len;
	}
	piece->size = size;
	piece->sent = sent;
	for (unsigned int i = 0; sent == 0 && i < nfds; i++) {
		int fd = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);

		if (fd < 0) {
			link_fail(link, -errno, "a descriptor for it could not be kept");
			break;
		}
		piece->fds[piece->nfds++] = fd;
	}
	link->waiting += size;
	*link->last = piece;
	link->last = &piece->next;
}

void link_send(struct remote_link *link, const struct link_message *message)
{
	struct wire_header header = message->header;
	uint8_t head[WIRE_HEADER];
	struct iovec iov[3] = { { head, sizeof(head) },
				{ (void *)(uintptr_t)message->head, message->head_size },
				{ (void *)(uintptr_t)message->data, message->data_size } };
	size_t size = WIRE_HEADER + message->head_size + message->data_size, sent = 0;

	if (link->fd < 0 || link->error != 0)
		return;
	header.size = (uint32_t)size;
	wire_header_write(&header, head);
	if (link->first == NULL)
		sent = link_write(link, iov, 3, message->fds, message->nfds);
	if (link->error == 0 && sent < size)
		link_keep(link, iov, sent, message->fds, message->nfds);
}

void link_flush(struct remote_link *link)
{
	while (link->first != NULL && link->error == 0) {
		struct link_piece *piece = link->first;
		struct iovec iov = { piece->bytes + piece->sent, piece->size - piece->sent };
		size_t sent = link_write(link, &iov, 1, piece->fds, piece->sent == 0 ? piece->nfds : 0);

		if (sent == 0)
			return;
		piece->sent += sent;
		if (piece->sent < piece->size)
			continue;
		link->first = piece->next;
		if (link->first == NULL)
			link->last = &link->first;
		link->waiting -= piece->size;
		piece_free(piece);
	}
}

/* --- in --- */

void link_drop_fds(struct remote_link *link)
{
	while (link->nfds > 0)
		close(link->fds[--link->nfds]);
	link->excess = false;
}

void link_receive(struct remote_link *link)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(WIRE_FDS_LIMIT * sizeof(int))];
	} control;
	struct iovec iov;
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n;

	if (link->fd < 0 || link->error != 0)
		return;
	/* Room for the longest message there is: its beginning, if it has begun, is moved to the front. */
	if (link->head > 0) {
		memmove(link->buffer, link->buffer + link->head, link->fill - link->head);
		link->fill -= link->head;
		link->head = 0;
	}
	if (link->fill == LINK_BUFFER)
		return;
	iov = (struct iovec){ link->buffer + link->fill, LINK_BUFFER - link->fill };
	do {
		n = recvmsg(link->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n == 0 || (n < 0 && errno == ECONNRESET)) {
		link_fail(link, -ENOTCONN, "it hung up");
	} else if (n < 0 && errno != EAGAIN) {
		link_fail(link, -errno, "nothing can be received from it");
	} else if (n > 0) {
		if (fds_take(&message, link->fds, &link->nfds, LINK_FDS))
			link->excess = true;
		link->fill += (size_t)n;
	}
}

bool link_next(struct remote_link *link, struct link_in *in)
{
	size_t here = link->fill - link->head;

	if (link->error != 0 || here < WIRE_HEADER)
		return false;
	wire_header_read(&in->header, link->buffer + link->head);
	if (in->header.size < WIRE_HEADER) {
		link_fail(link, -EPROTO, "it sent a message that is shorter than its header");
		return false;
	}
	if (in->header.size > LINK_MESSAGE) {
		link_fail(link, -EPROTO, "it sent a message that is longer than was agreed on");
		return false;
	}
	if (here < in->header.size)
		return false;
	in->body = link->buffer + link->head + WIRE_HEADER;
	in->size = in->header.size - WIRE_HEADER;
	link->head += in->header.size;
	return true;
}
