/* SPDX-License-Identifier: BSD-3-Clause */
/* Running a trace against a function, and telling where it differs. */
#ifndef TRACE_REPLAY_H
#define TRACE_REPLAY_H

#include <stdio.h>

#include <pcigate/host.h>
#include <pcigate/view.h>

/**
 * struct replay_source - where lines come from
 * @next: copy the next line into @line, at most @size bytes with its NUL; 1: there is one, 0: the end, a negative
 *        errno: -E2BIG for a line that does not fit
 */
struct replay_source {
	void *arg;
	int (*next)(void *arg, char *line, size_t size);
};

/**
 * struct replay_settings - how
 * @host: the function; its registers change, it stays the caller's
 * @view: profile and policies
 * @name: of the trace, for messages
 * @effects: compare what writes ask of their surroundings too
 * @record: write the trace as it came out, instead of comparing; NULL: compare
 * @report: where differences go, the first REPLAY_REPORTS of them; may be NULL
 */
struct replay_settings {
	struct pcg_host *host;
	const struct pcg_view_options *view;
	const struct pcg_log *log;
	const char *name;
	bool effects;
	FILE *record;
	FILE *report;
};

#define REPLAY_REPORTS 20u

/** struct replay_result - what came of it */
struct replay_result {
	unsigned long lines;
	unsigned long checks;
	unsigned long differences;
};

/**
 * replay_run() - run it
 *
 * Return: 0, however many differences there were; -EINVAL after a note for a line that is no line of a trace; what
 * opening the function or the source ended with.
 */
int replay_run(const struct replay_settings *settings, const struct replay_source *source,
	       struct replay_result *result);

/** replay_file() - the same from a file, plain or gzipped */
int replay_file(const struct replay_settings *settings, const char *path, struct replay_result *result);

#endif
