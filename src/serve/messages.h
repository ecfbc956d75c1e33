/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that a client does not share, reached by asking it: DMA_READ and DMA_WRITE, at most PCG_DMA_MESSAGE_MAX bytes
 * (or what the client said it takes) a message, each with a deadline. Answers are matched by id; one that comes too
 * late matches nothing and is dropped whole.
 */
#ifndef SERVE_MESSAGES_H
#define SERVE_MESSAGES_H

#include <pcigate/dma.h>

#include "serve/loop.h"
#include "serve/output.h"
#include "serve/stream.h"

#define MESSAGES_MAX 64 /* under way at a time */

struct message;

struct messages {
	struct serve_loop *loop;
	struct output *output;
	void (*stalled)(struct messages *messages, int error); /* the client does not read, or (@error) is lost */
	struct message *first;                                 /* in the order of asking */
	struct message **last;
	unsigned int count;
	uint16_t id;
	uint32_t piece; /* the most asked in one message */
	unsigned int timeout;
	bool gone;
};

void messages_init(struct messages *messages, struct serve_loop *loop, struct output *output, unsigned int timeout);

/* The table for pcg_dma_create(). */
struct pcg_dma_messages messages_table(struct messages *messages);

/* Sends what waits, as far as the client reads. */
void messages_pump(struct messages *messages);

/* A reply came in. Return: whether anybody had asked for it. */
bool messages_reply(struct messages *messages, const struct stream_message *reply);

/* The client is gone: whatever is under way ends with -ENOTCONN, and so does all that is still asked. */
void messages_end(struct messages *messages);

#endif
