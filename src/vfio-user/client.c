/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection: how it begins, what was agreed, and how it ends. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "vfio-user/client.h"
#include "vfio-user/version.h"

void client_note(const struct pcg_client *client, enum pcg_level level, const char *format, ...)
{
	char text[384];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	base_log(&client->log, level, "%s: %s", client->name, text);
}

int client_die(struct pcg_client *client, int error, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	client_note(client, PCG_ERROR, "%s: %s; this connection is over, connect again", text, strerror(-error));
	client->dead = error;
	client_drop_fds(client);
	close(client->fd);
	client->fd = -1;
	return error;
}

int client_ready(struct pcg_client *client)
{
	if (client->dead != 0) {
		client_note(client, PCG_ERROR, "this connection is over since %s; connect again",
			    strerror(-client->dead));
		return -ENOTCONN;
	}
	if (client->busy) {
		client_note(client, PCG_ERROR, "a hook of this client calls into it; let it return first");
		return -EBUSY;
	}
	return 0;
}

/* --- the beginning --- */

static int client_check_version(struct pcg_client *client, const struct version *version)
{
	/* A minor version of its own is no obstacle: it adds, and what it adds is not asked for. */
	if (version->major != 0) {
		client_note(client, PCG_ERROR, "VERSION: the server speaks %u.%u, only 0.x is spoken here",
			    version->major, version->minor);
		return -EPROTO;
	}
	if (version->max_data_xfer_size == 0) {
		client_note(client, PCG_ERROR, "VERSION: max_data_xfer_size is 0: no register could be read");
		return -EPROTO;
	}
	client->limits = (struct pcg_client_limits){
		.minor = version->minor,
		.max_msg_fds = version->max_msg_fds,
		.max_data_xfer_size = version->max_data_xfer_size,
		.max_dma_maps = version->max_dma_maps,
		.pgsizes = version->pgsizes != 0 ? version->pgsizes : WIRE_PAGE,
		.write_multiple = version->write_multiple,
	};
	return 0;
}

static int client_hello(struct pcg_client *client)
{
	uint8_t body[512];
	struct client_call call = { .command = WIRE_VERSION, .head = body, .least = WIRE_VERSION_FIXED };
	struct version version;
	const char *why;
	int r;

	call.head_size = version_write(body, sizeof(body));
	r = client_call(client, &call);
	if (r != 0)
		return r;
	r = version_read(&version, call.reply, call.reply_size, &why);
	if (r != 0) {
		client_note(client, PCG_ERROR, "the server's %s", why);
		return r == -ENOMEM ? r : -EPROTO;
	}
	return client_check_version(client, &version);
}

/* @fd is taken over. */
static int client_begin(struct pcg_client **out, int fd, const char *name, uint32_t timeout_ms,
			const struct pcg_log *log)
{
	struct pcg_client *client = calloc(1, sizeof(*client));
	int r;

	if (client == NULL || (client->buffer = malloc(CLIENT_MESSAGE_MAX)) == NULL) {
		base_log(log, PCG_ERROR, "%s: no memory for a client", name);
		free(client);
		close(fd);
		return -ENOMEM;
	}
	client->fd = fd;
	client->event = -1;
	if (log != NULL)
		client->log = *log;
	snprintf(client->name, sizeof(client->name), "%s", name);
	pcg_client_timeout(client, timeout_ms);
	r = client_hello(client);
	if (r != 0)
		pcg_client_destroy(client);
	else
		*out = client;
	return r;
}

/* A server that talks to one client at a time lets a second one wait here: its backlog is full. */
static int client_connect(int fd, const struct sockaddr_un *address, uint64_t end)
{
	for (;;) {
		uint64_t now = client_now(), left = end > now ? end - now : 0;
		const struct timeval wait = { .tv_sec = (time_t)(left / 1000),
					      .tv_usec = (suseconds_t)(left % 1000 * 1000) };

		/* A timeout of zero is none at all. */
		if (left == 0)
			return -ETIMEDOUT;
		if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0)
			return -errno;
		if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int pcg_client_create(struct pcg_client **client, const char *path, uint32_t timeout_ms, const struct pcg_log *log)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	uint64_t end = client_now() + (timeout_ms != 0 ? timeout_ms : PCG_CLIENT_TIMEOUT);
	int fd, r;

	*client = NULL;
	if (strlen(path) >= sizeof(address.sun_path)) {
		base_log(log, PCG_ERROR, "%.64s…: longer than the %zu bytes that a socket's path can have", path,
			 sizeof(address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : client_connect(fd, &address, end);
	if (r != 0) {
		base_log(log, PCG_ERROR, "%s: %s; is a server listening there, and has it no other client?", path,
			 strerror(-r));
		if (fd >= 0)
			close(fd);
		return r;
	}
	return client_begin(client, fd, path, timeout_ms, log);
}

int pcg_client_create_fd(struct pcg_client **client, int fd, uint32_t timeout_ms, const struct pcg_log *log)
{
	char name[32];

	*client = NULL;
	snprintf(name, sizeof(name), "descriptor %d", fd);
	return client_begin(client, fd, name, timeout_ms, log);
}

void pcg_client_destroy(struct pcg_client *client)
{
	if (client == NULL)
		return;
	for (uint32_t index = 0; index < PCG_NUM_IRQS; index++)
		client_vectors_close(client, index);
	client_event_close(client);
	client_drop_fds(client);
	if (client->fd >= 0)
		close(client->fd);
	free(client->buffer);
	free(client);
}

/* --- what it is --- */

const struct pcg_client_limits *pcg_client_limits(const struct pcg_client *client)
{
	return &client->limits;
}

void pcg_client_timeout(struct pcg_client *client, uint32_t timeout_ms)
{
	client->timeout_ms = timeout_ms != 0 ? timeout_ms : PCG_CLIENT_TIMEOUT;
}

int pcg_client_dead(const struct pcg_client *client)
{
	return client->dead;
}

int pcg_client_fd(const struct pcg_client *client)
{
	return client->fd;
}

void pcg_client_memory(struct pcg_client *client, const struct pcg_client_memory *memory)
{
	client->memory = memory != NULL ? *memory : (struct pcg_client_memory){ 0 };
}
