/* SPDX-License-Identifier: BSD-3-Clause */
/* What the BARs of an endpoint are, from a text. */
#include <string.h>

#include "host/options.h"
#include "host/sim/endpoint_test.h"

#define MAX_TEXT     256u
#define MAX_BAR_SIZE ((uint64_t)64 << 30)
#define MAX_IO_SIZE  256u /* PCI 3.0, 6.2.5.1 */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a VF has by default. */
#define VF_LAYOUT "auto/64K"

/* BAR 0's share of the text is "auto": as large as the registers and the MSI-X table need. */
static const struct {
	const char *name;
	const char *text;
} layouts[] = {
	{ "default", "auto/1K/64K/128K:prefetch/1M:prefetch/256K" },
	{ "mem64", "auto:mem64/64K:mem64/1M:mem64:prefetch" },
	{ "io", "auto/256:io/64K/128K:prefetch/4K/-" },
};

uint32_t endpoint_pba_offset(uint32_t vectors)
{
	uint32_t table = vectors * 16;

	return ENDPOINT_MSIX_TABLE + (table + ENDPOINT_PAGE - 1) / ENDPOINT_PAGE * ENDPOINT_PAGE;
}

uint64_t endpoint_bar0_size(uint32_t vectors)
{
	uint32_t need = vectors == 0 ? ENDPOINT_PAGE : endpoint_pba_offset(vectors) + ENDPOINT_PAGE;
	uint64_t size = ENDPOINT_PAGE;

	while (size < need)
		size *= 2;
	return size;
}

static bool parse_bar_size(const char *text, uint64_t *size)
{
	const char *end;

	return options_parse_size(text, &end, size) && *end == '\0' && *size != 0 && *size <= MAX_BAR_SIZE;
}

/* "SIZE[:mem32|:mem64|:io][:prefetch]" or "-"; returns how many registers it takes, 0: not understood. */
static unsigned int parse_bar(char *text, unsigned int index, struct pcg_bar *bar)
{
	char *rest = NULL;
	char *word = strtok_r(text, ":", &rest);
	bool sized;

	*bar = (struct pcg_bar){ .kind = PCG_BAR_MEM32 };
	if (word == NULL)
		return 0;
	if (strcmp(word, "-") == 0) {
		bar->kind = PCG_BAR_NONE;
		return *rest == '\0' ? 1 : 0;
	}
	if (index == 0 && strcmp(word, "auto") == 0)
		sized = true;
	else
		sized = parse_bar_size(word, &bar->size);
	while (sized && (word = strtok_r(NULL, ":", &rest)) != NULL) {
		if (strcmp(word, "mem64") == 0)
			bar->kind = PCG_BAR_MEM64;
		else if (strcmp(word, "io") == 0)
			bar->kind = PCG_BAR_IO;
		else if (strcmp(word, "prefetch") == 0)
			bar->prefetchable = true;
		else if (strcmp(word, "mem32") != 0)
			return 0;
	}
	if (bar->kind == PCG_BAR_IO && (bar->size > MAX_IO_SIZE || bar->prefetchable))
		return 0;
	if (bar->kind == PCG_BAR_MEM32 && bar->size > UINT32_C(1) << 31)
		return 0;
	return !sized ? 0 : bar->kind == PCG_BAR_MEM64 ? 2 : 1;
}

static bool parse_bars(struct pcg_bar bars[PCG_NUM_BARS], const char *value)
{
	char text[MAX_TEXT];
	char *rest = text;
	char *part;
	unsigned int index = 0;

	if (strlen(value) >= sizeof(text))
		return false;
	strcpy(text, value);
	memset(bars, 0, PCG_NUM_BARS * sizeof(bars[0]));
	while ((part = strsep(&rest, "/")) != NULL) {
		unsigned int n = index < PCG_NUM_BARS ? parse_bar(part, index, &bars[index]) : 0;

		if (n == 0 || index + n > PCG_NUM_BARS)
			return false;
		if (n == 2)
			bars[index + 1].kind = PCG_BAR_UPPER;
		index += n;
	}
	return true;
}

bool endpoint_layout_parse(struct pcg_bar bars[PCG_NUM_BARS], const char *text, bool vf)
{
	for (size_t i = 0; i < COUNT(layouts); i++)
		if (strcmp(text, layouts[i].name) == 0)
			text = vf && i == 0 ? VF_LAYOUT : layouts[i].text;
	return parse_bars(bars, text);
}

const char *endpoint_layout_fit(struct pcg_bar bars[PCG_NUM_BARS], uint32_t vectors, bool vf)
{
	uint64_t need = endpoint_bar0_size(vectors);

	if (bars[0].kind != PCG_BAR_NONE && bars[0].size == 0)
		bars[0].size = need;
	if ((bars[0].kind != PCG_BAR_MEM32 && bars[0].kind != PCG_BAR_MEM64) || bars[0].size < need)
		return "BAR 0 holds the registers and the MSI-X table; auto fits";
	if (pcg_bars_check(bars) != 0)
		return "a size is a power of two, at least 16 (memory) or 4 (io)";
	/* PCIe 6.0, 9.3.3.14: VFs have no I/O, and a page each at least. */
	for (unsigned int i = 0; vf && i < PCG_NUM_BARS; i++)
		if (bars[i].kind == PCG_BAR_IO || (bars[i].size != 0 && bars[i].size < ENDPOINT_PAGE))
			return "what a VF has is memory, of at least 4K";
	return NULL;
}
