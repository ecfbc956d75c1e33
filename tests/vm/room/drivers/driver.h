/* SPDX-License-Identifier: BSD-3-Clause */
/* What the drivers share. They know the public client library and nothing else of pcigate. */
#ifndef DRIVER_H
#define DRIVER_H

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pcigate/client.h>

static inline void driver_say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "note: %s\n", note->text);
}

static inline int driver_failed(const char *what, int r)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-r));
	return r;
}

static inline double driver_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#endif
