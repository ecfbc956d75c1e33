/* SPDX-License-Identifier: BSD-3-Clause */
/* The fabric as a whole: what is in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/fabric/internal.h"

uint64_t fabric_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int fabric_create(struct fabric **fabric, const struct fabric_root_ops *root, void *arg, const struct pcg_log *log)
{
	struct fabric *made = calloc(1, sizeof(*made));

	if (made == NULL)
		return -ENOMEM;
	if (root != NULL)
		made->ops = *root;
	made->arg = arg;
	if (log != NULL)
		made->log = *log;
	made->root.up = true;
	made->nbuses = 1;
	*fabric = made;
	return 0;
}

void fabric_destroy(struct fabric *fabric)
{
	if (fabric == NULL)
		return;
	fabric->ending = true;
	fabric_interrupts_end(fabric);
	/* What was made last goes first: leaves before ports, VFs before PFs. */
	while (fabric->n > 0)
		fabric_function_destroy(fabric->all[fabric->n - 1]);
	free(fabric);
}

struct fabric_bus *fabric_root_bus(struct fabric *fabric)
{
	return &fabric->root;
}

struct fabric_function *fabric_find_name(struct fabric *fabric, const char *name)
{
	if (name[0] == '\0')
		return NULL;
	for (unsigned int i = 0; i < fabric->n; i++)
		if (strcmp(fabric->all[i]->name, name) == 0)
			return fabric->all[i];
	return NULL;
}

struct fabric_function *fabric_each(struct fabric *fabric, struct fabric_function *after)
{
	unsigned int next = after == NULL ? 0 : after->order + 1u;

	return next < fabric->n ? fabric->all[next] : NULL;
}
