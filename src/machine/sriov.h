/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has physical functions and makes virtual ones of them: the kernel of this machine, or a fabric that is simulated.
 * What may be asked of either, and how each refusal is explained, is the same (machine/vfs.h).
 */
#ifndef MACHINE_SRIOV_H
#define MACHINE_SRIOV_H

#include <pcigate/log.h>

#include "host/vfio/place.h"
#include "machine/tree.h"

/**
 * struct sriov_pf - a physical function
 * @bdf: its address
 * @driver: who drives it; "": nobody
 * @total: VFs that it can have
 * @count: VFs that it has
 * @probe: new VFs are given to drivers at once
 * @has_pool: its driver shares vectors among its VFs, or may
 * @pool: then, how many vectors there are for all of them; 0: it shares none
 */
struct sriov_pf {
	char bdf[PLACE_BDF];
	char driver[TREE_NAME];
	unsigned int total;
	unsigned int count;
	bool probe;
	bool has_pool;
	unsigned int pool;
};

/**
 * struct sriov_vf - a virtual function
 * @pf: whose it is
 * @number: which of them; -1: unknown
 * @group: its IOMMU group; -1: none
 * @msix: vectors of its MSI-X table; or a negative errno
 */
struct sriov_vf {
	char bdf[PLACE_BDF];
	char pf[PLACE_BDF];
	char driver[TREE_NAME];
	int number;
	int group;
	int msix;
};

struct sriov;

/**
 * struct sriov_ops - what a fabric answers: 0 or a negative errno, without a note
 * @where: it, in a note of what is not there, and what lists the rest; NULL: this machine
 * @pf: what a PF is. -ENODEV: there is no such function; -ENOTTY: it is no PF
 * @vf: what a VF is. Likewise
 * @vf_of: VF @number of a PF. -ENOENT: it has none of that number
 * @holder: the process that has a VF open, or 0
 * @set_probe: whether new VFs are given to drivers
 * @set_count: make so many VFs, or remove all (0)
 * @set_msix: give a VF so many vectors; 0: as many as the device thinks right
 */
struct sriov_ops {
	const char *where;
	int (*pf)(struct sriov *sriov, const char *bdf, struct sriov_pf *pf);
	int (*vf)(struct sriov *sriov, const char *bdf, struct sriov_vf *vf);
	int (*vf_of)(struct sriov *sriov, const char *pf, unsigned int number, struct sriov_vf *vf);
	long (*holder)(struct sriov *sriov, const char *vf);
	int (*set_probe)(struct sriov *sriov, const char *pf, bool probe);
	int (*set_count)(struct sriov *sriov, const char *pf, unsigned int count);
	int (*set_msix)(struct sriov *sriov, const char *vf, unsigned int vectors);
};

struct sriov {
	const struct sriov_ops *ops;
};

/** struct sriov_linux - the fabric of a kernel, through its sysfs */
struct sriov_linux {
	struct sriov sriov;
	struct tree tree;
};

/** sriov_linux_init() - of the machine below @tree; needs no end */
void sriov_linux_init(struct sriov_linux *sriov, const struct tree *tree);

#endif
