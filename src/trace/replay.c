/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#include "base/log.h"
#include "host/wait.h"
#include "pci/registers.h"
#include "trace/effects.h"
#include "trace/line.h"
#include "trace/replay.h"

#define PATIENCE 5000 /* ms for all that a backend has to do for one line */
#define PRINTED  16u  /* bytes of a difference that are shown */

struct replay {
	const struct replay_settings *settings;
	struct replay_result *result;
	struct pcg_host *host;
	void *memory;
	struct pcg_function *function; /* NULL: not open */
	bool closed;                   /* "close" was the last; the next "open" finds it as a server would */
	struct effects expected;
	struct effects seen;
	unsigned long write_line; /* where @expected and @seen belong to; 0: to nothing */
	uint8_t config[PCG_CONFIG_EXTENDED];
	struct trace_line line;
	uint8_t data[PCG_CONFIG_EXTENDED];
	char text[TRACE_LINE_MAX];
};

/* --- waiting for the backend --- */

static void trigger(void *arg, enum pcg_irq_index index, unsigned int vector)
{
	(void)arg;
	(void)index;
	(void)vector;
}

static void request_done(struct pcg_request *request)
{
	(void)request;
}

struct waiting {
	struct pcg_op op;
	int result;
};

static void op_done(struct pcg_op *op, int result)
{
	((struct waiting *)(void *)op)->result = result;
}

/* --- what hardware holds --- */

static int host_dword(struct replay *r, bool write, unsigned int dword, uint8_t be, uint32_t *value)
{
	struct waiting waiting = { .op.done = op_done, .result = PCG_PENDING };
	const struct pcg_host_ops *ops = r->host->ops;
	int ret;

	if (write)
		ret = ops->config_write(r->host, (uint16_t)dword, be, *value, &waiting.op);
	else
		ret = ops->config_read(r->host, (uint16_t)dword, be, value, &waiting.op);
	if (ret != PCG_PENDING)
		return ret;
	ret = host_wait(r->host, &waiting.result, PATIENCE);
	if (ret == -ETIMEDOUT)
		ops->cancel(r->host, &waiting.op);
	return ret;
}

static int host_access(struct replay *r, bool write, uint64_t offset, size_t length, uint8_t *data)
{
	size_t i, n;

	if (offset > r->host->info.config_size || length > r->host->info.config_size - offset)
		return -EFAULT;
	for (; length > 0; offset += n, data += n, length -= n) {
		unsigned int first = offset & 3;
		uint32_t value = 0;
		int ret;

		n = length < 4 - first ? length : 4 - first;
		for (i = 0; write && i < n; i++)
			value |= (uint32_t)data[i] << 8 * (first + i);
		ret = host_dword(r, write, (unsigned int)(offset / 4), (uint8_t)(((1u << n) - 1) << first), &value);
		if (ret < 0)
			return ret;
		for (i = 0; !write && i < n; i++)
			data[i] = (uint8_t)(value >> 8 * (first + i));
	}
	return 0;
}

/* --- the function --- */

static void close_function(struct replay *r)
{
	if (r->function != NULL)
		pcg_function_finish(r->function);
	r->function = NULL;
}

/* What the host's PCI core finds once, when it meets the function, not at every open. */
static void keep_express(struct replay *r)
{
	const struct pcg_view *view = pcg_function_view(r->function);
	unsigned int at = view->own.express;

	if (!view->chunked || at == 0 || r->host->info.express != 0)
		return;
	r->host->info.express = (uint16_t)at;
	r->host->info.express_flags = pcg_get16(r->config + at + PCG_EXP_FLAGS);
}

static int open_function(struct replay *r)
{
	const struct pcg_function_events events = {
		.arg = &r->seen,
		.trigger = trigger,
		.effects = effects_write,
		.deed = effects_deed,
	};
	struct pcg_request request = { .done = request_done, .result = PCG_PENDING };
	struct pcg_function *function;
	int ret;

	/* A server's next client finds the same function, made as new. */
	if (r->closed) {
		r->closed = false;
		return 0;
	}
	close_function(r);
	ret = host_access(r, false, 0, r->host->info.config_size, r->config);
	if (ret < 0)
		return ret;
	ret = pcg_function_init(r->memory, r->host, r->settings->view, &events, r->settings->log, &request, &function);
	if (ret == PCG_PENDING)
		ret = host_wait(r->host, &request.result, PATIENCE);
	if (ret < 0) {
		pcg_function_finish(function);
		return ret;
	}
	r->function = function;
	keep_express(r);
	return 0;
}

static int submit(struct replay *r, enum pcg_request_kind kind)
{
	struct pcg_request request = {
		.kind = kind,
		.region = PCG_REGION_CONFIG,
		.offset = r->line.offset,
		.length = r->line.length,
		.data = kind == PCG_REQUEST_READ ? r->data : r->line.data,
		.done = request_done,
		.result = PCG_PENDING,
	};
	int ret = pcg_function_submit(r->function, &request);

	if (ret != PCG_PENDING)
		return ret;
	ret = host_wait(r->host, &request.result, PATIENCE);
	if (ret == -ETIMEDOUT)
		pcg_function_quarantine(r->function);
	return ret;
}

/* What a server does between two clients. */
static int close_as_server(struct replay *r)
{
	int ret = submit(r, PCG_REQUEST_CLOSE);

	r->closed = ret == 0;
	return ret;
}

/* --- telling --- */

/* The register that an access begins in, as setpci and as the specification call it. */
static void print_register(struct replay *r, FILE *out)
{
	const struct pcg_layout *layout = &pcg_function_view(r->function)->layout;
	uint16_t at = (uint16_t)r->line.offset;
	struct pci_register_place place;
	const struct pcg_cap *cap;
	const char *setpci = NULL;

	if (r->line.offset >= r->host->info.config_size)
		return;
	cap = at < PCG_HEADER_END ? NULL : pcg_layout_at(layout, at);
	if (cap != NULL)
		pcg_cap_text(cap->id, cap->extended, &setpci);
	if (setpci != NULL)
		fprintf(out, " %s+%02x", setpci, at - cap->offset);
	if (!pci_register_at(&place, layout, r->config, at))
		return;
	fprintf(out, " (%s", place.row->name);
	if (pci_register_count(&place, r->config, r->host->info.config_size) > 1)
		fprintf(out, " %u", place.index);
	fputc(')', out);
}

/* One difference has been found; whether it is to be printed, with its beginning. */
static FILE *differs(struct replay *r, unsigned long number)
{
	FILE *out = r->settings->report;

	if (++r->result->differences > REPLAY_REPORTS || out == NULL)
		return NULL;
	fprintf(out, "%s:%lu: ", r->settings->name, number);
	return out;
}

/* Of bytes a few, from @first on. */
static void print_bytes(FILE *out, const struct trace_line *line, const uint8_t *data, size_t first)
{
	size_t i;

	for (i = first; i < line->length && i < first + PRINTED; i++)
		fprintf(out, "%s%02x", i > first ? " " : "", data[i]);
	if (i < line->length)
		fputs(" …", out);
}

static void print_outcome(FILE *out, const struct trace_line *line, const uint8_t *data, size_t first, int error)
{
	size_t i;

	if (error < 0) {
		fprintf(out, "! %s", trace_error_name(error));
	} else if (!line->expects) {
		fputs("no error", out);
	} else if (!line->as_bytes) {
		for (i = line->length; i-- > 0;)
			fprintf(out, "%02x", data[i]);
	} else {
		print_bytes(out, line, data, first);
	}
}

static void differs_here(struct replay *r, int error)
{
	FILE *out = differs(r, r->result->lines);
	const struct trace_line *line = &r->line;
	size_t first = 0;

	if (out == NULL)
		return;
	while (line->expects && line->length > PRINTED && first < line->length && line->data[first] == r->data[first])
		first++;
	fprintf(out, "%s", line->text);
	if (line->length > 0) {
		fprintf(out, " %zu %03" PRIx64, line->length, line->offset);
		if (r->function != NULL)
			print_register(r, out);
	}
	if (first > 0)
		fprintf(out, ": from %03" PRIx64 " on", line->offset + first);
	fputs(": expected ", out);
	print_outcome(out, line, line->data, first, line->error);
	fputs(", is ", out);
	print_outcome(out, line, r->data, first, error);
	fputc('\n', out);
}

static void print_effects(FILE *out, const char *what, const struct effects *effects)
{
	size_t i;

	fprintf(out, "\t%s:", what);
	for (i = 0; i < effects->count && i < 16; i++)
		fprintf(out, "%s %s", i > 0 ? "," : "", effects->text[i]);
	fprintf(out, effects->count == 0 ? " nothing\n" : i < effects->count ? " …\n" : "\n");
}

/* The effects of the last write are known now: everything that can stand below it has. */
static void settle_effects(struct replay *r)
{
	FILE *out;

	if (r->settings->effects && r->write_line != 0 && r->settings->record == NULL) {
		r->result->checks++;
		if (!effects_same(&r->expected, &r->seen) && (out = differs(r, r->write_line)) != NULL) {
			fprintf(out, "the effects of this write differ\n");
			print_effects(out, "expected", &r->expected);
			print_effects(out, "are", &r->seen);
		}
	}
	r->expected.count = 0;
	r->seen.count = 0;
	r->write_line = 0;
}

/* --- lines --- */

static int act(struct replay *r)
{
	struct trace_line *line = &r->line;

	switch (line->kind) {
	case TRACE_OPEN:
		return open_function(r);
	case TRACE_READ:
		memset(r->data, 0, line->length);
		return submit(r, PCG_REQUEST_READ);
	case TRACE_WRITE:
		return submit(r, PCG_REQUEST_WRITE);
	case TRACE_HOST_READ:
		return host_access(r, false, line->offset, line->length, r->data);
	case TRACE_HOST_WRITE:
		return host_access(r, true, line->offset, line->length, line->data);
	case TRACE_RESET:
		return submit(r, PCG_REQUEST_RESET);
	case TRACE_CLOSE:
		return close_as_server(r);
	case TRACE_NOTHING:
	case TRACE_EFFECT:
		break;
	}
	return 0;
}

static void judge(struct replay *r, int error)
{
	struct trace_line *line = &r->line;
	bool differ;

	if (line->refused || line->expects)
		r->result->checks++;
	if (line->refused)
		differ = error != line->error;
	else
		differ = error < 0 || (line->expects && memcmp(line->data, r->data, line->length) != 0);
	if (differ)
		differs_here(r, error);
}

static void record(struct replay *r, int error)
{
	FILE *out = r->settings->record;
	size_t i;

	trace_write_line(out, &r->line, r->data, error);
	for (i = 0; i < r->seen.count; i++)
		fprintf(out, "# effect: %s\n", r->seen.text[i]);
}

static int wrong(struct replay *r, const char *why)
{
	base_log(r->settings->log, PCG_ERROR, "%s:%lu: %s", r->settings->name, r->result->lines, why);
	return -EINVAL;
}

static int run_line(struct replay *r)
{
	struct trace_line *line = &r->line;
	const char *why;
	int error;

	/* Comments are copied before they are taken apart. */
	if (r->settings->record != NULL && strspn(r->text, " \t\r\n") == strcspn(r->text, "#") &&
	    strncmp(r->text, "# effect: ", 10) != 0)
		fprintf(r->settings->record, "%s\n", r->text);
	why = trace_parse(r->text, line);
	if (why != NULL)
		return wrong(r, why);
	if (line->kind == TRACE_NOTHING)
		return 0;
	if (line->kind == TRACE_EFFECT) {
		effects_add(&r->expected, line->text);
		return 0;
	}
	settle_effects(r);
	if ((r->function == NULL || r->closed) && (line->kind == TRACE_READ || line->kind == TRACE_WRITE ||
						   line->kind == TRACE_RESET || line->kind == TRACE_CLOSE))
		return wrong(r, "the function is not open; an \"open\" that works must come first");
	error = act(r);
	if (line->kind == TRACE_WRITE || line->kind == TRACE_RESET)
		r->write_line = r->result->lines;
	if (r->settings->record != NULL)
		record(r, error);
	else
		judge(r, error);
	if (line->kind == TRACE_OPEN && error < 0 && error != line->error) {
		base_log(r->settings->log, PCG_ERROR, "%s:%lu: the function cannot be opened: %s", r->settings->name,
			 r->result->lines, strerror(-error));
		return error;
	}
	return 0;
}

static int run(struct replay *r, const struct replay_source *source)
{
	int ret;

	for (;;) {
		ret = source->next(source->arg, r->text, sizeof(r->text));
		if (ret == 0)
			break;
		r->result->lines++;
		if (ret == -E2BIG)
			return wrong(r, "the line is too long, or no text");
		if (ret == -EFBIG)
			return wrong(r, "the trace is longer than 1 GiB; split it");
		if (ret < 0)
			return wrong(r, "the trace cannot be read; it may be damaged");
		ret = run_line(r);
		if (ret < 0)
			return ret;
	}
	settle_effects(r);
	return 0;
}

int replay_run(const struct replay_settings *settings, const struct replay_source *source, struct replay_result *result)
{
	struct replay *r = calloc(1, sizeof(*r));
	int ret = -ENOMEM;

	memset(result, 0, sizeof(*result));
	if (r == NULL)
		return ret;
	r->settings = settings;
	r->result = result;
	r->host = settings->host;
	r->memory = malloc(pcg_function_size());
	if (r->memory != NULL)
		ret = run(r, source);
	if (ret == 0 && result->differences > REPLAY_REPORTS && settings->report != NULL)
		fprintf(settings->report, "%s: and %lu more\n", settings->name, result->differences - REPLAY_REPORTS);
	close_function(r);
	effects_finish(&r->expected);
	effects_finish(&r->seen);
	free(r->memory);
	free(r);
	return ret;
}
