/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a server no longer needs once its functions and sockets are open: descriptors that somebody left open, root,
 * capabilities, and most of the system calls.
 */
#ifndef CLI_CONFINE_H
#define CLI_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <pcigate/log.h>

#include "cli/filter.h"

/**
 * struct confine - how the server will be confined
 * @filter: --seccomp
 * @user: --user, or NULL: whoever starts it
 * @uid: of @user
 * @gid: of @user
 * @inherited: descriptors that were open when the program began, but 0 to 2
 * @count: how many
 */
struct confine {
	enum filter filter;
	const char *user;
	uid_t uid;
	gid_t gid;
	int *inherited;
	size_t count;
};

/** confine_init() - take note of what is open. Before anything else is opened. */
void confine_init(struct confine *confine);
void confine_finish(struct confine *confine);

/** confine_user() - --user. Return: 0 or what the program exits with, after a note */
int confine_user(struct confine *confine, const char *name);

/** confine_keep() - a descriptor that is ours although somebody else opened it */
void confine_keep(struct confine *confine, int fd);

/** confine_keep_named() - those that the options of FUNC name: fd=N, iommufd=N */
void confine_keep_named(struct confine *confine, const char *func);

/**
 * confine_enter() - the point of no return
 * @needs: what the filter must allow this server
 *
 * When it fails, the program is to end: it may be anywhere between free and confined.
 *
 * Return: 0 or a negative errno after a note.
 */
int confine_enter(const struct confine *confine, const struct filter_needs *needs, const struct pcg_log *log);

#endif
