/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/output.h"

struct output_piece {
	struct output_piece *next;
	int fd; /* our own duplicate, sent with the first byte; -1: none, or sent */
	size_t start;
	size_t end;
	uint8_t bytes[];
};

void output_init(struct output *output, int fd)
{
	output->fd = fd;
	output->stuck = false;
	output->start = output->end = 0;
	output->first = NULL;
	output->last = &output->first;
}

static void output_drop(struct output *output)
{
	struct output_piece *piece = output->first;

	output->first = piece->next;
	if (output->first == NULL)
		output->last = &output->first;
	if (piece->fd >= 0)
		close(piece->fd);
	free(piece);
}

void output_finish(struct output *output)
{
	while (output->first != NULL)
		output_drop(output);
}

/* Return: bytes sent, 0 when the socket is full, or a negative errno. */
static ssize_t output_send(struct output *output, struct iovec *iov, size_t niov, int fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = { .msg_iov = iov, .msg_iovlen = niov };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *cmsg = &control.align;

		memset(&control, 0, sizeof(control));
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
	}
	do {
		n = sendmsg(output->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n >= 0)
		return n;
	/* ETOOMANYREFS: too many descriptors in flight; they leave when the client reads. */
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ETOOMANYREFS || errno == ENOBUFS ? 0 : -errno;
}

static int output_flush_batch(struct output *output)
{
	while (output->start < output->end) {
		struct iovec iov = { output->batch + output->start, output->end - output->start };
		ssize_t n = output_send(output, &iov, 1, -1);

		if (n < 0)
			return (int)n;
		if (n == 0) {
			output->stuck = true;
			return 0;
		}
		output->start += (size_t)n;
	}
	output->start = output->end = 0;
	return 0;
}

int output_flush(struct output *output)
{
	int r;

	output->stuck = false;
	r = output_flush_batch(output);
	while (r == 0 && !output->stuck && output->first != NULL) {
		struct output_piece *piece = output->first;
		struct iovec iov = { piece->bytes + piece->start, piece->end - piece->start };
		ssize_t n = output_send(output, &iov, 1, piece->fd);

		if (n < 0)
			return (int)n;
		if (n == 0) {
			output->stuck = true;
			break;
		}
		if (piece->fd >= 0)
			close(piece->fd);
		piece->fd = -1;
		piece->start += (size_t)n;
		if (piece->start == piece->end)
			output_drop(output);
	}
	return r;
}

/* What must wait, from byte @skip of the message on. */
static int output_wait(struct output *output, const struct iovec iov[2], size_t skip, int fd)
{
	size_t size = iov[0].iov_len + iov[1].iov_len;
	struct output_piece *piece = malloc(sizeof(*piece) + size);

	if (piece == NULL)
		return -ENOMEM;
	piece->next = NULL;
	piece->start = skip;
	piece->end = size;
	piece->fd = -1;
	memcpy(piece->bytes, iov[0].iov_base, iov[0].iov_len);
	if (iov[1].iov_len > 0)
		memcpy(piece->bytes + iov[0].iov_len, iov[1].iov_base, iov[1].iov_len);
	if (fd >= 0 && skip == 0) {
		piece->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (piece->fd < 0) {
			free(piece);
			return -errno;
		}
	}
	*output->last = piece;
	output->last = &piece->next;
	output->stuck = true;
	return 0;
}

int output_put(struct output *output, const void *head, size_t head_size, const void *body, size_t body_size, int fd)
{
	size_t size = head_size + body_size;
	struct iovec iov[2] = { { (void *)head, head_size }, { (void *)body, body_size } };
	ssize_t n = 0;
	int r;

	if (size <= OUTPUT_SMALL && fd < 0 && output->first == NULL) {
		if (output->end + size > OUTPUT_BATCH) {
			r = output_flush(output);
			if (r != 0)
				return r;
		}
		if (output->end + size <= OUTPUT_BATCH) {
			memcpy(output->batch + output->end, head, head_size);
			if (body_size > 0)
				memcpy(output->batch + output->end + head_size, body, body_size);
			output->end += size;
			return 0;
		}
	}
	if (!output->stuck) {
		r = output_flush(output);
		if (r != 0)
			return r;
	}
	if (!output->stuck)
		n = output_send(output, iov, 2, fd);
	if (n < 0)
		return (int)n;
	return (size_t)n == size ? 0 : output_wait(output, iov, (size_t)n, fd);
}
