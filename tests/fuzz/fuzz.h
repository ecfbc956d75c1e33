/* SPDX-License-Identifier: BSD-3-Clause */
/* What the targets share: input taken off piece by piece, and a way to fail. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, or the input is one to keep. */
#define HOLDS(condition)                                                                                               \
	do {                                                                                                           \
		if (!(condition)) {                                                                                    \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Input that is left; where it ends, zeros follow. */
struct input {
	const uint8_t *at;
	size_t left;
};

static inline uint8_t take8(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static inline uint16_t take16(struct input *input)
{
	uint8_t low = take8(input);

	return (uint16_t)(low | take8(input) << 8);
}

static inline uint32_t take32(struct input *input)
{
	uint16_t low = take16(input);

	return low | (uint32_t)take16(input) << 16;
}

static inline void take(struct input *input, uint8_t *data, size_t size)
{
	size_t n = size < input->left ? size : input->left;

	memset(data, 0, size);
	if (n > 0)
		memcpy(data, input->at, n);
	input->at += n;
	input->left -= n;
}

#endif
