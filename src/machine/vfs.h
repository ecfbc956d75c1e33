/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs made, removed and given their vectors, on any sriov; every refusal explained. */
#ifndef MACHINE_VFS_H
#define MACHINE_VFS_H

#include "machine/sriov.h"

/** enum vfs_probe - what becomes of new VFs */
enum vfs_probe {
	VFS_PROBE_AS_IS,
	VFS_PROBE_OFF, /* they stay without a driver */
	VFS_PROBE_ON,
};

/** vfs_pf() - a PF. 0; -EINVAL, -ENODEV, -ENOTTY after a note */
int vfs_pf(struct sriov *sriov, const char *bdf, struct sriov_pf *pf, const struct pcg_log *log);

/**
 * vfs_create() - let a PF have @count VFs; 0 removes them
 * @pf: filled in: what it was, and afterwards what it is
 *
 * The kernel changes a number only from 0, so VFs that are there are removed first; not when a process has one open,
 * for the kernel would wait for it.
 *
 * Return: 0; -EBUSY, -ERANGE and whatever the fabric refused with, after a note with the rule and the way out.
 */
int vfs_create(struct sriov *sriov, const char *bdf, unsigned int count, enum vfs_probe probe, struct sriov_pf *pf,
	       const struct pcg_log *log);

/**
 * vfs_msix() - give a VF's MSI-X table @vectors entries; 0: what the device takes by default
 * @vf: filled in: what it is afterwards, its table read back
 *
 * Return: as vfs_create(). A table that came out otherwise is noted and no error: what a vector is, the driver decides.
 */
int vfs_msix(struct sriov *sriov, const char *bdf, unsigned int vectors, struct sriov_vf *vf,
	     const struct pcg_log *log);

#endif
