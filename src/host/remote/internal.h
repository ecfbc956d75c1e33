/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a function behind another vfio-user server. */
#ifndef HOST_REMOTE_INTERNAL_H
#define HOST_REMOTE_INTERNAL_H

#include <stddef.h>

#include <pcigate/dma.h>
#include <pcigate/function.h>
#include <pcigate/host.h>

#include "dma/maps.h"
#include "host/remote/link.h"
#include "host/remote/settings.h"
#include "vfio-user/version.h"

struct remote;
struct remote_request;

/* Calls that can be without an answer at a time; a power of two. */
#define REMOTE_CALLS 4096u

/* The most that is looked at of a region's information. */
#define REMOTE_REGION_INFO 8192u

/* What becomes of an answer. */
enum remote_call_kind {
	CALL_FREE,
	CALL_OPEN,
	CALL_JOB,
	CALL_IRQS,     /* only a refusal is told of */
	CALL_QUIET,    /* whatever it is */
	CALL_DOUBT,    /* whether ERR and REQ are what they say */
	CALL_GIVEN_UP, /* nobody wants it any more */
};

struct remote_call {
	uint16_t id;
	uint8_t command;
	uint8_t kind;
};

/*
 * One step of a job: @reply is the answer to the call that the last one made, NULL at the beginning and after a wait.
 * Return: PCG_PENDING when it made a call or set a time; PCG_DONE or a negative errno at the end.
 */
typedef int (*remote_step)(struct remote *r, const struct link_in *reply);

/* What an op wants. There is one at a time, and nothing of it is touched after it was given up. */
struct remote_job {
	struct pcg_op *op;
	remote_step step; /* NULL: there is no job */
	bool as_bus;      /* without a server it is done: what is read is all ones */
	unsigned int stage;
	unsigned int region;
	uint64_t offset;
	size_t length;
	size_t moved;
	size_t piece;  /* asked for now */
	uint8_t *data; /* for a read; NULL: into @bytes and @value */
	const uint8_t *source;
	uint8_t bytes[4];
	uint32_t *value;
	uint8_t be; /* bytes of a register still to be written */
	enum pcg_power power;
	struct pcg_dma_range range;
	int64_t until; /* when to go on, in milliseconds; 0: with the answer */
};

/* A region as the server describes it. */
struct remote_region {
	uint64_t size;
	uint32_t flags;
	uint64_t offset;
	unsigned int nareas;
	struct {
		uint64_t offset;
		uint64_t size;
	} areas[PCG_MAX_AREAS];
};

/* What the server says of its function. */
struct remote_facts {
	bool reset;
	uint32_t nregions;
	uint32_t nirqs;
	struct remote_region regions[PCG_NUM_REGIONS];
	uint32_t irqs[PCG_NUM_IRQS];
	uint16_t config_size;
	uint8_t config[PCG_CONFIG_EXTENDED];
};

/* Getting to know a server: after a connect, the answers one by one. */
struct remote_open {
	bool on;
	int (*step)(struct remote *r, const struct link_in *reply);
	uint32_t index;
	uint32_t argsz;
	uint16_t at;
	uint8_t bytes[PCG_NUM_BARS * 4]; /* addresses */
	int64_t until;                   /* when to try again; 0: with the answer */
	struct remote_facts facts;
	int fds[PCG_NUM_REGIONS]; /* -1: none */
};

/* The client's interrupts. Only one of INTx, MSI and MSI-X is on at a time. */
struct remote_irqs {
	bool on;
	bool told;     /* that one was refused */
	bool doubtful; /* ERR and REQ: whether they are is being found out */
	bool heard;    /* meanwhile */
	bool confused; /* they are not */
	enum pcg_irq_index index;
	uint16_t control;         /* MSI's or MSI-X's, as the server has it */
	int fds[PCG_MSIX_MAX];    /* the client's; -1: none */
	int parked[PCG_MSIX_MAX]; /* ours, for vectors that are or were masked; -1: none */
	int own[PCG_NUM_IRQS];    /* ours, for ERR and REQ */
};

struct remote {
	struct pcg_host host;
	struct remote_settings settings;
	bool trusted; /* clients may map what cannot be taken back */
	int poll;
	bool watched; /* the socket, for room to write */
	struct remote_link link;
	uint16_t id;
	unsigned int given_up;
	struct remote_call calls[REMOTE_CALLS];
	struct version limits;
	size_t piece; /* the most data in one message to the server */
	struct remote_open open;
	struct remote_job job;
	bool known;  /* the facts are those of the first time */
	bool closed; /* the function is as new, and nobody has it */
	struct remote_facts facts;
	uint16_t pm; /* capabilities of the function, 0: none */
	uint16_t msi;
	uint16_t msix;
	struct remote_irqs irqs;
	struct pcg_dma *dma;
	struct remote_request *requests;
	unsigned int nrequests;
	struct dma_maps maps;
};

static inline struct remote *remote_of(struct pcg_host *host)
{
	return (struct remote *)(void *)((char *)host - offsetof(struct remote, host));
}

/* The server can be asked. */
static inline bool remote_there(const struct remote *r)
{
	return r->link.fd >= 0 && r->link.error == 0 && !r->open.on;
}

/* What epoll gives back: parked vectors count from 0. */
enum remote_tag {
	TAG_SOCKET = 1u << 16,
	TAG_OWN, /* and PCG_IRQ_ERR or PCG_IRQ_REQ */
};

/* calls.c */
int64_t remote_now(void); /* milliseconds */
void remote_note(const struct remote *r, enum pcg_level level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void remote_wake(struct remote *r);
/* @message->header has the command; its id is given here. */
void remote_call(struct remote *r, enum remote_call_kind kind, struct link_message *message);
void remote_answered(struct remote *r, const struct link_in *in);
void remote_give_up(struct remote *r, enum remote_call_kind kind);
/* 0, or the negative errno of a refusal */
int remote_refusal(const struct link_in *reply);
int remote_ask_read(struct remote *r, enum remote_call_kind kind, unsigned int region, uint64_t offset, size_t length);
/* Whether @reply is to that. Fails the link where it is not. */
bool remote_was_read(struct remote *r, const struct link_in *reply, size_t length);
int remote_ask_write(struct remote *r, enum remote_call_kind kind, unsigned int region, uint64_t offset,
		     const void *data, size_t length);
int remote_job_start(struct remote *r, struct pcg_op *op, const struct remote_job *job);
void remote_job_go_on(struct remote *r, const struct link_in *reply);
void remote_job_end(struct remote *r, int result);

/*
 * open.c: connect, get to know it. Return: PCG_PENDING: @open.on until it is over, which remote_opened() is told; or a
 * negative errno after a note.
 */
int remote_open_start(struct remote *r);
void remote_open_go_on(struct remote *r, const struct link_in *reply);
void remote_open_stop(struct remote *r, int result);
void remote_opened(struct remote *r, int result);
void remote_hang_up(struct remote *r);
int remote_watch(struct remote *r, int fd, uint32_t events, uint32_t tag);

/* facts.c: what the answers say. Return: 0 or a negative errno after a note. */
int facts_region(struct remote *r, struct remote_region *region, const struct link_in *reply);
int facts_learn(struct remote *r);
int facts_same(struct remote *r);
/* Addresses for base address registers that have none. Return: whether there are any to be written. */
bool facts_place(struct remote *r);

/* irqs.c */
int remote_irqs_init(struct remote *r);
void remote_irqs_finish(struct remote *r);
void remote_irqs_begin(struct remote *r);  /* with a new server */
void remote_irqs_settle(struct remote *r); /* an answer to CALL_DOUBT */
void remote_irqs_forget(struct remote *r);
void remote_irqs_again(struct remote *r); /* after what the function forgets them by */
void remote_irqs_came(struct remote *r, uint32_t tag);
int remote_irq_route(struct pcg_host *host, enum pcg_irq_index index, unsigned int start, unsigned int count,
		     const int *fds);
int remote_irq_mask(struct pcg_host *host, enum pcg_irq_index index, unsigned int vector, bool masked);

/* dma.c */
int remote_dma(struct pcg_host *host, struct pcg_dma *dma, struct pcg_op *op);
int remote_dma_map(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op);
int remote_dma_unmap(struct pcg_host *host, const struct pcg_dma_range *range, struct pcg_op *op);
void remote_asked(struct remote *r, const struct link_in *in); /* by the server */
void remote_requests_end(struct remote *r, bool answer);

#endif
