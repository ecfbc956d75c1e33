/* SPDX-License-Identifier: BSD-3-Clause */
/* The eventfds of one client, and SET_IRQS as VFIO has it. */
#ifndef SERVE_IRQS_H
#define SERVE_IRQS_H

#include <pcigate/function.h>

#include "serve/eventfd.h"
#include "serve/loop.h"
#include "serve/stream.h"

#define IRQS_MSI_MAX 32

struct irqs {
	struct pcg_function *function;
	struct serve_loop *loop;
	struct eventfd_signaller *signaller;
	struct serve_watch resample; /* the client is done with an INTx */
	bool active[PCG_NUM_IRQS];   /* the client has set it up */
	int intx[1];
	int msi[IRQS_MSI_MAX];
	int msix[PCG_MSIX_MAX];
	int err[1];
	int req[1];
};

void irqs_init(struct irqs *irqs, struct pcg_function *function, struct serve_loop *loop,
	       struct eventfd_signaller *signaller);

/* Closes every eventfd; nothing is set up any more. */
void irqs_off(struct irqs *irqs);

/* A SET_IRQS. Takes the descriptors it keeps. Return: 0, -EINVAL, -ENOTTY (what VFIO has no action for). */
int irqs_set(struct irqs *irqs, const struct stream_message *message);

/* How many vectors of @index can be had. */
unsigned int irqs_count(const struct irqs *irqs, unsigned int index);

void irqs_trigger(struct irqs *irqs, unsigned int index, unsigned int vector);

#endif
