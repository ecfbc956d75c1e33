/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/log.h"
#include "serve/trace.h"

#define TRACE_BUFFER  65536u
#define TRACE_LINE    128u /* anything but the bytes of a wide access */
#define TRACE_GZ_MS   500  /* between sync points of a gzipped trace */
#define TRACE_EFFECTS 256u

struct trace {
	struct serve_loop *loop;
	struct serve_idle idle;
	struct serve_timer sync; /* gzip only */
	const struct pcg_log *log;
	char *path;
	gzFile gz;
	int fd;
	size_t fill;
	char effects[TRACE_EFFECTS];
	char buffer[TRACE_BUFFER];
};

static bool trace_on(const struct trace *trace)
{
	return trace != NULL && (trace->fd >= 0 || trace->gz != NULL);
}

static void trace_stop(struct trace *trace, int error)
{
	if (error != 0)
		base_log(trace->log, PCG_WARN, "--trace %s: %s; the trace ends here, serving goes on", trace->path,
			 strerror(-error));
	if (trace->gz != NULL)
		gzclose(trace->gz);
	else if (trace->fd >= 0)
		close(trace->fd);
	trace->gz = NULL;
	trace->fd = -1;
	trace->fill = 0;
}

static void trace_flush(struct trace *trace)
{
	size_t done = 0;

	while (trace_on(trace) && done < trace->fill) {
		ssize_t n;

		if (trace->gz != NULL)
			n = gzwrite(trace->gz, trace->buffer + done, (unsigned int)(trace->fill - done));
		else
			n = write(trace->fd, trace->buffer + done, trace->fill - done);
		if (n < 0 && trace->gz == NULL && errno == EINTR)
			continue;
		if (n <= 0) {
			trace_stop(trace, n == 0 || errno == 0 ? -EIO : -errno);
			return;
		}
		done += (size_t)n;
	}
	trace->fill = 0;
}

/* A server that is killed leaves what was done before it last slept. */
static void trace_sleep(struct serve_idle *idle)
{
	struct trace *trace = serve_container(idle, struct trace, idle);

	if (trace->fill == 0)
		return;
	trace_flush(trace);
	if (trace->gz != NULL && !trace->sync.armed)
		serve_timer_arm(trace->loop, &trace->sync, TRACE_GZ_MS);
}

static void trace_sync(struct serve_timer *timer)
{
	struct trace *trace = serve_container(timer, struct trace, sync);

	if (trace->gz != NULL && gzflush(trace->gz, Z_SYNC_FLUSH) != Z_OK)
		trace_stop(trace, errno == 0 ? -EIO : -errno);
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

int trace_create(struct trace **result, const char *path, const char *func, struct serve_loop *loop,
		 const struct pcg_log *log)
{
	struct trace *trace = calloc(1, sizeof(*trace));
	size_t length = strlen(path);
	int r;

	if (trace == NULL || (trace->path = strdup(path)) == NULL) {
		free(trace);
		return -ENOMEM;
	}
	trace->loop = loop;
	trace->log = log;
	trace->sync.due = trace_sync;
	trace->idle.sleep = trace_sleep;
	/* A pipe that nobody reads is refused, not waited for. */
	trace->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0666);
	if (trace->fd < 0 || fcntl(trace->fd, F_SETFL, O_WRONLY) != 0) {
		r = -errno;
		base_log(log, PCG_ERROR, "--trace %s: %s; name a file that can be written", path, strerror(-r));
		free(trace->path);
		free(trace);
		return r;
	}
	if (length > 3 && strcmp(path + length - 3, ".gz") == 0) {
		trace->gz = gzdopen(trace->fd, "wb");
		if (trace->gz == NULL) {
			trace_stop(trace, 0);
			free(trace->path);
			free(trace);
			return -ENOMEM;
		}
	}
	serve_idle_add(loop, &trace->idle);
	trace_print(trace, "# pcigate trace, format 1\n");
	trace_print(trace, "# function: %.100s\n", func);
	*result = trace;
	return 0;
}

void trace_destroy(struct trace *trace)
{
	if (trace == NULL)
		return;
	serve_idle_remove(trace->loop, &trace->idle);
	serve_timer_disarm(&trace->sync);
	trace_flush(trace);
	trace_stop(trace, 0);
	free(trace->path);
	free(trace);
}

void trace_open(struct trace *trace)
{
	if (trace_on(trace))
		trace_print(trace, "open\n");
}

void trace_reset(struct trace *trace, int error)
{
	if (trace_on(trace) && error == 0)
		trace_print(trace, "reset\n");
	else if (trace_on(trace))
		trace_print(trace, "# reset failed: %s\n", strerror(-error));
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
	for (const char *line = trace->effects; *line != '\0'; line = strchr(line, '\n') + 1)
		trace_print(trace, "# effect: %.*s\n", (int)strcspn(line, "\n"), line);
	trace->effects[0] = '\0';
}

static void trace_effect(struct trace *trace, const char *what, unsigned int number)
{
	size_t used = strlen(trace->effects);
	int n = snprintf(trace->effects + used, TRACE_EFFECTS - used, what, number);

	/* Only whole lines. */
	if (n < 0 || (size_t)n >= TRACE_EFFECTS - used)
		trace->effects[used] = '\0';
}

void trace_effects(struct trace *trace, const struct pcg_view_write *write)
{
	if (!trace_on(trace))
		return;
	if ((write->effects & PCG_EFFECT_COMMAND) != 0 && (write->before & ~write->after & PCG_COMMAND_MEMORY) != 0)
		trace_effect(trace, "zap\n", 0);
	if ((write->effects & PCG_EFFECT_POWER) != 0) {
		if (write->power != PCG_D0)
			trace_effect(trace, "zap\n", 0);
		trace_effect(trace, "power D%u\n", (unsigned int)write->power);
	}
	if ((write->effects & PCG_EFFECT_FLR) != 0) {
		trace_effect(trace, "zap\n", 0);
		trace_effect(trace, "reset_function\n", 0);
	}
}
