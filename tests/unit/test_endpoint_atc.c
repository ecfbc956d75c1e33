/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <pcigate/host.h>

#include "host/sim/endpoint_atc.h"

#define PAGE 4096u
#define RW   (PCG_SPACE_READ | PCG_SPACE_WRITE)

static const struct tlp_pasid none;
static const struct tlp_pasid five = { .present = true, .value = 5 };
static const struct tlp_pasid privileged = { .present = true, .value = 5, .privileged = true };

static void add(struct endpoint_atc *atc, const struct tlp_pasid *pasid, uint64_t iova, uint64_t address,
		uint32_t flags)
{
	const struct endpoint_atc_entry entry = {
		.size = PAGE,
		.iova = iova,
		.address = address,
		.flags = flags,
		.pasid = *pasid,
	};

	endpoint_atc_add(atc, &entry);
}

static void put(uint8_t completion[8], uint64_t value)
{
	for (unsigned int i = 0; i < 8; i++)
		completion[i] = (uint8_t)(value >> (56 - 8 * i));
}

static void found_with_what_it_allows(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	add(&atc, &none, 0x10000, 0x5000, PCG_SPACE_READ);
	assert_non_null(endpoint_atc_find(&atc, &none, 0x10fff, PCG_SPACE_READ));
	assert_int_equal(endpoint_atc_find(&atc, &none, 0x10000, PCG_SPACE_READ)->address, 0x5000);
	assert_null(endpoint_atc_find(&atc, &none, 0x10000, PCG_SPACE_WRITE));
	assert_null(endpoint_atc_find(&atc, &none, 0x11000, PCG_SPACE_READ));
	assert_null(endpoint_atc_find(&atc, &none, 0xffff, PCG_SPACE_READ));
}

static void contexts_are_apart(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	add(&atc, &five, 0x10000, 0x5000, RW);
	assert_null(endpoint_atc_find(&atc, &none, 0x10000, PCG_SPACE_READ));
	assert_null(endpoint_atc_find(&atc, &privileged, 0x10000, PCG_SPACE_READ));
	assert_non_null(endpoint_atc_find(&atc, &five, 0x10000, RW));
}

static void newer_replaces_older(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	add(&atc, &five, 0x10000, 0x5000, PCG_SPACE_READ);
	add(&atc, &five, 0x10000, 0x6000, RW);
	assert_int_equal(endpoint_atc_count(&atc), 1);
	assert_int_equal(endpoint_atc_find(&atc, &five, 0x10000, PCG_SPACE_READ)->address, 0x6000);
}

static void room_is_bounded(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		add(&atc, &none, (uint64_t)i * PAGE, 0x5000, RW);
		assert_non_null(endpoint_atc_find(&atc, &none, (uint64_t)i * PAGE, RW));
	}
	assert_int_equal(endpoint_atc_count(&atc), ENDPOINT_ATC_SIZE);
}

static void invalidation_is_by_pasid(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	add(&atc, &none, 0x10000, 0x5000, RW);
	add(&atc, &five, 0x10000, 0x6000, RW);
	add(&atc, &privileged, 0x10000, 0x7000, RW);
	endpoint_atc_invalidate(&atc, true, 6, 0, 0);
	assert_int_equal(endpoint_atc_count(&atc), 3);
	endpoint_atc_invalidate(&atc, true, 5, 0, 0);
	assert_int_equal(endpoint_atc_count(&atc), 1);
	endpoint_atc_invalidate(&atc, false, 0, 0, 0);
	assert_int_equal(endpoint_atc_count(&atc), 0);
}

static void invalidation_is_by_range(void **state)
{
	struct endpoint_atc atc = { 0 };

	(void)state;
	for (unsigned int i = 0; i < 4; i++)
		add(&atc, &five, (uint64_t)i * PAGE, 0x5000, RW);
	endpoint_atc_invalidate(&atc, true, 5, PAGE + 7, 1);
	assert_null(endpoint_atc_find(&atc, &five, PAGE, RW));
	assert_int_equal(endpoint_atc_count(&atc), 3);
	endpoint_atc_invalidate(&atc, true, 5, 3 * PAGE, UINT64_MAX);
	assert_int_equal(endpoint_atc_count(&atc), 2);
}

static void completions_are_read(void **state)
{
	struct endpoint_atc_entry entry;
	uint8_t completion[8];

	(void)state;
	put(completion, 0x123456789000 | TLP_TRANSLATION_READ | TLP_TRANSLATION_EXECUTE);
	endpoint_atc_decode(&entry, completion, 0x10123);
	assert_int_equal(entry.size, PAGE);
	assert_int_equal(entry.iova, 0x10000);
	assert_int_equal(entry.address, 0x123456789000);
	assert_int_equal(entry.flags, PCG_SPACE_READ | PCG_SPACE_EXECUTE);
	/* 2 MiB: bits 19:12 of the address are set, bit 20 is clear. */
	put(completion, 0x1234562ff000 | TLP_TRANSLATION_SIZE | TLP_TRANSLATION_READ);
	endpoint_atc_decode(&entry, completion, 0x40310123);
	assert_int_equal(entry.size, 2u << 20);
	assert_int_equal(entry.iova, 0x40200000);
	assert_int_equal(entry.address, 0x123456200000);
}

static void nothing_allowed_is_nothing(void **state)
{
	struct endpoint_atc_entry entry;
	uint8_t completion[8];

	(void)state;
	put(completion, 0x5000 | TLP_TRANSLATION_EXECUTE);
	endpoint_atc_decode(&entry, completion, 0);
	assert_int_equal(entry.size, 0);
	put(completion, 0x5000 | TLP_TRANSLATION_READ | TLP_TRANSLATION_UNTRANSLATED);
	endpoint_atc_decode(&entry, completion, 0);
	assert_int_equal(entry.size, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_with_what_it_allows), cmocka_unit_test(contexts_are_apart),
		cmocka_unit_test(newer_replaces_older),      cmocka_unit_test(room_is_bounded),
		cmocka_unit_test(invalidation_is_by_pasid),  cmocka_unit_test(invalidation_is_by_range),
		cmocka_unit_test(completions_are_read),      cmocka_unit_test(nothing_allowed_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
