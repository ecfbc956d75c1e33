/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "bench.h"
#include "vfio-user/wire.h"

#define NANOSECONDS  1000000000.0
#define SAMPLES_ROOM ((size_t)1 << 18)
#define POSTS        512 /* between two waited messages */

uint64_t phase_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int samples_init(struct samples *samples)
{
	memset(samples, 0, sizeof(*samples));
	samples->room = SAMPLES_ROOM;
	samples->ns = malloc(samples->room * sizeof(*samples->ns));
	if (samples->ns == NULL)
		return -1;
	/* No page of it is to be missing when it is measured. */
	memset(samples->ns, 0, samples->room * sizeof(*samples->ns));
	return 0;
}

void samples_finish(struct samples *samples)
{
	free(samples->ns);
	samples->ns = NULL;
}

static void samples_clear(struct samples *samples)
{
	samples->count = 0;
	samples->sum = samples->all = 0;
}

static void samples_add(struct samples *samples, uint64_t ns)
{
	if (samples->count < samples->room)
		samples->ns[samples->count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
	samples->sum += ns;
	samples->all++;
}

static int samples_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void samples_percentiles(struct samples *samples, struct phase *phase)
{
	if (samples->count == 0)
		return;
	qsort(samples->ns, samples->count, sizeof(*samples->ns), samples_compare);
	phase->p50 = samples->ns[samples->count / 2] / 1000.0;
	phase->p99 = samples->ns[samples->count * 99 / 100] / 1000.0;
}

int phase_sequence(struct target *target, unsigned int ms, struct samples samples[2], bool split,
		   phase_prepare *prepare, void *arg, struct phase phases[2])
{
	uint64_t begin = phase_now(), now = begin, last = begin, end = begin + (uint64_t)ms * 1000000u;
	unsigned int kinds = split ? target->nsteps : 1;

	for (unsigned int i = 0; i < kinds; i++)
		samples_clear(&samples[i]);
	while (now < end) {
		for (unsigned int i = 0; i < target->nsteps; i++) {
			if (prepare != NULL) {
				prepare(arg, target, i);
				last = phase_now();
			}
			if (exchange_once(target, &target->steps[i]) != 0)
				return -1;
			if (split || i + 1 == target->nsteps) {
				now = phase_now();
				samples_add(&samples[split ? i : 0], now - last);
				last = now;
			}
		}
	}
	for (unsigned int i = 0; i < kinds; i++) {
		phases[i].rate = (double)samples[i].all * NANOSECONDS / (double)samples[i].sum;
		samples_percentiles(&samples[i], &phases[i]);
	}
	return 0;
}

/* Takes what answers there are. Return: how many, 0 at an error. */
static unsigned int pipeline_receive(struct target *target, uint8_t *buffer, size_t *filled)
{
	const struct exchange *x = &target->steps[0];
	ssize_t n = recv(target->fd, buffer + *filled, BENCH_IN_FLIGHT * x->reply_size - *filled, 0);
	unsigned int answers;

	if (n <= 0) {
		target_failed(target, "no answer with %u in flight: %s", BENCH_IN_FLIGHT,
			      n == 0 ? "closed" : strerror(errno));
		return 0;
	}
	*filled += (size_t)n;
	/* An error is shorter than an answer: it stands first in what is left over, or in the middle. */
	for (size_t at = 0; at + WIRE_HEADER <= *filled; at += x->reply_size) {
		if (exchange_check(target, x, buffer + at, *filled - at) != 0)
			return 0;
	}
	answers = (unsigned int)(*filled / x->reply_size);
	*filled -= answers * x->reply_size;
	memmove(buffer, buffer + answers * x->reply_size, *filled);
	return answers > 0 ? answers : pipeline_receive(target, buffer, filled);
}

int phase_pipeline(struct target *target, unsigned int ms, struct samples *samples, struct phase *phase)
{
	uint8_t buffer[BENCH_IN_FLIGHT * BENCH_MESSAGE];
	uint64_t sent[BENCH_IN_FLIGHT];
	uint64_t begin = phase_now(), now = begin, end = begin + (uint64_t)ms * 1000000u;
	uint64_t asked = 0, answered = 0;
	size_t filled = 0;

	samples_clear(samples);
	while (now < end || answered < asked) {
		unsigned int n;

		while (now < end && asked - answered < BENCH_IN_FLIGHT) {
			if (exchange_send(target, &target->steps[0]) != 0)
				return -1;
			sent[asked++ % BENCH_IN_FLIGHT] = now;
			now = phase_now();
		}
		n = pipeline_receive(target, buffer, &filled);
		if (n == 0)
			return -1;
		now = phase_now();
		for (; n > 0; n--)
			samples_add(samples, now - sent[answered++ % BENCH_IN_FLIGHT]);
	}
	phase->rate = (double)answered * NANOSECONDS / (double)(now - begin);
	samples_percentiles(samples, phase);
	return 0;
}

int phase_posted(struct target *target, unsigned int ms, struct phase *phase)
{
	uint64_t begin = phase_now(), now = begin, end = begin + (uint64_t)ms * 1000000u, posted = 0;

	for (; now < end; now = phase_now()) {
		for (unsigned int i = 0; i < POSTS; i++, posted++) {
			if (exchange_send(target, &target->steps[0]) != 0)
				return -1;
		}
		/* Ordered behind them: answered when they are done. */
		if (exchange_once(target, &target->steps[1]) != 0)
			return -1;
	}
	phase->rate = (double)posted * NANOSECONDS / (double)(now - begin);
	return 0;
}

int phase_connect(struct target *target, const char *path, unsigned int ms, struct samples *samples,
		  struct phase *phase)
{
	uint64_t begin = phase_now(), now = begin, last = begin, end = begin + (uint64_t)ms * 1000000u;

	samples_clear(samples);
	for (; now < end; last = now) {
		int r = target_connect(target, path);

		for (unsigned int i = 0; i < target->nsteps && r == 0; i++)
			r = exchange_once(target, &target->steps[i]);
		target_close(target);
		if (r != 0)
			return -1;
		now = phase_now();
		samples_add(samples, now - last);
	}
	phase->rate = (double)samples->all * NANOSECONDS / (double)(now - begin);
	samples_percentiles(samples, phase);
	return 0;
}
