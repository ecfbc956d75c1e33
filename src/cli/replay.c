/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/policy.h"
#include "trace/replay.h"

struct settings {
	struct pcg_view_options view;
	bool effects;
	bool records;
	const char *record; /* NULL: standard output */
	const char *func;
	const char *trace;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate replay FUNC TRACE [--profile P] [--effects] [--record[=FILE]]\n\n"
		"Runs an access trace, plain or gzipped, against a function and tells where it differs: exit 0 when\n"
		"everything is as the trace says, 1 when not.\n\n"
		"  --effects                compare what writes ask of their surroundings too (\"# effect:\")\n"
		"  --record[=FILE]          compare nothing; write the trace as it came out, to FILE or standard output\n");
	fputs(cli_policy_help, out);
	fprintf(out, "\nTraces of functions made of plain memory want dump:FILE,hw=ram\n");
}

static int parse(int argc, char **argv, struct settings *s)
{
	static const struct option options[] = {
		{ "effects", no_argument, NULL, 'e' },       { "record", optional_argument, NULL, 'r' },
		{ "profile", required_argument, NULL, 'p' }, { "policy", required_argument, NULL, 'P' },
		{ "quirks", required_argument, NULL, 'q' },  { "no-quirks", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, '?' + 256 },    { NULL, 0, NULL, 0 },
	};
	int option;

	s->view.profile = pcg_profile_find("guarded");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'e':
			s->effects = true;
			break;
		case 'r':
			s->records = true;
			s->record = optarg;
			break;
		case 'p':
			if (cli_profile("replay", &s->view, optarg) < 0)
				return CLI_USAGE;
			break;
		case 'P':
			if (cli_policy("replay", &s->view, optarg) < 0)
				return CLI_USAGE;
			break;
		case 'q':
			if (cli_quirks("replay", &s->view, optarg) < 0)
				return CLI_USAGE;
			break;
		case '?' + 256:
			usage(stdout);
			return -1;
		default:
			return CLI_USAGE;
		}
	}
	if (optind != argc - 2)
		return cli_error("replay", CLI_USAGE, "name a function and a trace; pcigate replay --help says how");
	s->func = argv[optind];
	s->trace = argv[optind + 1];
	return CLI_DONE;
}

static int run(const struct settings *s, struct replay_settings *replay)
{
	struct replay_result result;
	int ret = replay_file(replay, s->trace, &result);

	if (ret < 0)
		return CLI_CANNOT;
	if (s->records)
		return CLI_DONE;
	printf("%s: %lu lines, %lu checks, %lu differences\n", s->trace, result.lines, result.checks,
	       result.differences);
	return result.differences == 0 ? CLI_DONE : CLI_FOUND;
}

int cli_replay(int argc, char **argv)
{
	struct settings s = { 0 };
	struct pcg_log notes = cli_log(PCG_WARN);
	struct replay_settings replay = { .log = &notes, .report = stdout };
	struct pcg_host *host;
	int ret = parse(argc, argv, &s);

	if (ret != CLI_DONE)
		return ret < 0 ? CLI_DONE : ret;
	if (s.records && s.record != NULL) {
		replay.record = fopen(s.record, "we");
		if (replay.record == NULL)
			return cli_error("replay", CLI_CANNOT, "--record=%s: %s; name a file that can be written",
					 s.record, strerror(errno));
	} else if (s.records) {
		replay.record = stdout;
	}
	if (pcg_host_create(&host, s.func, &notes) < 0) {
		ret = CLI_CANNOT;
	} else {
		replay.host = host;
		replay.view = &s.view;
		replay.name = s.trace;
		replay.effects = s.effects;
		ret = run(&s, &replay);
		pcg_host_destroy(host);
	}
	if (replay.record != NULL && replay.record != stdout && fclose(replay.record) != 0)
		ret = cli_error("replay", CLI_CANNOT, "--record=%s: %s", s.record, strerror(errno));
	return fflush(stdout) == 0 && !ferror(stdout) ? ret : CLI_CANNOT;
}
