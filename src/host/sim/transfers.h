/* SPDX-License-Identifier: BSD-3-Clause */
/* Transfers that an operator's command made a function begin, and that wait for a client's memory. */
#ifndef HOST_SIM_TRANSFERS_H
#define HOST_SIM_TRANSFERS_H

#include "host/fabric/fabric.h"

/** SIM_TRANSFERS - the most of one fabric */
#define SIM_TRANSFERS 16u

/** SIM_TRANSFER_MOST - bytes of one */
#define SIM_TRANSFER_MOST 65536u

struct sim_transfer;

/** struct sim_transfers - zeroed: none. Whoever takes a function's memory away, or the function, drops them before */
struct sim_transfers {
	struct sim_transfer *first;
	unsigned int count;
};

/**
 * sim_transfer_begin() - @wish says who, where and how much; what is written is a pattern
 * @wish: @status and @moved are set when it is over
 * @data: set to what was read, for a transfer that is over; else NULL. To be freed
 * @log: told how it ends when it could not at once; outlives it
 *
 * Return: as fabric_dma(); PCG_PENDING: it ends by itself. -ENOMEM; -EBUSY: there are SIM_TRANSFERS.
 */
int sim_transfer_begin(struct sim_transfers *transfers, struct fabric_dma *wish, uint8_t **data,
		       const struct pcg_log *log);

/** sim_transfers_drop() - those of @f, or with NULL all, are given up */
void sim_transfers_drop(struct sim_transfers *transfers, const struct fabric_function *f);

/** sim_transfer_status() - how a request ended, as the specification calls it */
const char *sim_transfer_status(enum tlp_status status);

#endif
