/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "guest.h"

static uint32_t read32(struct ram *ram, struct pcg_function *function, unsigned int at)
{
	uint8_t data[4] = { 0 };

	ram_read(ram, function, at, data, 4);
	return pcg_get32(data);
}

static uint8_t read8(struct ram *ram, struct pcg_function *function, unsigned int at)
{
	uint8_t data = 0;

	ram_read(ram, function, at, &data, 1);
	return data;
}

static void walk_standard(struct guest *g, struct ram *ram, struct pcg_function *function)
{
	unsigned int at = read8(ram, function, PCG_CAPABILITIES);
	bool told = read32(ram, function, PCG_COMMAND) >> 16 & PCG_STATUS_CAPABILITIES;

	if (told != (at != 0))
		g->fault = "STATUS and the capability pointer disagree";
	while (at != 0 && g->fault == NULL) {
		if (at < PCG_HEADER_END)
			g->fault = "a pointer leads into the header";
		else if (at & 3)
			g->fault = "a pointer is not aligned";
		else if (g->shown[at / 4])
			g->fault = "the chain comes back";
		else if (read8(ram, function, at) == 0xff)
			g->fault = "a header is all ones";
		g->shown[at / 4] = true;
		g->ncaps++;
		at = read8(ram, function, at + 1);
	}
}

static void walk_extended(struct guest *g, struct ram *ram, struct pcg_function *function)
{
	unsigned int at = PCG_CONFIG_CONVENTIONAL;
	uint32_t header = read32(ram, function, at);

	while (g->fault == NULL) {
		/* PCIe 6.0, 7.6.3 and 7.9.28: zeros end the chain, a Null header at its start carries a pointer. */
		if ((header & 0xfffff) != 0) {
			g->shown[at / 4] = true;
			g->necaps++;
		} else if (at != PCG_CONFIG_CONVENTIONAL) {
			/* A Null capability further on is one that the function has itself. */
			g->shown[at / 4] = true;
		}
		at = header >> 20;
		if (at == 0)
			return;
		if (at < PCG_CONFIG_CONVENTIONAL)
			g->fault = "a pointer leaves extended space";
		else if (at & 3)
			g->fault = "an extended pointer is not aligned";
		else if (g->shown[at / 4])
			g->fault = "the extended chain comes back";
		header = read32(ram, function, at & 0xffcu);
		if (header == UINT32_MAX)
			g->fault = "an extended header is all ones";
	}
}

void guest_walk(struct guest *g, struct ram *ram, struct pcg_function *function, unsigned int size)
{
	memset(g, 0, sizeof(*g));
	walk_standard(g, ram, function);
	if (size > PCG_CONFIG_CONVENTIONAL && g->fault == NULL)
		walk_extended(g, ram, function);
}
