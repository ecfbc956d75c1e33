/* SPDX-License-Identifier: BSD-3-Clause */
/* Command lines of the verbs that look at this machine's functions. */
#ifndef CLI_MACHINE_H
#define CLI_MACHINE_H

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

#include <json-c/json.h>

#include "cli/cli.h"
#include "machine/tree.h"

/** CLI_ROOT_HELP - the lines of --help that all of them have */
#define CLI_ROOT_HELP "  --root DIR  read /sys, /proc and /dev below DIR: of another machine, copied\n"

/**
 * struct cli_machine_form - what a verb's command line looks like
 * @verb: its name
 * @letters: its options of one letter, as getopt(3) has them
 * @options: all its long ones, --json and --root too; ended by a row of zeroes
 * @take: take one of its own, its value in optarg. Return: CLI_DONE, or how the verb ends after a line on stderr
 * @usage: what --help prints
 * @least, @most: operands
 */
struct cli_machine_form {
	const char *verb;
	const char *letters;
	const struct option *options;
	int (*take)(void *settings, int option);
	void (*usage)(FILE *out);
	int least;
	int most;
};

/** The options that a form has besides its own. */
#define CLI_MACHINE_ROOT 256
#define CLI_MACHINE_JSON 257
#define CLI_MACHINE_HELP 258
/* clang-format off */
#define CLI_MACHINE_OPTIONS                                                                                            \
	{ "root", required_argument, NULL, CLI_MACHINE_ROOT },                                                         \
	{ "json", no_argument, NULL, CLI_MACHINE_JSON },                                                               \
	{ "help", no_argument, NULL, CLI_MACHINE_HELP },                                                               \
	{ NULL, 0, NULL, 0 }
/* clang-format on */

/** struct cli_machine - --root and --json, decided */
struct cli_machine {
	struct tree tree;
	bool json;
};

/** CLI_MACHINE_HELPED - --help was there and has been printed */
#define CLI_MACHINE_HELPED (-1)

/**
 * cli_machine_options() - read a command line; the operands are argv[optind] and on
 *
 * Return: CLI_DONE, CLI_MACHINE_HELPED, or how the verb ends after a line on stderr.
 */
int cli_machine_options(const struct cli_machine_form *form, int argc, char **argv, struct cli_machine *machine,
			void *settings);

/** cli_machine_print() - write a JSON value and free it; returns the exit status */
int cli_machine_print(struct json_object *value);

/** cli_machine_end() - flush what was printed: @status, or CLI_CANNOT where that failed */
int cli_machine_end(int status);

/** cli_machine_bdf() - CLI_DONE, or CLI_USAGE after a line on stderr where @text is no BDF */
int cli_machine_bdf(const char *verb, const char *text);

#endif
