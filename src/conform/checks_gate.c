/* SPDX-License-Identifier: BSD-3-Clause */
/* What is off does not answer: memory and I/O by Command, everything outside D0. */
#include <string.h>

#include "conform/check.h"

static unsigned int find_bar(const struct conform *c, bool io)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		bool memory = c->bar[i].kind == PCG_BAR_MEM32 || c->bar[i].kind == PCG_BAR_MEM64;

		if (c->target->region_size[i] >= 4 && (io ? c->bar[i].kind == PCG_BAR_IO : memory))
			break;
	}
	return i;
}

static void decode(struct conform *c, uint32_t bits)
{
	check_put(c, PCG_COMMAND, 2, (check_get(c, PCG_COMMAND, 2) & ~3u) | bits);
}

/* Whether the first dword answers: an error and all ones are both a refusal. */
static bool answers(struct conform *c, unsigned int region, uint32_t *value)
{
	uint8_t data[4] = { 0 };
	int r = check_access(c, false, region, 0, data, 4);

	*value = r == 0 ? pcg_get32(data) : UINT32_MAX;
	return r == 0 && *value != UINT32_MAX;
}

/* A read with memory on, which must work; false: all ones stand there, so that nothing can be told. */
static bool open_bar(struct conform *c, unsigned int bar, uint32_t bits, uint32_t *value)
{
	uint8_t data[4] = { 0 };
	int r;

	check_place(c);
	if (bar == PCG_REGION_ROM)
		check_put(c, PCG_ROM, 4, check_get(c, PCG_ROM, 4) | 1);
	decode(c, bits);
	r = check_access(c, false, bar, 0, data, 4);
	*value = pcg_get32(data);
	if (r != 0)
		check_unknown(c, "BAR %u does not answer while it is on: %s", bar, strerror(-r));
	else if (*value == UINT32_MAX)
		check_unknown(c, "BAR %u reads all ones while it is on", bar);
	return !check_over(c);
}

static void run_on(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, false);
	uint8_t data[4];

	(void)check;
	check_place(c);
	decode(c, PCG_COMMAND_MEMORY);
	if (check_access(c, false, bar, 0, data, 4) != 0)
		check_fail(c, "memory is on and BAR %u does not answer", bar);
}

static void run_off(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, false);
	uint32_t value;

	(void)check;
	if (!open_bar(c, bar, PCG_COMMAND_MEMORY, &value))
		return;
	decode(c, 0);
	if (answers(c, bar, &value))
		check_fail(c, "memory is off and BAR %u reads %08x", bar, value);
}

static void run_off_write(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, false);
	uint32_t value;
	uint8_t data[4];

	(void)check;
	if (!open_bar(c, bar, PCG_COMMAND_MEMORY, &value))
		return;
	decode(c, 0);
	check_watch(c);
	/* What stands there: should it get through, nothing has changed. */
	pcg_put32(data, value);
	check_access(c, true, bar, 0, data, 4);
	if (c->target->host->region_writes != 0)
		check_fail(c, "memory is off and a write of BAR %u reached the function", bar);
}

static void run_undo(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, false), n;
	uint32_t value, again, before[PCG_NUM_BARS];

	(void)check;
	if (!open_bar(c, bar, PCG_COMMAND_MEMORY, &value))
		return;
	for (n = 0; n < PCG_NUM_BARS; n++)
		before[n] = check_get(c, PCG_BAR0 + 4 * n, 4);
	decode(c, 0);
	decode(c, PCG_COMMAND_MEMORY);
	if (!answers(c, bar, &again) || again != value)
		check_fail(c, "memory off and on again: BAR %u read %08x and reads %08x", bar, value, again);
	for (n = 0; n < PCG_NUM_BARS; n++)
		if (check_get(c, PCG_BAR0 + 4 * n, 4) != before[n])
			check_fail(c, "memory off and on again: BAR %u was at %08x and is elsewhere", n, before[n]);
}

static void run_io_off(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, true);
	uint32_t value;

	(void)check;
	if (bar == PCG_NUM_BARS) {
		check_none(c, "the function has no I/O BAR");
		return;
	}
	if (!open_bar(c, bar, PCG_COMMAND_IO, &value))
		return;
	decode(c, PCG_COMMAND_MEMORY);
	if (answers(c, bar, &value))
		check_fail(c, "I/O is off and BAR %u reads %08x", bar, value);
}

static void run_rom_off(struct conform *c, const struct check *check)
{
	uint32_t value;

	(void)check;
	if (c->target->region_size[PCG_REGION_ROM] < 4) {
		check_none(c, "the function has no expansion ROM");
		return;
	}
	if (!open_bar(c, PCG_REGION_ROM, PCG_COMMAND_MEMORY, &value))
		return;
	decode(c, 0);
	if (answers(c, PCG_REGION_ROM, &value))
		check_fail(c, "memory is off and the ROM reads %08x", value);
}

static void run_d3hot(struct conform *c, const struct check *check)
{
	unsigned int bar = find_bar(c, false), at = c->base + PCG_PM_CSR;
	uint32_t value, pmcsr;

	(void)check;
	pmcsr = check_get(c, at, 2) & ~0x8003u;
	if (!open_bar(c, bar, PCG_COMMAND_MEMORY, &value))
		return;
	session_save_all(c);
	check_put(c, at, 2, pmcsr | PCG_D3HOT);
	check_settle(c);
	if (answers(c, bar, &value))
		check_fail(c, "the function is in D3hot and BAR %u reads %08x", bar, value);
	check_put(c, at, 2, pmcsr);
	check_settle(c);
}

/* A bit that the function does not have is not one that it has forgotten: thread 001's latent fault. */
static void run_no_recovery(struct conform *c, const struct check *check)
{
	static const uint16_t places[] = { PCG_BAR0,      PCG_BAR0 + 4,  PCG_BAR0 + 8, PCG_BAR0 + 12,
					   PCG_BAR0 + 16, PCG_BAR0 + 20, PCG_ROM };
	unsigned int i;

	(void)check;
	check_watch(c);
	decode(c, PCG_COMMAND_IO);
	decode(c, PCG_COMMAND_IO | PCG_COMMAND_MEMORY);
	decode(c, PCG_COMMAND_IO);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (check_host_wrote(c, places[i], 4, 0, 0) != 0)
			check_fail(c, "writes of Command rewrote the function's address at %03x", places[i]);
}

static const struct check checks[] = {
	{ .id = "gate.memory-on",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "memory that is on answers",
	  .run = run_on,
	  .needs = NEEDS_MEMORY },
	{ .id = "gate.memory-off",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "memory that is off does not",
	  .run = run_off,
	  .needs = NEEDS_MEMORY },
	{ .id = "gate.memory-off.write",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "a write to memory that is off does not reach the function",
	  .run = run_off_write,
	  .needs = NEEDS_MEMORY | NEEDS_HOST | NEEDS_WATCH },
	{ .id = "gate.memory-undo",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "memory off and on again is where it was",
	  .run = run_undo,
	  .needs = NEEDS_MEMORY },
	{ .id = "gate.io-off",
	  .spec = "PCIe 6.0, 7.5.1.1.3",
	  .what = "I/O that is off does not answer",
	  .run = run_io_off },
	{ .id = "gate.rom-off",
	  .spec = "PCIe 6.0, 7.5.1.2.4",
	  .what = "the ROM does not answer while memory is off",
	  .run = run_rom_off },
	{ .id = "gate.d3hot",
	  .spec = "PCIe 6.0, 5.3.1.4.1",
	  .what = "in D3hot memory does not answer",
	  .run = run_d3hot,
	  .cap = PCG_CAP_PM,
	  .reg = PCG_PM_CSR,
	  .width = 2,
	  .needs = NEEDS_MEMORY },
	{ .id = "gate.no-recovery",
	  .spec = "enable bits that are not there were not lost",
	  .what = "writes of Command do not place the function anew",
	  .run = run_no_recovery,
	  .needs = NEEDS_HOST | NEEDS_WATCH },
};

const struct check_group gate_group = CHECK_GROUP("gate", checks);
