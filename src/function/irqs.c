/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "function/internal.h"

#define INTX_STATUS ((uint32_t)PCG_STATUS_INTX << 16)

static bool get_bit(const uint32_t *bits, unsigned int n)
{
	return bits[n / 32] & 1u << n % 32;
}

static void set_bit(uint32_t *bits, unsigned int n, bool value)
{
	if (value)
		bits[n / 32] |= 1u << n % 32;
	else
		bits[n / 32] &= ~(1u << n % 32);
}

/* --- INTx --- */

/* A line that is asserted, heard and not masked is told once, and masked until the client says it has looked. */
static void intx_tell(struct pcg_function *f)
{
	struct irq *irq = &f->irqs[PCG_IRQ_INTX];

	if (!(f->intx_level || f->intx_missed) || f->intx_masked || !get_bit(irq->listens, 0))
		return;
	if (view_get(&f->view, PCG_COMMAND) & PCG_COMMAND_INTX_OFF && f->view.mediated)
		return;
	f->intx_masked = true;
	f->intx_missed = false;
	f->events.trigger(f->events.arg, PCG_IRQ_INTX, 0);
}

static void intx_level(struct pcg_function *f, bool level)
{
	/* A pulse that falls before anybody could be told is told later: edges must not get lost. */
	if (level && !f->intx_level && f->irqs[PCG_IRQ_INTX].active)
		f->intx_missed = true;
	f->intx_level = level;
	view_set(&f->view, PCG_COMMAND, INTX_STATUS, level ? INTX_STATUS : 0);
	intx_tell(f);
}

/* --- MSI and MSI-X --- */

static bool masked(const struct pcg_function *f, enum pcg_irq_index index, unsigned int vector)
{
	uint16_t control;

	if (index == PCG_IRQ_MSIX)
		return msix_masked(f, vector);
	/* Linux leaves MSI's mask bits to hardware. */
	if (index != PCG_IRQ_MSI || !f->view.mediated || f->view.chunked)
		return false;
	control = view_get16(&f->view, f->view.msi + PCG_MSI_CONTROL);
	if (!(control & PCG_MSI_MASKABLE))
		return false;
	return view_get(&f->view, f->view.msi + (control & PCG_MSI_64BIT ? 16u : 12u)) & 1u << vector;
}

/* The MSI pending bits stand in configuration space (PCIe 6.0, 7.7.1.8), MSI-X's in the PBA. */
static void show_pending(struct pcg_function *f, unsigned int vector, bool value)
{
	uint16_t control;

	if (f->view.msi == 0 || !f->view.mediated || f->view.chunked)
		return;
	control = view_get16(&f->view, f->view.msi + PCG_MSI_CONTROL);
	if (control & PCG_MSI_MASKABLE)
		view_set(&f->view, f->view.msi + (control & PCG_MSI_64BIT ? 20u : 16u), 1u << vector,
			 value ? 1u << vector : 0);
}

static void deliver(struct pcg_function *f, enum pcg_irq_index index, unsigned int vector)
{
	struct irq *irq = &f->irqs[index];
	bool pends = !get_bit(irq->listens, vector) || masked(f, index, vector);

	set_bit(irq->pending, vector, pends);
	if (index == PCG_IRQ_MSI)
		show_pending(f, vector, pends);
	if (!pends)
		f->events.trigger(f->events.arg, index, vector);
}

/* Something was unmasked, attached or enabled: whatever pends and may go, goes. */
static void deliver_pending(struct pcg_function *f, enum pcg_irq_index index)
{
	struct irq *irq = &f->irqs[index];
	unsigned int word;

	for (word = 0; irq->active && word < PCG_MSIX_MAX / 32; word++) {
		uint32_t bits = irq->pending[word] & irq->listens[word];
		unsigned int bit;

		for (bit = 0; bit < 32 && bits >> bit != 0; bit++)
			if (bits & 1u << bit)
				deliver(f, index, word * 32 + bit);
	}
}

void irqs_raise(void *arg, enum pcg_irq_index index, unsigned int vector, bool level)
{
	struct pcg_function *f = arg;

	if (!f->open || f->quarantined || vector >= pcg_function_irqs(f, index))
		return;
	if (index == PCG_IRQ_INTX)
		intx_level(f, level);
	else if (f->irqs[index].active)
		deliver(f, index, vector);
}

/* A backend that signals vectors itself has to know which of them are masked. */
static void tell_masks(struct pcg_function *f, enum pcg_irq_index index)
{
	struct irq *irq = &f->irqs[index];
	unsigned int vector;

	if (f->host->ops->irq_mask == NULL || !irq->active)
		return;
	for (vector = 0; vector < irq->attached; vector++) {
		bool now = masked(f, index, vector);

		if (now == get_bit(irq->told, vector) || !get_bit(irq->listens, vector))
			continue;
		if (f->host->ops->irq_mask(f->host, index, vector, now) == 0)
			set_bit(irq->told, vector, now);
	}
}

/* Of INTx the backend masks by itself; only what the guest's bit says is told, when it changes. */
static void tell_intx(struct pcg_function *f)
{
	struct irq *irq = &f->irqs[PCG_IRQ_INTX];
	bool off;

	if (f->host->ops->irq_mask == NULL || !get_bit(irq->listens, 0))
		return;
	off = view_get(&f->view, PCG_COMMAND) & PCG_COMMAND_INTX_OFF && f->view.mediated;
	if (off == get_bit(irq->told, 0))
		return;
	if (f->host->ops->irq_mask(f->host, PCG_IRQ_INTX, 0, off || f->intx_masked) == 0)
		set_bit(irq->told, 0, off);
}

void irqs_update(struct pcg_function *f)
{
	tell_intx(f);
	tell_masks(f, PCG_IRQ_MSI);
	tell_masks(f, PCG_IRQ_MSIX);
	intx_tell(f);
	deliver_pending(f, PCG_IRQ_MSI);
	deliver_pending(f, PCG_IRQ_MSIX);
}

/* What is raised or pends is forgotten; who listens stays, the client still holds it. */
void irqs_reset(struct pcg_function *f)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_IRQS; i++)
		memset(f->irqs[i].pending, 0, sizeof(f->irqs[i].pending));
	f->intx_level = false;
	f->intx_missed = false;
	f->intx_masked = false;
}

void irqs_power_on(struct pcg_function *f)
{
	irqs_reset(f);
	msix_power_on(f);
}

/* --- what the client asks --- */

static unsigned int msi_vectors(const struct pcg_function *f)
{
	uint16_t control = pcg_get16(f->opened + f->view.msi + PCG_MSI_CONTROL);
	unsigned int mmc = (control & PCG_MSI_MMC) >> 1;

	return 1u << (mmc > 5 ? 5 : mmc);
}

unsigned int pcg_function_irqs(const struct pcg_function *f, enum pcg_irq_index index)
{
	if (!f->open)
		return 0;
	switch (index) {
	case PCG_IRQ_INTX:
		return f->opened[PCG_INT_PIN] != 0 && !f->view.no_intx ? 1 : 0;
	case PCG_IRQ_MSI:
		return f->view.msi != 0 ? msi_vectors(f) : 0;
	case PCG_IRQ_MSIX:
		return msix_vectors(f);
	case PCG_IRQ_ERR:
	case PCG_IRQ_REQ:
		return 1;
	case PCG_NUM_IRQS:
		break;
	}
	return 0;
}

static bool another_active(const struct pcg_function *f, enum pcg_irq_index index)
{
	unsigned int i;

	for (i = PCG_IRQ_INTX; index <= PCG_IRQ_MSIX && i <= PCG_IRQ_MSIX; i++)
		if (i != (unsigned int)index && f->irqs[i].active)
			return true;
	return false;
}

int pcg_function_attach(struct pcg_function *f, enum pcg_irq_index index, unsigned int vector, bool listens)
{
	struct irq *irq;

	if (vector >= pcg_function_irqs(f, index) || another_active(f, index))
		return -EINVAL;
	irq = &f->irqs[index];
	irq->active = true;
	if (vector >= irq->attached)
		irq->attached = vector + 1;
	if (index == PCG_IRQ_MSI)
		pcg_view_msi(&f->view, irq->attached);
	set_bit(irq->listens, vector, listens);
	/* Routed anew, a vector is not masked. */
	set_bit(irq->told, vector, false);
	if (!listens)
		return 0;
	if (index == PCG_IRQ_INTX)
		tell_intx(f);
	else
		tell_masks(f, index);
	if (index == PCG_IRQ_INTX)
		intx_tell(f);
	else if (get_bit(irq->pending, vector))
		deliver(f, index, vector);
	return 0;
}

int pcg_function_route(struct pcg_function *f, enum pcg_irq_index index, unsigned int start, unsigned int count,
		       const int *fds)
{
	unsigned int vectors = pcg_function_irqs(f, index);

	if (start >= vectors || count > vectors - start || another_active(f, index))
		return -EINVAL;
	if (f->host->ops->irq_route == NULL || count == 0)
		return 0;
	return f->host->ops->irq_route(f->host, index, start, count, fds);
}

int pcg_function_resample(struct pcg_function *f, int fd)
{
	return f->host->ops->irq_resample != NULL ? f->host->ops->irq_resample(f->host, fd) : -ENOSYS;
}

void pcg_function_irq_off(struct pcg_function *f, enum pcg_irq_index index)
{
	unsigned int vector;

	if (f->host->ops->irq_route != NULL && f->irqs[index].active)
		f->host->ops->irq_route(f->host, index, 0, 0, NULL);
	for (vector = 0; index == PCG_IRQ_MSI && vector < 32; vector++)
		if (get_bit(f->irqs[index].pending, vector))
			show_pending(f, vector, false);
	memset(&f->irqs[index], 0, sizeof(f->irqs[index]));
	if (index == PCG_IRQ_MSI)
		pcg_view_msi(&f->view, 0);
	if (index == PCG_IRQ_INTX) {
		f->intx_masked = false;
		f->intx_missed = false;
	}
}

int pcg_function_intx_mask(struct pcg_function *f, bool mask)
{
	if (pcg_function_irqs(f, PCG_IRQ_INTX) == 0 || !f->irqs[PCG_IRQ_INTX].active)
		return -EINVAL;
	f->intx_masked = mask;
	if (f->host->ops->irq_mask != NULL)
		return f->host->ops->irq_mask(f->host, PCG_IRQ_INTX, 0, mask || get_bit(f->irqs[PCG_IRQ_INTX].told, 0));
	intx_tell(f);
	return 0;
}

int pcg_function_signal(struct pcg_function *f, enum pcg_irq_index index, unsigned int vector)
{
	if (vector >= pcg_function_irqs(f, index))
		return -EINVAL;
	if (get_bit(f->irqs[index].listens, vector))
		f->events.trigger(f->events.arg, index, vector);
	return 0;
}
