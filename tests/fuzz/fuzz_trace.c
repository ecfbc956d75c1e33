/* SPDX-License-Identifier: BSD-3-Clause */
/* Lines of traces: whatever stands there, a line that is taken can be written and read again. */
#include "fuzz.h"
#include "trace/line.h"

static void again(const struct trace_line *line)
{
	static char text[2 * TRACE_LINE_MAX];
	static struct trace_line second;
	FILE *out = fmemopen(text, sizeof(text), "w");
	char *end;

	HOLDS(out != NULL);
	trace_write_line(out, line, line->data, line->error);
	HOLDS(fclose(out) == 0);
	end = memchr(text, '\n', sizeof(text));
	if (end == NULL)
		return;
	*end = '\0';
	HOLDS(trace_parse(text, &second) == NULL);
	HOLDS(second.kind == line->kind && second.offset == line->offset && second.length == line->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[TRACE_LINE_MAX];
	static struct trace_line line;

	while (size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t n = end != NULL ? (size_t)(end - data) : size;

		if (n < sizeof(text) && memchr(data, '\0', n) == NULL) {
			memcpy(text, data, n);
			text[n] = '\0';
			if (trace_parse(text, &line) == NULL && line.kind >= TRACE_READ &&
			    line.kind <= TRACE_HOST_WRITE)
				again(&line);
		}
		n = end != NULL ? n + 1 : n;
		data += n;
		size -= n;
	}
	return 0;
}
