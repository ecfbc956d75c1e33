/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A function behind another vfio-user server. Nothing here waits: an op makes a call, and goes on when work() finds the
 * answer. A server that is gone leaves a function that reads all ones, as on a bus; for the next client it is connected
 * to again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "host/remote/internal.h"
#include "host/remote/remote.h"
#include "host/wait.h"

#define OPEN_MS 5000
/* In one turn, before others have theirs. */
#define TURN_EVENTS   16
#define TURN_MESSAGES 64

/* PCI PM 1.2, 5.6.1: to and from D3hot 10 ms, from D2 200 µs. */
#define POWER_MS 10

/* --- accesses --- */

static int access_refused(struct remote *r, const struct link_in *reply, const char *what)
{
	int refusal = remote_refusal(reply);

	if (refusal == 0)
		return 0;
	remote_note(r, PCG_INFO, "%s of region %u at 0x%llx: the server refuses: %s", what, r->job.region,
		    (unsigned long long)(r->job.offset + r->job.moved), strerror(-refusal));
	return -EIO;
}

static int step_read(struct remote *r, const struct link_in *reply)
{
	struct remote_job *job = &r->job;

	if (reply != NULL) {
		uint8_t *to = job->data != NULL ? job->data + job->moved : job->bytes + job->offset % 4;
		int ret = access_refused(r, reply, "REGION_READ");

		if (ret != 0)
			return ret;
		if (!remote_was_read(r, reply, job->piece))
			return PCG_PENDING;
		memcpy(to, reply->body + WIRE_ACCESS_SIZE, job->piece);
		job->moved += job->piece;
	}
	if (job->moved == job->length) {
		if (job->value != NULL)
			*job->value = pcg_get32(job->bytes);
		return PCG_DONE;
	}
	job->piece = job->length - job->moved < r->piece ? job->length - job->moved : r->piece;
	return remote_ask_read(r, CALL_JOB, job->region, job->offset + job->moved, job->piece);
}

static int step_write(struct remote *r, const struct link_in *reply)
{
	struct remote_job *job = &r->job;

	if (reply != NULL) {
		int ret = access_refused(r, reply, "REGION_WRITE");

		if (ret != 0)
			return ret;
		job->moved += job->piece;
	}
	if (job->moved == job->length)
		return PCG_DONE;
	job->piece = job->length - job->moved < r->piece ? job->length - job->moved : r->piece;
	return remote_ask_write(r, CALL_JOB, job->region, job->offset + job->moved, job->source + job->moved,
				job->piece);
}

/* The bytes that an access of natural width and place needs to cover @be. */
static unsigned int natural(uint8_t be, unsigned int *start)
{
	unsigned int last = be & 8 ? 3 : be & 4 ? 2 : be & 2 ? 1 : 0;

	*start = be & 1 ? 0 : be & 2 ? 1 : be & 4 ? 2 : 3;
	if (*start == last)
		return 1;
	if (*start % 2 == 0 && last == *start + 1)
		return 2;
	*start = 0;
	return 4;
}

static int op_config_read(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t *value, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	struct remote_job job = { .step = step_read, .as_bus = true, .region = PCG_REGION_CONFIG, .value = value };
	unsigned int start;

	job.length = natural(be, &start);
	job.offset = dword * 4u + start;
	if (remote_there(r) || r->open.on)
		return remote_job_start(r, op, &job);
	*value = UINT32_MAX;
	return PCG_DONE;
}

/*
 * Some servers refuse a Command with a bit that they do not know, Parity Error Response for one, and with it all
 * others. Those that every function has to take (PCIe 6.0, 7.5.1.1.3) are then written alone, once.
 */
static bool command_reduced(struct remote *r)
{
	const uint16_t known =
		PCG_COMMAND_IO | PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER | PCG_COMMAND_SERR | PCG_COMMAND_INTX_OFF;
	struct remote_job *job = &r->job;
	uint16_t command = pcg_get16(job->bytes);

	if (job->offset != PCG_COMMAND || job->moved != 0 || job->piece < 2 || (command & ~known) == 0)
		return false;
	remote_note(r, PCG_INFO, "the server refuses %04x for COMMAND: it gets %04x", command, command & known);
	pcg_put16(job->bytes, command & known);
	job->be |= (uint8_t)((1u << job->piece) - 1u);
	return true;
}

/* What the enables leave out is not touched: as many accesses as that takes. */
static int step_config_write(struct remote *r, const struct link_in *reply)
{
	struct remote_job *job = &r->job;
	unsigned int start = 0, length = 1;

	if (reply != NULL && (remote_refusal(reply) == 0 || !command_reduced(r))) {
		int ret = access_refused(r, reply, "REGION_WRITE");

		if (ret != 0)
			return ret;
	}
	if (job->be == 0)
		return PCG_DONE;
	while ((job->be >> start & 1) == 0)
		start++;
	if (job->be == 0xf)
		length = 4;
	else if (start % 2 == 0 && (job->be >> start & 3) == 3)
		length = 2;
	job->be &= (uint8_t) ~(((1u << length) - 1u) << start);
	job->moved = start;
	job->piece = length;
	return remote_ask_write(r, CALL_JOB, PCG_REGION_CONFIG, job->offset + start, job->bytes + start, length);
}

static int op_config_write(struct pcg_host *host, uint16_t dword, uint8_t be, uint32_t value, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	struct remote_job job = { .step = step_config_write, .as_bus = true, .region = PCG_REGION_CONFIG, .be = be };

	job.offset = dword * 4u;
	pcg_put32(job.bytes, value);
	return remote_there(r) || r->open.on ? remote_job_start(r, op, &job) : PCG_DONE;
}

static int op_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
			  struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	const struct remote_job job = {
		.step = step_read, .as_bus = true, .region = region, .offset = offset, .data = data, .length = length
	};

	if (remote_there(r) || r->open.on)
		return remote_job_start(r, op, &job);
	memset(data, 0xff, length);
	return PCG_DONE;
}

static int op_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			   struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	const struct remote_job job = {
		.step = step_write, .as_bus = true, .region = region, .offset = offset, .source = data, .length = length
	};

	return remote_there(r) || r->open.on ? remote_job_start(r, op, &job) : PCG_DONE;
}

/* --- reset and power --- */

enum reset_stage {
	RESET_ASK,
	RESET_DONE,
	RESET_LOOK,
	RESET_CLEARED,
};

/* Some servers reset what they emulate and leave Command as it was; it is 0 after a reset (PCIe 6.0, 7.5.1.1.3). */
static int step_reset(struct remote *r, const struct link_in *reply)
{
	const uint16_t stays = r->host.info.no_command_memory ? PCG_COMMAND_MEMORY : 0;
	struct link_message message = { .header.command = WIRE_RESET };
	struct remote_job *job = &r->job;
	uint16_t command;
	int refusal = reply != NULL ? remote_refusal(reply) : 0;

	if (refusal != 0) {
		remote_note(r, PCG_ERROR, "DEVICE_RESET: the server refuses: %s", strerror(-refusal));
		return refusal;
	}
	switch (job->stage++) {
	case RESET_ASK:
		remote_call(r, CALL_JOB, &message);
		return PCG_PENDING;
	case RESET_DONE:
		return remote_ask_read(r, CALL_JOB, PCG_REGION_CONFIG, PCG_COMMAND, 2);
	case RESET_LOOK:
		if (!remote_was_read(r, reply, 2))
			return PCG_PENDING;
		command = pcg_get16(reply->body + WIRE_ACCESS_SIZE);
		pcg_put16(job->bytes, command & stays);
		remote_irqs_again(r);
		return (command & ~stays) != 0
			       ? remote_ask_write(r, CALL_JOB, PCG_REGION_CONFIG, PCG_COMMAND, job->bytes, 2)
			       : PCG_DONE;
	default:
		return PCG_DONE;
	}
}

static int op_reset(struct pcg_host *host, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	const struct remote_job job = { .step = step_reset };

	return remote_there(r) || r->open.on ? remote_job_start(r, op, &job) : -EIO;
}

enum power_stage {
	POWER_LOOK,
	POWER_CHANGE,
	POWER_CHANGED,
	POWER_LOOK_AGAIN,
	POWER_CHECK,
};

/* PCI PM 1.2, 3.2.4: bits 1:0 are the state, bit 15 is cleared by a 1. */
static int step_power(struct remote *r, const struct link_in *reply)
{
	struct remote_job *job = &r->job;
	unsigned int csr = r->pm + PCG_PM_CSR;
	uint16_t value = 0;

	if (reply != NULL) {
		int ret = access_refused(r, reply, "PMCSR");

		if (ret != 0)
			return ret;
	}
	if (job->stage == POWER_CHANGE || job->stage == POWER_CHECK) {
		if (!remote_was_read(r, reply, 2))
			return PCG_PENDING;
		value = pcg_get16(reply->body + WIRE_ACCESS_SIZE);
	}
	switch (job->stage++) {
	case POWER_CHANGE:
		pcg_put16(job->bytes, (uint16_t)((value & ~0x8003u) | (unsigned int)job->power));
		return remote_ask_write(r, CALL_JOB, PCG_REGION_CONFIG, csr, job->bytes, 2);
	case POWER_CHANGED:
		job->until = remote_now() + POWER_MS;
		return PCG_PENDING;
	case POWER_CHECK:
		if (job->power == PCG_D0)
			remote_irqs_again(r);
		return (value & 3u) == (unsigned int)job->power ? PCG_DONE : -EIO;
	default:
		return remote_ask_read(r, CALL_JOB, PCG_REGION_CONFIG, csr, 2);
	}
}

static int op_power(struct pcg_host *host, enum pcg_power state, struct pcg_op *op)
{
	struct remote *r = remote_of(host);
	const struct remote_job job = {
		.step = step_power, .as_bus = true, .region = PCG_REGION_CONFIG, .power = state
	};

	if (!remote_there(r) && !r->open.on)
		return PCG_DONE;
	if (r->pm == 0)
		return state == PCG_D0 ? PCG_DONE : -EOPNOTSUPP;
	return remote_job_start(r, op, &job);
}

/* --- the loop --- */

/* A late answer is dropped. A new connection that takes too long is given up, as nobody else waits for it. */
static void op_cancel(struct pcg_host *host, struct pcg_op *op)
{
	struct remote *r = remote_of(host);

	if (r->job.step == NULL || r->job.op != op)
		return;
	r->job.op = NULL;
	r->job.step = NULL;
	remote_give_up(r, CALL_JOB);
	remote_open_stop(r, -ETIMEDOUT);
}

void remote_opened(struct remote *r, int result)
{
	if (r->job.step == NULL)
		return;
	if (result == 0)
		remote_job_go_on(r, NULL);
	else
		remote_job_end(r, result);
}

static void remote_lost(struct remote *r)
{
	int error = r->link.error;
	const char *why = r->link.why;

	if (r->open.on) {
		remote_note(r, PCG_ERROR, "the server cannot be talked to: %s (%s)", why, strerror(-error));
		remote_open_stop(r, error);
		return;
	}
	remote_note(
		r, PCG_ERROR,
		"the server is lost: %s (%s); its function reads all ones, and is looked for again for the next client",
		why, strerror(-error));
	remote_hang_up(r);
	if (r->job.step == NULL)
		return;
	if (r->job.value != NULL)
		*r->job.value = UINT32_MAX;
	if (r->job.data != NULL)
		memset(r->job.data, 0xff, r->job.length);
	remote_job_end(r, r->job.as_bus ? 0 : -EIO);
}

/* Return: whether there may be more. */
static bool work_messages(struct remote *r)
{
	unsigned int n = 0;
	struct link_in in;

	for (; n < TURN_MESSAGES && link_next(&r->link, &in); n++) {
		if ((in.header.flags & WIRE_TYPE) == WIRE_REPLY)
			remote_answered(r, &in);
		else
			remote_asked(r, &in);
	}
	/* Descriptors come with what is asked in the beginning, and with nothing else. */
	if (!r->open.on)
		link_drop_fds(&r->link);
	return n == TURN_MESSAGES;
}

static void work_socket(struct remote *r, uint32_t events)
{
	link_flush(&r->link);
	if ((events & ~(uint32_t)EPOLLOUT) != 0)
		link_receive(&r->link);
}

/* Room to write is watched for only while something waits for it. */
static void work_watch(struct remote *r)
{
	bool wants = link_waits(&r->link);
	struct epoll_event event = { .events = EPOLLIN | (wants ? (uint32_t)EPOLLOUT : 0), .data.u32 = TAG_SOCKET };

	if (r->link.fd < 0 || wants == r->watched)
		return;
	if (epoll_ctl(r->poll, EPOLL_CTL_MOD, r->link.fd, &event) == 0)
		r->watched = wants;
}

static int work_until(int64_t until)
{
	int64_t left = until - remote_now();

	return left > 0 ? (int)left : 0;
}

static int op_work(struct pcg_host *host)
{
	struct remote *r = remote_of(host);
	struct epoll_event events[TURN_EVENTS];
	int n = epoll_wait(r->poll, events, TURN_EVENTS, 0), again;

	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == TAG_SOCKET)
			work_socket(r, events[i].events);
		else
			remote_irqs_came(r, events[i].data.u32);
	}
	again = work_messages(r) ? 0 : -1;
	if (r->open.on && r->open.until != 0 && work_until(r->open.until) == 0)
		remote_open_go_on(r, NULL);
	if (r->job.step != NULL && r->job.until != 0 && work_until(r->job.until) == 0)
		remote_job_go_on(r, NULL);
	if (r->link.error != 0)
		remote_lost(r);
	work_watch(r);
	if (again != 0 && r->open.on && r->open.until != 0)
		again = work_until(r->open.until);
	if (again != 0 && r->job.step != NULL && r->job.until != 0)
		again = work_until(r->job.until);
	return again;
}

static int op_fd(struct pcg_host *host)
{
	return remote_of(host)->poll;
}

/* --- beginning and end --- */

static void op_destroy(struct pcg_host *host)
{
	struct remote *r = remote_of(host);

	remote_hang_up(r);
	remote_irqs_finish(r);
	link_finish(&r->link);
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++) {
		if (host->info.regions[i].fd >= 0)
			close(host->info.regions[i].fd);
	}
	if (r->poll >= 0)
		close(r->poll);
	free(r);
}

static const struct pcg_host_ops ops = {
	.name = "vfio-user",
	.help = REMOTE_FORM "  a function behind another vfio-user server",
	.destroy = op_destroy,
	.config_read = op_config_read,
	.config_write = op_config_write,
	.region_read = op_region_read,
	.region_write = op_region_write,
	.reset = op_reset,
	.power = op_power,
	.dma = remote_dma,
	.dma_map = remote_dma_map,
	.dma_unmap = remote_dma_unmap,
	.irq_route = remote_irq_route,
	.irq_mask = remote_irq_mask,
	.cancel = op_cancel,
	.fd = op_fd,
	.work = op_work,
};

struct opening {
	struct pcg_op op;
	int result;
};

static void opening_done(struct pcg_op *op, int result)
{
	((struct opening *)(void *)((char *)op - offsetof(struct opening, op)))->result = result;
}

/* The first time is waited for: nobody is served yet. */
static int remote_begin(struct remote *r)
{
	struct opening opening = { .op.done = opening_done, .result = PCG_PENDING };
	int ret;

	r->poll = epoll_create1(EPOLL_CLOEXEC);
	if (r->poll < 0)
		return -errno;
	ret = remote_irqs_init(r);
	if (ret == 0)
		ret = r->host.ops->dma_unmap(&r->host, NULL, &opening.op);
	if (ret != PCG_PENDING)
		return ret;
	ret = host_wait(&r->host, &opening.result, OPEN_MS);
	if (ret == -ETIMEDOUT) {
		op_cancel(&r->host, &opening.op);
		remote_note(r, PCG_ERROR, "the server does not answer; has it another client?");
	}
	return ret;
}

int remote_create(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log)
{
	struct remote *r = calloc(1, sizeof(*r));
	int ret;

	*host = NULL;
	if (r == NULL)
		return -ENOMEM;
	r->host.ops = &ops;
	if (log != NULL)
		r->host.log = *log;
	r->poll = -1;
	r->trusted = pool != NULL && pool->trusted;
	dma_maps_init(&r->maps);
	for (unsigned int i = 0; i < PCG_NUM_REGIONS; i++)
		r->host.info.regions[i].fd = -1;
	for (unsigned int i = 0; i < PCG_NUM_IRQS; i++)
		r->irqs.own[i] = -1;
	ret = link_init(&r->link);
	if (ret == 0)
		ret = remote_settings_init(&r->settings, text, &r->host.log);
	if (ret == 0)
		ret = remote_begin(r);
	if (ret != 0) {
		op_destroy(&r->host);
		return ret;
	}
	*host = &r->host;
	return 0;
}
