/* SPDX-License-Identifier: BSD-3-Clause */
/* Functions of this machine as a dump. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "cli/machine.h"
#include "machine/capture.h"

struct settings {
	bool redact;
	const char *output;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate capture BDF… [--redact] [-o FILE]\n\n"
		"Writes functions of this machine as text that lspci -F and dump:FILE read back: BAR sizes, capabilities,\n"
		"all of configuration space. Of a VF name its PF too, and the text says more of it. Run it as root: others\n"
		"see 64 bytes only.\n\n"
		"  --redact    serial numbers and the host's addresses (BARs, windows, message addresses) read as zero\n"
		"  -o FILE     there, instead of to standard output\n" CLI_ROOT_HELP);
}

static int take(void *settings, int option)
{
	struct settings *s = settings;

	if (option == 'o')
		s->output = optarg;
	else
		s->redact = true;
	return CLI_DONE;
}

static const struct option long_options[] = {
	{ "redact", no_argument, NULL, 'r' },
	{ "output", required_argument, NULL, 'o' },
	{ "root", required_argument, NULL, CLI_MACHINE_ROOT },
	{ "help", no_argument, NULL, CLI_MACHINE_HELP },
	{ NULL, 0, NULL, 0 },
};

static const struct cli_machine_form form = {
	.verb = "capture",
	.letters = "o:",
	.options = long_options,
	.take = take,
	.usage = usage,
	.least = 1,
	.most = INT_MAX,
};

static int capture_all(const struct tree *tree, bool redact, char **bdfs, FILE *out)
{
	struct pcg_log notes = cli_log(PCG_WARN);

	for (; *bdfs != NULL; bdfs++)
		if (machine_capture(tree, *bdfs, redact, out, &notes) != 0)
			return CLI_CANNOT;
	return CLI_DONE;
}

int cli_capture(int argc, char **argv)
{
	struct settings s = { 0 };
	struct cli_machine machine;
	FILE *out = stdout;
	int ret = cli_machine_options(&form, argc, argv, &machine, &s);

	for (int i = optind; ret == CLI_DONE && i < argc; i++)
		ret = cli_machine_bdf("capture", argv[i]);
	if (ret != CLI_DONE)
		return ret == CLI_MACHINE_HELPED ? CLI_DONE : ret;
	if (s.output != NULL && strcmp(s.output, "-") != 0)
		out = fopen(s.output, "we");
	if (out == NULL)
		return cli_error("capture", CLI_CANNOT, "-o %s: %s; name a file that can be written", s.output,
				 strerror(errno));
	ret = capture_all(&machine.tree, s.redact, argv + optind, out);
	if (out == stdout)
		return cli_machine_end(ret);
	if (fclose(out) != 0)
		return cli_error("capture", CLI_CANNOT, "-o %s: %s", s.output, strerror(errno));
	return ret;
}
