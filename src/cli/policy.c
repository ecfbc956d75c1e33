/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/policy.h"

const char *const cli_policy_help =
	"  --profile NAME           guarded (default): what the specifications ask; strict: the same, and what no table\n"
	"                           names is closed; linux: what Linux's vfio-pci does, its faults included; raw: no\n"
	"                           mediation\n"
	"  --policy NAME[=VALUE]    may be given again; names:\n"
	"                             mps-supported=BYTES   the largest payload the guest may believe in (128 to 4096)\n"
	"                             no-command-memory[=on|off]   the function has no memory enable bit\n"
	"  --quirks FILE|DIRECTORY  what single devices need, instead of what is installed; --no-quirks: none of it\n";

static int set_mps(struct pcg_view_options *options, const char *value)
{
	char *end;
	unsigned long bytes = value != NULL ? strtoul(value, &end, 10) : 0;

	if (value == NULL || *end != '\0' || bytes < 128 || bytes > 4096 || (bytes & (bytes - 1)) != 0)
		return -EINVAL;
	options->mps_supported = (uint16_t)bytes;
	return 0;
}

static int set_no_command_memory(struct pcg_view_options *options, const char *value)
{
	if (value == NULL || strcmp(value, "on") == 0)
		options->no_command_memory = true;
	else if (strcmp(value, "off") == 0)
		options->no_command_memory = false;
	else
		return -EINVAL;
	return 0;
}

static const struct policy {
	const char *name;
	const char *values;
	int (*set)(struct pcg_view_options *options, const char *value);
} policies[] = {
	{ "mps-supported", "a power of two, 128 to 4096", set_mps },
	{ "no-command-memory", "on or off", set_no_command_memory },
};

int cli_profile(const char *verb, struct pcg_view_options *options, const char *name)
{
	char known[128] = "";
	size_t used = 0;
	unsigned int n;

	options->profile = pcg_profile_find(name);
	if (options->profile != NULL)
		return 0;
	for (n = 0; pcg_profile_name(n) != NULL; n++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, " %s", pcg_profile_name(n));
	cli_error(verb, CLI_USAGE, "--profile %s: no such profile; there are%s", name, known);
	return -EINVAL;
}

int cli_policy(const char *verb, struct pcg_view_options *options, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text), i;

	for (i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const struct policy *p = &policies[i];

		if (strlen(p->name) != length || strncmp(p->name, text, length) != 0)
			continue;
		if (p->set(options, equals != NULL ? equals + 1 : NULL) == 0)
			return 0;
		cli_error(verb, CLI_USAGE, "--policy %s: %s takes %s", text, p->name, p->values);
		return -EINVAL;
	}
	cli_error(verb, CLI_USAGE, "--policy %s: no such policy; there are mps-supported and no-command-memory", text);
	return -EINVAL;
}
