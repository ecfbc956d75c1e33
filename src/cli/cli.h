/* SPDX-License-Identifier: BSD-3-Clause */
/* The program's verbs, one file each. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <pcigate/log.h>

/* How a verb ends. */
enum cli_exit {
	CLI_DONE = 0,
	CLI_FOUND = 1,  /* a check found something */
	CLI_USAGE = 2,  /* the command line is wrong */
	CLI_CANNOT = 3, /* the machine, a file or a function cannot do it */
};

/**
 * struct cli_verb - one verb
 * @name: the word
 * @arguments: what follows it
 * @help: one line
 * @run: does it; argv[0] is the verb
 */
struct cli_verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(int argc, char **argv);
};

int cli_serve(int argc, char **argv);
int cli_capture(int argc, char **argv);
int cli_conform(int argc, char **argv);
int cli_ctl(int argc, char **argv);
int cli_diff(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_inspect(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_map(int argc, char **argv);
int cli_quirks_verb(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_vf(int argc, char **argv);
int cli_why(int argc, char **argv);

/** cli_log() - notes to stderr, those up to @most; constant, needs no end */
struct pcg_log cli_log(enum pcg_level most);

/** cli_error() - one line on stderr, "pcigate VERB: …"; returns @status */
int cli_error(const char *verb, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
