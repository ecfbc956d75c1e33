/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages out of a stream socket, however they were cut. One recvmsg takes whatever is there; messages that arrived
 * whole are handed out where they lie. Descriptors belong to the message begun last in the chunk that brought them:
 * Linux ends a read after such a chunk but may put earlier messages in front of it.
 */
#ifndef SERVE_STREAM_H
#define SERVE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio-user/wire.h"

#define STREAM_INLINE  (65536u + 256u) /* messages up to here never leave the buffer */
#define STREAM_BUFFER  (2u * STREAM_INLINE)
#define STREAM_MESSAGE (WIRE_MAX_DATA + 4096u) /* the largest message taken */

struct stream_fds {
	unsigned int count;
	bool lost; /* more were sent than we could take */
	int fd[WIRE_FDS_LIMIT];
};

struct stream {
	int fd;
	struct descriptors *aside; /* closes what nobody took */
	bool more; /* the latest read ended for want of room, or behind descriptors: there may be more to read */
	uint8_t *buffer;
	size_t head; /* first byte not handed out */
	size_t fill;
	uint8_t *big; /* a message larger than STREAM_INLINE, being collected */
	size_t big_size;
	size_t big_fill;
	uint32_t drain;          /* bytes of a refused message still to come */
	uint32_t limit;          /* the largest message taken now */
	struct stream_fds held;  /* of the first message not handed out */
	struct stream_fds fresh; /* of the message begun last in the latest chunk */
};

/*
 * One message. @fds are the receiver's to take: it puts -1 where it took one. @refused: 0, or why the body was not
 * kept (only the header is there); the stream goes on behind it.
 */
struct stream_message {
	struct wire_header header;
	const uint8_t *body;
	size_t size; /* of the body */
	int *fds;
	unsigned int nfds;
	bool fds_lost;
	int refused;
	uint8_t *owned; /* memory that holds the message, or NULL */
};

/* @buffer: STREAM_BUFFER bytes; it, @fd and @aside stay the caller's */
void stream_init(struct stream *stream, int fd, struct descriptors *aside, uint8_t *buffer);
void stream_finish(struct stream *stream);

/* One recvmsg. Return: bytes, 0 at the end of the stream, -EAGAIN, or another negative errno. */
int stream_receive(struct stream *stream);

/*
 * Return: 1 with a message, which must be given to stream_release() before the next call; 0 when more bytes are needed;
 * -EPROTO when the stream cannot be followed any further (@message->header is filled in).
 */
int stream_next(struct stream *stream, struct stream_message *message);
void stream_release(struct stream *stream, struct stream_message *message);

#endif
