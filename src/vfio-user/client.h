/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the client share; its users include <pcigate/client.h> and nothing else. */
#ifndef VFIO_USER_CLIENT_H
#define VFIO_USER_CLIENT_H

#include <stdarg.h>

#include <pcigate/client.h>

#include "vfio-user/wire.h"

/* The longest message that comes in: the longest header of a payload, and the data. */
#define CLIENT_MESSAGE_MAX (WIRE_HEADER + 4096 + PCG_CLIENT_MAX_DATA)

/* The eventfds that the library made for one index: [0, count), -1 where there is none. */
struct client_vectors {
	int *fds;
	uint32_t count;
};

/*
 * struct pcg_client - one connection
 * @dead: the errno that ended it; 0: alive
 * @busy: a call is under way: its hooks must not start another
 * @fds: descriptors of the message in @buffer, still ours to close; @excess: there were more
 */
struct pcg_client {
	int fd;
	int dead;
	bool busy;
	bool excess;
	uint16_t id;
	uint32_t timeout_ms;
	unsigned int nfds;
	int fds[PCG_CLIENT_MAX_FDS];
	struct pcg_client_limits limits;
	struct pcg_client_memory memory;
	struct pcg_log log;
	struct client_vectors vectors[PCG_NUM_IRQS];
	int event;      /* our eventfd of PCG_FEATURE_EVENT, or -1 */
	char name[112]; /* for notes: the socket */
	uint8_t *buffer;
};

/*
 * struct client_call - one message, with what goes along and what comes back
 * @fds: sent, not consumed
 * @index, @address, @count: what it is about, for notes
 * @answer: a refusal with this errno is an answer, and makes no note; 0: none is
 * @least: bytes that the answer has at least, its header left out
 * @room: how many descriptors the caller takes over from client->fds; the others are closed
 * @reply: the answer, its header left out: valid until the next call
 */
struct client_call {
	uint16_t command;
	uint32_t flags; /* WIRE_NO_REPLY or 0 */
	const void *head;
	size_t head_size;
	const void *data;
	size_t data_size;
	const int *fds;
	unsigned int nfds;
	uint64_t index;
	uint64_t address;
	uint64_t count;
	int answer;
	size_t least;
	unsigned int room;
	const uint8_t *reply;
	size_t reply_size;
};

/* client_call.c: send, and wait for the answer. 0 or a negative errno after a note. */
int client_call(struct pcg_client *client, struct client_call *call);

/* Complain about the answer to a call, or about what the caller wants: a note, and @error back. */
int client_complain(struct pcg_client *client, const struct client_call *call, int error, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void client_drop_fds(struct pcg_client *client);

/* client_stream.c: bytes and descriptors, each with a deadline. Whoever gets an error ends the connection. */
uint64_t client_now(void);                            /* milliseconds */
uint64_t client_deadline(const struct pcg_client *c); /* of a call that begins now */
int client_send(struct pcg_client *client, const struct wire_header *header, const struct client_call *call,
		uint64_t end);
/* A whole message into client->buffer. -EAGAIN: nothing has begun to come, and @end is 0. */
int client_receive(struct pcg_client *client, struct wire_header *header, uint64_t end);
/* @fds[0..n): 0 when one is ready, -ETIMEDOUT */
struct pollfd;
int client_poll(struct pollfd *fds, unsigned int n, uint64_t end);

/* client_serve.c: the message in the buffer asks for memory: answer it. */
int client_answer(struct pcg_client *client, struct wire_header *header, uint64_t end);

/* client.c: the end. A note, once, and -ENOTCONN, -EPROTO or -ETIMEDOUT for the one who found out. */
int client_die(struct pcg_client *client, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Refuse what cannot be asked now: 0, or -ENOTCONN or -EBUSY after a note. */
int client_ready(struct pcg_client *client);
void client_note(const struct pcg_client *client, enum pcg_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* client_feature.c: pcg_client_feature() with descriptors that go along. */
int client_feature(struct pcg_client *client, struct pcg_client_feature *feature, const int *fds, unsigned int nfds);

/* client_pasid.c */
void client_event_close(struct pcg_client *client);

/* client_irqs.c */
void client_vectors_close(struct pcg_client *client, uint32_t index);

#endif
