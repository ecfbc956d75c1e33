/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "conform/target.h"

#define PATIENCE 5000 /* ms for one operation of a backend */
#define TURN     2

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
	int left;

	if (result != PCG_PENDING)
		return result;
	for (left = PATIENCE; op->result == PCG_PENDING && left > 0; left -= TURN) {
		poll(NULL, 0, TURN);
		if (host->ops->work != NULL)
			host->ops->work(host);
	}
	if (op->result != PCG_PENDING)
		return op->result;
	host->ops->cancel(host, &op->op);
	return -ETIMEDOUT;
}

int target_open(struct target **target, const char *name, const struct pcg_view_options *view,
		const struct pcg_log *log)
{
	static const char client[] = "vfio-user:";
	struct pcg_host *host;
	int r;

	*target = NULL;
	if (strncmp(name, client, sizeof(client) - 1) == 0)
		return target_open_client(target, name + sizeof(client) - 1, log);
	r = pcg_host_create(&host, name, log);
	return r < 0 ? r : target_open_function(target, host, view, log);
}

void target_close(struct target *target)
{
	if (target != NULL)
		target->ops->destroy(target);
}
