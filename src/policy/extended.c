/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/*
 * The extended capabilities of `guarded`. What has no row is hidden and its body closed: above all what the guest
 * cannot make true through this mediator (ATS, PRI, PASID, SR-IOV, TPH, multicast, PTM, DOE …) and what belongs to
 * the link and its other end (LTR, DPC, L1 substates, physical layer, margining).
 */

/* Advanced Error Reporting · PCIe Base 6.0, 7.8.4. Masks and severities are the guest's own: the host's stay. */
static const struct rule aer_rows[] = {
	{ 0x04, 0xffffffff, HOST, RW1C, NO_HOOK, 0, "UNC_STATUS 7.8.4.2: only the bits the guest wrote" },
	{ 0x08, 0x07fff030, OPENED, TO_SHADOW, NO_HOOK, 0, "UNC_MASK 7.8.4.3: the guest's own" },
	{ 0x0c, 0x07fff030, OPENED, TO_SHADOW, NO_HOOK, 0, "UNC_SEVERITY 7.8.4.4: the guest's own" },
	{ 0x10, 0x0000f1c1, HOST, RW1C, NO_HOOK, 0, "COR_STATUS 7.8.4.5: only the bits the guest wrote" },
	{ 0x14, 0x0000f1c1, OPENED, TO_SHADOW, NO_HOOK, 0, "COR_MASK 7.8.4.6: the guest's own" },
	{ 0x18, 0xfffffe1f, HOST, DROPPED, NO_HOOK, 0, "AER_CTRL 7.8.4.7" },
	{ 0x18, 0x000001e0, ZERO, DROPPED, NO_HOOK, 0, "AER_CTRL.ECRC 7.8.4.7: the host's choice, not offered" },
	{ 0x1c, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "HEADER_LOG 7.8.4.8" },
	{ 0x20, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "HEADER_LOG 7.8.4.8" },
	{ 0x24, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "HEADER_LOG 7.8.4.8" },
	{ 0x28, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "HEADER_LOG 7.8.4.8" },
	{ 0x38, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "PREFIX_LOG 7.8.4.12" },
	{ 0x3c, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "PREFIX_LOG 7.8.4.12" },
	{ 0x40, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "PREFIX_LOG 7.8.4.12" },
	{ 0x44, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "PREFIX_LOG 7.8.4.12" },
};

/* Power Budgeting · 7.8.1: the select register is an index into a table, the data register what stands there. */
static const struct rule power_budgeting_rows[] = {
	{ 0x04, 0xff, HOST, TO_HOST, NO_HOOK, 0, "PB_SELECT 7.8.1.2" },
	{ 0x08, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "PB_DATA 7.8.1.3" },
	{ 0x0c, 0xff, HOST, DROPPED, NO_HOOK, 0, "PB_CAP 7.8.1.4" },
};

/* Alternative Routing-ID · 7.8.8: the guest gets one function, there is no next one. */
static const struct rule ari_rows[] = {
	{ 0x04, 0x0003, HOST, DROPPED, NO_HOOK, 0, "ARI_CAP 7.8.8.2" },
	{ 0x04, 0xff00, ZERO, DROPPED, NO_HOOK, 0, "ARI_CAP.NEXT 7.8.8.2: nobody else's function number" },
};

static const struct rules aer = RULES(aer_rows);
static const struct rules power_budgeting = RULES(power_budgeting_rows);
static const struct rules ari = RULES(ari_rows);

const struct cap_policy guarded_ecaps[] = {
	[PCG_ECAP_AER] = { true, REST_CLOSED, &aer, NULL, "status acts, masks and severities are the guest's own" },
	[PCG_ECAP_VC] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_ECAP_DSN] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_ECAP_PB] = { true, REST_CLOSED, &power_budgeting, NULL, "to look through" },
	[PCG_ECAP_MFVC] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_ECAP_VC9] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_ECAP_VSEC] = { true, REST_READ_ONLY, NULL, NULL, "the vendor's registers, to look at" },
	[PCG_ECAP_ARI] = { true, REST_CLOSED, &ari, NULL, "to look at, without a next function" },
	[PCG_ECAP_DPA] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_ECAP_DVSEC] = { true, REST_READ_ONLY, NULL, NULL, "the vendor's registers, to look at" },
};

const unsigned int guarded_necaps = sizeof(guarded_ecaps) / sizeof(guarded_ecaps[0]);
