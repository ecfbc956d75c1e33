/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands for the backend of a running server: faults on demand, for one. */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "serve/control_client.h"

#define LINE_MOST  512u
#define SLEEP_MOST 3600000ul

/**
 * struct settings - the command line
 * @script: -f, or NULL
 * @path: of the control socket; @number: which function's backend
 */
struct settings {
	const char *script;
	char path[256];
	unsigned int number;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate ctl CONTROL[@N] COMMAND…\n"
		"       pcigate ctl CONTROL[@N] -f SCRIPT\n\n"
		"Gives a command to the backend of a running server: CONTROL is the socket that `pcigate serve --control`\n"
		"made, N counts its functions from 0. Simulated fabrics have commands, by which things go wrong on demand\n"
		"(docs/faults.md); `pcigate ctl CONTROL help` lists them:\n\n"
		"  fault [FUNC] KIND   malformed [N], poisoned [N], timeout [N|forever], abort [N], iommu [N],\n"
		"                      config-ones on|off, stuck-power on|off, flr MS|never|now, clear\n"
		"  reset [FUNC]        nobody is told; remove, insert: pulled out by surprise, and put back\n"
		"  dma [FUNC] read|write ADDRESS LENGTH [pasid=N] [exec] [priv]\n"
		"  errors [FUNC]       counters, and what the IOMMU blocked; show [FUNC]: what it is, and its faults\n"
		"  vfs PF [N]          VFs of a PF; vectors PF|VF [N]: MSI-X vectors of a VF\n\n"
		"FUNC is NAME, NAME.vfN or BB:DD.F in the fabric; without, the function that N counts.\n\n"
		"  -f SCRIPT           a command a line, # begins a comment, `sleep MS` waits; -: standard input. The\n"
		"                      first that fails ends it\n");
}

static const struct option long_options[] = {
	{ "file", required_argument, NULL, 'f' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

#define HELPED (-1)

static int take_all(int argc, char **argv, struct settings *s)
{
	char *verb = argv[0], name[] = "pcigate ctl";
	int option, ret = CLI_DONE;

	/* What getopt begins its complaints with. */
	argv[0] = name;
	while (ret == CLI_DONE && (option = getopt_long(argc, argv, "f:", long_options, NULL)) != -1) {
		if (option == 'f')
			s->script = optarg;
		else
			ret = option == 'h' ? HELPED : CLI_USAGE;
	}
	argv[0] = verb;
	if (ret == HELPED)
		usage(stdout);
	return ret;
}

/* --- one command --- */

/** struct answer - to standard output; of what failed, to standard error */
struct answer {
	FILE *text;
	char *bytes;
	size_t size;
};

static void take_line(void *arg, const char *line)
{
	const struct answer *answer = arg;

	fprintf(answer->text, "%s\n", line);
}

/* One line of it, or, where it lists what can be said, as it is. */
static int explain(const struct settings *s, const char *where, const char *command, int r, char *said)
{
	size_t length = strlen(said);

	if (length > 0) {
		said[length - 1] = '\0';
		for (char *end = said; r != -EINVAL && (end = strchr(end, '\n')) != NULL;)
			*end = ';';
		return cli_error("ctl", r == -EINVAL ? CLI_USAGE : CLI_CANNOT, "%s%s: %s", where, command, said);
	}
	switch (r) {
	case -EINVAL:
	case -EMSGSIZE:
		return cli_error("ctl", CLI_USAGE, "%s%.64s: no such command, or longer than %u bytes", where, command,
				 LINE_MOST);
	case -EOPNOTSUPP:
		return cli_error("ctl", CLI_CANNOT, "%s%s: function %u of %s has no commands; simulated fabrics do",
				 where, command, s->number, s->path);
	case -ENODEV:
		return cli_error("ctl", CLI_CANNOT, "%s%s: %s serves no function %u", where, command, s->path,
				 s->number);
	default:
		return cli_error("ctl", CLI_CANNOT,
				 "%s%s: %s: %s; the socket that `pcigate serve --control` made answers here", where,
				 command, s->path, strerror(-r));
	}
}

static int give(const struct settings *s, const char *where, const char *command)
{
	struct answer answer = { .bytes = NULL };
	int r, status = CLI_DONE;

	answer.text = open_memstream(&answer.bytes, &answer.size);
	if (answer.text == NULL)
		return cli_error("ctl", CLI_CANNOT, "%s", strerror(ENOMEM));
	r = control_command(s->path, s->number, command, take_line, &answer);
	if (fclose(answer.text) != 0)
		status = cli_error("ctl", CLI_CANNOT, "%s", strerror(ENOMEM));
	else if (r != 0)
		status = explain(s, where, command, r, answer.bytes);
	else if (fputs(answer.bytes, stdout) == EOF || fflush(stdout) != 0)
		status = CLI_CANNOT;
	free(answer.bytes);
	return status;
}

/* --- many --- */

static int pause_for(const char *where, const char *text)
{
	struct timespec left;
	unsigned long ms;
	char *end;

	errno = 0;
	ms = strtoul(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || ms > SLEEP_MOST || *text == '-')
		return cli_error("ctl", CLI_USAGE, "%ssleep %.32s: give milliseconds from 0 to %lu", where, text,
				 SLEEP_MOST);
	left = (struct timespec){ .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000L };
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		;
	return CLI_DONE;
}

/* Without its comment, and without blanks around it. */
static char *trimmed(char *line)
{
	char *end;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	end = line + strlen(line);
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return line;
}

static int run_script(const struct settings *s, FILE *file)
{
	char *line = NULL, where[128];
	size_t room = 0;
	unsigned int number = 0;
	int r = CLI_DONE;

	while (r == CLI_DONE && getline(&line, &room, file) >= 0) {
		char *command = trimmed(line);

		snprintf(where, sizeof(where), "%.100s:%u: ", s->script, ++number);
		if (strncmp(command, "sleep", 5) == 0 && (command[5] == ' ' || command[5] == '\t'))
			r = pause_for(where, command + 5 + strspn(command + 5, " \t"));
		else if (*command != '\0')
			r = give(s, where, command);
	}
	if (r == CLI_DONE && ferror(file))
		r = cli_error("ctl", CLI_CANNOT, "%s: %s", s->script, strerror(errno));
	free(line);
	return r;
}

static int run_file(const struct settings *s)
{
	bool standard = strcmp(s->script, "-") == 0;
	FILE *file = standard ? stdin : fopen(s->script, "re");
	int r;

	if (file == NULL)
		return cli_error("ctl", CLI_CANNOT, "%s: %s", s->script, strerror(errno));
	r = run_script(s, file);
	if (!standard)
		fclose(file);
	return r;
}

static int run_words(const struct settings *s, int count, char **words)
{
	char command[LINE_MOST];
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);

		if (used + length + 2 > sizeof(command))
			return cli_error("ctl", CLI_USAGE, "a command has less than %u bytes", LINE_MOST);
		if (i > 0)
			command[used++] = ' ';
		memcpy(command + used, words[i], length);
		used += length;
	}
	command[used] = '\0';
	return give(s, "", command);
}

int cli_ctl(int argc, char **argv)
{
	struct settings s = { .script = NULL };
	int r = take_all(argc, argv, &s);

	if (r != CLI_DONE)
		return r == HELPED ? CLI_DONE : r;
	if (optind == argc || (s.script == NULL) == (optind + 1 == argc))
		return cli_error("ctl", CLI_USAGE,
				 "name a control socket and a command, or a script with -f; "
				 "pcigate ctl --help says how");
	if (control_split(argv[optind], s.path, sizeof(s.path), &s.number) != 0)
		return cli_error("ctl", CLI_USAGE, "the path of a socket is shorter than this: %.64s…", argv[optind]);
	return s.script != NULL ? run_file(&s) : run_words(&s, argc - optind - 1, argv + optind + 1);
}
