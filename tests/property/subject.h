/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the properties are tried on: every type 0 function of the corpus, generated ones, and mutations of both. All
 * randomness comes from a seed, so that a failure can be had again.
 */
#ifndef PROPERTY_SUBJECT_H
#define PROPERTY_SUBJECT_H

#include <pcigate/host.h>

struct subject {
	char name[128];
	struct pcg_host_info info;
	uint8_t config[PCG_CONFIG_EXTENDED];
};

/* Numbers that look random. */
struct dice {
	uint64_t state;
};

uint32_t dice_roll(struct dice *dice);
/* 0..@sides-1 */
uint32_t dice_of(struct dice *dice, uint32_t sides);

/* A function with random BARs and random chains, some of which lie. */
void subject_generate(struct subject *subject, uint64_t seed);

/* Turn some bytes, most of them where they hurt: pointers, ids, lengths. */
void subject_mutate(struct subject *subject, uint64_t seed);

/* How many of each: PROPERTY_ROUNDS, or a number that is quick. */
unsigned int subject_rounds(void);

/* All of them, one after the other. */
void subjects_each(void (*look)(const struct subject *subject));

/* Those of the corpus alone. Return: how many; 0 where there is no corpus. */
unsigned int subjects_corpus(void (*look)(const struct subject *subject));

#endif
