/* SPDX-License-Identifier: BSD-3-Clause */
/* One call, one answer; and what the server asks meanwhile. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "vfio-user/client.h"

/* What a command is called (vfio-user, "Commands"), and what it is about. */
static const struct {
	const char *name;
	const char *index; /* what client_call.index counts; NULL: nothing */
	const char *range; /* what address and count are; NULL: nothing */
} commands[] = {
	[WIRE_VERSION] = { "VERSION", NULL, NULL },
	[WIRE_DMA_MAP] = { "DMA_MAP", NULL, "bytes" },
	[WIRE_DMA_UNMAP] = { "DMA_UNMAP", NULL, "bytes" },
	[WIRE_GET_INFO] = { "DEVICE_GET_INFO", NULL, NULL },
	[WIRE_GET_REGION_INFO] = { "DEVICE_GET_REGION_INFO", "region", NULL },
	[WIRE_GET_IRQ_INFO] = { "DEVICE_GET_IRQ_INFO", "index", NULL },
	[WIRE_SET_IRQS] = { "DEVICE_SET_IRQS", "index", "vectors" },
	[WIRE_REGION_READ] = { "REGION_READ", "region", "bytes" },
	[WIRE_REGION_WRITE] = { "REGION_WRITE", "region", "bytes" },
	[WIRE_RESET] = { "DEVICE_RESET", NULL, NULL },
	[WIRE_FEATURE] = { "DEVICE_FEATURE", "feature", NULL },
};

static void client_subject(const struct client_call *call, char *text, size_t size)
{
	char index[40] = "", range[64] = "";

	if (commands[call->command].index != NULL)
		snprintf(index, sizeof(index), " %s %" PRIu64, commands[call->command].index, call->index);
	if (commands[call->command].range != NULL)
		snprintf(range, sizeof(range), " at 0x%" PRIx64 ", %" PRIu64 " %s", call->address, call->count,
			 commands[call->command].range);
	snprintf(text, size, "%s%s%s", commands[call->command].name, index, range);
}

int client_complain(struct pcg_client *client, const struct client_call *call, int error, const char *format, ...)
{
	char subject[128], text[192];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	client_subject(call, subject, sizeof(subject));
	client_note(client, PCG_ERROR, "%s: %s", subject, text);
	client_drop_fds(client);
	return error;
}

/* What ended the stream in the middle of a call. */
static int client_lost(struct pcg_client *client, const struct client_call *call, int error, const char *what)
{
	char subject[128];

	client_subject(call, subject, sizeof(subject));
	return client_die(client, error, "%s: %s", subject, what);
}

static int client_refused(struct pcg_client *client, const struct client_call *call, uint32_t error)
{
	char subject[128];
	int r = error == 0 || error > 4095 ? -EIO : -(int)error;

	client_drop_fds(client);
	if (r == -call->answer)
		return r;
	client_subject(call, subject, sizeof(subject));
	client_note(client, PCG_WARN, "%s: the server refuses: %s", subject, strerror(-r));
	return r;
}

/* The next reply; requests that come before it are answered. */
static int client_reply(struct pcg_client *client, const struct client_call *call, struct wire_header *answer,
			uint64_t end)
{
	for (;;) {
		int r = client_receive(client, answer, end);

		if (r == -EPROTO)
			return client_lost(client, call, r, "what came back has no valid size");
		if (r != 0)
			return client_lost(client, call, r, "no answer");
		if ((answer->flags & WIRE_TYPE) == WIRE_REPLY)
			return 0;
		r = client_answer(client, answer, end);
		if (r != 0)
			return r;
	}
}

static int client_exchange(struct pcg_client *client, struct client_call *call, struct wire_header *answer)
{
	struct wire_header header = { .id = client->id++, .command = call->command, .flags = call->flags };
	uint64_t end = client_deadline(client);
	int r;

	header.size = (uint32_t)(WIRE_HEADER + call->head_size + call->data_size);
	r = client_send(client, &header, call, end);
	/* A descriptor that cannot be sent is found out before the first byte is: nothing is lost. */
	if (call->nfds > 0 && (r == -EBADF || r == -EINVAL || r == -ETOOMANYREFS))
		return client_complain(client, call, r, "a descriptor cannot be sent: %s", strerror(-r));
	if (r != 0)
		return client_lost(client, call, r, "it could not be sent");
	if ((call->flags & WIRE_NO_REPLY) != 0)
		return 0;
	r = client_reply(client, call, answer, end);
	if (r == 0 && (answer->id != header.id || answer->command != header.command))
		r = client_lost(client, call, -EPROTO, "what came back answers something else");
	return r;
}

int client_call(struct pcg_client *client, struct client_call *call)
{
	struct wire_header answer = { 0 };
	int r = client_ready(client);

	call->reply = NULL;
	call->reply_size = 0;
	if (r != 0)
		return r;
	client->busy = true;
	r = client_exchange(client, call, &answer);
	client->busy = false;
	if (r != 0 || (call->flags & WIRE_NO_REPLY) != 0)
		return r;
	if ((answer.flags & WIRE_ERROR) != 0)
		return client_refused(client, call, answer.error);
	call->reply = client->buffer + WIRE_HEADER;
	call->reply_size = answer.size - WIRE_HEADER;
	if (call->reply_size < call->least)
		return client_complain(client, call, -EPROTO, "the answer has %zu bytes where %zu are due",
				       call->reply_size, call->least);
	if (call->room == 0)
		client_drop_fds(client);
	else if (client->excess || client->nfds > call->room)
		return client_complain(client, call, -EPROTO,
				       "more descriptors came than are taken, or than this process may open");
	return 0;
}
