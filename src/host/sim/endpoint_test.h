/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A PCI Express endpoint with the register block that Linux's pci_endpoint_test driver speaks
 * (Documentation/PCI/endpoint/pci-test-function.rst): it raises interrupts when told to, and reads, writes and
 * copies the client's memory. BAR 0 holds the registers, then the MSI-X table and PBA; the other BARs are memory.
 */
#ifndef HOST_SIM_ENDPOINT_TEST_H
#define HOST_SIM_ENDPOINT_TEST_H

#include <pcigate/dma.h>
#include <pcigate/host.h>

#include "host/model/model.h"

/* Register block: 32 bits each, little-endian. */
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
	ENDPOINT_REGISTERS_END = 0x40,
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

/* Where things stand in BAR 0: the table on a page of its own, as the rest may be looked at byte by byte. */
#define ENDPOINT_PAGE       4096u
#define ENDPOINT_MSIX_TABLE ENDPOINT_PAGE

/* A backend that does not come back is a thing to be tested with. */
#define ENDPOINT_FLR_NEVER UINT32_MAX

/**
 * struct endpoint_options - what the operator chose
 * @vendor, @device, @subvendor, @subdevice, @revision, @class_code: as configuration space shows them
 * @msi: vectors, a power of two up to 32, or 0: no MSI capability
 * @msix: table size, 0: no MSI-X capability
 * @mps: Max_Payload_Size Supported, in bytes
 * @payload: Max_Payload_Size as the platform programmed it, in bytes
 * @intx: there is an interrupt pin
 * @no_memory_bit: COMMAND has no memory enable bit and memory is on, as of a VF that shows no link to its PF
 * @max_transfer: the most bytes one command moves
 * @flr_ms: how long a reset takes, or ENDPOINT_FLR_NEVER
 * @bars: BAR 0 has what the registers and the table need
 */
struct endpoint_options {
	uint16_t vendor;
	uint16_t device;
	uint16_t subvendor;
	uint16_t subdevice;
	uint8_t revision;
	uint32_t class_code;
	uint32_t msi;
	uint32_t msix;
	uint32_t mps;
	uint32_t payload;
	bool intx;
	bool no_memory_bit;
	uint32_t max_transfer;
	uint32_t flr_ms;
	struct pcg_bar bars[PCG_NUM_BARS];
};

struct endpoint_row;

/**
 * struct endpoint_transfer - the command under way, as its registers were when it was taken
 * @row: what it is; NULL: none is under way
 * @size: bytes to move; @moved of them are, @piece of them are in @buffer or on their way
 * @crc: of what was moved, as zlib counts
 * @loaded: @buffer holds a piece that is still to be stored
 * @waiting: @op is under way; @answered: it ended, with @result
 */
struct endpoint_transfer {
	const struct endpoint_row *row;
	uint64_t src;
	uint64_t dst;
	uint32_t size;
	uint32_t checksum;
	uint32_t irq_type;
	uint32_t irq_number;
	uint32_t moved;
	uint32_t piece;
	uint32_t crc;
	bool loaded;
	bool waiting;
	bool answered;
	int result;
	struct pcg_op op;
	uint8_t buffer[PCG_DMA_MESSAGE_MAX];
};

/**
 * struct endpoint - the function
 * @memory: what each BAR holds; BAR 0's is ours alone, that of the others may be shared
 * @random: state of the generator behind WRITE
 * @resetting: the reset under way, to end at @reset_end (CLOCK_MONOTONIC, ms)
 */
struct endpoint {
	struct pcg_host host;
	struct endpoint_options options;
	struct model model;
	struct pcg_dma *dma;
	uint8_t *memory[PCG_NUM_BARS];
	bool dirty[PCG_NUM_BARS]; /* written since it was cleared */
	uint64_t random;
	struct pcg_op *resetting;
	uint64_t reset_end;
	struct endpoint_transfer transfer;
};

extern const struct pcg_host_ops endpoint_ops;

/* @text: the model's name and its options. */
int endpoint_create(struct pcg_host **host, const char *text, const struct pcg_log *log);

/* endpoint_options.c: -EINVAL after a note that names the option. */
int endpoint_options_parse(struct endpoint_options *options, const char *text, const struct pcg_log *log);

/* The smallest BAR 0 for a table of @vectors, and where its PBA stands in it. */
uint64_t endpoint_bar0_size(uint32_t vectors);
uint32_t endpoint_pba_offset(uint32_t vectors);

/* endpoint_config.c: build the registers. */
int endpoint_config_init(struct endpoint *endpoint);

/* endpoint_bars.c: the memory behind the BARs. */
int endpoint_bars_create(struct endpoint *endpoint);
void endpoint_bars_destroy(struct endpoint *endpoint);
void endpoint_bars_read(const struct endpoint *endpoint, unsigned int bar, uint64_t offset, void *data, size_t length);
void endpoint_bars_write(struct endpoint *endpoint, unsigned int bar, uint64_t offset, const void *data, size_t length);
/* Memory that no client has yet in place of what has been handed out. 0 or -ENOMEM. */
int endpoint_bars_renew(struct endpoint *endpoint);
/* Contents go; what a client has mapped stays mapped, and reads zero. */
void endpoint_bars_clear(struct endpoint *endpoint);

/* endpoint_command.c: what the register block does. */
void endpoint_registers_init(struct endpoint *endpoint);
void endpoint_registers_write(struct endpoint *endpoint, uint64_t offset, const void *data, size_t length);

/* A bounded share of the work; true: there is more that needs no waiting. */
bool endpoint_command_work(struct endpoint *endpoint);

/* Give up what is under way, and what was written meanwhile: nothing of it lands, no interrupt follows. */
void endpoint_command_drop(struct endpoint *endpoint);

static inline uint32_t endpoint_get(const struct endpoint *endpoint, enum endpoint_register reg)
{
	return pcg_get32(endpoint->memory[0] + reg);
}

static inline void endpoint_set(struct endpoint *endpoint, enum endpoint_register reg, uint32_t value)
{
	endpoint->dirty[0] = true;
	pcg_put32(endpoint->memory[0] + reg, value);
}

#endif
