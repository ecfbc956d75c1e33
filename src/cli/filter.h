/* SPDX-License-Identifier: BSD-3-Clause */
/* The system calls that a server makes, and what becomes of all others. */
#ifndef CLI_FILTER_H
#define CLI_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

#include <pcigate/log.h>

enum filter {
	FILTER_NONE,
	FILTER_LOG,  /* others are made, and the kernel's log says so */
	FILTER_KILL, /* others end the program with SIGSYS */
	NUM_FILTERS,
};

/* What a build does by itself: one that is instrumented makes calls of its own. */
#ifdef PCIGATE_INSTRUMENTED
#define FILTER_DEFAULT FILTER_NONE
#else
#define FILTER_DEFAULT FILTER_KILL
#endif

extern const char *const filter_names[NUM_FILTERS];

/* Return: 0 or -EINVAL. */
int filter_named(const char *name, enum filter *filter);

/*
 * struct filter_needs - what not every server does
 * @child: ends this command of --run; 0: there is none
 * @reopen: opens a function again, for a client that may choose how its memory is mapped
 */
struct filter_needs {
	pid_t child;
	bool reopen;
};

/* For all threads, those to come included. Return: 0 or a negative errno after a note. */
int filter_install(enum filter filter, const struct filter_needs *needs, const struct pcg_log *log);

/* What may be allowed, for documents and tests. NULL after the last. */
const char *filter_call(unsigned int i);
const char *filter_request(unsigned int i); /* of ioctl() */

#endif
