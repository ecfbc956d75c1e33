/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/descriptors.h"
#include "serve/stream.h"

void stream_init(struct stream *stream, int fd, struct descriptors *aside, uint8_t *buffer)
{
	memset(stream, 0, sizeof(*stream));
	stream->fd = fd;
	stream->aside = aside;
	stream->limit = STREAM_MESSAGE;
	stream->buffer = buffer;
}

static void stream_close_fds(const struct stream *stream, struct stream_fds *fds)
{
	for (unsigned int i = 0; i < fds->count; i++) {
		if (fds->fd[i] >= 0)
			descriptors_close(stream->aside, fds->fd[i]);
	}
	fds->count = 0;
	fds->lost = false;
}

void stream_finish(struct stream *stream)
{
	stream_close_fds(stream, &stream->held);
	stream_close_fds(stream, &stream->fresh);
	free(stream->big);
	stream->big = NULL;
}

/* @fresh moves to the end of @held: what is over the limit is closed, and the message knows. */
static void stream_merge(struct stream *stream)
{
	struct stream_fds *held = &stream->held, *fresh = &stream->fresh;

	for (unsigned int i = 0; i < fresh->count; i++) {
		if (held->count < WIRE_FDS_LIMIT) {
			held->fd[held->count++] = fresh->fd[i];
		} else {
			descriptors_close(stream->aside, fresh->fd[i]);
			held->lost = true;
		}
	}
	held->lost = held->lost || fresh->lost;
	fresh->count = 0;
	fresh->lost = false;
}

static void stream_take_fds(struct stream *stream, struct msghdr *message)
{
	struct stream_fds *fresh = &stream->fresh;
	struct cmsghdr *cmsg;

	fresh->lost = (message->msg_flags & MSG_CTRUNC) != 0;
	for (cmsg = CMSG_FIRSTHDR(message); cmsg != NULL; cmsg = CMSG_NXTHDR(message, cmsg)) {
		size_t n;

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > WIRE_FDS_LIMIT - fresh->count)
			n = WIRE_FDS_LIMIT - fresh->count;
		memcpy(fresh->fd + fresh->count, CMSG_DATA(cmsg), n * sizeof(int));
		fresh->count += (unsigned int)n;
	}
}

/* Room for at least one more message of STREAM_INLINE bytes. */
static void stream_room(struct stream *stream)
{
	if (stream->head == stream->fill) {
		stream->head = stream->fill = 0;
	} else if (STREAM_BUFFER - stream->head < STREAM_INLINE || stream->fill == STREAM_BUFFER) {
		memmove(stream->buffer, stream->buffer + stream->head, stream->fill - stream->head);
		stream->fill -= stream->head;
		stream->head = 0;
	}
}

int stream_receive(struct stream *stream)
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

	if (stream->fresh.count > 0 || stream->fresh.lost)
		stream_merge(stream);
	if (stream->big != NULL) {
		iov.iov_base = stream->big + stream->big_fill;
		iov.iov_len = stream->big_size - stream->big_fill;
	} else {
		stream_room(stream);
		iov.iov_base = stream->buffer + stream->fill;
		iov.iov_len = STREAM_BUFFER - stream->fill;
	}
	do {
		n = recvmsg(stream->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	stream->more = (size_t)n == iov.iov_len;
	if (message.msg_controllen > 0 || (message.msg_flags & MSG_CTRUNC) != 0) {
		stream_take_fds(stream, &message);
		stream->more = true;
	}
	if (stream->big != NULL)
		stream->big_fill += (size_t)n;
	else
		stream->fill += (size_t)n;
	return (int)n;
}

/* The message that ends at @end leaves with the descriptors that are its own. */
static void stream_hand_out(struct stream *stream, struct stream_message *message, bool last)
{
	if (last && (stream->fresh.count > 0 || stream->fresh.lost))
		stream_merge(stream);
	message->fds = stream->held.fd;
	message->nfds = stream->held.count;
	message->fds_lost = stream->held.lost;
}

/* Swallows what is left of a refused message. Return: whether all of it is gone. */
static bool stream_drain(struct stream *stream)
{
	size_t n = stream->fill - stream->head;

	if (stream->drain == 0)
		return true;
	if (n > stream->drain)
		n = stream->drain;
	stream->head += n;
	stream->drain -= (uint32_t)n;
	if (stream->head == stream->fill) {
		/* No other message began in this chunk: the descriptors are of the refused one. */
		stream_close_fds(stream, &stream->held);
		stream_close_fds(stream, &stream->fresh);
	}
	return stream->drain == 0;
}

static void stream_refuse(struct stream *stream, struct stream_message *message, size_t here, int why)
{
	message->refused = why;
	message->size = 0;
	stream->drain = message->header.size - (uint32_t)here;
	stream->head += here;
}

static int stream_begin_big(struct stream *stream, struct stream_message *message, size_t here)
{
	stream->big = malloc(message->header.size);
	if (stream->big == NULL) {
		stream_hand_out(stream, message, true);
		stream_refuse(stream, message, here, -ENOMEM);
		return 1;
	}
	memcpy(stream->big, stream->buffer + stream->head, here);
	stream->big_fill = here;
	stream->big_size = message->header.size;
	stream->head = stream->fill = 0;
	return 0;
}

static int stream_next_big(struct stream *stream, struct stream_message *message)
{
	if (stream->big_fill < stream->big_size)
		return 0;
	wire_header_read(&message->header, stream->big);
	message->body = stream->big + WIRE_HEADER;
	message->size = stream->big_size - WIRE_HEADER;
	message->owned = stream->big;
	stream->big = NULL;
	stream_hand_out(stream, message, true);
	return 1;
}

int stream_next(struct stream *stream, struct stream_message *message)
{
	const uint8_t *bytes;
	size_t here;

	message->owned = NULL;
	message->refused = 0;
	message->nfds = 0;
	message->fds_lost = false;
	if (stream->big != NULL)
		return stream_next_big(stream, message);
	if (!stream_drain(stream))
		return 0;
	here = stream->fill - stream->head;
	if (here < WIRE_HEADER)
		return 0;

	bytes = stream->buffer + stream->head;
	wire_header_read(&message->header, bytes);
	message->body = bytes + WIRE_HEADER;
	if (message->header.size < WIRE_HEADER)
		return -EPROTO;
	if (message->header.size > stream->limit) {
		if (here > message->header.size)
			here = message->header.size;
		stream_hand_out(stream, message, stream->head + here == stream->fill);
		stream_refuse(stream, message, here, -EMSGSIZE);
		return 1;
	}
	if (here < message->header.size)
		return message->header.size > STREAM_INLINE ? stream_begin_big(stream, message, here) : 0;

	message->size = message->header.size - WIRE_HEADER;
	stream->head += message->header.size;
	stream_hand_out(stream, message, stream->head == stream->fill);
	return 1;
}

void stream_release(struct stream *stream, struct stream_message *message)
{
	if (message->nfds > 0 || message->fds_lost)
		stream_close_fds(stream, &stream->held);
	free(message->owned);
	message->owned = NULL;
}
