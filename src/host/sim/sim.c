/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/broken.h"
#include "host/sim/endpoint.h"
#include "host/sim/pool.h"
#include "host/sim/sim.h"
#include "host/sim/vmd.h"

static const char fabric_help[] =
	"sim:fabric,file=FILE,at=NAME|NAME.vfN|BDF[,token=UUID]; a function of the fabric that "
	"FILE describes";

/* @create gets all of the text; @create_in has something that the functions of a process share. */
static const struct sim_model {
	const char *name;
	const char *help; /* NULL: that of @ops */
	const struct pcg_host_ops *ops;
	int (*create)(struct pcg_host **host, const char *text, const struct pcg_log *log);
	int (*create_in)(struct pcg_host **host, const char *text, struct pcg_host_pool *pool,
			 const struct pcg_log *log);
} models[] = {
	{ .name = "broken", .ops = &broken_ops, .create = broken_create },
	{ .name = "endpoint-test", .help = endpoint_help, .create_in = sim_fabric_open },
	{ .name = "fabric", .help = fabric_help, .create_in = sim_fabric_open },
	{ .name = "vmd", .ops = &vmd_ops, .create = vmd_create },
};

#define NMODELS (sizeof(models) / sizeof(models[0]))

const char *sim_help(unsigned int n)
{
	if (n >= NMODELS)
		return NULL;
	return models[n].help != NULL ? models[n].help : models[n].ops->help;
}

int sim_create_in(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log)
{
	size_t length = strcspn(text, ",");

	*host = NULL;
	for (size_t i = 0; i < NMODELS; i++) {
		if (strlen(models[i].name) != length || memcmp(models[i].name, text, length) != 0)
			continue;
		if (models[i].create_in != NULL)
			return models[i].create_in(host, text, pool, log);
		return models[i].create(host, text, log);
	}
	base_log(log, PCG_ERROR,
		 "sim:%.*s: no such model; there are sim:broken, sim:endpoint-test, sim:fabric and sim:vmd",
		 (int)(length < 64 ? length : 64), text);
	return -ENOENT;
}

int sim_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	return sim_create_in(host, text, NULL, log);
}
