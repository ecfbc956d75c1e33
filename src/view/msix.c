/* SPDX-License-Identifier: BSD-3-Clause */
#include "view/compile.h"

/*
 * The bound on MSI-X vectors of one assignment. The guest's Table Size alone says it: who counts vectors
 * (src/function/msix.c) follows, and where the table and the pending bits stand stays as the function has it, all of
 * it.
 */

#define TABLE_SIZE ((uint32_t)PCG_MSIX_SIZE << 16) /* in the capability's first dword (PCIe 6.0, 7.7.2.2) */

/*
 * Linux has the guest look at hardware's own control word. Of that the size is the view's as long as it is not
 * hardware's. src/view/linux.c says the same chunk by chunk.
 */
static void divert(struct pcg_view *view, bool bounded)
{
	unsigned int dword = view->msix / 4u;
	uint32_t *host = &view->read_host[dword];

	*host = (*host & ~TABLE_SIZE) | (bounded ? 0 : view->own.table_size);
	view->read_be[dword] = *host != 0 ? 15 : 0;
}

static void show(struct pcg_view *view, unsigned int vectors)
{
	bool was = view->msix_vectors < view->msix_size, bounded = vectors < view->msix_size;
	uint32_t value = ((uint32_t)vectors - 1) << 16;
	unsigned int dword = view->msix / 4u;

	view->msix_vectors = (uint16_t)vectors;
	if (!view->mediated || !(was || bounded))
		return;
	view->power_on[dword] = (view->power_on[dword] & ~TABLE_SIZE) | value;
	view->shadow[dword] = (view->shadow[dword] & ~TABLE_SIZE) | value;
	if (view->chunked)
		divert(view, bounded);
}

void pcg_view_msix(struct pcg_view *view, unsigned int vectors)
{
	if (view->msix_size != 0)
		show(view, vectors == 0 || vectors > view->msix_most ? view->msix_most : vectors);
}

void view_msix_bound(struct pcg_view *view, const uint8_t *config, const struct pcg_log *log)
{
	unsigned int asked = view->options.msix_vectors, most = view->msix_most, size;

	view->msix_most = 0;
	if (view->msix == 0) {
		if (asked != 0)
			pcg_say(log, PCG_WARN, PCG_NOWHERE, asked,
				"msix-vectors: the function shows no MSI-X to bound");
		return;
	}
	size = (pcg_get16(config + view->msix + PCG_MSIX_CONTROL) & PCG_MSIX_SIZE) + 1u;
	if (asked > size)
		pcg_say(log, PCG_WARN, view->msix + PCG_MSIX_CONTROL, size,
			"msix-vectors: the function's table has fewer entries than that; all of them are shown");
	if (most == 0 || most > size)
		most = size;
	if (asked != 0 && asked < most)
		most = asked;
	view->msix_size = (uint16_t)size;
	view->msix_vectors = (uint16_t)size;
	view->msix_most = (uint16_t)most;
	view->own.table_size = view->read_host[view->msix / 4u] & TABLE_SIZE;
	show(view, most);
}
