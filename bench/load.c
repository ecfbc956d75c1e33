/* SPDX-License-Identifier: BSD-3-Clause */
/* The others, while one client is measured. They end between two messages: their connections can be used again. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "vfio-user/wire.h"

#define BATCH      1024u /* writes sent at once: as much as a server may find in its buffer */
#define REG_SOURCE 0x0c
#define POSTED     (WIRE_HEADER + WIRE_ACCESS_SIZE + 4)

struct signs {
	atomic_bool ready; /* the load is on */
	atomic_bool stop;
};

static struct signs *signs;
static pid_t loading;

/* One client with nothing but writes that nobody waits for, and one read behind each batch. */
static void load_one(struct target *target)
{
	static uint8_t batch[BATCH * POSTED];
	struct exchange post, wait;

	exchange_access(&post, WIRE_REGION_WRITE, WIRE_NO_REPLY, 0, REG_SOURCE, 4, 1);
	exchange_access(&wait, WIRE_REGION_READ, 0, 0, REG_SOURCE, 4, 0);
	target->event = -1;
	for (size_t i = 0; i < BATCH; i++)
		memcpy(batch + i * POSTED, post.request, POSTED);
	while (!atomic_load(&signs->stop)) {
		for (size_t done = 0; done < sizeof(batch);) {
			ssize_t n = write(target->fd, batch + done, sizeof(batch) - done);

			if (n <= 0)
				_exit(1);
			done += (size_t)n;
		}
		if (exchange_once(target, &wait) != 0)
			_exit(1);
		atomic_store(&signs->ready, true);
	}
}

/* Each of them asks again as soon as it is answered. */
static void load_all(struct target *targets, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		crowd_row(&targets[i], 0, -1);
		if (exchange_send(&targets[i], &targets[i].steps[0]) != 0)
			_exit(1);
	}
	while (!atomic_load(&signs->stop)) {
		for (unsigned int i = 0; i < count; i++)
			if (exchange_receive(&targets[i], &targets[i].steps[0]) != 0 ||
			    exchange_send(&targets[i], &targets[i].steps[0]) != 0)
				_exit(1);
		atomic_store(&signs->ready, true);
	}
	for (unsigned int i = 0; i < count; i++)
		if (exchange_receive(&targets[i], &targets[i].steps[0]) != 0)
			_exit(1);
}

int load_start(struct crowd *crowd, enum load load, int cpu)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	pid_t parent = getpid();

	if (load == LOAD_NONE || crowd->count < 3)
		return 0;
	if (signs == NULL)
		signs = mmap(NULL, sizeof(*signs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (signs == MAP_FAILED)
		exit(3);
	atomic_store(&signs->ready, false);
	atomic_store(&signs->stop, false);
	loading = fork();
	if (loading == 0) {
		process_child(cpu, parent);
		if (load == LOAD_ONE)
			load_one(&crowd->clients[1]);
		else
			load_all(crowd->clients + 1, crowd->count - 2);
		_exit(0);
	}
	for (unsigned int i = 0; loading > 0 && i < 1000 * BENCH_WAIT_S; i++) {
		if (atomic_load(&signs->ready))
			return 0;
		nanosleep(&moment, NULL);
	}
	return -1;
}

void load_stop(void)
{
	const struct timespec moment = { .tv_nsec = 1000000 };

	if (loading <= 0)
		return;
	atomic_store(&signs->stop, true);
	for (unsigned int i = 0; i < 1000 * BENCH_WAIT_S; i++) {
		if (waitpid(loading, NULL, WNOHANG) != 0) {
			loading = 0;
			return;
		}
		nanosleep(&moment, NULL);
	}
	kill(loading, SIGKILL);
	waitpid(loading, NULL, 0);
	loading = 0;
}
