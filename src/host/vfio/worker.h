/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One thread for one function: the kernel may keep a caller for as long as a reset or the pinning of a guest's memory
 * takes, and another function's guest must not wait for that. One job at a time.
 */
#ifndef HOST_VFIO_WORKER_H
#define HOST_VFIO_WORKER_H

#include <stdbool.h>

struct vfio_worker;

/*
 * @begin: what the thread does first, before vfio_worker_create() returns, or NULL
 * @run: what the thread does for a job; its result is handed to vfio_worker_ended()
 * @last: frees @arg; the last that the thread does
 */
struct vfio_worker_calls {
	void (*begin)(void *arg);
	int (*run)(void *arg);
	void (*last)(void *arg);
};

int vfio_worker_create(struct vfio_worker **worker, const struct vfio_worker_calls *calls, void *arg);

/*
 * The thread calls @last at its end: at once, or, when a job never ends, as soon as it does. Never waits for a job, and
 * for @last no longer than a second: the kernel resets a function when its file is closed.
 */
void vfio_worker_destroy(struct vfio_worker *worker);

/* Readable when a job has ended. */
int vfio_worker_fd(const struct vfio_worker *worker);

/* Whether a job is with the thread, given up or not. */
bool vfio_worker_busy(const struct vfio_worker *worker);

/* Start a job; not while one is with the thread. */
void vfio_worker_start(struct vfio_worker *worker);

/* Whether a job has ended since the last time; its result. From then on the thread is free. */
bool vfio_worker_ended(struct vfio_worker *worker, int *result);

#endif
