/* SPDX-License-Identifier: BSD-3-Clause */
/* The capability chains: they end, they lead where they say, and nobody can bend them. */
#include <string.h>

#include "conform/check.h"

struct trouble_text {
	unsigned int bit;
	const char *text;
};

static void report(struct conform *c, const struct check *check, unsigned int trouble, unsigned int where)
{
	static const struct trouble_text texts[] = {
		{ WALK_LOOP, "comes back to where it has been" },
		{ WALK_UNALIGNED, "has a pointer whose reserved low bits are set" },
		{ WALK_OUTSIDE, "has a pointer out of its space" },
		{ WALK_NO_ANSWER, "leads to a header of all ones" },
		{ WALK_EMPTY_LIST, "is empty, though Status says that there is one" },
	};
	bool extended = check->bits != 0;
	unsigned int i;

	check_get(c, where & ~3u, 4);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (trouble & check->mask & texts[i].bit)
			check_fail(c, "the %s chain %s, at %03x", extended ? "extended" : "standard", texts[i].text,
				   where);
}

static void run_walk(struct conform *c, const struct check *check)
{
	if (check->bits != 0 && c->target->config_size == PCG_CONFIG_CONVENTIONAL)
		check_none(c, "the function has no extended configuration space");
	else if (check->bits != 0)
		report(c, check, c->walk.extended, c->walk.extended_at);
	else
		report(c, check, c->walk.standard, c->walk.standard_at);
}

/* The least that a capability of this kind takes, by its definition. */
static unsigned int least(const struct walk_cap *cap)
{
	static const struct {
		uint16_t id;
		uint16_t bytes;
	} standard[] = { { PCG_CAP_PM, 8 },    { PCG_CAP_VPD, 8 }, { PCG_CAP_MSI, 10 },  { PCG_CAP_EXP, 12 },
			 { PCG_CAP_MSIX, 12 }, { PCG_CAP_AF, 6 },  { PCG_CAP_SSVID, 8 }, { PCG_CAP_VNDR, 3 } },
	  extended[] = { { PCG_ECAP_AER, 0x2c }, { PCG_ECAP_DSN, 12 },   { PCG_ECAP_ARI, 8 },  { PCG_ECAP_ACS, 8 },
			 { PCG_ECAP_ATS, 8 },    { PCG_ECAP_SRIOV, 64 }, { PCG_ECAP_PRI, 16 }, { PCG_ECAP_PASID, 8 },
			 { PCG_ECAP_REBAR, 12 }, { PCG_ECAP_LTR, 8 },    { PCG_ECAP_TPH, 12 }, { PCG_ECAP_VSEC, 8 },
			 { PCG_ECAP_DVSEC, 10 } };
	unsigned int i;

	for (i = 0; !cap->extended && i < sizeof(standard) / sizeof(standard[0]); i++)
		if (standard[i].id == cap->id)
			return standard[i].bytes;
	for (i = 0; cap->extended && i < sizeof(extended) / sizeof(extended[0]); i++)
		if (extended[i].id == cap->id)
			return extended[i].bytes;
	return cap->extended ? 4 : 2;
}

static void run_room(struct conform *c, const struct check *check)
{
	unsigned int i;

	for (i = 0; i < c->walk.ncaps && !check_over(c); i++) {
		const struct walk_cap *cap = &c->walk.cap[i];

		if (cap->extended != (check->bits != 0) || cap->room >= least(cap))
			continue;
		check_get(c, cap->at, 4);
		check_fail(c, "the capability %04x at %03x has %u bytes up to the next one and needs %u", cap->id,
			   cap->at, cap->room, least(cap));
	}
	if (i == 0)
		check_none(c, "the function has no capabilities");
}

/* Those that software looks for once, and believes. */
static void run_once(struct conform *c, const struct check *check)
{
	static const uint16_t once[] = { PCG_CAP_PM, PCG_CAP_MSI, PCG_CAP_MSIX, PCG_CAP_EXP, PCG_CAP_AF };
	unsigned int i, k;

	(void)check;
	for (i = 0; i < sizeof(once) / sizeof(once[0]); i++) {
		const struct walk_cap *first = walk_find(&c->walk, once[i], false);

		for (k = 0; first != NULL && k < c->walk.ncaps; k++) {
			const struct walk_cap *cap = &c->walk.cap[k];

			if (cap == first || cap->extended || cap->id != once[i])
				continue;
			check_get(c, cap->at, 2);
			check_fail(c, "capability %02x stands at %03x and again at %03x", once[i], first->at, cap->at);
		}
	}
}

static void run_headers(struct conform *c, const struct check *check)
{
	unsigned int i, done = 0;

	for (i = 0; i < c->walk.ncaps && !check_over(c); i++) {
		const struct walk_cap *cap = &c->walk.cap[i];

		if (cap->extended != (check->bits != 0))
			continue;
		done++;
		check_bits_read_only(c, cap->at, cap->extended ? 4 : 2, cap->extended ? 0xffffffffu : 0xffffu);
	}
	if (done == 0)
		check_none(c, "the function has none");
}

/* A pointer is the same by a byte, a word and a dword: some mediators patch only some of them. */
static void run_header_widths(struct conform *c, const struct check *check)
{
	unsigned int i, k;

	(void)check;
	for (i = 0; i < c->walk.ncaps && !check_over(c); i++) {
		const struct walk_cap *cap = &c->walk.cap[i];
		uint32_t whole = check_get(c, cap->at, 4), bytes = 0, words;

		for (k = 0; k < 4; k++)
			bytes |= check_get(c, cap->at + k, 1) << 8 * k;
		words = check_get(c, cap->at, 2) | check_get(c, cap->at + 2u, 2) << 16;
		/* Beyond the two bytes of a standard header registers may move by themselves. */
		if (((whole ^ bytes) | (whole ^ words)) & (cap->extended ? 0xffffffffu : 0xffffu))
			check_fail(c, "the header at %03x reads %08x, by bytes %08x, by words %08x", cap->at, whole,
				   bytes, words);
	}
	if (c->walk.ncaps == 0)
		check_none(c, "the function has no capabilities");
}

/* PCIe 6.0, 7.2.2: all of 4096 bytes is there for Express and PCI-X mode 2 only. */
static void run_extended_space(struct conform *c, const struct check *check)
{
	(void)check;
	if (c->target->config_size == PCG_CONFIG_CONVENTIONAL) {
		check_none(c, "the function has no extended configuration space");
		return;
	}
	if (!c->express && walk_find(&c->walk, PCG_CAP_PCIX, false) == NULL && walk_find(&c->walk, 0, true) == NULL &&
	    check_get(c, PCG_CONFIG_CONVENTIONAL, 4) != 0)
		check_fail(c, "there are extended capabilities, but no Express capability: nobody will look");
}

/* What is shown is in the function: an instance that is not would have been made up. */
static void run_real(struct conform *c, const struct check *check)
{
	static const struct walk_cap none;
	unsigned int i;

	(void)check;
	for (i = 0; i < c->walk.ncaps && !check_over(c); i++) {
		const struct walk_cap *cap = &c->walk.cap[i];
		uint32_t host = check_host(c, cap->at, cap->extended ? 2 : 1);

		/* A Null capability is a place to link from; PASID, PRI and ATS may be synthesised on request. */
		if (cap->id == none.id || (cap->extended && (cap->id == PCG_ECAP_PASID || cap->id == PCG_ECAP_PRI ||
							     cap->id == PCG_ECAP_ATS)))
			continue;
		if (host != cap->id)
			check_fail(c, "capability %04x is shown at %03x, where the function has %04x", cap->id, cap->at,
				   host);
	}
}

#define WALK(name, text, section, troubles, is_extended)                                                               \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = run_walk, .mask = troubles, .bits = is_extended      \
	}
#define STD "PCI 3.0, 6.7"
#define EXT "PCIe 6.0, 7.6.3"

static const struct check checks[] = {
	WALK("chain.std.terminates", "the standard chain ends", STD, WALK_LOOP, 0),
	WALK("chain.std.aligned", "standard pointers have no reserved bits set", STD, WALK_UNALIGNED, 0),
	WALK("chain.std.inside", "the standard chain stays between 40h and FFh", STD, WALK_OUTSIDE | WALK_NO_ANSWER, 0),
	WALK("chain.std.list", "Status and the pointer agree", STD, WALK_EMPTY_LIST, 0),
	{ .id = "chain.std.room", .spec = STD, .what = "standard capabilities do not overlap", .run = run_room },
	{ .id = "chain.std.once",
	  .spec = STD,
	  .what = "there is one PM, MSI, MSI-X, Express and AF capability",
	  .run = run_once },
	{ .id = "chain.std.read-only", .spec = STD, .what = "ids and pointers cannot be written", .run = run_headers },
	WALK("chain.ext.terminates", "the extended chain ends", EXT, WALK_LOOP, 1),
	WALK("chain.ext.aligned", "extended pointers have no reserved bits set", EXT, WALK_UNALIGNED, 1),
	WALK("chain.ext.inside", "the extended chain stays at 100h and up", EXT, WALK_OUTSIDE | WALK_NO_ANSWER, 1),
	{ .id = "chain.ext.room",
	  .spec = EXT,
	  .what = "extended capabilities do not overlap",
	  .run = run_room,
	  .bits = 1 },
	{ .id = "chain.ext.read-only",
	  .spec = EXT,
	  .what = "extended headers cannot be written",
	  .run = run_headers,
	  .bits = 1 },
	{ .id = "chain.ext.reachable",
	  .spec = "PCIe 6.0, 7.2.2",
	  .what = "extended capabilities stand behind an Express capability",
	  .run = run_extended_space },
	{ .id = "chain.headers.widths",
	  .spec = "PCIe 6.0, 2.2.5",
	  .what = "a header is the same at every width",
	  .run = run_header_widths },
	{ .id = "chain.headers.real",
	  .spec = "never show what is not there",
	  .what = "every capability shown is the function's",
	  .run = run_real,
	  .needs = NEEDS_HOST },
};

const struct check_group chains_group = CHECK_GROUP("chains", checks);
