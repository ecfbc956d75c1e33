/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "policy/rule.h"
#include "view/made.h"

/*
 * PASID, ATS and page requests (PCIe 6.0, 6.20 and chapter 10), opt-in for each assignment. What is shown the backend
 * enforces; what it does not is shown only where the operator forces it, and then it is said.
 */

#define DEVCAP2_PREFIX   0x00200000u /* End-End TLP Prefix Supported (7.5.3.15) */
#define DEVCAP2_PREFIXES 0x00c00000u /* Max End-End TLP Prefixes */
#define ONE_PREFIX       0x00400000u

#define ALONE 1u /* page requests that nobody answers: room for one */

static const struct {
	uint16_t id;
	uint16_t length; /* 7.8.9, 10.5.1, 10.5.2 */
	const struct cap_policy *policy;
} kinds[PCG_NUM_MADE] = {
	[PCG_MADE_PASID] = { PCG_ECAP_PASID, 8, &made_pasid },
	[PCG_MADE_ATS] = { PCG_ECAP_ATS, 8, &made_ats },
	[PCG_MADE_PRI] = { PCG_ECAP_PRI, 16, &made_pri },
};

uint16_t made_id(unsigned int kind)
{
	return kinds[kind].id;
}

uint16_t made_length(unsigned int kind)
{
	return kinds[kind].length;
}

const struct cap_policy *made_policy(enum pcg_made_kind kind)
{
	return kinds[kind].policy;
}

/* --- what is offered --- */

static const struct pcg_made *asked(const struct pcg_view *v, unsigned int kind)
{
	const struct pcg_pasid_options *o = &v->options.pasid;

	return kind == PCG_MADE_PASID ? &o->pasid : kind == PCG_MADE_ATS ? &o->ats : &o->pri;
}

static int refuse(const struct compiler *c, const char *why)
{
	pcg_say(c->log, PCG_ERROR, PCG_NOWHERE, 0, why);
	return -EINVAL;
}

static bool is_forced(const struct pcg_view *v, unsigned int kind)
{
	return v->pasid.forced >> kind & 1u;
}

static int offer_pasid(struct compiler *c)
{
	const struct pcg_pasid_facts *facts = &c->info->pasid;
	struct pcg_view_pasid *p = &c->view->pasid;
	unsigned int width = c->view->options.pasid.width;
	bool forced = is_forced(c->view, PCG_MADE_PASID);

	if (facts->width == 0 && !forced)
		return made_refuse(c, PCG_NOWHERE, "pasid",
				   facts->why != NULL ? facts->why
						      : "the backend enforces nothing of PASID, so that the capability "
							"would be a lie; pasid=force shows it all the same");
	if (width == 0)
		width = facts->width != 0 ? facts->width : PCG_PASID_MAX_WIDTH;
	if (!forced && width > facts->width) {
		pcg_say(c->log, PCG_INFO, PCG_NOWHERE, facts->width,
			"pasid-width: the backend enforces fewer bits than that; so many are shown");
		width = facts->width;
	}
	p->offer.width = (uint8_t)width;
	p->offer.execute = facts->width != 0 && facts->execute;
	p->offer.privileged = facts->width != 0 && facts->privileged;
	return 0;
}

static int offer_others(struct compiler *c)
{
	const struct pcg_pasid_facts *facts = &c->info->pasid;
	struct pcg_view_pasid *p = &c->view->pasid;

	if (asked(c->view, PCG_MADE_ATS)->shown != PCG_SHOWN_NEVER) {
		if (!facts->ats && !is_forced(c->view, PCG_MADE_ATS))
			return refuse(c,
				      "ats: the backend answers no translation requests; leave ats out, or ats=force");
		p->offer.ats = true;
	}
	if (asked(c->view, PCG_MADE_PRI)->shown == PCG_SHOWN_NEVER)
		return 0;
	/* 10.4.1: what is asked for is what a translation request found missing. */
	if (asked(c->view, PCG_MADE_ATS)->shown < asked(c->view, PCG_MADE_PRI)->shown)
		return refuse(c, "pri: page requests follow translation requests: pri=on takes ats=on as well, and "
				 "pri=force ats=force");
	if (facts->page_requests == 0 && !is_forced(c->view, PCG_MADE_PRI))
		return refuse(c, "pri: the backend has no page request interface; leave pri out, or pri=force");
	p->offer.page_requests = true;
	p->requests = facts->page_requests != 0 ? facts->page_requests : ALONE;
	return 0;
}

/* --- where it can be --- */

static int check_function(const struct compiler *c)
{
	const struct pcg_cap *express = pcg_layout_find(&c->view->layout, PCG_CAP_EXP);

	if (c->info->config_size < PCG_CONFIG_EXTENDED)
		return refuse(
			c, "pasid, ats, pri: 256 bytes of configuration space have no room for extended capabilities");
	if (express == NULL)
		return refuse(c, "pasid, ats, pri: the function has no Express capability");
	if (asked(c->view, PCG_MADE_PASID)->shown != PCG_SHOWN_NEVER &&
	    (express->version < 2 || express->length < PCG_EXP_DEVCAP2 + 4))
		return refuse(c,
			      "pasid: the function's Express capability has no DEVCAP2, which would say that it sends "
			      "prefixes");
	return 0;
}

/* It would not be hidden and shown at a time. */
static int check_quirks(const struct compiler *c)
{
	const struct pcg_cap *express = pcg_layout_find(&c->view->layout, PCG_CAP_EXP);
	unsigned int kind;

	/* Nor when a client asks for it, who could not be told why. */
	if (asked(c->view, PCG_MADE_PASID)->shown != PCG_SHOWN_NEVER && quirks_hide(c, express))
		return refuse(c, "pasid: a quirk drops the Express capability of the device, which says that it sends "
				 "prefixes; leave the one or the other out");
	for (kind = 0; kind < PCG_NUM_MADE; kind++)
		if (asked(c->view, kind)->shown != PCG_SHOWN_NEVER && quirks_drop(c, kinds[kind].id))
			return refuse(
				c, "pasid, ats, pri: a quirk drops this capability of the device; leave the one or the "
				   "other out");
	return 0;
}

static int check_options(const struct compiler *c)
{
	const struct pcg_view_options *o = &c->view->options;

	if (o->pasid.width > PCG_PASID_MAX_WIDTH)
		return refuse(c, "pasid-width is 1 to 20");
	if (o->pasid.pasid.shown > PCG_SHOWN_FORCED || o->pasid.ats.shown > PCG_SHOWN_FORCED ||
	    o->pasid.pri.shown > PCG_SHOWN_FORCED)
		return refuse(c, "pasid, ats and pri are off, on or force");
	if (!o->profile->mediated)
		return refuse(
			c, "pasid, ats, pri: without mediation the guest meets the function itself, and nothing can be "
			   "made up; take another profile than raw");
	if (o->profile->as_linux)
		return refuse(
			c, "pasid, ats, pri: the profile linux shows what vfio-pci shows, which is none of them; take "
			   "guarded or strict");
	return 0;
}

/* --- what is shown now --- */

static void find_shown(struct pcg_view *v)
{
	const struct pcg_pasid_wish *offer = &v->pasid.offer, *spoken = &v->options.spoken;
	struct pcg_pasid_wish *shown = &v->pasid.shown;
	bool forced = is_forced(v, PCG_MADE_PASID);

	shown->width = forced || spoken->width > offer->width ? offer->width : spoken->width;
	shown->execute = shown->width != 0 && offer->execute && (forced || spoken->execute);
	shown->privileged = shown->width != 0 && offer->privileged && (forced || spoken->privileged);
	shown->ats = offer->ats && (is_forced(v, PCG_MADE_ATS) || spoken->ats);
	shown->page_requests =
		shown->ats && offer->page_requests && (is_forced(v, PCG_MADE_PRI) || spoken->page_requests);
	v->pasid.at[PCG_MADE_PASID] = shown->width != 0 ? v->pasid.place[PCG_MADE_PASID] : 0;
	v->pasid.at[PCG_MADE_ATS] = shown->ats ? v->pasid.place[PCG_MADE_ATS] : 0;
	v->pasid.at[PCG_MADE_PRI] = shown->page_requests ? v->pasid.place[PCG_MADE_PRI] : 0;
}

static int place_all(struct compiler *c)
{
	unsigned int kind;
	int ret = 0;

	/* What the operator put somewhere first, or it may find its place taken. */
	for (kind = 0; ret == 0 && kind < PCG_NUM_MADE; kind++)
		if (asked(c->view, kind)->shown != PCG_SHOWN_NEVER && asked(c->view, kind)->at > PCG_PLACE_GAP)
			ret = place_made(c, (enum pcg_made_kind)kind);
	for (kind = 0; ret == 0 && kind < PCG_NUM_MADE; kind++)
		if (asked(c->view, kind)->shown != PCG_SHOWN_NEVER && asked(c->view, kind)->at <= PCG_PLACE_GAP)
			ret = place_made(c, (enum pcg_made_kind)kind);
	return ret < 0 ? ret : place_head(c);
}

static void say_forced(const struct compiler *c)
{
	static const char *const notes[PCG_NUM_MADE] = {
		[PCG_MADE_PASID] =
			"pasid=force: configuration only: the capability is shown although no client drives it",
		[PCG_MADE_ATS] = "ats=force: configuration only: the capability is shown although no client drives it",
		[PCG_MADE_PRI] = "pri=force: configuration only: the capability is shown although no client drives it",
	};
	unsigned int kind;

	for (kind = 0; kind < PCG_NUM_MADE; kind++)
		if (is_forced(c->view, kind))
			pcg_say(c->log, PCG_WARN, c->view->pasid.place[kind], 0, notes[kind]);
}

int made_plan(struct compiler *c)
{
	unsigned int kind, any = 0;
	int ret;

	for (kind = 0; kind < PCG_NUM_MADE; kind++) {
		any |= asked(c->view, kind)->shown;
		if (asked(c->view, kind)->shown == PCG_SHOWN_FORCED)
			c->view->pasid.forced |= (uint8_t)(1u << kind);
	}
	if (any == PCG_SHOWN_NEVER)
		return 0;
	ret = check_options(c);
	if (ret == 0)
		ret = check_function(c);
	if (ret == 0)
		ret = check_quirks(c);
	if (ret == 0 && asked(c->view, PCG_MADE_PASID)->shown != PCG_SHOWN_NEVER)
		ret = offer_pasid(c);
	if (ret == 0)
		ret = offer_others(c);
	if (ret == 0)
		ret = place_all(c);
	if (ret < 0)
		return ret;
	find_shown(c->view);
	say_forced(c);
	return 0;
}

/* --- compiled --- */

/* 6.20: a function that sends PASIDs says that it sends prefixes; Linux asks no other bit of it. */
int made_prefixes(struct compiler *c, const struct pcg_cap *cap)
{
	static const struct rule rule = { .read = SHADOW,
					  .write = DROPPED,
					  .why = "DEVCAP2.E2E_PREFIX, .MAX_PREFIXES 7.5.3.15: a PASID is a prefix, so "
						 "there is room for one" };
	unsigned int dword = (cap->offset + PCG_EXP_DEVCAP2) / 4u;
	uint32_t bits = DEVCAP2_PREFIX | DEVCAP2_PREFIXES;

	if (c->view->pasid.at[PCG_MADE_PASID] == 0 || cap->extended || cap->id != PCG_CAP_EXP)
		return 0;
	c->prefixes = true;
	/* PASID stands in extended space, so there is more of @config than this. */
	if (pcg_get32(c->config + dword * 4u) & DEVCAP2_PREFIX)
		return 0;
	c->not_rows[dword] |= bits;
	return compile_decide(c, dword, bits, &rule, DEVCAP2_PREFIX | ONE_PREFIX);
}

static int insert(struct compiler *c, unsigned int offset, uint16_t id, uint16_t length, uint8_t version)
{
	struct pcg_layout *layout = &c->view->layout;
	unsigned int i;

	for (i = 0; i < layout->necaps && layout->ecaps[i].offset != offset; i++)
		;
	if (i == PCG_MAX_ECAPS)
		return refuse(c, "pasid, ats, pri: the chain of extended capabilities is full");
	if (i < layout->necaps && layout->ecaps[i].length > length)
		length = layout->ecaps[i].length;
	layout->ecaps[i] = (struct pcg_cap){ (uint16_t)offset, length, id, version, true };
	layout->necaps = (uint16_t)(i == layout->necaps ? i + 1 : layout->necaps);
	return 0;
}

int made_insert(struct compiler *c)
{
	const uint16_t *at = c->view->pasid.at;
	unsigned int kind;
	int ret = 0;

	if (at[PCG_MADE_PASID] != 0 && !c->prefixes)
		return refuse(c,
			      "pasid: the function's Express capability is hidden, and with it what says that it sends "
			      "prefixes");
	/* 7.6.3: a chain begins at 100h, one that was empty with a Null capability (7.9.28) where nothing else is
	 * there. */
	for (kind = 0; kind < PCG_NUM_MADE && at[kind] != PCG_CONFIG_CONVENTIONAL; kind++)
		;
	if (kind < PCG_NUM_MADE)
		ret = insert(c, at[kind], kinds[kind].id, kinds[kind].length, 1);
	else if (c->view->layout.necaps == 0 && (at[PCG_MADE_PASID] | at[PCG_MADE_ATS] | at[PCG_MADE_PRI]) != 0)
		ret = insert(c, PCG_CONFIG_CONVENTIONAL, PCG_ECAP_NULL, 4, 0);
	for (kind = 0; ret == 0 && kind < PCG_NUM_MADE; kind++)
		if (at[kind] != 0)
			ret = insert(c, at[kind], kinds[kind].id, kinds[kind].length, 1);
	return ret;
}

/* What the tables leave open. */
static void fill_in(struct pcg_view *v, enum pcg_made_kind kind)
{
	const struct pcg_pasid_wish *shown = &v->pasid.shown;
	unsigned int at = v->pasid.at[kind];
	uint32_t bits = (shown->execute ? PCG_PASID_EXECUTE : 0) | (shown->privileged ? PCG_PASID_PRIVILEGED : 0);

	switch (kind) {
	case PCG_MADE_PASID:
		/* 7.8.9.3: a control bit whose capability bit is clear is hardwired to 0. */
		v->power_on[(at + PCG_PASID_CAP) / 4] = bits | (uint32_t)shown->width << 8;
		v->write_shadow[(at + PCG_PASID_CAP) / 4] = (bits | PCG_PASID_ENABLE) << 16;
		break;
	case PCG_MADE_PRI:
		v->power_on[(at + PCG_PRI_CAPACITY) / 4] = v->pasid.requests;
		if (shown->width == 0)
			v->power_on[(at + PCG_PRI_CTRL) / 4] &= ~((uint32_t)PCG_PRI_PASID_REQUIRED << 16);
		break;
	case PCG_MADE_ATS:
	case PCG_NUM_MADE:
		break;
	}
}

int made_decide(struct compiler *c, const struct pcg_cap *cap, enum pcg_made_kind kind)
{
	unsigned int end = cap->offset + (unsigned int)cap->length;
	int ret = compile_rows(c, kinds[kind].policy->rules, cap->offset, end);

	if (ret == 0)
		ret = quirks_decide(c, cap);
	if (ret == 0)
		fill_in(c->view, kind);
	/* Longer than it has to be where the function has one of its own. */
	return ret < 0 ? ret : compile_rest(c, REST_CLOSED, cap->offset, end);
}
