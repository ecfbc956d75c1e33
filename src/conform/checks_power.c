/* SPDX-License-Identifier: BSD-3-Clause */
/* Power management. */
#include <string.h>

#include "conform/check.h"

static uint32_t go(struct conform *c, uint32_t state)
{
	unsigned int at = c->base + PCG_PM_CSR;
	uint32_t now = check_get(c, at, 2) & ~0x8003u;

	/* Without No_Soft_Reset anything may be lost on the way back. */
	session_save_all(c);
	check_put(c, at, 2, now | state);
	check_settle(c);
	return check_get(c, at, 2) & PCG_PM_STATE;
}

static bool starts_in_d0(struct conform *c)
{
	if ((check_get(c, c->base + PCG_PM_CSR, 2) & PCG_PM_STATE) != PCG_D0)
		check_unknown(c, "the function is not in D0");
	return !check_over(c);
}

static void run_states(struct conform *c, const struct check *check)
{
	uint32_t pmc = check_get(c, c->base + PCG_PM_PMC, 2), state;

	(void)check;
	if (!starts_in_d0(c))
		return;
	for (state = PCG_D1; state <= PCG_D3HOT; state++) {
		if ((state == PCG_D1 && !(pmc & 0x0200)) || (state == PCG_D2 && !(pmc & 0x0400)))
			continue;
		if (go(c, state) != state)
			check_fail(c, "D%u was asked for and is not reached", state);
		if (go(c, PCG_D0) != PCG_D0)
			check_fail(c, "D0 is not reached from D%u", state);
	}
}

static void run_unsupported(struct conform *c, const struct check *check)
{
	uint32_t pmc = check_get(c, c->base + PCG_PM_PMC, 2), state, tried = 0;

	(void)check;
	if (!starts_in_d0(c))
		return;
	for (state = PCG_D1; state <= PCG_D2; state++) {
		if (pmc & (state == PCG_D1 ? 0x0200 : 0x0400))
			continue;
		tried++;
		if (go(c, state) != PCG_D0)
			check_fail(c, "D%u, which the function does not have, was asked for: it left D0", state);
		go(c, PCG_D0);
	}
	if (tried == 0)
		check_none(c, "the function has every state");
}

/* A PME that cannot be raised cannot be enabled; one that can, can be. */
static void run_pme(struct conform *c, const struct check *check)
{
	uint32_t pmc = check_get(c, c->base + PCG_PM_PMC, 2);

	if (pmc & 0xf800)
		check_readback(c, check);
	else
		check_zero(c, check);
}

static void run_config_in_d3(struct conform *c, const struct check *check)
{
	uint32_t id = check_get(c, PCG_VENDOR, 4);

	(void)check;
	if (!starts_in_d0(c))
		return;
	go(c, PCG_D3HOT);
	if (check_get(c, PCG_VENDOR, 4) != id)
		check_fail(c, "in D3hot configuration space does not answer any more");
	go(c, PCG_D0);
}

/* 5.3.1.4.1: with No_Soft_Reset nothing is lost; without, all of it may be. */
static void run_context(struct conform *c, const struct check *check)
{
	uint8_t before[PCG_CONFIG_EXTENDED], after[PCG_CONFIG_EXTENDED];
	unsigned int dword;

	(void)check;
	if (!(check_get(c, c->base + PCG_PM_CSR, 2) & PCG_PM_NO_SOFT_RESET)) {
		check_none(c, "the function may lose its registers on the way to D0");
		return;
	}
	if (!starts_in_d0(c))
		return;
	session_save_all(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) ^ PCG_COMMAND_MASTER);
	check_put(c, PCG_INT_LINE, 1, 0xa5);
	if (session_read(c, before) != 0)
		check_unknown(c, "not all of configuration space can be read");
	go(c, PCG_D3HOT);
	go(c, PCG_D0);
	if (session_read(c, after) != 0)
		check_fail(c, "not all of configuration space can be read after D3hot");
	for (dword = 0; dword < c->target->config_size / 4u && !check_over(c); dword++) {
		uint32_t was = pcg_get32(before + 4u * dword), now = pcg_get32(after + 4u * dword);

		if ((was ^ now) & ~check_rw1c_bits(c, dword) && dword != PCG_COMMAND / 4)
			check_fail(c, "%03x was %08x before D3hot and is %08x after it, against No_Soft_Reset",
				   4 * dword, was, now);
		if (dword == PCG_COMMAND / 4 && (was ^ now) & 0xffff)
			check_fail(c, "Command was %04x before D3hot and is %04x after it, against No_Soft_Reset",
				   was & 0xffff, now & 0xffff);
	}
}

#define ROW(name, text, section, how, at, w, bits_)                                                                    \
	{                                                                                                              \
		.id = name, .spec = section, .what = text, .run = how, .cap = PCG_CAP_PM, .reg = at, .width = w,       \
		.mask = bits_                                                                                          \
	}

static const struct check checks[] = {
	ROW("pm.pmc.read-only", "writes leave the power capabilities alone", "PCIe 6.0, 7.5.2.1", check_read_only,
	    PCG_PM_PMC, 2, 0xffff),
	ROW("pm.state.readback", "every state that is offered is reached, and D0 after it", "PCIe 6.0, 7.5.2.2",
	    run_states, PCG_PM_CSR, 2, 0),
	ROW("pm.unsupported-state-discarded", "a state that is not offered leaves the function where it is",
	    "PCIe 6.0, 7.5.2.2", run_unsupported, PCG_PM_CSR, 2, 0),
	ROW("pm.no-soft-reset.read-only", "writes leave No_Soft_Reset alone", "PCIe 6.0, 7.5.2.2", check_read_only,
	    PCG_PM_CSR, 2, PCG_PM_NO_SOFT_RESET),
	ROW("pm.reserved.zero", "reserved bits of the power register read 0", "PCIe 6.0, 7.5.2.2", check_zero,
	    PCG_PM_CSR, 2, 0x00f4),
	ROW("pm.pme.honest", "PME_En acts if a PME is offered", "PCIe 6.0, 7.5.2.2", run_pme, PCG_PM_CSR, 2, 0x0100),
	ROW("pm.d3.config", "configuration space answers in D3hot", "PCIe 6.0, 5.3.1.4.1", run_config_in_d3, PCG_PM_CSR,
	    2, 0),
	ROW("pm.d3.context", "with No_Soft_Reset registers survive D3hot", "PCIe 6.0, 5.3.1.4.1", run_context,
	    PCG_PM_CSR, 2, 0),
};

const struct check_group power_group = CHECK_GROUP("power", checks);
