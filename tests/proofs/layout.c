/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The chain walk, for any bytes. One step of each walk is proven from any state that the walk can be in: the runner
 * has made the copy of layout.c that is included here begin anywhere, so that its first step is every step. What a step
 * leaves is such a state again, because the next one is run too. That the walk ends needs no proof beyond this: each
 * step that does not return takes one of the places that there are, and the loop stands under their number.
 *
 * STEP: the walks; CLAIM: what capabilities claim; LENGTH: what they get, whatever they claim.
 */
#include "proof.h"

#ifdef STEP
static unsigned int some_header(void);
static unsigned int some_pointer(void);
#endif

#include "pci/layout.c"

#ifdef CLAIM
#include "pci/lengths.c"
#else
unsigned int pci_claimed_length(const uint8_t *bytes, size_t size, const struct pcg_cap *cap)
{
	unsigned int claim = nondet_u32();

	(void)bytes;
	(void)size;
	ASSUME(claim == LENGTH_UNKNOWN || (claim >= (cap->extended ? 4 : 2) && claim < 0x10000));
	return claim;
}
#endif

#ifdef STEP
static unsigned int some_header(void)
{
	unsigned int at = nondet_u32();

	ASSUME(at >= PCG_CONFIG_CONVENTIONAL && at < PCG_CONFIG_EXTENDED && at % 4 == 0);
	return at;
}

/* Where a standard pointer stands: the header's, or the second byte of a capability. */
static unsigned int some_pointer(void)
{
	unsigned int at = nondet_u32();

	ASSUME(at == PCG_CAPABILITIES || (at >= PCG_HEADER_END && at < PCG_CONFIG_CONVENTIONAL && at % 4 == 1));
	return at;
}
#endif

extern uint8_t config[SPACE];
extern struct pcg_layout layout;
extern struct seen seen;

static bool has_seen(unsigned int at)
{
	return seen.bits[at / 128] >> at / 4 % 32 & 1;
}

static struct pcg_cap some_cap(void)
{
	struct pcg_cap cap;

	cap.offset = nondet_u16();
	cap.id = nondet_u16();
	cap.version = nondet_u8();
	cap.extended = nondet_bool();
	ASSUME(cap.offset % 4 == 0 && cap.offset < SPACE && cap.version < 16);
	ASSUME(cap.extended ? cap.offset >= 256 : cap.offset >= 64 && cap.offset < 256 && cap.id < 256);
	return cap;
}

/* One bit a dword, set once: what makes headers distinct. */
void a_header_is_met_once(void)
{
	unsigned int at = nondet_u32(), other = nondet_u32();
	bool had, before;

	ASSUME(at < PCG_CONFIG_EXTENDED && at % 4 == 0 && other < PCG_CONFIG_EXTENDED && other % 4 == 0);
	had = has_seen(at);
	before = has_seen(other);
	PROVE(seen_before(&seen, at) == had);
	PROVE(has_seen(at));
	PROVE(IF(other != at, has_seen(other) == before));
}

/* From any pointer and any state, a step stays inside conventional space and records what it found. */
void any_step_of_the_standard_walk_stays_inside(void)
{
	uint16_t had = nondet_u16();

	layout.size = PCG_CONFIG_CONVENTIONAL;
	ASSUME(had < PCG_MAX_CAPS);
	layout.ncaps = had;
	walk_standard(&layout, config, &seen, NULL);
	PROVE(layout.ncaps >= had && layout.ncaps <= PCG_MAX_CAPS);
	if (layout.ncaps > had) {
		const struct pcg_cap *cap = &layout.caps[had];

		PROVE(!cap->extended && cap->offset % 4 == 0 && cap->offset >= 0x40 && cap->offset <= 0xfc);
		PROVE(has_seen(cap->offset));
		PROVE(cap->version < 16 && cap->id < 255);
	}
}

/* From any header and any state, a step stays inside and records what it found. */
void any_step_of_the_extended_walk_stays_inside(void)
{
	uint16_t had = nondet_u16();

	layout.size = PCG_CONFIG_EXTENDED;
	ASSUME(had < PCG_MAX_ECAPS);
	layout.necaps = had;
	walk_extended(&layout, config, &seen, NULL);
	PROVE(layout.necaps >= had && layout.necaps <= PCG_MAX_ECAPS);
	if (layout.necaps > had) {
		const struct pcg_cap *cap = &layout.ecaps[had];

		PROVE(cap->extended && cap->offset % 4 == 0 && cap->offset >= 0x100 && cap->offset <= 0xffc);
		PROVE(has_seen(cap->offset));
		PROVE(cap->version < 16);
	}
}

/* The length that an instance gets is inside the space and ends before every other header. */
void a_length_ends_before_the_next_header(void)
{
	struct pcg_cap cap = some_cap();
	unsigned int other = nondet_u32();

	layout.size = SPACE;
	ASSUME(other % 4 == 0 && other < PCG_CONFIG_EXTENDED && has_seen(other) && other > cap.offset);
	ASSUME((other >= 256) == cap.extended && other < SPACE);
	set_length(&layout, config, &seen, &cap, NULL);
	PROVE(cap.length >= 2);
	PROVE(IF(cap.extended, cap.length >= 4));
	PROVE(cap.offset + cap.length <= (cap.extended ? SPACE : 256));
	PROVE(cap.offset + cap.length <= other);
}

/*
 * A claim, of any capability anywhere, is computed from bytes inside the space. Its own registers are read by reg32(),
 * which compares with the size that it is given and with nothing else; the Express capability is looked for in the
 * first 256 bytes, here from any pointer on.
 */
void a_claim_reads_inside(void)
{
	struct pcg_cap cap = { .id = nondet_u16(), .offset = nondet_u16(), .extended = nondet_bool() };
	unsigned int claim;

	ASSUME(cap.offset < PCG_CONFIG_EXTENDED);
	claim = pci_claimed_length(config, SPACE, &cap);
	PROVE(claim == LENGTH_UNKNOWN || (claim >= (cap.extended ? 4 : 2) && claim < 0x10000));
}
