/* SPDX-License-Identifier: BSD-3-Clause */
/* Every access to configuration space, a line each, as `pcigate replay` reads them. */
#ifndef SERVE_TRACE_H
#define SERVE_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include <pcigate/function.h>
#include <pcigate/log.h>

#include "serve/loop.h"

struct trace;

/*
 * trace_create() - begin a trace
 * @path: replaced when it is there; gzipped when the name ends in .gz
 * @func: named in the first comment
 * Return: 0 or a negative errno after a note.
 */
int trace_create(struct trace **trace, const char *path, const char *func, struct serve_loop *loop,
		 const struct pcg_log *log);
void trace_destroy(struct trace *trace); /* writes what is left; NULL is allowed */

/*
 * All of these do nothing for a NULL trace, and after the file could not be written. None of them waits: what a pipe's
 * reader does not take is kept, up to 4 MiB; more ends the trace, with a note.
 */
void trace_open(struct trace *trace);
void trace_reset(struct trace *trace, int error);
void trace_read(struct trace *trace, uint64_t offset, const uint8_t *data, size_t length, int error);
void trace_write(struct trace *trace, uint64_t offset, const uint8_t *data, size_t length, int error);

/* What the access under way asks for, as the profiles tell it; written behind its line. */
void trace_effects(struct trace *trace, const struct pcg_view_write *write);
void trace_deed(struct trace *trace, enum pcg_deed deed, uint32_t value);

#endif
