/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The process that has mapped the function itself. Its mapping outlives its connection: nobody else is let to the
 * function before the process has ended.
 */
#ifndef SERVE_HOLDER_H
#define SERVE_HOLDER_H

#include <stdbool.h>
#include <sys/types.h>

struct holder {
	int pidfd; /* -1: nobody */
	pid_t pid;
	bool sure; /* the kernel says that it is the one that connected, not another one with its pid */
};

/* Whoever is at the other end of @socket. Return: 0, or a negative errno: then it must not be lent anything. */
int holder_take(struct holder *holder, int socket);

/* Whether there is a process that has it and lives. */
bool holder_lives(const struct holder *holder);

/* Whether it is the process at the other end of @socket. */
bool holder_is(const struct holder *holder, int socket);

void holder_drop(struct holder *holder);

#endif
