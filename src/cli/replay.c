/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "cli/policy.h"
#include "trace/replay.h"

struct settings {
	struct cli_view view;
	bool effects;
	bool records;
	const char *record; /* NULL: standard output */
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

static int take(void *settings, int option)
{
	struct settings *s = settings;

	if (option == 'e') {
		s->effects = true;
	} else {
		s->records = true;
		s->record = optarg;
	}
	return CLI_DONE;
}

static const struct option long_options[] = {
	{ "effects", no_argument, NULL, 'e' },
	{ "record", optional_argument, NULL, 'r' },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_form form = {
	.verb = "replay",
	.options = long_options,
	.take = take,
	.usage = usage,
	.count = 2,
	.operands = "name a function and a trace",
};

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
	int ret = cli_options(&form, argc, argv, &s.view, &s);

	if (ret != CLI_DONE)
		return cli_status(ret);
	s.trace = argv[optind + 1];
	if (s.records && s.record != NULL) {
		replay.record = fopen(s.record, "we");
		if (replay.record == NULL)
			return cli_error("replay", CLI_CANNOT, "--record=%s: %s; name a file that can be written",
					 s.record, strerror(errno));
	} else if (s.records) {
		replay.record = stdout;
	}
	if (pcg_host_create(&host, argv[optind], &notes) < 0) {
		ret = CLI_CANNOT;
	} else {
		replay.host = host;
		replay.view = &s.view.options;
		replay.name = s.trace;
		replay.effects = s.effects;
		ret = run(&s, &replay);
		pcg_host_destroy(host);
	}
	if (replay.record != NULL && replay.record != stdout && fclose(replay.record) != 0)
		ret = cli_error("replay", CLI_CANNOT, "--record=%s: %s", s.record, strerror(errno));
	return fflush(stdout) == 0 && !ferror(stdout) ? ret : CLI_CANNOT;
}
