/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "subject.h"

/* splitmix64 */
uint32_t dice_roll(struct dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (uint32_t)((z ^ z >> 31) >> 16);
}

uint32_t dice_of(struct dice *dice, uint32_t sides)
{
	return dice_roll(dice) % sides;
}

unsigned int subject_rounds(void)
{
	const char *text = getenv("PROPERTY_ROUNDS");

	return text != NULL ? (unsigned int)strtoul(text, NULL, 10) : 150;
}

static void roll_bars(struct subject *s, struct dice *dice)
{
	unsigned int i;

	for (i = 0; i < PCG_NUM_BARS; i++) {
		struct pcg_bar *bar = &s->info.bars[i];
		unsigned int kind = dice_of(dice, 5);

		memset(bar, 0, sizeof(*bar));
		if (kind == 1)
			*bar = (struct pcg_bar){ .kind = PCG_BAR_IO, .size = 4u << dice_of(dice, 6) };
		if (kind == 2)
			*bar = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = 16u << dice_of(dice, 16) };
		if (kind == 3 && i + 1 < PCG_NUM_BARS) {
			*bar = (struct pcg_bar){ .kind = PCG_BAR_MEM64, .size = UINT64_C(4096) << dice_of(dice, 8) };
			memset(&s->info.bars[++i], 0, sizeof(*bar));
			s->info.bars[i].kind = PCG_BAR_UPPER;
		}
	}
	for (i = 0; i < PCG_NUM_BARS; i++) {
		s->info.regions[i].size = s->info.bars[i].size;
		s->info.regions[i].flags = s->info.bars[i].size != 0 ? PCG_REGION_READ | PCG_REGION_WRITE : 0;
		s->info.regions[i].fd = -1;
	}
	if (dice_of(dice, 2))
		s->info.rom = (struct pcg_bar){ .kind = PCG_BAR_MEM32, .size = 65536 };
}

/* Where a capability goes: most of the time on free ground, sometimes anywhere at all. */
static unsigned int roll_place(struct dice *dice, unsigned int from, unsigned int end, unsigned int *free)
{
	unsigned int at = *free + 4 * dice_of(dice, 4);

	if (dice_of(dice, 8) == 0 || at >= end)
		return from + (dice_of(dice, end - from) & ~3u);
	*free = at + 4 + 4 * dice_of(dice, 20);
	return at;
}

static void roll_chain(struct subject *s, struct dice *dice)
{
	unsigned int free = PCG_HEADER_END, from = PCG_CAPABILITIES, n = dice_of(dice, 12);

	while (n-- > 0) {
		unsigned int at = roll_place(dice, PCG_HEADER_END, PCG_CONFIG_CONVENTIONAL, &free);

		s->config[from] = (uint8_t)(at | (dice_of(dice, 16) == 0 ? dice_of(dice, 4) : 0));
		s->config[at] = (uint8_t)(dice_of(dice, 16) ? dice_of(dice, 0x16) : dice_roll(dice));
		from = at + 1;
	}
	s->config[from] = (uint8_t)(dice_of(dice, 8) ? 0 : dice_roll(dice));
	if (dice_of(dice, 16))
		s->config[PCG_STATUS] |= PCG_STATUS_CAPABILITIES;
}

static void roll_extended(struct subject *s, struct dice *dice)
{
	unsigned int free = PCG_CONFIG_CONVENTIONAL, at = free, n = dice_of(dice, 16);

	while (n-- > 0) {
		unsigned int next = roll_place(dice, PCG_CONFIG_CONVENTIONAL, PCG_CONFIG_EXTENDED, &free);
		uint32_t id = dice_of(dice, 16) ? dice_of(dice, 0x38) : dice_roll(dice) & 0xffff;

		if (n == 0)
			next = 0;
		pcg_put32(s->config + at, id | dice_of(dice, 4) << 16 | next << 20);
		at = next != 0 ? next : at;
	}
}

void subject_generate(struct subject *s, uint64_t seed)
{
	struct dice dice = { seed };
	unsigned int i;

	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "generated %llu", (unsigned long long)seed);
	s->info.config_size = dice_of(&dice, 4) ? PCG_CONFIG_EXTENDED : PCG_CONFIG_CONVENTIONAL;
	if (dice_of(&dice, 2))
		for (i = PCG_HEADER_END; i < PCG_CONFIG_EXTENDED; i++)
			s->config[i] = (uint8_t)dice_roll(&dice);
	for (i = 0; i < PCG_HEADER_END; i++)
		s->config[i] = (uint8_t)dice_roll(&dice);
	s->config[PCG_HEADER_TYPE] &= 0x80;
	s->info.is_vf = dice_of(&dice, 8) == 0;
	s->info.vendor = 0x8086;
	s->info.device = 0x1520;
	s->info.no_command_memory = dice_of(&dice, 8) == 0;
	s->info.no_intx = dice_of(&dice, 8) == 0;
	s->info.can_reset = dice_of(&dice, 8) != 0;
	if (!s->info.is_vf)
		roll_bars(s, &dice);
	roll_chain(s, &dice);
	roll_extended(s, &dice);
}

void subject_mutate(struct subject *s, uint64_t seed)
{
	struct dice dice = { seed };
	unsigned int n = 1 + dice_of(&dice, 12), at = PCG_CAPABILITIES;

	while (n-- > 0) {
		switch (dice_of(&dice, 6)) {
		case 0: /* some byte */
			s->config[0x10 + dice_of(&dice, s->info.config_size - 0x10u)] = (uint8_t)dice_roll(&dice);
			break;
		case 1: /* the pointer that was met last */
			s->config[at] = (uint8_t)dice_roll(&dice);
			break;
		case 2: /* an id, a length, a control word */
			s->config[(s->config[at] & 0xfcu) + dice_of(&dice, 4)] = (uint8_t)dice_roll(&dice);
			break;
		case 3: /* an extended header */
			pcg_put32(s->config + (0x100u + (dice_roll(&dice) & 0xefcu)),
				  dice_of(&dice, 0x38) | dice_roll(&dice) << 16);
			break;
		default: /* walk on */
			at = (s->config[at] & 0xfcu) + 1;
		}
	}
	s->config[PCG_HEADER_TYPE] &= 0x80;
	snprintf(s->name + strnlen(s->name, 60), 60, ", mutated %llu", (unsigned long long)seed);
}

static unsigned int which;

static void look_and_mutate(const struct subject *s, void (*look)(const struct subject *subject))
{
	struct subject mutant;
	unsigned int i;

	look(s);
	for (i = 0; i < 3; i++) {
		mutant = *s;
		subject_mutate(&mutant, which++);
		look(&mutant);
	}
}

static void (*looking)(const struct subject *subject);

static void look_at_corpus(const struct subject *s)
{
	look_and_mutate(s, looking);
}

void subjects_each(void (*look)(const struct subject *subject))
{
	struct subject s;
	unsigned int i;

	which = 1000;
	looking = look;
	subjects_corpus(look_at_corpus);
	for (i = 0; i < subject_rounds(); i++) {
		subject_generate(&s, i);
		look_and_mutate(&s, look);
	}
}
