/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCI Express endpoint with the register block that Linux's pci_endpoint_test driver speaks
 * (Documentation/PCI/endpoint/pci-test-function.rst): it raises interrupts when told to, and reads, writes and
 * copies memory. BAR 0 holds the registers, then the MSI-X table and PBA; the other BARs are memory. Registers of our
 * own let it use PASIDs, translated requests and page requests: docs/endpoint-test.md.
 */
#ifndef HOST_SIM_ENDPOINT_TEST_H
#define HOST_SIM_ENDPOINT_TEST_H

#include <pcigate/dma.h>
#include <pcigate/host.h>

#include "host/fabric/fabric.h"
#include "host/sim/endpoint.h"
#include "host/sim/endpoint_atc.h"

/* Register block: 32 bits each, little-endian. From 40h on they are our own. */
enum endpoint_register {
	ENDPOINT_MAGIC = 0x00,
	ENDPOINT_COMMAND = 0x04,
	ENDPOINT_STATUS = 0x08,
	ENDPOINT_SRC_ADDR = 0x0c,
	ENDPOINT_DST_ADDR = 0x14,
	ENDPOINT_SIZE = 0x1c,
	ENDPOINT_CHECKSUM = 0x20,
	ENDPOINT_IRQ_TYPE = 0x24,
	ENDPOINT_IRQ_NUMBER = 0x28,
	ENDPOINT_FLAGS = 0x2c,
	ENDPOINT_CAPS = 0x30,
	ENDPOINT_DB_BAR = 0x34,
	ENDPOINT_DB_OFFSET = 0x38,
	ENDPOINT_DB_DATA = 0x3c,
	ENDPOINT_PASID = 0x40,
	ENDPOINT_REQUEST_FLAGS = 0x44,
	ENDPOINT_RESULT = 0x48,
	ENDPOINT_PAGE_GROUP = 0x4c,
	ENDPOINT_ATC_ENTRIES = 0x50,
	ENDPOINT_REGISTERS_END = 0x54,
};

enum endpoint_command {
	ENDPOINT_RAISE_INTX = 0x001,
	ENDPOINT_RAISE_MSI = 0x002,
	ENDPOINT_RAISE_MSIX = 0x004,
	ENDPOINT_READ = 0x008,
	ENDPOINT_WRITE = 0x010,
	ENDPOINT_COPY = 0x020,
	ENDPOINT_ENABLE_DOORBELL = 0x040,
	ENDPOINT_DISABLE_DOORBELL = 0x080,
	ENDPOINT_BAR_SUBRANGE_SETUP = 0x100,
	ENDPOINT_BAR_SUBRANGE_CLEAR = 0x200,
};

enum endpoint_status {
	ENDPOINT_READ_SUCCESS = 0x00001,
	ENDPOINT_READ_FAIL = 0x00002,
	ENDPOINT_WRITE_SUCCESS = 0x00004,
	ENDPOINT_WRITE_FAIL = 0x00008,
	ENDPOINT_COPY_SUCCESS = 0x00010,
	ENDPOINT_COPY_FAIL = 0x00020,
	ENDPOINT_IRQ_RAISED = 0x00040,
	ENDPOINT_SRC_ADDR_INVALID = 0x00080,
	ENDPOINT_DST_ADDR_INVALID = 0x00100,
	ENDPOINT_DOORBELL_ENABLE_FAIL = 0x00800,
	ENDPOINT_DOORBELL_DISABLE_FAIL = 0x02000,
	ENDPOINT_SUBRANGE_SETUP_FAIL = 0x08000,
	ENDPOINT_SUBRANGE_CLEAR_FAIL = 0x20000,
};

enum endpoint_capability {
	ENDPOINT_CAP_UNALIGNED = 0x001,
	ENDPOINT_CAP_MSI = 0x002,
	ENDPOINT_CAP_MSIX = 0x004,
	ENDPOINT_CAP_INTX = 0x008,
	ENDPOINT_CAP_BAR0_RESERVED = 0x040, /* the next bits: the next BARs */
};

/* Values of the IRQ_TYPE register. */
enum endpoint_irq_type {
	ENDPOINT_IRQ_INTX,
	ENDPOINT_IRQ_MSI,
	ENDPOINT_IRQ_MSIX,
};

/* The PASID register: 20 bits of PASID, and whether there is one. */
#define ENDPOINT_PASID_PRESENT UINT32_C(0x80000000)
#define ENDPOINT_PASID_VALUE   UINT32_C(0x000fffff)

/* The REQUEST_FLAGS register. Execute and privileged travel with a PASID alone. */
enum endpoint_request_flags {
	ENDPOINT_EXECUTE = 1,
	ENDPOINT_PRIVILEGED = 2,
	ENDPOINT_TRANSLATE = 4,    /* ask for translations first, and use those */
	ENDPOINT_REQUEST_PAGE = 8, /* ask for pages that have none */
	ENDPOINT_REQUEST_FLAGS_ALL = 15,
};

/* The RESULT register: enum tlp_status in bits 7:0 of the request that ended the last command, a PRG Response's code in
 * 11:8, and these. */
enum endpoint_result {
	ENDPOINT_RESULT_CODE_SHIFT = 8,
	ENDPOINT_RESULT_MISS = 0x1000,       /* no translation that allows it */
	ENDPOINT_RESULT_PAGE_ASKED = 0x2000, /* a page request was sent */
	ENDPOINT_RESULT_PAGE_ANSWERED = 0x4000,
	ENDPOINT_RESULT_OFF = 0x8000, /* not sent: bus mastering, power state, ATS or page requests are off */
};

/* Where things stand in BAR 0: the table on a page of its own, as the rest may be looked at byte by byte. */
#define ENDPOINT_PAGE       4096u
#define ENDPOINT_MSIX_TABLE ENDPOINT_PAGE
#define ENDPOINT_MSIX_MAX   2048u

struct endpoint_row;

/** enum endpoint_stage - what is under way of a transfer's next access */
enum endpoint_stage {
	ENDPOINT_IDLE,
	ENDPOINT_TRANSLATING, /* a translation request */
	ENDPOINT_ASKING,      /* a page request, until its response */
	ENDPOINT_MOVING,      /* the access itself */
};

/**
 * struct endpoint_transfer - the command under way, as its registers were when it was taken
 * @row: what it is; NULL: none is under way
 * @size: bytes to move; @moved of them are, @piece of them are in @buffer or on their way
 * @crc: of what was moved, as zlib counts
 * @loaded: @buffer holds a piece that is still to be stored
 * @waiting: @dma or a page response is waited for; @answered: it came, with @result
 * @buffer: PCG_DMA_MESSAGE_MAX bytes while there is something to move
 * @asked: page requests sent for the access that is next; @group: of the last
 * @done: bytes of the piece that got through, where translations cut it
 */
struct endpoint_transfer {
	const struct endpoint_row *row;
	uint64_t src;
	uint64_t dst;
	uint32_t size;
	uint32_t checksum;
	uint32_t irq_type;
	uint32_t irq_number;
	uint32_t flags;
	struct tlp_pasid pasid;
	uint32_t moved;
	uint32_t piece;
	uint32_t done;
	uint32_t crc;
	bool loaded;
	bool waiting;
	bool answered;
	int result;
	enum endpoint_stage stage;
	unsigned int asked;
	uint16_t group;
	struct fabric_dma dma;
	struct pcg_op op;
	uint8_t *buffer;
	uint8_t translation[8];
};

/**
 * struct endpoint - the function
 * @registers: the head of BAR 0
 * @memory: what each BAR holds, from its first use on; BAR 0's is ours alone, that of the others may be shared by @fds
 * @random: state of the generator behind WRITE
 * @control: what the platform programmed, where @controlled; else the registers say it
 * @page_failed: a page request was answered with Response Failure
 * @unmasked: the MSI-X table or its masks changed since vectors that pend were looked at
 * @vectors: of a PF: see endpoint_vectors()
 */
struct endpoint {
	struct fabric_function function;
	struct endpoint_options options;
	struct pcg_log log;
	struct endpoint_home *home;
	struct endpoint *next_busy;
	bool busy;
	struct endpoint_sink sink;
	uint8_t registers[ENDPOINT_REGISTERS_END];
	uint8_t *memory[PCG_NUM_BARS];
	uint64_t sizes[PCG_NUM_BARS]; /* of @memory */
	int fds[PCG_NUM_BARS];
	bool dirty[PCG_NUM_BARS]; /* written since it was cleared */
	uint64_t random;
	bool controlled;
	struct pcg_pasid_control control;
	struct endpoint_transfer transfer;
	struct endpoint_atc atc;
	bool page_failed;
	bool unmasked;
	uint32_t (*vectors)(void *arg, unsigned int number);
	void *vectors_arg;
};

/* endpoint_test.c. */

/* A bounded share of the work; true: there is more that needs no waiting. */
bool endpoint_work(struct endpoint *endpoint);

/* Who listens from now on; NULL: nobody, it is its home's. */
void endpoint_listen(struct endpoint *endpoint, const struct endpoint_sink *sink);

/* Somebody has to call endpoint_work(). */
void endpoint_wake(struct endpoint *endpoint);

/* endpoint_layout.c: "default", or BARs with / between, as bars= takes them. false: not understood */
bool endpoint_layout_parse(struct pcg_bar bars[PCG_NUM_BARS], const char *text, bool vf);

/* BARs that have room for @vectors, "auto" filled in. NULL, or what is wrong. */
const char *endpoint_layout_fit(struct pcg_bar bars[PCG_NUM_BARS], uint32_t vectors, bool vf);

/* The smallest BAR 0 for a table of @vectors, and where its PBA stands in it. */
uint64_t endpoint_bar0_size(uint32_t vectors);
uint32_t endpoint_pba_offset(uint32_t vectors);

/* endpoint_config.c: registers at power-on, PCG_CONFIG_EXTENDED bytes. */
void endpoint_config_build(uint8_t *config, const struct endpoint_options *options);
void endpoint_config_build_vf(uint8_t *config, const struct endpoint_options *options);

/* What a PF's SR-IOV capability says. */
void endpoint_sriov(struct fabric_sriov_options *sriov, const struct endpoint_options *options);

/* endpoint_bars.c: the memory behind the BARs. 0 or -ENOMEM, after a note. */
void endpoint_bars_init(struct endpoint *endpoint);
int endpoint_bars_need(struct endpoint *endpoint, unsigned int bar);
void endpoint_bars_destroy(struct endpoint *endpoint);
bool endpoint_bars_shared(const struct endpoint *endpoint, unsigned int bar);
int endpoint_bars_read(struct endpoint *endpoint, unsigned int bar, uint64_t offset, void *data, size_t length);
int endpoint_bars_write(struct endpoint *endpoint, unsigned int bar, uint64_t offset, const void *data, size_t length);
/* Memory that no client has yet in place of what has been handed out. 0 or -ENOMEM. */
int endpoint_bars_renew(struct endpoint *endpoint);
/* Contents go; what a client has mapped stays mapped, and reads zero. */
void endpoint_bars_clear(struct endpoint *endpoint);
/* A resizable BAR has another size now (PCIe 6.0, 7.8.6.3). */
void endpoint_bars_resize(struct endpoint *endpoint, unsigned int bar, uint64_t size);

/* endpoint_rebar.c: what configuration space was told of sizes; false: no such size. */
void endpoint_rebar_init(struct endpoint *endpoint);
void endpoint_rebar_written(struct endpoint *endpoint, uint16_t dword);
void endpoint_rebar_reset(struct endpoint *endpoint);
int endpoint_rebar_set(struct endpoint *endpoint, unsigned int bar, unsigned int log2);

/* endpoint_command.c: what the register block does. */
void endpoint_registers_init(struct endpoint *endpoint);
void endpoint_registers_read(struct endpoint *endpoint, uint64_t offset, void *data, size_t length);
void endpoint_registers_write(struct endpoint *endpoint, uint64_t offset, const void *data, size_t length);

/* A bounded share of the work; true: there is more that needs no waiting. */
bool endpoint_command_work(struct endpoint *endpoint);

/* Give up what is under way, and what was written meanwhile: nothing of it lands, no interrupt follows. */
void endpoint_command_drop(struct endpoint *endpoint);

/* What was waited for came. */
void endpoint_command_answer(struct endpoint *endpoint, int result);

/* endpoint_irq.c: interrupts, by the sink or into the fabric. */
void endpoint_irq_raise(struct endpoint *endpoint, uint32_t type, uint32_t number);
/* Vectors that pend may be let go now: by endpoint_irq_work(). */
void endpoint_irq_unmasked(struct endpoint *endpoint);
void endpoint_irq_work(struct endpoint *endpoint);
/* Of the table of MSI-X every entry is masked. */
void endpoint_irq_mask(struct endpoint *endpoint);
/* The pending bits, before and after somebody writes to BAR 0. */
void endpoint_irq_save(const struct endpoint *endpoint, uint8_t bits[ENDPOINT_MSIX_MAX / 8]);
void endpoint_irq_restore(struct endpoint *endpoint, const uint8_t bits[ENDPOINT_MSIX_MAX / 8]);

/* endpoint_access.c: one access of a transfer: translated, with its pages asked for, moved. */

/**
 * endpoint_access() - go on with the access that @transfer is at
 *
 * Return: PCG_DONE; PCG_PENDING: endpoint_wake() when there is more; -EFAULT: refused where it goes; another errno.
 */
int endpoint_access(struct endpoint *endpoint, bool write, uint64_t address, uint8_t *data, uint32_t length);
void endpoint_access_drop(struct endpoint *endpoint);
void endpoint_message(struct endpoint *endpoint, const struct tlp *tlp);
void endpoint_pages_reset(struct endpoint *endpoint);
void endpoint_invalidate(struct endpoint *endpoint, bool has_pasid, uint32_t pasid, uint64_t iova, uint64_t size);

/* It may send requests: bus mastering is on, and it is in D0. */
bool endpoint_masters(const struct endpoint *endpoint);

static inline uint32_t endpoint_get(const struct endpoint *endpoint, enum endpoint_register reg)
{
	return pcg_get32(endpoint->registers + reg);
}

static inline void endpoint_set(struct endpoint *endpoint, enum endpoint_register reg, uint32_t value)
{
	pcg_put32(endpoint->registers + reg, value);
}

#endif
