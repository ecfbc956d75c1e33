/* SPDX-License-Identifier: BSD-3-Clause */
/* Accesses that are done and written down, a line each. */
#ifndef RECORDER_TRACE_H
#define RECORDER_TRACE_H

#include <stdbool.h>

#include "vfio.h"

/**
 * struct trace - a recording
 * @hw: what hardware holds as far as the trace has told
 * @image: what it held before vfio-pci had it
 * @plain: bits that behave as memory, one byte of mask for each
 */
struct trace {
	struct function *function;
	uint8_t hw[CONFIG_MAX];
	uint8_t image[CONFIG_MAX];
	uint8_t plain[CONFIG_MAX];
};

void trace_section(const char *name);
void trace_open(struct trace *t);
/* Close and open again. */
void trace_reopen(struct trace *t);

/* A guest's access. Lengths 1, 2 and 4 are values, others bytes. */
void trace_read(struct trace *t, uint64_t offset, size_t length);
void trace_write(struct trace *t, uint64_t offset, size_t length, const uint8_t *data);
/* The same for a value; and what the guest reads there, without a line. */
void trace_put(struct trace *t, size_t offset, size_t width, uint32_t value);
uint32_t trace_peek(struct trace *t, size_t offset);

/* Change hardware itself. */
void trace_change(struct trace *t, size_t offset, size_t width, uint32_t value);
/* Say what hardware holds, whatever it is made of. */
void trace_state(struct trace *t, size_t offset);
/* Look at all of hardware for what the last writes changed elsewhere. */
void trace_look(struct trace *t);

uint32_t get_value(const uint8_t *data, size_t width);
void put_value(uint8_t *data, size_t width, uint32_t value);

#endif
