/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages to and from a server, without ever waiting: what the kernel does not take at once is kept and goes when it
 * can, what has come is cut into messages. Any error ends the link; whoever looks at @error finds out.
 */
#ifndef HOST_REMOTE_LINK_H
#define HOST_REMOTE_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio-user/wire.h"

struct sockaddr_un;
struct link_piece;

#define LINK_DATA    65536u /* the most data in one message, both ways: PCG_DMA_MESSAGE_MAX */
#define LINK_MESSAGE (LINK_DATA + 4096u)
#define LINK_BUFFER  (2u * LINK_MESSAGE)
#define LINK_FDS     16u        /* the most descriptors in one message, both ways */
#define LINK_WAITING (1u << 22) /* bytes kept for a server that does not read */

/**
 * struct remote_link - one connection
 * @fd: the socket; -1: none
 * @error: what ended it, a negative errno; @why: in words
 * @first: what the kernel has not taken yet, in order
 * @fds: what came along, and nobody has taken so far; @excess: there were more
 */
struct remote_link {
	int fd;
	int error;
	const char *why;
	struct link_piece *first;
	struct link_piece **last;
	size_t waiting;
	uint8_t *buffer;
	size_t head;
	size_t fill;
	unsigned int nfds;
	int fds[LINK_FDS];
	bool excess;
};

/* What goes out. The descriptors stay the caller's. */
struct link_message {
	struct wire_header header; /* its size is filled in */
	const void *head;
	size_t head_size;
	const void *data;
	size_t data_size;
	const int *fds;
	unsigned int nfds;
};

/* What came in. */
struct link_in {
	struct wire_header header;
	const uint8_t *body; /* until the next link_receive() */
	size_t size;
};

/* Return: 0 or -ENOMEM. */
int link_init(struct remote_link *link);
void link_finish(struct remote_link *link);

/* Return: 0; -EAGAIN: the server has many waiting, try again soon; what connect() said. */
int link_connect(struct remote_link *link, const struct sockaddr_un *address);
/* Hang up. */
void link_close(struct remote_link *link);

void link_send(struct remote_link *link, const struct link_message *message);
void link_flush(struct remote_link *link);
static inline bool link_waits(const struct remote_link *link)
{
	return link->first != NULL;
}

/* One recvmsg. */
void link_receive(struct remote_link *link);
/* Return: whether there is another whole message. */
bool link_next(struct remote_link *link, struct link_in *in);
void link_drop_fds(struct remote_link *link);

/* End it: the first reason counts. */
void link_fail(struct remote_link *link, int error, const char *why);

#endif
