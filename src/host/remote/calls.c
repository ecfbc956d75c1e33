/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls to the server and their answers; and the job that an op is. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "host/remote/internal.h"

int64_t remote_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void remote_note(const struct remote *r, enum pcg_level level, const char *format, ...)
{
	char text[384];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	base_log(&r->host.log, level, "vfio-user:%s: %s", r->settings.address.sun_path, text);
}

/* The link's end is found out in work(), which may not be called from inside an op. */
void remote_wake(struct remote *r)
{
	if (r->host.events.wake != NULL)
		r->host.events.wake(r->host.events.arg);
}

/* --- calls --- */

void remote_call(struct remote *r, enum remote_call_kind kind, struct link_message *message)
{
	struct remote_call *call = &r->calls[r->id % REMOTE_CALLS];

	if (call->kind != CALL_FREE)
		link_fail(&r->link, -EPROTO, "it leaves too many calls without an answer");
	if (r->link.error == 0) {
		message->header.id = r->id++;
		*call = (struct remote_call){ .id = message->header.id,
					      .command = (uint8_t)message->header.command,
					      .kind = (uint8_t)kind };
		link_send(&r->link, message);
	}
	if (r->link.error != 0 || link_waits(&r->link))
		remote_wake(r);
}

int remote_refusal(const struct link_in *reply)
{
	if ((reply->header.flags & WIRE_ERROR) == 0)
		return 0;
	return reply->header.error == 0 || reply->header.error > 4095 ? -EIO : -(int)reply->header.error;
}

static void irqs_answered(struct remote *r, const struct link_in *in)
{
	int refusal = remote_refusal(in);

	if (refusal == 0 || r->irqs.told)
		return;
	r->irqs.told = true;
	remote_note(r, PCG_WARN, "the server refuses DEVICE_SET_IRQS: %s; some interrupts will not come",
		    strerror(-refusal));
}

/* An answer may be late, and need not come in turn; it has to be one to a call. */
void remote_answered(struct remote *r, const struct link_in *in)
{
	struct remote_call *call = &r->calls[in->header.id % REMOTE_CALLS];
	enum remote_call_kind kind = (enum remote_call_kind)call->kind;

	if (kind == CALL_FREE || call->id != in->header.id || call->command != in->header.command) {
		link_fail(&r->link, -EPROTO, "it answered something that was not asked");
		return;
	}
	call->kind = CALL_FREE;
	if (kind == CALL_OPEN)
		remote_open_go_on(r, in);
	else if (kind == CALL_JOB)
		remote_job_go_on(r, in);
	else if (kind == CALL_IRQS)
		irqs_answered(r, in);
	else if (kind == CALL_DOUBT)
		remote_irqs_settle(r);
	else if (kind == CALL_GIVEN_UP)
		r->given_up--;
}

void remote_give_up(struct remote *r, enum remote_call_kind kind)
{
	for (unsigned int i = 0; i < REMOTE_CALLS; i++) {
		if (r->calls[i].kind != kind)
			continue;
		r->calls[i].kind = CALL_GIVEN_UP;
		r->given_up++;
	}
}

/* --- accesses --- */

int remote_ask_read(struct remote *r, enum remote_call_kind kind, unsigned int region, uint64_t offset, size_t length)
{
	struct wire_access access = { .offset = offset, .region = region, .count = (uint32_t)length };
	uint8_t head[WIRE_ACCESS_SIZE];
	struct link_message message = { .header.command = WIRE_REGION_READ, .head = head, .head_size = sizeof(head) };

	wire_access_write(&access, head);
	remote_call(r, kind, &message);
	return PCG_PENDING;
}

bool remote_was_read(struct remote *r, const struct link_in *reply, size_t length)
{
	if (reply->size == WIRE_ACCESS_SIZE + length && wire_get32(reply->body + 12) == length)
		return true;
	link_fail(&r->link, -EPROTO, "it answered a REGION_READ with another length");
	return false;
}

int remote_ask_write(struct remote *r, enum remote_call_kind kind, unsigned int region, uint64_t offset,
		     const void *data, size_t length)
{
	struct wire_access access = { .offset = offset, .region = region, .count = (uint32_t)length };
	uint8_t head[WIRE_ACCESS_SIZE];
	struct link_message message = { .header.command = WIRE_REGION_WRITE,
					.head = head,
					.head_size = sizeof(head),
					.data = data,
					.data_size = length };

	wire_access_write(&access, head);
	remote_call(r, kind, &message);
	return PCG_PENDING;
}

/* --- jobs --- */

void remote_job_end(struct remote *r, int result)
{
	struct pcg_op *op = r->job.op;

	r->job.step = NULL;
	r->job.op = NULL;
	if (op != NULL)
		op->done(op, result);
}

/* While a new connection is being made, it waits for that. */
int remote_job_start(struct remote *r, struct pcg_op *op, const struct remote_job *job)
{
	int result;

	if (r->job.step != NULL)
		return -EBUSY;
	r->job = *job;
	r->job.op = op;
	if (r->open.on)
		return PCG_PENDING;
	result = r->job.step(r, NULL);
	if (result != PCG_PENDING)
		r->job.step = NULL;
	return result;
}

void remote_job_go_on(struct remote *r, const struct link_in *reply)
{
	int result;

	if (r->job.step == NULL)
		return;
	r->job.until = 0;
	result = r->job.step(r, reply);
	if (result != PCG_PENDING)
		remote_job_end(r, result);
}
