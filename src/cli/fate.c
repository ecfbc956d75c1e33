/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "cli/fate.h"

static const struct {
	char letter;
	const char *word;
} fates[NUM_FATES] = {
	[FATE_CLOSED] = { '0', "closed: reads 0, takes nothing" },
	[FATE_CONSTANT] = { 'c', "virtual: constant, or the mediator's to change" },
	[FATE_SHADOW] = { 's', "virtual: the guest's own, read and written" },
	[FATE_LOOK] = { 'h', "hardware: to look at" },
	[FATE_CLEAR] = { '1', "hardware: a one clears it (RW1C)" },
	[FATE_THROUGH] = { 'w', "hardware: read and written" },
	[FATE_BOTH] = { 'b', "virtual, and written to hardware as well" },
	[FATE_MIXED] = { 'x', "mixed: its bits differ" },
};

char fate_letter(enum why_fate fate)
{
	return fates[fate].letter;
}

const char *fate_word(enum why_fate fate)
{
	return fates[fate].word;
}

/* --- the fields of a rule --- */

const char *fate_rule_reads(enum rule_read read)
{
	static const char *const words[] = {
		[ZERO] = "0",
		[HOST] = "the function",
		[FIXED] = "what the function held when it was opened",
		[SHADOW] = "a virtual value",
		[KEPT] = "a virtual value that a reset leaves alone",
		[OPENED] = "a sticky virtual value, at first the function's",
	};

	return words[read];
}

const char *fate_rule_writes(unsigned int write)
{
	if (write & RW1C)
		return "a one clears the bit in the function";
	if (write & AS_ZERO)
		return "nothing; written as 0 beside others";
	if (write & CLEARS)
		return "a one clears the virtual bit";
	switch (write & TO_BOTH) {
	case TO_BOTH:
		return "change the virtual value and go to the function";
	case TO_SHADOW:
		return "change the virtual value";
	case TO_HOST:
		return "go to the function";
	default:
		return "nothing";
	}
}

const char *fate_rule_hook(enum rule_hook hook)
{
	static const char *const words[NUM_HOOKS] = {
		[ON_COMMAND] = "memory, I/O, bus mastering and INTx follow, in the order of the safety contract",
		[ON_POWER] = "the power state is changed by the power operation, memory revoked first",
		[ON_DEVCTL] =
			"FLR resets the function; a request size goes to it, never below the physical payload size",
		[ON_AF] = "FLR resets the function",
		[ON_MSI] = "the vectors are set up, masked or taken down",
		[ON_MSIX] = "the vectors are set up, masked or taken down",
		[ON_REBAR] = "the BAR is resized, unless memory is on, before the write is done",
		[ON_PASID] = "what the backend allows and blocks by PASID follows, before the write is done",
	};

	return hook < NUM_HOOKS ? words[hook] : NULL;
}

const char *fate_rest(enum rest rest)
{
	static const char *const words[] = {
		[REST_CLOSED] = "reads 0, writes do nothing",
		[REST_READ_ONLY] = "reads the function, writes do nothing",
		[REST_OPEN] = "reads and writes the function",
	};

	return words[rest];
}

const char *fate_linux_hook(enum linux_hook hook)
{
	static const char *const words[] = {
		[LINUX_NO_HOOK] = NULL,
		[LINUX_ON_HEADER] = "COMMAND gates memory and INTx; BARs are put in order before they are read",
		[LINUX_ON_POWER] = "the power state goes through the host's own code",
		[LINUX_ON_VPD] = "an access starts the host's own VPD code",
		[LINUX_ON_MSI] = "flags follow the vectors that are set up, and reach hardware while they are",
		[LINUX_ON_EXPRESS] = "FLR resets the function; a request size goes through the host's own code",
		[LINUX_ON_AF] = "FLR resets the function",
	};

	return words[hook];
}

const char *fate_linux_access(enum linux_access access)
{
	static const char *const words[] = {
		[LINUX_DIRECT] = "hardware, to look at; its first bytes are the shadow's",
		[LINUX_DIRECT_RAW] = "hardware, read and written; its first bytes read the shadow",
		[LINUX_TABLE] = "by rows; what no row names is hardware's, to look at",
	};

	return words[access];
}

/* --- one bit --- */

const char *fate_reads(const struct why *why)
{
	switch (why->fate) {
	case FATE_LOOK:
	case FATE_CLEAR:
	case FATE_THROUGH:
		return "the function";
	case FATE_CLOSED:
		return "0";
	case FATE_CONSTANT:
		if (why->bounded)
			return "the bound, less one";
		if (why->rule != NULL && why->rule->read == SHADOW && why->part == WHY_HEADER)
			return "a virtual value, kept by the mediator";
		if (why->rule != NULL && why->rule->read != SHADOW && why->rule->read != HOST)
			return fate_rule_reads(why->rule->read);
		return "a virtual value that guests cannot change";
	case FATE_SHADOW:
	case FATE_BOTH:
	case FATE_MIXED:
	case NUM_FATES:
		break;
	}
	if (why->rule != NULL && (why->rule->read == OPENED || why->rule->read == KEPT))
		return fate_rule_reads(why->rule->read);
	return why->owner != NULL ? "the shadow" : "the guest's own value";
}

const char *fate_writes(const struct why *why)
{
	switch (why->fate) {
	case FATE_SHADOW:
		return fate_rule_writes(TO_SHADOW);
	case FATE_THROUGH:
		return fate_rule_writes(TO_HOST);
	case FATE_CLEAR:
		return fate_rule_writes(RW1C);
	case FATE_BOTH:
		/* linux may read one side and write the other. */
		return why->owner != NULL ? fate_rule_writes(TO_HOST) : fate_rule_writes(TO_BOTH);
	case FATE_CLOSED:
	case FATE_CONSTANT:
	case FATE_LOOK:
	case FATE_MIXED:
	case NUM_FATES:
		break;
	}
	if (why->fate == FATE_CONSTANT && why->rule != NULL && why->rule->write & CLEARS)
		return fate_rule_writes(CLEARS);
	return fate_rule_writes(why->as_zero ? AS_ZERO : DROPPED);
}

const char *fate_hook(const struct why *why)
{
	if (why->owner != NULL)
		return why->fate == FATE_CLOSED ? NULL : fate_linux_hook(why->owner->hook);
	return why->rule != NULL ? fate_rule_hook(why->rule->hook) : NULL;
}

#define FORCED "configuration only: forced by --policy, no client has said that it drives it (docs/pasid.md)"

const char *fate_note(const struct why *why)
{
	if (why->forced)
		return FORCED;
	if (why->bounded)
		return "fewer than the function has: --policy msix-vectors, a quirk or the client bounds this assignment (docs/msix.md)";
	if (why->by_width)
		return "depends on where and how wide an access is; this is a natural one";
	if (why->absent)
		return "this function lacks the bit, or cannot be given it: less happens than the rule says";
	return NULL;
}

/* linux: a bit that no row of a table names, or that has no table. */
static void linux_rule(const struct why *why, char *text, size_t size)
{
	if (why->bounded)
		snprintf(text, size, "MSIX_CTRL.SIZE: not Linux's, which has no such bound: what msix-vectors says");
	else if (why->row != NULL)
		snprintf(text, size, "%s", why->row->why);
	else if (why->owner != NULL && why->owner->access == LINUX_TABLE)
		snprintf(text, size, "no row names it: hardware's, to look at");
	else if (why->owner != NULL)
		snprintf(text, size, "%s (%s)", why->owner->why, fate_linux_access(why->owner->access));
	else if (why->fate == FATE_SHADOW)
		snprintf(text, size, "a hidden head's id says that nothing but the shadow is there");
	else if (why->cap != NULL)
		snprintf(text, size, "a hidden capability is nobody's: hardware, read and written");
	else
		snprintf(text, size, "nobody's: hardware, read and written");
}

/* The profile would show it, this function's cannot be shown; a note said so when the view was compiled. */
static const char *hidden_why(const struct pcg_cap *cap)
{
	bool vendors = cap->extended ? cap->id == PCG_ECAP_VSEC || cap->id == PCG_ECAP_DVSEC
				     : cap->id == PCG_CAP_VNDR || cap->id == PCG_CAP_HT;

	if (vendors)
		return "hidden: only its vendor knows it, and no quirk opens any of it";
	if (cap->extended && cap->id == PCG_ECAP_REBAR)
		return "hidden: what it says fits no BAR of this function, or a quirk drops it";
	if (!cap->extended && cap->id == PCG_CAP_MSIX)
		return "hidden: its table or its pending bits lie in no BAR, or a quirk drops it";
	return "hidden: the next one cuts it short, or a quirk drops it";
}

void fate_cap(const struct pcg_view *view, const struct pcg_cap *cap, char *text, size_t size)
{
	const struct pcg_profile *profile = view->profile;
	bool shown = view_shows(view, cap);

	text[0] = '\0';
	if (!profile->mediated)
		return;
	if (profile->as_linux) {
		const struct linux_cap *policy =
			cap->extended ? linux_extended((uint8_t)cap->id) : linux_standard((uint8_t)cap->id);

		snprintf(text, size, "%s", shown ? policy->why : "hidden, its body open");
	} else if (view_forced(view, cap)) {
		snprintf(text, size, "%s", FORCED);
	} else if (shown || !view_policy(view, cap)->shown) {
		snprintf(text, size, "%s", view_policy(view, cap)->why);
	} else if (view_second(view, cap)) {
		snprintf(text, size, "hidden: one instance with state is all there can be");
	} else {
		snprintf(text, size, "%s", hidden_why(cap));
	}
}

void fate_rule(const struct why *why, const struct pcg_view *view, char *text, size_t size)
{
	const struct pcg_profile *profile = view->profile;
	char cap[200];

	if (why->part == WHY_PAST_END)
		snprintf(text, size, "past the end of the function's configuration space");
	else if (!profile->mediated)
		snprintf(text, size, "no mediation: the function itself");
	else if (profile->as_linux)
		linux_rule(why, text, size);
	else if (why->rule != NULL && why->rule->why != NULL)
		snprintf(text, size, "%s", why->rule->why);
	else if (why->part == WHY_GAP)
		snprintf(text, size, "no capability's: %s", fate_rest(profile->gaps));
	else if (why->policy == NULL)
		snprintf(text, size, "no row names it; the rest of the header is closed");
	else {
		fate_cap(view, why->cap, cap, sizeof(cap));
		if (why->shown)
			snprintf(text, size, "no row names it; %s (%s)", fate_rest(policy_rest(profile, why->policy)),
				 cap);
		else
			snprintf(text, size, "%s", cap);
	}
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

void fate_origin(const struct why *why, const struct pcg_profile *profile, unsigned int at, char *text, size_t size)
{
	const char *file;

	if (profile->as_linux && why->owner != NULL) {
		snprintf(text, size, "src/policy/%s.c, the rows of %s",
			 at >= PCG_CONFIG_CONVENTIONAL ? "linux_extended" : "linux_standard",
			 at < PCG_HEADER_END ? "the header" : "the capability");
		return;
	}
	if (why->table != NULL && why->table->file != NULL) {
		snprintf(text, size, "src/policy/%s, %s", base_name(why->table->file), why->table->name);
		return;
	}
	if (why->rule != NULL && why->rule->why != NULL) {
		snprintf(text, size, "src/view/compile.c");
		return;
	}
	file = why->policy == NULL ? NULL : why->cap->extended ? profile->ecaps_file : profile->caps_file;
	if (file != NULL)
		snprintf(text, size, "src/policy/%s%s", file,
			 why->policy->shown ? ", the capability's entry" : ", which does not show it");
	else
		snprintf(text, size, "src/policy/profiles.c, %s", profile->name);
}

unsigned int fate_ranges(const struct view_record *record, unsigned int offset, unsigned int width,
			 struct fate_range ranges[32])
{
	unsigned int n = 0, bit;

	for (bit = width * 8; bit-- > 0;) {
		struct why why;

		view_why(record, offset * 8 + bit, &why);
		if (n > 0 && view_why_same(&ranges[n - 1].why, &why)) {
			ranges[n - 1].low = bit;
			continue;
		}
		ranges[n].high = bit;
		ranges[n].low = bit;
		ranges[n].why = why;
		n++;
	}
	return n;
}
