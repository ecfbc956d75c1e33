/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/*
 * MSI capability · PCIe Base 6.0, 7.7.1. Address and data are the guest's own and reach nothing: the mediator's
 * eventfds stand for the vectors. Four layouts by the 64-bit and the per-vector masking bit.
 */
#define CONTROL                                                                                                         \
	{ PCG_MSI_CONTROL, 0x0001, SHADOW, TO_SHADOW, ON_MSI, 0, "MSI_CTRL.ENABLE 7.7.1.2: the guest's own" },          \
		{ PCG_MSI_CONTROL, 0x000e, FIXED, DROPPED, ON_MSI, 0, "MSI_CTRL.MMC 7.7.1.2: vectors it can have" },    \
		{ PCG_MSI_CONTROL, 0x0070, SHADOW, TO_SHADOW, ON_MSI, 0, "MSI_CTRL.MME 7.7.1.2: vectors it is given" }, \
		{ PCG_MSI_CONTROL, 0x0180, FIXED, DROPPED, ON_MSI, 0, "MSI_CTRL.64, .MASKABLE 7.7.1.2: the layout" },   \
		{ PCG_MSI_CONTROL,                                                                                      \
		  0xfe00,                                                                                               \
		  ZERO,                                                                                                 \
		  DROPPED,                                                                                              \
		  ON_MSI,                                                                                               \
		  0,                                                                                                    \
		  "MSI_CTRL.EXT_DATA, reserved 7.7.1.2: 16 bits of data are all" },                                     \
	{                                                                                                               \
		4, 0xfffffffc, SHADOW, TO_SHADOW, NO_HOOK, 0, "MSI_ADDR 7.7.1.3: the guest's own"                       \
	}

#define DATA(at)                                                                                                       \
	{                                                                                                              \
		at, 0xffff, SHADOW, TO_SHADOW, NO_HOOK, 0, "MSI_DATA 7.7.1.5: the guest's own"                         \
	}
#define UPPER(at)                                                                                                      \
	{                                                                                                              \
		at, 0xffffffff, SHADOW, TO_SHADOW, NO_HOOK, 0, "MSI_UPPER 7.7.1.4: the guest's own"                    \
	}
#define MASK(at)                                                                                                       \
	{                                                                                                              \
		at, 0xffffffff, SHADOW, TO_SHADOW, ON_MSI, 0, "MSI_MASK 7.7.1.7: a bit for each vector it can have"    \
	}
#define PENDING(at)                                                                                                    \
	{                                                                                                              \
		at, 0xffffffff, SHADOW, DROPPED, NO_HOOK, 0, "MSI_PENDING 7.7.1.8: raised while masked or unheard"     \
	}

static const struct rule narrow[] = { CONTROL, DATA(8) };
static const struct rule wide[] = { CONTROL, UPPER(8), DATA(12) };
static const struct rule narrow_masked[] = { CONTROL, DATA(8), MASK(12), PENDING(16) };
static const struct rule wide_masked[] = { CONTROL, UPPER(8), DATA(12), MASK(16), PENDING(20) };

const struct rules msi_rules[4] = { RULES(narrow), RULES(wide), RULES(narrow_masked), RULES(wide_masked) };

unsigned int msi_variant(const uint8_t *config, const struct pcg_cap *cap)
{
	uint16_t control = pcg_get16(config + cap->offset + PCG_MSI_CONTROL);

	return (control & PCG_MSI_64BIT ? 1 : 0) + (control & PCG_MSI_MASKABLE ? 2 : 0);
}

/* MSI-X capability · PCIe Base 6.0, 7.7.2. The control word is never forwarded: the backend owns the vectors. */
static const struct rule msix[] = {
	{ PCG_MSIX_CONTROL, PCG_MSIX_SIZE, FIXED, DROPPED, ON_MSIX, 0,
	  "MSIX_CTRL.SIZE 7.7.2.2: vectors it can have, at most what msix-vectors says" },
	{ PCG_MSIX_CONTROL, 0x3800, ZERO, DROPPED, ON_MSIX, 0, "MSIX_CTRL reserved 7.7.2.2: 0" },
	{ PCG_MSIX_CONTROL, 0xc000, SHADOW, TO_SHADOW, ON_MSIX, 0, "MSIX_CTRL.ENABLE, .MASK 7.7.2.2: the guest's own" },
	{ PCG_MSIX_TABLE, 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "MSIX_TABLE 7.7.2.3: where the table stands" },
	{ PCG_MSIX_PBA, 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "MSIX_PBA 7.7.2.4: where the pending bits stand" },
};

const struct rules msix_rules = RULES(msix);
