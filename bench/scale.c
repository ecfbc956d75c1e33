/* SPDX-License-Identifier: BSD-3-Clause */
/* VFs of one PF, each with a client of its own, served by one process: opening, memory, and who waits for whom. */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crowd.h"

#define WHOS 3u

enum who {
	WHO_ALONE, /* the one client of a server of its own */
	WHO_FIRST,
	WHO_LAST,
};

struct scale {
	const char *program;
	unsigned int functions;
	unsigned int repetitions;
	unsigned int phase_ms;
	int cpu;   /* of the servers and the client that is measured */
	int other; /* of the load */
	struct crowd alone;
	struct crowd crowd;
	struct samples samples[2];
	struct phase phases[LOADS][CROWD_ROWS][WHOS][BENCH_REPETITIONS];
};

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* --- opening --- */

static int opening(struct scale *s)
{
	unsigned int sizes[] = { 1, s->functions / 4, s->functions / 2, s->functions };

	printf("%-12s %12s %12s %26s\n", "functions", "first, ms", "all, ms", "each of the 2nd half, ms");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		double first[BENCH_REPETITIONS], last[BENCH_REPETITIONS], each[BENCH_REPETITIONS];
		unsigned int n = 3;

		for (unsigned int r = 0; r < n; r++) {
			struct crowd crowd;
			int failed = crowd_start(&crowd, s->program, sizes[i], s->cpu);
			unsigned int half = sizes[i] - sizes[i] / 2;

			if (failed != 0) {
				fprintf(stderr, "bench: %u functions: %s\n", sizes[i], crowd.why);
				process_tell(&crowd.process);
			}
			crowd_stop(&crowd);
			if (failed != 0)
				return -1;
			first[r] = crowd.first_ms;
			last[r] = crowd.last_ms;
			each[r] = (crowd.last_ms - crowd.half_ms) / half;
		}
		printf("%-12u %12.1f %12.1f ", sizes[i], median(first, n), median(last, n));
		if (sizes[i] > 1)
			printf("%25.3f\n", median(each, n));
		else
			printf("%25s\n", "-");
	}
	return 0;
}

/* --- memory --- */

static void memory_row(const struct scale *s, const char *name, const struct footprint *many,
		       const struct footprint *one)
{
	double more = s->functions - 1;

	printf("%-34s %10ld %12ld %14.1f ", name, one->anonymous, many->anonymous,
	       (double)(many->anonymous - one->anonymous) / more);
	if (many->descriptors < 0 || one->descriptors < 0)
		printf("%14s\n", "-");
	else
		printf("%14.1f\n", (double)(many->descriptors - one->descriptors) / more);
}

static void memory(const struct scale *s)
{
	printf("\n%-34s %10s %12u %14s %14s\n", "memory of the server alone, kB", "1", s->functions, "each more",
	       "descriptors");
	memory_row(s, "nobody connected", &s->crowd.idle, &s->alone.idle);
	memory_row(s, "a client each", &s->crowd.connected, &s->alone.connected);
	memory_row(s, "memory, an interrupt, DMA each", &s->crowd.working, &s->alone.working);
	printf("all connected after %.1f ms\n", s->crowd.connect_ms);
}

/* --- latency --- */

static struct target *who_is(struct scale *s, enum who who, int *event)
{
	struct crowd *crowd = who == WHO_ALONE ? &s->alone : &s->crowd;
	unsigned int i = who == WHO_LAST ? crowd->count - 1 : 0;

	*event = crowd->events[i];
	return &crowd->clients[i];
}

/* One after the other within each repetition, so that they are neighbours in time. */
static int measure(struct scale *s, enum load load)
{
	for (unsigned int r = 0; r < s->repetitions; r++)
		for (unsigned int row = 0; row < CROWD_ROWS; row++)
			for (unsigned int who = load == LOAD_NONE ? WHO_ALONE : WHO_FIRST; who < WHOS; who++) {
				int event;
				struct target *target = who_is(s, (enum who)who, &event);

				crowd_row(target, row, event);
				if (phase_sequence(target, s->phase_ms, s->samples, false, NULL, NULL,
						   &s->phases[load][row][who][r]) != 0) {
					fprintf(stderr, "bench: %s: %s\n", crowd_names[row], target->why);
					return -1;
				}
			}
	return 0;
}

static int latency(struct scale *s)
{
	int r = 0;

	for (int load = LOAD_NONE; load < LOADS && r == 0; load++) {
		r = load_start(&s->crowd, (enum load)load, s->other);
		if (r == 0)
			r = measure(s, (enum load)load);
		else
			fprintf(stderr, "bench: the others do not get busy\n");
		load_stop();
	}
	return r;
}

enum figure {
	FIGURE_P50,
	FIGURE_P99,
	FIGURE_SHARE, /* of the rate with nobody else busy */
	FIGURE_LIKE,  /* the rate, to that of the client alone, or of the first */
};

static double figure(const struct scale *s, unsigned int load, unsigned int row, enum who who, enum figure figure)
{
	double values[BENCH_REPETITIONS];

	for (unsigned int r = 0; r < s->repetitions; r++) {
		const struct phase *p = &s->phases[load][row][who][r];
		const struct phase *idle = &s->phases[LOAD_NONE][row][who][r];
		const struct phase *other = &s->phases[load][row][load == LOAD_NONE ? WHO_ALONE : WHO_FIRST][r];

		values[r] = figure == FIGURE_P50   ? p->p50
			    : figure == FIGURE_P99 ? p->p99
						   : p->rate / (figure == FIGURE_SHARE ? idle->rate : other->rate);
	}
	return median(values, s->repetitions);
}

static void report(const struct scale *s)
{
	printf("\n%-34s %8s %8s %8s %14s %14s\n", "others idle: median, us", "alone", "first", "last", "first/alone",
	       "last/alone");
	for (unsigned int row = 0; row < CROWD_ROWS; row++)
		printf("%-34s %8.1f %8.1f %8.1f %14.2f %14.2f\n", crowd_names[row],
		       figure(s, LOAD_NONE, row, WHO_ALONE, FIGURE_P50),
		       figure(s, LOAD_NONE, row, WHO_FIRST, FIGURE_P50),
		       figure(s, LOAD_NONE, row, WHO_LAST, FIGURE_P50),
		       figure(s, LOAD_NONE, row, WHO_FIRST, FIGURE_LIKE),
		       figure(s, LOAD_NONE, row, WHO_LAST, FIGURE_LIKE));
	for (unsigned int load = LOAD_ONE; load < LOADS; load++) {
		printf("\n%-34s %8s %8s %8s %8s %10s %10s\n",
		       load == LOAD_ONE ? "one posts writes: us" : "all others read: us", "first", "p99", "last", "p99",
		       "of idle", "last/first");
		for (unsigned int row = 0; row < CROWD_ROWS; row++)
			printf("%-34s %8.1f %8.1f %8.1f %8.1f %10.3f %10.2f\n", crowd_names[row],
			       figure(s, load, row, WHO_FIRST, FIGURE_P50), figure(s, load, row, WHO_FIRST, FIGURE_P99),
			       figure(s, load, row, WHO_LAST, FIGURE_P50), figure(s, load, row, WHO_LAST, FIGURE_P99),
			       figure(s, load, row, WHO_LAST, FIGURE_SHARE),
			       figure(s, load, row, WHO_LAST, FIGURE_LIKE));
	}
}

/* --- --- */

static int crowd_ready(struct crowd *crowd, const struct scale *s, unsigned int count)
{
	if (crowd_start(crowd, s->program, count, s->cpu) == 0 && crowd_connect(crowd) == 0 && crowd_work(crowd) == 0)
		return 0;
	fprintf(stderr, "bench: %u functions: %s\n", count, crowd->why);
	process_tell(&crowd->process);
	return -1;
}

static int run(struct scale *s)
{
	int r = 3;

	if (opening(s) != 0)
		return r;
	if (crowd_ready(&s->alone, s, 1) == 0 && crowd_ready(&s->crowd, s, s->functions) == 0) {
		memory(s);
		r = process_pin(s->cpu) == 0 && latency(s) == 0 ? 0 : 1;
	}
	if (r == 0)
		report(s);
	if (s->crowd.count > 0)
		crowd_stop(&s->crowd);
	crowd_stop(&s->alone);
	return r;
}

static void cpus(struct scale *s)
{
	cpu_set_t set;

	s->cpu = s->other = 0;
	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			s->other = CPU_COUNT(&set) > 1 ? s->cpu : i;
			s->cpu = i;
		}
}

static int usage(FILE *out, int status)
{
	fputs("usage: bench/run scale [--quick] [--functions N]\n", out);
	return status;
}

static int parse(struct scale *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },
		{ "functions", required_argument, NULL, 'f' },
		{ "server", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			s->repetitions = 1;
			s->phase_ms = 5;
			break;
		case 'f':
			s->functions = (unsigned int)strtoul(optarg, NULL, 10);
			break;
		case 's':
			s->program = optarg;
			break;
		default:
			return -1;
		}
	}
	/* A quarter of them are measured as well, and three make a first, a last and another. */
	return optind == argc && s->functions >= 4 && s->functions <= CROWD_MOST ? 0 : -1;
}

int main(int argc, char **argv)
{
	static struct scale scale = { .program = "build/pcigate", .functions = 256, .repetitions = 9, .phase_ms = 20 };
	struct rlimit limit;
	int status;

	if (parse(&scale, argc, argv) != 0)
		return usage(stderr, 2);
	/* Two for each client. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	process_session();
	cpus(&scale);
	if (samples_init(&scale.samples[0]) != 0 || samples_init(&scale.samples[1]) != 0) {
		fprintf(stderr, "bench: %s\n", strerror(ENOMEM));
		return 3;
	}
	status = run(&scale);
	samples_finish(&scale.samples[0]);
	samples_finish(&scale.samples[1]);
	return status;
}
