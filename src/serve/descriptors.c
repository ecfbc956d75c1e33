/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <pthread.h>
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

static void *descriptors_closer(void *arg)
{
	close((int)(intptr_t)arg);
	return NULL;
}

void descriptors_close(int fd)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = -1;

	if (!descriptors_closes_at_once(fd) && pthread_attr_init(&attributes) == 0) {
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		r = pthread_create(&thread, &attributes, descriptors_closer, (void *)(intptr_t)fd);
		pthread_attr_destroy(&attributes);
	}
	if (r != 0)
		close(fd);
}
