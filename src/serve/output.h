/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Messages into a stream socket. Small ones gather in a batch that goes out in one sendmsg, at most OUTPUT_BATCH bytes,
 * which the kernel takes whole or not at all, so that no header is ever cut; large ones, and those with a
 * descriptor, go alone. What the kernel does not take waits: the owner stops making more while output_ready() is false.
 */
#ifndef SERVE_OUTPUT_H
#define SERVE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTPUT_BATCH 16384u
#define OUTPUT_SMALL 4096u

struct output_piece;

struct output {
	int fd;
	bool stuck; /* the kernel took less than there is */
	size_t start;
	size_t end;
	struct output_piece *first; /* after the batch, in order */
	struct output_piece **last;
	uint8_t batch[OUTPUT_BATCH];
};

void output_init(struct output *output, int fd);
void output_finish(struct output *output);

/*
 * One message: @head and then @body, and a descriptor (stays the caller's; -1: none).
 * Return: 0, taken, though perhaps not sent; -ENOMEM or what sendmsg said: the connection is lost.
 */
int output_put(struct output *output, const void *head, size_t head_size, const void *body, size_t body_size, int fd);

/* Return: 0, even when something must wait; or a negative errno: the connection is lost. */
int output_flush(struct output *output);

/* Nothing waits for the client to read. */
static inline bool output_ready(const struct output *output)
{
	return !output->stuck;
}

#endif
