/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration space of any bytes: the chain walk, and a view under each profile. */
#include "../property/contract.h"
#include "fuzz.h"

static void check(const struct pcg_cap *caps, unsigned int n, unsigned int start, unsigned int end, uint8_t *owned)
{
	unsigned int i, at;

	for (i = 0; i < n; i++) {
		HOLDS(caps[i].offset >= start && caps[i].offset % 4 == 0 && caps[i].length >= 2);
		HOLDS(caps[i].offset + caps[i].length <= end);
		for (at = caps[i].offset; at < caps[i].offset + (unsigned int)caps[i].length; at++)
			HOLDS(!owned[at]++);
	}
}

static void views(const struct pcg_host_info *info, const uint8_t *config, uint16_t vectors)
{
	static struct pcg_view view;
	unsigned int i, dword;

	for (i = 0; pcg_profile_name(i) != NULL; i++) {
		const struct pcg_view_options options = { .profile = pcg_profile_find(pcg_profile_name(i)),
							  .msix_vectors = vectors };

		if (pcg_view_init(&view, info, config, &options, NULL) != 0)
			continue;
		HOLDS(vectors == 0 || (view.mediated && view.msix_vectors <= vectors));
		HOLDS(view.msix_vectors <= view.msix_most && view.msix_most <= view.msix_size);
		if (view.chunked)
			continue;
		for (dword = 0; dword < PCG_CONFIG_DWORDS; dword++)
			HOLDS(contract_dword(&view, (uint16_t)dword) && contract_read(&view, (uint16_t)dword));
		HOLDS(contract_devctl(&view));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct pcg_host_info info = { .config_size = PCG_CONFIG_CONVENTIONAL };
	uint8_t owned[PCG_CONFIG_EXTENDED] = { 0 }, facts = take8(&input);
	struct pcg_layout layout;
	uint8_t *config;

	if (facts & 1 || size > 1 + PCG_CONFIG_CONVENTIONAL)
		info.config_size = PCG_CONFIG_EXTENDED;
	info.is_vf = facts & 2;
	info.no_command_memory = facts & 4;
	info.can_reset = facts & 8;
	if (facts & 16)
		info.bars[0] = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = 65536 };
	/* Of its own size, so that a sanitizer sees a read past the end. */
	config = malloc(info.config_size);
	HOLDS(config != NULL);
	take(&input, config, info.config_size);
	if (pcg_layout_parse(&layout, config, info.config_size, NULL) == 0) {
		check(layout.caps, layout.ncaps, PCG_HEADER_END, PCG_CONFIG_CONVENTIONAL, owned);
		check(layout.ecaps, layout.necaps, PCG_CONFIG_CONVENTIONAL, info.config_size, owned);
	}
	/* At times a bound: small, or larger than most tables. */
	views(&info, config, facts & 32 ? 0 : facts & 64 ? 3 : facts & 128 ? 2048 : 0);
	free(config);
	return 0;
}
