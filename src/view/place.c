/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "view/made.h"

/*
 * Where a capability that is made up can stand: on bytes that are nobody's. Those of every capability of the function
 * are somebody's, shown or not; so is what reads otherwise than zero, and what a quirk speaks of. Registers that only
 * the vendor knows may read zero: of them nobody can know, but a quirk.
 */

#define FIRST PCG_CONFIG_CONVENTIONAL
#define LAST  (PCG_CONFIG_EXTENDED - 4)

/* --- what is said --- */

struct sentence {
	char text[256];
	unsigned int used;
};

static void say(struct sentence *s, const char *words)
{
	while (*words != '\0' && s->used + 1 < sizeof(s->text))
		s->text[s->used++] = *words++;
	s->text[s->used] = '\0';
}

static void say_hex(struct sentence *s, unsigned int value)
{
	static const char digits[] = "0123456789abcdef";
	char text[6] = "0x";
	unsigned int n = 2;

	text[n++] = digits[value >> 8 & 0xf];
	text[n++] = digits[value >> 4 & 0xf];
	text[n++] = digits[value & 0xf];
	text[n] = '\0';
	say(s, text);
}

/* --- who has a byte --- */

/**
 * struct obstacle - what is in the way
 * @at: the byte
 * @who: in words; NULL: nothing is in the way
 * @start: where @who begins
 */
struct obstacle {
	unsigned int at;
	const char *who;
	unsigned int start;
};

static bool is_same(const struct pcg_cap *cap, unsigned int kind, unsigned int at)
{
	return cap->id == made_id(kind) && cap->offset == at;
}

/* Of its own capability a made one may take the place, and all of its bytes. */
static bool is_own(const struct pcg_cap *cap, unsigned int kind, unsigned int at)
{
	return is_same(cap, kind, at) && cap->length >= made_length(kind);
}

static const char *cap_name(const struct pcg_cap *cap)
{
	const char *name = pcg_cap_text(cap->id, true, NULL);

	return name != NULL ? name : "a capability that this version does not know";
}

/* Of its own one that another cuts short, that other is in the way. */
static bool by_capability(const struct compiler *c, unsigned int kind, unsigned int at, struct obstacle *o)
{
	const struct pcg_layout *layout = &c->view->layout;
	unsigned int end = at + made_length(kind), i;

	for (i = 0; i < layout->necaps; i++) {
		const struct pcg_cap *cap = &layout->ecaps[i];

		if (cap->offset >= end || cap->offset + (unsigned int)cap->length <= at || is_same(cap, kind, at))
			continue;
		*o = (struct obstacle){ cap->offset > at ? cap->offset : at, cap_name(cap), cap->offset };
		return true;
	}
	return false;
}

static bool by_made(const struct compiler *c, unsigned int kind, unsigned int at, struct obstacle *o)
{
	unsigned int end = at + made_length(kind), other;

	for (other = 0; other < PCG_NUM_MADE; other++) {
		unsigned int start = c->view->pasid.place[other];

		if (other == kind || start == 0 || start >= end || start + made_length(other) <= at)
			continue;
		*o = (struct obstacle){ start > at ? start : at, pcg_cap_text(made_id(other), true, NULL), start };
		return true;
	}
	return false;
}

static bool own_of(const struct compiler *c, unsigned int kind, unsigned int at)
{
	const struct pcg_cap *cap = pcg_layout_at(&c->view->layout, (uint16_t)at);

	return cap != NULL && is_own(cap, kind, cap->offset);
}

/* One dword; whose it is where it is not free. */
static const char *taken(const struct compiler *c, unsigned int at, unsigned int *byte)
{
	unsigned int i;

	*byte = at;
	if (quirks_speak(c, at, at + 4))
		return "a quirk's registers";
	for (i = 0; i < 4; i++) {
		*byte = at + i;
		if (c->config[at + i] != 0)
			return "a byte that is not zero, of registers that only the vendor knows";
	}
	return NULL;
}

static bool is_free(const struct compiler *c, unsigned int kind, unsigned int at, struct obstacle *o)
{
	unsigned int dword, byte;

	*o = (struct obstacle){ .at = at };
	if (by_capability(c, kind, at, o) || by_made(c, kind, at, o))
		return false;
	/* Its own registers in the function are hidden, whatever they hold. */
	if (own_of(c, kind, at))
		return true;
	for (dword = at; dword < at + made_length(kind); dword += 4) {
		const char *who = taken(c, dword, &byte);

		if (who == NULL)
			continue;
		*o = (struct obstacle){ byte, who, byte };
		return false;
	}
	return true;
}

/* --- one place --- */

static const char *const options[PCG_NUM_MADE] = {
	[PCG_MADE_PASID] = "pasid-at",
	[PCG_MADE_ATS] = "ats-at",
	[PCG_MADE_PRI] = "pri-at",
};

int made_refuse(const struct compiler *c, unsigned int at, const char *option, const char *why)
{
	struct sentence s = { .used = 0 };

	say(&s, option);
	say(&s, ": ");
	say(&s, why);
	pcg_say(c->log, PCG_ERROR, at, 0, s.text);
	return -EINVAL;
}

static int refuse(const struct compiler *c, unsigned int kind, unsigned int at, const char *why)
{
	return made_refuse(c, at, options[kind], why);
}

static int refuse_taken(const struct compiler *c, unsigned int kind, unsigned int at, const struct obstacle *o)
{
	struct sentence s = { .used = 0 };

	say(&s, options[kind]);
	say(&s, ": bytes ");
	say_hex(&s, at);
	say(&s, " to ");
	say_hex(&s, at + made_length(kind) - 1);
	say(&s, " are taken: at ");
	say_hex(&s, o->at);
	say(&s, " stands ");
	say(&s, o->who);
	if (o->start != o->at) {
		say(&s, " (from ");
		say_hex(&s, o->start);
		say(&s, ")");
	}
	say(&s, "; name another offset, or gap");
	pcg_say(c->log, PCG_ERROR, o->at, c->config[o->at], s.text);
	return -EINVAL;
}

static int take(struct compiler *c, unsigned int kind, unsigned int at)
{
	c->view->pasid.place[kind] = (uint16_t)at;
	return 0;
}

static int at_offset(struct compiler *c, unsigned int kind, unsigned int at)
{
	struct obstacle o;

	if (at < FIRST || at > PCG_CONFIG_EXTENDED - made_length(kind) || at % 4 != 0)
		return refuse(c, kind, at,
			      "an offset is a multiple of 4, from 0x100 up, and the capability ends with 0xfff");
	return is_free(c, kind, at, &o) ? take(c, kind, at) : refuse_taken(c, kind, at, &o);
}

/* Where the function has such a capability, or its PF; 0: neither has. */
static unsigned int own_place(const struct compiler *c, unsigned int kind)
{
	const struct pcg_cap *cap = pcg_layout_find_extended(&c->view->layout, made_id(kind));
	const struct pcg_pasid_facts *facts = &c->info->pasid;
	const uint16_t theirs[PCG_NUM_MADE] = {
		[PCG_MADE_PASID] = facts->pasid_at,
		[PCG_MADE_ATS] = facts->ats_at,
		[PCG_MADE_PRI] = facts->pri_at,
	};

	return cap != NULL ? cap->offset : theirs[kind];
}

/* Free dwords from @at on. */
static unsigned int run_at(const struct compiler *c, unsigned int at)
{
	unsigned int length = 0, byte, i;

	for (; at + length <= LAST; length += 4) {
		if (pcg_layout_at(&c->view->layout, (uint16_t)(at + length)) != NULL)
			break;
		for (i = 0; i < PCG_NUM_MADE; i++)
			if (c->view->pasid.place[i] != 0 && at + length >= c->view->pasid.place[i] &&
			    at + length < c->view->pasid.place[i] + made_length(i))
				return length;
		if (taken(c, at + length, &byte) != NULL)
			break;
	}
	return length;
}

/* Nothing of an empty chain's head is to be given away twice. */
static bool needs_head(const struct compiler *c)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_MADE; i++)
		if (c->view->pasid.place[i] == FIRST)
			return false;
	return c->view->layout.necaps == 0;
}

/* The longest run is the furthest from being the tail of something, as far as that can be known. */
static int in_gap(struct compiler *c, unsigned int kind)
{
	unsigned int at = FIRST, best = 0, longest = 0;

	if (needs_head(c)) {
		if (run_at(c, FIRST) >= made_length(kind))
			return take(c, kind, FIRST);
		at = FIRST + 4;
	}
	while (at <= LAST) {
		unsigned int length = run_at(c, at);

		if (length > longest) {
			longest = length;
			best = at;
		}
		at += length + 4;
	}
	if (longest < made_length(kind))
		return refuse(c, kind, PCG_NOWHERE,
			      "no gap: all bytes of extended space are a capability's, not zero, or a quirk's");
	return take(c, kind, best);
}

int place_made(struct compiler *c, enum pcg_made_kind kind)
{
	const struct pcg_pasid_options *o = &c->view->options.pasid;
	const uint16_t asked[PCG_NUM_MADE] = {
		[PCG_MADE_PASID] = o->pasid.at,
		[PCG_MADE_ATS] = o->ats.at,
		[PCG_MADE_PRI] = o->pri.at,
	};
	unsigned int own = own_place(c, kind);
	struct obstacle ignored;

	switch (asked[kind]) {
	case PCG_PLACE_OWN:
		if (own == 0)
			return refuse(
				c, kind, PCG_NOWHERE,
				"pf: neither the function nor its PF has such a capability; name an offset, or gap");
		return at_offset(c, kind, own);
	case PCG_PLACE_ANY:
		if (own >= FIRST && own <= PCG_CONFIG_EXTENDED - made_length(kind) && own % 4 == 0 &&
		    is_free(c, kind, own, &ignored))
			return take(c, kind, own);
		return in_gap(c, kind);
	case PCG_PLACE_GAP:
		return in_gap(c, kind);
	default:
		return at_offset(c, kind, asked[kind]);
	}
}

int place_head(struct compiler *c)
{
	struct sentence s = { .used = 0 };
	const char *who;
	unsigned int byte;

	if (!needs_head(c))
		return 0;
	who = taken(c, FIRST, &byte);
	if (who == NULL)
		return 0;
	if (pcg_get32(c->config + FIRST) == UINT32_MAX)
		who = "nothing: the function has no extended configuration space";
	say(&s, "pasid, ats, pri: the chain of extended capabilities begins at 0x100, where stands ");
	say(&s, who);
	pcg_say(c->log, PCG_ERROR, byte, c->config[byte], s.text);
	return -EINVAL;
}
