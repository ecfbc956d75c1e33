/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/dump/dump.h"
#include "host/sim/sim.h"

struct backend {
	const char *prefix;
	int (*create)(struct pcg_host **host, const char *text, const struct pcg_log *log);
};

static const struct backend backends[] = {
	{ "dump:", dump_create },
	{ "sim:", sim_create },
};

int pcg_host_create(struct pcg_host **host, const char *func, const struct pcg_log *log)
{
	size_t i;

	*host = NULL;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		size_t length = strlen(backends[i].prefix);

		if (strncmp(func, backends[i].prefix, length) == 0)
			return backends[i].create(host, func + length, log);
	}
	base_log(log, PCG_ERROR,
		 "\"%.100s\" names no function; known forms are " DUMP_FORM " and sim:MODEL[,option=value…]", func);
	return -EINVAL;
}

void pcg_host_destroy(struct pcg_host *host)
{
	if (host != NULL)
		host->ops->destroy(host);
}
