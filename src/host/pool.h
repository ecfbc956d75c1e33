/* SPDX-License-Identifier: BSD-3-Clause */
/* What the functions of one process share. */
#ifndef HOST_POOL_H
#define HOST_POOL_H

#include <pcigate/host.h>

struct sim_pool;
struct vfio_pool;

struct pcg_host_pool {
	bool trusted;           /* clients may map what cannot be taken back */
	bool humble;            /* threads give up their capabilities */
	struct vfio_pool *vfio; /* made by the first function that wants it */
	struct sim_pool *sim;   /* likewise */
};

#endif
