/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/policy.h"
#include "quirks/quirks.h"

/* Read once, when the command line is; they stay until the program ends. */
static struct {
	struct quirks quirks;
	bool chosen;
} loaded;

int cli_quirks(const char *verb, struct pcg_view_options *options, const char *path)
{
	struct pcg_log log = cli_log(PCG_INFO);

	loaded.chosen = true;
	if (path == NULL) {
		options->quirks = NULL;
		options->nquirks = 0;
		return 0;
	}
	if (quirks_load(&loaded.quirks, path, &log) < 0) {
		cli_error(verb, CLI_USAGE, "--quirks %s: not usable; pcigate quirks check says more", path);
		return -EINVAL;
	}
	options->quirks = loaded.quirks.list;
	options->nquirks = loaded.quirks.count;
	return 0;
}

int cli_default_quirks(const char *verb, struct pcg_view_options *options)
{
	const char *path = getenv("PCIGATE_QUIRKS");

	if (loaded.chosen)
		return 0;
	if (path == NULL)
		path = PCIGATE_QUIRKS;
	return *path == '\0' || access(path, R_OK) != 0 ? 0 : cli_quirks(verb, options, path);
}

static void usage(FILE *out)
{
	fprintf(out,
		"usage: pcigate quirks check FILE|DIRECTORY…\n"
		"       pcigate quirks list\n\n"
		"check reads quirk files without a function and says file and line of what is wrong.\n"
		"list says which directory is read by default, and how much stands there.\n\n"
		"By default quirks come from $PCIGATE_QUIRKS, or from %s.\n",
		PCIGATE_QUIRKS);
}

static int check(int count, char **paths)
{
	struct pcg_log log = cli_log(PCG_INFO);
	int i, status = CLI_DONE;

	for (i = 0; i < count; i++) {
		struct quirks quirks = { 0 };
		int ret = quirks_load(&quirks, paths[i], &log);

		if (ret < 0)
			status = ret == -EINVAL || ret == -EFBIG ? CLI_FOUND : CLI_CANNOT;
		else
			printf("%s: %u quirks\n", paths[i], quirks.count);
		quirks_finish(&quirks);
	}
	return status;
}

static int list(void)
{
	struct pcg_view_options options = { 0 };
	const char *path = getenv("PCIGATE_QUIRKS");

	if (cli_default_quirks("quirks", &options) < 0)
		return CLI_FOUND;
	printf("%s: %u quirks\n", path != NULL ? path : PCIGATE_QUIRKS, options.nquirks);
	return CLI_DONE;
}

int cli_quirks_verb(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return CLI_DONE;
	}
	if (argc == 2 && strcmp(argv[1], "list") == 0)
		return list();
	if (argc > 2 && strcmp(argv[1], "check") == 0)
		return check(argc - 2, argv + 2);
	return cli_error("quirks", CLI_USAGE, "say what: check FILE…, or list; pcigate quirks --help says more");
}
