/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to bits, in words and letters: for why, map and the reference. */
#ifndef CLI_FATE_H
#define CLI_FATE_H

#include "cli/regname.h"
#include "view/why.h"

/** fate_letter() - one letter: h w s c b 1 0, x for a byte whose bits differ */
char fate_letter(enum why_fate fate);

/** fate_word() - a few words for a legend */
const char *fate_word(enum why_fate fate);

/** fate_reads() - where a guest's read comes from */
const char *fate_reads(const struct why *why);

/** fate_writes() - what a guest's write does */
const char *fate_writes(const struct why *why);

/** fate_hook() - what a write sets off besides, or NULL */
const char *fate_hook(const struct why *why);

/** fate_cap() - what a guest gets of a capability, or why it is hidden, in words; empty: nobody says */
void fate_cap(const struct pcg_view *view, const struct pcg_cap *cap, char *text, size_t size);

/** fate_rule() - the rule's own sentence */
void fate_rule(const struct why *why, const struct pcg_view *view, char *text, size_t size);

/** fate_origin() - the file and table that it stands in: "src/policy/express.c, rows" */
void fate_origin(const struct why *why, const struct pcg_profile *profile, unsigned int at, char *text, size_t size);

/** fate_note() - what the rule does not say: bits that the function lacks, accesses that count by width; or NULL */
const char *fate_note(const struct why *why);

/* The words of single fields of a rule, for the reference. */
const char *fate_rule_reads(enum rule_read read);
const char *fate_rule_writes(unsigned int write);
const char *fate_rule_hook(enum rule_hook hook);
const char *fate_rest(enum rest rest);
const char *fate_linux_hook(enum linux_hook hook);
const char *fate_linux_access(enum linux_access access);

/**
 * struct fate_range - neighbouring bits of one register that share their fate and its reason
 * @high, @low: counted from the register's first bit
 */
struct fate_range {
	unsigned int high;
	unsigned int low;
	struct why why;
};

/** fate_ranges() - a register cut into such ranges, highest bits first. Return: how many, up to 32 */
unsigned int fate_ranges(const struct view_record *record, unsigned int offset, unsigned int width,
			 struct fate_range ranges[32]);

#endif
