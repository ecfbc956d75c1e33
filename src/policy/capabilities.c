/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/* The profile `guarded`, capability by capability. What is hidden has a row as well, which says why. */

/* Vital Product Data · PCI 3.0, appendix I; PCIe 6.0, 7.9.18 */
static const struct rule vpd_rows[] = {
	{ 2, 0xffff, HOST, TO_HOST, NO_HOOK, 0, "VPD_ADDR 7.9.18.1: starts an access, its upper bit tells of the end" },
	{ 4, 0xffffffff, HOST, TO_HOST, NO_HOOK, 0, "VPD_DATA 7.9.18.2: what was read, or is to be written" },
};

/* PCI-X · PCI-X 2.0, 7.2: status errors are RW1C and stay the host's. */
static const struct rule pcix_rows[] = {
	{ 2, 0x007f, HOST, TO_HOST, NO_HOOK, 0,
	  "PCIX_CMD PCI-X 2.0 7.2.3: parity recovery, ordering, how much is read at once" },
	{ 2, 0xff80, HOST, DROPPED, NO_HOOK, 0, "PCIX_CMD PCI-X 2.0 7.2.3: version, reserved" },
	{ 4, 0xffffffff, HOST, AS_ZERO, NO_HOOK, 0, "PCIX_STATUS PCI-X 2.0 7.2.4: errors are the host's to clear" },
};

/* Advanced Features · PCI AF ECN; PCIe 6.0, 7.9.21 */
static const struct rule af_rows[] = {
	{ 2, 0xff, FIXED, DROPPED, NO_HOOK, 0, "AF_LENGTH 7.9.21.1: 6" },
	{ PCG_AF_CAP, 0x03, FIXED, DROPPED, NO_HOOK, 0, "AF_CAP 7.9.21.2: transactions pending, FLR" },
	{ PCG_AF_CTRL, 0xff, ZERO, DROPPED, ON_AF, 0,
	  "AF_CTRL.FLR 7.9.21.3: a one resets the function; always reads 0" },
	{ 5, 0x01, HOST, DROPPED, NO_HOOK, 0, "AF_STATUS.TP 7.9.21.4: transactions pending, as the function has it" },
};

/* Accelerated Graphics Port · AGP 3.0, 6.1: the aperture's other end is the host's bridge. */
static const struct rule agp_rows[] = {
	{ 2, 0x00ff, HOST, DROPPED, NO_HOOK, 0, "AGP_VERSION AGP 3.0 6.1.6: which AGP it is" },
	{ 4, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "AGP_STATUS AGP 3.0 6.1.7: what the function can do" },
	{ 8, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "AGP_COMMAND AGP 3.0 6.1.8: the host runs the bus" },
};

/* Vendor's registers · PCI 3.0, appendix H: nobody else knows what stands there; the length is the view's. */

/* Subsystem · PCI-to-PCI bridge 1.2, 3.2.5.13; PCIe 6.0, 7.9.23 */
static const struct rule ssvid_rows[] = {
	{ 4, 0xffff, HOST, DROPPED, NO_HOOK, 0, "SSVID 7.9.23.2: whose board it is" },
	{ 6, 0xffff, HOST, DROPPED, NO_HOOK, 0, "SSID 7.9.23.2: which board it is" },
};

/* Serial ATA · AHCI 1.3.1, 2.4. The index-data pair, where it stands here, is another way into the BAR. */
static const struct rule sata_rows[] = {
	{ 2, 0x00ff, HOST, DROPPED, NO_HOOK, 0, "SATACR0 AHCI 1.3.1 2.4.1: revision" },
	{ 4, 0x00ffffff, HOST, DROPPED, NO_HOOK, 0, "SATACR1 AHCI 1.3.1 2.4.2: where the index-data pair stands" },
};

static const struct rules vpd = RULES(vpd_rows);
static const struct rules pcix = RULES(pcix_rows);
static const struct rules af = RULES(af_rows);
static const struct rules agp = RULES(agp_rows);
static const struct rules ssvid = RULES(ssvid_rows);
static const struct rules sata = RULES(sata_rows);

#define HIDDEN(text)                                                                                                   \
	{                                                                                                              \
		.why = text                                                                                            \
	}

const struct cap_policy guarded_caps[] = {
	[PCG_CAP_NULL] = HIDDEN("hidden: no registers, PCIe 6.0 7.9.27"),
	[PCG_CAP_PM] = { true, REST_CLOSED, &pm_rules, NULL, "power states act; PME is not offered" },
	[PCG_CAP_AGP] = { true, REST_CLOSED, &agp, NULL, "read-only, the host runs the bus" },
	[PCG_CAP_VPD] = { true, REST_CLOSED, &vpd, NULL, "read and written in the function" },
	[PCG_CAP_SLOTID] = HIDDEN("hidden: a bridge's, PCI-to-PCI bridge 1.2 13.2"),
	[PCG_CAP_MSI] = { true, REST_CLOSED, msi_rules, msi_variant, "the guest's own; vectors are eventfds", 4 },
	[PCG_CAP_CHSWP] = HIDDEN("hidden: the slot is the host's, PICMG 2.1 3.1"),
	[PCG_CAP_PCIX] = { true, REST_READ_ONLY, &pcix, NULL, "the command word acts, errors are the host's" },
	[PCG_CAP_HT] = { true, REST_READ_ONLY, NULL, NULL, "read-only, HyperTransport 3.1 7", .opaque = true },
	[PCG_CAP_VNDR] = { true, REST_OPEN, NULL, NULL, "the vendor's registers, PCIe 6.0 7.9.4", .opaque = true },
	[PCG_CAP_DBG] = HIDDEN("hidden: a debug port is the host's, EHCI 1.0 appendix C"),
	[PCG_CAP_CCRC] = HIDDEN("hidden: the chassis is the host's, PICMG 2.13"),
	[PCG_CAP_HOTPLUG] = HIDDEN("hidden: a bridge's, SHPC 1.0 4.7"),
	[PCG_CAP_SSVID] = { true, REST_CLOSED, &ssvid, NULL, "read-only" },
	[PCG_CAP_AGP3] = HIDDEN("hidden: a bridge's, AGP 3.0 6.2"),
	[PCG_CAP_SECURE] = HIDDEN("hidden: an IOMMU's, which no guest programs, AMD IOMMU 3.0 3.1"),
	[PCG_CAP_EXP] = { true, REST_CLOSED, express_rules, express_variant,
			  "device control acts, the path is the host's", 2 },
	[PCG_CAP_MSIX] = { true, REST_CLOSED, &msix_rules, NULL, "the guest's own; vectors are eventfds" },
	[PCG_CAP_SATA] = { true, REST_CLOSED, &sata, NULL, "read-only, without the index-data pair" },
	[PCG_CAP_AF] = { true, REST_CLOSED, &af, NULL, "FLR resets the function" },
	[PCG_CAP_EA] = HIDDEN("hidden: fixed host addresses, PCIe 6.0 7.8.5"),
	[PCG_CAP_FPB] = HIDDEN("hidden: a bridge's, PCIe 6.0 7.8.11"),
};

const unsigned int guarded_ncaps = sizeof(guarded_caps) / sizeof(guarded_caps[0]);
