/* SPDX-License-Identifier: BSD-3-Clause */
/* A backend of memory, with bits that ones clear, that counts what reaches it. */
#ifndef PROPERTY_RAM_H
#define PROPERTY_RAM_H

#include <pcigate/function.h>

#include "subject.h"

struct ram {
	struct pcg_host host;
	uint8_t config[PCG_CONFIG_EXTENDED];
	uint32_t rw1c[PCG_CONFIG_DWORDS];   /* bits that ones clear */
	uint32_t writes[PCG_CONFIG_DWORDS]; /* how many writes */
	unsigned int written;               /* all of them */
	struct dice late;                   /* state 0: every access is done at once, else about half of them later */
	struct {
		struct pcg_op *op;
		uint32_t *value; /* of a read */
		uint32_t got;
	} pending;
};

void ram_init(struct ram *ram, const struct subject *subject);

/* Ask it something. */
int ram_submit(struct ram *ram, struct pcg_function *function, struct pcg_request *request);

/* A function on it, or NULL when it is refused; ram_close() ends it. */
struct pcg_function *ram_open(struct ram *ram, const char *profile);
void ram_close(struct pcg_function *function);

uint32_t ram_get(const struct ram *ram, unsigned int dword);

/* Configuration accesses of any length; what they end with, however late. */
int ram_read(struct ram *ram, struct pcg_function *function, unsigned int offset, void *data, size_t length);
int ram_write(struct ram *ram, struct pcg_function *function, unsigned int offset, const void *data, size_t length);

#endif
