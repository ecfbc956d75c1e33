/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <time.h>

#include "host/wait.h"

/* Between two looks at a backend without a descriptor. */
#define TURN_MS 2

static int64_t wait_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int host_wait(struct pcg_host *host, const int *result, unsigned int milliseconds)
{
	const struct pcg_host_ops *ops = host->ops;
	struct pollfd ready = { .fd = ops->fd != NULL ? ops->fd(host) : -1, .events = POLLIN };
	int64_t end = wait_now() + milliseconds;
	int64_t left;
	int again = 0;

	/* Looked at once a turn: what is less than nothing would be for ever to poll(). */
	while (*result == PCG_PENDING && (left = end - wait_now()) > 0) {
		poll(&ready, 1, again == 0 ? 0 : ready.fd < 0 || again > 0 ? TURN_MS : (int)left);
		again = ops->work != NULL ? ops->work(host) : TURN_MS;
	}
	return *result == PCG_PENDING ? -ETIMEDOUT : *result;
}
