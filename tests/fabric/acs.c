/* SPDX-License-Identifier: BSD-3-Clause */
/* Access control services. */
#include "cases.h"

#define SV  0x01
#define TB  0x02
#define RR  0x04
#define UF  0x10
#define DT  0x40
#define ACV CUR(FABRIC_ACS_VIOLATION)

/* dp0's bus becomes 7; a does not know it yet. */
#define RENUMBER                                                                                                       \
	PUT(RP2, BUSES, 4, 0x00090900), PUT(RP1, BUSES, 4, 0x00070100), PUT(UP, BUSES, 4, 0x00070201),                 \
		PUT(DP0, BUSES, 4, 0x00070702)

static const struct fabric_case rows[] = {
	{ "6.12.1.1", "Source Validation lets through what is its own", .full = true,
	  STEPS(PUT(DP0, ACSCTL, 2, SV), STORE(A, 0x1000, 4), FETCH(A, 0x1000, 4), FETCH(A, B_BASE, 4)) },
	{ "6.12.1.1", "Source Validation: a foreign bus number, read: CA, advisory", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, SV), RENUMBER, FETCH_IS(A, 0x1000, 4, TLP_ABORTED), GET(DP0, UNC, 4, ACV),
		GET(DP0, COR, 4, ADV), GET(DP0, P_DEVSTA, 2, 1), BITS(DP0, HDR + 4, 4, 0xffff0000, 0x03000000),
		TOLD(FABRIC_ACS_VIOLATION, DP0, TLP_ERR_COR)) },
	{ "6.12.1.1", "Source Validation: a foreign bus number, written: dropped, ERR_NONFATAL", .full = true,
	  .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, SV), RENUMBER, STORE_IS(A, B_BASE, 4, STATUS_FAILS), GET(DP0, UNC, 4, ACV),
		GET(DP0, COR, 4, 0), GET(DP0, P_DEVSTA, 2, 2), WRITES(B, 0), GET(RP1, SOURCES, 4, 0x02000000)) },
	{ "6.12.1.1", "without Source Validation a foreign bus number passes", .full = true,
	  STEPS(RENUMBER, STORE(A, 0x1000, 4)) },
	{ "6.12.1.1", "Translation Blocking: translated, read", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), FETCH_AS(A, 0x1000, 4, TLP_TRANSLATED, TLP_ABORTED), GET(DP0, UNC, 4, ACV),
		BITS(DP0, HDR, 4, 0xff000fff, 0x00000801)) },
	{ "6.12.1.1", "Translation Blocking: translated, written", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), STORE_AS(A, 0x1000, 4, TLP_TRANSLATED, STATUS_FAILS), GET(DP0, UNC, 4, ACV)) },
	{ "6.12.1.1", "Translation Blocking: a translation request", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), FETCH_AS(A, 0x1000, 8, TLP_TRANSLATION_REQUEST, TLP_ABORTED),
		GET(DP0, UNC, 4, ACV)) },
	{ "6.12.1.1", "Translation Blocking lets the untranslated through", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), STORE(A, 0x1000, 4), GET(DP0, UNC, 4, 0)) },
	{ "6.12.1.1", "Translation Blocking: of a root port", .full = true, .loud = true,
	  STEPS(PUT(RP1, ACSCTL, 2, TB), FETCH_AS(A, 0x1000, 4, TLP_TRANSLATED, TLP_ABORTED), GET(RP1, UNC, 4, ACV),
		GET(DP0, UNC, 4, 0)) },
	{ "6.12.1.1", "translated requests pass where nothing blocks them", .full = true,
	  STEPS(STORE_AS(A, 0x1000, 4, TLP_TRANSLATED, TLP_SUCCESS)) },
	{ "6.12.3", "Request Redirect: peers go by the root complex", .full = true,
	  STEPS(PUT(RP1, ACSCTL, 2, UF), PUT(DP0, ACSCTL, 2, RR), STORE(A, B_BASE, 4), CAME(A, B_BASE), WRITES(B, 0)) },
	{ "6.12.3", "Request Redirect: of the requester's port alone", .full = true,
	  STEPS(PUT(RP1, ACSCTL, 2, UF), PUT(DP1, ACSCTL, 2, RR), STORE(A, B_BASE, 4), WRITES(B, 1), ACCESSES(0)) },
	{ "6.12.3", "Request Redirect without Upstream Forwarding: the root port refuses what its window holds",
	  .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, RR), FETCH_IS(A, B_BASE, 4, TLP_UNSUPPORTED), GET(RP1, UNC, 4, CUR(20)),
		GET(DP0, UNC, 4, 0)) },
	{ "6.12.1.1", "Upstream Forwarding alone: a port's own window goes up", .full = true,
	  STEPS(PUT(DP0, ACSCTL, 2, UF), PUT(RP1, ACSCTL, 2, UF), STORE(A, A_BASE + 0x20000, 4),
		CAME(A, A_BASE + 0x20000)) },
	{ "6.12.3", "Request Redirect of a root port: peers of two root ports go by the root complex", .full = true,
	  STEPS(PUT(RP1, ACSCTL, 2, RR), STORE(A, C_BASE, 4), CAME(A, C_BASE), WRITES(C, 0)) },
	{ "6.12.3", "Direct Translated P2P: translated requests go straight", .full = true,
	  STEPS(PUT(RP1, ACSCTL, 2, UF), PUT(DP0, ACSCTL, 2, RR | DT),
		STORE_AS(A, B_BASE, 4, TLP_TRANSLATED, TLP_SUCCESS), WRITES(B, 1), STORE(A, B_BASE, 4), WRITES(B, 1)) },
	{ "6.12.3", "Redirect without Direct Translated: translated requests are redirected too", .full = true,
	  STEPS(PUT(RP1, ACSCTL, 2, UF), PUT(DP0, ACSCTL, 2, RR), STORE_AS(A, B_BASE, 4, TLP_TRANSLATED, TLP_SUCCESS),
		WRITES(B, 0)) },
	{ "6.12.1.1", "redirection does not concern what is for memory", .full = true,
	  STEPS(PUT(DP0, ACSCTL, 2, SV | RR | UF), STORE(A, 0x1000, 64)) },
	{ "6.12.1.1", "blocked by Translation Blocking, so never straight to a peer", .full = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB | DT), STORE_AS(A, B_BASE, 4, TLP_TRANSLATED, STATUS_FAILS), WRITES(B, 0)) },
	{ "7.7.11.3", "control bits of what is not there read 0", .full = true,
	  STEPS(PUT(DP0, ACSCTL, 2, 0xff80), GET(DP0, ACSCTL, 2, 0)) },
	{ "6.12.1.1", "ACS violation of fatal severity", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), PUT(DP0, USEV, 4, 0x00662030),
		FETCH_AS(A, 0x1000, 4, TLP_TRANSLATED, TLP_ABORTED), GET(DP0, COR, 4, 0), GET(DP0, P_DEVSTA, 2, 4),
		BITS(RP1, ROOTSTA, 4, 0x7f, 0x54)) },
	{ "6.12.1.1", "ACS violation masked: no header, nobody is told", .full = true, .loud = true,
	  STEPS(PUT(DP0, ACSCTL, 2, TB), PUT(DP0, UMASK, 4, ACV), STORE_AS(A, 0x1000, 4, TLP_TRANSLATED, STATUS_FAILS),
		GET(DP0, UNC, 4, ACV), GET(DP0, HDR, 4, 0), BITS(RP1, ROOTSTA, 4, 0x7f, 0)) },
};

FABRIC_CASES(acs);
