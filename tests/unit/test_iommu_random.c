/* SPDX-License-Identifier: BSD-3-Clause */
/* The fuzz target's two requesters and slow tables, driven by chance, wherever there is no fuzzer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../fuzz/fuzz.h"

#define ROUNDS 1500u

static void fill(uint8_t *data, size_t size, uint64_t seed)
{
	uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t i;

	for (i = 0; i < size; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		data[i] = (uint8_t)(state >> 24);
	}
}

static void random_steps_agree_with_slow_tables(void **state)
{
	static uint8_t data[4096];
	uint64_t round;

	(void)state;
	for (round = 0; round < ROUNDS; round++) {
		fill(data, sizeof(data), round + 1);
		assert_int_equal(LLVMFuzzerTestOneInput(data, 64u + (size_t)(round * 37 % 4032)), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_steps_agree_with_slow_tables) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
