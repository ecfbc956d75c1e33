/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include <pcigate/pci.h>

/* PCIe 6.0, 7.5.1.2.1: bit 0 I/O, bits 2:1 type, bit 3 prefetchable. */
uint32_t pcg_bar_low(const struct pcg_bar *bar)
{
	switch (bar->kind) {
	case PCG_BAR_IO:
		return 1;
	case PCG_BAR_MEM32:
		return bar->prefetchable ? 8 : 0;
	case PCG_BAR_MEM64:
		return bar->prefetchable ? 0xc : 4;
	case PCG_BAR_NONE:
	case PCG_BAR_UPPER:
		break;
	}
	return 0;
}

uint64_t pcg_bar_mask(const struct pcg_bar *bar)
{
	switch (bar->kind) {
	case PCG_BAR_IO:
		return ~(bar->size - 1) & 0xfffffffcu;
	case PCG_BAR_MEM32:
		return ~(bar->size - 1) & 0xfffffff0u;
	case PCG_BAR_MEM64:
		return ~(bar->size - 1) & ~UINT64_C(0xf);
	case PCG_BAR_NONE:
	case PCG_BAR_UPPER:
		break;
	}
	return 0;
}

static bool size_fits(const struct pcg_bar *bar)
{
	if (bar->size == 0 || (bar->size & (bar->size - 1)) != 0)
		return false;
	switch (bar->kind) {
	case PCG_BAR_IO:
		return bar->size >= 4 && bar->size <= UINT64_C(1) << 31;
	case PCG_BAR_MEM32:
		return bar->size >= 16 && bar->size <= UINT64_C(1) << 31;
	case PCG_BAR_MEM64:
		return bar->size >= 16;
	case PCG_BAR_NONE:
	case PCG_BAR_UPPER:
		break;
	}
	return false;
}

int pcg_bars_check(const struct pcg_bar bars[PCG_NUM_BARS])
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		bool upper = i > 0 && bars[i - 1].kind == PCG_BAR_MEM64;

		if (upper != (bars[i].kind == PCG_BAR_UPPER))
			return -EINVAL;
		if (bars[i].kind == PCG_BAR_NONE || upper) {
			if (bars[i].size != 0)
				return -EINVAL;
			continue;
		}
		if (!size_fits(&bars[i]))
			return -EINVAL;
	}
	return bars[PCG_NUM_BARS - 1].kind == PCG_BAR_MEM64 ? -EINVAL : 0;
}
