/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Capabilities that the function has and the guest is not shown. Out of the chain is not out of reach: their
 * registers must not answer either.
 */
#include <stdlib.h>

#include "conform/check.h"

/* One hidden capability: bytes [start, end) that no visible one claims. */
typedef void (*hidden_fn)(struct conform *c, unsigned int start, unsigned int end);

static bool shown(const struct conform *c, const struct pcg_cap *cap)
{
	unsigned int i;

	for (i = 0; i < c->walk.ncaps; i++)
		if (c->walk.cap[i].at == cap->offset)
			return c->walk.cap[i].id == cap->id;
	return false;
}

/* A hidden head of the extended chain leaves its place to a header that only links. */
static unsigned int head(const struct pcg_cap *cap)
{
	return cap->extended && cap->offset == PCG_CONFIG_CONVENTIONAL ? 4 : 0;
}

static bool read_host(struct conform *c, uint8_t *config)
{
	unsigned int dword;
	uint32_t value;

	c->quiet = true;
	for (dword = 0; dword < c->target->config_size / 4u; dword++) {
		value = check_host(c, dword * 4, 4);
		pcg_put32(config + 4u * dword, value);
	}
	c->quiet = false;
	return !check_over(c);
}

static void each_hidden(struct conform *c, hidden_fn run)
{
	struct pcg_layout *layout = malloc(sizeof(*layout));
	uint8_t *config = malloc(PCG_CONFIG_EXTENDED);
	unsigned int i, n, done = 0;

	if (layout == NULL || config == NULL)
		check_unknown(c, "no memory");
	else if (!read_host(c, config) || pcg_layout_parse(layout, config, c->target->config_size, NULL) != 0)
		check_unknown(c, "the function's own chains cannot be read");
	n = check_over(c) ? 0 : layout->ncaps + (unsigned int)layout->necaps;
	for (i = 0; i < n && !check_over(c); i++) {
		const struct pcg_cap *cap = i < layout->ncaps ? &layout->caps[i] : &layout->ecaps[i - layout->ncaps];

		if (shown(c, cap))
			continue;
		done++;
		run(c, cap->offset + head(cap), cap->offset + (unsigned int)cap->length);
	}
	if (done == 0)
		check_none(c, "the function hides nothing");
	free(layout);
	free(config);
}

static unsigned int piece(unsigned int at, unsigned int end)
{
	return at % 4 == 0 && at + 4 <= end ? 4 : 1;
}

static void read_closed(struct conform *c, unsigned int start, unsigned int end)
{
	unsigned int at, n;

	for (at = start; at < end && !check_over(c); at += n) {
		n = piece(at, end);
		if (check_get(c, at, n) != 0)
			check_fail(c, "the hidden capability at %03x can be read at %03x", start & ~3u, at);
	}
}

static void read_widths(struct conform *c, unsigned int start, unsigned int end)
{
	unsigned int at;

	for (at = start; at < end && !check_over(c); at++) {
		if (check_get(c, at, 1) != 0)
			check_fail(c, "the hidden capability at %03x can be read by a byte at %03x", start & ~3u, at);
		else if (at % 2 == 0 && at + 2 <= end && check_get(c, at, 2) != 0)
			check_fail(c, "the hidden capability at %03x can be read by a word at %03x", start & ~3u, at);
	}
}

/* What stands there is written back, and held: should it get through, nothing has changed, nor any one cleared a bit.
 */
static void write_closed(struct conform *c, unsigned int start, unsigned int end)
{
	unsigned int at, n;

	for (at = start; at < end && !check_over(c); at += n) {
		n = piece(at, end);
		probe_hold(c->target->host, at);
		check_watch(c);
		check_put(c, at, n, check_host(c, at, n));
		if (check_host_wrote(c, at, n, 0, 0) != 0)
			check_fail(c, "a write of the hidden capability at %03x reached the function at %03x",
				   start & ~3u, at);
	}
}

static void run_read(struct conform *c, const struct check *check)
{
	(void)check;
	each_hidden(c, read_closed);
}

static void run_widths(struct conform *c, const struct check *check)
{
	(void)check;
	each_hidden(c, read_widths);
}

static void run_write(struct conform *c, const struct check *check)
{
	(void)check;
	each_hidden(c, write_closed);
}

#define SPEC "PCIe 6.0, 7.2: a register that is not there reads 0"

static const struct check checks[] = {
	{ .id = "hidden.body.closed",
	  .spec = SPEC,
	  .what = "the registers of a hidden capability read 0",
	  .run = run_read,
	  .needs = NEEDS_HOST },
	{ .id = "hidden.body.widths",
	  .spec = SPEC,
	  .what = "they read 0 by bytes and words too",
	  .run = run_widths,
	  .needs = NEEDS_HOST },
	{ .id = "hidden.body.unwritable",
	  .spec = SPEC,
	  .what = "writes to them do not reach the function",
	  .run = run_write,
	  .needs = NEEDS_HOST | NEEDS_WATCH },
};

const struct check_group hidden_group = CHECK_GROUP("hidden", checks);
