/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * edu SOCKET [dma|msi|intx|resample]... [--rounds N] [--seconds N] [--iova ADDRESS]
 *
 * A driver for QEMU's educational device (docs/specs/edu.rst there). dma: a buffer goes into the device and comes back
 * to another place, where it is compared; the device takes a tenth of a second for each. msi, intx: its interrupts,
 * the line unmasked by message; resample: the line unmasked by an eventfd that nobody but the kernel looks at.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "driver.h"

#define SIZE 4096u

enum {
	REG_ID = 0x00,
	REG_LIVE = 0x04,
	REG_FACTORIAL = 0x08,
	REG_STATUS = 0x20,
	REG_IRQ_STATUS = 0x24,
	REG_RAISE = 0x60,
	REG_ACKNOWLEDGE = 0x64,
	REG_DMA_SRC = 0x80,
	REG_DMA_DST = 0x88,
	REG_DMA_COUNT = 0x90,
	REG_DMA_COMMAND = 0x98,
	DMA_START = 1,
	DMA_TO_MEMORY = 2,
	DMA_INTERRUPT = 4,
	DEVICE_BUFFER = 0x40000,
	EDU_ID = 0xed,
};

struct edu {
	struct pcg_client *client;
	struct pcg_client_buffer buffer; /* SIZE bytes out, SIZE bytes in */
	uint64_t iova;
	int resample;
};

static int set64(struct edu *e, uint64_t offset, uint64_t value)
{
	return pcg_client_write64(e->client, PCG_REGION_BAR0, offset, value);
}

static int get32(struct edu *e, uint64_t offset, uint32_t *value)
{
	return pcg_client_read32(e->client, PCG_REGION_BAR0, offset, value);
}

static int set32(struct edu *e, uint64_t offset, uint32_t value)
{
	return pcg_client_write32(e->client, PCG_REGION_BAR0, offset, value);
}

static int look(struct edu *e)
{
	uint32_t id, live;
	int r = pcg_client_config_update16(e->client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);

	if (r == 0)
		r = get32(e, REG_ID, &id);
	if (r == 0)
		r = set32(e, REG_LIVE, 0x12345678);
	if (r == 0)
		r = get32(e, REG_LIVE, &live);
	if (r == 0 && ((id & 0xff) != EDU_ID || live != ~0x12345678u)) {
		fprintf(stderr, "id 0x%08" PRIx32 ", liveness 0x%08" PRIx32 "\n", id, live);
		r = -ENODEV;
	}
	return r;
}

/* --- DMA --- */

static int transfer(struct edu *e, uint64_t src, uint64_t dst, uint32_t command)
{
	int r = set64(e, REG_DMA_SRC, src);
	uint32_t value;

	if (r == 0)
		r = set64(e, REG_DMA_DST, dst);
	if (r == 0)
		r = set64(e, REG_DMA_COUNT, SIZE);
	if (r == 0)
		r = set64(e, REG_DMA_COMMAND, command | DMA_START);
	return r != 0 ? r : pcg_client_poll32(e->client, PCG_REGION_BAR0, REG_DMA_COMMAND, DMA_START, 0, 5000, &value);
}

static int dma(struct edu *e, unsigned int round)
{
	uint8_t *out = e->buffer.address, *in = out + SIZE;
	int r;

	for (unsigned int i = 0; i < SIZE; i++)
		out[i] = (uint8_t)(i * 7 + round * 31 + (i >> 8));
	memset(in, 0xa5, SIZE);
	r = transfer(e, e->iova, DEVICE_BUFFER, 0);
	if (r == 0)
		r = transfer(e, DEVICE_BUFFER, e->iova + SIZE, DMA_TO_MEMORY);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (r == 0 && memcmp(out, in, SIZE) != 0) {
		fprintf(stderr, "round %u: what went in did not come back\n", round);
		r = -EBADMSG;
	}
	return r;
}

/* --- interrupts --- */

/* Raised, heard, seen in the device, and quieted again. */
static int interrupt(struct edu *e, uint32_t index, unsigned int round)
{
	const uint32_t bit = 1u << round % 32;
	uint64_t count = 0;
	uint32_t status = 0;
	int r = set32(e, REG_RAISE, bit);

	if (r == 0)
		r = pcg_client_irq_wait(e->client, index, 0, 10000, &count);
	if (r == 0)
		r = get32(e, REG_IRQ_STATUS, &status);
	if (r == 0 && (count != 1 || status != bit)) {
		fprintf(stderr, "%" PRIu64 " interrupts, status 0x%" PRIx32 "\n", count, status);
		r = -EIO;
	}
	return r == 0 ? set32(e, REG_ACKNOWLEDGE, bit) : r;
}

static int nothing_more(struct edu *e, uint32_t index)
{
	int r = pcg_client_irq_wait(e->client, index, 0, 100, NULL);

	if (r == 0)
		fprintf(stderr, "an interrupt that nobody raised\n");
	return r == -ETIMEDOUT ? 0 : r == 0 ? -EIO : r;
}

static int msi(struct edu *e, unsigned int round)
{
	int r = round == 0 ? pcg_client_msi_start(e->client, PCG_IRQ_MSI, 1) : 0;

	return r == 0 ? interrupt(e, PCG_IRQ_MSI, round) : r;
}

/* Masked by being raised: while nobody says that it is over, the line is not told of again. */
static int line_masks_itself(struct edu *e, unsigned int round)
{
	int r = interrupt(e, PCG_IRQ_INTX, round);

	if (r == 0)
		r = set32(e, REG_RAISE, 0x100);
	return r == 0 ? nothing_more(e, PCG_IRQ_INTX) : r;
}

static int line_comes_after_unmask(struct edu *e)
{
	int r = pcg_client_irq_wait(e->client, PCG_IRQ_INTX, 0, 10000, NULL);

	return r == 0 ? set32(e, REG_ACKNOWLEDGE, 0x100) : r;
}

static int intx(struct edu *e, unsigned int round)
{
	int r = round == 0 ? pcg_client_irq_enable(e->client, PCG_IRQ_INTX, 0, 1, NULL) : 0;

	if (r == 0)
		r = line_masks_itself(e, round % 8);
	if (r == 0)
		r = pcg_client_irq_unmask(e->client, PCG_IRQ_INTX, 0, 1);
	if (r == 0)
		r = line_comes_after_unmask(e);
	if (r == 0)
		r = pcg_client_irq_unmask(e->client, PCG_IRQ_INTX, 0, 1);
	/* By message the other way round: masked first, it waits. */
	if (r == 0)
		r = pcg_client_irq_mask(e->client, PCG_IRQ_INTX, 0, 1);
	if (r == 0)
		r = set32(e, REG_RAISE, 0x100);
	if (r == 0)
		r = nothing_more(e, PCG_IRQ_INTX);
	if (r == 0)
		r = pcg_client_irq_unmask(e->client, PCG_IRQ_INTX, 0, 1);
	if (r == 0)
		r = line_comes_after_unmask(e);
	return r == 0 ? pcg_client_irq_unmask(e->client, PCG_IRQ_INTX, 0, 1) : r;
}

static int unmask_by_eventfd(struct edu *e)
{
	return eventfd_write(e->resample, 1) == 0 ? 0 : -errno;
}

static int resample(struct edu *e, unsigned int round)
{
	int r = 0;

	if (round == 0) {
		e->resample = eventfd(0, EFD_CLOEXEC);
		r = e->resample < 0 ? -errno : pcg_client_irq_enable(e->client, PCG_IRQ_INTX, 0, 1, NULL);
		if (r == 0)
			r = pcg_client_intx_resample(e->client, e->resample);
	}
	if (r == 0)
		r = line_masks_itself(e, round % 8);
	if (r == 0)
		r = unmask_by_eventfd(e);
	if (r == 0)
		r = line_comes_after_unmask(e);
	return r == 0 ? unmask_by_eventfd(e) : r;
}

/* --- what is asked --- */

static const struct {
	const char *name;
	int (*run)(struct edu *e, unsigned int round);
	uint32_t index; /* to be turned off afterwards */
} kinds[] = {
	{ "dma", dma, PCG_NUM_IRQS },
	{ "msi", msi, PCG_IRQ_MSI },
	{ "intx", intx, PCG_IRQ_INTX },
	{ "resample", resample, PCG_IRQ_INTX },
};

static int work(struct edu *e, size_t kind, unsigned int rounds, double seconds)
{
	const double begin = driver_now();
	unsigned int i;
	int r = 0;

	for (i = 0; r == 0 && (i < rounds || driver_now() < begin + seconds); i++) {
		r = kinds[kind].run(e, i);
		if (i == 0 && r == 0) {
			printf("works\n");
			fflush(stdout);
		}
	}
	if (r != 0)
		return driver_failed(kinds[kind].name, r);
	if (kinds[kind].index == PCG_IRQ_MSI)
		r = pcg_client_msi_stop(e->client, PCG_IRQ_MSI);
	else if (kinds[kind].index == PCG_IRQ_INTX)
		r = pcg_client_irq_disable(e->client, PCG_IRQ_INTX);
	printf("%s: %u rounds\n", kinds[kind].name, i);
	fflush(stdout);
	return r;
}

static int kind_of(const char *text)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, text) == 0)
			return (int)i;
	}
	return -1;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = driver_say };
	unsigned long rounds = 4, seconds = 0;
	struct edu e = { .iova = 0x100000, .resample = -1 };
	int r;

	for (int i = 2; i < argc; i++) {
		if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			seconds = strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--iova") == 0 && i + 1 < argc)
			e.iova = strtoull(argv[++i], NULL, 0);
		else if (kind_of(argv[i]) < 0)
			argc = 0;
	}
	if (argc < 2) {
		fprintf(stderr, "usage: edu SOCKET [dma|msi|intx|resample]... [--rounds N] [--seconds N] [--iova A]\n");
		return 2;
	}
	if (pcg_client_create(&e.client, argv[1], 20000, &log) != 0)
		return 1;
	r = pcg_client_buffer_init(e.client, e.iova, 2 * (size_t)SIZE, &e.buffer);
	if (r == 0)
		r = look(&e);
	for (int i = 2; r == 0 && i < argc; i++) {
		if (kind_of(argv[i]) >= 0)
			r = work(&e, (size_t)kind_of(argv[i]), (unsigned int)rounds, (double)seconds);
	}
	if (r == 0)
		r = pcg_client_buffer_finish(e.client, &e.buffer);
	pcg_client_destroy(e.client);
	if (e.resample >= 0)
		close(e.resample);
	return r == 0 ? 0 : driver_failed("edu", r) != 0;
}
