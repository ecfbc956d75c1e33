/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/connection.h"
#include "serve/control.h"
#include "serve/descriptors.h"

/* --- what goes out --- */

void serve_connection_reply(struct serve_connection *c, const struct wire_header *header, const void *body, size_t size,
			    int fd)
{
	struct wire_header h = *header;
	uint8_t head[WIRE_HEADER];

	if ((header->flags & WIRE_NO_REPLY) != 0)
		return;
	h.size = (uint32_t)(WIRE_HEADER + size);
	h.flags = WIRE_REPLY;
	h.error = 0;
	wire_header_write(&h, head);
	if (output_put(&c->output, head, sizeof(head), body, size, fd) != 0)
		serve_connection_drop(c);
}

/* Sent even where no reply was asked for: the caller decides. */
static void connection_refuse(struct serve_connection *c, const struct wire_header *header, int error)
{
	struct wire_header h = *header;
	uint8_t head[WIRE_HEADER];

	h.size = WIRE_HEADER;
	h.flags = WIRE_REPLY | WIRE_ERROR;
	h.error = (uint32_t)-error;
	wire_header_write(&h, head);
	if (output_put(&c->output, head, sizeof(head), NULL, 0, -1) != 0)
		serve_connection_drop(c);
}

void serve_connection_error(struct serve_connection *c, const struct wire_header *header, int error)
{
	if ((header->flags & WIRE_NO_REPLY) == 0)
		connection_refuse(c, header, error);
}

/* --- the end --- */

/*
 * Told of what is new only: to look again at a socket that was just emptied costs the kernel as much as a tenth of a
 * message does altogether. So connection_ready() reads until a read comes back short.
 */
#define CONNECTION_EVENTS (EPOLLIN | EPOLLRDHUP | EPOLLET)
/* The end of the stream can come together with the last bytes, and is never told of again. */
#define CONNECTION_HUNG_UP (EPOLLHUP | EPOLLRDHUP | EPOLLERR)
/* Reads in a row, before other connections have their turn. */
#define CONNECTION_TURN 8

static void connection_watch(struct serve_connection *c)
{
	uint32_t events = 0;

	if (c->state == CONNECTION_DEAD)
		return;
	if (!output_ready(&c->output))
		events = EPOLLOUT;
	else if (c->state != CONNECTION_ENDING && !waiting_full(&c->waiting))
		events = CONNECTION_EVENTS;
	if (serve_watch(c->slot->loop, &c->watch, events) != 0)
		serve_connection_drop(c);
}

void serve_connection_drop(struct serve_connection *c)
{
	if (c->state == CONNECTION_DEAD)
		return;
	if (c->state == CONNECTION_SILENT)
		c->slot->silent--;
	c->state = CONNECTION_DEAD;
	serve_unwatch(c->slot->loop, &c->watch);
	serve_timer_disarm(&c->timer);
	serve_task_queue(c->slot->loop, &c->task);
}

/* No more commands: what was answered goes out, then the connection ends. */
static void connection_end(struct serve_connection *c)
{
	if (c->state == CONNECTION_DEAD)
		return;
	if (c->state == CONNECTION_SILENT)
		c->slot->silent--;
	c->state = CONNECTION_ENDING;
	if (output_flush(&c->output) != 0 || output_ready(&c->output)) {
		serve_connection_drop(c);
		return;
	}
	connection_watch(c);
	serve_timer_arm(c->slot->loop, &c->timer, CONNECTION_LINGER_MS);
}

/* A pause ends before the time for VERSION does, and gives no more of it. */
static bool connection_too_late(struct serve_connection *c)
{
	int64_t left = c->until - serve_now();

	if (c->state != CONNECTION_SILENT || left <= 0)
		return c->state != CONNECTION_SERVED;
	serve_timer_arm(c->slot->loop, &c->timer, left / 1000000 + 1);
	return false;
}

static void connection_due(struct serve_timer *timer)
{
	struct serve_connection *c = serve_container(timer, struct serve_connection, timer);

	if (c->state == CONNECTION_HELD)
		serve_connection_granted(c, -ETIMEDOUT);
	else if (connection_too_late(c) || serve_watch_again(c->slot->loop, &c->watch) != 0)
		serve_connection_drop(c);
}

/* --- VERSION --- */

static void connection_welcome(struct serve_connection *c)
{
	uint8_t body[256];
	size_t size = version_write(body, sizeof(body));

	c->state = CONNECTION_SERVED;
	c->stream.limit = STREAM_MESSAGE;
	serve_connection_reply(c, &c->header, body, size, -1);
	if (c->paused && c->state == CONNECTION_SERVED)
		serve_timer_arm(c->slot->loop, &c->timer, CONNECTION_PAUSE_MS);
}

int serve_version(struct serve_connection *c, struct stream_message *message)
{
	struct version version;
	const char *why;
	int r;

	if (c->state != CONNECTION_SILENT)
		return -EINVAL;
	r = version_read(&version, message->body, message->size, &why);
	if (r == 0 && version.major != 0) {
		why = "VERSION: a major version other than 0";
		r = -EINVAL;
	}
	if (r != 0) {
		base_log(&c->slot->log, PCG_INFO, "client refused: %s", why);
		return r;
	}
	if (version.max_data_xfer_size > 0 && version.max_data_xfer_size < c->messages.piece)
		c->messages.piece = (uint32_t)version.max_data_xfer_size;
	c->header = message->header;
	r = serve_slot_claim(c->slot, c);
	if (r < 0)
		return r;
	c->slot->silent--;
	serve_timer_disarm(&c->timer);
	c->state = CONNECTION_HELD;
	if (r == PCG_PENDING) {
		c->blocked = true;
		serve_timer_arm(c->slot->loop, &c->timer, c->slot->options->timeout);
		return r;
	}
	connection_welcome(c);
	return 0;
}

void serve_connection_granted(struct serve_connection *c, int result)
{
	if (c->state != CONNECTION_HELD)
		return;
	c->blocked = false;
	serve_timer_disarm(&c->timer);
	if (result != 0) {
		base_log(&c->slot->log, PCG_WARN, "client refused: the function is not ready for it: %s",
			 strerror(-result));
		serve_slot_release(c->slot, c);
		connection_refuse(c, &c->header, result);
		connection_end(c);
		return;
	}
	connection_welcome(c);
	serve_connection_continue(c);
}

/* --- commands --- */

struct connection_command {
	connection_handler *handle;
	size_t least;  /* bytes of body */
	bool answered; /* makes no sense without a reply */
};

static const struct connection_command commands[] = {
	[WIRE_VERSION] = { serve_version, 0, true },
	[WIRE_DMA_MAP] = { serve_dma_map, WIRE_DMA_MAP_SIZE, false },
	[WIRE_DMA_UNMAP] = { serve_dma_unmap, WIRE_DMA_UNMAP_SIZE, false },
	[WIRE_GET_INFO] = { serve_info, WIRE_INFO_SIZE, true },
	[WIRE_GET_REGION_INFO] = { serve_region_info, WIRE_REGION_INFO_SIZE, true },
	[WIRE_GET_IRQ_INFO] = { serve_irq_info, WIRE_IRQ_INFO_SIZE, true },
	[WIRE_SET_IRQS] = { serve_set_irqs, WIRE_IRQ_SET_SIZE, false },
	[WIRE_REGION_READ] = { serve_region_read, WIRE_ACCESS_SIZE, true },
	[WIRE_REGION_WRITE] = { serve_region_write, WIRE_ACCESS_SIZE, false },
	[WIRE_RESET] = { serve_reset, 0, false },
	[WIRE_FEATURE] = { serve_feature, WIRE_FEATURE_HEAD, true },
	[WIRE_REGION_WRITE_MULTI] = { serve_write_multi, WIRE_MULTI_HEADER, false },
};

static int connection_execute(struct serve_connection *c, struct stream_message *message)
{
	unsigned int number = message->header.command;
	const struct connection_command *command;

	if ((message->header.flags & WIRE_TYPE) != 0)
		return -EINVAL;
	if (message->refused != 0)
		return message->refused;
	if (number >= sizeof(commands) / sizeof(commands[0]) || commands[number].handle == NULL)
		return -ENOTSUP;
	command = &commands[number];
	if (message->size < command->least)
		return -EINVAL;
	if (message->fds_lost)
		return -EMFILE;
	if (command->answered && (message->header.flags & WIRE_NO_REPLY) != 0) {
		message->header.flags &= ~(uint32_t)WIRE_NO_REPLY;
		return -EINVAL;
	}
	return command->handle(c, message);
}

static void connection_command(struct serve_connection *c, struct stream_message *message)
{
	bool silent = c->state == CONNECTION_SILENT;
	int r = silent && message->header.command != WIRE_VERSION ? -EINVAL : connection_execute(c, message);

	if (r == PCG_PENDING && c->yielded) {
		serve_connection_continue(c);
	} else if (r == PCG_PENDING) {
		c->blocked = true;
		if (c->state == CONNECTION_SERVED)
			serve_timer_arm(c->slot->loop, &c->slot->deadline, c->slot->options->timeout);
	} else if (silent && r < 0) {
		connection_refuse(c, &message->header, r);
		connection_end(c);
	} else if (r < 0) {
		serve_connection_error(c, &message->header, r);
	}
}

void serve_connection_finish(struct serve_connection *c, int result)
{
	int r = serve_access_finish(c, result);

	if (r == PCG_PENDING && !c->yielded)
		return;
	serve_timer_disarm(&c->slot->deadline);
	c->blocked = false;
	if (r < 0)
		serve_connection_error(c, &c->header, r);
	if (c->state != CONNECTION_DEAD && output_flush(&c->output) != 0)
		serve_connection_drop(c);
	serve_connection_continue(c);
	serve_control_idle(c->slot);
}

/* --- what comes in --- */

static void connection_next_waiting(struct serve_connection *c)
{
	struct waiting_command *w = waiting_take(&c->waiting);

	connection_command(c, waiting_message(w));
	waiting_free(w, c->slot->aside);
}

static bool connection_may_take(const struct serve_connection *c)
{
	return c->state < CONNECTION_ENDING && output_ready(&c->output);
}

/* A control client reads; whoever has not got the function yet asks nothing of it. */
static bool connection_stands_back(const struct serve_connection *c)
{
	return c->state == CONNECTION_SERVED && serve_slot_busy(c->slot);
}

/* Return: whether there may be more in the stream's buffer. */
static bool connection_next(struct serve_connection *c)
{
	struct stream_message message;
	int r;

	if (waiting_full(&c->waiting))
		return false;
	r = stream_next(&c->stream, &message);
	if (r == 0)
		return false;
	if (r < 0) {
		base_log(&c->slot->log, PCG_INFO,
			 "client closed: it sent a message whose size is less than its header's");
		connection_refuse(c, &message.header, -EINVAL);
		connection_end(c);
		return false;
	}
	if ((message.header.flags & WIRE_TYPE) == WIRE_REPLY) {
		if (!messages_reply(&c->messages, &message))
			base_log(&c->slot->log, PCG_INFO, "a reply that nobody waits for any more was dropped");
	} else if (c->blocked || c->yielded || c->waiting.first != NULL || connection_stands_back(c)) {
		if (waiting_put(&c->waiting, &message) != 0)
			serve_connection_drop(c);
	} else {
		connection_command(c, &message);
	}
	stream_release(&c->stream, &message);
	return true;
}

static void connection_resume(struct serve_connection *c)
{
	int r = serve_access_resume(c);

	if (r == PCG_PENDING && !c->yielded) {
		c->blocked = true;
		serve_timer_arm(c->slot->loop, &c->slot->deadline, c->slot->options->timeout);
	} else if (r < 0) {
		serve_connection_error(c, &c->header, r);
	}
}

/* Goes on as far as it can and may: what was begun, then what waits, then what has arrived. */
static void connection_process(struct serve_connection *c)
{
	unsigned int left = CONNECTION_SHARE;

	if (c->yielded && connection_may_take(c) && !connection_stands_back(c)) {
		connection_resume(c);
		left = 0;
	}
	for (; left > 0 && connection_may_take(c) && c->waiting.first != NULL && !c->blocked && !c->yielded &&
	       !connection_stands_back(c);
	     left--)
		connection_next_waiting(c);
	for (; left > 0 && connection_may_take(c) && connection_next(c); left--)
		;
	if (left == 0)
		serve_connection_continue(c);
	if (c->state < CONNECTION_ENDING) {
		if (output_ready(&c->output) && output_flush(&c->output) != 0)
			serve_connection_drop(c);
		else if (c->messages.count > 0)
			messages_pump(&c->messages);
	}
	connection_watch(c);
}

/* What it sends is not wanted before some of what it sent is closed; the timer looks again. */
static void connection_pause(struct serve_connection *c, bool hung_up)
{
	c->paused = true;
	if (hung_up)
		serve_connection_drop(c);
	else if (c->state == CONNECTION_SERVED || c->state == CONNECTION_SILENT)
		serve_timer_arm(c->slot->loop, &c->timer, CONNECTION_PAUSE_MS);
}

/* Reads until a read comes back short, or its share is taken. @hung_up: to the end of the stream. */
static void connection_read(struct serve_connection *c, bool hung_up)
{
	if (c->unread)
		return;
	for (unsigned int i = 0; i < CONNECTION_TURN; i++) {
		int r;

		if (descriptors_stuck(c->slot->aside)) {
			connection_pause(c, hung_up);
			return;
		}
		r = stream_receive(&c->stream);
		c->drained = r == 0;
		if (r == -EAGAIN)
			return;
		if (r <= 0) {
			serve_connection_drop(c);
			return;
		}
		connection_process(c);
		/* When reading was stopped, to be watched again tells of what is there. */
		if (c->state >= CONNECTION_ENDING || (c->watch.events & EPOLLIN) == 0)
			return;
		c->unread = c->task.queued;
		if (c->unread)
			return;
		if (!c->stream.more && !hung_up)
			return;
	}
	if (serve_watch_again(c->slot->loop, &c->watch) != 0)
		serve_connection_drop(c);
}

static void connection_ready(struct serve_watch *watch, uint32_t events)
{
	struct serve_connection *c = serve_container(watch, struct serve_connection, watch);

	if ((events & EPOLLOUT) != 0) {
		if (output_flush(&c->output) != 0 || (c->state == CONNECTION_ENDING && output_ready(&c->output)))
			serve_connection_drop(c);
		else
			connection_process(c);
	} else if ((events & EPOLLIN) == 0 || (watch->events & EPOLLIN) == 0) {
		serve_connection_drop(c); /* it hung up */
	} else {
		connection_read(c, (events & CONNECTION_HUNG_UP) != 0);
	}
}

static bool connection_turn(struct serve_task *task)
{
	struct serve_connection *c = serve_container(task, struct serve_connection, task);

	if (c->state == CONNECTION_DEAD) {
		serve_connection_destroy(c);
		return false;
	}
	connection_process(c);
	if (!c->unread || c->task.queued || c->state == CONNECTION_DEAD)
		return false;
	c->unread = false;
	if (serve_watch_again(c->slot->loop, &c->watch) != 0)
		serve_connection_drop(c);
	return false;
}

void serve_connection_exhaust(struct serve_connection *c)
{
	for (unsigned int i = 0; i < CONNECTION_EXHAUST && c->state == CONNECTION_SERVED; i++) {
		if (c->blocked || connection_stands_back(c) || !output_ready(&c->output))
			return;
		serve_task_drop(&c->task);
		connection_process(c);
		if (c->state != CONNECTION_SERVED || c->task.queued)
			continue;
		c->unread = false;
		connection_read(c, true);
	}
}

void serve_connection_continue(struct serve_connection *c)
{
	serve_task_queue(c->slot->loop, &c->task);
}

/* The client does not read, or is lost. */
static void connection_stalled(struct messages *messages, int error)
{
	struct serve_connection *c = serve_container(messages, struct serve_connection, messages);

	if (error != 0)
		serve_connection_drop(c);
	else
		connection_watch(c);
}

/* --- beginning and end --- */

int serve_connection_create(struct serve_slot *slot, int fd)
{
	/* The one kept from the last time saves most of what a client that comes and goes costs. */
	struct serve_connection *c = slot->spare != NULL ? slot->spare : malloc(sizeof(*c));

	slot->spare = NULL;
	if (c == NULL) {
		close(fd);
		return -ENOMEM;
	}
	memset(c, 0, offsetof(struct serve_connection, stream));
	memset(&c->messages, 0, offsetof(struct serve_connection, reply) - offsetof(struct serve_connection, messages));
	c->watch = (struct serve_watch){ .ready = connection_ready, .fd = fd };
	stream_init(&c->stream, fd, slot->aside, c->buffer);
	c->stream.limit = STREAM_INLINE;
	output_init(&c->output, fd);
	messages_init(&c->messages, slot->loop, &c->output, slot->options->dma_timeout);
	c->messages.stalled = connection_stalled;
	c->slot = slot;
	c->range.fd = -1;
	c->event = -1;
	c->timer.due = connection_due;
	c->task.turn = connection_turn;
	waiting_init(&c->waiting);
	c->until = serve_now() + CONNECTION_NEGOTIATION_MS * INT64_C(1000000);
	serve_timer_arm(slot->loop, &c->timer, CONNECTION_NEGOTIATION_MS);
	c->next = slot->connections;
	slot->connections = c;
	slot->silent++;
	slot->everybody++;
	/* Most have sent their VERSION by now: read before it is watched, it costs no event. */
	connection_read(c, false);
	connection_watch(c);
	return 0;
}

/* What was never read may hold descriptors, which are closed along with the socket. */
static void connection_close(const struct serve_connection *c)
{
	int unread = 0;

	if (c->drained || (ioctl(c->watch.fd, SIOCINQ, &unread) == 0 && unread == 0))
		close(c->watch.fd);
	else
		descriptors_close(c->slot->aside, c->watch.fd);
}

void serve_connection_destroy(struct serve_connection *c)
{
	struct serve_slot *slot = c->slot;
	struct serve_connection **p = &slot->connections;

	serve_connection_drop(c);
	serve_task_drop(&c->task);
	if (slot->client == c)
		serve_slot_release(slot, c);
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	slot->everybody--;
	if (c->dropped_writes > 1)
		base_log(&slot->log, PCG_INFO, "%lu writes of the client that left were dropped", c->dropped_writes);
	waiting_finish(&c->waiting, slot->aside);
	stream_finish(&c->stream);
	output_finish(&c->output);
	connection_close(c);
	if (c->range.fd >= 0)
		close(c->range.fd);
	if (c->event >= 0)
		close(c->event);
	free(c->large);
	free(c->multi);
	if (slot->single)
		serve_loop_stop(slot->loop);
	if (slot->spare == NULL)
		slot->spare = c;
	else
		free(c);
}
