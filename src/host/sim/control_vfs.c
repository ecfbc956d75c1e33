/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * VFs and their vectors. Answers are lines that `pcigate vf` reads:
 *
 *   pf BDF driver=NAME total=N count=N pool=N
 *   vf BDF pf=BDF number=N msix=N holder=PID driver=NAME      msix left out: it has no such table of its own
 *
 * What nobody has, has no holder and no driver: there may be a thousand, and an answer has an end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/sim/control.h"
#include "host/sim/pool_internal.h"
#include "host/sim/sriov_sim.h"

static void say_pf(struct sim_control *control, const struct sriov_pf *pf)
{
	control_say(control, "pf %s driver=%s total=%u count=%u pool=%u", pf->bdf, pf->driver, pf->total, pf->count,
		    pf->pool);
}

static void say_vf(struct sim_control *control, struct sriov *sriov, const struct sriov_vf *vf)
{
	char msix[24] = "", held[TREE_NAME + 48] = "";
	long holder = sriov->ops->holder(sriov, vf->bdf);

	if (vf->msix >= 0)
		snprintf(msix, sizeof(msix), " msix=%d", vf->msix);
	if (holder != 0 || vf->driver[0] != '\0')
		snprintf(held, sizeof(held), " holder=%ld driver=%s", holder, vf->driver);
	control_say(control, "vf %s pf=%s number=%d%s%s", vf->bdf, vf->pf, vf->number, msix, held);
}

static int list(struct sim_control *control, const char *name)
{
	struct sriov_sim sim;
	struct sriov_pf pf;
	struct sriov_vf vf;
	int r;

	sriov_sim_of(&sim, control->shared);
	if (sim.sriov.ops->vf(&sim.sriov, name, &vf) == 0) {
		say_vf(control, &sim.sriov, &vf);
		return 0;
	}
	r = sim.sriov.ops->pf(&sim.sriov, name, &pf);
	if (r != 0)
		return r;
	say_pf(control, &pf);
	for (unsigned int n = 0; n < pf.count; n++)
		if (sim.sriov.ops->vf_of(&sim.sriov, name, n, &vf) == 0)
			say_vf(control, &sim.sriov, &vf);
	return 0;
}

/** struct refusal - what an errno means */
struct refusal {
	int error;
	const char *text;
};

static const struct refusal count_refusals[] = {
	{ ENOTTY, "it is no PF that could have VFs" },
	{ EBUSY, "it has VFs: first 0, then another number" },
	{ ERANGE, "it has not so many VFs (TotalVFs)" },
	{ EIO, "its registers do not take it" },
	{ 0, NULL },
};

static const struct refusal vector_refusals[] = {
	{ ENOTTY, "it is no VF: vectors of a PF are its own" },
	{ EBUSY, "somebody has it: its table stays as it is until the client is gone" },
	{ EOPNOTSUPP, "its PF has no pool of vectors: vf-msix-pool=N" },
	{ EOVERFLOW, "its BAR 0 has no room for so many" },
	{ ENOSPC, "the pool has not so many left" },
	{ 0, NULL },
};

static int refused(struct sim_control *control, const struct refusal *refusals, int r)
{
	for (; r != 0 && refusals->text != NULL; refusals++)
		if (refusals->error == -r)
			control_say(control, "%s", refusals->text);
	return r;
}

static int command(struct sim_control *control, struct control_words *words, bool vectors)
{
	struct fabric_function *f = control_function(control, words, NULL);
	char name[64];
	uint64_t count;
	int r;

	if (f == NULL)
		return -ENODEV;
	sim_name(f, name, sizeof(name));
	if (words->count == 0) {
		r = list(control, name);
		return refused(control, count_refusals, r);
	}
	r = control_number(control, control_take(words), UINT16_MAX, &count);
	if (r == 0)
		r = control_end(control, words);
	if (r != 0)
		return r;
	base_log(control->log, PCG_INFO, "sim: by command: %s %s %u", vectors ? "vectors" : "vfs", name,
		 (unsigned int)count);
	if (vectors)
		return refused(control, vector_refusals, sim_fabric_set_vectors(control->shared, f, (uint32_t)count));
	return refused(control, count_refusals, sim_fabric_set_vfs(control->shared, f, (unsigned int)count));
}

int control_vfs(struct sim_control *control, struct control_words *words)
{
	return command(control, words, false);
}

int control_vectors(struct sim_control *control, struct control_words *words)
{
	return command(control, words, true);
}
