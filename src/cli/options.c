/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "cli/options.h"
#include "cli/policy.h"

/* Behind every letter that a verb's own option can be. */
enum shared_option {
	SHARED_PROFILE = 256,
	SHARED_POLICY,
	SHARED_QUIRKS,
	SHARED_HELP,
};

static const struct option shared[] = {
	{ "profile", required_argument, NULL, SHARED_PROFILE },
	{ "policy", required_argument, NULL, SHARED_POLICY },
	{ "quirks", required_argument, NULL, SHARED_QUIRKS },
	{ "no-quirks", no_argument, NULL, SHARED_QUIRKS },
	{ "help", no_argument, NULL, SHARED_HELP },
};

#define NSHARED (sizeof(shared) / sizeof(shared[0]))

static int take_shared(const struct cli_form *form, struct cli_view *view, int option)
{
	int ret = 0;

	switch (option) {
	case SHARED_PROFILE:
		view->profile = true;
		ret = cli_profile(form->verb, &view->options, optarg);
		break;
	case SHARED_POLICY:
		view->policy = true;
		ret = cli_policy(form->verb, &view->options, optarg);
		break;
	case SHARED_QUIRKS:
		view->quirks = true;
		ret = cli_quirks(form->verb, &view->options, optarg);
		break;
	default: /* getopt has said why */
		return CLI_USAGE;
	}
	return ret < 0 ? CLI_USAGE : CLI_DONE;
}

static int take_all(const struct cli_form *form, int argc, char **argv, const struct option *options,
		    struct cli_view *view, void *settings)
{
	const char *letters = form->letters != NULL ? form->letters : "";
	int option, ret = CLI_DONE;

	while (ret == CLI_DONE && (option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (option == SHARED_HELP) {
			form->usage(stdout);
			return CLI_HELPED;
		}
		ret = option < SHARED_PROFILE && option != '?' ? form->take(settings, option)
							       : take_shared(form, view, option);
	}
	return ret;
}

static int check_operands(const struct cli_form *form, int count)
{
	bool one = form->count == 0;

	if (form->count == CLI_ANY || count == (one ? 1 : form->count))
		return CLI_DONE;
	return cli_error(form->verb, CLI_USAGE, "%s; pcigate %s --help says how",
			 one ? "name one function" : form->operands, form->verb);
}

int cli_options(const struct cli_form *form, int argc, char **argv, struct cli_view *view, void *settings)
{
	struct option options[CLI_MOST_OPTIONS + NSHARED + 1] = { 0 };
	char name[32], *verb = argv[0];
	unsigned int own = 0;
	int ret;

	while (own < CLI_MOST_OPTIONS && form->options[own].name != NULL) {
		options[own] = form->options[own];
		own++;
	}
	memcpy(options + own, shared, sizeof(shared));
	view->options.profile = pcg_profile_find("guarded");
	/* What getopt begins its complaints with. */
	snprintf(name, sizeof(name), "pcigate %s", form->verb);
	argv[0] = name;
	ret = take_all(form, argc, argv, options, view, settings);
	argv[0] = verb;
	if (ret == CLI_DONE)
		ret = check_operands(form, argc - optind);
	if (ret == CLI_DONE && cli_default_quirks(form->verb, &view->options) < 0)
		ret = CLI_USAGE;
	return ret;
}

int cli_status(int ret)
{
	return ret == CLI_HELPED ? CLI_DONE : ret;
}
