/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/sim/broken.h"

#define ENTRY   16u
#define CONTROL 12u

static struct broken *of(struct pcg_host *host)
{
	return (struct broken *)host;
}

static const struct {
	unsigned int region;
	struct pcg_bar bar;
} regions[] = {
	{ 0, { BROKEN_BAR0, PCG_BAR_MEM64, false } },
	{ 1, { 0, PCG_BAR_UPPER, false } },
	{ 2, { BROKEN_BAR2, PCG_BAR_MEM32, true } },
	{ 3, { BROKEN_BAR3, PCG_BAR_IO, false } },
	{ PCG_REGION_ROM, { BROKEN_ROM, PCG_BAR_MEM32, false } },
};

int broken_regions_init(struct broken *b)
{
	struct pcg_host_info *info = &b->host.info;
	unsigned int i;

	for (i = 0; i < PCG_NUM_REGIONS; i++)
		info->regions[i].fd = -1;
	for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		unsigned int n = regions[i].region;
		struct pcg_region *region = &info->regions[n];

		if (n == PCG_REGION_ROM)
			info->rom = regions[i].bar;
		else
			info->bars[n] = regions[i].bar;
		if (regions[i].bar.size == 0)
			continue;
		b->own.memory[n] = calloc(1, (size_t)regions[i].bar.size);
		if (b->own.memory[n] == NULL)
			return -ENOMEM;
		region->size = regions[i].bar.size;
		region->flags = PCG_REGION_READ | (n == PCG_REGION_ROM ? 0 : PCG_REGION_WRITE);
	}
	pcg_put32(b->own.memory[0], 0x600dc0de);
	pcg_put32(b->own.memory[3], 0x0110c0de);
	pcg_put16(b->own.memory[PCG_REGION_ROM], 0xaa55);
	broken_entries_reset(b);
	b->own.host.info = *info;
	if (b->act == ACT_BAR_REGION)
		info->regions[2].size /= 2;
	if (b->act == ACT_BAR_STRAY_REGION)
		info->regions[5] = info->regions[3];
	return 0;
}

void broken_regions_finish(struct broken *b)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_REGIONS; i++)
		free(b->own.memory[i]);
}

/* PCIe 6.0, 7.7.2.9: every entry starts masked. */
void broken_entries_reset(struct broken *b)
{
	unsigned int i;

	memset(b->table, 0, sizeof(b->table));
	for (i = 0; i < BROKEN_VECTORS; i++)
		b->table[i * ENTRY + CONTROL] = 1;
}

static bool is_open(const struct broken *b, unsigned int region, bool write)
{
	uint32_t command = model_get(&b->guest, PCG_COMMAND, 2);

	if (b->act == ACT_GATE_SHUT)
		return false;
	if (model_power(&b->guest) != PCG_D0 && b->act != ACT_GATE_D3)
		return false;
	if (region == 3)
		return command & PCG_COMMAND_IO || b->act == ACT_GATE_IO;
	if (command & PCG_COMMAND_MEMORY)
		return true;
	return b->act == (region == PCG_REGION_ROM ? ACT_GATE_ROM : write ? ACT_GATE_WRITE : ACT_GATE_READ);
}

/* The mediator's own windows: the table and the pending bits. Those that an access begins outside of are memory. */
static uint8_t *window(struct broken *b, unsigned int region, uint64_t offset, size_t length, bool *pba)
{
	*pba = offset >= BROKEN_MSIX_PBA;
	if (region != 0)
		return NULL;
	if (offset >= BROKEN_MSIX_TABLE && offset + length <= BROKEN_MSIX_TABLE + sizeof(b->table))
		return b->table + (offset - BROKEN_MSIX_TABLE);
	if (offset >= BROKEN_MSIX_PBA && offset + length <= BROKEN_MSIX_PBA + sizeof(b->pba))
		return b->pba + (offset - BROKEN_MSIX_PBA);
	return NULL;
}

int broken_region_read(struct pcg_host *host, unsigned int region, uint64_t offset, void *data, size_t length,
		       struct pcg_op *op)
{
	struct broken *b = of(host);
	bool pba;
	uint8_t *own = window(b, region, offset, length, &pba);

	if (!is_open(b, region, false) || b->own.memory[region] == NULL)
		return -EIO;
	if (own == NULL)
		return b->hardware->ops->region_read(b->hardware, region, offset, data, length, op);
	memcpy(data, own, length);
	return PCG_DONE;
}

int broken_region_write(struct pcg_host *host, unsigned int region, uint64_t offset, const void *data, size_t length,
			struct pcg_op *op)
{
	struct broken *b = of(host);
	bool pba;
	uint8_t *own = window(b, region, offset, length, &pba);
	unsigned int i;

	if (!is_open(b, region, true) || region == PCG_REGION_ROM || b->own.memory[region] == NULL)
		return -EIO;
	if (own == NULL)
		return b->hardware->ops->region_write(b->hardware, region, offset, data, length, op);
	if (b->act == ACT_ENTRY_DROPPED || (pba && b->act != ACT_PBA_WRITABLE))
		return PCG_DONE;
	memcpy(own, data, length);
	for (i = 0; i < BROKEN_VECTORS; i++) {
		b->table[i * ENTRY] &= 0xfc;
		pcg_put32(b->table + i * ENTRY + CONTROL, b->table[i * ENTRY + CONTROL] & 1u);
	}
	return PCG_DONE;
}
