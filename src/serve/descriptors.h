/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors that clients of one function sent and nobody wanted. Closing some kinds waits for whoever stands behind
 * them (a FUSE server, a lingering TCP socket): those are closed aside, by threads that come and go. Each function has
 * its own, so that who sends too many takes nothing from the clients of others.
 */
#ifndef SERVE_DESCRIPTORS_H
#define SERVE_DESCRIPTORS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct descriptors_entry;

struct descriptors {
	atomic_uint waiting; /* not closed yet */
	pthread_mutex_t lock;
	struct descriptors_entry *first; /* not begun with */
	struct descriptors_entry **last;
	unsigned int closers;
	int64_t moved; /* when a closer last began with one */
	bool orphan;   /* the last closer frees it */
};

struct descriptors *descriptors_create(void);              /* NULL: no memory */
void descriptors_destroy(struct descriptors *descriptors); /* waits for nobody; NULL is allowed */

void descriptors_close(struct descriptors *descriptors, int fd);

#define DESCRIPTORS_MOST 512u

/*
 * So many wait that these clients are not read from for a while, and no more are let in. To leave descriptors in a
 * message, by a receive buffer without room for them, is no way out: the kernel closes them there and then. Ask again:
 * each time there may be one more closer.
 */
bool descriptors_stuck(struct descriptors *descriptors);

#endif
