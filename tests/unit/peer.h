/* SPDX-License-Identifier: BSD-3-Clause */
/* The other end of a client: a server that plays a script, in a thread of its own. */
#ifndef PEER_H
#define PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcigate/client.h>

#include "vfio-user/wire.h"

#define PEER_BODY 4096u
#define PEER_SEEN 64u

/* One message as it came. Bodies longer than PEER_BODY are cut here. */
struct peer_message {
	struct wire_header header;
	uint8_t body[PEER_BODY];
	size_t size; /* of the whole body */
	unsigned int nfds;
	int fds[WIRE_FDS_LIMIT];
};

struct peer;

/* Plays one step: what to do about @message. NULL in a script ends the connection. */
typedef void (*peer_step)(struct peer *peer, const struct peer_message *message);

/*
 * struct peer - the server
 * @json: what VERSION is answered with; NULL: the script plays VERSION too
 * @steps, @nsteps: the script, a message a step; what comes after it is answered by peer_device()
 * @config, @bar0: what peer_device() reads and writes
 * @log: of the client; @notes, @note: how many it wrote, and the last
 */
struct peer {
	const char *json;
	const peer_step *steps;
	unsigned int nsteps;
	const void *arg; /* for steps, as @narg */
	unsigned int narg;
	uint8_t config[PCG_CONFIG_EXTENDED];
	uint8_t bar0[PCG_CONFIG_EXTENDED];
	struct peer_message seen[PEER_SEEN];
	unsigned int nseen;
	int fd;
	int client_fd;
	pthread_t thread;
	struct pcg_log log;
	unsigned int notes;
	char note[512];
};

/* Starts it and connects; 0 or what pcg_client_create_fd() said. @timeout_ms as there. */
int peer_start(struct peer *peer, struct pcg_client **client, uint32_t timeout_ms);
/* Ends both, and closes what came along. Afterwards @seen may be looked at. */
void peer_stop(struct peer *peer, struct pcg_client *client);

/* For steps. */
void peer_receive(struct peer *peer, struct peer_message *message);
void peer_send(struct peer *peer, struct wire_header header, const void *body, size_t size, const int *fds,
	       unsigned int nfds);
void peer_reply(struct peer *peer, const struct peer_message *message, const void *body, size_t size);
void peer_refuse(struct peer *peer, const struct peer_message *message, uint32_t error);

/* Regions out of memory; everything else is done without a word. */
void peer_device(struct peer *peer, const struct peer_message *message);
/* Says nothing at all. */
void peer_silent(struct peer *peer, const struct peer_message *message);

/* The lowest number that a new descriptor would get: the same again when nothing was left open. */
int peer_lowest_fd(void);

#endif
