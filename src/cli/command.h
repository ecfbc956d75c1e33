/* SPDX-License-Identifier: BSD-3-Clause */
/* The command of `serve --run`: its beginning, and its end whatever it thinks of that. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/** COMMAND_GRACE_MS - from SIGTERM to SIGKILL */
#define COMMAND_GRACE_MS 5000

/**
 * struct command - a command that runs
 * @child: 0: none
 * @group: it has a process group of its own, and what it starts goes with it
 * @mask: the signals that were blocked before, which is how it gets them
 */
struct command {
	pid_t child;
	bool group;
	sigset_t mask;
};

/** command_prepare() - block the signals that command_end() waits for; before anything takes them over */
void command_prepare(struct command *command);

/**
 * command_start() - run @text with sh
 *
 * It has a process group of its own, unless standard input is a terminal: then it shares ours, for the terminal's keys
 * are meant for it. It gets SIGTERM when this program dies without ending it.
 *
 * Return: 0 or a negative errno.
 */
int command_start(struct command *command, const char *text);

/** command_ask() - SIGTERM; then close what the command may be waiting for, then command_end() */
void command_ask(const struct command *command);

/** command_end() - wait; what is left after COMMAND_GRACE_MS, or at the next SIGTERM or SIGINT to us, gets SIGKILL */
void command_end(struct command *command);

#endif
