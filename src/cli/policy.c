/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/function.h>

#include "cli/cli.h"
#include "cli/policy.h"

const char *const cli_policy_help =
	"  --profile NAME           guarded (default): what the specifications ask; strict: the same, and what no table\n"
	"                           names is closed; linux: what Linux's vfio-pci does, its faults included; raw: no\n"
	"                           mediation\n"
	"  --policy NAME[=VALUE]    may be given again; names:\n"
	"                             mps-supported=BYTES   the largest payload the guest may believe in (128 to 4096)\n"
	"                             no-command-memory[=on|off]   the function has no memory enable bit\n"
	"                             msix-vectors=N        the most MSI-X vectors that the guest gets (1 to 2048);\n"
	"                                                   its CPUs and one more serve most drivers: docs/msix.md\n"
	"                             rebar[=on|off]        the guest can resize resizable BARs, where the backend can:\n"
	"                                                   docs/rebar.md\n"
	"                             pasid, ats, pri=on|force|off   PASID, address translation and page requests are shown\n"
	"                                                   to a client that says that it drives them; force: to any,\n"
	"                                                   configuration only: docs/pasid.md\n"
	"                             pasid-width=N         the widest PASID that is shown (1 to 20)\n"
	"                             pasid-at, ats-at, pri-at=OFFSET|pf|gap   where the capability stands\n"
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

static int set_switch(bool *on, const char *value)
{
	if (value != NULL && strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
		return -EINVAL;
	*on = value == NULL || strcmp(value, "on") == 0;
	return 0;
}

static int set_no_command_memory(struct pcg_view_options *options, const char *value)
{
	return set_switch(&options->no_command_memory, value);
}

static int set_rebar(struct pcg_view_options *options, const char *value)
{
	return set_switch(&options->rebar, value);
}

static int set_msix_vectors(struct pcg_view_options *options, const char *value)
{
	char *end;
	unsigned long n = value != NULL && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;

	if (n == 0 || *end != '\0' || n > PCG_MSIX_MAX)
		return -EINVAL;
	options->msix_vectors = (uint16_t)n;
	return 0;
}

static int set_made(struct pcg_made *made, const char *value)
{
	if (value == NULL || strcmp(value, "on") == 0)
		made->shown = PCG_SHOWN_SPOKEN;
	else if (strcmp(value, "force") == 0)
		made->shown = PCG_SHOWN_FORCED;
	else if (strcmp(value, "off") == 0)
		made->shown = PCG_SHOWN_NEVER;
	else
		return -EINVAL;
	return 0;
}

static int set_place(struct pcg_made *made, const char *value)
{
	char *end;
	unsigned long at;

	if (value == NULL || !(*value >= '0' && *value <= '9')) {
		if (value == NULL || (strcmp(value, "pf") != 0 && strcmp(value, "gap") != 0))
			return -EINVAL;
		made->at = strcmp(value, "pf") == 0 ? PCG_PLACE_OWN : PCG_PLACE_GAP;
		return 0;
	}
	at = strtoul(value, &end, 0);
	if (*end != '\0' || at < PCG_CONFIG_CONVENTIONAL || at > PCG_CONFIG_EXTENDED - 8 || at % 4 != 0)
		return -EINVAL;
	made->at = (uint16_t)at;
	return 0;
}

static int set_pasid(struct pcg_view_options *options, const char *value)
{
	return set_made(&options->pasid.pasid, value);
}

static int set_ats(struct pcg_view_options *options, const char *value)
{
	return set_made(&options->pasid.ats, value);
}

static int set_pri(struct pcg_view_options *options, const char *value)
{
	return set_made(&options->pasid.pri, value);
}

static int set_pasid_at(struct pcg_view_options *options, const char *value)
{
	return set_place(&options->pasid.pasid, value);
}

static int set_ats_at(struct pcg_view_options *options, const char *value)
{
	return set_place(&options->pasid.ats, value);
}

static int set_pri_at(struct pcg_view_options *options, const char *value)
{
	return set_place(&options->pasid.pri, value);
}

static int set_pasid_width(struct pcg_view_options *options, const char *value)
{
	char *end;
	unsigned long n = value != NULL && *value >= '0' && *value <= '9' ? strtoul(value, &end, 10) : 0;

	if (n == 0 || *end != '\0' || n > PCG_PASID_MAX_WIDTH)
		return -EINVAL;
	options->pasid.width = (uint8_t)n;
	return 0;
}

#define SHOWN "on (to a client that drives it), force (configuration only) or off"
#define PLACE "an offset (a multiple of 4, 0x100 to 0xff8), pf or gap"

static const struct policy {
	const char *name;
	const char *values;
	int (*set)(struct pcg_view_options *options, const char *value);
} policies[] = {
	{ "mps-supported", "a power of two, 128 to 4096", set_mps },
	{ "no-command-memory", "on or off", set_no_command_memory },
	{ "msix-vectors", "a number of vectors, 1 to 2048", set_msix_vectors },
	{ "rebar", "on or off", set_rebar },
	{ "pasid", SHOWN, set_pasid },
	{ "pasid-width", "a number of bits, 1 to 20", set_pasid_width },
	{ "pasid-at", PLACE, set_pasid_at },
	{ "ats", SHOWN, set_ats },
	{ "ats-at", PLACE, set_ats_at },
	{ "pri", SHOWN, set_pri },
	{ "pri-at", PLACE, set_pri_at },
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
	cli_error(
		verb, CLI_USAGE,
		"--policy %s: no such policy; there are mps-supported, no-command-memory, msix-vectors, rebar, pasid, "
		"pasid-width, pasid-at, ats, ats-at, pri and pri-at",
		text);
	return -EINVAL;
}
