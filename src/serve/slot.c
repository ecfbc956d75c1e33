/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/connection.h"
#include "serve/control.h"
#include "serve/descriptors.h"
#include "serve/slot.h"

/* As many maps as a client can make, whatever VERSION says: QEMU refuses to be told of more. */
#define SLOT_MAPS            1000000u
#define SLOT_ACCEPT_AGAIN_MS 100
#define SLOT_AGAIN_MS        1000u
#define SLOT_AGAIN_MOST_MS   60000u

/* --- the backend's work --- */

static void slot_wake(void *arg)
{
	struct serve_slot *slot = arg;

	serve_task_queue(slot->loop, &slot->work);
}

static bool slot_work(struct serve_task *task)
{
	struct serve_slot *slot = serve_container(task, struct serve_slot, work);
	int again;

	if (slot->host->ops->work == NULL)
		return false;
	again = slot->host->ops->work(slot->host);
	serve_timer_disarm(&slot->work_again);
	if (again > 0)
		serve_timer_arm(slot->loop, &slot->work_again, again);
	return again == 0;
}

static void slot_work_again(struct serve_timer *timer)
{
	struct serve_slot *slot = serve_container(timer, struct serve_slot, work_again);

	slot_wake(slot);
}

static void slot_host_ready(struct serve_watch *watch, uint32_t events)
{
	struct serve_slot *slot = serve_container(watch, struct serve_slot, host_watch);

	(void)events;
	slot_wake(slot);
}

static void slot_trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	struct serve_slot *slot = arg;

	irqs_trigger(&slot->irqs, index, vector);
}

static void slot_effects(void *arg, const struct pcg_view_write *write)
{
	struct serve_slot *slot = arg;

	trace_effects(slot->trace, write);
}

static void slot_deed(void *arg, enum pcg_deed deed, uint32_t value)
{
	struct serve_slot *slot = arg;

	trace_deed(slot->trace, deed, value);
}

static void slot_wanted(void *arg)
{
	struct serve_slot *slot = arg;

	serve_task_queue(slot->loop, &slot->leave);
}

static void slot_recorded(void *arg)
{
	struct serve_slot *slot = arg;

	if (slot->state == SLOT_SERVING && slot->client != NULL)
		serve_feature_event(slot->client);
}

static bool slot_leave(struct serve_task *task)
{
	struct serve_slot *slot = serve_container(task, struct serve_slot, leave);

	slot->home->leave(slot->home->arg, slot);
	return false;
}

/* --- from client to client --- */

bool serve_slot_idle(const struct serve_slot *slot)
{
	if (slot->job != NULL)
		return false;
	return slot->state == SLOT_READY || (slot->state == SLOT_SERVING && !slot->client->blocked);
}

/*
 * The function is as the last client left it, and may reach memory still. So it is tried again without a next client as
 * well, ever less often.
 */
static void slot_broken(struct serve_slot *slot)
{
	slot->state = SLOT_BROKEN;
	slot->pause = slot->pause == 0 ? SLOT_AGAIN_MS : slot->pause * 2;
	if (slot->pause > SLOT_AGAIN_MOST_MS)
		slot->pause = SLOT_AGAIN_MOST_MS;
	serve_timer_arm(slot->loop, &slot->deadline, (int)slot->pause);
}

void serve_slot_give_up(struct serve_slot *slot, const char *what)
{
	base_log(
		&slot->log, PCG_ERROR,
		"%s took more than %u ms: the function is in quarantine until the next client comes; --timeout gives it longer",
		what, slot->options->timeout);
	pcg_function_quarantine(slot->function);
	/* Nobody has it: the quarantine is over before the next client comes. */
	if (slot->state == SLOT_READY)
		slot_broken(slot);
}

static int slot_close(struct serve_slot *slot);
static void slot_ready(struct serve_slot *slot, int result);

static void slot_deadline(struct serve_timer *timer)
{
	struct serve_slot *slot = serve_container(timer, struct serve_slot, deadline);

	if (slot->state == SLOT_SERVING && slot->client->blocked) {
		serve_slot_give_up(slot, "a request");
		serve_connection_finish(slot->client, -ETIMEDOUT);
	} else if (slot->state == SLOT_CLOSING) {
		struct serve_connection *next = slot->client;

		serve_slot_give_up(slot, "making the function as new");
		slot_broken(slot);
		if (next != NULL)
			serve_connection_granted(next, -ETIMEDOUT);
	} else if (slot->state == SLOT_BROKEN) {
		int r = slot_close(slot);

		if (r != PCG_PENDING)
			slot_ready(slot, r);
	}
}

static void slot_serve(struct serve_slot *slot)
{
	slot->state = SLOT_SERVING;
	trace_open(slot->trace);
}

static void slot_forget_memory(struct serve_slot *slot)
{
	pcg_dma_destroy(slot->dma);
	slot->dma = NULL;
	peers_drop(slot->home->peers, slot->peer);
	slot->peer = 0;
}

/* Behind a connected socket may be another process than the one that made it: whose functions these are nobody knows.
 */
static void slot_identify(struct serve_slot *slot)
{
	struct pcg_dma_client client;

	if (slot->single || slot->host->ops->dma_map == NULL)
		return;
	peers_take(slot->home->peers, slot->client->watch.fd, &client);
	slot->peer = client.number;
	pcg_dma_set_client(slot->dma, &client);
}

static void slot_not_attached(struct serve_slot *slot)
{
	pcg_function_dma(slot->function, NULL, NULL);
	slot_forget_memory(slot);
	slot->state = SLOT_READY;
}

static void slot_attached(struct pcg_request *request)
{
	struct serve_slot *slot = serve_container(request, struct serve_slot, request);

	if (request->result == 0)
		slot_serve(slot);
	else
		slot_not_attached(slot);
	serve_connection_granted(slot->client, request->result);
	serve_control_idle(slot);
}

/*
 * The address space comes with the client and goes with it. A function that cannot be made to reach it is of no use to
 * a client, who would otherwise find out by its driver.
 */
static int slot_grant(struct serve_slot *slot)
{
	const struct pcg_dma_limits limits = { .max_maps = SLOT_MAPS,
					       .max_files = slot->max_files,
					       .page_size = WIRE_PAGE };
	struct pcg_dma_messages messages = messages_table(&slot->client->messages);
	int r;

	slot_forget_memory(slot);
	r = pcg_dma_create(&slot->dma, &limits, &messages, &slot->log);
	if (r != 0)
		return r;
	slot_identify(slot);
	slot->request = (struct pcg_request){ .done = slot_attached };
	slot->state = SLOT_GRANTING;
	r = pcg_function_dma(slot->function, slot->dma, &slot->request);
	if (r == PCG_DONE)
		slot_serve(slot);
	else if (r < 0)
		slot_not_attached(slot);
	return r;
}

static void slot_next(struct serve_slot *slot, int r)
{
	struct serve_connection *next = slot->client;

	if (next != NULL) {
		if (r == 0)
			r = slot_grant(slot);
		if (r != PCG_PENDING)
			serve_connection_granted(next, r);
	}
	serve_control_idle(slot);
}

void serve_slot_unread(struct serve_slot *slot)
{
	if (slot->client == NULL)
		return;
	if (slot->state == SLOT_READY && !serve_slot_busy(slot))
		slot_next(slot, 0);
	else
		serve_connection_continue(slot->client);
}

/* What it had mapped is in use no longer: now all of it can be made as new. */
static void slot_holder_ended(struct serve_watch *watch, uint32_t events)
{
	struct serve_slot *slot = serve_container(watch, struct serve_slot, holder_watch);
	int r;

	(void)events;
	serve_unwatch(slot->loop, &slot->holder_watch);
	holder_drop(&slot->holder);
	r = slot_close(slot);
	if (r != PCG_PENDING)
		slot_ready(slot, r);
}

/* If it cannot be watched then for good; rather that than a second client. */
static void slot_hold(struct serve_slot *slot)
{
	slot->state = SLOT_HELD;
	slot->holder_watch = (struct serve_watch){ .ready = slot_holder_ended, .fd = slot->holder.pidfd };
	if (serve_watch(slot->loop, &slot->holder_watch, EPOLLIN) == 0)
		base_log(&slot->log, PCG_INFO,
			 "process %d has mapped the function and lives: nobody else is served before it has ended",
			 (int)slot->holder.pid);
}

/* Who was to have it does not, and may be the process that has it mapped: nobody watches that one meanwhile. */
static void slot_unclaimed(struct serve_slot *slot)
{
	slot->client = NULL;
	if (slot->state == SLOT_READY && slot->holder.pidfd >= 0)
		slot_hold(slot);
}

bool serve_slot_lends(struct serve_slot *slot)
{
	int r;

	if (!slot->host->info.lends_function)
		return true;
	r = holder_take(&slot->holder, slot->client->watch.fd);
	if (r != 0)
		base_log(&slot->log, PCG_WARN,
			 "the client gets no mapping of the function: its process cannot be watched: %s", strerror(-r));
	return r == 0;
}

/* Opening or closing has ended. */
static void slot_ready(struct serve_slot *slot, int result)
{
	struct serve_connection *next = slot->client;

	serve_timer_disarm(&slot->deadline);
	if (result == 0)
		slot_forget_memory(slot);
	/* It ended meanwhile. */
	if (result == 0 && slot->request.kind == PCG_REQUEST_LEAVE && !holder_lives(&slot->holder)) {
		holder_drop(&slot->holder);
		result = slot_close(slot);
		if (result == PCG_PENDING)
			return;
	}
	if (result != 0) {
		base_log(&slot->log, PCG_ERROR, "the function cannot be made as new: %s; tried again soon",
			 strerror(-result));
		slot_broken(slot);
	} else {
		slot->state = SLOT_READY;
		slot->pause = 0;
	}
	if (result == 0 && !holder_lives(&slot->holder)) {
		holder_drop(&slot->holder);
	} else if (result == 0 && (next == NULL || !holder_is(&slot->holder, next->watch.fd))) {
		slot_hold(slot);
		return;
	}
	slot_next(slot, result);
}

static void slot_closed(struct pcg_request *request)
{
	struct serve_slot *slot = serve_container(request, struct serve_slot, request);

	slot_ready(slot, request->result);
}

/* Return: PCG_PENDING, or what it ended with. */
static int slot_close(struct serve_slot *slot)
{
	int r;

	serve_control_give_up(slot);
	slot->request =
		(struct pcg_request){ .kind = holder_lives(&slot->holder) ? PCG_REQUEST_LEAVE : PCG_REQUEST_CLOSE,
				      .done = slot_closed };
	slot->state = SLOT_CLOSING;
	r = pcg_function_submit(slot->function, &slot->request);
	if (r == PCG_PENDING)
		serve_timer_arm(slot->loop, &slot->deadline, slot->options->timeout);
	return r;
}

/* One that hung up just now makes room at once: whoever comes back must not meet itself. */
static void slot_notice_hangup(struct serve_slot *slot)
{
	struct serve_connection *client = slot->client;
	struct pollfd hangup = { .fd = client->watch.fd, .events = POLLRDHUP };

	if (poll(&hangup, 1, 0) == 1) {
		serve_connection_exhaust(client);
		serve_connection_drop(client);
		serve_slot_release(slot, client);
	}
}

int serve_slot_claim(struct serve_slot *slot, struct serve_connection *connection)
{
	int r;

	if (slot->client != NULL)
		slot_notice_hangup(slot);
	if (slot->client != NULL)
		return -EBUSY;
	if (slot->state == SLOT_BROKEN) {
		r = slot_close(slot);
		if (r < 0) {
			slot_broken(slot);
			return r;
		}
		if (r == PCG_DONE)
			slot_ready(slot, r);
	}
	slot->client = connection;
	if (slot->state == SLOT_HELD && holder_is(&slot->holder, connection->watch.fd)) {
		serve_unwatch(slot->loop, &slot->holder_watch);
		slot->state = SLOT_READY;
	}
	if (slot->state != SLOT_READY || serve_slot_busy(slot))
		return PCG_PENDING;
	r = slot_grant(slot);
	if (r < 0)
		slot_unclaimed(slot);
	return r;
}

void serve_slot_release(struct serve_slot *slot, struct serve_connection *connection)
{
	int r;

	if (slot->client != connection)
		return;
	slot_unclaimed(slot);
	if (slot->state != SLOT_SERVING && slot->state != SLOT_GRANTING)
		return;
	irqs_off(&slot->irqs);
	pcg_function_dma(slot->function, NULL, NULL);
	/* Nothing is left to end: the backend has given up what it asked. It is told of the rest, and gets no more. */
	messages_end(&connection->messages);
	if (connection->blocked || slot->state == SLOT_GRANTING) {
		connection->blocked = false;
		serve_timer_disarm(&slot->deadline);
		pcg_function_quarantine(slot->function);
	}
	/* Empty, it stays for as long as the backend may look into it. */
	pcg_dma_unmap_all(slot->dma);
	r = slot_close(slot);
	if (r != PCG_PENDING)
		slot_ready(slot, r);
}

/* --- connections --- */

/* Those who say nothing must not keep others out. */
static void slot_make_room(struct serve_slot *slot)
{
	struct serve_connection *oldest = NULL;

	if (slot->silent < SLOT_SILENT)
		return;
	for (struct serve_connection *c = slot->connections; c != NULL; c = c->next) {
		if (c->state == CONNECTION_SILENT)
			oldest = c;
	}
	if (oldest != NULL)
		serve_connection_drop(oldest);
}

static void slot_accept_again(struct serve_timer *timer)
{
	struct serve_slot *slot = serve_container(timer, struct serve_slot, accept_again);

	serve_watch(slot->loop, &slot->listener, EPOLLIN);
}

static void slot_accept(struct serve_watch *watch, uint32_t events)
{
	struct serve_slot *slot = serve_container(watch, struct serve_slot, listener);
	int fd = -1, r = -EBUSY;

	(void)events;
	if (!descriptors_stuck(slot->aside)) {
		fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		r = fd < 0 ? -errno : 0;
	}
	if (r == 0 && slot->everybody >= SLOT_CONNECTIONS) {
		descriptors_close(slot->aside, fd);
		return;
	}
	if (r == 0) {
		slot_make_room(slot);
		r = serve_connection_create(slot, fd);
	}
	if (r == 0 || r == -EAGAIN || r == -ECONNABORTED || r == -EINTR)
		return;
	/* It still waits at the door: look away for a while instead of turning round and round. */
	base_log(&slot->log, PCG_WARN, "a client could not be let in: %s%s", strerror(-r),
		 r == -EMFILE ? "; " SOCKETS_MORE : "");
	serve_watch(slot->loop, &slot->listener, 0);
	serve_timer_arm(slot->loop, &slot->accept_again, SLOT_ACCEPT_AGAIN_MS);
}

int serve_slot_listen(struct serve_slot *slot, int fd)
{
	slot->listener = (struct serve_watch){ .ready = slot_accept, .fd = fd };
	return serve_watch(slot->loop, &slot->listener, EPOLLIN);
}

int serve_slot_connected(struct serve_slot *slot, int fd)
{
	slot->single = true;
	return serve_connection_create(slot, fd);
}

/* --- beginning and end --- */

static void slot_opened(struct pcg_request *request)
{
	struct serve_slot *slot = serve_container(request, struct serve_slot, request);

	if (request->result == 0) {
		slot_ready(slot, 0);
		return;
	}
	base_log(&slot->log, PCG_ERROR, "%s cannot be opened: %s", slot->func, strerror(-request->result));
	if (slot->client != NULL)
		serve_connection_granted(slot->client, request->result);
	slot->failed = true;
	serve_task_queue(slot->loop, &slot->leave);
}

static int slot_open(struct serve_slot *slot)
{
	const struct pcg_function_events events = { .arg = slot,
						    .trigger = slot_trigger,
						    .wake = slot_wake,
						    .effects = slot_effects,
						    .deed = slot_deed,
						    .wanted = slot_wanted,
						    .recorded = slot_recorded };
	int r = pcg_host_create_in(&slot->host, slot->func, slot->home->pool, &slot->log);
	int fd;

	if (r != 0)
		return r;
	/* Not cleared: some of it is never touched. */
	slot->memory = malloc(pcg_function_size());
	if (slot->memory == NULL)
		return -ENOMEM;
	slot->request.done = slot_opened;
	r = pcg_function_init(slot->memory, slot->host, &slot->options->view, &events, &slot->log, &slot->request,
			      &slot->function);
	if (r < 0) {
		slot->function = NULL;
		return r;
	}
	slot->state = r == PCG_PENDING ? SLOT_OPENING : SLOT_READY;
	irqs_init(&slot->irqs, slot->function, slot->loop, slot->home->signaller);
	fd = slot->host->ops->fd != NULL ? slot->host->ops->fd(slot->host) : -1;
	if (fd < 0)
		return 0;
	slot->host_watch = (struct serve_watch){ .ready = slot_host_ready, .fd = fd };
	return serve_watch(slot->loop, &slot->host_watch, EPOLLIN);
}

int serve_slot_create(struct serve_slot **result, const char *func, const struct slot_home *home,
		      const struct pcg_log *log, bool label)
{
	struct serve_slot *slot = calloc(1, sizeof(*slot));
	int r;

	if (slot == NULL || (slot->func = strdup(func)) == NULL || (slot->aside = descriptors_create()) == NULL) {
		if (slot != NULL)
			free(slot->func);
		free(slot);
		return -ENOMEM;
	}
	slot->home = home;
	slot->loop = home->loop;
	slot->options = home->options;
	slot->leave.turn = slot_leave;
	slot->log = note_limit_init(&slot->notes, log, label ? slot->func : NULL);
	slot->work.turn = slot_work;
	slot->work_again.due = slot_work_again;
	slot->deadline.due = slot_deadline;
	slot->accept_again.due = slot_accept_again;
	slot->listener.fd = -1;
	slot->holder.pidfd = -1;
	r = slot_open(slot);
	if (r != 0) {
		serve_slot_destroy(slot);
		return r;
	}
	*result = slot;
	return 0;
}

void serve_slot_destroy(struct serve_slot *slot)
{
	if (slot == NULL)
		return;
	while (slot->connections != NULL)
		serve_connection_destroy(slot->connections);
	free(slot->spare);
	serve_control_forget(slot);
	serve_unwatch(slot->loop, &slot->listener);
	if (slot->listener.fd >= 0)
		close(slot->listener.fd);
	sockets_remove(&slot->file);
	serve_unwatch(slot->loop, &slot->host_watch);
	serve_unwatch(slot->loop, &slot->holder_watch);
	holder_drop(&slot->holder);
	serve_timer_disarm(&slot->work_again);
	serve_timer_disarm(&slot->deadline);
	serve_timer_disarm(&slot->accept_again);
	if (slot->function != NULL)
		pcg_function_finish(slot->function);
	serve_task_drop(&slot->work);
	serve_task_drop(&slot->leave);
	pcg_host_destroy(slot->host);
	slot_forget_memory(slot);
	trace_destroy(slot->trace);
	free(slot->memory);
	descriptors_destroy(slot->aside);
	free(slot->func);
	free(slot);
}
