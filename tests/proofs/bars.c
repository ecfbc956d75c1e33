/* SPDX-License-Identifier: BSD-3-Clause */
/* BAR arithmetic, for every set of six BARs, kinds out of range included. */
#include "proof.h"

#include "pci/bars.c"

extern struct pcg_bar bars[PCG_NUM_BARS];

static unsigned int some_checked(void)
{
	unsigned int i = nondet_u32();

	ASSUME(i < PCG_NUM_BARS);
	ASSUME(pcg_bars_check(bars) == 0);
	return i;
}

/* A set that was accepted: sizes are powers of two and fit their kind, pairs are pairs. */
void what_is_accepted_can_be(void)
{
	unsigned int i = some_checked();
	const struct pcg_bar *bar = &bars[i];
	bool memory = bar->kind == PCG_BAR_MEM32 || bar->kind == PCG_BAR_MEM64;

	PROVE(IF(bar->size != 0, (bar->size & (bar->size - 1)) == 0));
	PROVE(IF(memory, bar->size >= 16));
	PROVE(IF(bar->kind == PCG_BAR_IO, bar->size >= 4));
	PROVE(IF(bar->kind == PCG_BAR_MEM32 || bar->kind == PCG_BAR_IO, bar->size <= UINT64_C(1) << 31));
	PROVE(IF(bar->kind == PCG_BAR_MEM64, i + 1 < PCG_NUM_BARS && bars[i + 1].kind == PCG_BAR_UPPER));
	PROVE(IF(bar->kind == PCG_BAR_UPPER, i > 0 && bars[i - 1].kind == PCG_BAR_MEM64));
	PROVE(IF(bar->kind == PCG_BAR_NONE || bar->kind == PCG_BAR_UPPER, bar->size == 0));
	PROVE(memory || bar->kind == PCG_BAR_IO || bar->kind == PCG_BAR_NONE || bar->kind == PCG_BAR_UPPER);
}

/* Software that writes all ones and reads back finds the size, and the type bits never move. */
void sizing_finds_the_size(void)
{
	const struct pcg_bar *bar = &bars[some_checked()];
	uint64_t mask = pcg_bar_mask(bar);
	uint32_t low = pcg_bar_low(bar);

	ASSUME(bar->kind != PCG_BAR_NONE && bar->kind != PCG_BAR_UPPER);
	PROVE((low & mask) == 0);
	PROVE(low < 16);
	if (bar->kind == PCG_BAR_MEM64)
		PROVE(~mask + 1 == bar->size);
	else
		PROVE((uint32_t)(~(uint32_t)mask + 1) == bar->size && mask <= UINT32_MAX);
}

/* An address that the mask lets through is aligned to the size. */
void addresses_are_aligned(void)
{
	const struct pcg_bar *bar = &bars[some_checked()];
	uint64_t address = nondet_u64() & pcg_bar_mask(bar);

	PROVE(IF(bar->size != 0, (address & (bar->size - 1)) == 0));
	PROVE(IF(bar->size == 0, address == 0));
}
