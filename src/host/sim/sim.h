/* SPDX-License-Identifier: BSD-3-Clause */
/* Simulated functions: "sim:MODEL[,option=value…]". */
#ifndef HOST_SIM_SIM_H
#define HOST_SIM_SIM_H

#include <pcigate/host.h>

/* What --help shows for this backend, one line a model, NULL past the last. */
const char *sim_help(unsigned int n);

/* Open the function that @text, what follows "sim:", names; as pcg_host_create_in(). */
int sim_create_in(struct pcg_host **host, const char *text, struct pcg_host_pool *pool, const struct pcg_log *log);

/* Alone. */
int sim_create(struct pcg_host **host, const char *text, const struct pcg_log *log);

#endif
