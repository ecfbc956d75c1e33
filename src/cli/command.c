/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"

#define TURN_MS   50
#define KILLED_MS 1000 /* what the system may take to end it */

static void watched(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGCHLD);
}

void command_prepare(struct command *command)
{
	sigset_t set;

	watched(&set);
	sigprocmask(SIG_BLOCK, &set, &command->mask);
}

static void become(const struct command *command, const char *text, pid_t parent)
{
	if (command->group)
		setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* It may have died before it was asked to tell. */
	if (getppid() != parent)
		_exit(127);
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &command->mask, NULL);
	execl("/bin/sh", "sh", "-c", text, (char *)NULL);
	_exit(127);
}

int command_start(struct command *command, const char *text)
{
	pid_t parent = getpid();

	command->group = !isatty(STDIN_FILENO);
	command->child = fork();
	if (command->child == 0)
		become(command, text, parent);
	if (command->child < 0) {
		command->child = 0;
		return -errno;
	}
	/* On both sides: whoever comes first, it is so before anybody signals the group. */
	if (command->group)
		setpgid(command->child, command->child);
	return 0;
}

static void send(const struct command *command, int number)
{
	if (command->child > 0)
		kill(command->group ? -command->child : command->child, number);
}

/* Whether all of it has ended. */
static bool ended(const struct command *command, bool *reaped)
{
	if (!*reaped)
		*reaped = waitpid(command->child, NULL, WNOHANG) != 0;
	return *reaped && (!command->group || kill(-command->child, 0) != 0);
}

void command_ask(const struct command *command)
{
	send(command, SIGTERM);
	/* One that was stopped cannot end. */
	send(command, SIGCONT);
}

/* Waits for the end, at most @milliseconds, or until this program is told to end once more. */
static bool wait_for_end(const struct command *command, int milliseconds, bool *reaped)
{
	const struct timespec turn = { .tv_nsec = TURN_MS * 1000000L };
	sigset_t set;

	watched(&set);
	for (; milliseconds > 0 && !ended(command, reaped); milliseconds -= TURN_MS) {
		int number = sigtimedwait(&set, NULL, &turn);

		if (number == SIGTERM || number == SIGINT)
			return false;
	}
	return ended(command, reaped);
}

void command_end(struct command *command)
{
	bool reaped = false;

	if (command->child <= 0)
		return;
	if (!wait_for_end(command, COMMAND_GRACE_MS, &reaped)) {
		send(command, SIGKILL);
		wait_for_end(command, KILLED_MS, &reaped);
	}
	command->child = 0;
}
