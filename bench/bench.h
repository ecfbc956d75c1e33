/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a message costs: the same client, in turn, against a bare socket pair (the floor) and against `pcigate serve`,
 * all three processes on one CPU. Every figure that counts is a ratio of neighbours in time.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_MESSAGE     512u /* longest message sent or expected */
#define BENCH_REPETITIONS 32u  /* the most */
#define BENCH_IN_FLIGHT   16u
#define BENCH_WAIT_S      10 /* for any answer */

struct bench_options {
	const char *program; /* the server */
	const char *func;
	const char *json; /* a file, "-", or NULL */
	const char *only; /* rows with this in their name; NULL: all */
	int cpu;
	bool quick;
	unsigned int repetitions;
	unsigned int phase_ms; /* one side of one repetition */
	uint32_t maps;         /* how many to try */
};

/* --- exchange.c: one message and its answer --- */

struct exchange {
	uint8_t request[BENCH_MESSAGE];
	uint8_t reply[BENCH_MESSAGE];
	size_t request_size;
	size_t reply_size; /* what is expected; 0: none */
	int fd;            /* goes along; -1: none */
};

/* Whom we talk to. A bare one answers with as many bytes as it was asked for, and nothing in them. */
struct target {
	int fd;
	bool bare;
	int event; /* an eventfd to be signalled before the answer comes; -1: none */
	struct exchange steps[2];
	unsigned int nsteps;
	char why[160]; /* what went wrong */
};

void exchange_build(struct exchange *x, uint16_t command, uint32_t flags, const void *body, size_t size,
		    size_t reply_body);
void exchange_access(struct exchange *x, uint16_t command, uint32_t flags, uint32_t region, uint64_t offset,
		     uint32_t count, uint32_t value);
/* SET_IRQS for MSI-X vector 0, the trigger; @fd: -1 for none. */
void exchange_irqs(struct exchange *x, uint32_t flags, int fd);
/* @size bytes that may be read and written; @file: -1: without a descriptor. */
void exchange_map(struct exchange *x, uint64_t iova, uint64_t offset, uint64_t size, int file);
/* The same sizes, for a bare target. */
void exchange_bare(struct exchange *bare, const struct exchange *x);

/* All of these return 0 or -1 with @target->why. */
int exchange_send(struct target *target, const struct exchange *x);
int exchange_receive(struct target *target, struct exchange *x);
int exchange_check(struct target *target, const struct exchange *x, const uint8_t *reply, size_t size);
int exchange_once(struct target *target, struct exchange *x);
int target_connect(struct target *target, const char *path);
int target_version(struct target *target, struct exchange *x); /* @x: learns the length of the answer */
void target_close(struct target *target);
int target_failed(struct target *target, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- phase.c: one side of one repetition --- */

/* Times of single operations, in nanoseconds. */
struct samples {
	uint32_t *ns;
	size_t count;
	size_t room;
	uint64_t sum; /* of all, those there was no room for included */
	uint64_t all;
};

struct phase {
	double rate; /* per second */
	double p50;  /* microseconds; 0: not measured */
	double p99;
};

uint64_t phase_now(void);
int samples_init(struct samples *samples);
void samples_finish(struct samples *samples);

/* Changes the request of step @step before it is sent and timed. */
typedef void phase_prepare(void *arg, struct target *target, unsigned int step);

/* Steps one after the other, each one waited for; each is timed into a phase of its own if @split. */
int phase_sequence(struct target *target, unsigned int ms, struct samples samples[2], bool split,
		   phase_prepare *prepare, void *arg, struct phase phases[2]);
int phase_pipeline(struct target *target, unsigned int ms, struct samples *samples, struct phase *phase);
int phase_posted(struct target *target, unsigned int ms, struct phase *phase); /* step 0 posted, step 1 waited */
int phase_connect(struct target *target, const char *path, unsigned int ms, struct samples *samples,
		  struct phase *phase);

/* --- process.c: the other two processes --- */

struct process {
	pid_t pid;
	int fd;         /* the bare pair's other end, or -1 */
	char path[108]; /* where it listens */
	char log[108];
};

int process_pin(int cpu);
void process_session(void);                /* apart from whatever else the machine does */
void process_child(int cpu, pid_t parent); /* what each of them begins with */
int process_floor(struct process *process, const char *folder, int cpu);
int process_server(struct process *process, const char *folder, const struct bench_options *options);
void process_stop(struct process *process);
long process_memory(const struct process *process, const char *key); /* VmRSS: or RssAnon:, in kB, or -1 */
void process_tell(const struct process *process);                    /* what it wrote, to stderr */

/* --- the rows --- */

/* What libvfio-user did, on another machine on another day, and the floor that was measured beside it. */
struct reference {
	double rate;
	double floor;
	bool free; /* not pinned to one CPU */
};

#define REFERENCE_FLOOR 185000.0 /* epoll_wait + recv + send, pinned */
#define REFERENCE_FREE  92400.0

struct row {
	char name[48];
	struct reference reference; /* rate 0: none */
	unsigned int repetitions;
	struct phase floor[BENCH_REPETITIONS];
	struct phase plain[BENCH_REPETITIONS]; /* a ping-pong of a config read's sizes */
	struct phase ours[BENCH_REPETITIONS];
	bool failed;
	char why[192];
};

struct level {
	bool files; /* a descriptor with every map */
	uint32_t wanted;
	uint32_t live;
	int error;         /* why there are not more; 0: not wanted */
	double fill;       /* maps a second, BENCH_IN_FLIGHT in flight */
	long resident;     /* kB */
	double hang_up_ms; /* from close() until the next client has its INFO */
	struct row map;
	struct row unmap;
	bool failed;
	char why[192];
};

#define BENCH_ROWS   16u
#define BENCH_LEVELS 8u

struct bench {
	struct bench_options options;
	struct process floor;
	struct process server;
	struct samples samples[2];
	struct row rows[BENCH_ROWS];
	unsigned int nrows;
	struct level levels[BENCH_LEVELS];
	unsigned int nlevels;
	long resident; /* at rest, kB */
	uint64_t began;
	double seconds;
};

void bench_messages(struct bench *bench); /* messages.c */
void bench_dma(struct bench *bench);      /* maps.c */
void bench_plain(struct target *target, const struct bench *bench);
void row_failed(struct row *row, const char *why);

/* --- report.c --- */

void report_text(const struct bench *bench);
int report_json(const struct bench *bench);
unsigned int report_failures(const struct bench *bench);

#endif
