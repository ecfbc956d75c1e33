/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that make something go wrong: faults, resets that nobody is told of, removal and insertion. */
#include <errno.h>
#include <string.h>

#include "host/sim/control.h"
#include "host/sim/firmware.h"
#include "host/sim/pool.h"

#define MOST_FLR_MS 3600000u

/* --- fault --- */

/* How often: 1, if nothing is said. */
static int take_count(struct sim_control *control, struct control_words *words, bool forever, uint32_t *count)
{
	const char *text = control_take(words);
	uint64_t value = 1;
	int r = 0;

	if (forever && text != NULL && strcmp(text, "forever") == 0)
		value = UINT32_MAX;
	else if (text != NULL)
		r = control_number(control, text, UINT32_MAX - 1, &value);
	if (r == 0)
		*count = (uint32_t)value;
	return r;
}

static int take_switch(struct sim_control *control, struct control_words *words, bool *on)
{
	const char *text = control_take(words);

	if (text == NULL || (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)) {
		control_say(control, "it is on or off");
		return -EINVAL;
	}
	*on = strcmp(text, "on") == 0;
	return 0;
}

static int malformed(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_count(control, words, false, &faults->malform);
}

static int poisoned(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_count(control, words, false, &faults->poison);
}

static int timed_out(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_count(control, words, true, &faults->mute);
}

static int aborted(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_count(control, words, false, &faults->abort);
}

static int blocked(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_count(control, words, false, &faults->block);
}

static int config_ones(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_switch(control, words, &faults->config_ones);
}

static int stuck_power(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	return take_switch(control, words, &faults->stuck_power);
}

static int flr(struct sim_control *control, struct control_words *words, struct fabric_faults *faults)
{
	const char *text = control_take(words);
	uint64_t ms = 0;
	int r = 0;

	if (text == NULL || (strcmp(text, "never") != 0 && strcmp(text, "now") != 0))
		r = control_number(control, text, MOST_FLR_MS, &ms);
	if (r != 0)
		return r;
	faults->flr_never = text != NULL && strcmp(text, "never") == 0;
	faults->flr_ms = (uint32_t)ms;
	return 0;
}

static const struct kind {
	const char *name;
	int (*set)(struct sim_control *control, struct control_words *words, struct fabric_faults *faults);
} kinds[] = {
	{ "malformed", malformed },     { "poisoned", poisoned }, { "timeout", timed_out },
	{ "abort", aborted },           { "iommu", blocked },     { "config-ones", config_ones },
	{ "stuck-power", stuck_power }, { "flr", flr },           { "clear", NULL },
};

static const struct kind *kind_of(const char *word)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, word) == 0)
			return &kinds[i];
	return NULL;
}

static bool is_kind(const char *word)
{
	return kind_of(word) != NULL;
}

/* What is under way with it ends by the rules that are new. */
static void apply(struct fabric_function *f, const struct fabric_faults *faults)
{
	bool ends = f->faults.flr_never && !faults->flr_never;

	if (ends)
		fabric_faults_clear(f);
	f->faults = *faults;
}

int control_fault(struct sim_control *control, struct control_words *words)
{
	struct fabric_function *f = control_function(control, words, is_kind);
	struct fabric_faults faults;
	const struct kind *kind;
	const char *word;
	int r = 0;

	if (f == NULL)
		return -ENODEV;
	word = control_take(words);
	kind = word != NULL ? kind_of(word) : NULL;
	if (kind == NULL) {
		control_say(control, "\"%.40s\" is no fault", word != NULL ? word : "");
		return -EINVAL;
	}
	faults = f->faults;
	if (kind->set != NULL)
		r = kind->set(control, words, &faults);
	else
		memset(&faults, 0, sizeof(faults));
	if (r == 0)
		r = control_end(control, words);
	if (r == 0)
		apply(f, &faults);
	return r;
}

/* --- what happens to it --- */

static int one(struct sim_control *control, struct control_words *words, struct fabric_function **f)
{
	*f = control_function(control, words, NULL);
	if (*f == NULL)
		return -ENODEV;
	return control_end(control, words);
}

int control_reset(struct sim_control *control, struct control_words *words)
{
	struct fabric_function *f;
	int r = one(control, words, &f);

	if (r != 0)
		return r;
	if (f->below != NULL) {
		control_say(control, "%s is a port: the link below it is reset by its Bridge Control", f->name);
		return -ENOTSUP;
	}
	fabric_flr(f, FABRIC_RESET_BACKDOOR);
	return 0;
}

int control_remove(struct sim_control *control, struct control_words *words)
{
	struct fabric_function *f;
	int r = one(control, words, &f);

	if (r != 0)
		return r;
	r = fabric_remove(f);
	if (r == -EALREADY)
		control_say(control, "it is out");
	else if (r != 0)
		control_say(control, "it stands on no link that it could be pulled from");
	return r;
}

/* What the host does with functions that came: they are where they were, what is above first, and a PF gets its VFs. */
static void greet(struct sim_control *control)
{
	struct fabric_function *f;

	/* A guest that has the whole fabric does that itself. */
	if (control->shared == NULL)
		return;
	for (f = fabric_each(control->fabric, NULL); f != NULL; f = fabric_each(control->fabric, f))
		if (firmware_again(control->shared->kept, f))
			sim_fabric_reset_over(control->shared, f);
}

int control_insert(struct sim_control *control, struct control_words *words)
{
	struct fabric_function *f;
	int r = one(control, words, &f);

	if (r != 0)
		return r;
	r = fabric_insert(f);
	if (r == 0)
		greet(control);
	else
		control_say(control, "it is in");
	return r;
}
