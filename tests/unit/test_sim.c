/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/sim/endpoint_test.h"
#include "host/sim/sim.h"

#define PAGE       4096u
#define RAM_BASE   0x40000000u
#define RAM_SIZE   (8u << 20)
#define ASKED_BASE 0x80000000u /* a second window on the same memory, by messages */
#define RW         (PCG_DMA_READ | PCG_DMA_WRITE)

static const uint32_t sizes[] = { 1, 1024, 1025, 1024000, 1024001 };

struct irq {
	enum pcg_irq_index index;
	unsigned int vector;
	bool level;
};

/* A client with memory, and the function that it drives. */
struct rig {
	struct pcg_host *host;
	struct pcg_dma *dma;
	int fd;
	uint8_t *ram;
	struct irq irqs[64];
	unsigned int nirqs;
	unsigned int notes;
	bool woken;
	/* message side: one under way at a time */
	enum {
		LATE,
		NEVER,
		REFUSES
	} answer;
	struct pcg_op *pending;
	uint8_t *into;
	uint64_t iova;
	size_t length;
	unsigned int messages;
	unsigned int cancelled;
	uint32_t bars[PCG_NUM_BARS];
	struct pcg_op op;
	unsigned int done;
	int result;
};

/* --- the client's side --- */

static int ask(struct rig *rig, uint64_t iova, size_t length, struct pcg_op *op)
{
	assert_true(length >= 1 && length <= PCG_DMA_MESSAGE_MAX);
	assert_null(rig->pending);
	assert_in_range(iova, ASKED_BASE, ASKED_BASE + RAM_SIZE - length);
	rig->messages++;
	if (rig->answer == REFUSES)
		return -ENODEV;
	rig->iova = iova - ASKED_BASE;
	rig->length = length;
	rig->pending = op;
	return PCG_PENDING;
}

static int ask_read(void *arg, uint64_t iova, void *data, size_t length, struct pcg_op *op)
{
	struct rig *rig = arg;

	rig->into = data;
	return ask(rig, iova, length, op);
}

static int ask_write(void *arg, uint64_t iova, const void *data, size_t length, struct pcg_op *op)
{
	struct rig *rig = arg;
	int r = ask(rig, iova, length, op);

	rig->into = NULL;
	if (r == PCG_PENDING && rig->answer == LATE)
		memcpy(rig->ram + rig->iova, data, length);
	return r;
}

static void ask_cancel(void *arg, struct pcg_op *op)
{
	struct rig *rig = arg;

	assert_ptr_equal(op, rig->pending);
	rig->pending = NULL;
	rig->cancelled++;
}

static void answer(struct rig *rig, int result)
{
	struct pcg_op *op = rig->pending;

	assert_non_null(op);
	rig->pending = NULL;
	if (result == 0 && rig->into != NULL)
		memcpy(rig->into, rig->ram + rig->iova, rig->length);
	op->done(op, result);
}

static void on_irq(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	struct rig *rig = arg;

	assert_true(rig->nirqs < 64);
	rig->irqs[rig->nirqs++] = (struct irq){ index, vector, level };
}

static void on_wake(void *arg)
{
	((struct rig *)arg)->woken = true;
}

static void on_note(void *arg, const struct pcg_note *note)
{
	assert_non_null(note->text);
	((struct rig *)arg)->notes++;
}

static void on_done(struct pcg_op *op, int result)
{
	struct rig *rig = (void *)((char *)op - offsetof(struct rig, op));

	rig->done++;
	rig->result = result;
}

/* What a loop does; returns how often it called work(). */
static unsigned int run(struct rig *rig)
{
	unsigned int calls = 0;
	int wait = 0;

	while (wait == 0 || rig->woken) {
		rig->woken = false;
		wait = rig->host->ops->work(rig->host);
		assert_true(++calls < 10000);
		while (rig->pending != NULL && rig->answer == LATE)
			answer(rig, 0);
	}
	return calls;
}

/* --- the driver's side --- */

static uint32_t config(struct rig *rig, uint16_t offset)
{
	uint32_t value = 0;

	assert_int_equal(rig->host->ops->config_read(rig->host, offset / 4, 15, &value, &rig->op), PCG_DONE);
	return value;
}

static void config_write(struct rig *rig, uint16_t offset, uint8_t be, uint32_t value)
{
	assert_int_equal(rig->host->ops->config_write(rig->host, offset / 4, be, value, &rig->op), PCG_DONE);
}

/* What a kernel puts back after a reset: without, nothing decodes (PCIe 6.0, 6.6.2). */
static void restore(struct rig *rig)
{
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		config_write(rig, (uint16_t)(PCG_BAR0 + 4 * bar), 15, rig->bars[bar]);
	config_write(rig, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_IO | PCG_COMMAND_MASTER);
}

static uint32_t reg(struct rig *rig, uint64_t offset)
{
	uint8_t bytes[4];

	assert_int_equal(rig->host->ops->region_read(rig->host, 0, offset, bytes, 4, &rig->op), PCG_DONE);
	return pcg_get32(bytes);
}

static void reg_write(struct rig *rig, uint64_t offset, uint32_t value)
{
	uint8_t bytes[4];

	pcg_put32(bytes, value);
	assert_int_equal(rig->host->ops->region_write(rig->host, 0, offset, bytes, 4, &rig->op), PCG_DONE);
}

static uint16_t capability(struct rig *rig, uint16_t id)
{
	uint8_t bytes[PCG_CONFIG_EXTENDED];
	struct pcg_layout layout;
	const struct pcg_cap *cap;

	for (uint16_t i = 0; i < sizeof(bytes); i += 4)
		pcg_put32(bytes + i, config(rig, i));
	assert_int_equal(pcg_layout_parse(&layout, bytes, sizeof(bytes), NULL), 0);
	cap = pcg_layout_find(&layout, id);
	return cap != NULL ? cap->offset : 0;
}

/* The driver's order of writes; COMMAND is the last. */
static void command(struct rig *rig, uint32_t bit, uint32_t irq_type, uint32_t irq_number)
{
	reg_write(rig, ENDPOINT_IRQ_TYPE, irq_type);
	reg_write(rig, ENDPOINT_IRQ_NUMBER, irq_number);
	reg_write(rig, ENDPOINT_COMMAND, bit);
}

static void address(struct rig *rig, uint64_t where, uint64_t value)
{
	reg_write(rig, where, (uint32_t)value);
	reg_write(rig, where + 4, (uint32_t)(value >> 32));
}

/* Bit by bit, as the kernel's crc32_le(~0, ...) is defined. */
static uint32_t crc32_le(const uint8_t *data, size_t length)
{
	uint32_t crc = UINT32_MAX;

	while (length-- > 0) {
		crc ^= *data++;
		for (unsigned int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return crc;
}

static void fill(uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + 1);
}

static void assert_irq(struct rig *rig, enum pcg_irq_index index, unsigned int vector)
{
	assert_int_equal(rig->nirqs, 1);
	assert_int_equal(rig->irqs[0].index, index);
	assert_int_equal(rig->irqs[0].vector, vector);
	assert_true(rig->irqs[0].level);
	rig->nirqs = 0;
}

/* --- set-up --- */

static struct rig *rig_open(const char *text)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct pcg_dma_limits limits = { .max_maps = 16, .page_size = PAGE };
	struct pcg_dma_messages messages;
	struct pcg_log log;

	assert_non_null(rig);
	messages = (struct pcg_dma_messages){ rig, ask_read, ask_write, ask_cancel };
	log = (struct pcg_log){ on_note, rig };
	rig->op.done = on_done;
	rig->fd = memfd_create("ram", MFD_CLOEXEC);
	assert_int_equal(ftruncate(rig->fd, RAM_SIZE), 0);
	rig->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd, 0);
	assert_true(rig->ram != MAP_FAILED);
	assert_int_equal(pcg_dma_create(&rig->dma, &limits, &messages, NULL), 0);
	assert_int_equal(pcg_dma_map(rig->dma, RAM_BASE, RAM_SIZE, RW, rig->fd, 0), 0);
	assert_int_equal(pcg_dma_map(rig->dma, ASKED_BASE, RAM_SIZE, RW, -1, 0), 0);
	assert_int_equal(sim_create(&rig->host, text, &log), 0);
	rig->host->events = (struct pcg_host_events){ rig, on_irq, on_wake };
	assert_int_equal(rig->host->ops->dma(rig->host, rig->dma, &rig->op), PCG_DONE);
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		rig->bars[bar] = config(rig, (uint16_t)(PCG_BAR0 + 4 * bar));
	config_write(rig, PCG_COMMAND, 3, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);
	return rig;
}

static void rig_close(struct rig *rig)
{
	rig->host->ops->destroy(rig->host);
	pcg_dma_destroy(rig->dma);
	if (rig->ram != NULL)
		munmap(rig->ram, RAM_SIZE);
	close(rig->fd);
	free(rig);
}

static int setup(void **state)
{
	*state = rig_open("endpoint-test");
	return 0;
}

static int teardown(void **state)
{
	rig_close(*state);
	return 0;
}

/* --- what it looks like --- */

static void default_layout(void **state)
{
	struct rig *rig = *state;
	const struct pcg_host_info *info = &rig->host->info;
	unsigned int prefetchable = 0;

	assert_int_equal(config(rig, PCG_VENDOR), 0x002d1912);
	assert_int_equal(config(rig, PCG_REVISION), 0xff000000);
	assert_int_equal(config(rig, PCG_INT_LINE) >> 8 & 0xff, 1);
	assert_int_equal(pcg_bars_check(info->bars), 0);
	for (unsigned int i = 0; i < PCG_NUM_BARS; i++) {
		assert_int_equal(info->bars[i].kind, PCG_BAR_MEM32);
		assert_int_equal(info->regions[i].size, info->bars[i].size);
		prefetchable += info->bars[i].prefetchable;
		for (unsigned int j = 0; j < i; j++)
			assert_true(info->bars[i].size != info->bars[j].size);
	}
	assert_in_range(prefetchable, 1, 5);
	assert_int_equal(rig->notes, 0);
	assert_false(info->bars[0].prefetchable);
}

static void every_capability_is_found(void **state)
{
	struct rig *rig = *state;
	uint8_t bytes[PCG_CONFIG_EXTENDED];
	struct pcg_layout layout;

	for (uint16_t i = 0; i < sizeof(bytes); i += 4)
		pcg_put32(bytes + i, config(rig, i));
	assert_int_equal(pcg_layout_parse(&layout, bytes, sizeof(bytes), NULL), 0);
	assert_int_equal(layout.ncaps, 4);
	assert_non_null(pcg_layout_find(&layout, PCG_CAP_PM));
	assert_non_null(pcg_layout_find(&layout, PCG_CAP_MSI));
	assert_non_null(pcg_layout_find(&layout, PCG_CAP_MSIX));
	assert_non_null(pcg_layout_find(&layout, PCG_CAP_EXP));
	assert_int_equal(pcg_layout_find(&layout, PCG_CAP_EXP)->version, 2);
	assert_int_equal(layout.necaps, 2);
	assert_non_null(pcg_layout_find_extended(&layout, PCG_ECAP_AER));
	assert_non_null(pcg_layout_find_extended(&layout, PCG_ECAP_DSN));
}

static void interrupt_capabilities_say_how_many(void **state)
{
	struct rig *rig = *state;
	uint16_t msi = capability(rig, PCG_CAP_MSI);
	uint16_t msix = capability(rig, PCG_CAP_MSIX);

	assert_int_equal((config(rig, msi) >> 16) & (PCG_MSI_MMC | PCG_MSI_64BIT | PCG_MSI_MASKABLE),
			 5 << 1 | PCG_MSI_64BIT | PCG_MSI_MASKABLE);
	assert_int_equal((config(rig, msix) >> 16) & PCG_MSIX_SIZE, 31);
}

static void largest_table_fits(void **state)
{
	struct rig *rig = rig_open("endpoint-test,msix=2048");
	uint16_t msix = capability(rig, PCG_CAP_MSIX);
	uint32_t table = config(rig, msix + PCG_MSIX_TABLE);
	uint32_t pba = config(rig, msix + PCG_MSIX_PBA);

	(void)state;
	assert_int_equal((config(rig, msix) >> 16) & PCG_MSIX_SIZE, 2047);
	assert_int_equal(table & (PAGE - 1), 0);
	assert_int_equal(pba & (PAGE - 1), 0);
	assert_true(table >= ENDPOINT_REGISTERS_END);
	assert_true(pba >= table + 2048 * 16);
	assert_true(rig->host->info.regions[0].size >= pba + 2048 / 8);
	command(rig, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, 2048);
	run(rig);
	assert_irq(rig, PCG_IRQ_MSIX, 2047);
	rig_close(rig);
}

static void capabilities_can_be_left_out(void **state)
{
	struct rig *rig = rig_open("endpoint-test,msi=0,msix=0,intx=off");

	(void)state;
	assert_int_equal(capability(rig, PCG_CAP_MSI), 0);
	assert_int_equal(capability(rig, PCG_CAP_MSIX), 0);
	assert_true(capability(rig, PCG_CAP_EXP) != 0);
	assert_int_equal(config(rig, PCG_INT_LINE) >> 8 & 0xff, 0);
	assert_int_equal(reg(rig, ENDPOINT_CAPS), ENDPOINT_CAP_UNALIGNED);
	rig_close(rig);
}

static void options_reach_configuration_space(void **state)
{
	struct rig *rig = rig_open(
		"endpoint-test,id=104c:b500,subsystem=1:2,revision=a5,class=020000,mps=4096,payload=1024,msi=4");
	uint16_t express = capability(rig, PCG_CAP_EXP);
	uint16_t msi = capability(rig, PCG_CAP_MSI);

	(void)state;
	assert_int_equal(config(rig, PCG_VENDOR), 0xb500104c);
	assert_int_equal(config(rig, PCG_SUBVENDOR), 0x00020001);
	assert_int_equal(config(rig, PCG_REVISION), 0x020000a5);
	assert_int_equal(config(rig, express + PCG_EXP_DEVCAP) & PCG_DEVCAP_MPSS, 5);
	assert_int_equal((config(rig, express + PCG_EXP_DEVCTL) & PCG_DEVCTL_MPS) >> 5, 3);
	assert_int_equal((config(rig, msi) >> 16) & PCG_MSI_MMC, 2 << 1);
	rig_close(rig);
}

static void bars_option_lays_out(void **state)
{
	static const struct {
		const char *text;
		enum pcg_bar_kind kinds[PCG_NUM_BARS];
	} layouts[] = {
		{ "endpoint-test,bars=mem64",
		  { PCG_BAR_MEM64, PCG_BAR_UPPER, PCG_BAR_MEM64, PCG_BAR_UPPER, PCG_BAR_MEM64, PCG_BAR_UPPER } },
		{ "endpoint-test,bars=io",
		  { PCG_BAR_MEM32, PCG_BAR_IO, PCG_BAR_MEM32, PCG_BAR_MEM32, PCG_BAR_MEM32, PCG_BAR_NONE } },
		{ "endpoint-test,bars=64K/-/1M:mem64:prefetch/16:mem32/4:io",
		  { PCG_BAR_MEM32, PCG_BAR_NONE, PCG_BAR_MEM64, PCG_BAR_UPPER, PCG_BAR_MEM32, PCG_BAR_IO } },
		{ "endpoint-test,bars=auto", { PCG_BAR_MEM32 } },
		{ "endpoint-test,msix=2048,bars=64K", { PCG_BAR_MEM32 } },
		{ "endpoint-test,bars=64K,msix=2048", { PCG_BAR_MEM32 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		struct rig *rig = rig_open(layouts[i].text);

		for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++) {
			assert_int_equal(rig->host->info.bars[bar].kind, layouts[i].kinds[bar]);
			assert_int_equal(rig->host->info.regions[bar].size, rig->host->info.bars[bar].size);
		}
		rig_close(rig);
	}
}

static void bad_options_are_named(void **state)
{
	static const char *const bad[] = {
		"endpoint-test,msix=2049",
		"endpoint-test,msix=",
		"endpoint-test,msix=-1",
		"endpoint-test,msi=3",
		"endpoint-test,msi=64",
		"endpoint-test,mps=64",
		"endpoint-test,mps=300",
		"endpoint-test,payload=64",
		"endpoint-test,mps=256,payload=512",
		"endpoint-test,intx=maybe",
		"endpoint-test,id=1234",
		"endpoint-test,id=ffff:0001",
		"endpoint-test,id=12345:1",
		"endpoint-test,class=1000000",
		"endpoint-test,revision=100",
		"endpoint-test,max=0",
		"endpoint-test,flr=soon",
		"endpoint-test,colour=red",
		"endpoint-test,",
		"endpoint-test,bars=",
		"endpoint-test,bars=4K",
		"endpoint-test,bars=-",
		"endpoint-test,bars=256:io",
		"endpoint-test,bars=auto/auto",
		"endpoint-test,bars=auto/12K",
		"endpoint-test,bars=auto/512:io",
		"endpoint-test,bars=auto/256:io:prefetch",
		"endpoint-test,bars=auto/4G",
		"endpoint-test,bars=auto/128G:mem64",
		"endpoint-test,bars=auto/4K:green",
		"endpoint-test,bars=auto//4K",
		"endpoint-test,bars=auto/-/-/-/-/4K:mem64",
		"endpoint-test,bars=auto/1K/1K/1K/1K/1K/1K",
		"endpoint-test,bars=64K/99999999999999999999K",
		"endpoint-tester",
		"",
	};
	struct rig *rig = *state;
	struct pcg_log log = { on_note, rig };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct pcg_host *host;

		rig->notes = 0;
		assert_true(sim_create(&host, bad[i], &log) < 0);
		assert_null(host);
		assert_int_equal(rig->notes, 1);
	}
}

static void driver_is_told_what_there_is(void **state)
{
	struct rig *rig = *state;
	struct rig *io = rig_open("endpoint-test,bars=io");
	uint32_t caps = ENDPOINT_CAP_UNALIGNED | ENDPOINT_CAP_MSI | ENDPOINT_CAP_MSIX | ENDPOINT_CAP_INTX;

	assert_int_equal(reg(rig, ENDPOINT_CAPS), caps);
	assert_int_equal(reg(io, ENDPOINT_CAPS), caps | ENDPOINT_CAP_BAR0_RESERVED << 1);
	reg_write(rig, ENDPOINT_CAPS, 0);
	reg_write(rig, ENDPOINT_DB_BAR, 0);
	assert_int_equal(reg(rig, ENDPOINT_CAPS), caps);
	assert_int_equal(reg(rig, ENDPOINT_DB_BAR), UINT32_MAX);
	rig_close(io);
}

/* --- memory --- */

static void bars_hold_what_is_written(void **state)
{
	struct rig *rig = *state;

	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++) {
		uint64_t last = rig->host->info.regions[bar].size - 8;
		uint8_t data[8];
		uint8_t back[8];

		memset(data, (int)(0xa0 + bar), sizeof(data));
		assert_int_equal(rig->host->ops->region_write(rig->host, bar, last, data, 8, &rig->op), PCG_DONE);
		assert_int_equal(rig->host->ops->region_write(rig->host, bar, 0, data, 3, &rig->op), PCG_DONE);
		assert_int_equal(rig->host->ops->region_read(rig->host, bar, last, back, 8, &rig->op), PCG_DONE);
		assert_memory_equal(data, back, 8);
		assert_int_equal(rig->host->ops->region_read(rig->host, bar, 0, back, 3, &rig->op), PCG_DONE);
		assert_memory_equal(data, back, 3);
	}
}

static void mapped_bars_are_the_same_memory(void **state)
{
	struct rig *rig = *state;

	assert_false(rig->host->info.regions[0].flags & PCG_REGION_MMAP);
	for (unsigned int bar = 1; bar < PCG_NUM_BARS; bar++) {
		const struct pcg_region *region = &rig->host->info.regions[bar];
		uint8_t *mapped;
		uint8_t byte = 0;

		assert_int_equal((region->flags & PCG_REGION_MMAP) != 0, region->size >= PAGE);
		assert_int_equal(region->fd >= 0, region->size >= PAGE);
		if (region->fd < 0)
			continue;
		mapped = mmap(NULL, region->size, PROT_READ | PROT_WRITE, MAP_SHARED, region->fd,
			      (off_t)region->fd_offset);
		assert_true(mapped != MAP_FAILED);
		mapped[region->size - 1] = 0x5a;
		assert_int_equal(rig->host->ops->region_read(rig->host, bar, region->size - 1, &byte, 1, &rig->op),
				 PCG_DONE);
		assert_int_equal(byte, 0x5a);
		munmap(mapped, region->size);
	}
}

static void client_cannot_pull_a_bar_away(void **state)
{
	struct rig *rig = *state;
	int fd = rig->host->info.regions[2].fd;

	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 1 << 30), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
}

static void reset_leaves_nothing_behind(void **state)
{
	struct rig *rig = *state;
	uint8_t byte = 1;

	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++)
		rig->host->ops->region_write(rig->host, bar, rig->host->info.regions[bar].size - 1, &byte, 1, &rig->op);
	reg_write(rig, ENDPOINT_MAGIC, 0x12345678);
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_DONE);
	assert_int_equal(config(rig, PCG_COMMAND) & 0xffff, 0);
	restore(rig);
	for (unsigned int bar = 0; bar < PCG_NUM_BARS; bar++) {
		rig->host->ops->region_read(rig->host, bar, rig->host->info.regions[bar].size - 1, &byte, 1, &rig->op);
		assert_int_equal(byte, 0);
	}
	assert_int_equal(reg(rig, ENDPOINT_MAGIC), 0);
	assert_true(reg(rig, ENDPOINT_CAPS) != 0);
}

/* --- interrupts --- */

static void intx_is_a_pulse(void **state)
{
	struct rig *rig = *state;

	command(rig, ENDPOINT_RAISE_INTX, ENDPOINT_IRQ_INTX, 0);
	assert_int_equal(reg(rig, ENDPOINT_COMMAND), 0);
	run(rig);
	assert_int_equal(rig->nirqs, 2);
	assert_int_equal(rig->irqs[0].index, PCG_IRQ_INTX);
	assert_true(rig->irqs[0].level);
	assert_int_equal(rig->irqs[1].index, PCG_IRQ_INTX);
	assert_false(rig->irqs[1].level);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_IRQ_RAISED);
}

static void every_msi_vector_is_raised(void **state)
{
	struct rig *rig = *state;

	for (unsigned int n = 1; n <= 32; n++) {
		command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, n);
		run(rig);
		assert_irq(rig, PCG_IRQ_MSI, n - 1);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_IRQ_RAISED);
	}
}

static void every_msix_vector_is_raised(void **state)
{
	struct rig *rig = *state;

	for (unsigned int n = 1; n <= 32; n++) {
		command(rig, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, n);
		run(rig);
		assert_irq(rig, PCG_IRQ_MSIX, n - 1);
	}
}

static void vector_that_is_not_there_is_silent(void **state)
{
	struct rig *rig = *state;
	static const uint32_t bad[] = { 0, 33, UINT32_MAX };

	for (size_t i = 0; i < 3; i++) {
		command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, bad[i]);
		run(rig);
		command(rig, ENDPOINT_RAISE_MSIX, ENDPOINT_IRQ_MSIX, bad[i]);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_IRQ_RAISED);
	}
	assert_int_equal(rig->nirqs, 0);
}

static void message_interrupts_need_bus_mastering(void **state)
{
	struct rig *rig = *state;

	config_write(rig, PCG_COMMAND, 3, PCG_COMMAND_MEMORY);
	command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 1);
	run(rig);
	assert_int_equal(rig->nirqs, 0);
	command(rig, ENDPOINT_RAISE_INTX, ENDPOINT_IRQ_INTX, 0);
	run(rig);
	assert_int_equal(rig->nirqs, 2);
}

static void no_pin_no_intx(void **state)
{
	struct rig *rig = rig_open("endpoint-test,intx=off");

	(void)state;
	command(rig, ENDPOINT_RAISE_INTX, ENDPOINT_IRQ_INTX, 0);
	run(rig);
	assert_int_equal(rig->nirqs, 0);
	rig_close(rig);
}

static void nonsense_is_taken_and_forgotten(void **state)
{
	struct rig *rig = *state;
	static const uint32_t bad[] = { 0x400, 0x3, 0x80000000, UINT32_MAX };

	for (size_t i = 0; i < 4; i++) {
		command(rig, bad[i], ENDPOINT_IRQ_INTX, 0);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_COMMAND), 0);
	}
	command(rig, ENDPOINT_RAISE_INTX, 3, 0);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_COMMAND), 0);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), 0);
	assert_int_equal(rig->nirqs, 0);
}

static void what_is_not_offered_fails_aloud(void **state)
{
	struct rig *rig = *state;
	static const uint32_t tries[][2] = {
		{ ENDPOINT_ENABLE_DOORBELL, ENDPOINT_DOORBELL_ENABLE_FAIL },
		{ ENDPOINT_DISABLE_DOORBELL, ENDPOINT_DOORBELL_DISABLE_FAIL },
		{ ENDPOINT_BAR_SUBRANGE_SETUP, ENDPOINT_SUBRANGE_SETUP_FAIL },
		{ ENDPOINT_BAR_SUBRANGE_CLEAR, ENDPOINT_SUBRANGE_CLEAR_FAIL },
	};

	for (size_t i = 0; i < 4; i++) {
		command(rig, tries[i][0], ENDPOINT_IRQ_MSI, 1);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), tries[i][1] | ENDPOINT_IRQ_RAISED);
		assert_irq(rig, PCG_IRQ_MSI, 0);
	}
}

static void stale_flags_do_not_matter(void **state)
{
	struct rig *rig = *state;

	reg_write(rig, ENDPOINT_FLAGS, 1);
	command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 5);
	run(rig);
	assert_irq(rig, PCG_IRQ_MSI, 4);
}

static void status_is_not_the_drivers_to_set(void **state)
{
	struct rig *rig = *state;

	reg_write(rig, ENDPOINT_STATUS, UINT32_MAX);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), 0);
	command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 1);
	run(rig);
	reg_write(rig, ENDPOINT_STATUS, 0);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), 0);
}

static void narrow_writes_work_too(void **state)
{
	struct rig *rig = *state;
	uint8_t type = ENDPOINT_IRQ_MSI;
	uint8_t number[2] = { 7, 0 };
	uint8_t bit = ENDPOINT_RAISE_MSI;

	rig->host->ops->region_write(rig->host, 0, ENDPOINT_IRQ_TYPE, &type, 1, &rig->op);
	rig->host->ops->region_write(rig->host, 0, ENDPOINT_IRQ_NUMBER, number, 2, &rig->op);
	rig->host->ops->region_write(rig->host, 0, ENDPOINT_COMMAND, &bit, 1, &rig->op);
	run(rig);
	assert_irq(rig, PCG_IRQ_MSI, 6);
}

/* --- transfers --- */

static void start_read(struct rig *rig, uint64_t iova, uint32_t size, uint32_t checksum)
{
	reg_write(rig, ENDPOINT_CHECKSUM, checksum);
	address(rig, ENDPOINT_SRC_ADDR, iova);
	reg_write(rig, ENDPOINT_SIZE, size);
	command(rig, ENDPOINT_READ, ENDPOINT_IRQ_MSI, 1);
}

static void start_write(struct rig *rig, uint64_t iova, uint32_t size)
{
	address(rig, ENDPOINT_DST_ADDR, iova);
	reg_write(rig, ENDPOINT_SIZE, size);
	command(rig, ENDPOINT_WRITE, ENDPOINT_IRQ_MSI, 1);
}

static void start_copy(struct rig *rig, uint64_t src, uint64_t dst, uint32_t size)
{
	address(rig, ENDPOINT_SRC_ADDR, src);
	address(rig, ENDPOINT_DST_ADDR, dst);
	reg_write(rig, ENDPOINT_SIZE, size);
	command(rig, ENDPOINT_COPY, ENDPOINT_IRQ_MSI, 1);
}

static void reads_at(struct rig *rig, uint64_t iova)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *memory = rig->ram + (iova & (RAM_SIZE - 1));

		fill(memory, sizes[i]);
		start_read(rig, iova, sizes[i], crc32_le(memory, sizes[i]));
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_READ_SUCCESS | ENDPOINT_IRQ_RAISED);
		assert_irq(rig, PCG_IRQ_MSI, 0);
	}
}

static void writes_at(struct rig *rig, uint64_t iova)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *memory = rig->ram + (iova & (RAM_SIZE - 1));

		memset(rig->ram, 0, RAM_SIZE);
		start_write(rig, iova, sizes[i]);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_SUCCESS | ENDPOINT_IRQ_RAISED);
		assert_int_equal(reg(rig, ENDPOINT_CHECKSUM), crc32_le(memory, sizes[i]));
		assert_irq(rig, PCG_IRQ_MSI, 0);
		assert_int_equal(memory[-1], 0);
		assert_int_equal(memory[sizes[i]], 0);
	}
}

static void copies(struct rig *rig, uint64_t src, uint64_t dst)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *from = rig->ram + (src & (RAM_SIZE - 1));
		uint8_t *to = rig->ram + (dst & (RAM_SIZE - 1));

		memset(rig->ram, 0, RAM_SIZE);
		fill(from, sizes[i]);
		start_copy(rig, src, dst, sizes[i]);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_COPY_SUCCESS | ENDPOINT_IRQ_RAISED);
		assert_memory_equal(from, to, sizes[i]);
		assert_int_equal(to[sizes[i]], 0);
		assert_irq(rig, PCG_IRQ_MSI, 0);
	}
}

static void reads_shared_memory(void **state)
{
	reads_at(*state, RAM_BASE);
	reads_at(*state, RAM_BASE + 4093);
}

static void reads_by_messages(void **state)
{
	struct rig *rig = *state;

	/* Packets end at 4 KiB: 3 bytes before that each piece of up to 64 KiB is two. */
	reads_at(rig, ASKED_BASE + 4093);
	assert_int_equal(rig->messages, 1 + 2 * 2 + 2 * 2 * 16);
	rig->messages = 0;
	reads_at(rig, ASKED_BASE + 256);
	assert_int_equal(rig->messages, 3 + 2 * 16);
}

static void writes_shared_memory(void **state)
{
	writes_at(*state, RAM_BASE + 77);
}

static void writes_by_messages(void **state)
{
	writes_at(*state, ASKED_BASE + 77);
}

static void copies_shared_memory(void **state)
{
	copies(*state, RAM_BASE + 1, RAM_BASE + (4u << 20) + 3);
}

static void copies_by_messages(void **state)
{
	copies(*state, ASKED_BASE + 1, ASKED_BASE + (4u << 20) + 3);
	copies(*state, RAM_BASE + 1, ASKED_BASE + (4u << 20) + 3);
}

static void written_data_differs_each_time(void **state)
{
	struct rig *rig = *state;
	uint32_t before;

	start_write(rig, RAM_BASE, 64);
	run(rig);
	before = reg(rig, ENDPOINT_CHECKSUM);
	start_write(rig, RAM_BASE, 64);
	run(rig);
	assert_true(reg(rig, ENDPOINT_CHECKSUM) != before);
}

static void wrong_checksum_fails(void **state)
{
	struct rig *rig = *state;

	fill(rig->ram, 1024);
	start_read(rig, RAM_BASE, 1024, crc32_le(rig->ram, 1024) ^ 1);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_READ_FAIL | ENDPOINT_IRQ_RAISED);
	assert_irq(rig, PCG_IRQ_MSI, 0);
}

static void sizes_are_bounded(void **state)
{
	struct rig *rig = rig_open("endpoint-test,max=1K");
	static const uint32_t bad[] = { 0, 1025, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		start_write(rig, RAM_BASE, bad[i]);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_FAIL | ENDPOINT_IRQ_RAISED);
	}
	assert_int_equal(rig->ram[0], 0);
	start_write(rig, RAM_BASE, 1024);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_SUCCESS | ENDPOINT_IRQ_RAISED);
	rig_close(rig);
}

static void long_transfers_take_turns(void **state)
{
	struct rig *rig = *state;

	start_write(rig, RAM_BASE, RAM_SIZE);
	assert_true(run(rig) >= RAM_SIZE / PCG_DMA_MESSAGE_MAX / 8);
	assert_int_equal(reg(rig, ENDPOINT_CHECKSUM), crc32_le(rig->ram, RAM_SIZE));
}

static void transfers_need_bus_mastering(void **state)
{
	struct rig *rig = *state;

	config_write(rig, PCG_COMMAND, 3, PCG_COMMAND_MEMORY);
	start_write(rig, RAM_BASE, 16);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_FAIL | ENDPOINT_IRQ_RAISED);
	assert_int_equal(crc32_le(rig->ram, 16), crc32_le((uint8_t[16]){ 0 }, 16));
	assert_int_equal(rig->nirqs, 0);
}

/* Registers are out of reach outside D0 (PCIe 6.0, 5.3.1.4.1): what it was told before is what it tries. */
static void transfers_need_d0(void **state)
{
	struct rig *rig = *state;

	start_write(rig, RAM_BASE, 16);
	assert_int_equal(rig->host->ops->power(rig->host, PCG_D3HOT, &rig->op), PCG_DONE);
	run(rig);
	assert_int_equal(rig->nirqs, 0);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), UINT32_MAX);
	assert_int_equal(rig->host->ops->power(rig->host, PCG_D0, &rig->op), PCG_DONE);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_FAIL | ENDPOINT_IRQ_RAISED);
	assert_int_equal(reg(rig, ENDPOINT_RESULT), ENDPOINT_RESULT_OFF);
	start_write(rig, RAM_BASE, 16);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_WRITE_SUCCESS | ENDPOINT_IRQ_RAISED);
}

/* Nor INTx: a function that sleeps asserts nothing. */
static void interrupts_need_d0(void **state)
{
	struct rig *rig = *state;

	command(rig, ENDPOINT_RAISE_INTX, ENDPOINT_IRQ_INTX, 0);
	assert_int_equal(rig->host->ops->power(rig->host, PCG_D3HOT, &rig->op), PCG_DONE);
	run(rig);
	assert_int_equal(rig->nirqs, 0);
}

static void there_is_no_d1(void **state)
{
	struct rig *rig = *state;
	uint16_t pm = capability(rig, PCG_CAP_PM);

	assert_int_equal(rig->host->ops->power(rig->host, PCG_D1, &rig->op), -EINVAL);
	assert_int_equal(config(rig, pm + PCG_PM_CSR) & PCG_PM_STATE, PCG_D0);
}

/* All that a requester is told is Unsupported Request. */
static void bad_addresses_are_reported(void **state)
{
	struct rig *rig = *state;

	rig->answer = REFUSES;
	start_read(rig, ASKED_BASE, 16, 0);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_READ_FAIL | ENDPOINT_SRC_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
	start_copy(rig, RAM_BASE, UINT64_MAX - 3, 16);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_COPY_FAIL | ENDPOINT_DST_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
	start_read(rig, UINT64_MAX - 3, 16, 0);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_READ_FAIL | ENDPOINT_SRC_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
}

static void truncated_client_memory_is_a_failure(void **state)
{
	struct rig *rig = *state;

	start_write(rig, RAM_BASE, 16);
	run(rig);
	munmap(rig->ram, RAM_SIZE);
	rig->ram = NULL;
	assert_int_equal(ftruncate(rig->fd, PAGE), 0);
	start_write(rig, RAM_BASE, 2 * PAGE);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_WRITE_FAIL | ENDPOINT_DST_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
	assert_int_equal(lseek(rig->fd, 0, SEEK_END), PAGE);
}

static void late_errors_fail_the_transfer(void **state)
{
	struct rig *rig = *state;

	rig->answer = NEVER;
	start_copy(rig, RAM_BASE, ASKED_BASE, 100000);
	run(rig);
	answer(rig, -ETIMEDOUT);
	assert_true(rig->woken);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_COPY_FAIL | ENDPOINT_DST_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
	assert_int_equal(rig->messages, 1);
}

static void pending_transactions_are_shown(void **state)
{
	struct rig *rig = *state;
	uint16_t devsta = capability(rig, PCG_CAP_EXP) + PCG_EXP_DEVCTL;

	rig->answer = NEVER;
	assert_int_equal(config(rig, devsta) >> 16 & 0x20, 0);
	start_read(rig, ASKED_BASE, 16, 0);
	run(rig);
	assert_int_equal(config(rig, devsta) >> 16 & 0x20, 0x20);
	answer(rig, -EIO);
	run(rig);
	assert_int_equal(config(rig, devsta) >> 16 & 0x20, 0);
}

static void next_command_waits_its_turn(void **state)
{
	struct rig *rig = *state;

	rig->answer = NEVER;
	fill(rig->ram, 16);
	start_read(rig, ASKED_BASE, 16, crc32_le(rig->ram, 16));
	run(rig);
	command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 9);
	run(rig);
	assert_int_equal(rig->nirqs, 0);
	assert_int_equal(reg(rig, ENDPOINT_COMMAND), ENDPOINT_RAISE_MSI);
	answer(rig, 0);
	run(rig);
	assert_int_equal(rig->nirqs, 2);
	assert_int_equal(rig->irqs[0].vector, 0);
	assert_int_equal(rig->irqs[1].vector, 8);
}

/* Wherever in a turn the first one ends. */
static void next_command_is_never_forgotten(void **state)
{
	struct rig *rig = *state;

	for (uint32_t pieces = 1; pieces <= 10; pieces++) {
		start_write(rig, RAM_BASE, pieces * PCG_DMA_MESSAGE_MAX);
		command(rig, ENDPOINT_RAISE_MSI, ENDPOINT_IRQ_MSI, 9);
		run(rig);
		assert_int_equal(rig->nirqs, 2);
		assert_int_equal(rig->irqs[1].vector, 8);
		rig->nirqs = 0;
	}
}

/* --- reset and the like in mid-transfer --- */

static void start_endless_copy(struct rig *rig)
{
	rig->answer = NEVER;
	memset(rig->ram, 0, RAM_SIZE);
	fill(rig->ram, 200000);
	start_copy(rig, ASKED_BASE, RAM_BASE + (4u << 20), 200000);
	run(rig);
	assert_non_null(rig->pending);
}

static void assert_given_up(struct rig *rig)
{
	assert_int_equal(rig->cancelled, 1);
	assert_null(rig->pending);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), 0);
	assert_int_equal(rig->nirqs, 0);
	assert_int_equal(rig->messages, 1);
	assert_int_equal(rig->ram[4u << 20], 0);
}

static void reset_gives_up_a_transfer(void **state)
{
	struct rig *rig = *state;

	start_endless_copy(rig);
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_DONE);
	restore(rig);
	assert_given_up(rig);
}

static void flr_bit_gives_up_a_transfer(void **state)
{
	struct rig *rig = *state;
	uint16_t devctl = capability(rig, PCG_CAP_EXP) + PCG_EXP_DEVCTL;

	start_endless_copy(rig);
	config_write(rig, devctl, 3, PCG_DEVCTL_FLR | 0x2810);
	assert_int_equal(config(rig, devctl) & PCG_DEVCTL_FLR, 0);
	assert_int_equal(config(rig, PCG_COMMAND) & PCG_COMMAND_MASTER, 0);
	restore(rig);
	assert_given_up(rig);
}

static void memory_taken_away_gives_up_a_transfer(void **state)
{
	struct rig *rig = *state;

	start_endless_copy(rig);
	assert_int_equal(rig->host->ops->dma(rig->host, NULL, NULL), PCG_DONE);
	assert_given_up(rig);
	start_write(rig, RAM_BASE, 16);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS),
			 ENDPOINT_WRITE_FAIL | ENDPOINT_DST_ADDR_INVALID | ENDPOINT_IRQ_RAISED);
}

static void mastering_off_stops_a_transfer(void **state)
{
	struct rig *rig = *state;

	start_endless_copy(rig);
	config_write(rig, PCG_COMMAND, 3, PCG_COMMAND_MEMORY);
	answer(rig, 0);
	run(rig);
	assert_int_equal(reg(rig, ENDPOINT_STATUS), ENDPOINT_COPY_FAIL | ENDPOINT_IRQ_RAISED);
	assert_int_equal(rig->ram[4u << 20], 0);
}

static void destroy_gives_up_a_transfer(void **state)
{
	struct rig *rig = rig_open("endpoint-test");
	struct pcg_host *host = rig->host;

	(void)state;
	start_endless_copy(rig);
	host->ops->destroy(host);
	assert_int_equal(rig->cancelled, 1);
	assert_int_equal(sim_create(&rig->host, "endpoint-test", NULL), 0);
	rig_close(rig);
}

static void works_again_after_a_reset(void **state)
{
	struct rig *rig = *state;

	start_endless_copy(rig);
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_DONE);
	restore(rig);
	rig->answer = LATE;
	reads_at(rig, ASKED_BASE);
}

static void payload_size_survives_flr(void **state)
{
	struct rig *rig = *state;
	uint16_t devctl = capability(rig, PCG_CAP_EXP) + PCG_EXP_DEVCTL;

	config_write(rig, devctl, 3, 2u << 5 | 5u << 12);
	config_write(rig, devctl, 3, PCG_DEVCTL_FLR | 2u << 5 | 5u << 12);
	assert_int_equal(config(rig, devctl) & 0xffff, 0x2810 | 2u << 5);
}

static void slow_reset_ends_later(void **state)
{
	struct rig *rig = rig_open("endpoint-test,flr=30");
	struct timespec pause = { .tv_nsec = 5000000 };
	int wait;

	(void)state;
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_PENDING);
	wait = rig->host->ops->work(rig->host);
	assert_in_range(wait, 1, 30);
	assert_int_equal(rig->done, 0);
	for (unsigned int i = 0; i < 200 && rig->done == 0; i++) {
		nanosleep(&pause, NULL);
		wait = rig->host->ops->work(rig->host);
	}
	assert_int_equal(rig->done, 1);
	assert_int_equal(rig->result, 0);
	assert_int_equal(wait, -1);
	rig_close(rig);
}

static void endless_reset_can_be_cancelled(void **state)
{
	struct rig *rig = rig_open("endpoint-test,flr=never");

	(void)state;
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_PENDING);
	assert_int_equal(rig->host->ops->work(rig->host), -1);
	rig->host->ops->cancel(rig->host, &rig->op);
	assert_int_equal(rig->host->ops->work(rig->host), -1);
	assert_int_equal(rig->done, 0);
	rig_close(rig);
}

static void cancelled_reset_is_silent(void **state)
{
	struct rig *rig = rig_open("endpoint-test,flr=1");
	struct timespec pause = { .tv_nsec = 10000000 };

	(void)state;
	assert_int_equal(rig->host->ops->reset(rig->host, &rig->op), PCG_PENDING);
	rig->host->ops->cancel(rig->host, &rig->op);
	nanosleep(&pause, NULL);
	assert_int_equal(rig->host->ops->work(rig->host), -1);
	assert_int_equal(rig->done, 0);
	rig_close(rig);
}

/* A guest that writes anything anywhere: every command ends, and nothing outside its memory is touched. */
static void any_writes_are_survived(void **state)
{
	struct rig *rig = *state;
	uint32_t seed = 99;

	for (unsigned int i = 0; i < 20000; i++) {
		uint32_t value = seed = seed * 1664525 + 1013904223;
		uint8_t bytes[16];
		size_t length = 1 + (value >> 28);
		uint64_t offset = (value >> 8) % (ENDPOINT_REGISTERS_END + 16);

		for (size_t j = 0; j < length; j++)
			bytes[j] = (uint8_t)((seed = seed * 1664525 + 1013904223) >> 24);
		if ((value & 0x80) != 0) {
			address(rig, ENDPOINT_SRC_ADDR, RAM_BASE + (value & 0xffff));
			address(rig, ENDPOINT_DST_ADDR, RAM_BASE + 0x20000 + (value & 0xffff));
			reg_write(rig, ENDPOINT_SIZE, value >> 16);
			reg_write(rig, ENDPOINT_IRQ_TYPE, value & 3);
			memset(bytes, 0, 4);
			bytes[0] = (uint8_t)(1u << ((value >> 4) & 7));
			offset = ENDPOINT_COMMAND;
			length = 4;
		}
		rig->answer = REFUSES;
		rig->host->ops->region_write(rig->host, 0, offset, bytes, length, &rig->op);
		run(rig);
		assert_int_equal(reg(rig, ENDPOINT_COMMAND), 0);
		rig->nirqs = 0;
	}
}

#define ON_RIG(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		ON_RIG(default_layout),
		ON_RIG(every_capability_is_found),
		ON_RIG(interrupt_capabilities_say_how_many),
		cmocka_unit_test(largest_table_fits),
		cmocka_unit_test(capabilities_can_be_left_out),
		cmocka_unit_test(options_reach_configuration_space),
		cmocka_unit_test(bars_option_lays_out),
		ON_RIG(bad_options_are_named),
		ON_RIG(driver_is_told_what_there_is),
		ON_RIG(bars_hold_what_is_written),
		ON_RIG(mapped_bars_are_the_same_memory),
		ON_RIG(client_cannot_pull_a_bar_away),
		ON_RIG(reset_leaves_nothing_behind),
		ON_RIG(intx_is_a_pulse),
		ON_RIG(every_msi_vector_is_raised),
		ON_RIG(every_msix_vector_is_raised),
		ON_RIG(vector_that_is_not_there_is_silent),
		ON_RIG(message_interrupts_need_bus_mastering),
		cmocka_unit_test(no_pin_no_intx),
		ON_RIG(nonsense_is_taken_and_forgotten),
		ON_RIG(what_is_not_offered_fails_aloud),
		ON_RIG(stale_flags_do_not_matter),
		ON_RIG(status_is_not_the_drivers_to_set),
		ON_RIG(narrow_writes_work_too),
		ON_RIG(reads_shared_memory),
		ON_RIG(reads_by_messages),
		ON_RIG(writes_shared_memory),
		ON_RIG(writes_by_messages),
		ON_RIG(copies_shared_memory),
		ON_RIG(copies_by_messages),
		ON_RIG(written_data_differs_each_time),
		ON_RIG(wrong_checksum_fails),
		cmocka_unit_test(sizes_are_bounded),
		ON_RIG(long_transfers_take_turns),
		ON_RIG(transfers_need_bus_mastering),
		ON_RIG(transfers_need_d0),
		ON_RIG(interrupts_need_d0),
		ON_RIG(there_is_no_d1),
		ON_RIG(bad_addresses_are_reported),
		ON_RIG(truncated_client_memory_is_a_failure),
		ON_RIG(late_errors_fail_the_transfer),
		ON_RIG(pending_transactions_are_shown),
		ON_RIG(next_command_waits_its_turn),
		ON_RIG(next_command_is_never_forgotten),
		ON_RIG(reset_gives_up_a_transfer),
		ON_RIG(flr_bit_gives_up_a_transfer),
		ON_RIG(memory_taken_away_gives_up_a_transfer),
		ON_RIG(mastering_off_stops_a_transfer),
		cmocka_unit_test(destroy_gives_up_a_transfer),
		ON_RIG(works_again_after_a_reset),
		ON_RIG(payload_size_survives_flr),
		cmocka_unit_test(slow_reset_ends_later),
		cmocka_unit_test(endless_reset_can_be_cancelled),
		cmocka_unit_test(cancelled_reset_is_silent),
		ON_RIG(any_writes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
