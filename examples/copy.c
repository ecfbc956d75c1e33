/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * copy SOCKET [--messages]: a driver for sim:endpoint-test. The function writes memory of ours, copies it and raises an
 * interrupt after each; we read back what it did. With --messages no memory is shared: the function's reads and writes
 * come as messages, and are answered while we wait for its interrupt.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcigate/client.h>

#define SIZE 65536u
#define IOVA 0x100000u

/* The register block in BAR 0 (Linux, Documentation/PCI/endpoint/pci-test-function.rst). */
enum {
	REG_COMMAND = 0x04,
	REG_STATUS = 0x08,
	REG_SRC = 0x0c,
	REG_DST = 0x14,
	REG_SIZE = 0x1c,
	REG_IRQ_TYPE = 0x24,
	REG_IRQ_NUMBER = 0x28,
	COMMAND_WRITE = 0x10,
	COMMAND_COPY = 0x20,
	STATUS_WRITE_OK = 0x04,
	STATUS_COPY_OK = 0x10,
	IRQ_TYPE_MSIX = 2,
};

static void say(void *arg, const struct pcg_note *note)
{
	(void)arg;
	fprintf(stderr, "%s\n", note->text);
}

/* --- memory that is not shared; the server chooses the address, so it is checked --- */

static uint8_t *memory_at(void *arg, uint64_t iova, size_t length)
{
	if (iova < IOVA || length > 2 * SIZE || iova - IOVA > 2 * SIZE - length)
		return NULL;
	return (uint8_t *)arg + (iova - IOVA);
}

static int memory_read(void *arg, uint64_t iova, void *data, size_t length)
{
	uint8_t *p = memory_at(arg, iova, length);

	if (p == NULL)
		return -EFAULT;
	memcpy(data, p, length);
	return 0;
}

static int memory_write(void *arg, uint64_t iova, const void *data, size_t length)
{
	uint8_t *p = memory_at(arg, iova, length);

	if (p == NULL)
		return -EFAULT;
	memcpy(p, data, length);
	return 0;
}

/* --- the driver --- */

/* One command, its interrupt, its status. */
static int run(struct pcg_client *client, uint32_t command, uint32_t src, uint32_t dst, uint32_t success)
{
	const struct {
		uint16_t offset;
		uint32_t value;
	} writes[] = {
		{ REG_SRC, src },         { REG_SRC + 4, 0 }, { REG_DST, dst },
		{ REG_DST + 4, 0 },       { REG_SIZE, SIZE }, { REG_IRQ_TYPE, IRQ_TYPE_MSIX },
		{ REG_IRQ_NUMBER, 1 }, /* counted from 1 */
		{ REG_COMMAND, command },
	};
	uint32_t status;
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(writes) / sizeof(writes[0]); i++)
		r = pcg_client_write32(client, PCG_REGION_BAR0, writes[i].offset, writes[i].value);
	if (r == 0)
		r = pcg_client_irq_wait(client, PCG_IRQ_MSIX, 0, 5000, NULL);
	if (r == 0)
		r = pcg_client_read32(client, PCG_REGION_BAR0, REG_STATUS, &status);
	if (r == 0 && (status & success) == 0) {
		fprintf(stderr, "command 0x%x: status 0x%x\n", command, status);
		r = -EIO;
	}
	return r;
}

/* @memory: two pieces of SIZE bytes, at IOVA for the function. */
static int work(struct pcg_client *client, const uint8_t *memory)
{
	static const uint8_t zero[SIZE];
	int r = pcg_client_config_update16(client, PCG_COMMAND, 0, PCG_COMMAND_MEMORY | PCG_COMMAND_MASTER);

	if (r == 0)
		r = pcg_client_msi_start(client, PCG_IRQ_MSIX, 1);
	if (r == 0)
		r = run(client, COMMAND_WRITE, 0, IOVA, STATUS_WRITE_OK);
	if (r == 0)
		r = run(client, COMMAND_COPY, IOVA, IOVA + SIZE, STATUS_COPY_OK);
	if (r == 0 && (memcmp(memory, zero, SIZE) == 0 || memcmp(memory, memory + SIZE, SIZE) != 0)) {
		fprintf(stderr, "the copy differs\n");
		r = -EIO;
	}
	if (r == 0)
		r = pcg_client_msi_stop(client, PCG_IRQ_MSIX);
	return r;
}

static int shared(struct pcg_client *client)
{
	struct pcg_client_buffer buffer;
	int r = pcg_client_buffer_init(client, IOVA, 2 * SIZE, &buffer), end;

	if (r != 0)
		return r;
	r = work(client, buffer.address);
	end = pcg_client_buffer_finish(client, &buffer);
	return r != 0 ? r : end;
}

static int messages(struct pcg_client *client)
{
	struct pcg_client_memory memory = { .read = memory_read, .write = memory_write };
	int r;

	memory.arg = calloc(2, SIZE);
	if (memory.arg == NULL)
		return -ENOMEM;
	pcg_client_memory(client, &memory);
	r = pcg_client_dma_map(client, IOVA, 2 * SIZE, PCG_DMA_READ | PCG_DMA_WRITE, -1, 0);
	if (r == 0)
		r = work(client, memory.arg);
	if (r == 0)
		r = pcg_client_dma_unmap(client, IOVA, 2 * SIZE);
	pcg_client_memory(client, NULL);
	free(memory.arg);
	return r;
}

int main(int argc, char **argv)
{
	const struct pcg_log log = { .write = say };
	struct pcg_client *client;
	int r;

	if (argc != 2 && !(argc == 3 && strcmp(argv[2], "--messages") == 0)) {
		fprintf(stderr, "usage: %s SOCKET [--messages]\n", argv[0]);
		return 2;
	}
	if (pcg_client_create(&client, argv[1], 0, &log) != 0)
		return 1;
	r = argc == 3 ? messages(client) : shared(client);
	pcg_client_destroy(client);
	if (r == 0)
		printf("%u bytes written, copied and compared, 2 interrupts\n", SIZE);
	else
		fprintf(stderr, "%s\n", strerror(-r));
	return r == 0 ? 0 : 1;
}
