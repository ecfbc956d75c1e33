/* SPDX-License-Identifier: BSD-3-Clause */
/* What `pcigate serve` was asked to do. */
#ifndef CLI_SERVE_H
#define CLI_SERVE_H

#include <stdbool.h>

#include "cli/command.h"
#include "cli/confine.h"
#include "cli/each.h"
#include "serve/server.h"
#include "serve/sockets.h"

struct serve_settings {
	struct serve_options options;
	const char *socket_path;
	const char *run;
	struct command command;
	struct confine confine;
	const char *user;
	const char *group;            /* --socket-group */
	const char *mode;             /* --socket-mode */
	struct sockets_access access; /* what they come to */
	int fd;                       /* -1: none */
	int systemd_fds;
	const char *range; /* --each */
	struct each each;
	char **funcs; /* what is left of the command line, or what --each makes of it */
	int count;
};

#endif
