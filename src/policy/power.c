/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/* Power Management capability · PCIe Base 6.0, 7.5.2; PCI PM 1.2, 3.2 */
static const struct rule rows[] = {
	/* register    bits    guest reads  guest writes  when written */
	{ PCG_PM_PMC, 0x07ff, FIXED, DROPPED, NO_HOOK, 0,
	  "PMC 7.5.2.1: version, states, auxiliary current as the function has them" },
	{ PCG_PM_PMC, 0xf800, ZERO, DROPPED, NO_HOOK, 0, "PMC.PME 7.5.2.1: no PME reaches the guest, none is offered" },
	{ PCG_PM_CSR, 0x0003, SHADOW, TO_SHADOW, ON_POWER, 0, "PMCSR.STATE 7.5.2.2: through the power operation" },
	{ PCG_PM_CSR, 0x0004, ZERO, DROPPED, ON_POWER, 0, "PMCSR reserved 7.5.2.2: 0" },
	{ PCG_PM_CSR, 0x0008, FIXED, DROPPED, ON_POWER, 0, "PMCSR.NO_SOFT_RESET 7.5.2.2: whether D3hot loses state" },
	{ PCG_PM_CSR, 0x00f0, ZERO, DROPPED, ON_POWER, 0, "PMCSR reserved 7.5.2.2: 0" },
	{ PCG_PM_CSR, 0x0100, ZERO, DROPPED, ON_POWER, 0, "PMCSR.PME_EN 7.5.2.2: no PME is offered" },
	{ PCG_PM_CSR, 0x1e00, HOST, TO_HOST, ON_POWER, 0, "PMCSR.DATA_SELECT 7.5.2.2: chooses what DATA tells" },
	{ PCG_PM_CSR, 0x6000, HOST, DROPPED, ON_POWER, 0, "PMCSR.DATA_SCALE 7.5.2.2: the unit of DATA" },
	{ PCG_PM_CSR, 0x8000, ZERO, AS_ZERO, ON_POWER, 0, "PMCSR.PME_STATUS 7.5.2.2: the host's to clear" },
	{ 6, 0xff, ZERO, DROPPED, NO_HOOK, 0, "PMCSR_BSE PCI PM 1.2 3.2.5: a bridge's" },
	{ 7, 0xff, HOST, DROPPED, NO_HOOK, 0, "DATA 7.5.2.3: power consumed or dissipated, as selected" },
};

const struct rules pm_rules = RULES(rows);
