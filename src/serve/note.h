/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log hook in front of another one, for notes that a client can cause: a handful at once, then one now and then, so
 * that nobody fills a disk by sending nonsense. What was left out is counted and told with the next one.
 */
#ifndef SERVE_NOTE_H
#define SERVE_NOTE_H

#include <pcigate/log.h>

#define NOTE_BURST   32
#define NOTE_SECONDS 10 /* one more note each so many seconds */

struct note_limit {
	struct pcg_log inner;
	const char *label; /* put in front; NULL: nothing */
	unsigned int left;
	unsigned long dropped;
	int64_t refilled;
};

/* Returns the hook to hand on; @limit stays where it is. */
struct pcg_log note_limit_init(struct note_limit *limit, const struct pcg_log *inner, const char *label);

#endif
