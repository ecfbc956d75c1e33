/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * record [--cdev] BDF: binds a function of this machine to vfio-pci and writes to standard output a trace of what a
 * user of VFIO reads and writes in its configuration space, and of what becomes of hardware. It opens the function
 * through its group, or with --cdev through its own file and iommufd. The image that the trace begins with is the
 * function's as it was before; whoever wants it reads it first.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "caps.h"
#include "trace.h"

#define MIXED_ACCESSES 800

/*
 * The byte of VPD that starts a transfer is not written: hardware of plain memory ends none, so that the kernel takes
 * VPD for empty, and replay has no such function.
 */
static bool left_out(const struct trace *t, size_t at, size_t length)
{
	size_t vpd = cap_find(t->image, CAP_VPD);

	return vpd != 0 && at <= vpd + 3 && at + length > vpd + 3;
}

/* Bits of registers that are not tried out before vfio-pci has the function: they would do something at once. */
static uint32_t unsafe_bits(const struct trace *t, size_t dword)
{
	size_t af = cap_find(t->image, CAP_AF), exp = cap_find(t->image, CAP_EXP), msi = cap_find(t->image, CAP_MSI);
	size_t pm = cap_find(t->image, CAP_PM), msix = cap_find(t->image, CAP_MSIX);

	if (msi != 0 && dword == msi)
		return 0x00010000; /* enable */
	if (msix != 0 && dword == msix)
		return 0xc0000000; /* enable, function mask */
	if (exp != 0 && dword == exp + 8)
		return 0x00008000; /* FLR */
	if (pm != 0 && dword == pm + 4)
		return 0x00008003; /* PME status, power state */
	if (af != 0 && dword == af + 4)
		return 0x000000ff; /* FLR */
	return 0;
}

/*
 * Registers that the kernel itself changes on the guest's behalf in a way that memory does not: power (the PCI core
 * writes 0 to all of PMCSR to come back from D3hot), VPD, AF.
 */
static void not_plain(struct trace *t)
{
	size_t af = cap_find(t->image, CAP_AF), pm = cap_find(t->image, CAP_PM), vpd = cap_find(t->image, CAP_VPD);

	if (af != 0)
		t->plain[af + 4] = 0;
	if (pm != 0)
		memset(t->plain + pm + 4, 0, 2);
	if (vpd != 0)
		memset(t->plain + vpd, 0, 8);
}

/* Finds the bits that hardware keeps as they were written. */
static void try_hardware(struct trace *t)
{
	size_t at;

	for (at = 0; at < t->function->size; at += 4) {
		uint32_t before = get_value(t->image + at, 4), unsafe = unsafe_bits(t, at), after;
		uint8_t data[4], now[4];

		put_value(data, 4, before ^ ~unsafe);
		hardware_write(t->function, at, 4, data);
		hardware_read(t->function, at, 4, now);
		hardware_write(t->function, at, 4, t->image + at);
		hardware_read(t->function, at, 4, data);
		after = get_value(data, 4);
		put_value(t->plain + at, 4, unsafe | ((before ^ get_value(now, 4)) & ~(before ^ after)));
	}
	not_plain(t);
}

static void print_head(const struct trace *t)
{
	struct utsname name;

	uname(&name);
	printf("# pcigate trace, format 1\n# kernel: %s\n# cfg_size=%zx\n", name.release, t->function->size);
}

/* --- sections --- */

static void read_sweep(struct trace *t)
{
	static const size_t odd[] = { 3, 5, 6, 7, 8, 12, 16, 61, 64, 255, 256 };
	size_t size = t->function->size, width, at, i;

	for (width = 1; width <= 4; width *= 2) {
		trace_section("reads");
		for (at = 0; at < size; at += width)
			trace_read(t, at, width);
	}
	trace_section("reads without alignment");
	for (at = 1; at < 0x100; at += 2)
		trace_read(t, at, at & 2 ? 2 : 4);
	for (i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		for (at = 0; at + odd[i] <= size; at += at < 0x100 ? odd[i] : odd[i] * 16 + 1)
			trace_read(t, at, odd[i]);
	trace_read(t, 0, size);
	trace_section("past the end");
	trace_read(t, size - 1, 2);
	trace_read(t, size - 3, 4);
	trace_read(t, size, 1);
	trace_read(t, 1, size);
	trace_write(t, size, 1, t->image);
	trace_write(t, size - 2, 4, t->image);
}

/* The guest's view and hardware of some bytes as they were, with a line for all it takes. */
static void put_back(struct trace *t, size_t at, size_t width, uint32_t guest, uint32_t hardware)
{
	trace_put(t, at, width, guest);
	if (get_value(t->hw + at, width) != hardware)
		trace_change(t, at, width, hardware);
}

/* Whether a dword takes writes in a way that narrower ones may show more of. */
static bool probe(struct trace *t, size_t at, size_t width)
{
	static const uint32_t values[] = { 0xffffffff, 0, 0xa55a3cc3 };
	uint32_t guest = trace_peek(t, at & ~3u) >> 8 * (at & 3), hardware = get_value(t->hw + at, width);
	uint32_t mask = width == 4 ? UINT32_MAX : (1u << 8 * width) - 1, seen[3], held[3];
	size_t i;

	if (left_out(t, at, width))
		return true;
	for (i = 0; i < 3; i++) {
		trace_put(t, at, width, values[i] & mask);
		seen[i] = trace_peek(t, at & ~3u) >> 8 * (at & 3) & mask;
		held[i] = get_value(t->hw + at, width);
	}
	put_back(t, at, width, guest & mask, hardware);
	/* Neither memory all through, nor dead. */
	return !(held[0] == mask && held[1] == 0) && !(seen[0] == seen[1] && held[0] == held[1]);
}

static void straddle(struct trace *t, size_t at)
{
	static const uint8_t pattern[] = { 0x5a, 0xff, 0x00, 0xc3, 0x3c, 0x81 };
	size_t width, shift;

	for (width = 2; width <= sizeof(pattern); width += 2) {
		for (shift = 1; shift < 4; shift++) {
			size_t first = at + shift - 4;

			if (first + width > t->function->size || left_out(t, first, width))
				continue;
			trace_write(t, first, width, pattern);
			trace_read(t, first & ~3u, 4);
			trace_read(t, at, 4);
		}
	}
}

static void write_sweep(struct trace *t)
{
	uint8_t kind[CONFIG_MAX / 4 + 1] = { 0 };
	size_t at, width, from, count = t->function->size / 4;

	trace_section("writes of dwords");
	for (at = 0; at < count; at++)
		kind[at] = probe(t, at * 4, 4) || at < 0x10;
	trace_reopen(t);
	for (width = 2; width >= 1; width--) {
		trace_section(width == 2 ? "writes of words" : "writes of bytes");
		for (at = 0; at < count; at++)
			for (from = 0; kind[at] && from < 4; from += width)
				probe(t, at * 4 + from, width);
		trace_look(t);
	}
	trace_reopen(t);
	trace_section("writes without alignment");
	for (at = 1; at < count; at++) {
		if (!kind[at] && !kind[at - 1])
			continue;
		straddle(t, at * 4);
		if (at % 4 == 0)
			trace_look(t);
	}
	trace_reopen(t);
}

static void size_bars(struct trace *t)
{
	static const uint32_t values[] = { 0xffffffff, 0xfffff800, 0x12345678, 0x00000001 };
	size_t at, i;

	trace_section("BARs and ROM");
	for (at = 0x10; at <= 0x30; at += at == 0x24 ? 0xc : 4)
		for (i = 0; i < 4; i++)
			trace_put(t, at, 4, values[i]);
	for (at = 0x10; at <= 0x30; at += at == 0x24 ? 0xc : 4)
		trace_read(t, at, 4);
	trace_reopen(t);
}

static void lose_bars(struct trace *t, size_t width, uint32_t command)
{
	size_t at;

	trace_put(t, 0x04, 2, 0x0007);
	trace_change(t, 0x04, 2, 0);
	for (at = 0x10; at < 0x28; at += 4)
		trace_change(t, at, 4, 0);
	trace_put(t, 0x04, width, command);
	for (at = 0x10; at <= 0x30; at += at == 0x24 ? 0xc : 4)
		trace_state(t, at);
	trace_look(t);
}

static void walk_command(struct trace *t)
{
	static const uint16_t values[] = { 0, 1, 2, 3, 4, 6, 7, 0x400, 0x402, 0x406, 0x0547, 2 };
	size_t i;

	trace_section("the command register");
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		trace_put(t, 0x04, 2, values[i]);
		trace_put(t, 0x04, 1, values[i] & 0xffu);
		trace_put(t, 0x05, 1, values[i] >> 8u);
		trace_put(t, 0x04, 4, values[i]);
	}
	trace_section("a reset behind the back");
	lose_bars(t, 2, 0x0006);
	lose_bars(t, 1, 0x02);
	lose_bars(t, 4, 0x0001);
	lose_bars(t, 2, 0x0000);
	trace_reopen(t);
}

/* Status bits that a one would clear, pending while a guest writes beside them. */
static void pending_status(struct trace *t)
{
	size_t exp = cap_find(t->hw, CAP_EXP), aer = ecap_find(t->hw, t->function->size, ECAP_AER), width;

	trace_section("pending status");
	trace_change(t, 0x06, 2, get_value(t->hw + 0x06, 2) | 0xf900);
	if (exp != 0)
		trace_change(t, exp + 0x0a, 2, get_value(t->hw + exp + 0x0a, 2) | 0x000f);
	if (aer != 0) {
		trace_change(t, aer + 0x04, 4, 0x85500030);
		trace_change(t, aer + 0x10, 4, 0x0000f1c1);
	}
	for (width = 4; width >= 1; width /= 2) {
		trace_put(t, 0x04, width, 0x0006);
		if (width < 4)
			trace_put(t, 0x06, width, 0xf9);
		if (exp != 0)
			trace_put(t, exp + 0x08, width, 0x10);
		if (exp != 0 && width < 4)
			trace_put(t, exp + 0x0a, width, 0x0f);
		if (aer != 0) {
			trace_put(t, aer + 0x04, width, 0);
			trace_put(t, aer + 0x04, width, 0x30);
			trace_put(t, aer + 0x10, width, 0x41);
		}
	}
	trace_reopen(t);
}

static void power(struct trace *t)
{
	static const uint16_t values[] = { 3, 0, 1, 0, 2, 0, 3, 2, 1, 0, 0x8103, 0x8100, 0 };
	size_t at = cap_find(t->hw, CAP_PM), width, i;

	if (at == 0)
		return;
	trace_section("power management");
	for (width = 4; width >= 1; width /= 2) {
		for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			trace_put(t, at + 4, width, width == 1 ? values[i] & 0xffu : values[i]);
			trace_read(t, at, 4);
			trace_read(t, 0x04, 4);
		}
	}
	trace_reopen(t);
}

static void express(struct trace *t)
{
	size_t at = cap_find(t->hw, CAP_EXP), mps, mrrs;

	if (at == 0)
		return;
	trace_section("request and payload sizes");
	for (mps = 0; mps < 8; mps++) {
		trace_change(t, at + 8, 2, (get_value(t->hw + at + 8, 2) & 0x7f1f) | (uint32_t)mps << 5);
		for (mrrs = 0; mrrs < 8; mrrs++)
			trace_put(t, at + 8, mrrs & 1 ? 2 : 4, 0x0810 | (uint32_t)mrrs << 12);
		trace_put(t, at + 9, 1, 0x20);
	}
	trace_reopen(t);
	trace_section("function-level reset");
	trace_put(t, 0x04, 2, 0x0407);
	trace_put(t, 0x10, 4, 0x55555555);
	trace_put(t, at + 8, 2, 0xa810);
	trace_look(t);
	trace_put(t, at + 8, 4, 0x8000);
	trace_put(t, at + 9, 1, 0x80);
	trace_put(t, at + 0x0c, 4, 0);
	trace_read(t, 0, t->function->size);
	trace_reopen(t);
}

static void advanced_features(struct trace *t)
{
	size_t at = cap_find(t->hw, CAP_AF);

	if (at == 0)
		return;
	trace_section("advanced features");
	trace_put(t, 0x04, 2, 0x0407);
	trace_put(t, at + 4, 1, 1);
	trace_put(t, at + 4, 1, 0xff);
	trace_put(t, at + 2, 4, 0);
	trace_read(t, 0, t->function->size);
	trace_reopen(t);
}

static uint32_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33);
}

/* Any access anywhere, most of them where the registers are; the same every time. */
static void mixed(struct trace *t)
{
	static const size_t widths[] = { 1, 2, 4, 4, 2, 3, 8, 6 };
	uint64_t state = 1;
	int i;

	trace_section("mixed accesses");
	for (i = 0; i < MIXED_ACCESSES; i++) {
		size_t width = widths[next_random(&state) % 8];
		size_t place = next_random(&state), at = place % (place & 0x300000 ? 0x100 : t->function->size);
		uint32_t low = next_random(&state), high = next_random(&state);
		uint8_t data[8];

		if (at + width > t->function->size)
			at = t->function->size - width;
		put_value(data, 4, low | low << 31);
		put_value(data + 4, 4, high | high << 31);
		if (next_random(&state) % 3 != 0 && !left_out(t, at, width))
			trace_write(t, at, width, data);
		trace_read(t, at, width);
		if (i % 50 == 49)
			trace_look(t);
	}
	trace_look(t);
}

int main(int argc, char **argv)
{
	static struct function function;
	static struct trace trace = { .function = &function };

	bool cdev = argc == 3 && strcmp(argv[1], "--cdev") == 0;

	if (argc != (cdev ? 3 : 2))
		errx(2, "usage: record [--cdev] DOMAIN:BUS:DEVICE.FUNCTION");
	function_find(&function, argv[argc - 1], cdev ? DOOR_CDEV : DOOR_GROUP);
	hardware_read(&function, 0, function.size, trace.image);
	memcpy(trace.hw, trace.image, function.size);
	print_head(&trace);
	try_hardware(&trace);
	function_bind(&function);
	trace_open(&trace);
	read_sweep(&trace);
	write_sweep(&trace);
	size_bars(&trace);
	walk_command(&trace);
	pending_status(&trace);
	power(&trace);
	express(&trace);
	advanced_features(&trace);
	mixed(&trace);
	trace_section("end");
	trace_read(&trace, 0, function.size);
	function_close(&function);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 3;
}
