/* SPDX-License-Identifier: BSD-3-Clause */
/* What a description says, made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/description.h"
#include "host/sim/endpoint.h"
#include "host/sim/vectors.h"

void description_destroy(struct description *description)
{
	if (description == NULL)
		return;
	for (unsigned int i = 0; i < description->nnodes; i++) {
		vectors_destroy(description->nodes[i].vectors);
		free(description->nodes[i].options);
	}
	free(description->nodes);
	free(description);
}

static uint32_t share_of(void *arg, unsigned int number)
{
	return vectors_of(arg, number);
}

static int build_vectors(struct description_node *node, const struct pcg_log *log)
{
	const struct endpoint_options *o = node->options;
	const struct vectors_facts facts = {
		.vfs = o->vfs,
		.pool = o->vf_pool,
		.each = o->vf_msix,
		.most = endpoint_vf_most(o),
	};
	int r = vectors_create(&node->vectors, &facts);

	if (r == -EINVAL)
		base_log(log, PCG_ERROR,
			 "%s: %u VFs with %u vectors each (at most %u) do not come out of a pool of %u; let them have "
			 "fewer",
			 node->name, facts.vfs, (unsigned int)facts.each, (unsigned int)facts.most,
			 (unsigned int)facts.pool);
	if (r == 0)
		endpoint_vectors(node->f, share_of, node->vectors);
	return r;
}

static int build_node(struct description *d, struct description_node *node, struct fabric *fabric,
		      struct endpoint_home *home, const struct pcg_log *log)
{
	static const enum fabric_port_kind port_kinds[] = {
		[DESCRIPTION_ROOT_PORT] = FABRIC_ROOT_PORT,
		[DESCRIPTION_SWITCH] = FABRIC_UPSTREAM,
		[DESCRIPTION_DOWNSTREAM] = FABRIC_DOWNSTREAM,
	};
	struct fabric_bus *bus = node->below < 0 ? fabric_root_bus(fabric) : d->nodes[node->below].f->below;
	struct fabric_port_options port = node->port;
	int r;

	if (node->kind == DESCRIPTION_ENDPOINT) {
		r = endpoint_make(&node->f, fabric, bus, node->devfn, node->options, home, log);
	} else {
		port.payload = port.payload != 0 ? port.payload : 128;
		r = fabric_port_create(&node->f, fabric, port_kinds[node->kind], bus, node->devfn, &port);
	}
	if (r != 0) {
		base_log(log, PCG_ERROR,
			 r == -ENOSPC
				 ? "%s finds no room: a fabric has 256 buses (each link and switch is one) and 1024 "
				   "functions, VFs included; take less, or several fabrics"
				 : "%s cannot be put into the fabric: %s",
			 node->name, strerror(-r));
		return r;
	}
	snprintf(node->f->name, sizeof(node->f->name), "%s", node->name);
	return node->kind == DESCRIPTION_ENDPOINT && node->options->vfs > 0 ? build_vectors(node, log) : 0;
}

int description_build(struct description *description, struct fabric *fabric, struct endpoint_home *home,
		      const struct pcg_log *log)
{
	int r = 0;

	for (unsigned int i = 0; r == 0 && i < description->nnodes; i++)
		r = build_node(description, &description->nodes[i], fabric, home, log);
	return r;
}

struct description_node *description_of(const struct description *description, const struct fabric_function *f)
{
	if (f->physical != NULL)
		f = f->physical;
	for (unsigned int i = 0; i < description->nnodes; i++)
		if (description->nodes[i].f == f)
			return &description->nodes[i];
	return NULL;
}
