/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines of the verbs that show a function as a profile does: what they have in common is read here. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <pcigate/view.h>

#include "cli/cli.h"

/**
 * struct cli_view - --profile, --policy, --quirks and --no-quirks, decided
 * @options: what a view is made with
 * @profile: --profile was there; likewise the others
 */
struct cli_view {
	struct pcg_view_options options;
	bool profile;
	bool policy;
	bool quirks;
};

/** CLI_MOST_OPTIONS - a verb's own */
#define CLI_MOST_OPTIONS 16

/** CLI_ANY - any number of operands; the verb looks itself */
#define CLI_ANY (-1)

/**
 * struct cli_form - what a verb's command line looks like
 * @verb: its name
 * @letters: its options of one letter, as getopt(3) has them, or NULL
 * @options: its own long ones, at most CLI_MOST_OPTIONS; ended by a row of zeroes; their values are letters
 * @take: take one of both, its value in optarg. Return: CLI_DONE, or how the verb ends after a line on stderr
 * @usage: what --help prints
 * @count: how many operands it takes; 0: one, a function
 * @operands: what to say when there are more or fewer, where @count is not 0
 */
struct cli_form {
	const char *verb;
	const char *letters;
	const struct option *options;
	int (*take)(void *settings, int option);
	void (*usage)(FILE *out);
	int count;
	const char *operands;
};

/** CLI_HELPED - --help was there and has been printed: the verb has nothing left to do */
#define CLI_HELPED (-1)

/**
 * cli_options() - read a command line; the operands are argv[optind] and on
 *
 * Return: CLI_DONE, CLI_HELPED, or how the verb ends after a line on stderr.
 */
int cli_options(const struct cli_form *form, int argc, char **argv, struct cli_view *view, void *settings);

/** cli_status() - a verb's exit status from what cli_options() returned, where that was not CLI_DONE */
int cli_status(int ret);

#endif
