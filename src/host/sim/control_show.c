/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that tell: what a function is, what is wrong with it, what happened to it. */
#include <errno.h>
#include <stdio.h>

#include "host/sim/control.h"
#include "host/sim/pool_internal.h"

static const char *kind_of(const struct fabric_function *f)
{
	if (f->below != NULL)
		return "port";
	if (f->physical != NULL)
		return "VF";
	return f->at.sriov != 0 ? "PF" : "endpoint";
}

static const char *life_of(const struct fabric_function *f)
{
	if (f->flr_end != 0)
		return "in reset";
	return fabric_alive(f) ? "answers" : "gone";
}

static void say_function(struct sim_control *control, const struct fabric_function *f)
{
	static const char *const states[] = { "D0", "D1", "D2", "D3hot" };
	char name[64], bdf[16];

	sim_name(f, name, sizeof(name));
	control_bdf(f, bdf);
	control_say(control, "%s %s %s, %s, %s%s", name, bdf, kind_of(f), states[model_power(&f->model)], life_of(f),
		    control->shared != NULL && sim_fabric_seat(control->shared, f) != NULL ? ", served" : "");
}

static void say_count(struct sim_control *control, const char *name, uint32_t count)
{
	if (count == UINT32_MAX)
		control_say(control, "  fault %s forever", name);
	else if (count != 0)
		control_say(control, "  fault %s %u", name, count);
}

static void say_faults(struct sim_control *control, const struct fabric_faults *faults)
{
	say_count(control, "malformed", faults->malform);
	say_count(control, "poisoned", faults->poison);
	say_count(control, "timeout", faults->mute);
	say_count(control, "abort", faults->abort);
	say_count(control, "iommu", faults->block);
	if (faults->config_ones)
		control_say(control, "  fault config-ones on");
	if (faults->stuck_power)
		control_say(control, "  fault stuck-power on");
	if (faults->flr_never)
		control_say(control, "  fault flr never");
	else if (faults->flr_ms != 0)
		control_say(control, "  fault flr %u", faults->flr_ms);
}

static void say_errors(struct sim_control *control, const struct fabric_function *f, const char *before)
{
	uint16_t bdf = fabric_bdf(f);
	const struct sim_errors *errors = sim_errors_of(control->errors, bdf);
	const struct pcg_fault *blocked = control->iommu != NULL ? iommu_fault_newest(control->iommu, bdf) : NULL;
	char text[SIM_BLOCKED_TEXT];

	if (errors != NULL)
		control_say(control, "%scorrectable %u, nonfatal %u, fatal %u, not reported %u, newest %s", before,
			    errors->correctable, errors->nonfatal, errors->fatal, errors->silent,
			    sim_errors_text(errors->newest));
	if (blocked == NULL)
		return;
	sim_blocked_text(blocked, text);
	control_say(control, "%sblocked by the IOMMU %llu, newest %s", before,
		    (unsigned long long)iommu_fault_count(control->iommu, bdf), text);
}

/* All that there are, or the one that is named. */
static int each(struct sim_control *control, struct control_words *words,
		void (*say)(struct sim_control *control, const struct fabric_function *f))
{
	struct fabric_function *f;
	int r;

	if (words->count > 0) {
		f = control_function(control, words, NULL);
		if (f == NULL)
			return -ENODEV;
		r = control_end(control, words);
		if (r == 0)
			say(control, f);
		return r;
	}
	for (f = fabric_each(control->fabric, NULL); f != NULL; f = fabric_each(control->fabric, f))
		say(control, f);
	return 0;
}

static void errors_of(struct sim_control *control, const struct fabric_function *f)
{
	char name[64], before[72];

	sim_name(f, name, sizeof(name));
	snprintf(before, sizeof(before), "%s ", name);
	say_errors(control, f, before);
}

static void show_one(struct sim_control *control, const struct fabric_function *f)
{
	say_function(control, f);
	say_faults(control, &f->faults);
	say_errors(control, f, "  ");
}

int control_errors(struct sim_control *control, struct control_words *words)
{
	return each(control, words, errors_of);
}

int control_show(struct sim_control *control, struct control_words *words)
{
	return each(control, words, show_one);
}
