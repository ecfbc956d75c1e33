/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	EXIT_DONE = 0,
	EXIT_FOUND = 1, /* a row could not be measured */
	EXIT_USAGE = 2,
	EXIT_CANNOT = 3,
};

static void usage(FILE *out)
{
	fputs("usage: bench/run [--quick] [--cpu N] [--json FILE] [--only TEXT] [--phase MS] [--maps N]\n"
	      "                 [--server PROGRAM] [--func FUNC]\n"
	      "\n"
	      "  --quick           every row, briefly: says whether it can be measured, not how fast it is\n"
	      "  --cpu N           the CPU that client and server share; default: the last one allowed\n"
	      "  --json FILE       the figures as JSON; - is standard output, in place of the table\n"
	      "  --only TEXT       only rows with this in their name; \"dma\" is all of the maps\n"
	      "  --phase MS        how long one side of one repetition takes; default 20, with --quick 15\n"
	      "  --maps N          how many live DMA maps to try; default 1000000\n"
	      "  --server PROGRAM  default: build/pcigate\n"
	      "  --func FUNC       what it serves; default sim:endpoint-test, which the BAR and interrupt rows need\n",
	      out);
}

static int last_cpu(void)
{
	cpu_set_t set;
	int last = -1;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return -1;
	for (int i = 0; i < CPU_SETSIZE; i++)
		last = CPU_ISSET(i, &set) ? i : last;
	return last;
}

static bool number(const char *text, unsigned long min, unsigned long max, unsigned long *value)
{
	char *end;

	errno = 0;
	*value = strtoul(text, &end, 10);
	return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value >= min && *value <= max;
}

/* Return: 0, or -1 when the command line is wrong. */
static int parse(struct bench_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "quick", no_argument, NULL, 'q' },        { "cpu", required_argument, NULL, 'c' },
		{ "json", required_argument, NULL, 'j' },   { "maps", required_argument, NULL, 'm' },
		{ "only", required_argument, NULL, 'o' },   { "phase", required_argument, NULL, 'p' },
		{ "server", required_argument, NULL, 's' }, { "func", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },         { NULL, 0, NULL, 0 },
	};
	unsigned long value = 0;
	bool right = true;
	int c;

	while (right && (c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'q':
			o->quick = true;
			break;
		case 'c':
			right = number(optarg, 0, CPU_SETSIZE - 1, &value);
			o->cpu = (int)value;
			break;
		case 'j':
			o->json = optarg;
			break;
		case 'm':
			right = number(optarg, 1, 16000000, &value);
			o->maps = (uint32_t)value;
			break;
		case 'o':
			o->only = optarg;
			break;
		case 'p':
			right = number(optarg, 1, 60000, &value);
			o->phase_ms = (unsigned int)value;
			break;
		case 's':
			o->program = optarg;
			break;
		case 'f':
			o->func = optarg;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_DONE);
		default:
			return -1;
		}
		if (!right)
			fprintf(stderr, "bench: %s is no number that will do here\n", optarg);
	}
	return right && optind == argc ? 0 : -1;
}

static void nothing(int signal_number)
{
	(void)signal_number;
}

static int run(struct bench *bench, const char *folder)
{
	const struct bench_options *o = &bench->options;
	struct sigaction interrupt = { .sa_handler = nothing }; /* no SA_RESTART: it ends a read */
	int r;

	sigaction(SIGALRM, &interrupt, NULL);
	if (samples_init(&bench->samples[0]) != 0 || samples_init(&bench->samples[1]) != 0) {
		fprintf(stderr, "bench: no memory for the samples\n");
		return EXIT_CANNOT;
	}
	r = process_floor(&bench->floor, folder, o->cpu);
	if (r == 0)
		r = process_server(&bench->server, folder, o);
	if (r == 0)
		r = process_pin(o->cpu);
	if (r != 0) {
		fprintf(stderr, "bench: %s serve %s on CPU %d: %s; another CPU: --cpu\n", o->program, o->func, o->cpu,
			r == -ECHILD ? "it ended" : strerror(-r));
		process_tell(&bench->server);
		return EXIT_CANNOT;
	}
	bench->began = phase_now();
	bench->resident = process_memory(&bench->server, "VmRSS:");
	bench_messages(bench);
	if (o->only == NULL || strcmp(o->only, "dma") == 0)
		bench_dma(bench);
	if (bench->nrows + bench->nlevels == 0) {
		fprintf(stderr, "bench: no row has \"%s\" in its name\n", o->only);
		return EXIT_USAGE;
	}
	bench->seconds = (double)(phase_now() - bench->began) / 1e9;
	if (o->json == NULL || strcmp(o->json, "-") != 0)
		report_text(bench);
	if (o->json != NULL && report_json(bench) != 0) {
		fprintf(stderr, "bench: --json %s cannot be written\n", o->json);
		return EXIT_CANNOT;
	}
	if (report_failures(bench) == 0)
		return EXIT_DONE;
	process_tell(&bench->server);
	return EXIT_FOUND;
}

static pid_t measuring;

static void interrupted(int signal_number)
{
	(void)signal_number;
	kill(measuring, SIGKILL);
}

static int run_apart(struct bench *bench, const char *folder)
{
	const struct sigaction end = { .sa_handler = interrupted, .sa_flags = SA_RESTART };
	pid_t parent = getpid();
	int status;

	measuring = fork();
	if (measuring < 0) {
		perror("bench: fork");
		return EXIT_CANNOT;
	}
	if (measuring == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(EXIT_CANNOT);
		process_session();
		status = run(bench, folder);
		process_stop(&bench->server);
		process_stop(&bench->floor);
		samples_finish(&bench->samples[0]);
		samples_finish(&bench->samples[1]);
		exit(status);
	}
	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	if (waitpid(measuring, &status, 0) == measuring && WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "bench: stopped by a signal\n");
	return EXIT_FOUND;
}

static void remove_folder(const char *folder)
{
	static const char *const names[] = { "floor", "server", "log" };
	char path[96];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .floor.fd = -1, .server.fd = -1 };
	struct bench_options *o = &bench.options;
	char folder[64];
	int status;

	o->program = "build/pcigate";
	o->func = "sim:endpoint-test";
	o->cpu = last_cpu();
	if (parse(o, argc, argv) != 0) {
		usage(stderr);
		return EXIT_USAGE;
	}
	o->repetitions = o->quick ? 3 : 25;
	if (o->phase_ms == 0)
		o->phase_ms = o->quick ? 15 : 20;
	if (o->maps == 0)
		o->maps = o->quick ? 5000 : 1000000;
	if (access(o->program, X_OK) != 0) {
		fprintf(stderr, "bench: no program %s: build it, ninja -C build, or name it with --server\n",
			o->program);
		return EXIT_CANNOT;
	}
	snprintf(folder, sizeof(folder), "/tmp/pcigate-bench-XXXXXX");
	if (mkdtemp(folder) == NULL) {
		perror("bench: /tmp");
		return EXIT_CANNOT;
	}
	status = run_apart(&bench, folder);
	remove_folder(folder);
	return status;
}
