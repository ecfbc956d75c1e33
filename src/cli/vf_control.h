/* SPDX-License-Identifier: BSD-3-Clause */
/* The fabric of a running server as what makes VFs, over its control socket. */
#ifndef CLI_VF_CONTROL_H
#define CLI_VF_CONTROL_H

#include "machine/sriov.h"

/**
 * struct vf_control - filled in by vf_control_init()
 * @pf: of which @vfs are the VFs, @count of them
 */
struct vf_control {
	struct sriov sriov;
	char path[256];
	unsigned int number;
	struct sriov_pf pf;
	struct sriov_vf *vfs;
	long *holders;
	unsigned int count;
	unsigned int room;
	bool has_pf;
	bool no_memory;
};

/**
 * vf_control_init() - of the server behind @where: "CONTROL" or "CONTROL@N"
 *
 * Return: CLI_DONE; how the verb ends, after a line on stderr. vf_control_finish() in any case.
 */
int vf_control_init(struct vf_control *control, const char *where);
void vf_control_finish(struct vf_control *control);

#endif
