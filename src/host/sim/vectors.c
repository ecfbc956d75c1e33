/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "host/sim/vectors.h"

struct vectors {
	struct vectors_facts facts;
	uint32_t left;
	uint32_t share[]; /* of each VF */
};

/* Without a pool nothing is shared out, so nothing can run out. */
static bool pooled(const struct vectors *vectors)
{
	return vectors->facts.pool != 0;
}

int vectors_create(struct vectors **vectors, const struct vectors_facts *facts)
{
	struct vectors *v;

	*vectors = NULL;
	if (facts->most > VECTORS_MOST || facts->each > facts->most)
		return -EINVAL;
	if (facts->pool != 0 && (uint64_t)facts->each * facts->vfs > facts->pool)
		return -EINVAL;
	v = calloc(1, sizeof(*v) + facts->vfs * sizeof(v->share[0]));
	if (v == NULL)
		return -ENOMEM;
	v->facts = *facts;
	for (unsigned int vf = 0; vf < facts->vfs; vf++)
		v->share[vf] = facts->each;
	v->left = pooled(v) ? facts->pool - facts->each * facts->vfs : 0;
	*vectors = v;
	return 0;
}

void vectors_destroy(struct vectors *vectors)
{
	free(vectors);
}

const struct vectors_facts *vectors_facts(const struct vectors *vectors)
{
	return &vectors->facts;
}

uint32_t vectors_of(const struct vectors *vectors, unsigned int vf)
{
	return vf < vectors->facts.vfs ? vectors->share[vf] : 0;
}

uint32_t vectors_left(const struct vectors *vectors)
{
	return vectors->left;
}

int vectors_set(struct vectors *vectors, unsigned int vf, uint32_t count)
{
	if (!pooled(vectors))
		return -EOPNOTSUPP;
	if (vf >= vectors->facts.vfs)
		return -ENOENT;
	if (count == 0)
		count = vectors->facts.each;
	if (count > vectors->facts.most)
		return -EOVERFLOW;
	if (count > vectors->left + vectors->share[vf])
		return -ENOSPC;
	vectors->left = vectors->left + vectors->share[vf] - count;
	vectors->share[vf] = count;
	return 0;
}
