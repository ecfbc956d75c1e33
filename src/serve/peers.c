/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "serve/holder.h"
#include "serve/peers.h"

struct peer {
	struct peer *next;
	struct holder process;
	uint64_t number;
	unsigned int users;
};

static struct peer *peer_create(struct peers *peers, const struct holder *process)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (peer == NULL)
		return NULL;
	peer->process = *process;
	peer->number = ++peers->last;
	peer->next = peers->list;
	peers->list = peer;
	return peer;
}

/* Two that live have two pids. */
static struct peer *peer_find(const struct peers *peers, const struct holder *process)
{
	struct peer *peer = peers->list;

	while (peer != NULL && (peer->process.pid != process->pid || !holder_lives(&peer->process)))
		peer = peer->next;
	return peer;
}

void peers_take(struct peers *peers, int socket, struct pcg_dma_client *client)
{
	struct holder process = { .pidfd = -1 };
	struct peer *peer = NULL;

	*client = (struct pcg_dma_client){ 0 };
	/* The connection of a process that has ended may be another one's by now, and its pid, too. */
	if (holder_take(&process, socket) == 0 && process.sure) {
		peer = peer_find(peers, &process);
		if (peer == NULL) {
			peer = peer_create(peers, &process);
			if (peer != NULL)
				process.pidfd = -1;
		}
	}
	client->pid = process.pid;
	if (peer != NULL) {
		peer->users++;
		client->number = peer->number;
	}
	holder_drop(&process);
}

void peers_drop(struct peers *peers, uint64_t number)
{
	struct peer **p = &peers->list, *peer;

	while (*p != NULL && (*p)->number != number)
		p = &(*p)->next;
	peer = *p;
	if (peer == NULL || --peer->users > 0)
		return;
	*p = peer->next;
	holder_drop(&peer->process);
	free(peer);
}
