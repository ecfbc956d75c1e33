/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function behind one socket: who has it, and its way from client to client. A slot is
 *
 *   OPENING   the backend is still being read
 *   READY     nobody has it
 *   GRANTING  it is being made to reach the memory of a client
 *   SERVING   a client has it
 *   CLOSING   the client is gone, the function is being made as if just opened; the next client waits
 *   HELD      the client's process may still reach the function by what it has mapped; others wait
 *   BROKEN    that failed, or never ended: tried again for each client that comes
 */
#ifndef SERVE_SLOT_H
#define SERVE_SLOT_H

#include <pcigate/dma.h>
#include <pcigate/function.h>

#include "serve/holder.h"
#include "serve/irqs.h"
#include "serve/loop.h"
#include "serve/note.h"
#include "serve/peers.h"
#include "serve/server.h"
#include "serve/sockets.h"
#include "serve/trace.h"

struct descriptors;
struct serve_connection;
struct serve_control_job;
struct serve_slot;

/*
 * Where a slot lives.
 * @pool: what the functions of this server share
 * @peers: the processes that have them
 * @leave: the host wants the function of this slot back: destroy it; not called from inside one of its calls
 */
struct slot_home {
	struct serve_loop *loop;
	const struct serve_options *options;
	struct eventfd_signaller *signaller;
	struct pcg_host_pool *pool;
	struct peers *peers;
	void *arg;
	void (*leave)(void *arg, struct serve_slot *slot);
};

enum slot_state {
	SLOT_OPENING,
	SLOT_READY,
	SLOT_GRANTING,
	SLOT_SERVING,
	SLOT_CLOSING,
	SLOT_HELD,
	SLOT_BROKEN,
};

struct serve_slot {
	struct serve_slot *next;
	struct serve_loop *loop;
	const struct serve_options *options;
	char *func;
	struct sockets_file file;
	struct note_limit notes;
	struct pcg_log log;
	struct pcg_host *host;
	void *memory;
	struct pcg_function *function;
	struct pcg_request request; /* opening, granting and closing */
	enum slot_state state;
	unsigned int pause;          /* before what failed is tried again, milliseconds */
	struct serve_timer deadline; /* of the request under way */
	struct serve_watch listener;
	struct serve_timer accept_again;
	struct serve_watch host_watch;
	struct serve_task work;
	struct serve_timer work_again;
	struct serve_connection *connections; /* newest first */
	struct serve_connection *spare;       /* its memory, for the next one */
	unsigned int silent;                  /* how many have said nothing useful yet */
	unsigned int everybody;
	struct serve_connection *client;
	struct serve_control_job *job;  /* reads the function for a control client; messages wait */
	struct serve_control_job *jobs; /* wait for it to be idle */
	struct irqs irqs;
	struct descriptors *aside; /* closes what clients sent in vain */
	struct pcg_dma *dma;
	uint64_t peer;      /* its number in home->peers; 0: none */
	uint32_t max_files; /* of its memory, that the client may have open here */
	struct trace *trace;
	struct holder holder;
	struct serve_watch holder_watch;
	struct serve_task leave; /* the host wants the function back */
	const struct slot_home *home;
	bool failed; /* it could not be opened */
	bool single; /* a connected socket: the server ends with it */
};

/* Silent connections per socket; the oldest goes when one more comes. */
#define SLOT_SILENT 8
/* Connections per socket altogether: those that are being refused take room too. */
#define SLOT_CONNECTIONS 32

/* @home stays the caller's and must outlive the slot; @label: notes begin with @func. */
int serve_slot_create(struct serve_slot **slot, const char *func, const struct slot_home *home,
		      const struct pcg_log *log, bool label);
void serve_slot_destroy(struct serve_slot *slot);

/* Return: 0 or a negative errno. @fd is the slot's from now on. */
int serve_slot_listen(struct serve_slot *slot, int fd);
int serve_slot_connected(struct serve_slot *slot, int fd);

/*
 * A client that has agreed on a version wants the function.
 * Return: PCG_DONE; PCG_PENDING, serve_connection_granted() follows; -EBUSY; what making it ready ended with.
 */
int serve_slot_claim(struct serve_slot *slot, struct serve_connection *connection);

/* The client, or one that waits for the function, is gone. */
void serve_slot_release(struct serve_slot *slot, struct serve_connection *connection);

/*
 * May the client have the descriptor of a region? What shows the function itself only a process whose end will be seen.
 */
bool serve_slot_lends(struct serve_slot *slot);

/* The function does not answer: give up on it, the request under way is dropped. */
void serve_slot_give_up(struct serve_slot *slot, const char *what);

/* Nothing is asked of the function now, and it can be. */
bool serve_slot_idle(const struct serve_slot *slot);

/* No control client reads any more: what waited for that goes on. */
void serve_slot_unread(struct serve_slot *slot);

/* A control client reads: messages wait. */
static inline bool serve_slot_busy(const struct serve_slot *slot)
{
	return slot->job != NULL;
}

#endif
