/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts: told to whoever serves the function, or written into the fabric as the function's own registers say. */
#include <errno.h>
#include <string.h>

#include "host/sim/endpoint_test.h"

#define ENTRY         16u
#define ENTRY_CONTROL 12u

static uint8_t *irq_table(const struct endpoint *endpoint)
{
	return endpoint->memory[0] == NULL ? NULL : endpoint->memory[0] + ENDPOINT_MSIX_TABLE;
}

static uint8_t *irq_pending(const struct endpoint *endpoint, uint32_t vector)
{
	const struct model *model = &endpoint->function.model;
	uint32_t pba = model_get(model, model->msix + PCG_MSIX_PBA, 4) & ~7u;

	return endpoint->memory[0] + pba + vector / 8;
}

/* PCIe 6.0, 7.7.2.8: that is how every entry begins. */
void endpoint_irq_mask(struct endpoint *endpoint)
{
	uint8_t *table = irq_table(endpoint);

	for (uint32_t i = 0; table != NULL && endpoint->function.model.msix != 0 && i < endpoint->options.msix; i++)
		table[i * ENTRY + ENTRY_CONTROL] |= 1;
}

/* PCIe 6.0, 7.7.2.9: pending bits are the function's own, whoever writes to them. */
void endpoint_irq_save(const struct endpoint *endpoint, uint8_t bits[ENDPOINT_MSIX_MAX / 8])
{
	if (endpoint->function.model.msix != 0 && endpoint->memory[0] != NULL)
		memcpy(bits, irq_pending(endpoint, 0), (endpoint->options.msix + 7) / 8);
	else
		memset(bits, 0, ENDPOINT_MSIX_MAX / 8);
}

void endpoint_irq_restore(struct endpoint *endpoint, const uint8_t bits[ENDPOINT_MSIX_MAX / 8])
{
	if (endpoint->function.model.msix != 0 && endpoint->memory[0] != NULL)
		memcpy(irq_pending(endpoint, 0), bits, (endpoint->options.msix + 7) / 8);
}

/* PCIe 6.0, 7.7.2.6: what is masked pends, and is sent when it no longer is. */
static void irq_msix(struct endpoint *endpoint, uint32_t vector)
{
	uint8_t bit = (uint8_t)(1u << vector % 8);

	if (endpoint_bars_need(endpoint, 0) != 0)
		return;
	if (fabric_msix(&endpoint->function, irq_table(endpoint), vector) != -EAGAIN) {
		*irq_pending(endpoint, vector) &= (uint8_t)~bit;
		return;
	}
	*irq_pending(endpoint, vector) |= bit;
	endpoint->dirty[0] = true;
}

/* Not at once: what is sent may be a write to another endpoint's table, which lets go of its own, and so on. */
void endpoint_irq_unmasked(struct endpoint *endpoint)
{
	if (endpoint->sink.irq != NULL || endpoint->memory[0] == NULL || endpoint->function.model.msix == 0)
		return;
	endpoint->unmasked = true;
	endpoint_wake(endpoint);
}

void endpoint_irq_work(struct endpoint *endpoint)
{
	if (!endpoint->unmasked)
		return;
	endpoint->unmasked = false;
	if (endpoint->memory[0] == NULL || !endpoint_masters(endpoint))
		return;
	for (uint32_t i = 0; i < endpoint->options.msix; i++)
		if ((*irq_pending(endpoint, i) & 1u << i % 8) != 0)
			irq_msix(endpoint, i);
}

static void irq_sink(struct endpoint *endpoint, uint32_t type, uint32_t number)
{
	static const enum pcg_irq_index indexes[] = {
		[ENDPOINT_IRQ_INTX] = PCG_IRQ_INTX,
		[ENDPOINT_IRQ_MSI] = PCG_IRQ_MSI,
		[ENDPOINT_IRQ_MSIX] = PCG_IRQ_MSIX,
	};
	const struct endpoint_sink *sink = &endpoint->sink;

	if (type != ENDPOINT_IRQ_INTX) {
		sink->irq(sink->arg, indexes[type], number - 1, true);
		return;
	}
	/* The driver has no register to quiet the line with: it is a pulse, or it would never fall again. */
	sink->irq(sink->arg, PCG_IRQ_INTX, 0, true);
	sink->irq(sink->arg, PCG_IRQ_INTX, 0, false);
}

void endpoint_irq_raise(struct endpoint *endpoint, uint32_t type, uint32_t number)
{
	uint32_t vectors = type == ENDPOINT_IRQ_MSI ? endpoint->options.msi : endpoint->options.msix;

	if (model_power(&endpoint->function.model) != PCG_D0)
		return;
	/* Messages are memory writes (PCIe 6.0, 7.5.1.1.3). Vectors are counted from 1. */
	if (type == ENDPOINT_IRQ_INTX ? !endpoint->options.intx
				      : !endpoint_masters(endpoint) || number < 1 || number > vectors)
		return;
	if (endpoint->sink.irq != NULL)
		irq_sink(endpoint, type, number);
	else if (type == ENDPOINT_IRQ_MSI)
		fabric_msi(&endpoint->function, number - 1);
	else if (type == ENDPOINT_IRQ_MSIX)
		irq_msix(endpoint, number - 1);
}
