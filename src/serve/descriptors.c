/* SPDX-License-Identifier: BSD-3-Clause */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "serve/descriptors.h"
#include "serve/loop.h"

/* One closer does for all, as long as none waits this long for somebody: then there is another, up to so many. */
#define DESCRIPTORS_PATIENCE_NS 100000000
#define DESCRIPTORS_CLOSERS     64

struct descriptors_entry {
	struct descriptors_entry *next;
	int fd;
};

/*
 * Kinds whose close() cannot wait. fstat() and fstatfs() would ask a FUSE server and wait themselves; these two are
 * answered by the kernel alone: only memory files have seals, only pipes a pipe size.
 */
static bool descriptors_closes_at_once(int fd)
{
	return fcntl(fd, F_GET_SEALS) >= 0 || fcntl(fd, F_GETPIPE_SZ) >= 0;
}

struct descriptors *descriptors_create(void)
{
	struct descriptors *d = calloc(1, sizeof(*d));

	if (d == NULL)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	d->last = &d->first;
	return d;
}

/* What no closer could be had for stays open: the process ends. */
static void descriptors_free(struct descriptors *d)
{
	while (d->first != NULL) {
		struct descriptors_entry *entry = d->first;

		d->first = entry->next;
		free(entry);
	}
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static struct descriptors_entry *descriptors_take(struct descriptors *d)
{
	struct descriptors_entry *entry = d->first;

	if (entry == NULL)
		return NULL;
	d->first = entry->next;
	if (d->first == NULL)
		d->last = &d->first;
	d->moved = serve_now();
	return entry;
}

static void *descriptors_closer(void *arg)
{
	struct descriptors *d = arg;
	struct descriptors_entry *entry;
	bool last;

	pthread_mutex_lock(&d->lock);
	while ((entry = descriptors_take(d)) != NULL) {
		pthread_mutex_unlock(&d->lock);
		close(entry->fd);
		free(entry);
		atomic_fetch_sub(&d->waiting, 1);
		pthread_mutex_lock(&d->lock);
	}
	d->closers--;
	last = d->orphan && d->closers == 0;
	pthread_mutex_unlock(&d->lock);
	if (last)
		descriptors_free(d);
	return NULL;
}

void descriptors_destroy(struct descriptors *d)
{
	bool last;

	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->orphan = true;
	last = d->closers == 0;
	pthread_mutex_unlock(&d->lock);
	if (last)
		descriptors_free(d);
}

/* Should there be no thread to be had, the next one that is sent tries again. */
static void descriptors_start(struct descriptors *d)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r = pthread_attr_init(&attributes);

	if (r == 0) {
		pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
		pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
		r = pthread_create(&thread, &attributes, descriptors_closer, d);
		pthread_attr_destroy(&attributes);
	}
	if (r == 0)
		return;
	pthread_mutex_lock(&d->lock);
	d->closers--;
	pthread_mutex_unlock(&d->lock);
}

/* @entry: what to add, or NULL. */
static void descriptors_add(struct descriptors *d, struct descriptors_entry *entry)
{
	int64_t now = serve_now();
	bool more;

	pthread_mutex_lock(&d->lock);
	if (entry != NULL) {
		*d->last = entry;
		d->last = &entry->next;
	}
	more = d->first != NULL &&
	       (d->closers == 0 || (d->closers < DESCRIPTORS_CLOSERS && now - d->moved > DESCRIPTORS_PATIENCE_NS));
	if (more) {
		d->closers++;
		d->moved = now;
	}
	pthread_mutex_unlock(&d->lock);
	if (more)
		descriptors_start(d);
}

bool descriptors_stuck(struct descriptors *d)
{
	if (atomic_load_explicit(&d->waiting, memory_order_relaxed) < DESCRIPTORS_MOST)
		return false;
	descriptors_add(d, NULL);
	return true;
}

void descriptors_close(struct descriptors *d, int fd)
{
	struct descriptors_entry *entry = descriptors_closes_at_once(fd) ? NULL : malloc(sizeof(*entry));

	if (entry == NULL) {
		close(fd);
		return;
	}
	*entry = (struct descriptors_entry){ .fd = fd };
	atomic_fetch_add(&d->waiting, 1);
	descriptors_add(d, entry);
}
