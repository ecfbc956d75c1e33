/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The shape of a rule. Policy is tables of these: one table a capability, each row some bits of one register, what
 * a guest reads there, what its writes do, and the paragraph that says so. src/view compiles them.
 */
#ifndef POLICY_RULE_H
#define POLICY_RULE_H

#include <pcigate/pci.h>

/* Where a read comes from. */
enum rule_read {
	ZERO,   /* reads 0 */
	HOST,   /* the function itself */
	FIXED,  /* what the function held when it was opened */
	SHADOW, /* the virtual value; 0 at power-on unless the row says otherwise */
	KEPT,   /* the same, and a function level reset leaves it alone (PCIe 6.0, 6.6.2) */
	OPENED, /* sticky: as KEPT, at power-on what the function held when it was opened */
};

/* Where a write goes; bits. */
enum rule_write {
	DROPPED = 0,
	TO_SHADOW = 1,
	TO_HOST = 2,
	TO_BOTH = TO_SHADOW | TO_HOST,
	RW1C = 4,    /* a one clears the bit in the function, a zero is never taken for one */
	AS_ZERO = 8, /* never written to, and written as zero beside others: hardware's RW1C that guests do not reach */
	CLEARS = 16, /* a one clears the virtual bit: by the hook, as it is raised by the mediator */
};

/* What a write sets off besides. */
enum rule_hook {
	NO_HOOK,
	ON_COMMAND,
	ON_POWER,
	ON_DEVCTL,
	ON_AF,
	ON_MSI,
	ON_MSIX,
	ON_PASID,
	ON_REBAR,
	NUM_HOOKS,
};

/**
 * struct rule - the fate of some bits of one register
 * @at: the register's offset from the start of its capability (or of the header)
 * @bits: which bits of the register; they end at bit 31 of the dword the register stands in
 * @read: where reads come from
 * @write: where writes go
 * @hook: what a write to the register's dword sets off
 * @power_on: the virtual value at power-on, where @read is SHADOW or KEPT
 * @why: register, field and paragraph
 */
struct rule {
	uint16_t at;
	uint32_t bits;
	enum rule_read read;
	enum rule_write write;
	enum rule_hook hook;
	uint32_t power_on;
	const char *why;
};

/* What happens to the bits that no row names. */
enum rest {
	REST_CLOSED,    /* reads 0, writes dropped */
	REST_READ_ONLY, /* the function's, writes dropped */
	REST_OPEN,      /* the function's, read and written */
};

/* Where a table stands, for `pcigate why`; without folders where the compiler can leave them out. */
#ifdef __FILE_NAME__
#define RULES_FILE __FILE_NAME__
#else
#define RULES_FILE __FILE__
#endif

/** struct rules - the rows of one register block; @file and @name: the table they stand in */
struct rules {
	const struct rule *row;
	unsigned int count;
	const char *file;
	const char *name;
};

#define RULES(table)                                                                                                   \
	{                                                                                                              \
		table, sizeof(table) / sizeof((table)[0]), RULES_FILE, #table                                          \
	}

/**
 * struct cap_policy - one capability
 * @shown: in the chain that the guest walks; what is not shown is closed
 * @rest: bits no row names
 * @rules: the rows; NULL: none
 * @variant: which of several @rules counts for this instance; NULL: the first
 * @why: what a guest gets, in words
 * @variants: how many @rules @variant chooses from; 0: one
 * @opaque: only its vendor knows what stands in it; a closed profile shows it where a quirk opens some of it
 */
struct cap_policy {
	bool shown;
	enum rest rest;
	const struct rules *rules;
	unsigned int (*variant)(const uint8_t *config, const struct pcg_cap *cap);
	const char *why;
	unsigned int variants;
	bool opaque;
};

/**
 * struct pcg_profile - all of it, by name
 * @mediated: false: no rule at all, the guest meets the function itself
 * @as_linux: policy/linux.h holds the rules, not the tables below
 * @header: rows of the type 0 header; BARs and ROM come from the function's facts
 * @caps: by capability id, @ncaps of them; ids past the end and empty rows are hidden
 * @ecaps: the same for extended capabilities
 * @gaps: bytes that belong to no capability
 * @closed: what no row names reads 0 and takes nothing, whatever the capability says of its rest
 * @caps_file: the file that @caps stands in; NULL: nobody says
 * @ecaps_file: and that of @ecaps
 */
struct pcg_profile {
	const char *name;
	const char *help;
	bool mediated;
	bool as_linux;
	const struct rules *header;
	const struct cap_policy *caps;
	const unsigned int *ncaps;
	const struct cap_policy *ecaps;
	const unsigned int *necaps;
	enum rest gaps;
	bool closed;
	const char *caps_file;
	const char *ecaps_file;
};

/** policy_rest() - what happens to the bits of a shown capability that no row names */
enum rest policy_rest(const struct pcg_profile *profile, const struct cap_policy *policy);

/** policy_cap() - what a profile says of a capability; a hidden policy for what it does not name */
const struct cap_policy *policy_cap(const struct pcg_profile *profile, const struct pcg_cap *cap);

/**
 * policy_request_size() - the request size that hardware may be given
 * @guest: DEVCTL as the guest wrote it
 * @devctl: DEVCTL as the function holds it
 *
 * Thread 000: never below the payload size of the path, which the function's own MPS field states.
 *
 * Return: the field in its place; what hardware has now for the reserved encodings 6 and 7 (PCIe 6.0, 7.5.3.4).
 */
static inline uint32_t policy_request_size(uint32_t guest, uint32_t devctl)
{
	const uint32_t greatest = 5u << 12;
	uint32_t size = guest & PCG_DEVCTL_MRRS, floor = (devctl & PCG_DEVCTL_MPS) << 7;

	if (size > greatest)
		return devctl & PCG_DEVCTL_MRRS;
	if (floor > greatest)
		floor = greatest;
	return size > floor ? size : floor;
}

/** policy_mrrs() - the same of the field alone, and as the field alone */
static inline unsigned int policy_mrrs(unsigned int guest, uint16_t devctl)
{
	return policy_request_size((uint32_t)guest << 12, devctl) >> 12;
}

extern const struct rules guarded_header;
extern const struct cap_policy guarded_caps[];
extern const unsigned int guarded_ncaps;
extern const struct cap_policy guarded_ecaps[];
extern const unsigned int guarded_necaps;

extern const struct rules express_rules[2];
unsigned int express_variant(const uint8_t *config, const struct pcg_cap *cap);
extern const struct rules pm_rules;
extern const struct rules msix_rules;
extern const struct rules msi_rules[4];
unsigned int msi_variant(const uint8_t *config, const struct pcg_cap *cap);
extern const struct cap_policy made_pasid, made_ats, made_pri;

/** Resizable BARs where the operator lets the guest resize them, and the backend can */
extern const struct cap_policy rebar_on;

#endif
