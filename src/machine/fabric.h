/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who has physical functions and makes virtual ones of them: the kernel of this machine, or a fabric that is simulated.
 * What may be asked of either, and how each refusal is explained, is the same (machine/vfs.h).
 */
#ifndef MACHINE_FABRIC_H
#define MACHINE_FABRIC_H

#include <pcigate/log.h>

#include "host/vfio/place.h"
#include "machine/tree.h"

/**
 * struct fabric_pf - a physical function
 * @bdf: its address
 * @driver: who drives it; "": nobody
 * @total: VFs that it can have
 * @count: VFs that it has
 * @probe: new VFs are given to drivers at once
 * @has_pool: its driver shares vectors among its VFs, or may
 * @pool: then, how many vectors there are for all of them; 0: it shares none
 */
struct fabric_pf {
	char bdf[PLACE_BDF];
	char driver[TREE_NAME];
	unsigned int total;
	unsigned int count;
	bool probe;
	bool has_pool;
	unsigned int pool;
};

/**
 * struct fabric_vf - a virtual function
 * @pf: whose it is
 * @number: which of them; -1: unknown
 * @group: its IOMMU group; -1: none
 * @msix: vectors of its MSI-X table; or a negative errno
 */
struct fabric_vf {
	char bdf[PLACE_BDF];
	char pf[PLACE_BDF];
	char driver[TREE_NAME];
	int number;
	int group;
	int msix;
};

struct fabric;

/**
 * struct fabric_ops - what a fabric answers: 0 or a negative errno, without a note
 * @pf: what a PF is. -ENODEV: there is no such function; -ENOTTY: it is no PF
 * @vf: what a VF is. Likewise
 * @vf_of: VF @number of a PF. -ENOENT: it has none of that number
 * @holder: the process that has a VF open, or 0
 * @set_probe: whether new VFs are given to drivers
 * @set_count: make so many VFs, or remove all (0)
 * @set_msix: give a VF so many vectors; 0: as many as the device thinks right
 */
struct fabric_ops {
	int (*pf)(struct fabric *fabric, const char *bdf, struct fabric_pf *pf);
	int (*vf)(struct fabric *fabric, const char *bdf, struct fabric_vf *vf);
	int (*vf_of)(struct fabric *fabric, const char *pf, unsigned int number, struct fabric_vf *vf);
	long (*holder)(struct fabric *fabric, const char *vf);
	int (*set_probe)(struct fabric *fabric, const char *pf, bool probe);
	int (*set_count)(struct fabric *fabric, const char *pf, unsigned int count);
	int (*set_msix)(struct fabric *fabric, const char *vf, unsigned int vectors);
};

struct fabric {
	const struct fabric_ops *ops;
};

/** struct fabric_linux - the fabric of a kernel, through its sysfs */
struct fabric_linux {
	struct fabric fabric;
	struct tree tree;
};

/** fabric_linux_init() - of the machine below @tree; needs no end */
void fabric_linux_init(struct fabric_linux *fabric, const struct tree *tree);

#endif
