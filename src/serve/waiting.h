/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands of one client that came while another one is under way: kept in order, within bounds. */
#ifndef SERVE_WAITING_H
#define SERVE_WAITING_H

#include <stdbool.h>

#include "serve/stream.h"

struct waiting_command;

struct waiting {
	struct waiting_command *first;
	struct waiting_command **last;
	size_t size;
	unsigned int fds;
};

/* What may wait before the client is no longer read from. */
#define WAITING_BYTES (1u << 20)
#define WAITING_FDS   512u

void waiting_init(struct waiting *waiting);

/* What is left is forgotten; descriptors that came with it are closed by @aside. */
void waiting_finish(struct waiting *waiting, struct descriptors *aside);

/* It is time not to read any more. */
bool waiting_full(const struct waiting *waiting);

/* Keeps a copy, with what the message owns and its descriptors. Return: 0 or -ENOMEM. */
int waiting_put(struct waiting *waiting, struct stream_message *message);

/* The oldest; there has to be one. It is the caller's, until waiting_free(). */
struct waiting_command *waiting_take(struct waiting *waiting);

/* The message that it was. */
struct stream_message *waiting_message(struct waiting_command *command);

/* Descriptors that nobody took are closed by @aside. */
void waiting_free(struct waiting_command *command, struct descriptors *aside);

#endif
