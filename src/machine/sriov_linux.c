/* SPDX-License-Identifier: BSD-3-Clause */
/* PFs and VFs as Linux shows them: sriov_* of each function's folder in sysfs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "machine/sriov.h"
#include "machine/function.h"

static const struct tree *tree_of(const struct sriov *sriov)
{
	return &((const struct sriov_linux *)sriov)->tree;
}

static int linux_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf)
{
	const struct tree *tree = tree_of(sriov);
	struct machine_function function;
	int error = machine_look(tree, bdf, &function, NULL);
	long value;

	if (error != 0)
		return error;
	memset(pf, 0, sizeof(*pf));
	memcpy(pf->bdf, function.place.bdf, sizeof(pf->bdf));
	if (!place_number(&function.place, "sriov_totalvfs", &value))
		return -ENOTTY;
	snprintf(pf->driver, sizeof(pf->driver), "%s", function.place.driver);
	pf->total = function.total_vfs;
	pf->count = function.vfs;
	pf->probe = place_number(&function.place, "sriov_drivers_autoprobe", &value) && value != 0;
	pf->has_pool = place_number(&function.place, "sriov_vf_total_msix", &value);
	pf->pool = pf->has_pool && value > 0 ? (unsigned int)value : 0;
	return 0;
}

static int linux_vf(struct sriov *sriov, const char *bdf, struct sriov_vf *vf)
{
	const struct tree *tree = tree_of(sriov);
	struct machine_function function;
	int error = machine_look(tree, bdf, &function, NULL);

	if (error != 0)
		return error;
	memset(vf, 0, sizeof(*vf));
	memcpy(vf->bdf, function.place.bdf, sizeof(vf->bdf));
	if (!function.place.is_vf)
		return -ENOTTY;
	memcpy(vf->pf, function.place.pf, sizeof(vf->pf));
	snprintf(vf->driver, sizeof(vf->driver), "%s", function.place.driver);
	vf->number = function.vf_number;
	vf->group = function.place.group;
	vf->msix = machine_msix(&function.place);
	return 0;
}

static int linux_vf_of(struct sriov *sriov, const char *pf, unsigned int number, struct sriov_vf *vf)
{
	char bdf[TREE_NAME];

	if (!tree_link(tree_of(sriov), bdf, sizeof(bdf), MACHINE_DEVICES "/%s/virtfn%u", pf, number))
		return -ENOENT;
	return linux_vf(sriov, bdf, vf);
}

static long linux_holder(struct sriov *sriov, const char *vf)
{
	const struct tree *tree = tree_of(sriov);
	struct machine_function function;
	char name[TREE_NAME];
	long pid;

	if (machine_look(tree, vf, &function, NULL) != 0 || !machine_is_vfio(tree, &function.place))
		return 0;
	return machine_holder(tree, &function.place, &pid, name) ? pid : 0;
}

static int linux_write(struct sriov *sriov, const char *bdf, const char *file, unsigned int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u\n", value);
	return tree_write(tree_of(sriov), text, MACHINE_DEVICES "/%s/%s", bdf, file);
}

static int linux_set_probe(struct sriov *sriov, const char *pf, bool probe)
{
	return linux_write(sriov, pf, "sriov_drivers_autoprobe", probe);
}

static int linux_set_count(struct sriov *sriov, const char *pf, unsigned int count)
{
	return linux_write(sriov, pf, "sriov_numvfs", count);
}

static int linux_set_msix(struct sriov *sriov, const char *vf, unsigned int vectors)
{
	return linux_write(sriov, vf, "sriov_vf_msix_count", vectors);
}

static const struct sriov_ops linux_ops = {
	.pf = linux_pf,
	.vf = linux_vf,
	.vf_of = linux_vf_of,
	.holder = linux_holder,
	.set_probe = linux_set_probe,
	.set_count = linux_set_count,
	.set_msix = linux_set_msix,
};

void sriov_linux_init(struct sriov_linux *sriov, const struct tree *tree)
{
	sriov->sriov.ops = &linux_ops;
	sriov->tree = *tree;
}
