/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef PCIGATE_PCI_H
#define PCIGATE_PCI_H

/**
 * DOC: PCI configuration space as data
 *
 * What a function's configuration space says of itself, read with distrust: pointers may loop, lie or lead
 * nowhere, lengths may overrun. Sources: PCI Local Bus 3.0 chapter 6, PCI Express Base 6.0 chapter 7.
 * Nothing here allocates, does I/O or keeps state.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pcigate/log.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Sizes of configuration space in bytes: conventional (PCI 3.0, 6.1) and extended (PCIe 6.0, 7.2.2). */
#define PCG_CONFIG_CONVENTIONAL 256u
#define PCG_CONFIG_EXTENDED     4096u
#define PCG_CONFIG_DWORDS       (PCG_CONFIG_EXTENDED / 4)

/** Region indexes, as VFIO numbers them. */
enum pcg_region_index {
	PCG_REGION_BAR0,
	PCG_REGION_BAR5 = 5,
	PCG_REGION_ROM,
	PCG_REGION_CONFIG,
	PCG_REGION_VGA,
	PCG_NUM_REGIONS,
};
#define PCG_NUM_BARS 6

/** Interrupt indexes, as VFIO numbers them. */
enum pcg_irq_index {
	PCG_IRQ_INTX,
	PCG_IRQ_MSI,
	PCG_IRQ_MSIX,
	PCG_IRQ_ERR,
	PCG_IRQ_REQ,
	PCG_NUM_IRQS,
};

/** Type 0 header registers (PCI 3.0, 6.1; PCIe 6.0, 7.5.1). */
enum pcg_header {
	PCG_VENDOR = 0x00,
	PCG_DEVICE = 0x02,
	PCG_COMMAND = 0x04,
	PCG_STATUS = 0x06,
	PCG_REVISION = 0x08,
	PCG_CLASS = 0x09,
	PCG_CACHE_LINE = 0x0c,
	PCG_LATENCY = 0x0d,
	PCG_HEADER_TYPE = 0x0e,
	PCG_BIST = 0x0f,
	PCG_BAR0 = 0x10,
	PCG_CARDBUS_CIS = 0x28,
	PCG_SUBVENDOR = 0x2c,
	PCG_SUBSYSTEM = 0x2e,
	PCG_ROM = 0x30,
	PCG_CAPABILITIES = 0x34,
	PCG_INT_LINE = 0x3c,
	PCG_INT_PIN = 0x3d,
	PCG_MIN_GNT = 0x3e,
	PCG_MAX_LAT = 0x3f,
	PCG_HEADER_END = 0x40,
};

/** Command and Status bits (PCIe 6.0, 7.5.1.1.3 and 7.5.1.1.4). */
enum pcg_header_bits {
	PCG_COMMAND_IO = 0x0001,
	PCG_COMMAND_MEMORY = 0x0002,
	PCG_COMMAND_MASTER = 0x0004,
	PCG_COMMAND_PARITY = 0x0040,
	PCG_COMMAND_SERR = 0x0100,
	PCG_COMMAND_INTX_OFF = 0x0400,
	PCG_STATUS_INTX = 0x0008,
	PCG_STATUS_CAPABILITIES = 0x0010,
};

/** Registers inside capabilities that more than one room needs, as offsets from the capability. */
enum pcg_capability_registers {
	PCG_PM_PMC = 2,
	PCG_PM_CSR = 4,
	PCG_MSI_CONTROL = 2,
	PCG_MSIX_CONTROL = 2,
	PCG_MSIX_TABLE = 4,
	PCG_MSIX_PBA = 8,
	PCG_EXP_FLAGS = 2,
	PCG_EXP_DEVCAP = 4,
	PCG_EXP_DEVCTL = 8,
	PCG_EXP_DEVSTA = 10,
	PCG_EXP_DEVCAP2 = 0x24,
	PCG_EXP_DEVCTL2 = 0x28,
	PCG_AF_CAP = 3,
	PCG_AF_CTRL = 4,
	PCG_PASID_CAP = 4,
	PCG_PASID_CTRL = 6,
	PCG_ATS_CAP = 4,
	PCG_ATS_CTRL = 6,
	PCG_PRI_CTRL = 4,
	PCG_PRI_STATUS = 6,
	PCG_PRI_CAPACITY = 8,
	PCG_PRI_ALLOCATION = 12,
};

/** Fields of those registers. */
enum pcg_capability_fields {
	PCG_PM_STATE = 0x0003,
	PCG_PM_NO_SOFT_RESET = 0x0008,
	PCG_MSI_ENABLE = 0x0001,
	PCG_MSI_MMC = 0x000e,
	PCG_MSI_MME = 0x0070,
	PCG_MSI_64BIT = 0x0080,
	PCG_MSI_MASKABLE = 0x0100,
	PCG_MSIX_SIZE = 0x07ff,
	PCG_MSIX_FUNCTION_MASK = 0x4000,
	PCG_MSIX_ENABLE = 0x8000,
	PCG_DEVCAP_MPSS = 0x00000007,
	PCG_DEVCAP_FLR = 0x10000000,
	PCG_DEVCTL_MPS = 0x00e0,
	PCG_DEVCTL_MRRS = 0x7000,
	PCG_DEVCTL_FLR = 0x8000,
	PCG_AF_CAP_TP = 0x01,
	PCG_AF_CAP_FLR = 0x02,
	PCG_AF_CTRL_FLR = 0x01,
	PCG_PASID_ENABLE = 0x0001,
	PCG_PASID_EXECUTE = 0x0002,
	PCG_PASID_PRIVILEGED = 0x0004,
	PCG_ATS_ENABLE = 0x8000,
	PCG_PRI_ENABLE = 0x0001,
	PCG_PRI_RESET = 0x0002,
	PCG_PRI_FAILURE = 0x0001,    /* Response Failure */
	PCG_PRI_UNEXPECTED = 0x0002, /* Unexpected Page Request Group Index */
	PCG_PRI_STOPPED = 0x0100,
	PCG_PRI_PASID_REQUIRED = 0x8000, /* PRG Response PASID Required */
};

/** PCG_PASID_MAX_WIDTH - a PASID has at most so many bits (PCIe 6.0, 6.20) */
#define PCG_PASID_MAX_WIDTH 20u

/**
 * Capability ids: PCG_CAP(name, id, setpci's name, what it is). PCI Code and ID Assignment 1.16, chapter 2.
 */
#define PCG_CAPS(PCG_CAP)                                                                                              \
	PCG_CAP(NULL, 0x00, "CAP_NULL", "Null")                                                                        \
	PCG_CAP(PM, 0x01, "CAP_PM", "Power Management")                                                                \
	PCG_CAP(AGP, 0x02, "CAP_AGP", "AGP")                                                                           \
	PCG_CAP(VPD, 0x03, "CAP_VPD", "Vital Product Data")                                                            \
	PCG_CAP(SLOTID, 0x04, "CAP_SLOTID", "Slot ID")                                                                 \
	PCG_CAP(MSI, 0x05, "CAP_MSI", "MSI")                                                                           \
	PCG_CAP(CHSWP, 0x06, "CAP_CHSWP", "CompactPCI hot-swap")                                                       \
	PCG_CAP(PCIX, 0x07, "CAP_PCIX", "PCI-X")                                                                       \
	PCG_CAP(HT, 0x08, "CAP_HT", "HyperTransport")                                                                  \
	PCG_CAP(VNDR, 0x09, "CAP_VNDR", "Vendor Specific Information")                                                 \
	PCG_CAP(DBG, 0x0a, "CAP_DBG", "Debug port")                                                                    \
	PCG_CAP(CCRC, 0x0b, "CAP_CCRC", "CompactPCI central resource control")                                         \
	PCG_CAP(HOTPLUG, 0x0c, "CAP_HOTPLUG", "Hot-plug capable")                                                      \
	PCG_CAP(SSVID, 0x0d, "CAP_SSVID", "Subsystem")                                                                 \
	PCG_CAP(AGP3, 0x0e, "CAP_AGP3", "AGP3")                                                                        \
	PCG_CAP(SECURE, 0x0f, "CAP_SECURE", "Secure device")                                                           \
	PCG_CAP(EXP, 0x10, "CAP_EXP", "Express")                                                                       \
	PCG_CAP(MSIX, 0x11, "CAP_MSIX", "MSI-X")                                                                       \
	PCG_CAP(SATA, 0x12, "CAP_SATA", "SATA HBA")                                                                    \
	PCG_CAP(AF, 0x13, "CAP_AF", "PCI Advanced Features")                                                           \
	PCG_CAP(EA, 0x14, "CAP_EA", "Enhanced Allocation")                                                             \
	PCG_CAP(FPB, 0x15, "CAP_FPB", "Flattening Portal Bridge")

/** Extended capability ids: the same, chapter 3. */
#define PCG_ECAPS(PCG_CAP)                                                                                             \
	PCG_CAP(NULL, 0x0000, "ECAP_NULL", "Null")                                                                     \
	PCG_CAP(AER, 0x0001, "ECAP_AER", "Advanced Error Reporting")                                                   \
	PCG_CAP(VC, 0x0002, "ECAP_VC", "Virtual Channel")                                                              \
	PCG_CAP(DSN, 0x0003, "ECAP_DSN", "Device Serial Number")                                                       \
	PCG_CAP(PB, 0x0004, "ECAP_PB", "Power Budgeting")                                                              \
	PCG_CAP(RCLINK, 0x0005, "ECAP_RCLINK", "Root Complex Link")                                                    \
	PCG_CAP(RCILINK, 0x0006, "ECAP_RCILINK", "Root Complex Internal Link")                                         \
	PCG_CAP(RCEC, 0x0007, "ECAP_RCEC", "Root Complex Event Collector")                                             \
	PCG_CAP(MFVC, 0x0008, "ECAP_MFVC", "Multi-Function Virtual Channel")                                           \
	PCG_CAP(VC9, 0x0009, "ECAP_VC2", "Virtual Channel (with MFVC)")                                                \
	PCG_CAP(RCRB, 0x000a, "ECAP_RBCB", "Root Complex Register Block")                                              \
	PCG_CAP(VSEC, 0x000b, "ECAP_VNDR", "Vendor Specific Information")                                              \
	PCG_CAP(CAC, 0x000c, "ECAP_CAC", "Configuration Access Correlation")                                           \
	PCG_CAP(ACS, 0x000d, "ECAP_ACS", "Access Control Services")                                                    \
	PCG_CAP(ARI, 0x000e, "ECAP_ARI", "Alternative Routing-ID Interpretation")                                      \
	PCG_CAP(ATS, 0x000f, "ECAP_ATS", "Address Translation Service")                                                \
	PCG_CAP(SRIOV, 0x0010, "ECAP_SRIOV", "Single Root I/O Virtualization")                                         \
	PCG_CAP(MRIOV, 0x0011, "ECAP_MRIOV", "Multi-Root I/O Virtualization")                                          \
	PCG_CAP(MCAST, 0x0012, "ECAP_MCAST", "Multicast")                                                              \
	PCG_CAP(PRI, 0x0013, "ECAP_PRI", "Page Request Interface")                                                     \
	PCG_CAP(REBAR, 0x0015, "ECAP_REBAR", "Physical Resizable BAR")                                                 \
	PCG_CAP(DPA, 0x0016, "ECAP_DPA", "Dynamic Power Allocation")                                                   \
	PCG_CAP(TPH, 0x0017, "ECAP_TPH", "Transaction Processing Hints")                                               \
	PCG_CAP(LTR, 0x0018, "ECAP_LTR", "Latency Tolerance Reporting")                                                \
	PCG_CAP(SECPCI, 0x0019, "ECAP_SECPCI", "Secondary PCI Express")                                                \
	PCG_CAP(PMUX, 0x001a, "ECAP_PMUX", "Protocol Multiplexing")                                                    \
	PCG_CAP(PASID, 0x001b, "ECAP_PASID", "Process Address Space ID (PASID)")                                       \
	PCG_CAP(LNR, 0x001c, "ECAP_LNR", "LN Requester")                                                               \
	PCG_CAP(DPC, 0x001d, "ECAP_DPC", "Downstream Port Containment")                                                \
	PCG_CAP(L1PM, 0x001e, "ECAP_L1PM", "L1 PM Substates")                                                          \
	PCG_CAP(PTM, 0x001f, "ECAP_PTM", "Precision Time Measurement")                                                 \
	PCG_CAP(MPCIE, 0x0020, "ECAP_M_PCIE", "PCI Express over M_PHY")                                                \
	PCG_CAP(FRS, 0x0021, "ECAP_FRS", "FRS Queueing")                                                               \
	PCG_CAP(RTR, 0x0022, "ECAP_RTR", "Readiness Time Reporting")                                                   \
	PCG_CAP(DVSEC, 0x0023, "ECAP_DVSEC", "Designated Vendor-Specific")                                             \
	PCG_CAP(VFREBAR, 0x0024, "ECAP_VF_REBAR", "VF Resizable BAR")                                                  \
	PCG_CAP(DLF, 0x0025, "ECAP_DLNK", "Data Link Feature")                                                         \
	PCG_CAP(PL16, 0x0026, "ECAP_16GT", "Physical Layer 16.0 GT/s")                                                 \
	PCG_CAP(LMR, 0x0027, "ECAP_LMR", "Lane Margining at the Receiver")                                             \
	PCG_CAP(HIERID, 0x0028, "ECAP_HIER_ID", "Hierarchy ID")                                                        \
	PCG_CAP(NPEM, 0x0029, "ECAP_NPEM", "Native PCIe Enclosure Management")                                         \
	PCG_CAP(PL32, 0x002a, "ECAP_32GT", "Physical Layer 32.0 GT/s")                                                 \
	PCG_CAP(ALTPROTO, 0x002b, "ECAP_ALTPROTO", "Alternate Protocol")                                               \
	PCG_CAP(SFI, 0x002c, "ECAP_SFI", "System Firmware Intermediary")                                               \
	PCG_CAP(SHADOW, 0x002d, "ECAP_SHADOW", "Shadow Functions")                                                     \
	PCG_CAP(DOE, 0x002e, "ECAP_DOE", "Data Object Exchange")                                                       \
	PCG_CAP(DEV3, 0x002f, "ECAP_DEV3", "Device 3")                                                                 \
	PCG_CAP(IDE, 0x0030, "ECAP_IDE", "Integrity and Data Encryption")                                              \
	PCG_CAP(PL64, 0x0031, "ECAP_64GT", "Physical Layer 64.0 GT/s")                                                 \
	PCG_CAP(FLIT_LOG, 0x0032, "ECAP_FLIT_LOG", "Flit Logging")                                                     \
	PCG_CAP(FLIT_PERF, 0x0033, "ECAP_FLIT_PERF", "Flit Performance Measurement")                                   \
	PCG_CAP(FLIT_ERR, 0x0034, "ECAP_FLIT_ERR", "Flit Error Injection")                                             \
	PCG_CAP(SVC, 0x0035, "ECAP_SVC", "Streamlined Virtual Channel")                                                \
	PCG_CAP(MMIO_RBL, 0x0036, "ECAP_MMIO_RBL", "MMIO Register Block Locator")                                      \
	PCG_CAP(NOP, 0x0037, "ECAP_NOP", "NOP Flit")

enum pcg_cap_id {
#define PCG_CAP(name, id, setpci, text) PCG_CAP_##name = id,
	PCG_CAPS(PCG_CAP)
#undef PCG_CAP
};

enum pcg_ecap_id {
#define PCG_CAP(name, id, setpci, text) PCG_ECAP_##name = id,
	PCG_ECAPS(PCG_CAP)
#undef PCG_CAP
};

/**
 * struct pcg_cap - one capability instance
 * @offset: where its header stands, in bytes; a multiple of 4
 * @length: bytes that belong to it, header included; at least 2 (standard) or 4 (extended), never past the end of
 *          the space nor into the next capability
 * @id: its id; ids repeat, so an instance is named by @offset
 * @version: the version in an extended header, the Express version for Express, else 0
 * @extended: an extended capability (offset 100h and up)
 */
struct pcg_cap {
	uint16_t offset;
	uint16_t length;
	uint16_t id;
	uint8_t version;
	bool extended;
};

/** The most instances that chains of distinct, aligned headers can hold in each space (PCI 3.0, 6.7). */
#define PCG_MAX_CAPS  48u
#define PCG_MAX_ECAPS 960u

/**
 * struct pcg_layout - the capability chains of a function, in chain order
 * @size: 256 or 4096
 * @ncaps: standard capabilities in @caps
 * @necaps: extended capabilities in @ecaps
 * @caps: the standard chain
 * @ecaps: the extended chain
 */
struct pcg_layout {
	uint16_t size;
	uint16_t ncaps;
	uint16_t necaps;
	struct pcg_cap caps[PCG_MAX_CAPS];
	struct pcg_cap ecaps[PCG_MAX_ECAPS];
};

/**
 * pcg_layout_parse() - read the capability chains of a type 0 function
 * @layout: filled in
 * @config: what configuration space holds
 * @size: its length in bytes, 256 or 4096
 * @log: told of each oddity found on the way; may be NULL
 *
 * Guarantees: ends for every input; reads only @config[0..@size); every instance starts at a distinct aligned
 * offset and lies inside the space; no two instances share a byte (the one that starts later keeps its own).
 * A chain is followed up to the first pointer that leaves the space, comes back or meets an all-ones header.
 *
 * Return: 0; -EINVAL for another @size; -ENODEV when nothing answers (vendor FFFFh with everything else all ones);
 * -ENOTSUP for a header that is not type 0 (bridges).
 */
int pcg_layout_parse(struct pcg_layout *layout, const uint8_t *config, size_t size, const struct pcg_log *log);

/** pcg_layout_find() - the first instance of a standard capability, or NULL */
const struct pcg_cap *pcg_layout_find(const struct pcg_layout *layout, uint16_t id);

/** pcg_layout_find_extended() - the first instance of an extended capability, or NULL */
const struct pcg_cap *pcg_layout_find_extended(const struct pcg_layout *layout, uint16_t id);

/** pcg_layout_at() - the instance that owns a byte of configuration space, or NULL */
const struct pcg_cap *pcg_layout_at(const struct pcg_layout *layout, uint16_t offset);

/**
 * pcg_cap_text() - what a capability id means
 * @id: the id
 * @extended: which numbering
 * @setpci: if not NULL, set to setpci's name for it, or NULL where it has none
 *
 * Return: a constant sentence, or NULL for an id that this version does not know.
 */
const char *pcg_cap_text(uint16_t id, bool extended, const char **setpci);

/** enum pcg_bar_kind - what a base address register decodes (PCIe 6.0, 7.5.1.2.1) */
enum pcg_bar_kind {
	PCG_BAR_NONE, /* not implemented: reads 0 */
	PCG_BAR_IO,
	PCG_BAR_MEM32,
	PCG_BAR_MEM64, /* this register and the next */
	PCG_BAR_UPPER, /* the upper half of the one before */
};

/**
 * struct pcg_bar - one base address register, or the expansion ROM's
 * @size: bytes decoded: a power of two, at least 16 (memory), 4 (I/O) or 2048 (ROM); 0 for NONE and UPPER
 * @kind: what it decodes; a ROM is MEM32
 * @prefetchable: the bit of that name
 */
struct pcg_bar {
	uint64_t size;
	enum pcg_bar_kind kind;
	bool prefetchable;
};

/**
 * pcg_bar_low() - what the low register of a BAR reads with all address bits clear: its type bits
 * @bar: the BAR
 */
uint32_t pcg_bar_low(const struct pcg_bar *bar);

/**
 * pcg_bar_mask() - the address bits of a BAR that can be written
 * @bar: the BAR
 *
 * Return: the mask over both registers of a 64-bit BAR, over 32 bits for the others.
 */
uint64_t pcg_bar_mask(const struct pcg_bar *bar);

/** pcg_bars_check() - 0 if sizes and pairs are as struct pcg_bar says, else -EINVAL */
int pcg_bars_check(const struct pcg_bar bars[PCG_NUM_BARS]);

/* Little-endian accessors: the only way bytes of a guest or a function become numbers. */

static inline uint16_t pcg_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t pcg_get32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline void pcg_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static inline void pcg_put32(uint8_t *p, uint32_t v)
{
	pcg_put16(p, (uint16_t)v);
	pcg_put16(p + 2, (uint16_t)(v >> 16));
}

/**
 * pcg_be_mask() - the bits that a byte enable selects
 * @be: bit n selects byte n of a dword
 */
static inline uint32_t pcg_be_mask(uint8_t be)
{
	return (be & 1u ? 0x000000ffu : 0) | (be & 2u ? 0x0000ff00u : 0) | (be & 4u ? 0x00ff0000u : 0) |
	       (be & 8u ? 0xff000000u : 0);
}

#ifdef __cplusplus
}
#endif
#endif
