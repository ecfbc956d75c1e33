/* SPDX-License-Identifier: BSD-3-Clause */
/* The backend whose functions are real: held through Linux VFIO. */
#ifndef HOST_VFIO_VFIO_H
#define HOST_VFIO_VFIO_H

#include "host/pool.h"
#include "host/vfio/settings.h"

/**
 * vfio_create() - open a function of this machine
 * @host: set to it
 * @text: "BDF[,option=value…]"
 * @pool: what functions of this process share; may be NULL
 * @log: the hook, copied; may be NULL
 *
 * Return: 0 or a negative errno after a note.
 */
int vfio_create(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log);

#endif
