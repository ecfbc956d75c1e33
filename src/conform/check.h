/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a check is, and what it may do: read and write the function as a guest, look at the host's side where there
 * is one, and say what it found. What it wrote is put back after it; what it did is written down.
 */
#ifndef CONFORM_CHECK_H
#define CONFORM_CHECK_H

#include "conform/conform.h"
#include "conform/walk.h"

/* What must be there for a check to make sense. */
enum check_needs {
	NEEDS_HOST = 1,    /* the host's side can be seen */
	NEEDS_EXPRESS = 2, /* an Express function */
	NEEDS_PF = 4,      /* not a VF, which has the register hardwired */
	NEEDS_LINK = 8,    /* not integrated into the root complex */
	NEEDS_V2 = 16,     /* Express capability version 2 and up */
	NEEDS_FLR = 32,    /* DEVCAP says that a function level reset is there */
	NEEDS_MEMORY = 64, /* a memory BAR */
	NEEDS_AF = 128,    /* the AF capability's own reset */
	NEEDS_WATCH = 256, /* writes can be seen on their way to the function, and held: with NEEDS_HOST */
};

#define CHECK_EXT 0x8000u

struct conform;

/**
 * struct check - one row of a table of checks
 * @id, @spec, @what: as they are printed
 * @run: does it
 * @cap: the capability concerned: its id, | CHECK_EXT for an extended one; 0: the header
 * @reg, @width, @mask: the register and the bits of it, from the start of the capability
 * @source, @bits: another register that it depends on
 * @needs: enum check_needs
 */
struct check {
	const char *id;
	const char *spec;
	const char *what;
	void (*run)(struct conform *c, const struct check *check);
	uint16_t cap;
	uint16_t reg;
	uint8_t width;
	uint32_t mask;
	uint16_t source;
	uint32_t bits;
	unsigned int needs;
};

struct check_group {
	const char *name;
	const struct check *check;
	unsigned int count;
};

#define CHECK_GROUP(label, table)                                                                                      \
	{                                                                                                              \
		.name = label, .check = table, .count = sizeof(table) / sizeof((table)[0])                             \
	}

extern const struct check_group header_group, rw1c_group, bars_group, chains_group, express_group, power_group,
	msi_group, msix_group, extended_group, pasid_group, sriov_group, rebar_group, vpd_group, hidden_group,
	widths_group, gate_group, reset_group;

/* One base address register, as sizing found it. */
struct check_bar {
	enum pcg_bar_kind kind;
	uint64_t size;
	uint32_t type; /* the bits below the address */
};

/**
 * struct conform - one run
 * @base: where the capability of the check under way stands
 * @guest: configuration space as it was when the run began
 * @walk: its chains
 * @bar: what sizing found
 * @saved, @dirty: what a check has written to, and what stood there before
 * @result: of the check under way
 * @quiet: accesses are not evidence
 * @host, @beneath: what the function itself held when the run began, where that can be seen, and its chains
 * @unreadable: a dword that could not be read then
 * @at_once: one read of all of it gave the same as all of its dwords: it may stand for them
 * @stopped: the user wants to have done: no check reaches the function any more, and what was found is put back
 */
struct conform {
	struct target *target;
	const struct conform_options *options;
	unsigned int base;
	bool express;
	uint8_t guest[PCG_CONFIG_EXTENDED];
	struct walk walk;
	struct check_bar bar[PCG_NUM_BARS];
	uint32_t saved[PCG_CONFIG_DWORDS];
	uint8_t dirty[PCG_CONFIG_DWORDS];
	struct conform_result result;
	bool quiet;
	uint8_t host[PCG_CONFIG_EXTENDED];
	struct walk beneath;
	uint8_t unreadable[PCG_CONFIG_DWORDS];
	bool at_once;
	bool stopped;
};

/* --- verdicts; the first one counts --- */

void check_fail(struct conform *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_none(struct conform *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_unknown(struct conform *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** check_over() - there is a verdict */
static inline bool check_over(const struct conform *c)
{
	return c->result.verdict != CONFORM_PASS;
}

/* --- accesses --- */

/** check_access() - any access; 0 or a negative errno, which is no verdict */
int check_access(struct conform *c, bool write, unsigned int region, uint64_t offset, void *data, size_t length);

/*
 * One access of configuration space. A read that fails is a verdict. A write that is refused is none: on a bus it would
 * have been dropped, and what the register reads afterwards tells. That it was not taken has a check of its own.
 */
uint32_t check_get(struct conform *c, unsigned int offset, unsigned int width);
void check_put(struct conform *c, unsigned int offset, unsigned int width, uint32_t value);

/* Give every BAR and the ROM an address. Memory and I/O are off after it; the ROM's own enable bit too. */
void check_place(struct conform *c);

/* The host's side: NEEDS_HOST. check_blind(): it can be read, but nothing can be raised, held or watched. */
bool check_blind(const struct conform *c);
uint32_t check_host(struct conform *c, unsigned int offset, unsigned int width);
void check_raise(struct conform *c, unsigned int offset, unsigned int width, uint32_t bits);
void check_watch(struct conform *c);

/**
 * check_host_wrote() - whether the function was written since check_watch()
 * @mask: of the @width bytes at @offset; a write counts if it changes one of these bits to @differs from
 *
 * Every write that reached one of these bytes is looked at. Where writes cannot be watched, what stands in the function
 * now counts as the last of them.
 *
 * Return: 0: none did; 1: one did, all with the bits as in @keeps; 2: one with other bits.
 */
int check_host_wrote(struct conform *c, unsigned int offset, unsigned int width, uint32_t mask, uint32_t keeps);

void check_settle(struct conform *c);

/** check_find() - where a capability stands, 0: not there; ids as in struct check */
unsigned int check_find(const struct conform *c, unsigned int cap);
const struct walk_cap *check_cap(const struct conform *c, unsigned int cap);

/* A bit that a one clears must not be written back where it stands in a register that is restored. */
uint32_t check_rw1c_bits(const struct conform *c, unsigned int dword);

/* --- checks that many registers share; run by a row of a table --- */

/* Writing @mask, set and clear, changes nothing. */
void check_read_only(struct conform *c, const struct check *check);
/* @mask reads 0, also after ones were written. */
void check_zero(struct conform *c, const struct check *check);
/* @mask can be set and cleared. */
void check_readback(struct conform *c, const struct check *check);
/* Each bit of @mask can be set and cleared, or is always 0. */
void check_readback_or_zero(struct conform *c, const struct check *check);
/* If @bits of the dword at @source say that it is there, as check_readback(), else as check_zero(). */
void check_honest(struct conform *c, const struct check *check);
/* Writing one byte of the register leaves the other bytes of it alone. */
void check_bytewise(struct conform *c, const struct check *check);

/* The same for a register given apart. */
void check_bits_read_only(struct conform *c, unsigned int at, unsigned int width, uint32_t mask);
void check_bits_zero(struct conform *c, unsigned int at, unsigned int width, uint32_t mask);
void check_bits_readback(struct conform *c, unsigned int at, unsigned int width, uint32_t mask);

/* --- the run's own, session.c --- */

int session_begin(struct conform *c);
/* Whether the user wants to have done; asked before each access of a check. */
bool session_stopped(struct conform *c);
/* Before a check: nothing written yet. */
void session_mark(struct conform *c);
/* All of configuration space will be put back, whatever this check writes. */
void session_save_all(struct conform *c);
void session_restore(struct conform *c);
/*
 * What a reset took and the guest cannot write is put back from below, where that can be reached: a register that
 * reads otherwise to the guest, because it does in the function.
 */
void session_restore_host(struct conform *c);
/* Whether what a VF has hardwired is; what is tried is put back. */
bool session_looks_like_vf(struct conform *c);
/* Read all of it; 0 or a negative errno. */
int session_read(struct conform *c, uint8_t *config);
void session_compare(struct conform *c);

#endif
