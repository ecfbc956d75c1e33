/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many functions of one server, with a client each: what one more costs, and whether the last client is served like the
 * first, whatever the others do.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "bench.h"

#define CROWD_MOST 1000u

struct footprint {
	long anonymous;   /* memory of the server alone, kB */
	long descriptors; /* -1: not known */
};

/**
 * struct crowd - a server and its clients
 * @first_ms, @last_ms: from its start until its first and its last socket could be connected to
 * @half_ms: the same for the one in the middle
 * @connect_ms: for all clients to have agreed on a version
 * @events: an eventfd for vector 0 of each; @file: the memory that all of them map
 */
struct crowd {
	struct process process;
	char folder[64];
	unsigned int count;
	double first_ms;
	double half_ms;
	double last_ms;
	double connect_ms;
	struct footprint idle;
	struct footprint connected;
	struct footprint working;
	struct target *clients;
	int *events;
	int file;
	char why[320];
};

/* What the others do while one is measured. */
enum load {
	LOAD_NONE,
	LOAD_ONE, /* one of them posts writes as fast as it can */
	LOAD_ALL, /* each of them always has a read under way */
	LOADS,
};

/* crowd.c. 0 or -1 with @why. */
int crowd_start(struct crowd *crowd, const char *program, unsigned int count, int cpu);
int crowd_connect(struct crowd *crowd);
int crowd_work(struct crowd *crowd); /* maps memory, sets up an interrupt, lets each function write once */
void crowd_stop(struct crowd *crowd);

/* load.c: clients 1 to count - 2 are busy, by a process of its own on @cpu. */
int load_start(struct crowd *crowd, enum load load, int cpu);
void load_stop(void);

/* What is measured; the last row is the dearest. */
#define CROWD_ROWS 4u
#define CROWD_MAP  0x100000u
extern const char *const crowd_names[CROWD_ROWS];
void crowd_row(struct target *target, unsigned int row, int event);

#endif
