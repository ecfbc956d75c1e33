/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "view/linux.h"
#include "view/made.h"
#include "view/why.h"

static void note_rule(void *arg, unsigned int dword, uint32_t bits, const struct rule *rule)
{
	struct view_record *record = arg;
	unsigned int i;

	for (i = 0; i < 32; i++)
		if (bits >> i & 1)
			record->rule[dword * 32 + i] = rule;
}

int view_record_init(struct view_record *record, const struct pcg_host_info *info, const uint8_t *config,
		     const struct pcg_view_options *options, const struct pcg_log *log)
{
	const struct view_observer observer = { .arg = record, .decided = note_rule };

	memset(record->rule, 0, sizeof(record->rule));
	record->size = info->config_size;
	return view_init_observed(&record->view, info, config, options, log, &observer);
}

bool view_shows(const struct pcg_view *view, const struct pcg_cap *cap)
{
	unsigned int dword = cap->offset / 4;
	uint32_t mask = cap->extended ? 0xffff : 0xff;

	if (!view->mediated)
		return true;
	if (view->chunked && view->owner[cap->offset] != (uint8_t)cap->id)
		return false;
	return (view->power_on[dword] & mask) == cap->id && cap->id != 0 &&
	       (view->chunked || !(view->read_host[dword] & mask));
}

const struct cap_policy *view_policy(const struct pcg_view *view, const struct pcg_cap *cap)
{
	int made = view_made(view, cap);

	if (cap->extended && cap->id == PCG_ECAP_REBAR && cap->offset == view->rebar)
		return &rebar_on;
	return made >= 0 ? made_policy((enum pcg_made_kind)made) : policy_cap(view->profile, cap);
}

bool view_forced(const struct pcg_view *view, const struct pcg_cap *cap)
{
	const struct pcg_pasid_wish *spoken = &view->options.spoken;
	const bool driven[PCG_NUM_MADE] = { spoken->width != 0, spoken->ats, spoken->page_requests };
	int made = view_made(view, cap);

	return made >= 0 && view->pasid.forced >> made & 1u && !driven[made];
}

bool view_second(const struct pcg_view *view, const struct pcg_cap *cap)
{
	const struct pcg_layout *layout = &view->layout;
	unsigned int i;

	if (cap->extended || view_shows(view, cap))
		return false;
	for (i = 0; i < layout->ncaps; i++)
		if (layout->caps[i].id == cap->id && view_shows(view, &layout->caps[i]))
			return true;
	return false;
}

/* --- where a rule stands --- */

static const struct rules *find_in(const struct rules *rules, unsigned int count, const struct rule *rule)
{
	unsigned int i, j;

	for (i = 0; rules != NULL && i < (count == 0 ? 1 : count); i++)
		for (j = 0; j < rules[i].count; j++)
			if (&rules[i].row[j] == rule)
				return &rules[i];
	return NULL;
}

static const struct rules *find_table(const struct pcg_profile *profile, const struct why *why)
{
	if (why->part == WHY_HEADER)
		return find_in(profile->header, 1, why->rule);
	return why->policy != NULL ? find_in(why->policy->rules, why->policy->variants, why->rule) : NULL;
}

static enum why_part part_of(const struct view_record *record, unsigned int at, const struct pcg_cap *cap)
{
	if (at >= record->size)
		return WHY_PAST_END;
	if (at >= PCG_BAR0 && at < PCG_BAR0 + 4 * PCG_NUM_BARS)
		return WHY_BAR;
	if (at >= PCG_ROM && at < PCG_ROM + 4)
		return WHY_ROM;
	if (at < PCG_HEADER_END)
		return WHY_HEADER;
	if (cap == NULL)
		return WHY_GAP;
	return at - cap->offset < (cap->extended ? 4u : 2u) ? WHY_CHAIN : WHY_CAP;
}

/* --- what happens --- */

static enum why_fate fate_of(const struct pcg_view *view, unsigned int dword, uint32_t bit, const struct rule *rule)
{
	bool to_shadow = view->write_shadow[dword] & bit, to_host = view->write_host[dword] & bit;

	if (view->read_host[dword] & bit) {
		if (view->write_clear[dword] & bit)
			return FATE_CLEAR;
		return to_host ? FATE_THROUGH : FATE_LOOK;
	}
	if (to_host)
		return FATE_BOTH;
	if (to_shadow)
		return FATE_SHADOW;
	if (view->chunked || view->power_on[dword] & bit)
		return FATE_CONSTANT;
	/* A bit that reads 0 now may read otherwise: of another function, or when the mediator says so. */
	return rule != NULL && rule->read != ZERO && rule->read != HOST ? FATE_CONSTANT : FATE_CLOSED;
}

/* linux: the owner of the byte and the row of the bit. */
static void find_owner(const struct pcg_view *view, unsigned int bit, struct why *why)
{
	unsigned int at = bit / 8, i;
	struct linux_plan plan;
	const struct linux_rows *rows;

	if (view->owner[at] == LINUX_NOBODY || view->owner[at] == LINUX_VIRTUAL)
		return;
	linux_plan(view, at, 1, &plan);
	why->start = plan.start;
	why->owner = at >= PCG_CONFIG_CONVENTIONAL ? linux_extended(view->owner[at]) : linux_standard(view->owner[at]);
	if (why->owner->access != LINUX_TABLE)
		return;
	rows = why->owner->rows != NULL ? why->owner->rows : &linux_msi[view->own.msi_layout & 3];
	for (i = 0; i < rows->count; i++) {
		unsigned int from = (plan.start + rows->row[i].at) * 8u;

		if (bit >= from && bit < from + 32 && (rows->row[i].virt | rows->row[i].write) >> (bit - from) & 1)
			why->row = &rows->row[i];
	}
}

void view_why(const struct view_record *record, unsigned int bit, struct why *why)
{
	const struct pcg_view *view = &record->view;
	unsigned int at = bit / 8, dword = bit / 32;
	uint32_t mask = 1u << (bit & 31);

	memset(why, 0, sizeof(*why));
	why->cap = at < PCG_HEADER_END ? NULL : pcg_layout_at(&view->layout, (uint16_t)at);
	why->part = part_of(record, at, why->cap);
	why->rule = record->rule[bit];
	why->fate = fate_of(view, dword, mask, why->rule);
	why->as_zero = view->as_zero[dword] & mask;
	why->bounded = view->mediated && view->msix_vectors < view->msix_size && dword == view->msix / 4u &&
		       mask & (uint32_t)PCG_MSIX_SIZE << 16;
	why->shown = why->cap != NULL && view_shows(view, why->cap);
	why->forced = why->cap != NULL && view_forced(view, why->cap);
	if (!view->mediated)
		return;
	if (view->chunked) {
		why->by_width = view->special[dword] & PCG_SPECIAL_WIDTH;
		find_owner(view, bit, why);
		return;
	}
	if (why->cap != NULL)
		why->policy = view_policy(view, why->cap);
	if (why->rule == NULL)
		return;
	why->table = find_table(view->profile, why);
	why->absent = (why->rule->read == HOST && !(view->read_host[dword] & mask)) ||
		      (why->rule->write & TO_SHADOW && !(view->write_shadow[dword] & mask)) ||
		      (why->rule->write & TO_HOST && !(view->write_host[dword] & mask));
}

bool view_why_same(const struct why *a, const struct why *b)
{
	return a->part == b->part && a->fate == b->fate && a->cap == b->cap && a->rule == b->rule &&
	       a->absent == b->absent && a->by_width == b->by_width && a->owner == b->owner && a->row == b->row &&
	       a->start == b->start && a->bounded == b->bounded && a->forced == b->forced;
}

enum why_fate view_fate(const struct view_record *record, unsigned int at)
{
	enum why_fate fate = FATE_CLOSED;
	unsigned int bit;

	for (bit = at * 8; bit < at * 8 + 8; bit++) {
		enum why_fate one = fate_of(&record->view, bit / 32, 1u << (bit & 31), record->rule[bit]);

		if (one == FATE_CLOSED || one == fate)
			continue;
		if (fate != FATE_CLOSED)
			return FATE_MIXED;
		fate = one;
	}
	return fate;
}
