/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which clients are one process: for backends whose hardware cannot keep functions apart (struct pcg_dma_client). A
 * process is known by its pidfd, so that one that has ended is never taken for another one with its pid.
 */
#ifndef SERVE_PEERS_H
#define SERVE_PEERS_H

#include <pcigate/dma.h>

struct peer;

struct peers {
	struct peer *list;
	uint64_t last; /* number given */
};

/* The process at the other end of @socket. Where it cannot be told from others @client says that nobody knows. */
void peers_take(struct peers *peers, int socket, struct pcg_dma_client *client);

/* One taken before is not used any more; number 0 is allowed. */
void peers_drop(struct peers *peers, uint64_t number);

#endif
