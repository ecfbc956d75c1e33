/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of the pool. */
#ifndef HOST_SIM_POOL_INTERNAL_H
#define HOST_SIM_POOL_INTERNAL_H

#include "host/sim/pool.h"

/** struct sim_token - token=, as it was given */
struct sim_token {
	bool given;
	uint8_t bytes[16];
};

/* pool_root.c: the root complex of a fabric; its arg is the struct sim_fabric. */
extern const struct fabric_root_ops sim_root_ops;
void sim_root_finish(struct sim_fabric *shared);
void sim_root_watch(void *arg, uint16_t bdf, const struct pcg_fault *fault, uint64_t untold);

/* pool_token.c: who may have a PF, or a VF of it, together with others. */
int sim_token_parse(struct sim_token *token, const char *text, const struct pcg_log *log);
int sim_token_open(struct sim_fabric *shared, const struct fabric_function *f, const struct sim_token *token,
		   const struct pcg_log *log);
void sim_token_left(struct sim_fabric *shared, const struct fabric_function *f);

/* pool_peers.c: @f is about to be somebody's: says, once a fabric, where it and what others have are not kept apart. */
void sim_peers_note(struct sim_fabric *shared, const struct fabric_function *f, const struct pcg_log *log);

/* pool.c: the record of a PF, or of a VF's PF; NULL: it has no VFs. */
struct sim_physical *sim_physical_of(const struct sim_fabric *shared, const struct fabric_function *f);

/* names.c: what a function is called: "nic", "nic.vf3". */
void sim_name(const struct fabric_function *f, char *name, size_t size);

#endif
