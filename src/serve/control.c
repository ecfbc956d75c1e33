/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "serve/connection.h"
#include "serve/control.h"
#include "serve/control_rules.h"
#include "serve/sockets.h"

#define CONTROL_CLIENTS 8
#define CONTROL_LINE    640
#define CONTROL_TEXT    262144u /* of a backend's answer */
#define CONTROL_MS      5000    /* from connecting to the end of the answer */

struct serve_control_job {
	struct serve_control_job *next;
	struct serve_slot *slot;
	struct control_client *client; /* NULL: it went away, and the function's request goes on */
	bool guest;
	bool pending;
	struct pcg_request request; /* as the guest sees it */
	struct serve_timer timer;   /* until the function is given up for it */
	struct pcg_op op;           /* as the function has it */
	uint16_t dword;
	uint32_t value;
	uint16_t size;
	uint8_t config[PCG_CONFIG_EXTENDED];
};

struct control_client {
	struct control_client *next;
	struct serve_control *control;
	struct serve_watch watch;
	struct serve_timer timer;
	struct serve_task task; /* to be freed */
	struct serve_control_job *job;
	char line[CONTROL_LINE];
	size_t filled;
	char *answer;
	size_t size;
	size_t sent;
};

struct serve_control {
	struct serve_loop *loop;
	struct serve_slot *const *slots;
	const struct pcg_log *log;
	struct sockets_file file;
	struct serve_watch listener;
	struct control_client *clients;
	unsigned int count;
};

/* --- jobs --- */

static void control_answer(struct control_client *client, unsigned int number, const struct serve_control_job *job,
			   int error);

static void control_job_end(struct serve_control_job *job, int result)
{
	struct serve_slot *slot = job->slot;
	struct control_client *client = job->client;
	struct serve_control_job **p = &slot->jobs;

	if (slot->job == job)
		slot->job = NULL;
	while (*p != NULL && *p != job)
		p = &(*p)->next;
	if (*p == job)
		*p = job->next;
	serve_timer_disarm(&job->timer);
	if (client != NULL) {
		client->job = NULL;
		control_answer(client, 0, job, result);
	}
	free(job);
	serve_slot_unread(slot);
}

static void control_guest_done(struct pcg_request *request)
{
	struct serve_control_job *job = serve_container(request, struct serve_control_job, request);
	struct serve_slot *slot = job->slot;

	control_job_end(job, request->result);
	serve_control_idle(slot);
}

static void control_put(struct serve_control_job *job)
{
	pcg_put32(job->config + job->dword * 4u, job->value);
	job->dword++;
}

/* Return: PCG_PENDING, or what it ended with. */
static int control_host_go(struct serve_control_job *job)
{
	struct pcg_host *host = job->slot->host;

	while (job->dword < job->size / 4) {
		int r = host->ops->config_read(host, job->dword, 0xf, &job->value, &job->op);

		if (r != PCG_DONE)
			return r;
		control_put(job);
	}
	return PCG_DONE;
}

static void control_host_done(struct pcg_op *op, int result)
{
	struct serve_control_job *job = serve_container(op, struct serve_control_job, op);
	struct serve_slot *slot = job->slot;

	if (result == 0) {
		control_put(job);
		result = control_host_go(job);
	}
	if (result == PCG_PENDING)
		return;
	control_job_end(job, result);
	serve_control_idle(slot);
}

/* The function had as long as for a request of its client's, and no less than a reader waits. */
static void control_job_due(struct serve_timer *timer)
{
	struct serve_control_job *job = serve_container(timer, struct serve_control_job, timer);
	struct serve_slot *slot = job->slot;

	serve_slot_give_up(slot, "reading configuration space for --control");
	control_job_end(job, -ETIMEDOUT);
	serve_control_idle(slot);
}

static void control_job_start(struct serve_control_job *job)
{
	unsigned int timeout = job->slot->options->timeout;
	int r;

	job->slot->job = job;
	if (job->guest) {
		job->request = (struct pcg_request){
			.kind = PCG_REQUEST_READ,
			.region = PCG_REGION_CONFIG,
			.length = job->size,
			.data = job->config,
			.done = control_guest_done,
		};
		r = pcg_function_submit(job->slot->function, &job->request);
	} else {
		job->op.done = control_host_done;
		r = control_host_go(job);
	}
	job->pending = r == PCG_PENDING;
	if (!job->pending)
		control_job_end(job, r);
	else if (job->guest)
		serve_timer_arm(job->slot->loop, &job->timer, timeout > CONTROL_MS ? (int)timeout : CONTROL_MS);
}

void serve_control_idle(struct serve_slot *slot)
{
	while (slot->jobs != NULL && serve_slot_idle(slot)) {
		struct serve_control_job *job = slot->jobs;

		slot->jobs = job->next;
		control_job_start(job);
	}
}

/* What the job asked of the function must not come back. */
static void control_job_cancel(struct serve_control_job *job)
{
	if (job->slot->job != job || !job->pending)
		return;
	if (job->guest)
		pcg_function_quarantine(job->slot->function);
	else
		job->slot->host->ops->cancel(job->slot->host, &job->op);
}

/*
 * The reader goes. What was asked of the function for it cannot be taken back without giving the function up, which is
 * its client's: that goes on. Return: whether it does, or the job is to be ended.
 */
static bool control_job_leave(struct serve_control_job *job)
{
	if (job->slot->job != job || !job->pending || !job->guest)
		return false;
	job->client->job = NULL;
	job->client = NULL;
	return true;
}

void serve_control_give_up(struct serve_slot *slot)
{
	if (slot->job != NULL) {
		control_job_cancel(slot->job);
		control_job_end(slot->job, -EAGAIN);
	}
}

void serve_control_forget(struct serve_slot *slot)
{
	serve_control_give_up(slot);
	while (slot->jobs != NULL)
		control_job_end(slot->jobs, -ENODEV);
}

/* --- answers --- */

static const char *control_state(const struct serve_slot *slot)
{
	static const char *const names[] = {
		[SLOT_OPENING] = "opening", [SLOT_READY] = "ready",     [SLOT_GRANTING] = "granting",
		[SLOT_SERVING] = "serving", [SLOT_CLOSING] = "closing", [SLOT_HELD] = "held",
		[SLOT_BROKEN] = "broken",
	};

	if (slot->state == SLOT_SERVING && pcg_function_quarantined(slot->function))
		return "quarantined";
	return names[slot->state];
}

static void control_describe(FILE *out, const struct serve_slot *slot, unsigned int number)
{
	static const char *const kinds[] = {
		[PCG_BAR_IO] = "io", [PCG_BAR_MEM32] = "mem32", [PCG_BAR_MEM64] = "mem64"
	};
	const struct pcg_host_info *info = &slot->host->info;
	struct pcg_view_options rules;
	unsigned int vectors, table, most;
	const char *why;

	fprintf(out, "function %x %s\n", number, slot->func);
	if (slot->file.path != NULL)
		fprintf(out, "socket %s\n", slot->file.path);
	fprintf(out, "state %s\n", control_state(slot));
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		const struct pcg_bar *bar = &info->bars[i];

		if (bar->kind != PCG_BAR_NONE && bar->kind != PCG_BAR_UPPER)
			fprintf(out, "bar %x %s %" PRIx64 "%s\n", i, kinds[bar->kind], bar->size,
				bar->prefetchable ? " prefetchable" : "");
	}
	if (info->rom.kind != PCG_BAR_NONE)
		fprintf(out, "rom %" PRIx64 "\n", info->rom.size);
	rules = slot->options->view;
	/* What the client has asked for shows in Table Size as the operator's bound does. */
	vectors = pcg_function_msix(slot->function, &table, &most, &why);
	if (vectors < most)
		rules.msix_vectors = (uint16_t)vectors;
	rules.spoken = pcg_function_view(slot->function)->options.spoken;
	control_rules_put(out, &rules, info);
}

static void control_dump(FILE *out, const struct serve_control_job *job)
{
	const struct pcg_host_info *info = &job->slot->host->info;
	uint16_t vendor = info->is_vf ? info->vendor : pcg_get16(job->config + PCG_VENDOR);
	uint16_t device = info->is_vf ? info->device : pcg_get16(job->config + PCG_DEVICE);

	control_rules_put_quirks(out, &job->slot->options->view, vendor, device);
	fprintf(out, "config %x\n", (unsigned int)job->size);
	for (unsigned int i = 0; i < job->size; i++) {
		if (i % 16 == 0)
			fprintf(out, "%02x:", i);
		fprintf(out, " %02x%s", job->config[i], i % 16 == 15 ? "\n" : "");
	}
}

static void control_client_end(struct control_client *client)
{
	serve_unwatch(client->control->loop, &client->watch);
	serve_timer_disarm(&client->timer);
	serve_task_queue(client->control->loop, &client->task);
}

static void control_send(struct control_client *client)
{
	ssize_t n = 0;

	while (client->sent < client->size) {
		n = send(client->watch.fd, client->answer + client->sent, client->size - client->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			break;
		client->sent += (size_t)n;
	}
	if (client->sent == client->size || (n < 0 && errno != EAGAIN && errno != EINTR) ||
	    serve_watch(client->control->loop, &client->watch, EPOLLOUT) != 0)
		control_client_end(client);
}

static void control_finish(struct control_client *client, FILE *out, int error)
{
	if (error == 0)
		fprintf(out, "ok\n");
	else
		fprintf(out, "error %x %s\n", (unsigned int)-error, strerror(-error));
	if (fclose(out) != 0)
		control_client_end(client);
	else
		control_send(client);
}

/* @number is the function of @job, or without one the first of all to be told. */
static void control_answer(struct control_client *client, unsigned int number, const struct serve_control_job *job,
			   int error)
{
	struct serve_slot *const *slots = client->control->slots;
	FILE *out = open_memstream(&client->answer, &client->size);

	if (out == NULL) {
		control_client_end(client);
		return;
	}
	for (const struct serve_slot *slot = *slots; slot != NULL; slot = slot->next, number++) {
		if (error == 0 && (job == NULL || job->slot == slot))
			control_describe(out, slot, number);
	}
	if (error == 0 && job != NULL)
		control_dump(out, job);
	control_finish(client, out, error);
}

/* --- clients --- */

static struct serve_slot *control_slot(const struct control_client *client, unsigned int number)
{
	struct serve_slot *slot = *client->control->slots;

	while (slot != NULL && number-- > 0)
		slot = slot->next;
	return slot;
}

/* What the backend answers, each line marked: none of them is taken for one of ours. */
static int control_ask_host(const struct serve_slot *slot, const char *command, FILE *out)
{
	char *text, *rest, *line;
	int r;

	if (slot == NULL)
		return -ENODEV;
	if (slot->host->ops->control == NULL)
		return -EOPNOTSUPP;
	text = calloc(1, CONTROL_TEXT);
	if (text == NULL)
		return -ENOMEM;
	r = slot->host->ops->control(slot->host, command, text, CONTROL_TEXT);
	for (rest = text; (line = strsep(&rest, "\n")) != NULL;)
		if (*line != '\0')
			fprintf(out, "answer %s\n", line);
	free(text);
	return r;
}

static void control_command(struct control_client *client, unsigned int number, const char *command)
{
	FILE *out = open_memstream(&client->answer, &client->size);

	if (out == NULL)
		control_client_end(client);
	else
		control_finish(client, out, control_ask_host(control_slot(client, number), command, out));
}

static void control_config(struct control_client *client, unsigned int number, bool guest)
{
	struct serve_slot *slot = control_slot(client, number);
	struct serve_control_job *job, **last;

	job = slot == NULL ? NULL : calloc(1, sizeof(*job));
	if (job == NULL) {
		control_answer(client, 0, NULL, slot == NULL ? -ENODEV : -ENOMEM);
		return;
	}
	job->slot = slot;
	job->client = client;
	job->timer.due = control_job_due;
	job->guest = guest;
	job->size = slot->host->info.config_size;
	client->job = job;
	for (last = &slot->jobs; *last != NULL; last = &(*last)->next)
		;
	*last = job;
	serve_control_idle(slot);
}

static void control_line(struct control_client *client)
{
	unsigned int number;
	char kind[8];
	int at = 0;

	if (strcmp(client->line, "list") == 0)
		control_answer(client, 0, NULL, 0);
	else if (sscanf(client->line, "control %8x %n", &number, &at) == 1 && at > 0)
		control_command(client, number, client->line + at);
	else if (sscanf(client->line, "config %8x %7s", &number, kind) == 2 &&
		 (strcmp(kind, "guest") == 0 || strcmp(kind, "host") == 0))
		control_config(client, number, kind[0] == 'g');
	else
		control_answer(client, 0, NULL, -EINVAL);
}

static void control_ready(struct serve_watch *watch, uint32_t events)
{
	struct control_client *client = serve_container(watch, struct control_client, watch);
	char *end;
	ssize_t n;

	if (client->answer != NULL) {
		control_send(client);
		return;
	}
	if (client->job != NULL || (events & EPOLLIN) == 0) {
		control_client_end(client);
		return;
	}
	n = recv(watch->fd, client->line + client->filled, CONTROL_LINE - 1 - client->filled, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		client->filled += (size_t)n;
	end = memchr(client->line, '\n', client->filled);
	if (end != NULL) {
		*end = '\0';
		/* Nothing more is read; it only matters whether it goes away. */
		if (serve_watch(client->control->loop, &client->watch, 0) == 0)
			control_line(client);
		else
			control_client_end(client);
	} else if (n <= 0 || client->filled == CONTROL_LINE - 1) {
		control_client_end(client);
	}
}

static void control_due(struct serve_timer *timer)
{
	struct control_client *client = serve_container(timer, struct control_client, timer);

	if (client->job != NULL) {
		struct serve_slot *slot = client->job->slot;

		if (control_job_leave(client->job)) {
			control_answer(client, 0, NULL, -ETIMEDOUT);
		} else {
			control_job_cancel(client->job);
			control_job_end(client->job, -ETIMEDOUT);
			serve_control_idle(slot);
		}
	}
	control_client_end(client);
}

static void control_client_free(struct control_client *client)
{
	struct serve_control *control = client->control;
	struct control_client **p = &control->clients;

	while (*p != client)
		p = &(*p)->next;
	*p = client->next;
	control->count--;
	serve_unwatch(control->loop, &client->watch);
	serve_timer_disarm(&client->timer);
	serve_task_drop(&client->task);
	if (client->job != NULL && !control_job_leave(client->job)) {
		struct serve_control_job *job = client->job;

		control_job_cancel(job);
		control_job_end(job, -EAGAIN);
		serve_unwatch(control->loop, &client->watch);
		serve_task_drop(&client->task);
	}
	close(client->watch.fd);
	free(client->answer);
	free(client);
}

static bool control_turn(struct serve_task *task)
{
	struct control_client *client = serve_container(task, struct control_client, task);
	struct serve_slot *slot = client->job != NULL ? client->job->slot : NULL;

	control_client_free(client);
	/* Those behind it have waited for it alone. */
	if (slot != NULL)
		serve_control_idle(slot);
	return false;
}

static void control_accept(struct serve_watch *watch, uint32_t events)
{
	struct serve_control *control = serve_container(watch, struct serve_control, listener);
	int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct control_client *client;

	(void)events;
	if (fd < 0)
		return;
	client = control->count < CONTROL_CLIENTS ? calloc(1, sizeof(*client)) : NULL;
	if (client == NULL) {
		close(fd);
		return;
	}
	client->control = control;
	client->watch = (struct serve_watch){ .ready = control_ready, .fd = fd };
	client->timer.due = control_due;
	client->task.turn = control_turn;
	client->next = control->clients;
	control->clients = client;
	control->count++;
	serve_timer_arm(control->loop, &client->timer, CONTROL_MS);
	if (serve_watch(control->loop, &client->watch, EPOLLIN) != 0)
		control_client_end(client);
}

int serve_control_create(struct serve_control **result, const char *path, struct serve_loop *loop,
			 struct serve_slot *const *slots, const struct pcg_log *log)
{
	struct serve_control *control = calloc(1, sizeof(*control));
	mode_t mask;
	int fd;

	if (control == NULL)
		return -ENOMEM;
	mask = umask(0177);
	fd = sockets_listen(path, "--control", NULL, &control->file, log);
	umask(mask);
	if (fd < 0) {
		free(control);
		return fd;
	}
	control->loop = loop;
	control->slots = slots;
	control->log = log;
	control->listener = (struct serve_watch){ .ready = control_accept, .fd = fd };
	*result = control;
	return serve_watch(loop, &control->listener, EPOLLIN);
}

void serve_control_destroy(struct serve_control *control)
{
	if (control == NULL)
		return;
	while (control->clients != NULL)
		control_client_free(control->clients);
	serve_unwatch(control->loop, &control->listener);
	close(control->listener.fd);
	sockets_remove(&control->file);
	free(control);
}
