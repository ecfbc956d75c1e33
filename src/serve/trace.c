/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/log.h"
#include "serve/trace.h"
#include "trace/effects.h"

#define TRACE_BUFFER    65536u
#define TRACE_LINE      128u /* anything but the bytes of a wide access */
#define TRACE_GZ_MS     500  /* between sync points of a gzipped trace */
#define TRACE_GZ_CHUNK  16384u
#define TRACE_GZ_WINDOW (15 + 16) /* zlib's largest, in a gzip wrapper */
#define TRACE_GZ_MEMORY 8         /* zlib's default */
#define TRACE_QUEUE_MAX (4u << 20)
#define TRACE_END_MS    1000

/*
 * @buffer: lines that are not on their way yet
 * @queue: bytes that the file did not take, [@sent, @queued); a pipe's reader may be slow, and must not stop the server
 * @effects: of the access under way
 */
struct trace {
	struct serve_loop *loop;
	struct serve_idle idle;
	struct serve_timer sync; /* gzip only */
	struct serve_watch watch;
	const struct pcg_log *log;
	char *path;
	bool packs;
	z_stream gz;
	bool opened; /* a client has had the function */
	size_t fill;
	size_t sent;
	size_t queued;
	size_t room;
	uint8_t *queue;
	struct effects effects;
	char buffer[TRACE_BUFFER];
};

static bool trace_on(const struct trace *trace)
{
	return trace != NULL && trace->watch.fd >= 0;
}

static void trace_stop(struct trace *trace, int error)
{
	if (error != 0)
		base_log(trace->log, PCG_WARN, "--trace %s: %s; the trace ends here, serving goes on", trace->path,
			 error == -ENOBUFS ? "its reader does not keep up" : strerror(-error));
	serve_unwatch(trace->loop, &trace->watch);
	serve_timer_disarm(&trace->sync);
	if (trace->watch.fd >= 0)
		close(trace->watch.fd);
	trace->watch.fd = -1;
	trace->fill = 0;
	trace->sent = trace->queued = 0;
}

/* --- bytes --- */

/* Return: how many the file took, without waiting; a negative errno. */
static ssize_t trace_put(const struct trace *trace, const uint8_t *data, size_t length)
{
	size_t done = 0;

	while (done < length) {
		ssize_t n = write(trace->watch.fd, data + done, length - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return n == 0 ? -EIO : -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int trace_queue(struct trace *trace, const uint8_t *data, size_t length)
{
	size_t room = trace->room == 0 ? TRACE_BUFFER : trace->room;
	uint8_t *grown;

	memmove(trace->queue, trace->queue + trace->sent, trace->queued - trace->sent);
	trace->queued -= trace->sent;
	trace->sent = 0;
	while (room - trace->queued < length)
		room *= 2;
	if (room > TRACE_QUEUE_MAX)
		return -ENOBUFS;
	if (room != trace->room) {
		grown = realloc(trace->queue, room);
		if (grown == NULL)
			return -ENOMEM;
		trace->queue = grown;
		trace->room = room;
	}
	memcpy(trace->queue + trace->queued, data, length);
	trace->queued += length;
	return serve_watch(trace->loop, &trace->watch, EPOLLOUT);
}

static void trace_send(struct trace *trace, const uint8_t *data, size_t length)
{
	ssize_t n = 0;
	int r = 0;

	if (!trace_on(trace) || length == 0)
		return;
	if (trace->sent == trace->queued)
		n = trace_put(trace, data, length);
	if (n >= 0 && (size_t)n < length)
		r = trace_queue(trace, data + n, length - (size_t)n);
	if (n < 0 || r < 0)
		trace_stop(trace, n < 0 ? (int)n : r);
}

static void trace_writable(struct serve_watch *watch, uint32_t events)
{
	struct trace *trace = serve_container(watch, struct trace, watch);
	ssize_t n = trace_put(trace, trace->queue + trace->sent, trace->queued - trace->sent);

	(void)events;
	if (n < 0) {
		trace_stop(trace, (int)n);
		return;
	}
	trace->sent += (size_t)n;
	if (trace->sent == trace->queued)
		serve_unwatch(trace->loop, &trace->watch);
}

/* --- lines --- */

static void trace_pack(struct trace *trace, int flush)
{
	uint8_t chunk[TRACE_GZ_CHUNK];

	trace->gz.next_in = (uint8_t *)trace->buffer;
	trace->gz.avail_in = (unsigned int)trace->fill;
	do {
		trace->gz.next_out = chunk;
		trace->gz.avail_out = sizeof(chunk);
		/* There is always room for some of it; that nothing was to do is no error. */
		deflate(&trace->gz, flush);
		trace_send(trace, chunk, sizeof(chunk) - trace->gz.avail_out);
	} while (trace->gz.avail_out == 0 && trace_on(trace));
}

static void trace_flush(struct trace *trace)
{
	if (trace->packs)
		trace_pack(trace, Z_NO_FLUSH);
	else
		trace_send(trace, (const uint8_t *)trace->buffer, trace->fill);
	trace->fill = 0;
}

/* A server that is killed leaves what was done before it last slept. */
static void trace_sleep(struct serve_idle *idle)
{
	struct trace *trace = serve_container(idle, struct trace, idle);

	if (trace->fill == 0 || !trace_on(trace))
		return;
	trace_flush(trace);
	if (trace->packs && trace_on(trace) && !trace->sync.armed)
		serve_timer_arm(trace->loop, &trace->sync, TRACE_GZ_MS);
}

static void trace_sync(struct serve_timer *timer)
{
	struct trace *trace = serve_container(timer, struct trace, sync);

	trace_pack(trace, Z_SYNC_FLUSH);
	trace->fill = 0;
}

static void __attribute__((format(printf, 2, 3))) trace_print(struct trace *trace, const char *format, ...)
{
	va_list args;
	int n;

	if (TRACE_BUFFER - trace->fill < TRACE_LINE)
		trace_flush(trace);
	va_start(args, format);
	n = vsnprintf(trace->buffer + trace->fill, TRACE_LINE, format, args);
	va_end(args);
	if (n > 0)
		trace->fill += (size_t)n < TRACE_LINE ? (size_t)n : TRACE_LINE - 1;
}

static void trace_forget_effects(struct trace *trace)
{
	trace->effects.count = 0;
	trace->effects.lost = false;
}

/* What was asked for since the last line, below the line that asked for it. */
static void trace_put_effects(struct trace *trace)
{
	for (size_t i = 0; i < trace->effects.count; i++)
		trace_print(trace, "# effect: %s\n", trace->effects.text[i]);
	if (trace->effects.lost)
		trace_print(trace, "# effects are missing here: there was no memory for them\n");
	trace_forget_effects(trace);
}

static int trace_begin(struct trace *trace, const char *path)
{
	size_t length = strlen(path);

	trace->path = strdup(path);
	if (trace->path == NULL)
		return -ENOMEM;
	/* A pipe that nobody reads is refused, not waited for; one that is read slowly neither. */
	trace->watch.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
	if (trace->watch.fd < 0) {
		int error = errno;

		base_log(trace->log, PCG_ERROR, "--trace %s: %s; name a file that can be written", path,
			 strerror(error));
		return -error;
	}
	if (length <= 3 || strcmp(path + length - 3, ".gz") != 0)
		return 0;
	trace->packs = deflateInit2(&trace->gz, Z_DEFAULT_COMPRESSION, Z_DEFLATED, TRACE_GZ_WINDOW, TRACE_GZ_MEMORY,
				    Z_DEFAULT_STRATEGY) == Z_OK;
	return trace->packs ? 0 : -ENOMEM;
}

int trace_create(struct trace **result, const char *path, const char *func, struct serve_loop *loop,
		 const struct pcg_log *log)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	int r;

	if (trace == NULL)
		return -ENOMEM;
	trace->loop = loop;
	trace->log = log;
	trace->sync.due = trace_sync;
	trace->idle.sleep = trace_sleep;
	trace->watch = (struct serve_watch){ .ready = trace_writable, .fd = -1 };
	serve_idle_add(loop, &trace->idle);
	r = trace_begin(trace, path);
	if (r != 0) {
		trace_destroy(trace);
		return r;
	}
	trace_print(trace, "# pcigate trace, format 1\n");
	trace_print(trace, "# function: %.*s\n", (int)strcspn(func, "\r\n"), func);
	*result = trace;
	return 0;
}

/* What a slow reader has not had yet, as far as it takes it before long. */
static void trace_drain(struct trace *trace)
{
	int64_t end = serve_now() + TRACE_END_MS * INT64_C(1000000);

	while (trace_on(trace) && trace->sent < trace->queued) {
		struct pollfd out = { .fd = trace->watch.fd, .events = POLLOUT };
		int64_t left = (end - serve_now()) / 1000000;

		if (left <= 0 || poll(&out, 1, (int)left) == 0)
			trace_stop(trace, -ENOBUFS);
		else
			trace_writable(&trace->watch, 0);
	}
}

void trace_destroy(struct trace *trace)
{
	if (trace == NULL)
		return;
	serve_idle_remove(trace->loop, &trace->idle);
	if (trace->packs && trace_on(trace))
		trace_pack(trace, Z_FINISH);
	else
		trace_flush(trace);
	trace_drain(trace);
	trace_stop(trace, 0);
	if (trace->packs)
		deflateEnd(&trace->gz);
	effects_finish(&trace->effects);
	free(trace->queue);
	free(trace->path);
	free(trace);
}

void trace_open(struct trace *trace)
{
	if (!trace_on(trace))
		return;
	/* Between two clients the function was made as new: so must it be in a replay. */
	if (trace->opened)
		trace_print(trace, "close\n");
	trace_forget_effects(trace);
	trace->opened = true;
	trace_print(trace, "open\n");
}

void trace_reset(struct trace *trace, int error)
{
	if (!trace_on(trace))
		return;
	if (error == 0)
		trace_print(trace, "reset\n");
	else
		trace_print(trace, "# reset failed: %s\n", strerror(-error));
	trace_put_effects(trace);
}

static void trace_bytes(struct trace *trace, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		trace_print(trace, " %02x", data[i]);
}

static void trace_error(struct trace *trace, int error)
{
	const char *name = strerrorname_np(-error);

	if (error != 0)
		trace_print(trace, " ! %s", name != NULL ? name : "EIO");
}

/* PCI is little-endian, whatever this machine is. */
static uint32_t trace_value(const uint8_t *data, size_t length)
{
	uint32_t value = 0;

	while (length-- > 0)
		value = value << 8 | data[length];
	return value;
}

static bool trace_is_value(size_t length)
{
	return length == 1 || length == 2 || length == 4;
}

/* A request of no bytes is no access; nothing longer than the space itself is worth its bytes. */
static bool trace_wanted(const struct trace *trace, size_t length)
{
	return trace_on(trace) && length > 0 && length <= PCG_CONFIG_EXTENDED;
}

void trace_read(struct trace *trace, uint64_t offset, const uint8_t *data, size_t length, int error)
{
	if (!trace_wanted(trace, length))
		return;
	if (trace_is_value(length)) {
		trace_print(trace, "r %zu %03" PRIx64, length, offset);
		if (error == 0)
			trace_print(trace, " = %0*" PRIx32, (int)length * 2, trace_value(data, length));
	} else {
		trace_print(trace, "rb %zu %03" PRIx64, length, offset);
		if (error == 0) {
			trace_print(trace, " =");
			trace_bytes(trace, data, length);
		}
	}
	trace_error(trace, error);
	trace_print(trace, "\n");
	trace_put_effects(trace);
}

void trace_write(struct trace *trace, uint64_t offset, const uint8_t *data, size_t length, int error)
{
	if (!trace_wanted(trace, length))
		return;
	if (trace_is_value(length)) {
		trace_print(trace, "w %zu %03" PRIx64 " %0*" PRIx32, length, offset, (int)length * 2,
			    trace_value(data, length));
	} else {
		trace_print(trace, "wb %zu %03" PRIx64, length, offset);
		trace_bytes(trace, data, length);
	}
	trace_error(trace, error);
	trace_print(trace, "\n");
	trace_put_effects(trace);
}

void trace_effects(struct trace *trace, const struct pcg_view_write *write)
{
	if (trace_on(trace))
		effects_write(&trace->effects, write);
}

void trace_deed(struct trace *trace, enum pcg_deed deed, uint32_t value)
{
	if (trace_on(trace))
		effects_deed(&trace->effects, deed, value);
}
