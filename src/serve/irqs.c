/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "serve/irqs.h"

/* Where the eventfds of an index stand, and how many there is room for. */
static int *irqs_table(struct irqs *irqs, unsigned int index, unsigned int *size)
{
	switch (index) {
	case PCG_IRQ_INTX:
		*size = 1;
		return irqs->intx;
	case PCG_IRQ_MSI:
		*size = IRQS_MSI_MAX;
		return irqs->msi;
	case PCG_IRQ_MSIX:
		*size = PCG_MSIX_MAX;
		return irqs->msix;
	case PCG_IRQ_ERR:
		*size = 1;
		return irqs->err;
	case PCG_IRQ_REQ:
		*size = 1;
		return irqs->req;
	default:
		*size = 0;
		return NULL;
	}
}

unsigned int irqs_count(const struct irqs *irqs, unsigned int index)
{
	static const unsigned int room[PCG_NUM_IRQS] = {
		[PCG_IRQ_INTX] = 1, [PCG_IRQ_MSI] = IRQS_MSI_MAX, [PCG_IRQ_MSIX] = PCG_MSIX_MAX, [PCG_IRQ_ERR] = 1,
		[PCG_IRQ_REQ] = 1,
	};
	unsigned int n = index < PCG_NUM_IRQS ? pcg_function_irqs(irqs->function, (enum pcg_irq_index)index) : 0;

	return n > 0 && n > room[index] ? room[index] : n;
}

void irqs_trigger(struct irqs *irqs, unsigned int index, unsigned int vector)
{
	unsigned int size;
	const int *fds = irqs_table(irqs, index, &size);

	/* A full counter is the client's own doing: it has not read for 2^64 interrupts. */
	if (vector < size && fds[vector] >= 0)
		eventfd_signal(irqs->signaller, fds[vector]);
}

static void irqs_resampled(struct serve_watch *watch, uint32_t events)
{
	struct irqs *irqs = serve_container(watch, struct irqs, resample);

	(void)events;
	pcg_function_intx_mask(irqs->function, false);
}

/*
 * The eventfd is never read: a read could wait for a client that has just read it itself. Watched by edge, each signal
 * wakes us once, whatever the counter says.
 */
static int irqs_resample(struct irqs *irqs, int fd)
{
	int r = pcg_function_resample(irqs->function, fd);
	bool ours = r == -ENOSYS;

	if (r < 0 && !ours) {
		if (fd >= 0)
			close(fd);
		return r;
	}
	r = 0;
	if (irqs->resample.fd >= 0) {
		serve_unwatch(irqs->loop, &irqs->resample);
		close(irqs->resample.fd);
	}
	irqs->resample.fd = fd;
	if (fd >= 0 && ours) {
		r = serve_watch(irqs->loop, &irqs->resample, EPOLLIN | EPOLLET);
		if (r != 0) {
			close(fd);
			irqs->resample.fd = -1;
		}
	}
	return r;
}

void irqs_init(struct irqs *irqs, struct pcg_function *function, struct serve_loop *loop,
	       struct eventfd_signaller *signaller)
{
	irqs->function = function;
	irqs->loop = loop;
	irqs->signaller = signaller;
	memset(irqs->active, 0, sizeof(irqs->active));
	irqs->resample = (struct serve_watch){ .ready = irqs_resampled, .fd = -1 };
	for (unsigned int index = 0; index < PCG_NUM_IRQS; index++) {
		unsigned int size;
		int *fds = irqs_table(irqs, index, &size);

		for (unsigned int i = 0; i < size; i++)
			fds[i] = -1;
	}
}

static void irqs_disable(struct irqs *irqs, unsigned int index)
{
	unsigned int size;
	int *fds = irqs_table(irqs, index, &size);

	pcg_function_irq_off(irqs->function, (enum pcg_irq_index)index);
	/* Most clients leave most of them alone: what was never set up is not looked through. */
	if (!irqs->active[index])
		size = 0;
	irqs->active[index] = false;
	for (unsigned int i = 0; i < size; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
	if (index == PCG_IRQ_INTX)
		irqs_resample(irqs, -1);
}

void irqs_off(struct irqs *irqs)
{
	for (unsigned int index = 0; index < PCG_NUM_IRQS; index++)
		irqs_disable(irqs, index);
}

static int irqs_detach(struct irqs *irqs, const struct wire_irq_set *set)
{
	unsigned int size;
	int *fds = irqs_table(irqs, set->index, &size);
	int r = 0;

	if (irqs->active[set->index])
		r = pcg_function_route(irqs->function, (enum pcg_irq_index)set->index, set->start, set->count, NULL);
	if (r != 0)
		return r;
	for (uint32_t v = set->start; v < set->start + set->count; v++) {
		if (fds[v] < 0)
			continue;
		pcg_function_attach(irqs->function, (enum pcg_irq_index)set->index, v, false);
		close(fds[v]);
		fds[v] = -1;
	}
	return 0;
}

static int irqs_attach(struct irqs *irqs, const struct wire_irq_set *set, const struct stream_message *message)
{
	unsigned int size;
	int *fds = irqs_table(irqs, set->index, &size);
	int r;

	if (message->nfds == 0)
		return irqs_detach(irqs, set);
	if (message->nfds != set->count)
		return -EINVAL;
	for (unsigned int i = 0; i < message->nfds; i++) {
		if (!eventfd_check(irqs->signaller, message->fds[i]))
			return -EINVAL;
	}
	r = pcg_function_route(irqs->function, (enum pcg_irq_index)set->index, set->start, set->count, message->fds);
	if (r != 0)
		return r;
	for (uint32_t i = 0; i < set->count; i++) {
		uint32_t v = set->start + i;
		int old = fds[v];

		/* In place before it is attached: what was raised meanwhile is signalled at once. */
		fds[v] = message->fds[i];
		r = pcg_function_attach(irqs->function, (enum pcg_irq_index)set->index, v, true);
		if (r != 0) {
			fds[v] = old;
			return r;
		}
		message->fds[i] = -1;
		irqs->active[set->index] = true;
		if (old >= 0)
			close(old);
	}
	return 0;
}

static int irqs_raise(struct irqs *irqs, const struct wire_irq_set *set, const uint8_t *bools)
{
	if (!irqs->active[set->index])
		return -EINVAL;
	for (uint32_t i = 0; i < set->count; i++) {
		int r = 0;

		if (bools == NULL || bools[i] != 0)
			r = pcg_function_signal(irqs->function, (enum pcg_irq_index)set->index, set->start + i);
		if (r != 0)
			return r;
	}
	return 0;
}

/* Only INTx can be masked by message: linux/vfio.h offers it for the others too, but no kernel does it. */
static int irqs_mask(struct irqs *irqs, const struct wire_irq_set *set, const struct stream_message *message,
		     const uint8_t *bools)
{
	bool masked = (set->flags & WIRE_IRQ_MASK) != 0;
	int r;

	if (set->index != PCG_IRQ_INTX)
		return -ENOTTY;
	if ((set->flags & WIRE_IRQ_FDS) == 0)
		return bools == NULL || bools[0] != 0 ? pcg_function_intx_mask(irqs->function, masked) : 0;
	if (masked)
		return -ENOTTY;
	if (message->nfds == 0)
		return irqs_resample(irqs, -1);
	if (message->nfds != 1 || irqs->intx[0] < 0 || !eventfd_check(irqs->signaller, message->fds[0]))
		return -EINVAL;
	r = irqs_resample(irqs, message->fds[0]);
	message->fds[0] = -1; /* kept, or closed */
	return r;
}

static bool irqs_one_bit(uint32_t v)
{
	return v != 0 && (v & (v - 1)) == 0;
}

int irqs_set(struct irqs *irqs, const struct stream_message *message)
{
	const uint8_t *bools = NULL;
	struct wire_irq_set set;
	unsigned int count;

	if (message->size < WIRE_IRQ_SET_SIZE)
		return -EINVAL;
	wire_irq_set_read(&set, message->body);
	if (set.argsz < WIRE_IRQ_SET_SIZE || set.index >= PCG_NUM_IRQS ||
	    (set.flags & ~(uint32_t)(WIRE_IRQ_DATA | WIRE_IRQ_ACTION)) != 0 ||
	    !irqs_one_bit(set.flags & WIRE_IRQ_DATA) || !irqs_one_bit(set.flags & WIRE_IRQ_ACTION))
		return -EINVAL;
	/* Turning off what was never there is fine, and done. */
	if (set.count == 0) {
		if (set.flags != (WIRE_IRQ_NONE | WIRE_IRQ_TRIGGER))
			return -EINVAL;
		irqs_disable(irqs, set.index);
		return 0;
	}
	count = irqs_count(irqs, set.index);
	if (set.start >= count || set.count > count - set.start)
		return -EINVAL;
	if ((set.flags & WIRE_IRQ_BOOL) != 0) {
		if (message->size - WIRE_IRQ_SET_SIZE < set.count)
			return -EINVAL;
		bools = message->body + WIRE_IRQ_SET_SIZE;
	}
	if ((set.flags & WIRE_IRQ_TRIGGER) == 0)
		return irqs_mask(irqs, &set, message, bools);
	if ((set.flags & WIRE_IRQ_FDS) != 0)
		return irqs_attach(irqs, &set, message);
	return irqs_raise(irqs, &set, bools);
}
