/* SPDX-License-Identifier: BSD-3-Clause */
/* What writes ask of their surroundings, as traces put it. */
#ifndef TRACE_EFFECTS_H
#define TRACE_EFFECTS_H

#include <pcigate/function.h>

#define EFFECT_TEXT 48

/** struct effects - those of one line, in order; zeroed is empty */
struct effects {
	char (*text)[EFFECT_TEXT];
	size_t count;
	size_t room;
	bool lost; /* there was no memory for one */
};

void effects_finish(struct effects *effects);
void effects_add(struct effects *effects, const char *text);
bool effects_same(const struct effects *a, const struct effects *b);

/* For struct pcg_function_events; @arg is a struct effects. */
void effects_deed(void *arg, enum pcg_deed deed, uint32_t value);
void effects_write(void *arg, const struct pcg_view_write *write);

#endif
