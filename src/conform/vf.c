/* SPDX-License-Identifier: BSD-3-Clause */
/* Nobody says of a served function that it is a VF; what it has hardwired does. */
#include "conform/check.h"

/*
 * PCIe 6.0, 9.3.4 and 9.3.5: what an Express function has, and a VF has hardwired to 0 because its PF decides for it.
 * One of them missing is a fault, all of them are a VF.
 */
static const struct {
	uint16_t cap;
	uint16_t at;
	uint8_t width;
	uint32_t mask;
} hardwired[] = {
	{ 0, PCG_INT_LINE, 1, 0xff },
	{ 0, PCG_CACHE_LINE, 1, 0xff },
	{ 0, PCG_COMMAND, 2, PCG_COMMAND_PARITY | PCG_COMMAND_SERR },
	{ PCG_CAP_EXP, PCG_EXP_DEVCTL, 2, 0x000f },
};

static int read_bits(struct conform *c, unsigned int at, unsigned int width, uint32_t *value)
{
	uint8_t bytes[4] = { 0 };
	int r = c->target->ops->access(c->target, false, PCG_REGION_CONFIG, at, bytes, width);

	*value = pcg_get32(bytes);
	return r;
}

static int write_bits(struct conform *c, unsigned int at, unsigned int width, uint32_t value)
{
	uint8_t bytes[4];

	pcg_put32(bytes, value);
	return c->target->ops->access(c->target, true, PCG_REGION_CONFIG, at, bytes, width);
}

/* A write that is refused tells nothing. */
static bool stays_zero(struct conform *c, unsigned int at, unsigned int width, uint32_t mask)
{
	uint32_t before, set;
	int r;

	if (read_bits(c, at, width, &before) != 0 || before & mask)
		return false;
	r = write_bits(c, at, width, before | mask);
	if (read_bits(c, at, width, &set) != 0)
		r = -1;
	write_bits(c, at, width, before);
	return r == 0 && (set & mask) == 0;
}

bool session_looks_like_vf(struct conform *c)
{
	unsigned int i;

	if (!c->express || c->guest[PCG_INT_PIN] != 0)
		return false;
	for (i = 0; i < sizeof(hardwired) / sizeof(hardwired[0]); i++)
		if (!stays_zero(c, check_find(c, hardwired[i].cap) + hardwired[i].at, hardwired[i].width,
				hardwired[i].mask))
			return false;
	return true;
}
