/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/*
 * Capabilities that are made up on request (docs/pasid.md). What stands in their read-only fields is what the backend
 * enforces: src/view/made.c fills it in, and takes away the control bits that it does not.
 */

/*
 * PASID · PCIe Base 6.0, 7.8.9. Whether Execute and Privileged Mode Enable may change while PASID Enable is set the
 * specification leaves open: here they do, and what reads back is what is enforced.
 */
static const struct rule pasid_rows[] = {
	{ PCG_PASID_CAP, 0x1f06, SHADOW, DROPPED, NO_HOOK, 0,
	  "PASID_CAP 7.8.9.2: width, execute and privileged as the backend enforces them" },
	{ PCG_PASID_CAP, 0xe0f9, ZERO, DROPPED, NO_HOOK, 0, "PASID_CAP 7.8.9.2: reserved, or not offered" },
	{ PCG_PASID_CTRL, 0x0007, SHADOW, TO_SHADOW, ON_PASID, 0,
	  "PASID_CTRL 7.8.9.3: enable, execute, privileged: as far as PASID_CAP has them" },
	{ PCG_PASID_CTRL, 0xfff8, ZERO, DROPPED, ON_PASID, 0, "PASID_CTRL 7.8.9.3: reserved, or not offered" },
};

/* Address Translation Service · 10.5.1: a function of the guest's own, with a translation unit of its own, VF or not.
 */
static const struct rule ats_rows[] = {
	{ PCG_ATS_CAP, 0x003f, SHADOW, DROPPED, NO_HOOK, 0x0021,
	  "ATS_CAP 10.5.1.2: one invalidation at a time, requests are for whole pages" },
	{ PCG_ATS_CAP, 0xffc0, ZERO, DROPPED, NO_HOOK, 0,
	  "ATS_CAP 10.5.1.2: no global invalidation, no relaxed ordering, no attributes" },
	{ PCG_ATS_CTRL, 0x801f, SHADOW, TO_SHADOW, ON_PASID, 0,
	  "ATS_CTRL 10.5.1.3: enable, smallest translation unit" },
	{ PCG_ATS_CTRL, 0x7fe0, ZERO, DROPPED, ON_PASID, 0, "ATS_CTRL 10.5.1.3: reserved" },
};

/* Page Request Interface · 10.5.2 */
static const struct rule pri_rows[] = {
	{ PCG_PRI_CTRL, 0x0001, SHADOW, TO_SHADOW, ON_PASID, 0, "PRI_CTRL.ENABLE 10.5.2.2: requests may be made" },
	{ PCG_PRI_CTRL, 0x0002, ZERO, DROPPED, ON_PASID, 0,
	  "PRI_CTRL.RESET 10.5.2.2: while off, a one forgets what is outstanding; always reads 0" },
	{ PCG_PRI_CTRL, 0xfffc, ZERO, DROPPED, ON_PASID, 0, "PRI_CTRL 10.5.2.2: reserved" },
	{ PCG_PRI_STATUS, 0x0003, SHADOW, CLEARS, ON_PASID, 0,
	  "PRI_STATUS.RF, .UPRGI 10.5.2.3: raised by the function" },
	{ PCG_PRI_STATUS, 0x0100, SHADOW, DROPPED, ON_PASID, PCG_PRI_STOPPED,
	  "PRI_STATUS.STOPPED 10.5.2.3: off, and nothing is outstanding" },
	{ PCG_PRI_STATUS, 0x8000, SHADOW, DROPPED, ON_PASID, PCG_PRI_PASID_REQUIRED,
	  "PRI_STATUS.PASID_REQUIRED 10.5.2.3: answers name the PASID of the request, where PASID is shown" },
	{ PCG_PRI_STATUS, 0x7efc, ZERO, DROPPED, ON_PASID, 0, "PRI_STATUS 10.5.2.3: reserved" },
	{ PCG_PRI_CAPACITY, 0xffffffff, SHADOW, DROPPED, NO_HOOK, 0,
	  "PRI_MAX_REQ 10.5.2.4: as many as the backend holds" },
	{ PCG_PRI_ALLOCATION, 0xffffffff, SHADOW, TO_SHADOW, ON_PASID, 0,
	  "PRI_ALLOC_REQ 10.5.2.5: as the guest sets it; more than there is room for counts as that much" },
};

static const struct rules pasid = RULES(pasid_rows);
static const struct rules ats = RULES(ats_rows);
static const struct rules pri = RULES(pri_rows);

const struct cap_policy made_pasid = { true, REST_CLOSED, &pasid, NULL, "made up by request, enforced by the backend" };
const struct cap_policy made_ats = { true, REST_CLOSED, &ats, NULL, "made up by request, enforced by the backend" };
const struct cap_policy made_pri = { true, REST_CLOSED, &pri, NULL, "made up by request, enforced by the backend" };
