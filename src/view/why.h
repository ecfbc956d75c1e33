/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a bit is as it is. A view keeps no trace of the rules it was compiled from; who wants to know compiles it once
 * more with somebody watching.
 */
#ifndef VIEW_WHY_H
#define VIEW_WHY_H

#include "policy/linux.h"
#include "policy/rule.h"
#include "view/state.h"

/** struct view_observer - told of each decision while a view is compiled; the profile `linux` makes none this way */
struct view_observer {
	void *arg;
	void (*decided)(void *arg, unsigned int dword, uint32_t bits, const struct rule *rule);
};

/** view_init_observed() - pcg_view_init(), watched; @observer may be NULL */
int view_init_observed(struct pcg_view *view, const struct pcg_host_info *info, const uint8_t *config,
		       const struct pcg_view_options *options, const struct pcg_log *log,
		       const struct view_observer *observer);

/** struct view_record - a view, and for each bit the rule that decided it; NULL where the profile has no such rule */
struct view_record {
	struct pcg_view view;
	uint16_t size; /* bytes that the function has */
	const struct rule *rule[PCG_CONFIG_EXTENDED * 8];
};

/** view_record_init() - compile and record. Return: as pcg_view_init() */
int view_record_init(struct view_record *record, const struct pcg_host_info *info, const uint8_t *config,
		     const struct pcg_view_options *options, const struct pcg_log *log);

/** enum why_part - what a bit belongs to */
enum why_part {
	WHY_HEADER,
	WHY_BAR,
	WHY_ROM,
	WHY_CHAIN,    /* a capability's id, version, pointer */
	WHY_CAP,      /* the rest of a capability */
	WHY_GAP,      /* no capability's */
	WHY_PAST_END, /* behind the function's own configuration space */
};

/** enum why_fate - what happens to a bit, in one word */
enum why_fate {
	FATE_CLOSED,   /* reads 0, takes nothing */
	FATE_CONSTANT, /* virtual, not written by guests */
	FATE_SHADOW,   /* virtual, the guest's own */
	FATE_LOOK,     /* hardware, to look at */
	FATE_CLEAR,    /* hardware, a one clears it */
	FATE_THROUGH,  /* hardware, read and written */
	FATE_BOTH,     /* virtual, and written to hardware as well */
	FATE_MIXED,    /* of a byte: its bits differ */
	NUM_FATES,
};

/**
 * struct why - all that is known of one bit
 * @part: what it belongs to
 * @fate: what happens to it
 * @cap: the capability instance that it stands in, or NULL
 * @shown: a guest finds @cap in its chain
 * @policy: what the profile says of @cap, or NULL
 * @rule: what decided it, or NULL (raw, linux); one without a reason: nothing names it, it is what the rest is
 * @table: the table that @rule is a row of; NULL: it is none's
 * @absent: the rule asks for more than this function has, or than it can be given
 * @by_width: what happens depends on where and how wide an access is (linux)
 * @owner: linux: what it is ruled by, or NULL
 * @row: linux: the row of @owner that names it, or NULL
 * @start: linux: where @owner starts
 * @as_zero: written as zero beside others
 * @forced: of a capability that is made up and that no client drives
 * @bounded: a bit of MSI-X's Table Size, where fewer vectors are shown than the function has
 */
struct why {
	enum why_part part;
	enum why_fate fate;
	const struct pcg_cap *cap;
	bool shown;
	const struct cap_policy *policy;
	const struct rule *rule;
	const struct rules *table;
	bool absent;
	bool by_width;
	const struct linux_cap *owner;
	const struct linux_row *row;
	uint16_t start;
	bool as_zero;
	bool forced;
	bool bounded;
};

/** view_why() - about bit @bit of configuration space, 0..32767: bit n of byte m is 8 m + n */
void view_why(const struct view_record *record, unsigned int bit, struct why *why);

/** view_why_same() - two bits share all of it */
bool view_why_same(const struct why *a, const struct why *b);

/** view_shows() - a guest finds this capability in its chain */
bool view_shows(const struct pcg_view *view, const struct pcg_cap *cap);

/** view_policy() - what the profile says of a capability, or of one that is made up */
const struct cap_policy *view_policy(const struct pcg_view *view, const struct pcg_cap *cap);

/** view_forced() - it is made up and shown although no client said that it drives it: configuration only */
bool view_forced(const struct pcg_view *view, const struct pcg_cap *cap);

/** view_second() - it does not, but finds another of the same id: there is one of each that has state */
bool view_second(const struct pcg_view *view, const struct pcg_cap *cap);

/**
 * view_fate() - what happens to byte @at
 *
 * Closed bits do not count beside others: reserved neighbours make no register mixed.
 */
enum why_fate view_fate(const struct view_record *record, unsigned int at);

#endif
