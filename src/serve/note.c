/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdbool.h>
#include <stdio.h>

#include "serve/loop.h"
#include "serve/note.h"

#define NANOSECONDS 1000000000

static bool note_allowed(struct note_limit *limit)
{
	int64_t more = (serve_now() - limit->refilled) / NANOSECONDS / NOTE_SECONDS;

	if (more > 0) {
		limit->left = limit->left + more > NOTE_BURST ? NOTE_BURST : limit->left + (unsigned int)more;
		limit->refilled += more * NOTE_SECONDS * NANOSECONDS;
	}
	if (limit->left == 0) {
		limit->dropped++;
		return false;
	}
	limit->left--;
	return true;
}

static void note_write(void *arg, const struct pcg_note *note)
{
	struct note_limit *limit = arg;
	struct pcg_note out = *note;
	char text[768];

	if (limit->inner.write == NULL || !note_allowed(limit))
		return;
	if (limit->label != NULL || limit->dropped > 0) {
		int n = snprintf(text, sizeof(text), "%s%s%s", limit->label != NULL ? limit->label : "",
				 limit->label != NULL ? ": " : "", note->text);

		if (limit->dropped > 0 && n > 0 && (size_t)n < sizeof(text))
			snprintf(text + n, sizeof(text) - (size_t)n, " (%lu notes before this one were left out)",
				 limit->dropped);
		out.text = text;
		limit->dropped = 0;
	}
	limit->inner.write(limit->inner.arg, &out);
}

struct pcg_log note_limit_init(struct note_limit *limit, const struct pcg_log *inner, const char *label)
{
	struct pcg_log log = { .write = note_write, .arg = limit };

	*limit = (struct note_limit){ .label = label, .left = NOTE_BURST, .refilled = serve_now() };
	if (inner != NULL)
		limit->inner = *inner;
	return log;
}
