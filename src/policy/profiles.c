/* SPDX-License-Identifier: BSD-3-Clause */
#include <pcigate/view.h>

#include "policy/rule.h"

/* The tables stand in other files, so their sizes are no constants here: profiles point at them. */
static const struct pcg_profile profiles[] = {
	{
		.name = "guarded",
		.help = "what the specifications ask; what cannot be made true is hidden and closed (default)",
		.mediated = true,
		.header = &guarded_header,
		.caps = guarded_caps,
		.ncaps = &guarded_ncaps,
		.ecaps = guarded_ecaps,
		.necaps = &guarded_necaps,
		.gaps = REST_OPEN,
		.caps_file = "capabilities.c",
		.ecaps_file = "extended.c",
	},
	{
		.name = "strict",
		.help = "guarded, and what no table names is closed; quirk files open it device by device",
		.mediated = true,
		.header = &guarded_header,
		.caps = guarded_caps,
		.ncaps = &guarded_ncaps,
		.ecaps = guarded_ecaps,
		.necaps = &guarded_necaps,
		.gaps = REST_CLOSED,
		.closed = true,
		.caps_file = "capabilities.c",
		.ecaps_file = "extended.c",
	},
	{
		.name = "linux",
		.help = "what vfio-pci of Linux 7.2 does, bit by bit, its faults included",
		.mediated = true,
		.as_linux = true,
	},
	{
		.name = "raw",
		.help = "no mediation: the function itself, for being another machine's hardware",
		.mediated = false,
	},
};

#define NPROFILES (sizeof(profiles) / sizeof(profiles[0]))

static bool same(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const struct pcg_profile *pcg_profile_find(const char *name)
{
	size_t i;

	for (i = 0; i < NPROFILES; i++)
		if (same(profiles[i].name, name))
			return &profiles[i];
	return NULL;
}

const char *pcg_profile_name(unsigned int n)
{
	return n < NPROFILES ? profiles[n].name : NULL;
}

const char *pcg_profile_help(unsigned int n)
{
	return n < NPROFILES ? profiles[n].help : NULL;
}

const struct cap_policy *policy_cap(const struct pcg_profile *profile, const struct pcg_cap *cap)
{
	static const struct cap_policy hidden = { .why = "no table names it: hidden" };
	const struct cap_policy *table = cap->extended ? profile->ecaps : profile->caps;
	unsigned int count;

	if (table == NULL)
		return &hidden;
	count = cap->extended ? *profile->necaps : *profile->ncaps;
	return cap->id < count && table[cap->id].why != NULL ? &table[cap->id] : &hidden;
}

enum rest policy_rest(const struct pcg_profile *profile, const struct cap_policy *policy)
{
	return profile->closed ? REST_CLOSED : policy->rest;
}
