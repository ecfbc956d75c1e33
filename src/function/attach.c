/* SPDX-License-Identifier: BSD-3-Clause */
/* A client comes: what may be another than for the one before is looked at again. */
#include <errno.h>

#include "function/internal.h"

static const struct pcg_cap *resizing(const struct pcg_function *f)
{
	return f->host->info.resizes ? pcg_layout_find(&f->view.layout, PCG_CAP_MSIX) : NULL;
}

#define MSIX_DWORDS 3u /* PCIe 6.0, 7.7.2: with another size, table and pending bits may stand elsewhere */

/* Into where registers are kept over D3hot: none are now. */
static int size_read(struct pcg_function *f)
{
	const struct pcg_cap *cap = resizing(f);
	int ret;

	if (cap == NULL)
		return PCG_DONE;
	if (f->index > 0)
		f->saved[f->index - 1] = f->host_value;
	if (f->index == MSIX_DWORDS)
		return PCG_DONE;
	ret = f->host->ops->config_read(f->host, (uint16_t)(cap->offset / 4u + f->index), 0xf, &f->host_value, &f->op);
	f->index++;
	order_again(f);
	return ret;
}

/* What is there now into @f->opened, what was there before into @f->saved; f->due: it is another. */
static void size_swap(struct pcg_function *f, uint8_t *at)
{
	const uint32_t size = (uint32_t)PCG_MSIX_SIZE << 16;

	f->due = false;
	/* Of the first dword the size alone; its other bits are the guest's. */
	f->saved[0] = (f->saved[0] & size) | (pcg_get32(at) & ~size);
	for (unsigned int i = 0; i < MSIX_DWORDS; i++) {
		uint32_t before = pcg_get32(at + 4 * i);

		f->due = f->due || before != f->saved[i];
		pcg_put32(at + 4 * i, f->saved[i]);
		f->saved[i] = before;
	}
}

/* Another number than before: all that follows from it is made anew. While a client has the function it stays. */
static int size_take(struct pcg_function *f)
{
	const struct pcg_cap *cap = resizing(f);
	int ret;

	if (cap == NULL)
		return PCG_DONE;
	if (f->saved[0] == UINT32_MAX) {
		pcg_say(&f->log, PCG_ERROR, cap->offset, f->saved[0],
			"the function does not answer: no client gets it");
		return -ENODEV;
	}
	size_swap(f, f->opened + cap->offset);
	if (!f->due) {
		/* It may be another function for all that, behind other descriptors. */
		memory_init(f);
		return PCG_DONE;
	}
	ret = contract_compile(f);
	if (ret < 0) {
		size_swap(f, f->opened + cap->offset);
		contract_compile(f);
	}
	return ret;
}

const step_fn dma_attach_steps[] = { size_read, size_take, contract_attach, NULL };
