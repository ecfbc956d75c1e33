/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/* The profile `guarded`, capability by capability. What has no row here is hidden and its body closed. */

/* Vital Product Data · PCI 3.0, appendix I */
static const struct rule vpd_rows[] = {
	{ 2, 0xffff, HOST, TO_HOST, NO_HOOK, 0, "VPD_ADDR appendix I" },
	{ 4, 0xffffffff, HOST, TO_HOST, NO_HOOK, 0, "VPD_DATA appendix I" },
};

/* PCI-X · PCI-X 2.0, 7.2: status errors are RW1C and stay the host's. */
static const struct rule pcix_rows[] = {
	{ 2, 0x007f, HOST, TO_HOST, NO_HOOK, 0, "PCIX_CMD 7.2.3" },
	{ 2, 0xff80, HOST, DROPPED, NO_HOOK, 0, "PCIX_CMD 7.2.3" },
	{ 4, 0xffffffff, HOST, AS_ZERO, NO_HOOK, 0, "PCIX_STATUS 7.2.4" },
};

/* Advanced Features · PCI AF ECN, 6.8.4 */
static const struct rule af_rows[] = {
	{ 2, 0xff, FIXED, DROPPED, NO_HOOK, 0, "AF_LENGTH" },
	{ PCG_AF_CAP, 0x03, FIXED, DROPPED, NO_HOOK, 0, "AF_CAP: transactions pending, FLR" },
	{ PCG_AF_CTRL, 0xff, ZERO, DROPPED, ON_AF, 0, "AF_CTRL.FLR: always reads 0" },
	{ 5, 0x01, HOST, DROPPED, NO_HOOK, 0, "AF_STATUS.TP" },
};

static const struct rules vpd = RULES(vpd_rows);
static const struct rules pcix = RULES(pcix_rows);
static const struct rules af = RULES(af_rows);

const struct cap_policy guarded_caps[] = {
	[PCG_CAP_PM] = { true, REST_CLOSED, &pm_rules, NULL, "power states act, PME is not offered" },
	[PCG_CAP_AGP] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_CAP_VPD] = { true, REST_CLOSED, &vpd, NULL, "read and written" },
	[PCG_CAP_MSI] = { true, REST_CLOSED, msi_rules, msi_variant, "the guest's own; vectors are eventfds", 4 },
	[PCG_CAP_PCIX] = { true, REST_READ_ONLY, &pcix, NULL, "the command word acts" },
	[PCG_CAP_HT] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_CAP_VNDR] = { true, REST_OPEN, NULL, NULL, "the vendor's registers, read and written" },
	[PCG_CAP_SSVID] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_CAP_EXP] = { true, REST_CLOSED, &express_rules, NULL, "device control acts, the path is the host's" },
	[PCG_CAP_MSIX] = { true, REST_CLOSED, &msix_rules, NULL, "the guest's own; vectors are eventfds" },
	[PCG_CAP_SATA] = { true, REST_READ_ONLY, NULL, NULL, "to look at" },
	[PCG_CAP_AF] = { true, REST_CLOSED, &af, NULL, "FLR acts" },
};

const unsigned int guarded_ncaps = sizeof(guarded_caps) / sizeof(guarded_caps[0]);
