/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/dump.h"
#include "host/pool.h"
#include "host/remote/remote.h"
#include "host/sim/pool.h"
#include "host/sim/sim.h"
#include "host/vfio/staging.h"
#include "host/vfio/vfio.h"

struct backend {
	const char *prefix;
	int (*create)(struct pcg_host **host, const char *text, const struct pcg_log *log);
	int (*create_in)(struct pcg_host **host, const char *text, struct pcg_host_pool *pool,
			 const struct pcg_log *log);
};

static const struct backend backends[] = {
	{ "dump:", dump_create, NULL },
	{ "sim:", NULL, sim_create_in },
	{ "vfio:", NULL, vfio_create },
	{ "vfio-user:", NULL, remote_create },
};

int pcg_host_create_in(struct pcg_host **host, const char *func, struct pcg_host_pool *pool, const struct pcg_log *log)
{
	size_t i;

	*host = NULL;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		const struct backend *backend = &backends[i];
		size_t length = strlen(backend->prefix);

		if (strncmp(func, backend->prefix, length) != 0)
			continue;
		if (backend->create_in != NULL)
			return backend->create_in(host, func + length, pool, log);
		return backend->create(host, func + length, log);
	}
	base_log(log, PCG_ERROR,
		 "\"%.100s\" names no function; known forms are " VFIO_FORM ", " REMOTE_FORM ", " DUMP_FORM
		 " and sim:MODEL[,option=value…]",
		 func);
	return -EINVAL;
}

int pcg_host_create(struct pcg_host **host, const char *func, const struct pcg_log *log)
{
	return pcg_host_create_in(host, func, NULL, log);
}

void pcg_host_destroy(struct pcg_host *host)
{
	if (host != NULL)
		host->ops->destroy(host);
}

int pcg_host_pool_create(struct pcg_host_pool **pool)
{
	*pool = calloc(1, sizeof(**pool));
	return *pool != NULL ? 0 : -ENOMEM;
}

void pcg_host_pool_trust(struct pcg_host_pool *pool)
{
	pool->trusted = true;
}

void pcg_host_pool_humble(struct pcg_host_pool *pool)
{
	pool->humble = true;
}

void pcg_host_pool_destroy(struct pcg_host_pool *pool)
{
	if (pool == NULL)
		return;
	sim_pool_destroy(pool->sim);
	vfio_pool_destroy(pool->vfio);
	free(pool);
}
