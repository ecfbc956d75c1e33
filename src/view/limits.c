/* SPDX-License-Identifier: BSD-3-Clause */
#include "policy/rule.h"
#include "view/compile.h"

/* Fields that no table can decide alone: they depend on options, on what the function has, on what the backend can. */

#define DEVCAP_EXT_TAG 0x20u
#define DEVCTL_EXT_TAG 0x0100u
#define TIMEOUT_OFF    0x0010u /* of DEVCAP2 and of DEVCTL2 */

/* Which enable bits COMMAND has: one that the function does not implement is fixed at 0 (PCIe 6.0, 7.5.1.1.3). */
void limits_command(struct compiler *c)
{
	struct pcg_view *v = c->view;
	bool memory = c->info->rom.kind != PCG_BAR_NONE;
	unsigned int i;
	uint32_t absent = 0;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		if (c->info->bars[i].kind == PCG_BAR_IO)
			v->io_bit = true;
		if (c->info->bars[i].kind == PCG_BAR_MEM32 || c->info->bars[i].kind == PCG_BAR_MEM64)
			memory = true;
	}
	v->no_command_memory = c->info->is_vf || c->info->no_command_memory || v->options.no_command_memory;
	v->memory_bit = memory && !v->no_command_memory;
	if (!v->io_bit)
		absent |= PCG_COMMAND_IO;
	if (!v->memory_bit)
		absent |= PCG_COMMAND_MEMORY;
	v->write_host[PCG_COMMAND / 4] &= ~absent;
	if (v->no_command_memory) {
		v->power_on[PCG_COMMAND / 4] |= PCG_COMMAND_MEMORY;
		absent &= ~(uint32_t)PCG_COMMAND_MEMORY;
	}
	v->write_shadow[PCG_COMMAND / 4] &= ~absent;
}

/* MSI has a mask bit for each vector that it can have (PCIe 6.0, 7.7.1.7), the others are reserved. */
void limits_msi(struct compiler *c)
{
	struct pcg_view *v = c->view;
	uint16_t control;
	unsigned int mask, vectors;

	if (v->msi == 0)
		return;
	control = (uint16_t)(v->power_on[v->msi / 4] >> 16);
	vectors = 1u << ((control & PCG_MSI_MMC) >> 1);
	mask = v->msi + (control & PCG_MSI_64BIT ? 16u : 12u);
	if (control & PCG_MSI_MASKABLE && vectors < 32)
		v->write_shadow[mask / 4] &= (1u << vectors) - 1;
}

/* PCIe 6.0, 7.5.3.2: what a type 0 function can be; anything else is shown as an endpoint. */
static void limit_type(struct compiler *c)
{
	uint32_t *flags = &c->view->power_on[c->view->express / 4];
	unsigned int type = *flags >> 20 & 0xf;

	if (type == 0 || type == 1 || type == 9 || type == 10)
		return;
	pcg_say(c->log, PCG_WARN, c->view->express + PCG_EXP_FLAGS, type,
		"a port's type in a type 0 function: shown as an endpoint");
	*flags &= ~(uint32_t)0x00f00000;
}

/* 7.5.3.16: where the function cannot turn completion timeouts off the bit is hardwired to 0. */
static void limit_timeout(struct compiler *c)
{
	const struct pcg_cap *cap = pcg_layout_find(&c->view->layout, PCG_CAP_EXP);
	unsigned int devctl2 = (c->view->express + PCG_EXP_DEVCTL2) / 4u;

	if (cap == NULL || cap->length < PCG_EXP_DEVCTL2 + 2 ||
	    c->view->power_on[(c->view->express + PCG_EXP_DEVCAP2) / 4u] & TIMEOUT_OFF)
		return;
	c->view->write_shadow[devctl2] &= ~TIMEOUT_OFF;
	c->view->write_host[devctl2] &= ~TIMEOUT_OFF;
}

/* Fields of Express that depend on options and on what the backend can do. */
void limits_express(struct compiler *c)
{
	struct pcg_view *v = c->view;
	uint32_t *devcap;
	uint32_t mpss, cap = 5;

	if (v->express == 0)
		return;
	limit_type(c);
	limit_timeout(c);
	/* PCIe 6.0, 7.5.1.1.8: no latency timer. */
	v->read_host[PCG_LATENCY / 4] &= ~0x0000ff00u;
	v->write_host[PCG_LATENCY / 4] &= ~0x0000ff00u;
	/* 7.5.1.1.3 and .4: what Express functions hardwire to 0. */
	v->read_host[PCG_COMMAND / 4] &= ~0x06e00010u;
	v->write_host[PCG_COMMAND / 4] &= ~0x00000010u;
	if (v->hook[(v->express + PCG_EXP_DEVCTL) / 4] == ON_DEVCTL &&
	    v->write_host[(v->express + PCG_EXP_DEVCTL) / 4] & 0xff)
		v->own.devctl = (uint16_t)((v->express + PCG_EXP_DEVCTL) / 4);
	devcap = &v->power_on[(v->express + PCG_EXP_DEVCAP) / 4];
	/* 7.5.3.4: without 8-bit tags the bit is hardwired to 0. */
	if (!(*devcap & DEVCAP_EXT_TAG)) {
		v->write_shadow[(v->express + PCG_EXP_DEVCTL) / 4] &= ~(uint32_t)DEVCTL_EXT_TAG;
		v->write_host[(v->express + PCG_EXP_DEVCTL) / 4] &= ~(uint32_t)DEVCTL_EXT_TAG;
	}
	mpss = *devcap & PCG_DEVCAP_MPSS;
	while (v->options.mps_supported != 0 && cap > 0 && 128u << cap > v->options.mps_supported)
		cap--;
	*devcap = (*devcap & ~(uint32_t)PCG_DEVCAP_MPSS) | (mpss < cap ? mpss : cap);
	if (!c->info->can_reset)
		*devcap &= ~(uint32_t)PCG_DEVCAP_FLR;
}
