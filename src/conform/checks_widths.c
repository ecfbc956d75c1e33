/* SPDX-License-Identifier: BSD-3-Clause */
/* One space, however it is read; and an end to it. */
#include <stdlib.h>
#include <string.h>

#include "conform/check.h"

/* What moves between two reads is no difference of widths: it is read once more. */
static bool moves(struct conform *c, unsigned int at, uint32_t value)
{
	return check_get(c, at, 4) != value;
}

static uint32_t in_pieces(struct conform *c, unsigned int at, unsigned int width)
{
	uint32_t parts = 0;
	unsigned int i;

	for (i = 0; i < 4; i += width)
		parts |= check_get(c, at + i, width) << 8 * i;
	return parts;
}

/*
 * Most of an extended space is empty, and an access of each of its bytes takes its time. Where dwords read 0 each check
 * looks at one of four, and another one than the next: @bits says which. Between them they see all of it.
 */
#define EVERY 4u

static bool is_others(const struct conform *c, unsigned int at, const struct check *check)
{
	unsigned int dword = at / 4, last = (at + check->width - 1) / 4;

	if (at < PCG_CONFIG_CONVENTIONAL || dword % EVERY == check->bits)
		return false;
	for (; dword <= last; dword++)
		if (c->unreadable[dword] || pcg_get32(c->guest + 4u * dword) != 0)
			return false;
	return true;
}

/* What the dwords read when the run began; where a piece does not agree with that, they are read anew. */
static void run_agree(struct conform *c, const struct check *check)
{
	unsigned int at;

	for (at = 0; at < c->target->config_size && !check_over(c); at += 4) {
		uint32_t whole, parts;

		if (is_others(c, at, check))
			continue;
		parts = in_pieces(c, at, check->width);
		if (!c->unreadable[at / 4] && parts == pcg_get32(c->guest + at))
			continue;
		whole = check_get(c, at, 4);
		parts = in_pieces(c, at, check->width);
		if (parts != whole && !moves(c, at, whole))
			check_fail(c, "%03x reads %08x as a dword and %08x in pieces of %u", at, whole, parts,
				   check->width);
	}
}

/* Accesses that a bus cannot carry, but a client can ask for: right, or refused. */
static void run_odd(struct conform *c, const struct check *check)
{
	unsigned int at, i;

	for (at = check->reg; at + check->width <= c->target->config_size && !check_over(c); at += 4) {
		uint8_t data[8] = { 0 };
		uint32_t want[3];

		if (is_others(c, at, check))
			continue;
		if (check_access(c, false, PCG_REGION_CONFIG, at, data, check->width) != 0) {
			check_none(c, "reads of %u bytes at %03x are refused", check->width, at);
			return;
		}
		if (memcmp(data, c->guest + at, check->width) == 0)
			continue;
		for (i = 0; i < 3; i++)
			want[i] = (at & ~3u) + 4 * i < c->target->config_size ? check_get(c, (at & ~3u) + 4 * i, 4) : 0;
		for (i = 0; i < check->width; i++) {
			unsigned int n = (at & 3u) + i;

			if (data[i] != (uint8_t)(want[n / 4] >> 8 * (n & 3u)))
				check_fail(c, "a read of %u bytes at %03x gives %02x for %03x, which reads %08x",
					   check->width, at, data[i], at + i, want[n / 4]);
		}
	}
}

static void run_whole(struct conform *c, const struct check *check)
{
	size_t size = c->target->config_size;
	uint8_t *data = calloc(1, size);
	unsigned int at;

	(void)check;
	if (data == NULL)
		check_unknown(c, "no memory");
	else if (check_access(c, false, PCG_REGION_CONFIG, 0, data, size) != 0)
		check_none(c, "a read of all of it is refused");
	for (at = 0; at < size && !check_over(c); at += 4) {
		uint32_t value;

		if (pcg_get32(data + at) == pcg_get32(c->guest + at))
			continue;
		value = check_get(c, at, 4);
		if (value != pcg_get32(data + at) && !moves(c, at, value))
			check_fail(c, "%03x reads %08x, and %08x in a read of all of it", at, value,
				   pcg_get32(data + at));
	}
	free(data);
}

static void run_stable(struct conform *c, const struct check *check)
{
	unsigned int at;

	for (at = 0; at < c->target->config_size && !check_over(c); at += 4) {
		uint32_t one, other;

		if (is_others(c, at, check))
			continue;
		one = check_get(c, at, 4);
		if (one == pcg_get32(c->guest + at))
			continue;
		other = check_get(c, at, 4);
		if (one != other && check_get(c, at, 4) != other)
			check_fail(c, "%03x read %08x, then %08x, then something else: reading changes it", at, one,
				   other);
	}
}

static void run_read_past(struct conform *c, const struct check *check)
{
	uint8_t data[4];

	(void)check;
	if (check_access(c, false, PCG_REGION_CONFIG, c->target->config_size - 2u, data, 4) == 0)
		check_fail(c, "a read that runs off the end was answered");
	if (check_access(c, false, PCG_REGION_CONFIG, c->target->config_size, data, 4) == 0)
		check_fail(c, "a read behind the end was answered");
}

static void run_write_past(struct conform *c, const struct check *check)
{
	unsigned int end = c->target->config_size;
	uint32_t last = check_get(c, end - 4u, 4);
	uint8_t data[4] = { (uint8_t)(last >> 16), (uint8_t)(last >> 24), 0, 0 };

	(void)check;
	if (check_access(c, true, PCG_REGION_CONFIG, end - 2u, data, 4) == 0)
		check_fail(c, "a write that runs off the end was taken");
	if (check_get(c, end - 4u, 4) != last)
		check_fail(c, "a write that ran off the end was refused, and changed %03x", end - 4u);
}

static void run_all_read(struct conform *c, const struct check *check)
{
	unsigned int at;

	(void)check;
	/* The run began with a look at each. */
	for (at = 0; at < c->target->config_size && !check_over(c); at += 4)
		if (at < PCG_HEADER_END || c->unreadable[at / 4])
			check_get(c, at, 4);
}

/* What stands there, as far as ones do not clear it: on a bus such a write ends well and changes nothing. */
static void run_all_written(struct conform *c, const struct check *check)
{
	unsigned int at, width;
	uint8_t data[4];
	int r;

	(void)check;
	for (width = 4; width > 0; width /= 2) {
		for (at = 0; at < PCG_HEADER_END && !check_over(c); at += width) {
			uint32_t keep = check_rw1c_bits(c, at / 4) >> 8 * (at & 3u);

			pcg_put32(data, check_get(c, at, width) & ~keep);
			r = check_access(c, true, PCG_REGION_CONFIG, at, data, width);
			if (r != 0)
				check_fail(c, "a write of %u bytes at %03x is refused: %s", width, at, strerror(-r));
		}
	}
}

static void run_wrap(struct conform *c, const struct check *check)
{
	uint8_t data[8] = { 0 };

	(void)check;
	if (check_access(c, false, PCG_REGION_CONFIG, UINT64_MAX - 3, data, 8) == 0)
		check_fail(c, "a read that wraps past 2^64 was answered");
}

static void run_region_past(struct conform *c, const struct check *check)
{
	unsigned int i, done = 0;
	uint8_t data[4];

	(void)check;
	check_place(c);
	check_put(c, PCG_COMMAND, 2, check_get(c, PCG_COMMAND, 2) | 3);
	for (i = 0; i <= PCG_REGION_ROM; i++) {
		if (c->target->region_size[i] == 0)
			continue;
		done++;
		if (check_access(c, false, i, c->target->region_size[i] - 2, data, 4) == 0)
			check_fail(c, "a read that runs off the end of region %u was answered", i);
	}
	if (done == 0)
		check_none(c, "the function has no region but configuration space");
}

static const struct check checks[] = {
	{ .id = "widths.bytes",
	  .spec = "PCIe 6.0, 2.2.5",
	  .what = "bytes and dwords agree",
	  .run = run_agree,
	  .width = 1 },
	{ .id = "widths.words",
	  .spec = "PCIe 6.0, 2.2.5",
	  .what = "words and dwords agree",
	  .run = run_agree,
	  .width = 2,
	  .bits = 1 },
	{ .id = "widths.three",
	  .spec = "VFIO: any length at any offset",
	  .what = "three bytes agree with dwords, or are refused",
	  .run = run_odd,
	  .reg = 1,
	  .width = 3,
	  .bits = 2 },
	{ .id = "widths.crossing",
	  .spec = "VFIO: any length at any offset",
	  .what = "a read across two dwords agrees with them, or is refused",
	  .run = run_odd,
	  .reg = 2,
	  .width = 4,
	  .bits = 3 },
	{ .id = "widths.eight",
	  .spec = "VFIO: any length at any offset",
	  .what = "eight bytes agree with dwords, or are refused",
	  .run = run_odd,
	  .reg = 0,
	  .width = 8,
	  .bits = 0 },
	{ .id = "widths.whole",
	  .spec = "VFIO: any length at any offset",
	  .what = "a read of all of it agrees with dwords, or is refused",
	  .run = run_whole },
	{ .id = "widths.stable",
	  .spec = "PCIe 6.0, 7.4",
	  .what = "reading changes nothing",
	  .run = run_stable,
	  .width = 4,
	  .bits = 3 },
	{ .id = "access.config.read",
	  .spec = "PCIe 6.0, 7.2.2",
	  .what = "every dword can be read",
	  .run = run_all_read },
	{ .id = "access.header.write",
	  .spec = "PCIe 6.0, 7.4: RO, RsvdP",
	  .what = "a write of the header is taken, at every width, also where it changes nothing",
	  .run = run_all_written },
	{ .id = "access.past-end.read",
	  .spec = "VFIO: regions end",
	  .what = "a read that runs off the end is refused",
	  .run = run_read_past },
	{ .id = "access.past-end.write",
	  .spec = "VFIO: regions end",
	  .what = "a write that runs off the end is refused whole",
	  .run = run_write_past },
	{ .id = "access.wrap",
	  .spec = "VFIO: regions end",
	  .what = "an offset that wraps is refused",
	  .run = run_wrap },
	{ .id = "access.region-past-end",
	  .spec = "VFIO: regions end",
	  .what = "a read that runs off the end of a BAR is refused",
	  .run = run_region_past },
};

const struct check_group widths_group = CHECK_GROUP("widths", checks);
