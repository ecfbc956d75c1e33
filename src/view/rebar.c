/* SPDX-License-Identifier: BSD-3-Clause */
#include "view/compile.h"

/* PCIe 6.0, 7.8.6: a capability register and a control register for each BAR. */
#define CAP(n)   (4u + 8 * (n))
#define CTRL(n)  (8u + 8 * (n))
#define LARGEST  43u /* 7.8.6.3: the size field ends at 8 EB */
#define IN_CTRL  28u /* sizes from 256 TB up have their bits in the control register */
#define MEGABYTE 20u

static uint32_t control(const uint8_t *config, const struct pcg_cap *cap, unsigned int n)
{
	return pcg_get32(config + cap->offset + CTRL(n));
}

static unsigned int logarithm(uint64_t size)
{
	unsigned int log = 0;

	while (size > 1) {
		size >>= 1;
		log++;
	}
	return log;
}

bool rebar_check(const uint8_t *config, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS])
{
	unsigned int n, count, seen = 0;

	if (cap->length < CTRL(0) + 4)
		return false;
	count = control(config, cap, 0) >> 5 & 7;
	if (count == 0 || count > PCG_NUM_BARS || cap->length < CTRL(count - 1) + 4)
		return false;
	for (n = 0; n < count; n++) {
		unsigned int bar = control(config, cap, n) & 7, log;

		if (bar >= PCG_NUM_BARS || (bars[bar].kind != PCG_BAR_MEM32 && bars[bar].kind != PCG_BAR_MEM64))
			return false;
		log = logarithm(bars[bar].size);
		if (log < MEGABYTE || log - MEGABYTE > LARGEST || seen & 1u << bar)
			return false;
		seen |= 1u << bar;
	}
	return true;
}

void rebar_limit(struct pcg_view *view, const struct pcg_cap *cap, const struct pcg_bar bars[PCG_NUM_BARS])
{
	unsigned int count = view->power_on[(cap->offset + CTRL(0)) / 4] >> 5 & 7, n;

	for (n = 0; n < count; n++) {
		uint32_t *ctrl = &view->power_on[(cap->offset + CTRL(n)) / 4];
		unsigned int bar = *ctrl & 7, size = logarithm(bars[bar].size) - MEGABYTE;

		view->power_on[(cap->offset + CAP(n)) / 4] = size < IN_CTRL ? 16u << size : 0;
		*ctrl = bar | (n == 0 ? count << 5 : 0) | size << 8;
		if (size >= IN_CTRL)
			*ctrl |= 0x10000u << (size - IN_CTRL);
	}
}
