/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "serve/descriptors.h"

/*
 * Kinds whose close() cannot wait. fstat() and fstatfs() would ask a FUSE server and wait themselves; these two are
 * answered by the kernel alone: only memory files have seals, only pipes a pipe size.
 */
static bool descriptors_closes_at_once(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0 || fcntl(fd, F_GETPIPE_SZ) >= 0;
}

/*
 * How many closers there may be at a time; they take next to nothing while they wait. The count is the process's, as
 * descriptors are.
 */
#define DESCRIPTORS_CLOSERS 256

static atomic_uint descriptors_closers;

bool descriptors_stuck(void)
{
	return atomic_load_explicit(&descriptors_closers, memory_order_relaxed) >= DESCRIPTORS_CLOSERS;
}

static void *descriptors_closer(void *arg)
{
	close((int)(intptr_t)arg);
	atomic_fetch_sub(&descriptors_closers, 1);
	return NULL;
}

void descriptors_close(int fd)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = -1;

	if (!descriptors_closes_at_once(fd) && pthread_attr_init(&attributes) == 0) {
		pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		atomic_fetch_add(&descriptors_closers, 1);
		r = pthread_create(&thread, &attributes, descriptors_closer, (void *)(intptr_t)fd);
		if (r != 0)
			atomic_fetch_sub(&descriptors_closers, 1);
		pthread_attr_destroy(&attributes);
	}
	if (r != 0)
		close(fd);
}
