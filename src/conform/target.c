/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "conform/target.h"
#include "host/wait.h"

#define PATIENCE 5000 /* ms for one operation of a backend */

static void target_op_done(struct pcg_op *op, int result)
{
	((struct target_op *)(void *)op)->result = result;
}

void target_op_init(struct target_op *op)
{
	memset(op, 0, sizeof(*op));
	op->op.done = target_op_done;
	op->result = PCG_PENDING;
}

int target_op_wait(struct pcg_host *host, struct target_op *op, int result)
{
	if (result != PCG_PENDING)
		return result;
	result = host_wait(host, &op->result, PATIENCE);
	if (op->result == PCG_PENDING)
		host->ops->cancel(host, &op->op);
	return result;
}

/* The one without a prefix last. */
static const struct target_kind *const kinds[] = { &target_client, &target_vfio, &target_function };

const struct target_kind *target_kind(unsigned int n)
{
	return n < sizeof(kinds) / sizeof(kinds[0]) ? kinds[n] : NULL;
}

int target_open(struct target **target, const char *name, const struct pcg_view_options *view,
		const struct pcg_log *log)
{
	struct pcg_view_options options = *view;
	const struct target_kind *kind;
	unsigned int i;

	*target = NULL;
	for (i = 0; (kind = target_kind(i)) != NULL; i++)
		if (strncmp(name, kind->prefix, strlen(kind->prefix)) == 0)
			break;
	if (kind == NULL)
		return -EINVAL;
	if (options.profile == NULL)
		options.profile = pcg_profile_find(kind->profile);
	return kind->open(target, name + strlen(kind->prefix), &options, log);
}

void target_close(struct target *target)
{
	if (target != NULL)
		target->ops->destroy(target);
}
