/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "conform/check.h"

static void check_restored(struct conform *c, const struct check *check)
{
	(void)check;
	session_restore_host(c);
	session_compare(c);
}

static const struct check suite_checks[] = {
	{ .id = "suite.restores",
	  .spec = "-",
	  .what = "the function is as it was before the checks",
	  .run = check_restored },
};

static const struct check_group suite_group = CHECK_GROUP("suite", suite_checks);

/* Resets late: what they lose no other check wants. */
static const struct check_group *const groups[] = {
	&header_group, &rw1c_group,   &bars_group,     &chains_group, &express_group, &power_group,
	&msi_group,    &msix_group,   &extended_group, &pasid_group,  &sriov_group,   &rebar_group,
	&vpd_group,    &hidden_group, &widths_group,   &gate_group,   &reset_group,   &suite_group,
};

#define NGROUPS (sizeof(groups) / sizeof(groups[0]))

static const struct check *nth(unsigned int n, const char **group)
{
	size_t i;

	for (i = 0; i < NGROUPS; i++) {
		if (n < groups[i]->count) {
			*group = groups[i]->name;
			return &groups[i]->check[n];
		}
		n -= groups[i]->count;
	}
	return NULL;
}

bool conform_entry(unsigned int n, struct conform_entry *entry)
{
	const char *group;
	const struct check *check = nth(n, &group);

	if (check == NULL)
		return false;
	*entry = (struct conform_entry){ .id = check->id, .group = group, .spec = check->spec, .what = check->what };
	return true;
}

const char *conform_verdict_text(enum conform_verdict verdict)
{
	static const char *const text[CONFORM_VERDICTS] = { "pass", "fail", "not applicable", "cannot tell" };

	return text[verdict];
}

static bool names(const char *glob, const char *id)
{
	const struct conform_fault *fault;
	unsigned int i;

	if (fnmatch(glob, id, 0) == 0)
		return true;
	for (i = 0; (fault = conform_fault(i)) != NULL; i++)
		if (fnmatch(glob, fault->name, 0) == 0 && conform_fault_shown_by(fault, id))
			return true;
	return false;
}

static bool chosen(const struct conform_options *options, const struct check *check, const char *group)
{
	unsigned int i;

	if (options->no_reset && strcmp(group, "reset") == 0)
		return false;
	for (i = 0; i < options->nonly; i++)
		if (names(options->only[i], check->id))
			return true;
	return options->nonly == 0;
}

unsigned int conform_count(const struct conform_options *options)
{
	const struct check *check;
	const char *group;
	unsigned int i, n = 0;

	for (i = 0; (check = nth(i, &group)) != NULL; i++)
		n += chosen(options, check, group);
	return n;
}

/* --- whether a check makes sense here --- */

static unsigned int port_type(const struct conform *c)
{
	return pcg_get16(c->guest + check_find(c, PCG_CAP_EXP) + PCG_EXP_FLAGS) >> 4 & 0xf;
}

static bool has_memory(const struct conform *c)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++)
		if ((c->bar[i].kind == PCG_BAR_MEM32 || c->bar[i].kind == PCG_BAR_MEM64) && c->target->region_size[i])
			return true;
	return false;
}

static bool has_reset_bit(const struct conform *c, bool af)
{
	unsigned int at = check_find(c, af ? PCG_CAP_AF : PCG_CAP_EXP);

	if (at == 0)
		return false;
	return af ? (c->guest[at + PCG_AF_CAP] & 3) == 3
		  : (pcg_get32(c->guest + at + PCG_EXP_DEVCAP) & PCG_DEVCAP_FLR) != 0;
}

static void need_express(struct conform *c, unsigned int needs)
{
	if (!c->express) {
		if (needs & (NEEDS_EXPRESS | NEEDS_LINK | NEEDS_V2))
			check_none(c, "the function is not PCI Express");
		return;
	}
	if (needs & NEEDS_LINK && port_type(c) != 0 && port_type(c) != 1)
		check_none(c, "the function has no link");
	if (needs & NEEDS_V2 && (pcg_get16(c->guest + check_find(c, PCG_CAP_EXP) + PCG_EXP_FLAGS) & 0xf) < 2)
		check_none(c, "the Express capability is older than version 2");
}

static void need(struct conform *c, const struct check *check)
{
	const struct walk_cap *cap = check->cap != 0 ? check_cap(c, check->cap) : NULL;
	unsigned int needs = check->needs;

	need_express(c, needs);
	if (check->cap != 0 && cap == NULL)
		check_none(c, "no such capability");
	else if (cap != NULL && check->reg + check->width > cap->room)
		check_none(c, "the capability at %03x ends before this register", cap->at);
	if (needs & NEEDS_PF && c->target->is_vf)
		check_none(c, "a VF has these bits hardwired");
	if (needs & NEEDS_FLR && !has_reset_bit(c, false))
		check_none(c, "the function has no function level reset");
	if (needs & NEEDS_AF && !has_reset_bit(c, true))
		check_none(c, "the function has no Advanced Features reset");
	if (needs & NEEDS_MEMORY && !has_memory(c))
		check_none(c, "the function has no memory BAR");
	if (needs & NEEDS_HOST && c->target->host == NULL)
		check_unknown(c, "the function's own side cannot be seen from here");
	else if (needs & NEEDS_WATCH && check_blind(c))
		check_unknown(c, "what is written to the function cannot be seen from here");
	c->base = cap != NULL ? cap->at : 0;
}

static void run_one(struct conform *c, const struct check *check, const char *group)
{
	memset(&c->result, 0, sizeof(c->result));
	c->result.id = check->id;
	c->result.group = group;
	c->result.spec = check->spec;
	c->result.what = check->what;
	session_mark(c);
	need(c, check);
	if (!check_over(c))
		check->run(c, check);
	session_restore(c);
	c->options->result(c->options->arg, &c->result);
}

int conform_run(struct target *target, const struct conform_options *options)
{
	struct conform *c = calloc(1, sizeof(*c));
	const struct check *check;
	const char *group;
	unsigned int i;
	int r;

	if (c == NULL)
		return -ENOMEM;
	c->target = target;
	c->options = options;
	r = session_begin(c);
	for (i = 0; r == 0 && (check = nth(i, &group)) != NULL; i++) {
		if (chosen(options, check, group))
			run_one(c, check, group);
		if (target->lost)
			r = -ENOTCONN;
		else if (session_stopped(c))
			r = -EINTR;
	}
	if (r != -ENOTCONN)
		session_restore_host(c);
	free(c);
	return r;
}
