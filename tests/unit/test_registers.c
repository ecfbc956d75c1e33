/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables against others' constants: what Linux's pci_regs.h names must have the same id, offset, size and kind
 * here; and the rows of the profiles against the kinds of the bits that they let a guest reach.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/pci_regs.h>

#include <pcigate/view.h>

#include "pci/lengths.h"
#include "pci/registers.h"
#include "policy/rule.h"

/* Headers of Linux 6.1 have it from its stable updates on. */
#ifndef PCI_EXP_DPC_RP_PIO_FEP
#define PCI_EXP_DPC_RP_PIO_FEP 0x1f00
#endif

/* --- ids --- */

struct id {
	uint16_t ours;
	uint16_t theirs;
};

static void ids_are_the_same(void **state)
{
	static const struct id ids[] = {
		{ PCG_CAP_PM, PCI_CAP_ID_PM },         { PCG_CAP_AGP, PCI_CAP_ID_AGP },
		{ PCG_CAP_VPD, PCI_CAP_ID_VPD },       { PCG_CAP_SLOTID, PCI_CAP_ID_SLOTID },
		{ PCG_CAP_MSI, PCI_CAP_ID_MSI },       { PCG_CAP_CHSWP, PCI_CAP_ID_CHSWP },
		{ PCG_CAP_PCIX, PCI_CAP_ID_PCIX },     { PCG_CAP_HT, PCI_CAP_ID_HT },
		{ PCG_CAP_VNDR, PCI_CAP_ID_VNDR },     { PCG_CAP_DBG, PCI_CAP_ID_DBG },
		{ PCG_CAP_CCRC, PCI_CAP_ID_CCRC },     { PCG_CAP_HOTPLUG, PCI_CAP_ID_SHPC },
		{ PCG_CAP_SSVID, PCI_CAP_ID_SSVID },   { PCG_CAP_AGP3, PCI_CAP_ID_AGP3 },
		{ PCG_CAP_SECURE, PCI_CAP_ID_SECDEV }, { PCG_CAP_EXP, PCI_CAP_ID_EXP },
		{ PCG_CAP_MSIX, PCI_CAP_ID_MSIX },     { PCG_CAP_SATA, PCI_CAP_ID_SATA },
		{ PCG_CAP_AF, PCI_CAP_ID_AF },         { PCG_CAP_EA, PCI_CAP_ID_EA },
	};
	static const struct id extended[] = {
		{ PCG_ECAP_AER, PCI_EXT_CAP_ID_ERR },     { PCG_ECAP_VC, PCI_EXT_CAP_ID_VC },
		{ PCG_ECAP_DSN, PCI_EXT_CAP_ID_DSN },     { PCG_ECAP_PB, PCI_EXT_CAP_ID_PWR },
		{ PCG_ECAP_RCLINK, PCI_EXT_CAP_ID_RCLD }, { PCG_ECAP_RCILINK, PCI_EXT_CAP_ID_RCILC },
		{ PCG_ECAP_RCEC, PCI_EXT_CAP_ID_RCEC },   { PCG_ECAP_MFVC, PCI_EXT_CAP_ID_MFVC },
		{ PCG_ECAP_VC9, PCI_EXT_CAP_ID_VC9 },     { PCG_ECAP_RCRB, PCI_EXT_CAP_ID_RCRB },
		{ PCG_ECAP_VSEC, PCI_EXT_CAP_ID_VNDR },   { PCG_ECAP_CAC, PCI_EXT_CAP_ID_CAC },
		{ PCG_ECAP_ACS, PCI_EXT_CAP_ID_ACS },     { PCG_ECAP_ARI, PCI_EXT_CAP_ID_ARI },
		{ PCG_ECAP_ATS, PCI_EXT_CAP_ID_ATS },     { PCG_ECAP_SRIOV, PCI_EXT_CAP_ID_SRIOV },
		{ PCG_ECAP_MRIOV, PCI_EXT_CAP_ID_MRIOV }, { PCG_ECAP_MCAST, PCI_EXT_CAP_ID_MCAST },
		{ PCG_ECAP_PRI, PCI_EXT_CAP_ID_PRI },     { PCG_ECAP_REBAR, PCI_EXT_CAP_ID_REBAR },
		{ PCG_ECAP_DPA, PCI_EXT_CAP_ID_DPA },     { PCG_ECAP_TPH, PCI_EXT_CAP_ID_TPH },
		{ PCG_ECAP_LTR, PCI_EXT_CAP_ID_LTR },     { PCG_ECAP_SECPCI, PCI_EXT_CAP_ID_SECPCI },
		{ PCG_ECAP_PMUX, PCI_EXT_CAP_ID_PMUX },   { PCG_ECAP_PASID, PCI_EXT_CAP_ID_PASID },
		{ PCG_ECAP_DPC, PCI_EXT_CAP_ID_DPC },     { PCG_ECAP_L1PM, PCI_EXT_CAP_ID_L1SS },
		{ PCG_ECAP_PTM, PCI_EXT_CAP_ID_PTM },     { PCG_ECAP_DVSEC, PCI_EXT_CAP_ID_DVSEC },
		{ PCG_ECAP_DLF, PCI_EXT_CAP_ID_DLF },     { PCG_ECAP_PL16, PCI_EXT_CAP_ID_PL_16GT },
		{ PCG_ECAP_DOE, PCI_EXT_CAP_ID_DOE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		assert_int_equal(ids[i].ours, ids[i].theirs);
	for (i = 0; i < sizeof(extended) / sizeof(extended[0]); i++)
		assert_int_equal(extended[i].ours, extended[i].theirs);
}

/* --- sizes --- */

static uint8_t config[PCG_CONFIG_EXTENDED];

/* With @second in the dword of the header (standard) or behind it (extended). */
static unsigned int size_of(uint16_t id, bool extended, uint32_t second)
{
	struct pcg_cap cap = { .offset = extended ? 0x200 : 0x80, .id = id, .version = 1, .extended = extended };

	memset(config, 0, sizeof(config));
	pcg_put32(config + cap.offset, extended ? id | 0x10000u : id | second);
	if (extended)
		pcg_put32(config + cap.offset + 4, second);
	return pci_claimed_length(config, sizeof(config), &cap);
}

static void sizes_are_the_same(void **state)
{
	static const struct {
		uint16_t id;
		bool extended;
		uint32_t second;
		unsigned int size;
	} sizes[] = {
		{ PCG_CAP_PM, false, 0, PCI_PM_SIZEOF },
		{ PCG_CAP_AGP, false, 0, PCI_AGP_SIZEOF },
		{ PCG_CAP_VPD, false, 0, PCI_CAP_VPD_SIZEOF },
		{ PCG_CAP_MSIX, false, 0, PCI_CAP_MSIX_SIZEOF },
		{ PCG_CAP_AF, false, 0, PCI_CAP_AF_SIZEOF },
		{ PCG_CAP_PCIX, false, 0, PCI_CAP_PCIX_SIZEOF_V0 },
		{ PCG_CAP_PCIX, false, 0x10000000, PCI_CAP_PCIX_SIZEOF_V1 },
		{ PCG_CAP_PCIX, false, 0x20000000, PCI_CAP_PCIX_SIZEOF_V2 },
		{ PCG_CAP_HT, false, (uint32_t)HT_CAPTYPE_SLAVE << 24, HT_CAP_SIZEOF_LONG },
		{ PCG_CAP_HT, false, (uint32_t)HT_CAPTYPE_HOST << 24, HT_CAP_SIZEOF_SHORT },
		{ PCG_CAP_EXP, false, 0x00010000, PCI_CAP_EXP_ENDPOINT_SIZEOF_V1 },
		{ PCG_CAP_EXP, false, 0x00910000, PCI_CAP_EXP_RC_ENDPOINT_SIZEOF_V1 },
		{ PCG_CAP_SATA, false, 0, PCI_SATA_SIZEOF_SHORT },
		{ PCG_ECAP_DSN, true, 0, PCI_EXT_CAP_DSN_SIZEOF },
		{ PCG_ECAP_MCAST, true, 0, PCI_EXT_CAP_MCAST_ENDPOINT_SIZEOF },
		{ PCG_ECAP_VC, true, 0, PCI_CAP_VC_BASE_SIZEOF + PCI_CAP_VC_PER_VC_SIZEOF },
		{ PCG_ECAP_VC, true, 7, PCI_CAP_VC_BASE_SIZEOF + 8 * PCI_CAP_VC_PER_VC_SIZEOF },
		{ PCG_ECAP_PB, true, 0, PCI_EXT_CAP_PWR_SIZEOF },
		{ PCG_ECAP_ARI, true, 0, PCI_EXT_CAP_ARI_SIZEOF },
		{ PCG_ECAP_ATS, true, 0, PCI_EXT_CAP_ATS_SIZEOF },
		{ PCG_ECAP_PRI, true, 0, PCI_EXT_CAP_PRI_SIZEOF },
		{ PCG_ECAP_PASID, true, 0, PCI_EXT_CAP_PASID_SIZEOF },
		{ PCG_ECAP_SRIOV, true, 0, PCI_EXT_CAP_SRIOV_SIZEOF },
		{ PCG_ECAP_LTR, true, 0, PCI_EXT_CAP_LTR_SIZEOF },
		{ PCG_ECAP_DPA, true, 3, PCI_DPA_BASE_SIZEOF + 4 },
		{ PCG_ECAP_TPH, true, 0, PCI_TPH_BASE_SIZEOF },
		{ PCG_ECAP_TPH, true, PCI_TPH_LOC_CAP | 3u << PCI_TPH_CAP_ST_SHIFT, PCI_TPH_BASE_SIZEOF + 8 },
		{ PCG_ECAP_TPH, true, PCI_TPH_LOC_MSIX | 3u << PCI_TPH_CAP_ST_SHIFT, PCI_TPH_BASE_SIZEOF },
		{ PCG_ECAP_RCEC, true, 0, PCI_RCEC_BUSN },
		{ PCG_ECAP_DPC, true, PCI_EXP_DPC_CAP_RP_EXT, PCI_EXP_DPC_RP_PIO_HEADER_LOG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (size_of(sizes[i].id, sizes[i].extended, sizes[i].second) != sizes[i].size)
			fail_msg("%02x, %08x: %u bytes instead of %u", sizes[i].id, sizes[i].second,
				 size_of(sizes[i].id, sizes[i].extended, sizes[i].second), sizes[i].size);
}

/* --- registers --- */

/* Bits by what becomes of them: @act reads as zero, @fixed is read-only in an endpoint. */
struct known {
	uint16_t id; /* 0xffff: the header */
	bool extended;
	uint16_t at;
	uint8_t width;
	uint32_t rw;
	uint32_t rw1c;
	uint32_t act;
	uint32_t fixed;
};

#define HEADER 0xffff

static const struct known known[] = {
	{ HEADER, false, PCI_VENDOR_ID, 2 },
	{ HEADER, false, PCI_DEVICE_ID, 2 },
	{ HEADER, false, PCI_COMMAND, 2,
	  PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		  PCI_COMMAND_INTX_DISABLE,
	  0, 0,
	  PCI_COMMAND_SPECIAL | PCI_COMMAND_INVALIDATE | PCI_COMMAND_VGA_PALETTE | PCI_COMMAND_WAIT |
		  PCI_COMMAND_FAST_BACK },
	{ HEADER, false, PCI_STATUS, 2, 0,
	  PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT | PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
		  PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY,
	  0,
	  PCI_STATUS_IMM_READY | PCI_STATUS_INTERRUPT | PCI_STATUS_CAP_LIST | PCI_STATUS_66MHZ | PCI_STATUS_FAST_BACK |
		  PCI_STATUS_DEVSEL_MASK },
	{ HEADER, false, PCI_CLASS_REVISION, 1 },
	{ HEADER, false, PCI_CACHE_LINE_SIZE, 1, 0xff },
	{ HEADER, false, PCI_LATENCY_TIMER, 1, 0, 0, 0, 0xff },
	{ HEADER, false, PCI_HEADER_TYPE, 1 },
	{ HEADER, false, PCI_BIST, 1, 0, 0, PCI_BIST_START, PCI_BIST_CODE_MASK | PCI_BIST_CAPABLE },
	{ HEADER, false, PCI_BASE_ADDRESS_5, 4 },
	{ HEADER, false, PCI_CARDBUS_CIS, 4 },
	{ HEADER, false, PCI_SUBSYSTEM_VENDOR_ID, 2 },
	{ HEADER, false, PCI_SUBSYSTEM_ID, 2 },
	{ HEADER, false, PCI_ROM_ADDRESS, 4 },
	{ HEADER, false, PCI_CAPABILITY_LIST, 1 },
	{ HEADER, false, PCI_INTERRUPT_LINE, 1, 0xff },
	{ HEADER, false, PCI_INTERRUPT_PIN, 1 },
	{ HEADER, false, PCI_MIN_GNT, 1 },
	{ HEADER, false, PCI_MAX_LAT, 1 },

	{ PCG_CAP_PM, false, PCI_PM_PMC, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_PM, false, PCI_PM_CTRL, 2,
	  PCI_PM_CTRL_STATE_MASK | PCI_PM_CTRL_PME_ENABLE | PCI_PM_CTRL_DATA_SEL_MASK, PCI_PM_CTRL_PME_STATUS, 0,
	  PCI_PM_CTRL_NO_SOFT_RESET | PCI_PM_CTRL_DATA_SCALE_MASK },
	{ PCG_CAP_PM, false, PCI_PM_PPB_EXTENSIONS, 1 },
	{ PCG_CAP_PM, false, PCI_PM_DATA_REGISTER, 1 },
	{ PCG_CAP_AGP, false, PCI_AGP_STATUS, 4 },
	{ PCG_CAP_AGP, false, PCI_AGP_COMMAND, 4,
	  PCI_AGP_COMMAND_RQ_MASK | PCI_AGP_COMMAND_SBA | PCI_AGP_COMMAND_AGP | PCI_AGP_COMMAND_64BIT |
		  PCI_AGP_COMMAND_FW | PCI_AGP_COMMAND_RATE4 | PCI_AGP_COMMAND_RATE2 | PCI_AGP_COMMAND_RATE1 },
	{ PCG_CAP_VPD, false, PCI_VPD_ADDR, 2, PCI_VPD_ADDR_MASK | PCI_VPD_ADDR_F },
	{ PCG_CAP_VPD, false, PCI_VPD_DATA, 4, 0xffffffff },
	{ PCG_CAP_SLOTID, false, PCI_SID_ESR, 1 },
	{ PCG_CAP_SLOTID, false, PCI_SID_CHASSIS_NR, 1 },
	{ PCG_CAP_MSI, false, PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE, 0, 0,
	  PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT },
	{ PCG_CAP_MSI, false, PCI_MSI_ADDRESS_LO, 4, 0xfffffffc },
	{ PCG_CAP_MSI, false, PCI_MSI_ADDRESS_HI, 4, 0xffffffff },
	{ PCG_CAP_MSI, false, PCI_MSI_DATA_64, 2, 0xffff },
	{ PCG_CAP_MSI, false, PCI_MSI_MASK_64, 4, 0xffffffff },
	{ PCG_CAP_MSI, false, PCI_MSI_PENDING_64, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_PCIX, false, PCI_X_CMD, 2,
	  PCI_X_CMD_DPERR_E | PCI_X_CMD_ERO | PCI_X_CMD_MAX_READ | PCI_X_CMD_MAX_SPLIT, 0, 0, 0x3000 },
	{ PCG_CAP_PCIX, false, PCI_X_STATUS, 4, 0, PCI_X_STATUS_SPL_DISC | PCI_X_STATUS_UNX_SPL | PCI_X_STATUS_SPL_ERR,
	  0,
	  PCI_X_STATUS_DEVFN | PCI_X_STATUS_BUS | PCI_X_STATUS_64BIT | PCI_X_STATUS_133MHZ | PCI_X_STATUS_COMPLEX |
		  PCI_X_STATUS_MAX_READ | PCI_X_STATUS_MAX_SPLIT | PCI_X_STATUS_MAX_CUM | PCI_X_STATUS_266MHZ |
		  PCI_X_STATUS_533MHZ },
	{ PCG_CAP_PCIX, false, PCI_X_ECC_CSR, 4 },
	{ PCG_CAP_SSVID, false, PCI_SSVID_VENDOR_ID, 2 },
	{ PCG_CAP_SSVID, false, PCI_SSVID_DEVICE_ID, 2 },
	{ PCG_CAP_MSIX, false, PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_MASKALL | PCI_MSIX_FLAGS_ENABLE, 0, 0,
	  PCI_MSIX_FLAGS_QSIZE },
	{ PCG_CAP_MSIX, false, PCI_MSIX_TABLE, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_MSIX, false, PCI_MSIX_PBA, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_AF, false, PCI_AF_LENGTH, 1 },
	{ PCG_CAP_AF, false, PCI_AF_CAP, 1, 0, 0, 0, PCI_AF_CAP_TP | PCI_AF_CAP_FLR },
	{ PCG_CAP_AF, false, PCI_AF_CTRL, 1, 0, 0, PCI_AF_CTRL_FLR },
	{ PCG_CAP_AF, false, PCI_AF_STATUS, 1, 0, 0, 0, PCI_AF_STATUS_TP },
	{ PCG_CAP_EA, false, PCI_EA_NUM_ENT, 2 },

	{ PCG_CAP_EXP, false, PCI_EXP_FLAGS, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVCAP, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVCTL, 2,
	  PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE | PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |
		  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD | PCI_EXP_DEVCTL_EXT_TAG | PCI_EXP_DEVCTL_PHANTOM |
		  PCI_EXP_DEVCTL_AUX_PME | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ,
	  0, PCI_EXP_DEVCTL_BCR_FLR },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVSTA, 2, 0,
	  PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED | PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD, 0,
	  PCI_EXP_DEVSTA_AUXPD | PCI_EXP_DEVSTA_TRPND },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKCAP, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKCTL, 2,
	  PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES |
		  PCI_EXP_LNKCTL_CLKREQ_EN | PCI_EXP_LNKCTL_HAWD,
	  0, 0, PCI_EXP_LNKCTL_LD | PCI_EXP_LNKCTL_RL | PCI_EXP_LNKCTL_LBMIE | PCI_EXP_LNKCTL_LABIE },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKSTA, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTCAP, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTCTL, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTSTA, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_EXP, false, PCI_EXP_RTCTL, 2,
	  PCI_EXP_RTCTL_SECEE | PCI_EXP_RTCTL_SENFEE | PCI_EXP_RTCTL_SEFEE | PCI_EXP_RTCTL_PMEIE },
	{ PCG_CAP_EXP, false, PCI_EXP_RTCAP, 2 },
	{ PCG_CAP_EXP, false, PCI_EXP_RTSTA, 4, 0, PCI_EXP_RTSTA_PME, 0, PCI_EXP_RTSTA_PENDING },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVCAP2, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVCTL2, 2,
	  PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS | PCI_EXP_DEVCTL2_ATOMIC_REQ |
		  PCI_EXP_DEVCTL2_IDO_REQ_EN | PCI_EXP_DEVCTL2_IDO_CMP_EN | PCI_EXP_DEVCTL2_LTR_EN |
		  PCI_EXP_DEVCTL2_OBFF_WAKE_EN,
	  0, 0, PCI_EXP_DEVCTL2_ARI | PCI_EXP_DEVCTL2_ATOMIC_EGRESS_BLOCK },
	{ PCG_CAP_EXP, false, PCI_EXP_DEVSTA2, 2, 0, 0, 0, 0xffff },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKCAP2, 4, 0, 0, 0, 0xffffffff },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKCTL2, 2,
	  PCI_EXP_LNKCTL2_TLS | PCI_EXP_LNKCTL2_ENTER_COMP | PCI_EXP_LNKCTL2_TX_MARGIN | PCI_EXP_LNKCTL2_HASD },
	{ PCG_CAP_EXP, false, PCI_EXP_LNKSTA2, 2 },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTCAP2, 4 },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTCTL2, 2 },
	{ PCG_CAP_EXP, false, PCI_EXP_SLTSTA2, 2 },

#define UNCORRECTABLE                                                                                                  \
	(PCI_ERR_UNC_DLP | PCI_ERR_UNC_SURPDN | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_COMP_TIME |     \
	 PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP | PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP |                  \
	 PCI_ERR_UNC_ECRC | PCI_ERR_UNC_UNSUP | PCI_ERR_UNC_ACSV | PCI_ERR_UNC_INTN | PCI_ERR_UNC_MCBTLP |             \
	 PCI_ERR_UNC_ATOMEG | PCI_ERR_UNC_TLPPRE)
#define CORRECTABLE                                                                                                    \
	(PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP | PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL |                        \
	 PCI_ERR_COR_REP_TIMER | PCI_ERR_COR_ADV_NFAT | PCI_ERR_COR_INTERNAL | PCI_ERR_COR_LOG_OVER)

	{ PCG_ECAP_AER, true, PCI_ERR_UNCOR_STATUS, 4, 0, UNCORRECTABLE },
	{ PCG_ECAP_AER, true, PCI_ERR_UNCOR_MASK, 4, UNCORRECTABLE },
	{ PCG_ECAP_AER, true, PCI_ERR_UNCOR_SEVER, 4, UNCORRECTABLE },
	{ PCG_ECAP_AER, true, PCI_ERR_COR_STATUS, 4, 0, CORRECTABLE },
	{ PCG_ECAP_AER, true, PCI_ERR_COR_MASK, 4, CORRECTABLE },
	{ PCG_ECAP_AER, true, PCI_ERR_CAP, 4, PCI_ERR_CAP_ECRC_GENE | PCI_ERR_CAP_ECRC_CHKE, 0, 0,
	  PCI_ERR_CAP_ECRC_GENC | PCI_ERR_CAP_ECRC_CHKC | 0x1f },
	{ PCG_ECAP_AER, true, PCI_ERR_HEADER_LOG + 12, 4, 0, 0, 0, 0xffffffff },
	{ PCG_ECAP_AER, true, PCI_ERR_ROOT_COMMAND, 4 },
	{ PCG_ECAP_AER, true, PCI_ERR_ROOT_STATUS, 4 },
	{ PCG_ECAP_AER, true, PCI_ERR_ROOT_ERR_SRC, 4 },
	{ PCG_ECAP_VC, true, PCI_VC_PORT_CAP1, 4 },
	{ PCG_ECAP_VC, true, PCI_VC_PORT_CAP2, 4 },
	{ PCG_ECAP_VC, true, PCI_VC_PORT_CTRL, 2, 0xe, 0, PCI_VC_PORT_CTRL_LOAD_TABLE },
	{ PCG_ECAP_VC, true, PCI_VC_PORT_STATUS, 2, 0, 0, 0, PCI_VC_PORT_STATUS_TABLE },
	{ PCG_ECAP_VC, true, PCI_VC_RES_CAP, 4 },
	{ PCG_ECAP_VC, true, PCI_VC_RES_CTRL, 4, PCI_VC_RES_CTRL_ARB_SELECT, 0, PCI_VC_RES_CTRL_LOAD_TABLE,
	  PCI_VC_RES_CTRL_ENABLE | PCI_VC_RES_CTRL_ID | 1 },
	{ PCG_ECAP_VC, true, PCI_VC_RES_CTRL + PCI_CAP_VC_PER_VC_SIZEOF, 4,
	  PCI_VC_RES_CTRL_ARB_SELECT | PCI_VC_RES_CTRL_ID | PCI_VC_RES_CTRL_ENABLE, 0, PCI_VC_RES_CTRL_LOAD_TABLE },
	{ PCG_ECAP_VC, true, PCI_VC_RES_STATUS, 2, 0, 0, 0, PCI_VC_RES_STATUS_TABLE | PCI_VC_RES_STATUS_NEGO },
	{ PCG_ECAP_MFVC, true, PCI_VC_RES_CTRL + PCI_CAP_VC_PER_VC_SIZEOF, 4, PCI_VC_RES_CTRL_ENABLE },
	{ PCG_ECAP_PB, true, PCI_PWR_DSR, 1, 0xff },
	{ PCG_ECAP_PB, true, PCI_PWR_DATA, 4, 0, 0, 0, 0xffffffff },
	{ PCG_ECAP_PB, true, PCI_PWR_CAP, 1, 0, 0, 0, 0xff },
	{ PCG_ECAP_RCEC, true, PCI_RCEC_RCIEP_BITMAP, 4 },
	{ PCG_ECAP_RCEC, true, PCI_RCEC_BUSN, 4 },
	{ PCG_ECAP_ARI, true, PCI_ARI_CAP, 2 },
	{ PCG_ECAP_ARI, true, PCI_ARI_CTRL, 2, PCI_ARI_CTRL_MFVC | PCI_ARI_CTRL_ACS | 0x70 },
	{ PCG_ECAP_ATS, true, PCI_ATS_CAP, 2 },
	{ PCG_ECAP_ATS, true, PCI_ATS_CTRL, 2, PCI_ATS_CTRL_ENABLE | 0x1f },
	{ PCG_ECAP_PRI, true, PCI_PRI_CTRL, 2, PCI_PRI_CTRL_ENABLE, 0, PCI_PRI_CTRL_RESET },
	{ PCG_ECAP_PRI, true, PCI_PRI_STATUS, 2, 0, PCI_PRI_STATUS_RF | PCI_PRI_STATUS_UPRGI, 0,
	  PCI_PRI_STATUS_STOPPED | PCI_PRI_STATUS_PASID },
	{ PCG_ECAP_PRI, true, PCI_PRI_MAX_REQ, 4 },
	{ PCG_ECAP_PRI, true, PCI_PRI_ALLOC_REQ, 4, 0xffffffff },
	{ PCG_ECAP_PASID, true, PCI_PASID_CAP, 2 },
	{ PCG_ECAP_PASID, true, PCI_PASID_CTRL, 2, PCI_PASID_CTRL_ENABLE | PCI_PASID_CTRL_EXEC | PCI_PASID_CTRL_PRIV },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_CAP, 4 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_CTRL, 2,
	  PCI_SRIOV_CTRL_VFE | PCI_SRIOV_CTRL_VFM | PCI_SRIOV_CTRL_INTR | PCI_SRIOV_CTRL_MSE | PCI_SRIOV_CTRL_ARI },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_STATUS, 2, 0, PCI_SRIOV_STATUS_VFM },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_INITIAL_VF, 2 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_TOTAL_VF, 2 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_NUM_VF, 2, 0xffff },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_FUNC_LINK, 1 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_VF_OFFSET, 2 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_VF_STRIDE, 2 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_VF_DID, 2 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_SUP_PGSIZE, 4 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_SYS_PGSIZE, 4, 0xffffffff },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_BAR + 4 * (PCI_SRIOV_NUM_BARS - 1), 4 },
	{ PCG_ECAP_SRIOV, true, PCI_SRIOV_VFM, 4 },
	{ PCG_ECAP_LTR, true, PCI_LTR_MAX_SNOOP_LAT, 2, PCI_LTR_VALUE_MASK | PCI_LTR_SCALE_MASK },
	{ PCG_ECAP_LTR, true, PCI_LTR_MAX_NOSNOOP_LAT, 2, PCI_LTR_VALUE_MASK | PCI_LTR_SCALE_MASK },
	{ PCG_ECAP_ACS, true, PCI_ACS_CAP, 2 },
	{ PCG_ECAP_ACS, true, PCI_ACS_CTRL, 2,
	  PCI_ACS_SV | PCI_ACS_TB | PCI_ACS_RR | PCI_ACS_CR | PCI_ACS_UF | PCI_ACS_EC | PCI_ACS_DT },
	{ PCG_ECAP_ACS, true, PCI_ACS_EGRESS_CTL_V, 4, 0xffffffff },
	{ PCG_ECAP_REBAR, true, PCI_REBAR_CAP, 4, 0, 0, 0, PCI_REBAR_CAP_SIZES },
	{ PCG_ECAP_DPA, true, PCI_DPA_CAP, 4 },
	{ PCG_ECAP_TPH, true, PCI_TPH_CAP, 4 },
	{ PCG_ECAP_DPC, true, PCI_EXP_DPC_CAP, 2 },
	{ PCG_ECAP_DPC, true, PCI_EXP_DPC_CTL, 2,
	  PCI_EXP_DPC_CTL_EN_FATAL | PCI_EXP_DPC_CTL_EN_NONFATAL | PCI_EXP_DPC_CTL_INT_EN },
	{ PCG_ECAP_DPC, true, PCI_EXP_DPC_STATUS, 2, 0, PCI_EXP_DPC_STATUS_TRIGGER | PCI_EXP_DPC_STATUS_INTERRUPT, 0,
	  PCI_EXP_DPC_STATUS_TRIGGER_RSN | PCI_EXP_DPC_RP_BUSY | PCI_EXP_DPC_STATUS_TRIGGER_RSN_EXT |
		  PCI_EXP_DPC_RP_PIO_FEP },
	{ PCG_ECAP_DPC, true, PCI_EXP_DPC_SOURCE_ID, 2 },
	{ PCG_ECAP_PTM, true, PCI_PTM_CAP, 4 },
	{ PCG_ECAP_PTM, true, PCI_PTM_CTRL, 4, PCI_PTM_CTRL_ENABLE | PCI_PTM_CTRL_ROOT | PCI_PTM_GRANULARITY_MASK },
	{ PCG_ECAP_L1PM, true, PCI_L1SS_CAP, 4 },
	{ PCG_ECAP_L1PM, true, PCI_L1SS_CTL1, 4,
	  PCI_L1SS_CTL1_L1SS_MASK | PCI_L1SS_CTL1_LTR_L12_TH_VALUE | PCI_L1SS_CTL1_LTR_L12_TH_SCALE, 0, 0,
	  PCI_L1SS_CTL1_CM_RESTORE_TIME },
	{ PCG_ECAP_L1PM, true, PCI_L1SS_CTL2, 4 },
	{ PCG_ECAP_DVSEC, true, PCI_DVSEC_HEADER1, 4 },
	{ PCG_ECAP_DVSEC, true, PCI_DVSEC_HEADER2, 2 },
	{ PCG_ECAP_DLF, true, PCI_DLF_CAP, 4, 0, 0, 0, PCI_DLF_EXCHANGE_ENABLE },
	{ PCG_ECAP_DOE, true, PCI_DOE_CAP, 4 },
	{ PCG_ECAP_DOE, true, PCI_DOE_CTRL, 4, PCI_DOE_CTRL_INT_EN, 0, PCI_DOE_CTRL_ABORT | PCI_DOE_CTRL_GO },
	{ PCG_ECAP_DOE, true, PCI_DOE_STATUS, 4, 0, PCI_DOE_STATUS_INT_STATUS, 0,
	  PCI_DOE_STATUS_BUSY | PCI_DOE_STATUS_ERROR | PCI_DOE_STATUS_DATA_OBJECT_READY },
	{ PCG_ECAP_DOE, true, PCI_DOE_WRITE, 4, 0, 0, 0xffffffff },
	{ PCG_ECAP_DOE, true, PCI_DOE_READ, 4 },
	{ PCG_ECAP_PL16, true, PCI_PL_16GT_LE_CTRL, 1 },
};

static const struct pci_registers *registers_of(uint16_t id, bool extended)
{
	if (id == HEADER)
		return pci_header_registers(true);
	return extended ? pci_extended_registers(id) : pci_standard_registers(id, PCG_MSI_64BIT | PCG_MSI_MASKABLE);
}

/* The row that begins at @at, or repeats there. */
static const struct pci_register *row_at(const struct pci_registers *registers, unsigned int at)
{
	unsigned int i;

	for (i = 0; registers != NULL && i < registers->nrows; i++) {
		const struct pci_register *row = &registers->rows[i];

		if (at == row->offset ||
		    (at > row->offset && row->stride != 0 && (at - row->offset) % row->stride == 0 &&
		     (at - row->offset) / row->stride < row->count))
			return row;
	}
	return NULL;
}

static void registers_are_the_same(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		const struct known *k = &known[i];
		const struct pci_register *row = row_at(registers_of(k->id, k->extended), k->at);
		bool other;

		if (row == NULL)
			fail_msg("%02x+%02x: no register", k->id, k->at);
		other = row->width != k->width || k->rw & ~row->rw || k->rw1c & ~row->rw1c || k->act & ~row->act ||
			k->fixed & (row->rw | row->rw1c | row->act);
		if (other)
			fail_msg("%02x+%02x %s: width %u, rw %x, rw1c %x, act %x", k->id, k->at, row->name, row->width,
				 row->rw, row->rw1c, row->act);
	}
}

/* --- every table --- */

static void each_table(void (*check)(const struct pci_registers *registers))
{
	unsigned int id;

	check(pci_header_registers(true));
	check(pci_header_registers(false));
	for (id = 0; id < 0x100; id++) {
		if (pci_standard_registers((uint16_t)id, 0) != NULL)
			check(pci_standard_registers((uint16_t)id, 0));
		if (pci_extended_registers((uint16_t)id) != NULL)
			check(pci_extended_registers((uint16_t)id));
	}
}

static void check_masks(const struct pci_registers *registers)
{
	unsigned int i;

	for (i = 0; i < registers->nrows; i++) {
		const struct pci_register *row = &registers->rows[i];
		uint32_t inside = row->width == 4 ? 0xffffffffu : (1u << 8 * row->width) - 1;
		bool twice = row->rw & row->rw1c || row->rw & row->act || row->rw1c & row->act ||
			     row->zero & (row->rw | row->rw1c | row->act);

		if (twice || (row->rw | row->rw1c | row->act | row->zero) & ~inside ||
		    row->kept & ~(row->rw | row->rw1c) || (row->optional | row->reset) & ~row->rw ||
		    row->not_vf & ~(row->rw | row->rw1c | row->act) || row->offset % row->width != 0 ||
		    (i > 0 && row->offset < registers->rows[i - 1].offset) || row->section == NULL)
			fail_msg("%02x %s: its masks or places contradict each other", registers->id, row->name);
	}
	for (i = 0; i < registers->nconditions; i++) {
		const struct pci_condition *condition = &registers->conditions[i];
		const struct pci_register *row = row_at(registers, condition->offset);

		if (row == NULL || condition->bits & ~(row->rw | row->rw1c | row->act))
			fail_msg("%02x+%02x: a condition on bits %x that are read-only anyway", registers->id,
				 condition->offset, condition->bits);
	}
}

static void masks_fit_their_registers(void **state)
{
	(void)state;
	each_table(check_masks);
}

/* --- the rows of `guarded` and `strict` --- */

/* What the definitions say of one dword: bits that clear by a one, and that set something off. */
static void kinds_of(const struct pci_registers *registers, unsigned int dword, uint32_t *rw1c, uint32_t *act)
{
	unsigned int byte;

	*rw1c = 0;
	*act = 0;
	for (byte = 0; byte < 4; byte++) {
		const struct pci_register *row = row_at(registers, dword * 4 + byte);

		if (row != NULL) {
			*rw1c |= row->rw1c << 8 * byte;
			*act |= row->act << 8 * byte;
		}
	}
}

/* No row writes back a bit that clears by a one; where others of its dword are written, it is told to be spared. */
static void check_rules(const struct rules *rules, const struct pci_registers *registers)
{
	unsigned int dword, i;

	for (dword = 0; dword < 0x40; dword++) {
		uint32_t written = 0, spared = 0, rw1c, act;

		kinds_of(registers, dword, &rw1c, &act);
		for (i = 0; i < rules->count; i++) {
			const struct rule *rule = &rules->row[i];
			uint32_t bits = rule->bits << 8 * (rule->at % 4);

			if (rule->at / 4 != dword)
				continue;
			written |= rule->write & TO_HOST ? bits : 0;
			spared |= rule->write & (RW1C | AS_ZERO) ? bits : 0;
		}
		if (written & (rw1c | act) || (written != 0 && rw1c & ~spared))
			fail_msg("%s: dword %02x writes back %08x of RW1C %08x, and what acts: %08x", rules->name,
				 dword * 4, written & rw1c, rw1c & ~spared, written & act);
	}
}

static void no_row_clears_what_nobody_asked_for(void **state)
{
	const struct pcg_profile *profile = pcg_profile_find("guarded");
	struct pcg_cap cap = { 0 };
	unsigned int kind, id, i;

	(void)state;
	check_rules(profile->header, pci_header_registers(true));
	for (kind = 0; kind < 2; kind++)
		for (id = 0; id < 0x100; id++) {
			const struct cap_policy *policy;

			cap.id = (uint16_t)id;
			cap.extended = kind == 1;
			policy = policy_cap(profile, &cap);
			for (i = 0; policy->rules != NULL && i < (policy->variants == 0 ? 1 : policy->variants); i++) {
				uint16_t control =
					(uint16_t)((i & 1 ? PCG_MSI_64BIT : 0) | (i & 2 ? PCG_MSI_MASKABLE : 0));

				check_rules(&policy->rules[i], kind == 1 ? pci_extended_registers(cap.id)
									 : pci_standard_registers(cap.id, control));
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_the_same),
		cmocka_unit_test(sizes_are_the_same),
		cmocka_unit_test(registers_are_the_same),
		cmocka_unit_test(masks_fit_their_registers),
		cmocka_unit_test(no_row_clears_what_nobody_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
