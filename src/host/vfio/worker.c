/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "host/vfio/worker.h"

/* So long the end of a function may keep its caller. */
#define END_TRIES 1000u
#define END_PAUSE 1000000L

enum worker_state {
	WORKER_FREE,
	WORKER_RUNS,
	WORKER_ENDED, /* and nobody has looked yet */
};

struct vfio_worker {
	struct vfio_worker_calls calls;
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	enum worker_state state;
	bool begun;
	bool stop;
	int result;
	int event;
};

static void worker_free(struct vfio_worker *worker)
{
	worker->calls.last(worker->arg);
	close(worker->event);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

static void *worker_thread(void *arg)
{
	struct vfio_worker *worker = arg;
	const uint64_t one = 1;

	if (worker->calls.begin != NULL)
		worker->calls.begin(worker->arg);
	pthread_mutex_lock(&worker->lock);
	worker->begun = true;
	pthread_cond_signal(&worker->changed);
	/* What was started is done, even where nobody waits for it any more. */
	while (!worker->stop || worker->state == WORKER_RUNS) {
		if (worker->state != WORKER_RUNS) {
			pthread_cond_wait(&worker->changed, &worker->lock);
			continue;
		}
		pthread_mutex_unlock(&worker->lock);
		worker->result = worker->calls.run(worker->arg);
		pthread_mutex_lock(&worker->lock);
		worker->state = WORKER_ENDED;
		if (write(worker->event, &one, sizeof(one)) < 0)
			continue; /* an eventfd of ours that is read after each write never blocks */
	}
	pthread_mutex_unlock(&worker->lock);
	worker_free(worker);
	return NULL;
}

/* The loop's thread takes the signals. */
static int worker_begin(struct vfio_worker *worker)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&worker->thread, NULL, worker_thread, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int vfio_worker_create(struct vfio_worker **result, const struct vfio_worker_calls *calls, void *arg)
{
	struct vfio_worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (worker == NULL)
		return -ENOMEM;
	worker->calls = *calls;
	worker->arg = arg;
	worker->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->event < 0) {
		r = -errno;
		free(worker);
		return r;
	}
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	r = worker_begin(worker);
	if (r != 0) {
		close(worker->event);
		free(worker);
		return r;
	}
	pthread_mutex_lock(&worker->lock);
	while (!worker->begun)
		pthread_cond_wait(&worker->changed, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
	*result = worker;
	return 0;
}

void vfio_worker_destroy(struct vfio_worker *worker)
{
	const struct timespec pause = { .tv_nsec = END_PAUSE };
	pthread_t thread = worker->thread;
	bool runs;

	pthread_mutex_lock(&worker->lock);
	runs = worker->state == WORKER_RUNS;
	worker->stop = true;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	/* From here on it may be gone, and everything with it. */
	for (unsigned int i = 0; !runs && i < END_TRIES; i++) {
		if (pthread_tryjoin_np(thread, NULL) == 0)
			return;
		nanosleep(&pause, NULL);
	}
	pthread_detach(thread);
}

int vfio_worker_fd(const struct vfio_worker *worker)
{
	return worker->event;
}

bool vfio_worker_busy(const struct vfio_worker *worker)
{
	struct vfio_worker *w = (struct vfio_worker *)(uintptr_t)worker;
	bool busy;

	pthread_mutex_lock(&w->lock);
	busy = w->state != WORKER_FREE;
	pthread_mutex_unlock(&w->lock);
	return busy;
}

void vfio_worker_start(struct vfio_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->state = WORKER_RUNS;
	pthread_cond_signal(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

bool vfio_worker_ended(struct vfio_worker *worker, int *result)
{
	uint64_t count;
	bool ended;

	pthread_mutex_lock(&worker->lock);
	ended = worker->state == WORKER_ENDED;
	if (ended) {
		worker->state = WORKER_FREE;
		*result = worker->result;
		ended = read(worker->event, &count, sizeof(count)) == sizeof(count);
	}
	pthread_mutex_unlock(&worker->lock);
	return ended;
}
