/* SPDX-License-Identifier: BSD-3-Clause */
/* What "vfio-user:SOCKET[,option=value…]" says. */
#ifndef HOST_REMOTE_SETTINGS_H
#define HOST_REMOTE_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

#include <pcigate/log.h>

/* How a function is made as new for the next client. */
enum remote_session {
	REMOTE_SESSION_NEW,  /* by hanging up and connecting again: the server forgets what the last one did */
	REMOTE_SESSION_KEEP, /* by a reset: for servers that end when they are hung up on */
};

/**
 * struct remote_settings
 * @address: of the server
 * @is_vf: the function is a VF: raw servers show no ids and no memory enable bit
 * @has_id: @vendor and @device were given
 * @memory_absent: COMMAND has no memory enable bit, VF or not
 */
struct remote_settings {
	struct sockaddr_un address;
	bool is_vf;
	bool has_id;
	uint16_t vendor;
	uint16_t device;
	bool memory_absent;
	enum remote_session session;
};

/* Return: 0; -EINVAL, -ENAMETOOLONG, -ENOMEM after a note. */
int remote_settings_init(struct remote_settings *s, const char *text, const struct pcg_log *log);

#endif
