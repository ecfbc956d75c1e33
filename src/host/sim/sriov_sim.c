/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/sim/pool.h"
#include "host/sim/sriov_sim.h"
#include "host/sim/vectors.h"

static void address(const struct sim_fabric *shared, const struct fabric_function *f, char bdf[PLACE_BDF])
{
	uint16_t at = fabric_bdf(f);

	snprintf(bdf, PLACE_BDF, "%04x:%02x:%02x.%x", shared->domain, at >> 8, at >> 3 & 31u, at & 7u);
}

/* The first fabric of the process that knows @name. */
static struct fabric_function *find(struct sriov *sriov, const char *name, struct sim_fabric **shared)
{
	const struct sriov_sim *sim = (const struct sriov_sim *)sriov;
	const struct pcg_host_pool *pool = sim->pool;
	unsigned int domain;
	int rest = 0;
	bool whole = sscanf(name, "%4x:%*2x:%*2x.%*1x%n", &domain, &rest) == 1 && rest != 0;

	if (sim->only != NULL) {
		*shared = sim->only;
		return sim_fabric_function(*shared, name, NULL);
	}
	for (*shared = sim_pool_next(pool, NULL); *shared != NULL; *shared = sim_pool_next(pool, *shared)) {
		struct fabric_function *f;

		if (whole && (*shared)->domain != domain)
			continue;
		f = sim_fabric_function(*shared, name, NULL);
		if (f != NULL)
			return f;
	}
	return NULL;
}

static void held(const struct sim_fabric *shared, const struct fabric_function *f, char driver[TREE_NAME])
{
	snprintf(driver, TREE_NAME, "%s", sim_fabric_seat(shared, f) != NULL ? "pcigate" : "");
}

static int sim_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf)
{
	struct sim_fabric *shared;
	struct fabric_function *f = find(sriov, bdf, &shared);
	const struct description_node *node;

	if (f == NULL)
		return -ENODEV;
	memset(pf, 0, sizeof(*pf));
	address(shared, f, pf->bdf);
	node = description_of(shared->description, f);
	if (f->physical != NULL || f->at.sriov == 0 || node == NULL || node->vectors == NULL)
		return -ENOTTY;
	/* Who makes its VFs is the fabric's own firmware, whoever has it open. */
	snprintf(pf->driver, sizeof(pf->driver), "fabric");
	pf->total = vectors_facts(node->vectors)->vfs;
	pf->count = f->nvirtuals;
	pf->has_pool = true;
	pf->pool = vectors_facts(node->vectors)->pool;
	return 0;
}

static int fill_vf(const struct sim_fabric *shared, const struct fabric_function *f, struct sriov_vf *vf)
{
	const struct description_node *node;

	memset(vf, 0, sizeof(*vf));
	address(shared, f, vf->bdf);
	if (f->physical == NULL)
		return -ENOTTY;
	address(shared, f->physical, vf->pf);
	held(shared, f, vf->driver);
	vf->number = f->number;
	vf->group = -1;
	node = description_of(shared->description, f);
	vf->msix = node != NULL && node->vectors != NULL ? (int)vectors_of(node->vectors, f->number) : -ENOENT;
	return 0;
}

static int sim_vf(struct sriov *sriov, const char *bdf, struct sriov_vf *vf)
{
	struct sim_fabric *shared;
	const struct fabric_function *f = find(sriov, bdf, &shared);

	return f != NULL ? fill_vf(shared, f, vf) : -ENODEV;
}

static int sim_vf_of(struct sriov *sriov, const char *pf, unsigned int number, struct sriov_vf *vf)
{
	struct sim_fabric *shared;
	const struct fabric_function *f = find(sriov, pf, &shared);

	if (f == NULL || number >= f->nvirtuals)
		return -ENOENT;
	return fill_vf(shared, f->virtuals[number], vf);
}

static long sim_holder(struct sriov *sriov, const char *vf)
{
	struct sim_fabric *shared;
	const struct fabric_function *f = find(sriov, vf, &shared);

	return f != NULL && sim_fabric_seat(shared, f) != NULL ? getpid() : 0;
}

/* There are no drivers that a VF could be given to. */
static int sim_set_probe(struct sriov *sriov, const char *pf, bool probe)
{
	(void)sriov;
	(void)pf;
	return probe ? -EOPNOTSUPP : 0;
}

static int sim_set_count(struct sriov *sriov, const char *pf, unsigned int count)
{
	struct sim_fabric *shared;
	struct fabric_function *f = find(sriov, pf, &shared);

	return f != NULL ? sim_fabric_set_vfs(shared, f, count) : -ENODEV;
}

static int sim_set_msix(struct sriov *sriov, const char *vf, unsigned int vectors)
{
	struct sim_fabric *shared;
	struct fabric_function *f = find(sriov, vf, &shared);

	return f != NULL ? sim_fabric_set_vectors(shared, f, vectors) : -ENODEV;
}

static const struct sriov_ops sim_ops = {
	.where = "the fabrics of this process",
	.pf = sim_pf,
	.vf = sim_vf,
	.vf_of = sim_vf_of,
	.holder = sim_holder,
	.set_probe = sim_set_probe,
	.set_count = sim_set_count,
	.set_msix = sim_set_msix,
};

void sriov_sim_init(struct sriov_sim *sriov, struct pcg_host_pool *pool)
{
	*sriov = (struct sriov_sim){ .sriov.ops = &sim_ops, .pool = pool };
}

void sriov_sim_of(struct sriov_sim *sriov, struct sim_fabric *fabric)
{
	*sriov = (struct sriov_sim){ .sriov.ops = &sim_ops, .only = fabric };
}
