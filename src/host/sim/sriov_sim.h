/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The simulated fabrics of a process as what makes VFs (machine/sriov.h): `pcigate vf` asks the process that has them.
 * Functions go by NAME, NAME.vfN or address; the domain of an address says which of the process' fabrics is meant.
 */
#ifndef HOST_SIM_SRIOV_SIM_H
#define HOST_SIM_SRIOV_SIM_H

#include <pcigate/host.h>

#include "machine/sriov.h"

struct sim_fabric;

/** struct sriov_sim - @only: NULL: all of @pool */
struct sriov_sim {
	struct sriov sriov;
	struct pcg_host_pool *pool;
	struct sim_fabric *only;
};

/** sriov_sim_init() - of @pool's fabrics, which outlives it; needs no end */
void sriov_sim_init(struct sriov_sim *sriov, struct pcg_host_pool *pool);

/** sriov_sim_of() - of one fabric, which outlives it; needs no end */
void sriov_sim_of(struct sriov_sim *sriov, struct sim_fabric *fabric);

#endif
