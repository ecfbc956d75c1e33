/* SPDX-License-Identifier: BSD-3-Clause */
/* The chains as a guest walks them. */
#ifndef PROPERTY_GUEST_H
#define PROPERTY_GUEST_H

#include "ram.h"

/* By dword: a capability that the guest is shown stands here. */
struct guest {
	bool shown[PCG_CONFIG_DWORDS];
	unsigned int ncaps;
	unsigned int necaps;
	const char *fault; /* NULL: both chains are well formed */
};

void guest_walk(struct guest *guest, struct ram *ram, struct pcg_function *function, unsigned int size);

#endif
