/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"

/*
 * The extended capabilities of `guarded`. Hidden, each for its own reason, is above all what the guest cannot make
 * true through this mediator (ATS, PRI, PASID, SR-IOV, TPH, multicast, PTM, DOE …) and what belongs to the link and
 * its other end (LTR, DPC, L1 substates, physical layer, margining).
 */

/*
 * Advanced Error Reporting · PCIe Base 6.0, 7.8.4. Masks and severities are the guest's own: the host's stay. They have
 * a bit for every error that the status register can show.
 */
#define ERRORS 0xfffff030 /* bits 31:12, 5 and 4 */

#define LOG(at, words)                                                                                                 \
	{                                                                                                              \
		at, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, words                                                       \
	}
#define HEADER_LOG(at) LOG(at, "HEADER_LOG 7.8.4.8: the packet of the first error")
#define PREFIX_LOG(at) LOG(at, "PREFIX_LOG 7.8.4.12: its prefixes; in flit mode more of its header")
#define FLIT_LOG(at)   LOG(at, "HEADER_LOG 7.8.4.8: in flit mode the rest of the header")

static const struct rule aer_rows[] = {
	{ 0x04, 0xffffffff, HOST, RW1C, NO_HOOK, 0, "UNC_STATUS 7.8.4.2: only the bits the guest wrote" },
	{ 0x08, ERRORS, OPENED, TO_SHADOW, NO_HOOK, 0, "UNC_MASK 7.8.4.3: the guest's own, the host's stays" },
	{ 0x0c, ERRORS, OPENED, TO_SHADOW, NO_HOOK, 0, "UNC_SEVERITY 7.8.4.4: the guest's own, the host's stays" },
	{ 0x10, 0x0000f1c1, HOST, RW1C, NO_HOOK, 0, "COR_STATUS 7.8.4.5: only the bits the guest wrote" },
	{ 0x14, 0x0000f1c1, OPENED, TO_SHADOW, NO_HOOK, 0, "COR_MASK 7.8.4.6: the guest's own, the host's stays" },
	{ 0x18, 0xfffffe1f, HOST, DROPPED, NO_HOOK, 0, "AER_CTRL 7.8.4.7: first error, what the log holds" },
	{ 0x18, 0x000001e0, ZERO, DROPPED, NO_HOOK, 0, "AER_CTRL.ECRC 7.8.4.7: the host's choice, not offered" },
	HEADER_LOG(0x1c),
	HEADER_LOG(0x20),
	HEADER_LOG(0x24),
	HEADER_LOG(0x28),
	PREFIX_LOG(0x38),
	PREFIX_LOG(0x3c),
	PREFIX_LOG(0x40),
	PREFIX_LOG(0x44),
	FLIT_LOG(0x48),
	FLIT_LOG(0x4c),
	FLIT_LOG(0x50),
	FLIT_LOG(0x54),
	FLIT_LOG(0x58),
	FLIT_LOG(0x5c),
};

/*
 * Power Budgeting · 7.8.1: the select register is an index into a table, the data register what stands there. Extended
 * budgeting and power limits are granted by the host: the control register is closed and nothing says that it exists.
 */
static const struct rule power_budgeting_rows[] = {
	{ 0x04, 0xff, HOST, TO_HOST, NO_HOOK, 0, "PB_SELECT 7.8.1.2: chooses what PB_DATA tells" },
	{ 0x06, 0xffff, ZERO, DROPPED, NO_HOOK, 0, "PB_CTRL 7.8.1.3: power is the host's to grant, not offered" },
	{ 0x08, 0x001fffff, HOST, DROPPED, NO_HOOK, 0, "PB_DATA 7.8.1.4: power in one operating condition" },
	{ 0x08, 0xffe00000, ZERO, DROPPED, NO_HOOK, 0, "PB_DATA 7.8.1.4: 0 without extended power budgeting" },
	{ 0x0c, 0xf1, HOST, DROPPED, NO_HOOK, 0, "PB_CAP 7.8.1.5: what the system has budgeted, loss of power" },
	{ 0x0c, 0x0e, ZERO, DROPPED, NO_HOOK, 0, "PB_CAP.EXTENDED, .SENSE, .LIMIT 7.8.1.5: not offered" },
	{ 0x0d, 0xffffff, ZERO, DROPPED, NO_HOOK, 0, "PB_SENSE 7.8.1.6: 0 without extended power budgeting" },
};

/* Alternative Routing-ID · 7.8.8: the guest gets one function, there is no next one. */
static const struct rule ari_rows[] = {
	{ 0x04, 0x0003, HOST, DROPPED, NO_HOOK, 0, "ARI_CAP 7.8.8.2: function groups" },
	{ 0x04, 0xff00, ZERO, DROPPED, NO_HOOK, 0, "ARI_CAP.NEXT 7.8.8.2: nobody else's function number" },
};

/*
 * Virtual Channel · 7.9.1, and the same for several functions · 7.9.2: the mapping of traffic classes is the path's,
 * both ends agree on it. The arbitration tables are what no row names.
 */
#define CHANNEL(n, chapter)                                                                                            \
	{ 0x10 + 0xc * (n), 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "VC_RESOURCE_CAP " chapter ".6: arbitration" },     \
		{ 0x14 + 0xc * (n),                                                                                    \
		  0xffffffff,                                                                                          \
		  HOST,                                                                                                \
		  DROPPED,                                                                                             \
		  NO_HOOK,                                                                                             \
		  0,                                                                                                   \
		  "VC_RESOURCE_CTRL " chapter ".7: number and classes, as the host set them" },                        \
	{                                                                                                              \
		0x1a + 0xc * (n), 0xffff, HOST, DROPPED, NO_HOOK, 0, "VC_RESOURCE_STATUS " chapter ".8: negotiation"   \
	}
#define PORT(chapter)                                                                                                  \
	{ 0x04, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "VC_CAP1 " chapter ".2: how many channels" },                   \
		{ 0x08,                                                                                                \
		  0xffffffff,                                                                                          \
		  HOST,                                                                                                \
		  DROPPED,                                                                                             \
		  NO_HOOK,                                                                                             \
		  0,                                                                                                   \
		  "VC_CAP2 " chapter ".3: arbitration, where its table stands" },                                      \
		{ 0x0c, 0xffff, HOST, DROPPED, NO_HOOK, 0, "VC_CTRL " chapter ".4: arbitration, as the host set it" }, \
	{                                                                                                              \
		0x0e, 0xffff, HOST, DROPPED, NO_HOOK, 0, "VC_STATUS " chapter ".5: the arbitration table's"            \
	}
#define CHANNELS(chapter)                                                                                              \
	CHANNEL(0, chapter), CHANNEL(1, chapter), CHANNEL(2, chapter), CHANNEL(3, chapter), CHANNEL(4, chapter),       \
		CHANNEL(5, chapter), CHANNEL(6, chapter), CHANNEL(7, chapter)

static const struct rule vc_rows[] = { PORT("7.9.1"), CHANNELS("7.9.1") };
static const struct rule mfvc_rows[] = { PORT("7.9.2"), CHANNELS("7.9.2") };

/* Device Serial Number · 7.9.3 */
static const struct rule dsn_rows[] = {
	{ 0x04, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DSN_LOWER 7.9.3.2: the device's number" },
	{ 0x08, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DSN_UPPER 7.9.3.2: the device's number" },
};

/* Resizable BAR · 7.8.6: the host has chosen. One size is offered, the one that is there. */
#define RESIZABLE(n)                                                                                                   \
	{ 0x04 + 8 * (n), 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "REBAR_CAP 7.8.6.2: the current size alone" },       \
	{                                                                                                              \
		0x08 + 8 * (n), 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "REBAR_CTRL 7.8.6.3: the current size, fixed"  \
	}

static const struct rule rebar_rows[] = {
	RESIZABLE(0), RESIZABLE(1), RESIZABLE(2), RESIZABLE(3), RESIZABLE(4), RESIZABLE(5),
};

/*
 * The same where sizes are the guest's to choose (docs/rebar.md). What is offered, and for which BARs, src/view/rebar.c
 * fills in.
 */
#define OFFERED "the sizes that the backend can give"
/* clang-format off */
#define RESIZED(n)                                                                                                     \
	{ 0x04 + 8 * (n), 0xfffffff0, SHADOW, DROPPED, NO_HOOK, 0, "REBAR_CAP 7.8.6.2: " OFFERED },                    \
	{ 0x08 + 8 * (n), 0x000000e7, FIXED, DROPPED, NO_HOOK, 0, "REBAR_CTRL 7.8.6.3: index and count" },             \
	{ 0x08 + 8 * (n), 0x00003f00, SHADOW, TO_SHADOW, ON_REBAR, 0,                                                  \
	  "REBAR_CTRL.SIZE 7.8.6.3: carried out, while memory is off, before the write is done" },                     \
	{ 0x08 + 8 * (n), 0xffff0000, SHADOW, DROPPED, NO_HOOK, 0, "REBAR_CTRL 7.8.6.3: " OFFERED }
/* clang-format on */

static const struct rule rebar_on_rows[] = {
	RESIZED(0), RESIZED(1), RESIZED(2), RESIZED(3), RESIZED(4), RESIZED(5),
};

/* Dynamic Power Allocation · 7.9.12: the power budget is the host's. */
static const struct rule dpa_rows[] = {
	{ 0x04, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_CAP 7.9.12.2: how many substates, how long they take" },
	{ 0x08, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_LATENCY 7.9.12.3: which of two latencies a substate has" },
	{ 0x0c, 0xffff, HOST, DROPPED, NO_HOOK, 0, "DPA_STATUS 7.9.12.4: the substate it is in" },
	{ 0x0e, 0xffff, HOST, DROPPED, NO_HOOK, 0, "DPA_CTRL 7.9.12.5: the host chooses the substate" },
	{ 0x10, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x14, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x18, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x1c, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x20, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x24, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x28, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
	{ 0x2c, 0xffffffff, HOST, DROPPED, NO_HOOK, 0, "DPA_POWER 7.9.12.6: power of four substates" },
};

/* Vendor-Specific · 7.9.5 and 7.9.6: whose it is; the rest is that vendor's. */
static const struct rule vsec_rows[] = {
	{ 0x04, 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "VSEC_HEADER 7.9.5.2: id, revision, length" },
};

static const struct rule dvsec_rows[] = {
	{ 0x04, 0xffffffff, FIXED, DROPPED, NO_HOOK, 0, "DVSEC_HEADER1 7.9.6.2: vendor, revision, length" },
	{ 0x08, 0xffff, FIXED, DROPPED, NO_HOOK, 0, "DVSEC_HEADER2 7.9.6.3: id" },
};

static const struct rules aer = RULES(aer_rows);
static const struct rules power_budgeting = RULES(power_budgeting_rows);
static const struct rules ari = RULES(ari_rows);
static const struct rules vc = RULES(vc_rows);
static const struct rules mfvc = RULES(mfvc_rows);
static const struct rules dsn = RULES(dsn_rows);
static const struct rules rebar = RULES(rebar_rows);
static const struct rules resized = RULES(rebar_on_rows);
static const struct rules dpa = RULES(dpa_rows);
static const struct rules vsec = RULES(vsec_rows);
static const struct rules dvsec = RULES(dvsec_rows);

#define HIDDEN(text)                                                                                                   \
	{                                                                                                              \
		.why = text                                                                                            \
	}

const struct cap_policy rebar_on = { true, REST_CLOSED, &resized, NULL,
				     "the sizes that the backend can give, and gives" };

const struct cap_policy guarded_ecaps[] = {
	[PCG_ECAP_NULL] = HIDDEN("hidden: no registers, PCIe 6.0 7.9.28"),
	[PCG_ECAP_AER] = { true, REST_CLOSED, &aer, NULL, "status acts, masks and severities are the guest's own" },
	[PCG_ECAP_VC] = { true, REST_READ_ONLY, &vc, NULL, "read-only, traffic classes are the path's" },
	[PCG_ECAP_DSN] = { true, REST_CLOSED, &dsn, NULL, "read-only" },
	[PCG_ECAP_PB] = { true, REST_CLOSED, &power_budgeting, NULL, "selected and read; no limits are offered" },
	[PCG_ECAP_RCLINK] = HIDDEN("hidden: the root complex's, with its addresses, PCIe 6.0 7.9.8"),
	[PCG_ECAP_RCILINK] = HIDDEN("hidden: the root complex's link, PCIe 6.0 7.9.9"),
	[PCG_ECAP_RCEC] = HIDDEN("hidden: which other functions report here is the host's, PCIe 6.0 7.9.10"),
	[PCG_ECAP_MFVC] = { true, REST_READ_ONLY, &mfvc, NULL, "read-only, traffic classes are the path's" },
	[PCG_ECAP_VC9] = { true, REST_READ_ONLY, &vc, NULL, "read-only, traffic classes are the path's" },
	[PCG_ECAP_RCRB] = HIDDEN("hidden: the root complex's, PCIe 6.0 7.9.7"),
	[PCG_ECAP_VSEC] = { true, REST_READ_ONLY, &vsec, NULL, "the vendor's registers, read-only", .opaque = true },
	[PCG_ECAP_CAC] =
		HIDDEN("hidden: trusted configuration access is the host's, PCIe 1.1 Trusted Configuration Space ECN"),
	[PCG_ECAP_ACS] = HIDDEN("hidden: isolation is the host's and its settings are nobody else's, PCIe 6.0 7.7.11"),
	[PCG_ECAP_ARI] = { true, REST_CLOSED, &ari, NULL, "read-only, without a next function" },
	[PCG_ECAP_ATS] = HIDDEN("hidden: the IOMMU's to allow, PCIe 6.0 10.5.1"),
	[PCG_ECAP_SRIOV] = HIDDEN("hidden: VFs are made by the host, and VF BARs are host addresses, PCIe 6.0 9.3.3"),
	[PCG_ECAP_MRIOV] = HIDDEN("hidden: the hierarchies are the host's, MR-IOV 1.0 4.2"),
	[PCG_ECAP_MCAST] = HIDDEN("hidden: multicast windows are host addresses, PCIe 6.0 7.9.11"),
	[PCG_ECAP_PRI] = HIDDEN("hidden: nobody here answers page requests, PCIe 6.0 10.5.2"),
	[0x0014] = HIDDEN("hidden: reserved for AMD, PCI Code and ID Assignment 3"),
	[PCG_ECAP_REBAR] = { true, REST_CLOSED, &rebar, NULL, "the size that is there, and no other" },
	[PCG_ECAP_DPA] = { true, REST_CLOSED, &dpa, NULL, "read-only, the substate is the host's" },
	[PCG_ECAP_TPH] = HIDDEN("hidden: steering tags name the host's processors, PCIe 6.0 7.9.13"),
	[PCG_ECAP_LTR] = HIDDEN("hidden: what the path tolerates is the host's, PCIe 6.0 7.8.2"),
	[PCG_ECAP_SECPCI] = HIDDEN("hidden: the link's equalization is the host's, PCIe 6.0 7.7.3"),
	[PCG_ECAP_PMUX] = HIDDEN("hidden: the link's protocols are the host's, PCIe 6.0 G.5"),
	[PCG_ECAP_PASID] = HIDDEN("hidden: the IOMMU's to allow, PCIe 6.0 7.8.9"),
	[PCG_ECAP_LNR] = HIDDEN("hidden: lightweight notification needs the host's root, PCIe 5.0 7.9.14"),
	[PCG_ECAP_DPC] = HIDDEN("hidden: containment is the port's, PCIe 6.0 7.9.14"),
	[PCG_ECAP_L1PM] = HIDDEN("hidden: link power is agreed with the other end, PCIe 6.0 7.8.3"),
	[PCG_ECAP_PTM] = HIDDEN("hidden: time comes from the host's root, PCIe 6.0 7.9.15"),
	[PCG_ECAP_MPCIE] = HIDDEN("hidden: the physical link's, M-PCIe ECN to PCIe 3.0"),
	[PCG_ECAP_FRS] = HIDDEN("hidden: a root port's queue, PCIe 6.0 7.8.10"),
	[PCG_ECAP_RTR] = HIDDEN("hidden: resets are waited for here, PCIe 6.0 7.9.16"),
	[PCG_ECAP_DVSEC] = { true, REST_READ_ONLY, &dvsec, NULL, "the vendor's registers, read-only", .opaque = true },
	[PCG_ECAP_VFREBAR] = HIDDEN("hidden: VFs are made by the host, PCIe 6.0 7.8.7"),
	[PCG_ECAP_DLF] = HIDDEN("hidden: what both ends of the link exchanged, PCIe 6.0 7.7.4"),
	[PCG_ECAP_PL16] = HIDDEN("hidden: the physical link's, PCIe 6.0 7.7.5"),
	[PCG_ECAP_LMR] = HIDDEN("hidden: margining disturbs the host's link, PCIe 6.0 7.7.10"),
	[PCG_ECAP_HIERID] = HIDDEN("hidden: names the host's hierarchy, PCIe 6.0 7.9.17"),
	[PCG_ECAP_NPEM] = HIDDEN("hidden: the enclosure's lamps are the host's, PCIe 6.0 7.9.19"),
	[PCG_ECAP_PL32] = HIDDEN("hidden: the physical link's, PCIe 6.0 7.7.6"),
	[PCG_ECAP_ALTPROTO] = HIDDEN("hidden: the link's protocol is the host's, PCIe 6.0 7.9.20"),
	[PCG_ECAP_SFI] = HIDDEN("hidden: a downstream port's, PCIe 6.0 7.9.22"),
	[PCG_ECAP_SHADOW] = HIDDEN("hidden: names other functions of the device, PCIe 6.0 7.9.25"),
	[PCG_ECAP_DOE] = HIDDEN("hidden: its mailbox reaches firmware and keys, PCIe 6.0 7.9.24"),
	[PCG_ECAP_DEV3] = HIDDEN("hidden: the path's tags and flow control, PCIe 6.0 7.7.9"),
	[PCG_ECAP_IDE] = HIDDEN("hidden: keys and streams are the host's, PCIe 6.0 7.9.26"),
	[PCG_ECAP_PL64] = HIDDEN("hidden: the physical link's, PCIe 6.0 7.7.7"),
	[PCG_ECAP_FLIT_LOG] = HIDDEN("hidden: the link's errors are the host's, PCIe 6.0 7.7.8"),
	[PCG_ECAP_FLIT_PERF] = HIDDEN("hidden: the link's measurements are the host's, PCIe 6.0 7.8.12"),
	[PCG_ECAP_FLIT_ERR] = HIDDEN("hidden: injects errors into the host's link, PCIe 6.0 7.8.13"),
	[PCG_ECAP_SVC] = HIDDEN("hidden: traffic classes are the path's, PCIe 6.1 7.9.29"),
	[PCG_ECAP_MMIO_RBL] =
		HIDDEN("hidden: says where blocks of registers stand that no table decides, PCIe 6.2 7.9.30"),
	[PCG_ECAP_NOP] = HIDDEN("hidden: what the link sends while idle is the host's, PCIe 6.3 7.8.14"),
};

const unsigned int guarded_necaps = sizeof(guarded_ecaps) / sizeof(guarded_ecaps[0]);
