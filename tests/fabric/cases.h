/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cases taken from PCI Express Base 6.0: a setup, what is done to the fabric of fabric_room.h, and what every function
 * on the way shows afterwards. Functions are named by the routing ids that fabric_room.h gives them.
 */
#ifndef TESTS_FABRIC_CASES_H
#define TESTS_FABRIC_CASES_H

#include "fabric_room.h"

enum who {
	RP1 = 0x0008,
	RP2 = 0x0010,
	UP = 0x0100,
	DP0 = 0x0200,
	DP1 = 0x0208,
	A = 0x0300,
	B = 0x0400,
	B1 = 0x0401, /* beside b, in cases that say so */
	B8 = 0x0408,
	C = 0x0500,
	VF0 = 0x0600, /* of c */
	VF1 = 0x0601,
	VF2 = 0x0602,
	VF3 = 0x0603,
};

/* Registers. The error reporting capability stands at the same place in ports and leaves. */
enum where {
	COMMAND = 0x04,
	STATUS = 0x06,
	BAR0 = 0x10,
	BUSES = 0x18,
	SEC_STATUS = 0x1e,
	WINDOW = 0x20,
	PREFETCHABLE = 0x24,
	PREF_BASE_HIGH = 0x28,
	PREF_LIMIT_HIGH = 0x2c,
	BRIDGE = 0x3e,
	PMCSR = 0x44,
	DEVCTL = LEAF_EXP + 0x08,
	DEVSTA = LEAF_EXP + 0x0a,
	LNKCTL = LEAF_EXP + 0x10,
	DEVCTL2 = LEAF_EXP + 0x28,
	P_DEVCTL = PORT_EXP + 0x08,
	P_DEVSTA = PORT_EXP + 0x0a,
	P_LNKCAP = PORT_EXP + 0x0c,
	P_LNKCTL = PORT_EXP + 0x10,
	P_LNKSTA = PORT_EXP + 0x12,
	P_SLTCTL = PORT_EXP + 0x18,
	P_SLTSTA = PORT_EXP + 0x1a,
	P_DEVCTL2 = PORT_EXP + 0x28,
	UNC = 0x104,
	UMASK = 0x108,
	USEV = 0x10c,
	COR = 0x110,
	CMASK = 0x114,
	AERCTL = 0x118,
	HDR = 0x11c,
	ROOTCMD = 0x12c,
	ROOTSTA = 0x130,
	SOURCES = 0x134,
	ACSCTL = PORT_ACS + 6,
	MSICTL = LEAF_MSI + 2,
	MSIADDR = LEAF_MSI + 4,
	MSIHIGH = LEAF_MSI + 8,
	MSIDATA = LEAF_MSI + 0x0c,
	MSIMASK = LEAF_MSI + 0x10,
	MSIPEND = LEAF_MSI + 0x14,
	MSIXCTL = LEAF_MSIX + 2,
	SR_CTL = LEAF_SRIOV + 0x08,
	SR_NUM = LEAF_SRIOV + 0x10,
	SR_PAGE = LEAF_SRIOV + 0x20,
	SR_BAR = LEAF_SRIOV + 0x24,
};

#define VF_BASE  (C_BASE + 0x40000u)
#define CUR(bit) (1u << (bit)) /* of the uncorrectable registers, as enum fabric_error counts */
#define ADV      0x2000u       /* Advisory Non-Fatal, of the correctable ones */

/* What a step expects of a request beside enum tlp_status. */
enum {
	STATUS_ANY = 0x100,
	STATUS_NOTHING,
	STATUS_FAILS
};

enum step_kind {
	STEP_END,
	STEP_PUT,
	STEP_GET,
	STEP_READ,
	STEP_WRITE,
	STEP_FETCH,
	STEP_STORE,
	STEP_CAME,
	STEP_ACCESSES,
	STEP_WRITES,
	STEP_LONGEST,
	STEP_SEND,
	STEP_MESSAGES,
	STEP_TOLD,
	STEP_POISON,
	STEP_MALFORM,
	STEP_MUTE,
	STEP_ANSWER,
	STEP_ROOT,
	STEP_REMOVE,
	STEP_INSERT,
	STEP_RESETS,
	STEP_MSI,
	STEP_MSIX,
	STEP_VECTOR,
	STEP_MSIS,
};

struct step {
	enum step_kind kind;
	uint16_t who;
	uint16_t offset;
	uint8_t width;
	uint8_t at;
	int status;
	uint32_t mask;
	uint32_t value;
	uint64_t address;
	uint32_t length;
};

/* Configuration requests: written, read, read under a mask, answered by nobody. */
#define PUT_IS(w, o, n, v, s)                                                                                          \
	{                                                                                                              \
		STEP_PUT, .who = w, .offset = o, .width = n, .value = v, .status = s                                   \
	}
#define PUT(w, o, n, v) PUT_IS(w, o, n, v, TLP_SUCCESS)
#define GET_IS(w, o, n, v, s)                                                                                          \
	{                                                                                                              \
		STEP_GET, .who = w, .offset = o, .width = n, .mask = ~0u, .value = v, .status = s                      \
	}
#define GET(w, o, n, v) GET_IS(w, o, n, v, TLP_SUCCESS)
#define BITS(w, o, n, m, v)                                                                                            \
	{                                                                                                              \
		STEP_GET, .who = w, .offset = o, .width = n, .mask = m, .value = v                                     \
	}
#define ABSENT(w) GET_IS(w, 0, 4, ~0u, TLP_UNSUPPORTED)

/* Memory requests from the processors: which leaf answers and where in its memory; or how they fail. */
#define READ(a, l, w, o)                                                                                               \
	{                                                                                                              \
		STEP_READ, .address = a, .length = l, .who = w, .value = o                                             \
	}
#define READ_IS(a, l, s)                                                                                               \
	{                                                                                                              \
		STEP_READ, .address = a, .length = l, .status = s                                                      \
	}
#define WRITE(a, l, w, o)                                                                                              \
	{                                                                                                              \
		STEP_WRITE, .address = a, .length = l, .who = w, .value = o                                            \
	}
#define WRITE_IS(a, l, s)                                                                                              \
	{                                                                                                              \
		STEP_WRITE, .address = a, .length = l, .status = s                                                     \
	}

/* A leaf's own requests. */
#define FETCH_AS(w, a, l, t, s)                                                                                        \
	{                                                                                                              \
		STEP_FETCH, .who = w, .address = a, .length = l, .at = t, .status = s                                  \
	}
#define FETCH_IS(w, a, l, s) FETCH_AS(w, a, l, TLP_UNTRANSLATED, s)
#define FETCH(w, a, l)       FETCH_IS(w, a, l, TLP_SUCCESS)
#define STORE_AS(w, a, l, t, s)                                                                                        \
	{                                                                                                              \
		STEP_STORE, .who = w, .address = a, .length = l, .at = t, .status = s                                  \
	}
#define STORE_IS(w, a, l, s) STORE_AS(w, a, l, TLP_UNTRANSLATED, s)
#define STORE(w, a, l)       STORE_IS(w, a, l, TLP_SUCCESS)

/* What the root complex got last, how often; what a leaf got; the root complex's answer from now on. */
#define CAME(w, a)                                                                                                     \
	{                                                                                                              \
		STEP_CAME, .who = w, .address = a                                                                      \
	}
#define ACCESSES(n)                                                                                                    \
	{                                                                                                              \
		STEP_ACCESSES, .value = n                                                                              \
	}
#define WRITES(w, n)                                                                                                   \
	{                                                                                                              \
		STEP_WRITES, .who = w, .value = n                                                                      \
	}
#define LONGEST(w, n)                                                                                                  \
	{                                                                                                              \
		STEP_LONGEST, .who = w, .value = n                                                                     \
	}
#define ROOT(s)                                                                                                        \
	{                                                                                                              \
		STEP_ROOT, .status = s                                                                                 \
	}

#define SEND(w)                                                                                                        \
	{                                                                                                              \
		STEP_SEND, .who = w                                                                                    \
	}
#define MESSAGES(n)                                                                                                    \
	{                                                                                                              \
		STEP_MESSAGES, .value = n                                                                              \
	}
#define TOLD(e, w, m)                                                                                                  \
	{                                                                                                              \
		STEP_TOLD, .offset = e, .who = w, .value = m                                                           \
	} /* the last report of an error */

#define POISON(w)                                                                                                      \
	{                                                                                                              \
		STEP_POISON, .who = w                                                                                  \
	}
#define MALFORM(w)                                                                                                     \
	{                                                                                                              \
		STEP_MALFORM, .who = w                                                                                 \
	}
#define MUTE(w)                                                                                                        \
	{                                                                                                              \
		STEP_MUTE, .who = w                                                                                    \
	}
#define ANSWER(w, s)                                                                                                   \
	{                                                                                                              \
		STEP_ANSWER, .who = w, .status = s                                                                     \
	}
#define REMOVE(w)                                                                                                      \
	{                                                                                                              \
		STEP_REMOVE, .who = w                                                                                  \
	}
#define INSERT(w)                                                                                                      \
	{                                                                                                              \
		STEP_INSERT, .who = w                                                                                  \
	}
#define RESETS(w, n)                                                                                                   \
	{                                                                                                              \
		STEP_RESETS, .who = w, .value = n                                                                      \
	}

/* Interrupts: raised (sent or not), a vector's entry in the table at the start of a leaf's memory, what arrived. */
#define MSI(w, n)                                                                                                      \
	{                                                                                                              \
		STEP_MSI, .who = w, .value = n                                                                         \
	}
#define NO_MSI(w, n)                                                                                                   \
	{                                                                                                              \
		STEP_MSI, .who = w, .value = n, .status = STATUS_FAILS                                                 \
	}
#define MSIX(w, n)                                                                                                     \
	{                                                                                                              \
		STEP_MSIX, .who = w, .value = n                                                                        \
	}
#define NO_MSIX(w, n)                                                                                                  \
	{                                                                                                              \
		STEP_MSIX, .who = w, .value = n, .status = STATUS_FAILS                                                \
	}
#define VECTOR(w, n, a, d, c)                                                                                          \
	{                                                                                                              \
		STEP_VECTOR, .who = w, .offset = n, .address = a, .value = d, .mask = c                                \
	}
#define MSIS(n, a, d)                                                                                                  \
	{                                                                                                              \
		STEP_MSIS, .length = n, .address = a, .value = d                                                       \
	}

/**
 * struct fabric_case
 * @section: of PCI Express Base 6.0
 * @says: what it says
 * @full: with ACS, ARI, slots and peer-to-peer between root ports
 * @loud: everybody reports everything
 * @vfs: c has four VFs, on bus 6, their memory at VF_BASE
 * @beside: a second function beside b: its place; 0: none
 */
struct fabric_case {
	const char *section;
	const char *says;
	bool full;
	bool loud;
	bool vfs;
	uint8_t beside;
	const struct step *steps;
};

#define STEPS(...)                                                                                                     \
	.steps = (const struct step[])                                                                                 \
	{                                                                                                              \
		__VA_ARGS__,                                                                                           \
		{                                                                                                      \
			STEP_END                                                                                       \
		}                                                                                                      \
	}

/** struct fabric_cases - a group of them */
struct fabric_cases {
	const struct fabric_case *rows;
	size_t count;
};

#define FABRIC_CASES(group) const struct fabric_cases cases_##group = { rows, sizeof(rows) / sizeof(rows[0]) }

extern const struct fabric_cases cases_config, cases_down, cases_up, cases_acs, cases_errors, cases_reports,
	cases_poison, cases_resets, cases_slots, cases_sriov, cases_msi;

/** struct run - a case under way; @beside: the second function */
struct run {
	const struct fabric_case *row;
	struct room *room;
	struct leaf *beside;
	unsigned int wrong;
};

/** steps_run() - do a case's steps; everything that is not as it says is printed and counted in @run->wrong */
void steps_run(struct run *run);

#endif
