/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/broken.h"
#include "host/sim/endpoint_test.h"
#include "host/sim/sim.h"

/* @create gets all of the text. */
static const struct sim_model {
	const char *name;
	const struct pcg_host_ops *ops;
	int (*create)(struct pcg_host **host, const char *text, const struct pcg_log *log);
} models[] = {
	{ .name = "broken", .ops = &broken_ops, .create = broken_create },
	{ .name = "endpoint-test", .ops = &endpoint_ops, .create = endpoint_create },
};

#define NMODELS (sizeof(models) / sizeof(models[0]))

const char *sim_help(unsigned int n)
{
	return n < NMODELS ? models[n].ops->help : NULL;
}

int sim_create(struct pcg_host **host, const char *text, const struct pcg_log *log)
{
	size_t length = strcspn(text, ",");

	*host = NULL;
	for (size_t i = 0; i < NMODELS; i++)
		if (strlen(models[i].name) == length && memcmp(models[i].name, text, length) == 0)
			return models[i].create(host, text, log);
	base_log(log, PCG_ERROR, "sim:%.*s: no such model; there are sim:broken and sim:endpoint-test",
		 (int)(length < 64 ? length : 64), text);
	return -ENOENT;
}
