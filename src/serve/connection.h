/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of one function, as a state machine that never waits: it is fed what arrives, and what it cannot answer
 * yet is kept, in order, within bounds.
 */
#ifndef SERVE_CONNECTION_H
#define SERVE_CONNECTION_H

#include <pcigate/function.h>

#include "serve/messages.h"
#include "serve/output.h"
#include "serve/slot.h"
#include "serve/stream.h"
#include "serve/waiting.h"
#include "vfio-user/version.h"

enum connection_state {
	CONNECTION_SILENT, /* has not agreed on a version */
	CONNECTION_HELD,   /* has, and waits for the function */
	CONNECTION_SERVED,
	CONNECTION_ENDING, /* the last answer is being sent */
	CONNECTION_DEAD,   /* about to be freed */
};

#define CONNECTION_DATA    65536u
#define CONNECTION_FEATURE 160u /* the longest feature that is set, its head included */
/* Where the data of a region access stand in a reply. */
#define CONNECTION_HEAD (WIRE_HEADER + WIRE_ACCESS_SIZE)

struct serve_connection {
	struct serve_slot *slot;
	struct serve_connection *next;
	struct serve_watch watch;
	struct serve_timer timer; /* for VERSION, for the function, for the last answer; served: to read again */
	struct serve_task task;   /* to go on, or to be freed */
	enum connection_state state;
	int64_t until; /* it has said VERSION, or is dropped; serve_now()'s time */
	bool paused;   /* once */
	bool drained;  /* the client closed, and everything it sent was read */
	bool unread;   /* others have their turn: @task goes on, and then there may be more to read */
	struct stream stream;
	struct output output;
	struct messages messages;
	int event; /* eventfd of PCG_FEATURE_EVENT, or -1 */

	/* The command under way, while @blocked; those behind it wait. */
	bool blocked;
	struct pcg_request request;
	struct wire_header header;
	struct wire_access access;
	struct pcg_dma_range range;
	uint8_t unmap[WIRE_DMA_UNMAP_SIZE]; /* the body, to be sent back */
	uint8_t feature[CONNECTION_FEATURE];
	uint32_t feature_size;
	struct pcg_space space;
	uint8_t *large; /* the same for more bytes, while one is under way */
	uint8_t *multi; /* entries of a REGION_WRITE_MULTI under way */
	bool yielded;   /* it goes on when others have had their turn; nothing is asked of the function meanwhile */
	uint64_t multi_count;
	uint64_t multi_at;
	unsigned long dropped_writes;

	struct waiting waiting;

	uint8_t reply[CONNECTION_HEAD + CONNECTION_DATA];
	uint8_t buffer[STREAM_BUFFER];
};

#define CONNECTION_NEGOTIATION_MS 5000
#define CONNECTION_LINGER_MS      1000
#define CONNECTION_PAUSE_MS       100
/* Messages that are carried out before other connections have their turn, and entries of one, which take less. */
#define CONNECTION_SHARE   16u
#define CONNECTION_ENTRIES 64u
/* Shares that one who hung up gets at once: more than a socket holds. */
#define CONNECTION_EXHAUST 4096u

int serve_connection_create(struct serve_slot *slot, int fd); /* @fd is closed on failure too */
void serve_connection_destroy(struct serve_connection *connection);

/* The function is the client's (0), or cannot be had. */
void serve_connection_granted(struct serve_connection *connection, int result);

/* Stop at once; it is freed when the loop comes round. */
void serve_connection_drop(struct serve_connection *connection);

/* The client has hung up: what it sent before is carried out now, as far as nothing has to be waited for. */
void serve_connection_exhaust(struct serve_connection *connection);

/* Look again at what waits, when the loop comes round. */
void serve_connection_continue(struct serve_connection *connection);

/* The request under way ended: answers, and goes on. */
void serve_connection_finish(struct serve_connection *connection, int result);

/* Answers, for the handlers of commands; they observe NO_REPLY. */
void serve_connection_reply(struct serve_connection *c, const struct wire_header *header, const void *body, size_t size,
			    int fd);
void serve_connection_error(struct serve_connection *c, const struct wire_header *header, int error);

/*
 * A handler answers with serve_connection_reply() and returns 0, or returns PCG_PENDING and answers later, or
 * returns a negative errno, which is then the answer.
 */
typedef int connection_handler(struct serve_connection *c, struct stream_message *message);

connection_handler serve_info; /* info.c */
connection_handler serve_region_info;
connection_handler serve_irq_info;
connection_handler serve_set_irqs;
connection_handler serve_dma_map; /* dma.c */
connection_handler serve_dma_unmap;
connection_handler serve_region_read; /* access.c */
connection_handler serve_region_write;
connection_handler serve_write_multi;
connection_handler serve_reset;
connection_handler serve_feature; /* feature.c */
connection_handler serve_version; /* connection.c */

/* dma.c: the same. Return: 0 or a negative errno to answer with. */
int serve_dma_map_finish(struct serve_connection *c, int result);
int serve_dma_unmap_finish(struct serve_connection *c, int result);
int serve_feature_finish(struct serve_connection *c, int result); /* feature.c */

/* feature_pasid.c: there may be a record or a page request to be taken: the client's eventfd is signalled. */
void serve_feature_event(struct serve_connection *c);

/* access.c: the request under way ended with @result. Return: as a handler. */
int serve_access_finish(struct serve_connection *c, int result);
int serve_access_resume(struct serve_connection *c); /* of one that has yielded */

#endif
