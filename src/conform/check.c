/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conform/check.h"

/* --- verdicts --- */

static void decide(struct conform *c, enum conform_verdict verdict, const char *format, va_list args)
{
	if (check_over(c))
		return;
	c->result.verdict = verdict;
	vsnprintf(c->result.message, sizeof(c->result.message), format, args);
}

void check_fail(struct conform *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	decide(c, CONFORM_FAIL, format, args);
	va_end(args);
}

void check_none(struct conform *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	decide(c, CONFORM_NONE, format, args);
	va_end(args);
}

void check_unknown(struct conform *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	decide(c, CONFORM_UNKNOWN, format, args);
	va_end(args);
}

/* --- accesses --- */

/* The last ones before the verdict: what a check does after it is clearing up. */
static void remember(struct conform *c, const struct conform_access *access)
{
	struct conform_result *r = &c->result;

	if (c->quiet || check_over(c))
		return;
	if (r->naccesses == CONFORM_EVIDENCE) {
		memmove(r->access, r->access + 1, (CONFORM_EVIDENCE - 1) * sizeof(r->access[0]));
		r->naccesses--;
		r->dropped++;
	}
	r->access[r->naccesses++] = *access;
}

static uint64_t first_bytes(const uint8_t *data, size_t length)
{
	uint64_t value = 0;
	size_t i = length < 8 ? length : 8;

	while (i-- > 0)
		value = value << 8 | data[i];
	return value;
}

static void save_before(struct conform *c, uint64_t offset, size_t length)
{
	uint64_t dword;

	if (offset >= c->target->config_size || length > c->target->config_size - offset)
		return;
	for (dword = offset / 4; dword * 4 < offset + length; dword++) {
		uint8_t bytes[4] = { 0 };

		if (c->dirty[dword] ||
		    c->target->ops->access(c->target, false, PCG_REGION_CONFIG, dword * 4, bytes, 4) != 0)
			continue;
		c->saved[dword] = pcg_get32(bytes);
		c->dirty[dword] = 1;
	}
}

int check_access(struct conform *c, bool write, unsigned int region, uint64_t offset, void *data, size_t length)
{
	struct conform_access access = {
		.offset = offset,
		.length = (uint32_t)length,
		.region = (uint8_t)region,
		.write = write,
	};

	if (session_stopped(c)) {
		check_unknown(c, "interrupted");
		return -EINTR;
	}
	if (write && region == PCG_REGION_CONFIG)
		save_before(c, offset, length);
	access.result = c->target->ops->access(c->target, write, region, offset, data, length);
	if (write || access.result == 0)
		access.value = first_bytes(data, length);
	remember(c, &access);
	return access.result;
}

uint32_t check_get(struct conform *c, unsigned int offset, unsigned int width)
{
	uint8_t bytes[4] = { 0 };
	int r = check_access(c, false, PCG_REGION_CONFIG, offset, bytes, width);

	if (r != 0)
		check_fail(c, "a read of %u bytes at %03x failed: %s", width, offset, strerror(-r));
	return pcg_get32(bytes);
}

void check_put(struct conform *c, unsigned int offset, unsigned int width, uint32_t value)
{
	uint8_t bytes[4];

	pcg_put32(bytes, value);
	check_access(c, true, PCG_REGION_CONFIG, offset, bytes, width);
}

uint32_t check_host(struct conform *c, unsigned int offset, unsigned int width)
{
	struct conform_access access = { .offset = offset, .length = width, .region = PCG_REGION_CONFIG, .host = true };
	uint32_t value;

	access.result = probe_get(c->target->host, offset, width, &value);
	access.value = value;
	remember(c, &access);
	if (access.result != 0)
		check_unknown(c, "the function itself cannot be read at %03x: %s", offset, strerror(-access.result));
	return value;
}

void check_raise(struct conform *c, unsigned int offset, unsigned int width, uint32_t bits)
{
	const struct conform_access access = { .offset = offset,
					       .length = width,
					       .value = bits,
					       .region = PCG_REGION_CONFIG,
					       .write = true,
					       .host = true };

	probe_raise(c->target->host, offset, width, bits);
	remember(c, &access);
}

bool check_blind(const struct conform *c)
{
	return c->target->host->blind;
}

void check_watch(struct conform *c)
{
	probe_watch(c->target->host);
}

static int watched(struct conform *c, unsigned int offset, unsigned int width, uint32_t mask, uint32_t keeps)
{
	const struct probe *p = c->target->host;
	unsigned int i, n = p->nwrites < PROBE_WRITES ? p->nwrites : PROBE_WRITES, shift = 8 * (offset & 3u);
	uint8_t bytes = (uint8_t)(((1u << width) - 1) << (offset & 3u));
	int found = p->nwrites > n ? 1 : 0;

	for (i = 0; i < n; i++) {
		const struct probe_write *w = &p->writes[i];
		uint32_t seen = pcg_be_mask(w->be & bytes);

		if (w->dword != offset / 4 || seen == 0)
			continue;
		remember(c, &(struct conform_access){ .offset = w->dword * 4u,
						      .value = w->value,
						      .length = 4,
						      .region = PCG_REGION_CONFIG,
						      .write = true,
						      .host = true });
		if ((w->value ^ keeps << shift) & mask << shift & seen)
			return 2;
		found = 1;
	}
	return found;
}

int check_host_wrote(struct conform *c, unsigned int offset, unsigned int width, uint32_t mask, uint32_t keeps)
{
	if (check_blind(c) && mask == 0)
		check_unknown(c, "what is written to the function cannot be seen from here");
	if (check_blind(c))
		return (check_host(c, offset, width) ^ keeps) & mask ? 2 : 0;
	return watched(c, offset, width, mask, keeps);
}

/* --- capabilities --- */

const struct walk_cap *check_cap(const struct conform *c, unsigned int cap)
{
	return walk_find(&c->walk, cap & ~CHECK_EXT, (cap & CHECK_EXT) != 0);
}

unsigned int check_find(const struct conform *c, unsigned int cap)
{
	const struct walk_cap *found = cap != 0 ? check_cap(c, cap) : NULL;

	return found != NULL ? found->at : 0;
}

/* --- what many registers share --- */

void check_bits_read_only(struct conform *c, unsigned int at, unsigned int width, uint32_t mask)
{
	uint32_t keep = check_rw1c_bits(c, at / 4) >> 8 * (at & 3u), before = check_get(c, at, width), after;

	check_put(c, at, width, (before ^ mask) & ~keep);
	after = check_get(c, at, width);
	if ((before ^ after) & mask)
		check_fail(c, "%03x: %0*x became %0*x after writing %0*x: read-only bits %0*x changed", at,
			   (int)width * 2, before, (int)width * 2, after, (int)width * 2, (before ^ mask) & ~keep,
			   (int)width * 2, (before ^ after) & mask);
}

void check_bits_zero(struct conform *c, unsigned int at, unsigned int width, uint32_t mask)
{
	uint32_t keep = check_rw1c_bits(c, at / 4) >> 8 * (at & 3u), before = check_get(c, at, width), after;

	if (before & mask)
		check_fail(c, "%03x: reads %0*x, bits %0*x of it must be 0", at, (int)width * 2, before, (int)width * 2,
			   before & mask);
	check_put(c, at, width, (before & ~keep) | mask);
	after = check_get(c, at, width);
	if (after & mask)
		check_fail(c, "%03x: reads %0*x after ones were written, bits %0*x must stay 0", at, (int)width * 2,
			   after, (int)width * 2, after & mask);
}

static void both_ways(struct conform *c, unsigned int at, unsigned int width, uint32_t mask, uint32_t *set,
		      uint32_t *stuck)
{
	uint32_t keep = check_rw1c_bits(c, at / 4) >> 8 * (at & 3u), before = check_get(c, at, width) & ~keep;

	check_put(c, at, width, before | mask);
	*set = check_get(c, at, width) & mask;
	check_put(c, at, width, before & ~mask);
	*stuck = check_get(c, at, width) & mask;
}

void check_bits_readback(struct conform *c, unsigned int at, unsigned int width, uint32_t mask)
{
	uint32_t set, stuck;

	both_ways(c, at, width, mask, &set, &stuck);
	if (set != mask)
		check_fail(c, "%03x: bits %0*x were set and read back 0", at, (int)width * 2, mask & ~set);
	if (stuck != 0)
		check_fail(c, "%03x: bits %0*x were cleared and still read 1", at, (int)width * 2, stuck);
}

void check_read_only(struct conform *c, const struct check *check)
{
	check_bits_read_only(c, c->base + check->reg, check->width, check->mask);
}

void check_zero(struct conform *c, const struct check *check)
{
	check_bits_zero(c, c->base + check->reg, check->width, check->mask);
}

void check_readback(struct conform *c, const struct check *check)
{
	check_bits_readback(c, c->base + check->reg, check->width, check->mask);
}

void check_readback_or_zero(struct conform *c, const struct check *check)
{
	uint32_t set, stuck;

	both_ways(c, c->base + check->reg, check->width, check->mask, &set, &stuck);
	if (stuck != 0)
		check_fail(c, "%03x: bits %0*x were cleared and still read 1", c->base + check->reg, check->width * 2,
			   stuck);
	if (set == 0 && !check_over(c))
		check_none(c, "%03x: hardwired to 0, as it may be", c->base + check->reg);
}

void check_honest(struct conform *c, const struct check *check)
{
	uint32_t offered = check_get(c, (c->base + check->source) & ~3u, 4);

	if (offered & check->bits)
		check_readback(c, check);
	else
		check_zero(c, check);
}

void check_bytewise(struct conform *c, const struct check *check)
{
	unsigned int at = c->base + check->reg, i;
	uint32_t keep = check_rw1c_bits(c, at / 4) >> 8 * (at & 3u), before = check_get(c, at, check->width);

	for (i = 0; i < check->width; i++) {
		uint32_t byte = 0xffu << 8 * i, after;

		check_put(c, at + i, 1, ((before ^ check->mask) & ~keep) >> 8 * i & 0xff);
		after = check_get(c, at, check->width);
		if ((before ^ after) & ~byte & ~keep)
			check_fail(c, "%03x: a write of the byte at %03x changed others: %0*x became %0*x", at, at + i,
				   check->width * 2, before, check->width * 2, after);
		if (((before ^ after) & byte & check->mask) != (byte & check->mask))
			check_fail(c, "%03x: a write of the byte at %03x was lost", at, at + i);
		check_put(c, at + i, 1, (before & ~keep) >> 8 * i & 0xff);
	}
}
