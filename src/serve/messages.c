/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "serve/messages.h"

struct message {
	struct message *next;
	struct messages *messages;
	struct serve_timer timer;
	struct pcg_op *op;
	uint64_t iova;
	uint8_t *data; /* only read from when @write */
	size_t length;
	size_t done;
	uint32_t piece; /* asked for now */
	uint16_t id;
	bool write;
	bool sent;
};

void messages_init(struct messages *messages, struct serve_loop *loop, struct output *output, unsigned int timeout)
{
	memset(messages, 0, sizeof(*messages));
	messages->loop = loop;
	messages->output = output;
	messages->last = &messages->first;
	messages->piece = PCG_DMA_MESSAGE_MAX;
	messages->timeout = timeout;
}

static void messages_remove(struct message *message)
{
	struct messages *messages = message->messages;
	struct message **p = &messages->first;

	while (*p != message)
		p = &(*p)->next;
	*p = message->next;
	if (*p == NULL)
		messages->last = p;
	messages->count--;
	serve_timer_disarm(&message->timer);
}

static void messages_finish(struct message *message, int result)
{
	struct pcg_op *op = message->op;

	messages_remove(message);
	free(message);
	op->done(op, result);
}

static void messages_due(struct serve_timer *timer)
{
	struct message *message = serve_container(timer, struct message, timer);

	messages_finish(message, -ETIMEDOUT);
}

static int messages_send(struct messages *messages, struct message *message)
{
	struct wire_header header = { .id = messages->id++,
				      .command = message->write ? WIRE_DMA_WRITE : WIRE_DMA_READ,
				      .size = WIRE_HEADER + WIRE_ACCESS_SIZE };
	size_t left = message->length - message->done;
	struct wire_dma_access access = { .address = message->iova + message->done };
	uint8_t head[WIRE_HEADER + WIRE_ACCESS_SIZE];

	message->id = header.id;
	message->piece = left < messages->piece ? (uint32_t)left : messages->piece;
	access.count = message->piece;
	if (message->write)
		header.size += message->piece;
	wire_header_write(&header, head);
	wire_dma_access_write(&access, head + WIRE_HEADER);
	message->sent = true;
	serve_timer_arm(messages->loop, &message->timer, messages->timeout);
	return output_put(messages->output, head, sizeof(head), message->data + message->done,
			  message->write ? message->piece : 0, -1);
}

void messages_pump(struct messages *messages)
{
	int r = 0;

	for (struct message *m = messages->first; m != NULL && r == 0 && output_ready(messages->output); m = m->next) {
		if (!m->sent)
			r = messages_send(messages, m);
	}
	if (r == 0 && output_ready(messages->output))
		r = output_flush(messages->output);
	if (r != 0 || !output_ready(messages->output))
		messages->stalled(messages, r);
}

static int messages_ask(struct messages *messages, bool write, uint64_t iova, void *data, size_t length,
			struct pcg_op *op)
{
	struct message *message;

	if (messages->gone)
		return -ENOTCONN;
	if (length == 0 || length > PCG_DMA_MESSAGE_MAX)
		return -EINVAL;
	if (messages->count == MESSAGES_MAX)
		return -EBUSY;
	message = calloc(1, sizeof(*message));
	if (message == NULL)
		return -ENOMEM;
	message->messages = messages;
	message->timer.due = messages_due;
	message->op = op;
	message->iova = iova;
	message->data = data;
	message->length = length;
	message->write = write;
	*messages->last = message;
	messages->last = &message->next;
	messages->count++;
	/* Also while it waits for its turn: a client that never reads is one that does not answer. */
	serve_timer_arm(messages->loop, &message->timer, messages->timeout);
	messages_pump(messages);
	return PCG_PENDING;
}

static int messages_read(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	return messages_ask(arg, false, iova, data, length, op);
}

static int messages_write(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	return messages_ask(arg, true, iova, (void *)(uintptr_t)data, length, op);
}

static void messages_cancel(void *arg, struct pcg_op *op)
{
	struct messages *messages = arg;

	for (struct message *m = messages->first; m != NULL; m = m->next) {
		if (m->op == op) {
			messages_remove(m);
			free(m);
			return;
		}
	}
}

struct pcg_dma_messages messages_table(struct messages *messages)
{
	return (struct pcg_dma_messages){
		.arg = messages, .read = messages_read, .write = messages_write, .cancel = messages_cancel
	};
}

/* What the client's answer comes to, for the piece that was asked for. */
static int messages_answer(const struct message *message, const struct stream_message *reply)
{
	size_t data = message->write ? 0 : message->piece;
	struct wire_dma_access access;

	if (reply->refused != 0)
		return reply->refused;
	if ((reply->header.flags & WIRE_ERROR) != 0)
		return reply->header.error == 0 || reply->header.error > 4095 ? -EIO : -(int)reply->header.error;
	if (reply->size != WIRE_ACCESS_SIZE + data)
		return -EPROTO;
	wire_dma_access_read(&access, reply->body);
	if (access.address != message->iova + message->done || access.count != message->piece)
		return -EPROTO;
	if (data > 0)
		memcpy(message->data + message->done, reply->body + WIRE_ACCESS_SIZE, data);
	return 0;
}

bool messages_reply(struct messages *messages, const struct stream_message *reply)
{
	struct message *m = messages->first;
	int r;

	while (m != NULL && !(m->sent && m->id == reply->header.id &&
			      reply->header.command == (m->write ? WIRE_DMA_WRITE : WIRE_DMA_READ)))
		m = m->next;
	if (m == NULL)
		return false;
	r = messages_answer(m, reply);
	m->done += m->piece;
	if (r != 0 || m->done == m->length) {
		messages_finish(m, r);
	} else {
		m->sent = false;
		messages_pump(messages);
	}
	return true;
}

void messages_end(struct messages *messages)
{
	messages->gone = true;
	while (messages->first != NULL)
		messages_finish(messages->first, -ENOTCONN);
}
