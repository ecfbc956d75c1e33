/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend whose functions are behind another vfio-user server: "vfio-user:SOCKET[,option=value…]". */
#ifndef HOST_REMOTE_REMOTE_H
#define HOST_REMOTE_REMOTE_H

#include "host/pool.h"

/** REMOTE_FORM - the form of FUNC, for help texts */
#define REMOTE_FORM "vfio-user:SOCKET[,option=value…]"

/**
 * remote_create() - connect to a server
 * @host: set to its function
 * @text: "SOCKET[,option=value…]"
 * @pool: what functions of this process share; may be NULL
 * @log: the hook, copied; may be NULL
 *
 * Return: 0 or a negative errno after a note.
 */
int remote_create(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log);

#endif
